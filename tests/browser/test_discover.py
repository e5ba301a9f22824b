"""Discover in a real browser: the search as somebody types, the way to a person, and back."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from appliance.database import NOTICES
from tests.box.studio import Studio
from tests.browser.conftest import NAME, Made, accessibility_violations, connection_of
from tests.browser.test_listening import until_playing
from tests.browser.test_pages import PHONE, sideways
from tests.browser.test_player import COPY, titles

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]


@pytest.fixture
def published(made: Made, open_page: OpenPage) -> Made:
    """The studio with its one song published."""
    page = open_page(made.song)
    button = page.get_by_role("button", name="Publish")
    if button.count():
        button.click()
        expect(page.get_by_role("button", name="Make it private")).to_be_visible()
    return made


def test_a_song_is_found_while_somebody_types(published: Made, open_page: OpenPage) -> None:
    page = open_page(published.song)
    title = page.locator(".hero h1").inner_text()
    page.goto("/")
    search = page.get_by_role("searchbox")
    search.press_sequentially(title.split()[0][:4])
    count = page.locator("#count")
    expect(count).to_contain_text("1 song for")
    expect(search).to_be_focused()
    expect(page.locator("#feed").get_by_role("link", name=title)).to_be_visible()
    search.fill("xylograph")
    expect(count).to_contain_text("0 songs for")
    expect(page.get_by_role("heading", name="No match for")).to_be_visible()
    assert page.url.endswith("/?q=xylograph")
    # The address is that of what is seen, so that a reload shows the same.
    page.reload()
    expect(search).to_have_value("xylograph")
    search.fill("")
    expect(page.get_by_role("heading", name="Most played now")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_chart_and_profile_are_for_everybody_on_a_phone(published: Made, open_page: OpenPage, scheme: str) -> None:
    page = open_page("/", color_scheme=scheme, bypass_csp=True, reduced_motion="reduce", **PHONE)
    expect(page.get_by_role("heading", name="Most played now")).to_be_visible()
    assert accessibility_violations(page) == []
    assert sideways(page) <= 0
    page.locator(".lead").get_by_role("link", name=NAME).click()
    expect(page.get_by_role("heading", name=NAME, level=1)).to_be_visible()
    expect(page.locator("#feed > li")).to_have_count(1)
    assert accessibility_violations(page) == []
    assert sideways(page) <= 0
    page.go_back()
    expect(page.get_by_role("heading", name="Most played now")).to_be_visible()


def test_the_search_works_without_a_script(published: Made, open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    page.get_by_role("searchbox").fill("xylograph")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("heading", name="No match for")).to_be_visible()
    page.get_by_role("link", name="Show everything").click()
    expect(page.locator(".lead audio[controls]")).to_be_visible()


@pytest.fixture
def crowded(studio: Studio, published: Made) -> Iterator[None]:
    """Discover with eighty songs of somebody else's."""
    with connection_of(studio) as database:
        added = database.execute(
            "INSERT INTO users (id, name, password_hash) VALUES (gen_random_uuid(), 'Jun Park', '!') RETURNING id"
        ).fetchone()
        assert added
        for number in range(80):
            put = {"user": added[0], "number": number, "title": f"Number {number:02}", "published": True}
            database.execute(COPY, put)
        yield
        database.execute("DELETE FROM users WHERE id = %s", [added[0]])


def test_number_one_plays_on_into_the_chart_and_a_row_is_liked_in_its_place(crowded: None, open_page: OpenPage) -> None:
    page = open_page("/")
    page.locator(".lead [data-play]").click()
    until_playing(page)
    page.keyboard.press("Space")
    assert titles(page) == [page.locator(".lead h3").inner_text(), *page.locator(".chart .who > a").all_inner_texts()]
    assert len(titles(page)) == 6
    heart = page.locator(".chart .row .like").first
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true")
    expect(heart).to_have_accessible_name(re.compile("^Like Number "))
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "false")
    page.close()  # before its songs are gone, as below


def test_what_is_published_meanwhile_is_said_and_moves_nothing(
    crowded: None, studio: Studio, open_page: OpenPage
) -> None:
    page = open_page("/")
    row = page.locator("#feed > li").nth(15)
    row.scroll_into_view_if_needed()
    before = row.bounding_box()
    with connection_of(studio) as database:
        owner = database.execute("SELECT user_id FROM songs WHERE title = 'Number 00'").fetchone()
        assert owner
        for number in (90, 91):
            put = {"user": owner[0], "number": number, "title": f"Number {number}", "published": True}
            database.execute(COPY, put)
        database.execute("SELECT pg_notify(%s, %s)", [NOTICES, '{"published": true}'])
    show = page.get_by_role("link", name="2 new songs · Show")
    expect(show).to_be_visible()
    assert row.bounding_box() == before
    show.click()
    expect(page.locator("#feed .who > a").first).to_have_text("Number 91")
    expect(show).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("heading", name="Most played now")).to_be_visible()
    page.close()  # before its songs are gone, as below


def test_coming_back_to_a_long_list_finds_the_song_that_was_left(crowded: None, open_page: OpenPage) -> None:
    page = open_page("/?sort=new")
    rows = page.locator("#feed > li")
    for expected in (48, 72):
        page.locator("#more").scroll_into_view_if_needed()
        expect(rows).to_have_count(expected)
    link = rows.nth(60).locator(".who > a")
    title = link.inner_text()
    link.scroll_into_view_if_needed()
    left = page.evaluate("scrollY")
    link.click()
    expect(page.locator(".hero h1")).to_have_text(title)
    page.go_back()
    expect(page.get_by_role("link", name=title)).to_be_in_viewport()
    page.wait_for_function("left => Math.abs(scrollY - left) < 5", arg=left)
    # And on from there.
    page.locator("#more").scroll_into_view_if_needed()
    expect(rows).to_have_count(81)
    page.close()  # before its songs are gone, whose pictures it may still be asking for
