"""Pages that stay true without a reload: the machine room, two tabs, a web app that restarts, a page that is open for hours."""

import os
import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from appliance.database import NOTICES
from tests.box.studio import Studio
from tests.browser.conftest import MAKING, NAME, PASSWORD, SECONDS, Made, connection_of, forgive
from tests.browser.test_listening import is_paused, until_playing

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
# The links of the frame and those of the machine room, by their words.
SIDE = ("Discover", "Studio", "Admin")
ROOMS = ("Queue", "People", "Reported songs", "Settings", "What admins did", "Machine")


def streams_of(page: Page) -> set[Request]:
    """Return the set of the event streams that this page holds open, which changes as they do."""
    held: set[Request] = set()
    page.on("request", lambda request: held.add(request) if "/events" in request.url else None)
    page.on("requestfinished", lambda request: held.discard(request))  # noqa: PLW0108 - it wants a function
    page.on("requestfailed", lambda request: held.discard(request))  # noqa: PLW0108
    return held


def until(page: Page, is_true: Callable[[], bool]) -> None:
    """Wait until something outside the page is so."""
    for _ in range(200):
        if is_true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("It never was.")


def sign_in(page: Page) -> None:
    page.get_by_label("E-mail or name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("link", name="Make a song")).to_be_visible()
    page.goto("/create")


def ask_for(page: Page, description: str) -> None:
    page.get_by_label("What should it be about").fill(description)
    if not page.get_by_label("Length").is_visible():
        page.get_by_text("Fine control").click()
    page.get_by_label("Length").fill(str(SECONDS))
    page.get_by_role("button", name="Make 2 takes").click()


def test_every_link_leads_on_without_a_reload_and_leaves_no_stream_behind(made: Made, open_page: OpenPage) -> None:
    page = open_page("/sign-in")
    held = streams_of(page)
    page.goto("/create")
    page.evaluate("window.alive = true")
    page.locator(".takes .play").first.click()
    until_playing(page)
    seen = []
    for link in SIDE:
        page.locator(".side").get_by_role("link", name=link, exact=True).click()
        expect(page.locator(".side a[aria-current=page]")).to_have_text(link)
        seen.append(page.url)
    for link in ROOMS:
        page.locator("main .chips").get_by_role("link", name=link, exact=True).click()
        expect(page.locator("main .chips a[aria-current=page]")).to_have_text(link)
        seen.append(page.url)
    page.locator(".me").get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    page.locator("[data-make]").click()
    expect(page.get_by_role("heading", name="Make a song")).to_be_visible()
    page.locator(".job h4 a").first.click()
    page.locator(".hero .by a").click()
    expect(page.get_by_role("heading", name=NAME, level=1)).to_be_visible()
    # All the way back, each page in turn.
    for url in reversed(seen[1:]):
        while page.url != url:
            before = page.url
            page.go_back()
            page.wait_for_function("before => location.href !== before", arg=before)
        expect(page.locator("main h1")).to_be_visible()
    assert page.evaluate("window.alive")
    assert page.locator("#player audio").evaluate("audio => audio.currentTime > 0")
    # The machine room's own stream ends with its page: only that of the frame is left.
    page.locator(".side").get_by_role("link", name="Discover").click()
    until(page, lambda: len(held) == 1)
    assert next(iter(held)).url == f"{made.address}/events"


def test_a_paused_queue_is_said_at_once_and_honoured_until_it_goes_on(
    studio: Studio, made: Made, open_page: OpenPage
) -> None:
    maker, admin = open_page("/create"), open_page("/admin/queue")
    for page in (maker, admin):
        page.evaluate("window.alive = true")
    expect(maker.locator("#paused")).to_be_hidden()
    ready = maker.locator(".takes > li").count()
    admin.get_by_role("button", name="Pause the queue").click()
    expect(maker.locator("#paused")).to_contain_text("The queue is paused")
    expect(maker.locator("#house")).to_contain_text("The queue is paused")
    ask_for(maker, "A polka for the kettle")
    expect(maker.locator("#desk .job")).to_contain_text("Next in line · the queue is paused")
    # Nobody reloads the machine room either.
    expect(admin.locator("#adm-queue tbody tr")).to_contain_text(NAME)
    expect(admin.locator("#adm-queue tbody tr")).to_contain_text("Next in line")
    # What is about to be pressed stays where it is, whatever changes around it.
    admin.get_by_role("button", name="Stop: Untitled").focus()
    with connection_of(studio) as database:
        database.execute("UPDATE songs SET title = 'Kettle Polka' WHERE status = 'queued'")
    expect(admin.locator("#adm-queue tbody tr")).to_contain_text("Kettle Polka")
    expect(admin.get_by_role("button", name="Stop: Kettle Polka")).to_be_focused()
    admin.get_by_role("button", name="Go on").click()
    expect(maker.locator("#paused")).to_be_hidden()
    expect(maker.locator(".takes > li")).to_have_count(ready + 2, timeout=MAKING)
    expect(admin.locator("#adm-queue")).to_contain_text("Nobody waits")
    assert maker.evaluate("window.alive")
    assert admin.evaluate("window.alive")


def test_the_machine_is_told_as_it_is(studio: Studio, made: Made, open_page: OpenPage) -> None:
    page = open_page("/admin")
    expect(page.locator("#adm-machine")).to_contain_text("None is in use")
    with connection_of(studio) as database:
        about = '{"gpu_memory": {"used": 33285996544, "total": 51539607552}, "composer": "ace-step-2b", "memory": {"ace-step-2b": 5368709120}}'
        database.execute(
            "INSERT INTO workers (name, last_seen, about) VALUES ('attic', now() + interval '1 day', %s)", [about]
        )
        expect(page.locator("#adm-machine")).to_contain_text("31 of 48 GB")
        expect(page.locator("#adm-machine")).to_contain_text("ace-step-2b · 5.0 GB of the card")
        database.execute("DELETE FROM workers WHERE name = 'attic'")
    expect(page.locator("#adm-machine")).to_contain_text("None is in use")


def test_two_tabs_say_the_same_and_neither_loses_its_place(made: Made, open_page: OpenPage) -> None:
    reader = open_page("/create", viewport={"width": 390, "height": 500})
    writer = reader.context.new_page()
    writer.goto(made.song)
    reader.bring_to_front()
    title = reader.locator(".job h4 a").last.inner_text()
    menu = reader.locator("details.menu").last
    menu.locator("summary").click()
    left = reader.evaluate("scrollY")
    assert left > 0
    writer.get_by_label("Title").fill("Kettle Polka")
    writer.get_by_role("button", name="Rename").click()
    expect(reader.locator(".job h4 a", has_text="Kettle Polka")).to_be_visible()
    expect(menu).to_have_attribute("open", "")
    assert reader.evaluate("scrollY") == left
    expect(writer.locator(".hero h1")).to_have_text("Kettle Polka")
    writer.get_by_label("Title").fill(title)
    writer.get_by_role("button", name="Rename").click()
    expect(reader.locator(".job h4 a", has_text=title).last).to_be_visible()


def test_a_web_app_that_restarts_is_found_again_and_the_song_goes_on(
    studio: Studio, made: Made, browser: Browser, complaints: list[str]
) -> None:
    context = browser.new_context(base_url=made.address, storage_state=made.signed_in)
    page = context.new_page()
    held = streams_of(page)
    page.goto("/create")
    page.evaluate("window.alive = true")
    page.locator(".takes .play").first.click()
    until_playing(page)
    old = studio.programs()["web"]
    os.kill(old, signal.SIGKILL)
    until(page, lambda: studio.programs().get("web", old) != old)
    other = context.new_page()
    until(page, lambda: other.request.get("/health/ready").ok if studio.programs().get("web") else False)
    other.goto(made.song)
    page.bring_to_front()
    other.get_by_label("Title").fill("After the Storm")
    other.get_by_role("button", name="Rename").click()
    expect(page.locator(".job h4 a", has_text="After the Storm")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-not-live]").first).to_be_hidden()
    assert page.evaluate("window.alive")
    assert not is_paused(page) or page.locator("#player [data-time]").inner_text() == "0:00"
    assert len(held) == 1
    context.close()
    forgive(complaints, "net::ERR_", "Failed to fetch", "network error")


def test_hours_later_a_page_holds_one_stream_and_has_not_asked_for_anything(made: Made, open_page: OpenPage) -> None:
    page = open_page("/sign-in")
    held = streams_of(page)
    asked: list[str] = []
    page.clock.install()
    page.goto("/create")
    expect(page.get_by_role("heading", name="Make a song")).to_be_visible()
    until(page, lambda: len(held) == 1)
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(4):
        page.clock.fast_forward("01:00:00")
    assert asked == []
    assert len(held) == 1
    expect(page.locator("[data-not-live]").first).to_be_hidden()


def test_whoever_signed_out_in_another_tab_is_led_to_the_door(
    studio: Studio, made: Made, open_page: OpenPage, complaints: list[str]
) -> None:
    page = open_page("/sign-in", storage_state=None)
    sign_in(page)
    other = page.context.new_page()
    other.goto("/settings")
    other.get_by_role("button", name="Sign out").locator("visible=true").click()
    expect(other.get_by_label("Password")).to_be_visible()
    page.bring_to_front()
    # The stream ends with the next news, and is not opened again.
    with connection_of(studio) as database:
        database.execute("SELECT pg_notify(%s, '{\"line\": true}')", [NOTICES])
    expect(page.get_by_label("Password")).to_be_visible(timeout=15_000)
    assert "next=/create" in page.url
    forgive(complaints, "status of 401", "status 401")
