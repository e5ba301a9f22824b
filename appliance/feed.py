"""The community feed: what people published, by how much it is played now, by category, by words, and by person.

Every list goes by an index: what is played now is a stored number that needs no change as time passes (migration 0005 says
how), so a page costs the same whether there are a thousand songs or a hundred thousand. Private songs are in none of these
indexes.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, cast, exists, func, select, text, true, tuple_
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session, defer, joinedload, selectinload

from appliance.tables import Category, Song, SongRequest, User, song_categories
from appliance.tables.songs import SHOWN

MOST_COUNTED = 1000  # matches up to which they are counted and put in order of how well they match
_in = song_categories.c
Ids = Select[*tuple[Any, ...]]  # an id, and what the list goes by
# The very words of the indexes, which is what Postgres knows them by.
_SHOWN = {
    name: text(re.sub(r"\b(published|instrumental|bpm|language|duration)\b", r"songs.\1", shown))
    for name, shown in SHOWN.items()
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody looks for: `words` anywhere, the slug of a `category`, a part to `show` (of SHOWN), `newest` first."""

    words: str = ""
    category: str = ""
    show: str = ""
    newest: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One page of songs with their owners; `after` is where the next one begins, None at the end.

    `count`: how many there are in all, MOST_COUNTED + 1 for more than that, None on later pages.
    """

    songs: list[Song]
    after: str | None
    count: int | None = None


def find_songs(session: Session, wish: Wish, after: str = "", limit: int = 24) -> Found:
    """Return published songs, what is played most now first; of a search with few matches, titles and people before lyrics.

    An `after` that nobody gave out begins at the top.
    """
    mark = _read_mark(after)
    searched = bool(wish.words.strip())
    count: int | None = None
    if searched and (not mark or mark[0] == "r"):
        count, best = _best_matches(session, wish, mark[1:] if mark else None, limit + 1)
        if count <= MOST_COUNTED:
            return _page(session, "r", best, limit, None if mark else count)
    elif not mark:
        count = _count(session, wish)
    if wish.newest and not searched:
        kind, ids = "n", _newest(mark[1:] if mark and mark[0] == "n" else None)
    else:
        kind, ids = "h", _hottest(wish, mark[1:] if mark and mark[0] == "h" else None)
    return _page(session, kind, session.execute(ids.limit(limit + 1)).all(), limit, count)


def matching(wish: Wish) -> ColumnElement[bool]:
    """Return the condition that a song is published and has all words of `wish`, within its category and filter."""
    return and_(Song.published, _matches(Song.search, _asked(wish)))


def count_matches(session: Session, wish: Wish) -> int:
    """Return how many songs a search finds, up to MOST_COUNTED + 1."""
    some = select(Song.id).where(matching(wish)).limit(MOST_COUNTED + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def songs_of(session: Session, user_id: UUID, after: str = "", limit: int = 24) -> Found:
    """Return what somebody published, what is played most now first."""
    mark = _read_mark(after)
    ids = select(Song.id, Song.heat).where(Song.user_id == user_id, Song.published)
    ids = ids.order_by(Song.heat.desc(), Song.id.desc())
    if mark and mark[0] == "h":
        ids = ids.where(tuple_(Song.heat, Song.id) < tuple_(mark[1], mark[2]))
    return _page(session, "h", session.execute(ids.limit(limit + 1)).all(), limit)


def published_songs(session: Session, before: tuple[datetime, UUID] | None = None, limit: int = 24) -> list[Song]:
    """Return published songs with their owners and categories, newest first, from behind this moment and id on.

    Whatever is published or taken back meanwhile, a walk through all pages meets every other song once.
    """
    wanted = (
        select(Song)
        .where(Song.published)
        .order_by(Song.published_at.desc(), Song.id.desc())
        .limit(limit)
        .options(joinedload(Song.request).joinedload(SongRequest.user), selectinload(Song.categories))
    )
    if before:
        wanted = wanted.where(tuple_(Song.published_at, Song.id) < tuple_(*before))
    return list(session.scalars(wanted))


def published_since(session: Session, viewer: User, moment: datetime) -> int:
    """Return how many songs of others were published after this moment."""
    new = select(func.count()).where(Song.published, Song.published_at > moment, Song.user_id != viewer.id)
    return session.scalars(new).one()


def audience_of(session: Session, user_id: UUID) -> tuple[int, int, int]:
    """Return how many songs somebody published, how often they were played, and how often liked."""
    sums = select(func.count(), func.sum(Song.listen_count), func.sum(Song.like_count))
    songs, plays, likes = session.execute(sums.where(Song.user_id == user_id, Song.published)).one()
    return songs, plays or 0, likes or 0


def rails(session: Session, most: int = 4, length: int = 8, least: int = 3) -> list[tuple[Category, list[Song]]]:
    """Return the categories with the most going on, at most so many, each with its first songs; none with fewer than `least`."""
    inside = select(_in.song_id, _in.heat).where(_in.category_id == Category.id, _in.heat.is_not(None))
    inside = inside.order_by(_in.heat.desc(), _in.song_id.desc())
    # How hot a category is shows in the last of the songs that it must have.
    warmth = inside.with_only_columns(_in.heat).offset(least - 1).limit(1).scalar_subquery()
    chosen = select(Category.id, warmth.label("warmth")).where(warmth.is_not(None))
    chosen_rows = chosen.order_by(text("warmth DESC")).limit(most).subquery()
    first = (
        select(_in.song_id, _in.heat)
        .where(_in.category_id == chosen_rows.c.id, _in.heat.is_not(None))
        .order_by(_in.heat.desc(), _in.song_id.desc())
        .limit(length)
        .lateral()
    )
    found = session.execute(
        select(Category, first.c.song_id)
        .join(chosen_rows, chosen_rows.c.id == Category.id)
        .join(first, true())
        .order_by(chosen_rows.c.warmth.desc(), first.c.heat.desc(), first.c.song_id.desc())
    ).all()
    songs = {song.id: song for song in _load(session, [row.song_id for row in found])}
    shelves: dict[int, tuple[Category, list[Song]]] = {}
    for category, song_id in found:
        shelves.setdefault(category.id, (category, []))[1].append(songs[song_id])
    return list(shelves.values())


def busy_categories(session: Session) -> list[Category]:
    """Return the categories that have published songs, by name."""
    has_some = exists().where(_in.category_id == Category.id, _in.heat.is_not(None))
    return list(session.scalars(select(Category).where(has_some).order_by(Category.name)))


def _page(session: Session, kind: str, rows: Sequence[Any], limit: int, count: int | None = None) -> Found:
    """Return the page of the first `limit` of `rows`: of each the id first, then what the list goes by."""
    songs = _load(session, [row[0] for row in rows[:limit]])
    return Found(songs, _mark(kind, rows[limit - 1]) if len(rows) > limit else None, count)


def _load(session: Session, ids: list[UUID]) -> list[Song]:
    """Return these songs, with their owners, in this order."""
    if not ids:
        return []
    wanted = select(Song).where(Song.id.in_(ids), Song.published)
    owners = joinedload(Song.request).joinedload(SongRequest.user)
    found = {song.id: song for song in session.scalars(wanted.options(owners, defer(Song.peaks)))}
    return [found[each] for each in ids if each in found]


def _category_id(wish: Wish) -> Any:
    return select(Category.id).where(Category.slug == wish.category).scalar_subquery()


def _asked(wish: Wish) -> ColumnElement[Any]:
    """Return the search for the words of `wish`, within its category and filter, which are words of the index too."""
    query: ColumnElement[Any] = func.search_query(wish.words)
    within = [f"is/{wish.show}"] if wish.show in SHOWN else []
    within += [f"kind/{wish.category}"] if re.fullmatch(r"[a-z0-9-]+", wish.category) else []
    for word in within:
        query = query.op("&&")(cast(f"'{word}'", TSQUERY))
    return query


def _matches(column: Any, query: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.op("@@", is_comparison=True)(query)  # type: ignore[no-any-return]


def _count(session: Session, wish: Wish) -> int:
    """Return how many songs there are of a list that nothing is searched in, up to MOST_COUNTED + 1."""
    some: Ids
    if wish.category and not wish.show:
        some = select(_in.song_id).where(_in.category_id == _category_id(wish), _in.heat.is_not(None))
    elif wish.category:
        some = select(Song.id).where(Song.published, _matches(Song.search, _asked(wish)))
    else:
        some = select(Song.id).where(Song.published)
        some = some.where(_SHOWN[wish.show]) if wish.show in SHOWN else some
    return session.scalar(select(func.count()).select_from(some.limit(MOST_COUNTED + 1).subquery())) or 0


def _best_matches(session: Session, wish: Wish, mark: tuple[Any, ...] | None, limit: int) -> tuple[int, Sequence[Any]]:
    """Return how many songs match, up to MOST_COUNTED + 1, and the first or, with a mark, the next of them.

    Those by their title come first, then by title and person, then by style and lyrics. There are none where more match than
    are put in order. One question for both, as finding the matches is what takes the time.
    """
    found = select(Song.id, Song.heat, Song.title, Song.user_id).where(matching(wish))
    matches = found.limit(MOST_COUNTED + 1).cte("matches")
    tier = case(
        (_matches(func.search_words(matches.c.title), func.search_query(wish.words)), 0),
        (_matches(func.search_words(matches.c.title + " " + User.name), func.search_query(wish.words)), 1),
        else_=2,
    )
    counted = select(func.count().label("songs")).select_from(matches).subquery("counted")
    best = select(matches.c.id, matches.c.heat, tier.label("tier")).join(User, User.id == matches.c.user_id)
    best = best.where(counted.c.songs <= MOST_COUNTED)
    if mark:
        heat, song_id, rank = mark
        behind = (tier == rank) & (tuple_(matches.c.heat, matches.c.id) < tuple_(heat, song_id))
        best = best.where((tier > rank) | behind)
    ordered = best.order_by(tier, matches.c.heat.desc(), matches.c.id.desc()).limit(limit).lateral("best")
    each = ordered.c
    rows = session.execute(
        select(each.id, each.heat, each.tier, counted.c.songs)
        .select_from(counted)
        .outerjoin(ordered, true())
        .order_by(each.tier, each.heat.desc(), each.id.desc())
    ).all()
    return rows[0].songs, [row for row in rows if row.id]


def _newest(mark: tuple[Any, ...] | None) -> Ids:
    ids: Ids = select(Song.id, Song.published_at).where(Song.published)
    if mark:
        ids = ids.where(tuple_(Song.published_at, Song.id) < tuple_(mark[0], mark[1]))
    return ids.order_by(Song.published_at.desc(), Song.id.desc())


def _in_category(wish: Wish) -> Ids:
    inside: Ids = select(_in.song_id, _in.heat)
    inside = inside.where(_in.category_id == _category_id(wish), _in.heat.is_not(None))
    if wish.show in SHOWN:
        inside = inside.join(Song, Song.id == _in.song_id).where(_SHOWN[wish.show])
    return inside.order_by(_in.heat.desc(), _in.song_id.desc())


def _hottest(wish: Wish, mark: tuple[Any, ...] | None) -> Ids:
    if wish.category and not wish.words:
        inside = _in_category(wish)
        return inside.where(tuple_(_in.heat, _in.song_id) < tuple_(mark[0], mark[1])) if mark else inside
    walk: Ids = select(Song.id, Song.heat).where(Song.published).order_by(Song.heat.desc(), Song.id.desc())
    if mark:
        walk = walk.where(tuple_(Song.heat, Song.id) < tuple_(mark[0], mark[1]))
    if not wish.words.strip():
        return walk.where(_SHOWN[wish.show]) if wish.show in SHOWN else walk
    # So many songs match that walking down by heat meets enough of them soon. The offset keeps Postgres from collecting
    # all matches first, which is what its estimate for the first letters of a word would have it do.
    walked = walk.add_columns(Song.search).offset(0).subquery()
    return select(walked.c.id, walked.c.heat).where(_matches(walked.c.search, _asked(wish)))


def _mark(kind: str, row: Any) -> str:
    value = row[1].isoformat() if kind == "n" else repr(row[1])
    return "~".join([kind, value, str(row[0]), *([str(row[2])] if kind == "r" else [])])


def _read_mark(after: str) -> tuple[Any, ...] | None:
    """Return the kind of list, the value that it goes by, the song's id and, of a search, how well it matched."""
    with suppress(ValueError, IndexError):
        kind, value, song_id, *rest = after.split("~")
        if kind == "n":
            return kind, datetime.fromisoformat(value), UUID(song_id)
        if kind == "h":
            return kind, float(value), UUID(song_id)
        if kind == "r":
            return kind, float(value), UUID(song_id), int(rest[0])
    return None
