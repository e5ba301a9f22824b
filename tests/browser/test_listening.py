"""From a fresh studio to a song that plays, and everything that listening is."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import SECONDS, Made, forgive

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PLAYING = (
    "() => { const audio = document.querySelector('#player audio'); return !audio.paused && audio.currentTime > %s }"
)


def until_playing(page: Page, after: float = 0.2) -> None:
    page.wait_for_function(PLAYING % after)


def time_of(page: Page) -> float:
    return float(page.evaluate("document.querySelector('#player audio').currentTime"))


def is_paused(page: Page) -> bool:
    return bool(page.evaluate("document.querySelector('#player audio').paused"))


def player(page: Page) -> Locator:
    return page.get_by_role("region", name="Player")


def test_from_the_link_in_the_terminal_to_two_takes_that_play_and_seek(made: Made, open_page: OpenPage) -> None:
    page = open_page()
    statuses: list[int] = []
    page.on(
        "response",
        lambda response: statuses.append(response.status) if response.request.resource_type == "media" else None,
    )
    for take in (0, 1):
        page.locator(".takes .play").nth(take).click()
        until_playing(page)
        assert page.evaluate("document.querySelector('#player audio').duration") == pytest.approx(SECONDS, abs=1)
    expect(player(page).get_by_role("button", name="Pause")).to_be_visible()

    # A press on the form line, seven tenths along it.
    line = page.locator("#player .line").bounding_box()
    assert line
    page.mouse.click(line["x"] + line["width"] * 0.7, line["y"] + line["height"] / 2)
    page.wait_for_function("s => document.querySelector('#player audio').currentTime > s", arg=SECONDS * 0.68)
    assert time_of(page) == pytest.approx(SECONDS * 0.7, abs=1.5)
    assert 206 in statuses

    # The last take of the list: its end is the end, and the song stands at its beginning again.
    page.wait_for_function("() => document.querySelector('#player audio').paused")
    expect(player(page).locator("[data-time]")).to_have_text("0:00")


def test_the_song_goes_on_while_pages_change(made: Made, open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("window.first = document.querySelector('#player audio')")
    page.locator(".takes .play").first.click()
    until_playing(page)
    heard = time_of(page)
    page.locator(".job h4 a").first.click()
    expect(page).to_have_url(f"{made.address}{made.song}")
    expect(page.locator("main h1")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "main"
    # The page that arrived knows what plays.
    expect(page.locator(".hero").get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("link", name="Discover").first.click()
    expect(page.get_by_role("heading", name="Discover", level=1)).to_be_visible()
    page.go_back()
    expect(page).to_have_url(f"{made.address}{made.song}")
    page.go_back()
    expect(page.get_by_role("heading", name="Make a song")).to_be_visible()
    page.go_forward()
    expect(page.locator(".hero h1")).to_be_visible()
    assert page.evaluate("window.first === document.querySelector('#player audio')")
    assert not is_paused(page)
    assert time_of(page) > heard


def test_a_reload_waits_paused_at_the_same_place(open_page: OpenPage) -> None:
    page = open_page()
    page.locator(".takes .play").first.click()
    until_playing(page, 1)
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('#player audio').paused")
    stopped = time_of(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.resource_type == "media" else None)
    page.on("framenavigated", lambda _: asked.clear())  # what the page before still asked for
    page.reload()
    expect(player(page).locator("[data-time]")).to_have_text(f"0:{int(stopped):02}")
    assert asked == []
    player(page).get_by_role("button", name="Play").click()
    until_playing(page, stopped)
    assert time_of(page) < stopped + 3


def test_everything_plays_from_the_keyboard(made: Made, open_page: OpenPage) -> None:
    page = open_page(made.song)
    page.locator(".hero [data-play]").focus()
    page.keyboard.press("Enter")
    until_playing(page)
    page.locator("main").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('#player audio').currentTime > 5")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('#player audio').currentTime < 5")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('#player audio').paused")
    page.keyboard.press("m")
    expect(player(page).get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    page.keyboard.press("q")
    expect(page.locator("#queue")).to_be_visible()
    page.keyboard.press("Escape")
    # Letters are letters while somebody types.
    page.get_by_label("Title").fill("")
    page.get_by_label("Title").press_sequentially("mcq?")
    expect(page.get_by_label("Title")).to_have_value("mcq?")
    expect(page.locator("#queue")).to_be_hidden()


def test_the_queue_is_the_list_in_which_somebody_pressed_play(open_page: OpenPage) -> None:
    page = open_page()
    page.locator(".takes .play").first.click()
    until_playing(page)
    first = page.evaluate("document.querySelector('#player audio').src")
    player(page).get_by_role("button", name="Next").click()
    page.wait_for_function("first => document.querySelector('#player audio').src !== first", arg=first)
    until_playing(page)
    player(page).get_by_role("button", name="Queue").last.click()
    rows = page.locator("#queue li")
    expect(rows).to_have_count(page.locator(".takes .play").count())
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    rows.first.get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(page.locator(".takes .play").count() - 1)


def test_the_waveform_and_the_words_lead_into_the_song(made: Made, open_page: OpenPage) -> None:
    page = open_page(made.song)
    wave = page.locator(".stage .wave").bounding_box()
    assert wave
    page.mouse.click(wave["x"] + wave["width"] * 0.5, wave["y"] + wave["height"] / 2)
    until_playing(page, SECONDS * 0.45)
    page.locator(".marks a").first.click()
    page.wait_for_function("s => document.querySelector('#player audio').currentTime < s", arg=SECONDS * 0.4)
    line = page.locator(".lyrics a").last
    line.click()
    expect(line).to_have_attribute("aria-current", "true")


def test_a_song_that_cannot_be_played_says_so_and_can_be_tried_again(
    made: Made, browser: Browser, complaints: list[str]
) -> None:
    context = browser.new_context(base_url=made.address, storage_state=made.signed_in)
    page = context.new_page()
    page.route("**/audio", lambda route: route.abort())
    page.goto("/create")
    page.locator(".takes .play").first.click()
    trouble = player(page).get_by_text("Could not play")
    expect(trouble).to_be_visible()
    page.unroute("**/audio")
    player(page).get_by_role("button", name="Try again").click()
    until_playing(page)
    expect(trouble).to_be_hidden()
    context.close()
    forgive(complaints, "net::ERR_FAILED")
