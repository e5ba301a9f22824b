"""The pages of credits: what people see of theirs, what admins see, buying, and messages from Polar."""

import csv
import io
import json
import re
import uuid
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance import credits, polar_gateway, reconciling
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import CheckoutIntent, CreditEntry, Song, User, WebhookMessage
from tests.appliance.ledger import WEBHOOK_SECRET, count_credits, numbers, shop
from tests.appliance.people import ask
from tests.appliance.polar_standin import Fault, PolarStandIn, signed
from tests.web.browser import Browser, beside
from tests.web.making import make


@pytest.fixture
def polar() -> Iterator[PolarStandIn]:
    """Run a stand-in for Polar; ask for it before the client, whose app reads the settings."""
    with shop() as stand_in:
        yield stand_in


@pytest.fixture
def grants() -> Iterator[None]:
    """Count credits that only admins give."""
    with pytest.MonkeyPatch.context() as patch:
        count_credits(patch)
        yield
    settings.cache_clear()


def _give(session: Session, user: User, amount: int) -> None:
    credits.open_account(session, user)
    credits.post(session, user.id, "signup", amount, once=f"test:{uuid.uuid4()}")
    session.commit()


def _buy(browser: Browser, product: str) -> str:
    """Begin a checkout and return its id."""
    browser.open("/credits")
    answer = browser.send("/credits/checkout", {"pack": product})
    assert answer.status_code == 303
    return answer.headers["location"].rsplit("/", 1)[1]


def test_where_credits_are_off_their_pages_and_figures_are_not_there(mara: Browser) -> None:
    for path in ("/credits", "/credits/history.csv", "/credits/return", "/admin/credits"):
        assert mara.get(path).status_code == 404
    page = mara.open("/create").text
    assert '-credits"' not in page
    assert "of your" not in page


@pytest.mark.usefixtures("grants")
def test_people_see_their_balance_their_history_and_what_a_song_costs(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    _give(session, people["Mara"], 12)
    make(session, object_store, people["Mara"])
    page = mara.open("/credits").text
    assert "<b>10</b> credits left" in page
    assert "Enough for 10 takes." in page
    assert "Song: Salt on the Window" in page
    assert "−1" in page
    assert "Top up" not in page
    assert 'id="side-credits" href="/credits">10 credits' in page
    assert ">2 credits</output></b> of your 10" in mara.open("/create").text


@pytest.mark.usefixtures("grants")
def test_the_history_comes_as_a_table_in_which_no_title_is_a_formula(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    _give(session, people["Mara"], 5)
    make(session, object_store, people["Mara"], title="=1+1")
    answer = mara.get("/credits/history.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["kind"], row["credits"], row["balance"]) for row in rows] == [
        ("signup", "5", "5"), ("capture", "-1", "4"), ("capture", "-1", "3"),
    ]  # fmt: skip
    assert not any(row["what"].startswith("=") for row in rows)


@pytest.mark.usefixtures("grants")
def test_fewer_takes_are_made_where_there_are_credits_for_some(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    _give(session, people["Mara"], 1)
    request = ask(session, people["Mara"], takes=3)
    session.commit()
    page = mara.open("/create").text
    assert "This needs 3 credits and you have 1." in page
    assert "Make 1 take instead" in page
    assert "Start now" not in page
    assert mara.send(f"/credits/start/{request.id}", {"takes": "2"}).status_code == 409
    assert mara.send(f"/credits/start/{request.id}", {"takes": "1"}).status_code == 303
    session.expire_all()
    statuses = session.scalars(select(Song.status).where(Song.request_id == request.id).order_by(Song.take)).all()
    assert statuses == ["queued", "cancelled", "cancelled"]
    assert numbers(session, people["Mara"]) == (1, 1)


@pytest.mark.usefixtures("grants")
def test_a_request_without_credits_waits_visibly_and_starts_when_the_admin_gives_some(
    mara: Browser, client: TestClient[Litestar], session: Session, people: dict[str, User]
) -> None:
    request = ask(session, people["Mara"])
    session.commit()
    page = mara.open("/create").text
    assert "Top up" in page
    assert "This needs 2 credits and you have 0." in page
    assert mara.send(f"/credits/wait/{request.id}", {"itself": "0"}).status_code == 303
    session.expire_all()
    assert not request.start_when_paid
    assert mara.send(f"/credits/start/{request.id}").status_code == 409
    ada = Browser(client)
    ada.sign_in("Ada")
    once = re.search(r'name="once" value="([^"]+)"', ada.open("/admin/credits").text)
    assert once
    fields = {"user": "mara", "amount": "2", "note": "A birthday", "once": once[1]}
    for _ in range(2):  # a form that is sent twice gives once
        assert ada.send("/admin/credits/grant", fields).status_code == 303
    assert numbers(session, people["Mara"]) == (2, 0)
    mara.open("/create")
    assert mara.send(f"/credits/start/{request.id}").status_code == 303
    session.rollback()
    assert numbers(session, people["Mara"]) == (2, 2)
    user_id = people["Mara"].id
    assert "From an admin: A birthday" in ada.open(f"/admin/credits/{user_id}").text


@pytest.mark.usefixtures("grants")
def test_what_an_admin_types_wrongly_is_said_beside_the_field(
    client: TestClient[Litestar], session: Session, people: dict[str, User]
) -> None:
    ada = Browser(client)
    ada.sign_in("Ada")
    ada.open("/admin/credits")
    for fields, field in (
        ({"user": "Nobody", "amount": "1", "note": "x"}, "user"),
        ({"user": "Mara", "amount": "many", "note": "x"}, "amount"),
        ({"user": "Mara", "amount": "1" * 20, "note": "x"}, "amount"),
        ({"user": "Mara", "amount": "1", "note": "\x00"}, "note"),
        ({"user": "Mara", "amount": "-1", "note": "x"}, "amount"),
    ):
        page = ada.send("/admin/credits/grant", fields)
        assert page.status_code == 422
        assert beside(page, field)
    assert session.scalars(select(func.count()).select_from(CreditEntry)).one() == 0


@pytest.mark.usefixtures("grants")
def test_nobody_but_an_admin_finds_the_ledger_of_everybody(mara: Browser, people: dict[str, User]) -> None:
    assert mara.get("/admin/credits").status_code == 404
    assert mara.get(f"/admin/credits/{people['Mara'].id}").status_code == 404
    for path in ("/admin/credits/grant", "/admin/credits/packs", "/admin/credits/look"):
        assert mara.send(path, {"user": "Mara", "amount": "100", "note": "for me", "once": "x"}).status_code == 404


def test_buying_by_looking_refunding_and_the_debt(
    polar: PolarStandIn, mara: Browser, session: Session, people: dict[str, User]
) -> None:
    product = polar.add_product("Small", 500, 25)
    reconciling.reconcile()
    assert "5.00 USD" in mara.open("/credits").text
    checkout_id = _buy(mara, product)
    waiting = mara.open(f"/credits/return?checkout_id={checkout_id}").text
    assert "Waiting for the payment" in waiting
    order = polar.pay(checkout_id)
    assert "25 credits are yours" in mara.open(f"/credits/return?checkout_id={checkout_id}").text
    assert "25 credits are yours" in mara.open(f"/credits/return?checkout_id={checkout_id}").text
    assert numbers(session, people["Mara"]) == (25, 0)
    session.rollback()
    answer = mara.send("/credits/portal")
    assert answer.headers["location"].startswith(f"{polar.address}/portal?")
    polar.refund(order["id"], 500)
    reconciling.reconcile()
    assert "<b>0</b> credits left" in mara.open("/credits").text


def test_a_checkout_is_for_whoever_began_it_and_only_for_what_is_on_sale(
    polar: PolarStandIn, mara: Browser, jun: Browser, session: Session
) -> None:
    product = polar.add_product("Small", 500, 25)
    unpriced = polar.add_product("Large", 900)
    reconciling.reconcile()
    checkout_id = _buy(mara, product)
    asked = len(polar.requests)
    for wrong in (checkout_id + "x", "../orders/1", "", str(uuid.uuid4())):
        assert mara.get(f"/credits/return?checkout_id={wrong}").status_code == 404
    assert jun.get(f"/credits/return?checkout_id={checkout_id}").status_code == 404
    assert len(polar.requests) == asked
    for pack in (unpriced, "nothing", "", "\x00"):
        mara.open("/credits")
        answer = mara.send("/credits/checkout", {"pack": pack, "credits": "999", "price": "0"})
        assert answer.status_code == 422
        assert "Choose another one" in beside(answer, "pack")
    assert session.scalars(select(CheckoutIntent.credits)).all() == [25]


def test_when_polar_is_down_the_page_says_so_and_the_studio_goes_on(
    polar: PolarStandIn, mara: Browser, session: Session, people: dict[str, User]
) -> None:
    product = polar.add_product("Small", 500, 25)
    reconciling.reconcile()
    checkout_id = _buy(mara, product)
    polar.faults += [Fault("/v1/", 503)] * 20
    answer = mara.send("/credits/checkout", {"pack": product})
    assert answer.status_code == 503
    assert "Nothing was charged" in beside(answer, "pack")
    assert "Waiting for the payment" in mara.open(f"/credits/return?checkout_id={checkout_id}").text
    assert mara.send("/credits/portal").status_code == 503
    assert mara.get("/create").status_code == 200
    _give(session, people["Mara"], 2)
    assert ask(session, people["Mara"]).songs[0].status == "queued"


def test_without_receipts_there_is_nothing_to_open(polar: PolarStandIn, mara: Browser) -> None:
    mara.open("/credits")
    answer = mara.send("/credits/portal")
    assert answer.status_code == 409


def _message(polar: PolarStandIn) -> tuple[str, bytes]:
    body = json.dumps({"type": "order.paid", "data": {"id": "o1"}}).encode()
    return str(uuid.uuid4()), body


def test_a_signed_message_is_kept_once_and_answered_at_once(
    polar: PolarStandIn, client: TestClient[Litestar], session: Session
) -> None:
    message_id, body = _message(polar)
    for _ in range(3):
        answer = client.post("/hooks/polar", content=body, headers=signed(WEBHOOK_SECRET, message_id, body))
        assert answer.status_code == 202
    odd = json.dumps({"type": "something.new", "data": []}).encode()
    assert client.post("/hooks/polar", content=odd, headers=signed(WEBHOOK_SECRET, "odd", odd)).status_code == 202
    assert session.scalars(select(func.count()).select_from(WebhookMessage)).one() == 2


def test_forged_old_oversized_and_unreadable_messages_change_nothing(
    polar: PolarStandIn, client: TestClient[Litestar], session: Session
) -> None:
    message_id, body = _message(polar)
    right = signed(WEBHOOK_SECRET, message_id, body)
    huge = b'{"type":"x","data":"' + b"x" * polar_gateway.MAX_MESSAGE + b'"}'
    wrong = [
        (403, body, {}),
        (403, body + b" ", right),
        (403, body, signed("whsec_b3RoZXI=", message_id, body)),
        (403, body, signed(WEBHOOK_SECRET, message_id, body, at=1_700_000_000)),
        (403, b"\xff", signed(WEBHOOK_SECRET, message_id, b"\xff")),
        (403, b"", signed(WEBHOOK_SECRET, message_id, b"")),
        (413, huge, signed(WEBHOOK_SECRET, message_id, huge)),
    ]
    for status, content, headers in wrong:
        answer = client.post("/hooks/polar", content=content, headers=headers)
        assert answer.status_code == status, content[:20]
    assert session.scalars(select(func.count()).select_from(WebhookMessage)).one() == 0


def test_the_admin_prices_packs_and_sees_what_needs_a_person(
    polar: PolarStandIn, client: TestClient[Litestar], session: Session, people: dict[str, User]
) -> None:
    product = polar.add_product("Large", 900)
    ada = Browser(client)
    ada.sign_in("Ada")
    ada.open("/admin/credits")
    assert ada.send("/admin/credits/look").status_code == 303
    assert "Large" in ada.open("/admin/credits").text
    checkout_id, _ = polar_gateway.create_checkout(product, "nobody", "http://127.0.0.1/{CHECKOUT_ID}", "", None)
    polar.pay(checkout_id)
    ada.send("/admin/credits/look")
    page = ada.open("/admin/credits").text
    assert "Nobody in this studio belongs to this order." in page
    assert "In order" in page
    assert ada.send("/admin/credits/packs", {"product": product, "credits": "0"}).status_code == 422
    assert ada.send("/admin/credits/packs", {"product": product, "credits": "60"}).status_code == 303
    assert "60" in ada.open("/credits").text
    polar.faults += [Fault("/v1/", 500)] * 3
    answer = ada.send("/admin/credits/look")
    assert answer.status_code == 503
    assert beside(answer, "look")


@pytest.mark.usefixtures("grants")
def test_nobody_names_their_own_price(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    _give(session, people["Mara"], 5)
    session.commit()
    forged = {"price": "0", "credits": "1000", "amount": "1000", "balance": "1000", "user_id": str(people["Ada"].id)}
    mara.open("/create")
    assert mara.send("/create", {"mode": "description", "full_description": "A waltz"} | forged).status_code == 303
    assert numbers(session, people["Mara"]) == (5, 2)
    assert {(song.price, song.user_id) for song in session.scalars(select(Song))} == {(1, people["Mara"].id)}
