"""Buying credits in a browser, at a stand-in for Polar: by coming back, by message, after a refund, and with Polar gone."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.appliance.ledger import WEBHOOK_SECRET
from tests.appliance.polar_standin import Fault, PolarStandIn, signed, standing_in
from tests.box.studio import Studio
from tests.browser.conftest import MAKING, NAME, PASSWORD, RULES, SECONDS, accessibility_violations, forgive

pytestmark = pytest.mark.browser


@pytest.fixture
def polar() -> Iterator[PolarStandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def shop(polar: PolarStandIn, tmp_path: Path) -> Iterator[Studio]:
    """A studio that sells credits and gives none away."""
    studio = Studio(
        tmp_path / "data",
        BILLING="polar",
        SIGNUP_CREDITS="0",
        POLAR_ACCESS_TOKEN=polar.token,
        POLAR_BASE_URL=polar.address,
        POLAR_WEBHOOK_SECRET=WEBHOOK_SECRET,
        NO_PROXY="127.0.0.1",
    )
    try:
        yield studio.start().until_ready()
    finally:
        studio.end()


def _deliver(polar: PolarStandIn, address: str) -> None:
    """Deliver every message of Polar's twice."""
    for message_id, body in [*polar.messages, *polar.messages]:
        answer = httpx.post(f"{address}/hooks/polar", content=body, headers=signed(WEBHOOK_SECRET, message_id, body))
        assert answer.status_code == 202


def _balance(page: Page) -> int:
    page.goto(re.sub(r"(https?://[^/]+).*", r"\1/credits", page.url))
    return int(page.locator(".bal b").inner_text().replace("−", "-"))


def test_a_pack_is_bought_spent_and_refunded(
    polar: PolarStandIn, shop: Studio, browser: Browser, complaints: list[str]
) -> None:
    polar.add_product("Three songs", 300, 6)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    link = shop.link()
    assert link
    address = re.match(r"https?://[^/]+", link)[0]  # type: ignore[index]
    page.goto(link)
    page.get_by_label("Name people will see").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the admin's account").click()

    # The admin learns of Polar's products at the first look.
    page.goto(f"{address}/admin/credits")
    page.get_by_role("button", name="Ask Polar now").click()
    expect(page.get_by_label("Credits for Three songs")).to_have_value("6")
    assert accessibility_violations(page, RULES) == []

    # Without credits a song waits, visibly, and says what to do.
    page.goto(f"{address}/create")
    page.get_by_label("What should it be about").fill("A short march for the morning")
    page.get_by_text("Fine control").click()
    page.get_by_label("Length").fill(str(SECONDS))
    page.get_by_role("button", name="Make 2 takes").click()
    expect(page.locator(".job.held")).to_have_count(1)
    page.get_by_role("link", name="Top up").click()

    # Pack, checkout, return: the credits are there, and the song starts by itself.
    expect(page.get_by_role("heading", name="Top up")).to_be_visible()
    assert accessibility_violations(page, RULES) == []
    page.get_by_role("button", name="Go to the checkout").click()
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_text("6 credits are yours")).to_be_visible()
    page.get_by_role("link", name="Make a song").last.click()
    expect(page.locator(".takes > li")).to_have_count(2, timeout=MAKING)
    expect(page.locator("#side-credits")).to_have_text("4 credits")
    assert _balance(page) == 4

    # The next pack is paid for in another window, and only messages tell of it.
    page.get_by_role("button", name="Go to the checkout").click()
    expect(page.get_by_role("button", name="Pay")).to_be_visible()
    order = polar.pay(page.url.rsplit("/", 1)[1])
    page.goto(f"{address}/create")
    _deliver(polar, address)
    expect(page.locator("#side-credits")).to_have_text("10 credits", timeout=20_000)

    # Half of it is refunded.
    polar.refund(order["id"], 150)
    _deliver(polar, address)
    expect(page.locator("#side-credits")).to_have_text("7 credits", timeout=20_000)
    assert _balance(page) == 7
    expect(page.get_by_text("Refunded by the payment service")).to_be_visible()
    assert complaints == []

    # With Polar gone the studio goes on, and says what does not work.
    polar.faults += [Fault("/v1/", 503)] * 50
    page.get_by_role("button", name="Go to the checkout").click()
    expect(page.get_by_text("The payment service does not answer at the moment")).to_be_visible()
    page.goto(f"{address}/create")
    page.get_by_label("What should it be about").fill("Another march")
    page.get_by_text("Fine control").click()
    page.get_by_label("Length").fill(str(SECONDS))
    page.get_by_role("button", name="Make 2 takes").click()
    expect(page.locator(".takes > li")).to_have_count(4, timeout=MAKING)
    context.close()
    forgive(complaints, "status of 503")
