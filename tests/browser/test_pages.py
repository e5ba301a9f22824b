"""The pages on large and small screens, in light and dark, without scripts, and for everybody."""

from collections.abc import Callable
from itertools import product

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import RULES, Made, accessibility_violations, forgive

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# What pages must not do, each of which the browser complains about.
INLINE_SCRIPT = (
    "document.head.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }))"
)
INLINE_STYLE = "document.body.setAttribute('style', 'color: red')"
FOREIGN_PICTURE = (
    "new Promise((done) => Object.assign(new Image(), { src: 'https://example.org/x.png', onerror: done }))"
)
AN_ERROR = "void setTimeout(() => { throw new Error('a bug') })"
NOT_THERE = "fetch('/no-such-page')"
DESK = {"viewport": {"width": 1440, "height": 900}}


def sideways(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize(("screen", "scheme"), list(product(("desk", "phone"), ("light", "dark"))))
def test_every_page_is_for_everybody(made: Made, open_page: OpenPage, screen: str, scheme: str) -> None:
    rules = RULES if scheme == "light" else ["color-contrast"]  # nothing but the colours is different in the dark
    size = PHONE if screen == "phone" else DESK
    options = {"color_scheme": scheme, "bypass_csp": True, "reduced_motion": "reduce", **size}
    page = open_page("/create", **options)
    ours = (
        "/settings",
        "/settings/keys",
        "/settings/webhooks",
        "/api",
        "/admin",
        "/admin/queue",
        "/admin/reports",
        "/admin/settings",
        "/?q=nothing+like+it",
        "/?sort=new",
    )
    for path in ("/create", made.song, "/", *ours):
        page.goto(path)
        if path == made.song:
            page.locator(".hero [data-play]").click()
        assert accessibility_violations(page, rules) == [], path
        assert sideways(page) <= 0, path
    for part in ("queue", "keys"):
        page.evaluate(f"document.getElementById('{part}').showPopover()")
        assert accessibility_violations(page, rules) == [], part
        page.evaluate(f"document.getElementById('{part}').hidePopover()")
    stranger = open_page("/sign-in", storage_state=None, **options)
    for path in ("/sign-in", "/sign-up"):
        stranger.goto(path)
        assert accessibility_violations(stranger, rules) == [], path
        assert sideways(stranger) <= 0, path


def test_on_a_phone_the_player_is_above_the_tabs_and_everything_is_large_enough(
    made: Made, open_page: OpenPage
) -> None:
    page = open_page("/create", **PHONE)
    page.locator(".takes .play").first.tap()
    page.wait_for_function("() => document.querySelector('#player audio').currentTime > 0.2")
    player, tabs = page.locator("#player").bounding_box(), page.locator(".tabs").bounding_box()
    assert player
    assert tabs
    assert player["y"] + player["height"] == pytest.approx(tabs["y"], abs=1)
    assert tabs["y"] + tabs["height"] == pytest.approx(844, abs=1)
    for button in page.locator("#player .trans button:visible, .desk .btn:visible").all():
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44
    page.get_by_role("region", name="Player").get_by_role("button", name="Queue").tap()
    expect(page.locator("#queue")).to_be_visible()
    # The narrowest window that anybody has to be served in.
    page.set_viewport_size({"width": 320, "height": 640})
    page.keyboard.press("Escape")
    for path in ("/create", made.song, "/"):
        page.goto(path)
        assert sideways(page) <= 0, path


def test_without_scripts_songs_are_asked_for_and_heard(made: Made, open_page: OpenPage) -> None:
    page = open_page("/create", java_script_enabled=False)
    expect(page.locator("#player")).to_be_hidden()
    page.get_by_text("My words").click()
    expect(page.get_by_label("Words", exact=True)).to_be_visible()
    expect(page.get_by_label("What should it be about")).to_be_hidden()
    page.get_by_text("Instrumental").click()
    expect(page.get_by_label("Words", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Make 2 takes").click()
    expect(page.get_by_text("Name a sound")).to_be_visible()
    page.goto(made.song)
    expect(page.locator("main audio[controls]").first).to_be_visible()


def test_what_cannot_be_used_is_said_beside_its_field_and_nothing_typed_is_lost(open_page: OpenPage) -> None:
    page = open_page("/create")
    page.get_by_text("My words").click()
    page.get_by_label("Words", exact=True).fill("[Verse]\nThe tide table is pinned by the door")
    expect(page.locator("[data-words-of]")).to_contain_text("1 section · 8 words")
    page.get_by_role("button", name="Make 2 takes").click()
    sound = page.get_by_label("Sound", exact=True)
    expect(sound).to_have_attribute("aria-invalid", "true")
    expect(sound).to_have_accessible_description("Name a sound: a style, some instruments, a mood.")
    expect(page.get_by_label("Words", exact=True)).to_have_value("[Verse]\nThe tide table is pinned by the door")
    page.get_by_role("button", name="tape hiss").click()
    expect(sound).to_have_value("tape hiss")
    # The draft is there tomorrow as well.
    page.reload()
    expect(page.get_by_label("Sound", exact=True)).to_have_value("tape hiss")
    expect(page.get_by_role("radio", name="My words")).to_be_checked()


def test_light_or_dark_is_chosen_once_and_kept(open_page: OpenPage) -> None:
    page = open_page("/create", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate(ground) == dark


def test_a_page_that_is_not_live_says_so_and_asks_by_itself(
    made: Made, browser: Browser, complaints: list[str]
) -> None:
    context = browser.new_context(base_url=made.address, storage_state=made.signed_in)
    page = context.new_page()
    page.clock.install()
    page.route("**/events", lambda route: route.abort())
    page.goto("/create")
    expect(page.locator("[data-not-live]").first).to_be_hidden()
    with page.expect_request(lambda request: request.url.endswith("/create") and "hx-request" in request.headers):
        page.clock.fast_forward(11_000)
    expect(page.locator("[data-not-live]").first).to_be_visible()
    page.unroute("**/events")
    page.clock.fast_forward(16_000)
    expect(page.locator("[data-not-live]").first).to_be_hidden()
    context.close()
    forgive(complaints, "net::ERR_FAILED", "Failed to fetch")


def test_a_studio_that_does_not_answer_is_said_to_be_so(made: Made, browser: Browser, complaints: list[str]) -> None:
    context = browser.new_context(base_url=made.address, storage_state=made.signed_in)
    page = context.new_page()
    page.goto("/create")
    page.route("**/*", lambda route: route.abort())
    page.get_by_role("link", name="Discover").first.click()
    expect(page.get_by_role("alert")).to_contain_text("does not answer")
    page.unroute("**/*")
    page.get_by_role("link", name="Discover").first.click()
    expect(page.get_by_role("heading", name="Discover", level=1)).to_be_visible()
    context.close()
    forgive(complaints, "net::ERR_FAILED", "Failed to fetch")


def test_coming_back_finds_the_list_where_it_was_left(made: Made, open_page: OpenPage) -> None:
    page = open_page("/create", viewport={"width": 390, "height": 500})
    page.locator(".job h4 a").first.scroll_into_view_if_needed()
    left = page.evaluate("scrollY")
    page.locator(".job h4 a").first.click()
    expect(page.locator(".hero h1")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(page.get_by_role("heading", name="Make a song")).to_be_visible()
    page.wait_for_function("left => Math.abs(scrollY - left) < 50", arg=left)
    assert left > 0


def test_keys_of_one_letter_can_be_turned_off(open_page: OpenPage) -> None:
    page = open_page("/create")
    queue = page.locator("#queue")
    page.locator("main").focus()
    page.keyboard.press("?")
    page.get_by_label("Keys of one letter").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.locator("main").focus()
    page.keyboard.press("q")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(queue).to_be_hidden()
    page.evaluate("document.getElementById('keys').showPopover()")
    page.get_by_label("Keys of one letter").check()
    page.keyboard.press("Escape")
    page.locator("main").focus()
    page.keyboard.press("q")
    expect(queue).to_be_visible()


@pytest.mark.parametrize(
    ("made_by", "heard"),
    [
        (INLINE_SCRIPT, "script-src-elem inline"),
        (INLINE_STYLE, "style-src-attr inline"),
        (FOREIGN_PICTURE, "img-src https://example.org/x.png"),
        (AN_ERROR, "a bug"),
        (NOT_THERE, "status of 404"),
    ],
)
def test_what_a_page_complains_about_is_heard(
    open_page: OpenPage, complaints: list[str], made_by: str, heard: str
) -> None:
    page = open_page("/")
    expect(page.get_by_role("heading", name="Discover", level=1)).to_be_visible()
    assert complaints == []
    page.evaluate(made_by)
    for _ in range(40):
        if any(heard in said for said in complaints):
            break
        page.wait_for_timeout(50)
    assert any(heard in said for said in complaints), complaints
    assert page.evaluate("window.ran") is None
    forgive(complaints, "")
