"""A hundred thousand songs of ten thousand people: how many questions each part of a page asks, and how they are answered."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from appliance import database
from appliance.feed import MOST_COUNTED, Wish, audience_of, busy_categories, find_songs, rails, songs_of
from appliance.shelf import count_shelves, list_requests
from appliance.tables import Song, User
from appliance.tables.songs import SHOWN
from tests.bench.crowd import gather_crowd
from tests.bench.queries import explain, nodes, queries
from tests.conftest import empty_database
from web.house import house, pace

PEOPLE, SONGS = 10_000, 100_000
MOST_QUERIES = 3  # of one region of a page
# 8 kB pages that a query may touch; a walk through all songs touches more than ten times as many. Counting pages holds on
# a busy machine too; milliseconds are `make bench`'s.
MOST_PAGES = 6_000


@pytest.fixture(scope="module")
def crowd(_postgres: str) -> Iterator[None]:
    """Fill the database once for this file; `database_url`, which every other test begins with, empties it."""
    empty_database()
    with database.session_factory()() as session:
        gather_crowd(session, PEOPLE, SONGS)
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
    "shelves": count_shelves,
    "house": house,
    "pace": lambda session, _: pace(session),
}  # fmt: skip


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_of_a_page_asks_little_and_is_answered_by_an_index(crowd: None, region: str) -> None:
    with database.session_factory()() as session:
        user = session.scalar(select(User).join(Song, Song.user_id == User.id).order_by(User.id).limit(1))
        assert user
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
            assert pages < MOST_PAGES, (pages, query.statement, plan)


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
