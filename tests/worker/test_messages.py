"""Webhooks: where they may go, how they are signed, and how long they are tried."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from appliance import webhooks
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.queue import claim_request, fail_song, lease_of
from appliance.settings import settings
from appliance.tables import User, WebhookDelivery
from tests.appliance.people import add_user, ask
from tests.webhook_receiver import Receiver, receiving
from worker.messages import send_messages


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        _allow(monkeypatch, f"house.example, 127.0.0.1:{receiver.port}")
        yield receiver


@pytest.fixture
def mara(session: Session) -> User:
    return add_user(session, "Mara")


def _allow(monkeypatch: pytest.MonkeyPatch, hosts: str) -> None:
    allowing = settings().model_copy(update={"webhook_hosts": hosts})
    monkeypatch.setattr("appliance.webhooks.settings", lambda: allowing)


def _fail_a_song(session: Session, user: User) -> None:
    ask(session, user)
    session.commit()
    request = claim_request(session, "tests")
    assert request is not None
    fail_song(session, lease_of(request), request.songs[0].id, "It broke.")
    session.commit()


@pytest.mark.parametrize(
    ("url", "goes"),
    [
        ("https://house.example/a", True),
        ("http://house.example:80/a", True),
        ("https://HOUSE.example/a?b=c", True),
        ("http://10.0.0.7:9000/", True),
        ("http://[::1]:9000/", True),
        ("http://house.example:8080/a", False),
        ("https://house.example.evil/a", False),
        ("https://evil.example/house.example", False),
        ("https://house.example@evil.example/", False),
        ("https://evil.example#@house.example/", False),
        ("https://evil.example\\@house.example/", False),
        ("ftp://house.example/", False),
        ("file:///etc/passwd", False),
        ("http://10.0.0.7/", False),
        ("http://127.0.0.1/", False),
        ("http://0x7f.1:9000/", False),
        ("http://169.254.169.254/latest", False),
        ("//house.example/a", False),
        ("http://house.example:99999/", False),
        ("https://hoüse.example/", False),
        ("", False),
    ],
)
def test_messages_go_only_where_the_settings_say(monkeypatch: pytest.MonkeyPatch, url: str, goes: bool) -> None:
    _allow(monkeypatch, "house.example, 10.0.0.7:9000,[::1]:9000,")
    assert webhooks.allowed(url) is goes
    _allow(monkeypatch, "")
    assert webhooks.allowed(url) is False


def test_addresses_are_their_owners_and_not_without_number(session: Session, mara: User, receiver: Receiver) -> None:
    jun = add_user(session, "Jun")
    mine = webhooks.add_endpoint(session, mara, receiver.url)
    with pytest.raises(NotFound):
        webhooks.delete_endpoint(session, mine.id, jun)
    with pytest.raises(NotFound):
        webhooks.list_deliveries(session, mine.id, jun)
    with pytest.raises(InvalidInput):
        webhooks.add_endpoint(session, mara, "http://evil.example/")
    for _ in range(webhooks.MOST_ENDPOINTS - 1):
        webhooks.add_endpoint(session, mara, receiver.url)
    with pytest.raises(Conflict):
        webhooks.add_endpoint(session, mara, receiver.url)
    webhooks.delete_endpoint(session, mine.id, mara)
    assert len(webhooks.list_endpoints(session, mara)) == webhooks.MOST_ENDPOINTS - 1


def test_a_program_is_told_once_and_can_check_who_tells_it(session: Session, mara: User, receiver: Receiver) -> None:
    endpoint = webhooks.add_endpoint(session, mara, receiver.url)
    webhooks.add_endpoint(session, add_user(session, "Jun"), receiver.url)
    _fail_a_song(session, mara)
    assert send_messages() == 1
    assert send_messages() == 0
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["type"], told["data"]["reason"], told["data"]["take"]) == ("song.failed", "It broke.", 1)
    # As a receiver would, from the published description of Standard Webhooks.
    secret = base64.b64decode(webhooks.secret_of(endpoint).removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    delivery = session.scalars(select(WebhookDelivery)).one()
    assert (delivery.state, delivery.tries, delivery.result) == ("delivered", 1, "It answered 204.")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_is_not_taken_is_tried_again_later_and_given_up_after_eight_tries(
    session: Session, mara: User, receiver: Receiver, status: int
) -> None:
    webhooks.add_endpoint(session, mara, receiver.url)
    receiver.status = status
    _fail_a_song(session, mara)
    for number in range(1, 12):
        assert send_messages() == 0
        assert send_messages() == 0  # not due yet
        session.expire_all()
        delivery = session.scalars(select(WebhookDelivery)).one()
        assert delivery.result == f"It answered {status}."
        if delivery.state != "waiting":
            break
        pause = session.scalar(
            text("SELECT extract(epoch FROM next_try_at - clock_timestamp()) FROM webhook_deliveries")
        )
        wanted = webhooks.PAUSES[number - 1].total_seconds()
        assert wanted - 30 < float(pause or 0) <= wanted
        session.execute(text("UPDATE webhook_deliveries SET next_try_at = now()"))
        session.commit()
    assert (delivery.state, delivery.tries, len(receiver.got)) == ("given_up", 8, 8)


def test_a_host_that_is_taken_from_the_settings_is_not_told_any_more(
    session: Session, mara: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhooks.add_endpoint(session, mara, receiver.url)
    _fail_a_song(session, mara)
    _allow(monkeypatch, "house.example")
    assert send_messages() == 0
    assert receiver.got == []
    assert "WEBHOOK_HOSTS" in session.scalars(select(WebhookDelivery.result)).one()


def test_an_address_where_nobody_listens_holds_nothing_up(session: Session, mara: User, receiver: Receiver) -> None:
    receiver.server.socket.close()
    webhooks.add_endpoint(session, mara, receiver.url)
    _fail_a_song(session, mara)
    assert send_messages() == 0
    assert session.scalars(select(WebhookDelivery.result)).one().startswith("It did not answer")
