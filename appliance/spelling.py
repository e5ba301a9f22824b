"""A near spelling for a search that found nothing, out of the words of published songs and of nothing else.

Postgres' own way, pg_trgm, is not in the wheel that brings Postgres, and an external one may not grant it to a studio's role.
So a bounded number of songs is gone through: those with a word that begins like the searched one, and what is played most.
"""

import difflib
import re
import unicodedata
from dataclasses import replace

from sqlalchemy import column, func, select, true, union_all
from sqlalchemy.orm import Session

from appliance.feed import Wish, count_matches, matching
from appliance.tables import Song

MOST_TERMS = 4
MOST_SONGS = 200  # for each searched word, and of those that are played most
FEWEST_LETTERS = 3  # of a word that may be mistyped
BEGINNING = 3  # letters that are mostly right
NEAR = 0.75  # how alike two words must be: 2 × letters in common / letters of both (difflib's ratio)


def near_spelling(session: Session, wish: Wish) -> tuple[Wish, int] | None:
    """Return the wish with its words as published songs have them, and how many songs it finds; None for none.

    It is for a wish that finds nothing. Its words come back in small letters without accents, as the search knows them.
    """
    terms = _terms(wish.words)
    if not terms or len(terms) > MOST_TERMS:
        return None
    known = _words(session, terms)
    # The last word may not be typed to its end yet.
    near = [_nearest(term, known, is_whole=number < len(terms)) for number, term in enumerate(terms, 1)]
    if None in near or near == terms:
        return None
    better = replace(wish, words=" ".join(filter(None, near)))
    count = count_matches(session, better)
    return (better, count) if count else None


def _terms(words: str) -> list[str]:
    """Return the words as the search folds them: small, without accents, apostrophes and punctuation."""
    bare = re.sub(r"['\u2019\u02bc]", "", unicodedata.normalize("NFKD", words.casefold()))
    return re.findall(r"[^\W_]+", "".join(each for each in bare if not unicodedata.combining(each)))


def _words(session: Session, terms: list[str]) -> list[str]:
    """Return the words of published songs that could be meant, in an order that does not change."""
    mistyped = [term for term in terms if len(term) >= FEWEST_LETTERS]
    if not mistyped:
        return []
    alike = [
        select(Song.search).where(matching(Wish(term[:BEGINNING]))).limit(MOST_SONGS).subquery() for term in mistyped
    ]
    hottest = select(Song.search).where(Song.published).order_by(Song.heat.desc(), Song.id.desc()).limit(MOST_SONGS)
    songs = union_all(*(select(each.c.search) for each in (*alike, hottest.subquery()))).subquery()
    word = func.unnest(func.tsvector_to_array(songs.c.search)).table_valued(column("word")).render_derived().lateral()
    shortest = min(map(len, mistyped))
    found = (
        select(word.c.word)
        .select_from(songs.join(word, true()))
        .distinct()
        .where(func.char_length(word.c.word) >= shortest - 2)
        .where(func.strpos(word.c.word, "/") == 0)  # those of kinds and filters, which nobody searches for
    )
    return sorted(session.scalars(found))


def _nearest(term: str, known: list[str], is_whole: bool) -> str | None:
    """Return the term where it is a word, or may become one when it is typed to its end; else the word that is most like it."""
    if term in known or (not is_whole and any(word.startswith(term) for word in known)):
        return term
    if len(term) < FEWEST_LETTERS:
        return None
    return next(iter(difflib.get_close_matches(term, known, n=1, cutoff=NEAR)), None)
