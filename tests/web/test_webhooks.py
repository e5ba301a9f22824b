"""Webhooks in a browser: added with a secret that is shown once, tried, and removed; only their owner sees them."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.settings import settings
from appliance.tables import IdempotentAnswer, User, WebhookDelivery, WebhookEndpoint
from tests.web.browser import Browser, beside
from tests.web.test_security import later
from tests.webhook_receiver import Receiver, receiving
from worker.messages import send_messages

HERE = "/settings/webhooks"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("WEBHOOK_HOSTS", f"house.example, 127.0.0.1:{receiver.port}")
        settings.cache_clear()
        yield receiver


def add(browser: Browser, url: str) -> str:
    """Add an address, and return the secret that the page shows."""
    browser.open(HERE)
    page = browser.send(HERE, {"url": url})
    assert page.status_code == 200, beside(page, "url")
    assert page.headers["cache-control"] == "no-store"
    return re.search(r'id="new-secret">(whsec_[^<]+)<', page.text)[1]  # type: ignore[index]


def test_an_address_is_added_tried_and_removed(mara: Browser, session: Session, receiver: Receiver) -> None:
    secret = add(mara, receiver.url)
    page = mara.open("/settings/webhooks").text
    assert receiver.url in page
    assert secret not in page
    assert "Nothing was sent there yet." in page
    assert "hx-trigger" not in page.partition('id="hooks"')[2].partition(">")[0]
    endpoint = session.scalars(select(WebhookEndpoint)).one()
    assert mara.send(f"/settings/webhooks/{endpoint.id}/test").status_code == 303
    assert mara.send(f"/settings/webhooks/{endpoint.id}/test").status_code == 409  # one at a time
    page = mara.open(HERE).text
    assert "On its way." in page
    assert "every 2s" in page
    assert send_messages() == 1
    ((headers, body),) = receiver.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert b'"webhook.test"' in body
    page = mara.open(HERE).text
    assert "It answered 204." in page
    assert "every 2s" not in page
    assert mara.send(f"/settings/webhooks/{endpoint.id}/remove").status_code == 303
    assert "No program of yours is told anything." in mara.open(HERE).text
    assert session.scalars(select(WebhookDelivery)).all() == []


def test_a_test_that_is_not_taken_says_so_and_is_not_sent_again(
    mara: Browser, session: Session, receiver: Receiver
) -> None:
    receiver.status = 500
    add(mara, receiver.url)
    endpoint = session.scalars(select(WebhookEndpoint)).one()
    mara.send(f"{HERE}/{endpoint.id}/test")
    assert send_messages() == 0
    assert session.scalars(select(WebhookDelivery.state)).one() == "given_up"
    assert "It answered 500." in mara.open(HERE).text
    assert mara.send(f"{HERE}/{endpoint.id}/test").status_code == 303


def test_only_hosts_that_the_settings_name_are_told(
    mara: Browser, session: Session, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = mara.open(HERE)
    assert "house.example" in page.text
    for url in ("https://evil.example/", "javascript:alert(1)", "", "http://127.0.0.1:1/"):
        assert "WEBHOOK_HOSTS" in beside(mara.send(HERE, {"url": url}), "url")
    monkeypatch.setenv("WEBHOOK_HOSTS", "")
    settings.cache_clear()
    page = mara.open(HERE)
    assert "Nothing leaves this studio" in page.text
    assert 'name="url"' not in page.text
    assert session.scalars(select(WebhookEndpoint)).all() == []


def test_nobody_sees_tries_or_removes_the_addresses_of_others(
    mara: Browser, jun: Browser, session: Session, receiver: Receiver, people: dict[str, User]
) -> None:
    add(mara, receiver.url)
    endpoint = session.scalars(select(WebhookEndpoint)).one()
    assert receiver.url not in jun.open(HERE).text
    for action in ("test", "remove"):
        assert jun.send(f"{HERE}/{endpoint.id}/{action}").status_code == 404
        assert jun.send(f"{HERE}/{uuid4()}/{action}").status_code == 404
    assert session.scalars(select(WebhookDelivery)).all() == []


def test_adding_one_asks_for_the_password_again(mara: Browser, session: Session, receiver: Receiver) -> None:
    mara.open(HERE)
    later(session, timedelta(minutes=11))
    assert mara.send(HERE, {"url": receiver.url}).headers["location"].startswith("/confirm")


def test_the_secret_is_told_once_by_the_api_too_and_kept_for_no_request_that_comes_twice(
    mara: Browser, session: Session, receiver: Receiver, people: dict[str, User]
) -> None:
    mara.open("/settings/keys")
    page = mara.send("/settings/keys", {"name": "x", "may:songs:write": "on"}).text
    key = {"Authorization": f"Bearer {re.search(r'new-key.>([^<]+)<', page)[1]}", "Idempotency-Key": "once"}  # type: ignore[index]
    answers = [mara.ask("POST", "/api/v1/webhooks", json={"url": receiver.url}, headers=key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    secret = answers[0].json()["secret"]
    assert secret.startswith("whsec_")
    assert secret not in mara.ask("GET", "/api/v1/webhooks", headers=key).text
    assert secret not in str(session.scalars(select(IdempotentAnswer.answer)).all())
