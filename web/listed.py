"""Songs in lists, as rows and on cards.

The same songs stand on page after page of everybody, so a piece is kept as it is for as long as nothing that it says changes:
what it says is the key that it is kept under.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID
from weakref import ref

from jinja2 import Environment, pass_environment
from markupsafe import Markup

from appliance.languages import language
from appliance.tables import Song

KEPT = 4096  # pieces of 2 to 4 kB; a page of Discover shows sixty


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a row or a card says. `made` stands for the song's sections, which are what they are once it is finished.

    `song` is there as long as the request that the piece is made for, and not for as long as the piece.
    """

    id: UUID
    user_id: UUID
    by: str
    title: str
    prompt: str
    is_sketch: bool
    is_painted: bool
    plays: int
    made: object
    song: ref[Song] = field(compare=False)


def _listed(song: Song) -> _Listed:
    return _Listed(
        song.id,
        song.user_id,
        song.request.user.name,
        song.title,
        song.prompt,
        "sketch" in song.model,
        bool(song.cover_key),
        song.listen_count,
        (song.finished_at, song.duration, song.take),
        ref(song),
    )


@pass_environment
def song_row(templates: Environment, song: Song, is_liked: bool, number: int = 0) -> Markup:
    """Return the row of a published song whose owner is loaded; `number` is its place where the list has places."""
    return _row(templates, _listed(song), is_liked, number, language())


@pass_environment
def song_card(templates: Environment, song: Song) -> Markup:
    """Return the card of a published song whose owner is loaded."""
    return _card(templates, _listed(song), language())


@lru_cache(KEPT)
def _row(templates: Environment, listed: _Listed, is_liked: bool, number: int, _spoken: str) -> Markup:
    return _piece(templates, "row", listed.song(), listed.by, is_liked, number)


@lru_cache(KEPT)
def _card(templates: Environment, listed: _Listed, _spoken: str) -> Markup:
    return _piece(templates, "card", listed.song(), listed.by)


def _piece(templates: Environment, name: str, *about: object) -> Markup:
    piece: Markup = getattr(templates.get_template("_listed.html").module, name)(*about)
    return piece
