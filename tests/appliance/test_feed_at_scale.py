"""A hundred thousand songs of ten thousand people: how many questions each part of a page asks, and how they are answered."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from appliance import database
from appliance.box.alerts import LAST_REASON, LATELY
from appliance.feed import MOST_COUNTED, Wish, audience_of, busy_categories, find_songs, rails, songs_of
from appliance.listening import more_songs_by, similar_songs
from appliance.people import list_people
from appliance.settings import settings
from appliance.shelf import SHELVES, count_ready, count_shelves, list_bin, list_requests
from appliance.songs import get_song
from appliance.tables import Song, User
from appliance.tables.songs import SHOWN
from tests.appliance.people import ask
from tests.bench.crowd import gather_collector, gather_crowd
from tests.bench.queries import explain, nodes, queries
from tests.conftest import empty_database
from web.house import house, pace
from web.jobs import jobs_of
from web.line import queue_of
from web.machine import figures_of_today

PEOPLE, SONGS = 10_000, 100_000
MOST_QUERIES = 3  # of one region of a page
# 8 kB pages that a query may touch; a walk through all songs touches more than ten times as many. Counting pages holds on
# a busy machine too; milliseconds are `make bench`'s.
MOST_PAGES = 6_000
HOARD, PAGES_EACH = 3_000, 5  # songs of one person, and pages that may be read for each of them


@pytest.fixture(scope="module")
def crowd(_postgres: str) -> Iterator[None]:
    """Fill the database once for this file; `database_url`, which every other test begins with, empties it."""
    empty_database()
    with database.session_factory()() as session:
        gather_crowd(session, PEOPLE, SONGS)
        gather_collector(session, HOARD)
    yield
    empty_database()


def words_of(session: Session, least: int, most: int) -> str:
    """Return a word of the lyrics that so many songs have."""
    statement = text(
        "SELECT word FROM ts_stat('SELECT search FROM songs LIMIT 5000') WHERE ndoc BETWEEN :a AND :b LIMIT 1"
    )
    return str(session.scalar(statement, {"a": least, "b": most}))


Region = Callable[[Session, User], object]


def narrowed(show: str) -> Region:
    return lambda session, _: find_songs(session, Wish(show=show))


def shelved(shelf: str) -> Region:
    return lambda session, user: list_requests(session, user, shelf=shelf)


def a_song_of(session: Session, user: User) -> Song:
    """Return a published song of theirs."""
    found = session.scalars(select(Song.id).where(Song.user_id == user.id, Song.published).limit(1)).one()
    return get_song(session, found, user)


def as_admin(user: User) -> User:
    """Return somebody with the role that the admins' pages want, which is not written down."""
    return User(id=user.id, name=user.name, role="admin")


REGIONS: dict[str, Region] = {
    "chart": lambda session, _: find_songs(session, Wish(), limit=30),
    "rails": lambda session, _: rails(session),
    "kinds": lambda session, _: busy_categories(session),
    "newest": lambda session, _: find_songs(session, Wish(newest=True)),
    "category": lambda session, _: find_songs(session, Wish(category="jazz")),
    "category and filter": lambda session, _: find_songs(session, Wish(category="jazz", show="slow")),
    **{f"filter {name}": narrowed(name) for name in SHOWN},
    "search, everywhere": lambda session, _: find_songs(session, Wish(words_of(session, 3000, 5000))),
    "search, some": lambda session, _: find_songs(session, Wish(words_of(session, 100, 200))),
    "search, rare": lambda session, _: find_songs(session, Wish(words_of(session, 1, 8))),
    "search, two letters": lambda session, _: find_songs(session, Wish("ba")),
    "search, nothing": lambda session, _: find_songs(session, Wish("xylograph")),
    "search, a style": lambda session, _: find_songs(session, Wish("bossa nova")),
    "search, a person": lambda session, _: find_songs(session, Wish("person 4711")),
    "search and filters": lambda session, _: find_songs(session, Wish("house", "jazz", "languages")),
    "profile": lambda session, user: songs_of(session, user.id),
    "audience": lambda session, user: audience_of(session, user.id),
    "my songs": list_requests,
    "my songs, search": lambda session, user: list_requests(session, user, words="nova"),
    "my songs, no match": lambda session, user: list_requests(session, user, words="xylograph kettle"),
    **{f"my songs, {name}": shelved(name) for name in SHELVES},
    "bin": list_bin,
    "ready lately": lambda session, user: count_ready(session, user, datetime(2026, 1, 1, tzinfo=UTC)),
    "shelves": count_shelves,
    "similar": lambda session, _: similar_songs(session, session.info["song"]),
    "more by": lambda session, _: more_songs_by(session, session.info["song"]),
    "house": house,
    "pace": lambda session, _: pace(session),
    "queue": lambda session, user: queue_of(session, as_admin(user)),
    "today": lambda session, _: figures_of_today(session),
    "failed lately": lambda session, _: session.execute(text(LATELY.replace("%(within)s", "'1 hour'"))).all(),
    "last failure": lambda session, _: session.execute(text(LAST_REASON)).all(),
    "people": lambda session, user: list_people(session, as_admin(user)),
    "people, search": lambda session, user: list_people(session, as_admin(user), "son 99", "Person 99"),
}  # fmt: skip
# What somebody has of their own is asked for once more by somebody with thousands of songs.
OWN = (
    "profile",
    "audience",
    "shelves",
    "bin",
    "ready lately",
    "similar",
    "more by",
    *(n for n in REGIONS if n.startswith("my ")),
)


def answers_well(session: Session, region: str, user: User, most_pages: int) -> None:
    """Check how many questions a region asks, and that none of the answers reads a large table through."""
    session.info["song"] = a_song_of(session, user)
    with queries() as asked:
        REGIONS[region](session, user)
    asked = [query for query in asked if "ts_stat" not in query.statement]
    assert len(asked) <= MOST_QUERIES
    for query in asked:
        plan = explain(session, query)
        # Reading on from the start until enough is found is fine; reading everything is not.
        for node in nodes(plan):
            large = node.get("Relation Name") in ("songs", "song_requests", "song_categories", "likes")
            read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            assert not (large and read > SONGS / 4), (query.statement, plan)
        pages = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        assert pages < most_pages, (pages, query.statement, plan)


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_of_a_page_asks_little_and_is_answered_by_an_index(crowd: None, region: str) -> None:
    with database.session_factory()() as session:
        user = session.scalar(select(User).join(Song, Song.user_id == User.id).order_by(User.id).limit(1))
        assert user
        answers_well(session, region, user, MOST_PAGES)


@pytest.mark.parametrize("region", OWN)
def test_whoever_has_thousands_of_songs_finds_theirs_as_well(crowd: None, region: str) -> None:
    with database.session_factory()() as session:
        user = session.scalars(select(User).where(User.name == "Collector")).one()
        answers_well(session, region, user, HOARD * PAGES_EACH)


def test_ten_that_wait_ask_no_more_than_one(crowd: None) -> None:
    with database.session_factory()() as session, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAX_WAITING", "20")
        settings.cache_clear()
        user = session.scalars(select(User).where(User.name == "Collector")).one()
        waiting = [ask(session, user) for _ in range(10)]
        with queries() as asked:
            jobs = jobs_of(session, waiting)
        session.rollback()
    assert [job.sentence.split(" · ")[0] for job in jobs[:3]] == ["Next in line", "Second in line", "Third in line"]
    assert len(asked) <= MOST_QUERIES


def test_deep_pages_cost_what_the_first_one_costs(crowd: None) -> None:
    with database.session_factory()() as session:
        common = words_of(session, 1000, 5000)
        for wish in (Wish(), Wish(common), Wish(show="slow"), Wish(category="jazz"), Wish(newest=True)):
            found = find_songs(session, wish)
            assert found.count == MOST_COUNTED + 1 or wish.category
            for _ in range(20):
                found = find_songs(session, wish, found.after or "")
            with queries() as asked:
                assert len(find_songs(session, wish, found.after or "").songs) == 24
            assert len(asked) <= 2
            plans = [explain(session, query)["Plan"] for query in asked]
            assert sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans) < MOST_PAGES, wish
