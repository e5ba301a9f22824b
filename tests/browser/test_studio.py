"""The Studio in a browser: words that are drafted, the shelf, the queue, and everything by keyboard or without a script."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import MAKING, NAME, PASSWORD, Made

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
# Kept to be looked at; git ignores the folder.
SCREENS = Path(__file__).parents[2] / "build" / "screens"
PLAYING = (
    "() => { const audio = document.querySelector('#player audio'); return !audio.paused && audio.currentTime > 0.2 }"
)


def addresses_of(page: Page) -> list[str]:
    """Return a list that gets the address of everything that the page asks for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the element with this selector has the focus, as somebody without a mouse would."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"Tab does not lead to {wanted}.")


def test_words_are_drafted_into_the_box_and_undone_by_one_press(open_page: OpenPage) -> None:
    page = open_page("/create")
    page.get_by_text("My words").click()
    page.get_by_label("Sound", exact=True).fill("folk, accordion")
    words = page.get_by_label("Words", exact=True)
    words.fill("The last ferry home")
    page.get_by_role("button", name="Write for me").click()
    expect(page.locator("[data-writing-said]")).to_have_text("Words written.", timeout=15_000)
    expect(words).to_have_value(re.compile(r"^\[.+\]\n"))
    expect(page.locator("[data-words-of]")).to_contain_text("section")
    page.get_by_role("button", name="Undo").click()
    expect(words).to_have_value("The last ferry home")
    expect(page.locator("#desk .job")).to_have_count(0)  # nothing was asked for


def test_a_deleted_song_is_searched_deleted_and_brought_back(made: Made, open_page: OpenPage) -> None:
    page = open_page("/create")
    title = page.locator(".job h4 a").first.inner_text()
    page.get_by_label("Search my songs").fill("no such song at all")
    expect(page.get_by_text("No match for")).to_be_visible()
    page.get_by_label("Search my songs").fill(title)
    expect(page.locator("#found .job").first).to_be_visible()
    page.goto("/create")
    page.locator(f"summary[aria-label='More for {title}']").click()
    page.get_by_role("button", name="Delete all takes").click()
    expect(page.locator("#removed")).to_contain_text(f"{title} is in the bin")
    expect(page.locator(".job")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".takes > li")).to_have_count(2)


def test_the_queue_is_moved_by_arrow_keys_and_another_browser_knows_it(open_page: OpenPage) -> None:
    page = open_page("/create")
    with page.expect_response("**/player"):
        page.locator(".takes .play").first.click()
    page.wait_for_function(PLAYING)
    page.keyboard.press("Space")
    page.get_by_role("region", name="Player").get_by_role("button", name="Queue").last.click()
    rows = page.locator("#queue [data-position]")
    first = rows.first.locator("[data-by]").inner_text()
    rows.first.locator("[data-grip]").focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1).locator("[data-by]")).to_have_text(first)
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    assert page.evaluate("document.activeElement.closest('[data-position]').dataset.position") == "1"
    other = open_page("/create")
    expect(other.get_by_role("region", name="Player")).to_be_visible()


def test_everything_from_asking_to_publishing_is_done_by_keyboard(open_page: OpenPage) -> None:
    page = open_page("/create")
    ready = page.locator(".takes > li").count()
    tab_to(page, "#full_description")
    page.keyboard.type("A short march for the night baker")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#desk .job")).to_have_count(1)
    expect(page.locator(".takes > li")).to_have_count(ready + 2, timeout=MAKING)
    page.reload()
    tab_to(page, ".takes .play")
    page.keyboard.press("Enter")
    page.wait_for_function(PLAYING)
    page.keyboard.press("Tab")
    page.keyboard.press("l")
    expect(page.locator("[data-like]")).to_have_attribute("aria-pressed", "true")
    page.reload()
    tab_to(page, ".takes .menu summary")
    page.keyboard.press("Enter")
    tab_to(page, ".menu form[action$='/publish'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".takes").get_by_text("Published", exact=True).first).to_be_visible()


def test_queue_and_settings_are_reached_by_keyboard(open_page: OpenPage) -> None:
    page = open_page("/create")
    tab_to(page, ".takes .play")
    page.keyboard.press("Enter")
    page.wait_for_function(PLAYING)
    page.keyboard.press("Space")  # the button that has the focus pauses
    page.wait_for_function("() => document.querySelector('#player audio').paused")
    page.keyboard.press("q")
    expect(page.get_by_role("button", name="Close queue")).to_be_focused()
    rows = page.locator("#queue [data-position]")
    count = rows.count()
    tab_to(page, "#queue li:not([aria-current]) [data-remove]")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(count - 1)
    page.keyboard.press("Escape")
    expect(page.locator("#queue")).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('.takes .play')")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog").get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.reload()
    tab_to(page, ".me a[href='/settings']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "main"
    tab_to(page, "input[name=theme]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    tab_to(page, "form[action='/settings/looks'] button")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_without_a_script_somebody_signs_in_makes_a_song_and_plays_it(made: Made, open_page: OpenPage) -> None:
    page = open_page("/sign-in", storage_state=None, java_script_enabled=False)
    page.get_by_label("E-mail or name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.goto("/create")
    songs = page.locator(".takes > li").count()
    page.get_by_label("What should it be about").fill("A lullaby for a lighthouse")
    page.get_by_role("button", name=re.compile("Make .* take")).click()
    for _ in range(60):
        if page.locator(".takes > li").count() > songs:
            break
        page.wait_for_timeout(1000)
        page.goto("/create")
    audio = page.locator(".takes audio[controls]").first
    expect(audio).to_be_visible()
    with page.expect_response("**/audio") as heard:
        audio.focus()
        page.keyboard.press("Space")
    assert heard.value.status in (200, 206)
    page.locator(".takes button[aria-pressed]").first.click()
    expect(page.locator(".takes button[aria-pressed='true']").first).to_be_visible()


def test_without_a_script_settings_are_kept_and_the_queue_is_paused(open_page: OpenPage) -> None:
    page = open_page("/settings", java_script_enabled=False)
    page.get_by_label("Language of the pages").select_option("de")
    page.get_by_role("button", name="Keep these").click()
    expect(page.get_by_role("heading", name="Einstellungen", level=1)).to_be_visible()
    page.get_by_label("Sprache der Seiten").select_option("en")
    page.get_by_role("button", name="So behalten").click()
    page.goto("/admin/queue")
    page.get_by_role("button", name="Pause the queue").click()
    page.goto("/create")
    expect(page.locator("#paused")).to_contain_text("The queue is paused")
    page.goto("/admin/queue")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Pause the queue")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_screens_are_kept_to_be_looked_at(made: Made, open_page: OpenPage, scheme: str, width: int) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    size = {"width": width, "height": 900 if width == 1440 else 844}
    page = open_page("/create", color_scheme=scheme, viewport=size, reduced_motion="reduce")
    for name, path in (("studio", "/create"), ("bin", "/create?shelf=bin"), ("song", made.song)):
        page.goto(path)
        page.wait_for_load_state()
        page.screenshot(path=SCREENS / f"{name}-{width}-{scheme}.png")


def test_a_page_asks_for_little_and_nobody_else(made: Made, open_page: OpenPage) -> None:
    for path in ("/create", made.song, "/"):
        page = open_page(path)
        asked = addresses_of(page)
        page.reload()
        page.wait_for_load_state()
        assert len([url for url in asked if not url.endswith("/events")]) <= 15, asked
        # The store is another door of the same box.
        assert {urlsplit(url).hostname for url in asked if not url.startswith("data:")} == {
            urlsplit(made.address).hostname
        }
