"""Everything that the player does beside playing: its queue, repeating, the system's own controls, what counts as heard."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.box.studio import Studio
from tests.browser.conftest import PASSWORD, SECONDS, Made, connection_of
from tests.browser.test_listening import is_paused, player, until_playing

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
TITLES = ("Tram Fourteen", "Slow Ferry", "Copper Wire")
# More songs on the shelf, without making them: the one that was made, under other names, and Jun with one in Discover.
COPY = """
WITH made AS (SELECT * FROM songs WHERE take = 1 LIMIT 1),
 asked AS (
  INSERT INTO song_requests (id, user_id, created_at, mode, full_description, duration, seed)
  SELECT gen_random_uuid(), %(user)s, now() - interval '2 days' - %(number)s * interval '1 hour', 'description', 'x', 10, 1
  RETURNING id, user_id)
INSERT INTO songs (id, request_id, user_id, take, status, progress, finished_at, heard_at, seed, title, prompt, duration,
  sections, master_key, audio_key, cover_key, thumbnail_key, peaks, loudness, published, published_at)
SELECT gen_random_uuid(), asked.id, asked.user_id, 1, 'processed', 1, now(), now(), 1, %(title)s, 'waltz', made.duration,
  made.sections, made.master_key, made.audio_key, made.cover_key, made.thumbnail_key, made.peaks, -14, %(published)s,
  CASE WHEN %(published)s THEN now() END
FROM made, asked RETURNING id::text"""


@pytest.fixture
def database(studio: Studio, made: Made) -> Iterator[psycopg.Connection]:
    with connection_of(studio) as connection:
        yield connection


@pytest.fixture
def shelf(database: psycopg.Connection) -> list[str]:
    """The addresses of three more songs of Mara's; a fourth is Jun's and published."""
    known = database.execute("SELECT id::text FROM songs WHERE title = ANY(%s) ORDER BY created_at", [list(TITLES)])
    if songs := [f"/songs/{row[0]}" for row in known.fetchall()]:
        return songs
    jun = database.execute(
        "INSERT INTO users (id, name, password_hash) SELECT gen_random_uuid(), 'Jun Park', password_hash FROM users"
        " RETURNING id"
    ).fetchone()
    mara = database.execute("SELECT id FROM users WHERE name <> 'Jun Park'").fetchone()
    assert jun
    assert mara
    for number, title in enumerate(TITLES):
        put = {"user": mara[0], "number": number, "title": title, "published": False}
        added = database.execute(COPY, put).fetchone()
        assert added
        songs.append(f"/songs/{added[0]}")
    database.execute(COPY, {"user": jun[0], "number": 9, "title": "Overpass Gospel", "published": True})
    return songs


def titles(page: Page) -> list[str]:
    return page.locator("#queue [data-jump]").all_inner_texts()


def press(page: Page, name: str) -> None:
    player(page).get_by_role("button", name=name, exact=True).click()


def jump_to_the_end(page: Page) -> None:
    """Go where the song has a second left, and hear it."""
    page.evaluate("s => { document.querySelector('#player audio').currentTime = s - 0.6 }", SECONDS)


def now(page: Page) -> Locator:
    return page.locator("#player .now [data-title]")


def test_songs_are_queued_next_and_later_dragged_and_cleared(shelf: list[str], open_page: OpenPage) -> None:
    page = open_page(shelf[0])
    page.locator(".hero [data-play]").click()
    until_playing(page)
    page.keyboard.press("Space")
    page.get_by_role("link", name="Studio").first.click()
    for title, when in ((TITLES[1], "Play later"), (TITLES[2], "Play next")):
        page.get_by_label(f"More for take 1 of {title}").click()
        page.get_by_role("button", name=when).locator("visible=true").click()
        expect(page.locator("#say")).to_have_text(f"{title} plays {when.split()[1]}")
        expect(page.locator(".menu[open]")).to_have_count(0)
    page.get_by_role("link", name="Discover").first.click()
    page.get_by_label("Queue Overpass Gospel").first.click()
    page.get_by_role("button", name="Play later").locator("visible=true").click()
    player(page).get_by_role("button", name="Queue").last.click()
    assert titles(page) == [TITLES[0], TITLES[2], TITLES[1], "Overpass Gospel"]

    # By mouse, the third above the second.
    grips = page.locator("#queue [data-grip]")
    start, end = grips.nth(2).bounding_box(), grips.nth(1).bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 8, start["y"] + 8)
    page.mouse.down()
    page.mouse.move(end["x"] + 8, end["y"] + 2, steps=8)
    page.mouse.up()
    assert titles(page) == [*TITLES, "Overpass Gospel"]
    expect(page.locator("#say")).to_have_text(f"{TITLES[1]} moved to 2")
    page.keyboard.press("Escape")
    press(page, "Next")
    expect(now(page)).to_have_text(TITLES[1])

    # What is queued outlives a reload, and is cleared but for what has been.
    page.reload()
    expect(now(page)).to_have_text(TITLES[1])
    player(page).get_by_role("button", name="Queue").last.click()
    assert titles(page) == [*TITLES, "Overpass Gospel"]
    page.get_by_role("button", name="Clear what is next").click()
    assert titles(page) == list(TITLES[:2])


def test_shuffled_every_song_comes_once_and_the_order_comes_back(shelf: list[str], open_page: OpenPage) -> None:
    page = open_page("/create")
    page.get_by_role("button", name=f"Play {TITLES[0]}").first.click()
    until_playing(page)
    page.keyboard.press("Space")
    player(page).get_by_role("button", name="Queue").last.click()
    before = titles(page)
    assert len(before) == 5
    page.keyboard.press("Escape")
    press(page, "Shuffle")
    expect(player(page).get_by_role("button", name="Shuffle")).to_have_attribute("aria-pressed", "true")
    player(page).get_by_role("button", name="Queue").last.click()
    assert titles(page)[0] == TITLES[0]
    assert sorted(titles(page)) == sorted(before)
    page.keyboard.press("Escape")
    press(page, "Shuffle")
    player(page).get_by_role("button", name="Queue").last.click()
    assert titles(page) == before


def test_nothing_repeats_or_the_queue_or_one_song(shelf: list[str], open_page: OpenPage) -> None:
    page = open_page("/create")
    page.get_by_role("button", name=f"Play {TITLES[2]}").first.click()
    until_playing(page)
    # The last of the list: it ends, and stands at its beginning.
    jump_to_the_end(page)
    page.wait_for_function("() => document.querySelector('#player audio').paused")
    expect(player(page).locator("[data-time]")).to_have_text("0:00")
    press(page, "Repeat")
    expect(player(page).get_by_role("button", name="Repeat", exact=True)).to_have_attribute("aria-pressed", "true")
    press(page, f"Play {TITLES[2]}")
    until_playing(page)
    jump_to_the_end(page)
    expect(now(page)).not_to_have_text(TITLES[2])
    first = now(page).inner_text()
    press(page, "Repeat")
    until_playing(page, 0)
    jump_to_the_end(page)
    page.wait_for_function(
        "() => { const a = document.querySelector('#player audio'); return a.currentTime < 5 && !a.paused }"
    )
    expect(now(page)).to_have_text(first)
    # Kept, as everything is.
    page.reload()
    press(page, "Repeat this song")
    expect(player(page).get_by_role("button", name="Repeat", exact=True)).to_have_attribute("aria-pressed", "false")


def test_the_volume_is_kept_and_moving_it_is_heard_again(shelf: list[str], open_page: OpenPage) -> None:
    page = open_page(shelf[0])
    page.locator(".hero [data-play]").click()
    until_playing(page)
    volume = player(page).get_by_label("Volume")
    volume.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    heard = page.evaluate("document.querySelector('#player audio').volume")
    press(page, "Mute")
    expect(volume).to_have_value("0")
    page.reload()
    expect(player(page).get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    press(page, "Mute")
    expect(volume).to_have_value(str(round(heard * 100)))
    assert page.evaluate("document.querySelector('#player audio').volume") == pytest.approx(heard)


def test_every_key_of_the_sheet_does_what_it_says(shelf: list[str], open_page: OpenPage) -> None:
    page = open_page("/create")
    page.get_by_role("button", name=f"Play {TITLES[1]}").first.click()
    until_playing(page)
    page.locator("main").focus()
    page.keyboard.press("?")
    said = page.get_by_role("dialog").locator("kbd").all_inner_texts()
    assert said == ["Space", "← →", "Shift ← →", "N / P", "M", "L", "/", "Q", "C", "Ctrl Enter", "?"]
    page.keyboard.press("Escape")
    page.locator("main").focus()
    page.keyboard.press("n")
    expect(now(page)).to_have_text(TITLES[2])
    page.keyboard.press("p")
    expect(now(page)).to_have_text(TITLES[1])
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('#player audio').paused")
    section = page.locator("#player [data-section]")
    first = section.inner_text()
    page.keyboard.press("Shift+ArrowRight")
    expect(section).not_to_have_text(first)
    page.keyboard.press("Shift+ArrowLeft")
    expect(section).to_have_text(first)
    page.keyboard.press("l")
    expect(page.locator("[data-like]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("/")
    expect(page.get_by_label("Search my songs")).to_be_focused()
    page.locator(".job h4 a").first.click()
    expect(page.locator(".hero h1")).to_be_visible()
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Make a song")).to_be_visible()


KEEP_HANDLERS = """
window.handlers = {};
const setAction = MediaSession.prototype.setActionHandler;
MediaSession.prototype.setActionHandler = function (name, handler) { handlers[name] = handler; setAction.call(this, name, handler); };
const setPosition = MediaSession.prototype.setPositionState;
MediaSession.prototype.setPositionState = function (state) { window.positionState = state; setPosition.call(this, state); };
"""


def test_the_systems_own_controls_know_the_song_and_move_it(shelf: list[str], open_page: OpenPage) -> None:
    page = open_page("/sign-in")
    page.context.add_init_script(KEEP_HANDLERS)
    page.goto("/create")
    page.get_by_role("button", name=f"Play {TITLES[1]}").first.click()
    until_playing(page)
    told = page.evaluate("({ title, artist, artwork } = navigator.mediaSession.metadata, { title, artist, artwork })")
    assert (told["title"], told["artist"]) == (TITLES[1], "Mara Lindqvist")
    assert [picture["sizes"] for picture in told["artwork"]] == ["384x384", "1024x1024"]
    for picture in told["artwork"]:
        answer = page.request.get(picture["src"])
        assert answer.headers["content-type"].startswith("image/")
    assert page.evaluate("navigator.mediaSession.playbackState") == "playing"
    page.evaluate("handlers.seekto({ action: 'seekto', seekTime: 6 })")
    page.wait_for_function("() => positionState.position >= 6")
    assert page.evaluate("positionState.duration") == pytest.approx(SECONDS, abs=1)
    page.evaluate("handlers.seekbackward({})")
    page.wait_for_function("() => document.querySelector('#player audio').currentTime < 3")
    page.evaluate("handlers.pause()")
    page.wait_for_function("() => navigator.mediaSession.playbackState === 'paused'")
    assert is_paused(page)
    page.evaluate("handlers.play()")
    page.wait_for_function("() => navigator.mediaSession.playbackState === 'playing'")
    page.evaluate("handlers.nexttrack()")
    expect(now(page)).to_have_text(TITLES[2])
    page.wait_for_function("title => navigator.mediaSession.metadata.title === title", arg=TITLES[2])
    page.evaluate("handlers.previoustrack()")
    expect(now(page)).to_have_text(TITLES[1])
    assert sorted(page.evaluate("Object.keys(handlers)")) == [
        "nexttrack", "pause", "play", "previoustrack", "seekbackward", "seekforward", "seekto",
    ]  # fmt: skip


def test_two_tabs_never_play_at_once(shelf: list[str], open_page: OpenPage) -> None:
    first = open_page(shelf[0])
    second = first.context.new_page()
    second.goto(shelf[1])
    first.bring_to_front()
    first.locator(".hero [data-play]").click()
    until_playing(first)
    second.bring_to_front()
    second.locator(".hero [data-play]").click()
    until_playing(second)
    first.wait_for_function("() => document.querySelector('#player audio').paused")
    assert not is_paused(second)


def test_a_song_of_somebody_else_counts_when_it_was_heard_and_never_when_downloaded(
    shelf: list[str], database: psycopg.Connection, open_page: OpenPage
) -> None:
    def listens() -> list[tuple[str, str]]:
        rows = "SELECT users.name, songs.title FROM listens JOIN users ON users.id = listens.user_id JOIN songs ON songs.id = song_id"
        return database.execute(rows).fetchall()

    def hear_all(page: Page) -> None:
        """Play the song that the page is about to its end, three times as fast as it is."""
        page.locator(".hero [data-play]").click()
        until_playing(page)
        page.evaluate("document.querySelector('#player audio').playbackRate = 3")
        page.wait_for_function("() => document.querySelector('#player audio').paused", timeout=20_000)

    before = listens()
    page = open_page("/?sort=new")
    gospel = page.get_by_role("link", name="Overpass Gospel").first.get_attribute("href")
    assert gospel
    # Somebody's own song, to its end, and half of another's.
    page.goto(shelf[0])
    hear_all(page)
    page.goto(gospel)
    page.locator(".hero [data-play]").click()
    until_playing(page, 1)
    page.keyboard.press("Space")
    assert listens() == before
    with page.expect_response("**/listens"):
        page.keyboard.press("Space")
        page.evaluate("document.querySelector('#player audio').playbackRate = 3")
    assert listens() == [*before, ("Mara Lindqvist", "Overpass Gospel")]
    # Jun's own, downloaded by Jun: no play.
    jun = open_page("/sign-in", storage_state=None)
    jun.get_by_label("E-mail or name").fill("Jun Park")
    jun.get_by_label("Password").fill(PASSWORD)
    jun.get_by_role("button", name="Sign in", exact=True).click()
    expect(jun.get_by_role("link", name="Make a song")).to_be_visible()
    assert jun.request.get(f"{gospel}/download?format=mp3").ok
    jun.goto(gospel)
    hear_all(jun)
    expect(player(jun).locator("[data-time]")).to_have_text("0:00")
    assert len(listens()) == len(before) + 1
