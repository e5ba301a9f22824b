"""Polar's API and its messages: every fault becomes a sentence, and what is not signed is not read."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from appliance import billing, polar_gateway
from appliance.errors import Conflict, NotFound, Unavailable
from appliance.settings import settings
from tests.appliance.ledger import (
    WEBHOOK_SECRET,
    add_buyer,
    add_pack,
    count_credits,
    shop,
)
from tests.appliance.people import add_user
from tests.appliance.polar_standin import Fault, PolarStandIn, signed


@pytest.fixture
def polar(database_url: str) -> Iterator[PolarStandIn]:
    """Run a studio that sells credits at a stand-in for Polar."""
    with shop() as stand_in:
        yield stand_in


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("/v1/checkouts", 401), Unavailable),
        (Fault("/v1/checkouts", 403), Unavailable),
        (Fault("/v1/checkouts", 404), NotFound),
        (Fault("/v1/checkouts", 422, b'{"detail": "another form"}'), Conflict),
        (Fault("/v1/checkouts", 429, b"{}", {"retry-after": "7"}), Unavailable),
        (Fault("/v1/checkouts", 429, b"{}", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), Unavailable),
        (Fault("/v1/checkouts", 500), Unavailable),
        (Fault("/v1/checkouts", 503, b"<html>"), Unavailable),
        (
            Fault("/v1/checkouts", 200, b"<html>Sign in to this network</html>", {"content-type": "text/html"}),
            Unavailable,
        ),
        (Fault("/v1/checkouts", 302, b"", {"location": "http://127.0.0.1:1/portal"}), Unavailable),
        (Fault("/v1/checkouts", 200, b'{"id": 7}'), Unavailable),
        (Fault("/v1/checkouts", 200, b"[]"), Unavailable),
    ],
)
def test_every_fault_of_the_service_becomes_a_sentence_and_a_checkout_is_never_sent_twice(
    polar: PolarStandIn, fault: Fault, expected: type[Exception]
) -> None:
    product = polar.add_product("Small", 500, 25)
    polar.faults.append(fault)
    with pytest.raises(expected) as said:
        polar_gateway.create_checkout(product, str(uuid.uuid4()), "http://127.0.0.1/", "", None)
    assert str(said.value).endswith(".")
    assert sum(method == "POST" for method, _ in polar.requests) == 1


def test_reading_is_tried_again_and_a_service_that_is_gone_is_said_to_be(polar: PolarStandIn) -> None:
    polar.add_product("Small", 500, 25)
    polar.faults += [Fault("/v1/products", 500), Fault("/v1/products", 502)]
    assert len(polar_gateway.list_products()) == 1
    with pytest.MonkeyPatch.context() as patch:
        count_credits(patch, "polar", POLAR_ACCESS_TOKEN="x", POLAR_BASE_URL="http://127.0.0.1:9")
        polar_gateway._client().__exit__()
        polar_gateway._client.cache_clear()
        with pytest.raises(Unavailable, match="Nothing was charged"):
            polar_gateway.list_products()
        polar_gateway._client().__exit__()
        polar_gateway._client.cache_clear()
    settings.cache_clear()


def test_an_id_from_a_browser_cannot_reach_another_address(session: Session, polar: PolarStandIn) -> None:
    user, other = add_buyer(session, "Ada", 0), add_user(session, "Bob")
    pack = add_pack(session, "p25", 25)
    mine = str(uuid.uuid4())
    billing.keep_intent(session, user, mine, pack)
    session.commit()
    assert billing.get_intent(session, mine.upper(), user).user_id == user.id
    for wrong in ("../orders/" + mine, mine + "/../x", "", "c1", str(uuid.uuid4()), "\x00"):
        with pytest.raises(NotFound):
            billing.get_intent(session, wrong, user)
    with pytest.raises(NotFound):
        billing.get_intent(session, mine, other)
    with pytest.raises(NotFound):
        polar_gateway.get_order("../checkouts/" + mine)
    assert polar.requests[-1][1] == f"/v1/orders/..%2Fcheckouts%2F{mine}"


def _message(polar: PolarStandIn) -> tuple[str, bytes]:
    message_id, body = str(uuid.uuid4()), json.dumps({"type": "order.paid", "data": {"id": "é"}}).encode()
    polar.messages.append((message_id, body))
    return message_id, body


def test_messages_with_a_right_and_fresh_signature_are_read(polar: PolarStandIn) -> None:
    message_id, body = _message(polar)
    now = time.time()
    for headers in (
        signed(WEBHOOK_SECRET, message_id, body),
        signed(WEBHOOK_SECRET, message_id, body, standard=True),
        signed(WEBHOOK_SECRET, message_id, body, at=now - 290),
        {name.title(): value for name, value in signed(WEBHOOK_SECRET, message_id, body).items()},
    ):
        assert polar_gateway.read_message(body, headers) == (message_id, json.loads(body))
    rotated = signed(WEBHOOK_SECRET, message_id, body)
    rotated["webhook-signature"] = "v1,AAAA " + rotated["webhook-signature"]
    assert polar_gateway.read_message(body, rotated)[0] == message_id


def test_messages_that_were_tampered_with_are_old_or_are_no_text_are_refused(polar: PolarStandIn) -> None:
    message_id, body = _message(polar)
    right, now = signed(WEBHOOK_SECRET, message_id, body), time.time()
    wrong = [
        (body + b" ", right),
        (json.dumps(json.loads(body), indent=1).encode(), right),
        (body, {**right, "webhook-id": "another"}),
        (body, {**right, "webhook-timestamp": str(int(now) - 1)}),
        (body, {**right, "webhook-timestamp": "nan"}),
        (body, {**right, "webhook-timestamp": "inf"}),
        (body, {**right, "webhook-signature": "v1,%%%"}),
        (body, signed("whsec_b3RoZXI=", message_id, body)),
        (body, signed(WEBHOOK_SECRET, message_id, body, at=now - 310)),
        (body, signed(WEBHOOK_SECRET, message_id, body, at=now + 310)),
        (body, {}),
        (b"\xff\xfe", signed(WEBHOOK_SECRET, message_id, b"\xff\xfe")),
        (b"[]", signed(WEBHOOK_SECRET, message_id, b"[]")),
    ]
    for tampered, headers in wrong:
        with pytest.raises(polar_gateway.NotSigned):
            polar_gateway.read_message(tampered, headers)


def test_the_clock_of_the_service_is_compared_with_ours(polar: PolarStandIn) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=20)
    body = b'{"items": [], "pagination": {"max_page": 1}}'
    polar.faults.append(Fault("/v1/products", 200, body, {"Date": ahead.strftime("%a, %d %b %Y %H:%M:%S GMT")}))
    polar_gateway.list_products()
    assert 1100 < polar_gateway.clock_skew() < 1300
