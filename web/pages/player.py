"""The player's memory: the queue and the place in it, kept for every browser of a person; and news while nobody looks."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from sqlalchemy.orm import Session

from appliance.errors import InvalidInput, NotFound
from appliance.listening import playable_songs, player_of, save_player
from appliance.shelf import count_ready
from appliance.songs import get_song, liked_songs
from appliance.tables import User
from web.drawing import player_entry

LONGEST_QUEUE = 500
_FRESH = {"cache-control": "no-store"}
Place = Annotated[int, msgspec.Meta(ge=0, lt=LONGEST_QUEUE)]
Answer = Response[dict[str, Any]]


class State(msgspec.Struct, forbid_unknown_fields=True):
    """Where a player stands: songs, places in them in the order in which they play, how far in that order, seconds."""

    songs: Annotated[list[UUID], msgspec.Meta(max_length=LONGEST_QUEUE)]
    order: Annotated[list[Place], msgspec.Meta(max_length=LONGEST_QUEUE)]
    at: Place
    time: Annotated[float, msgspec.Meta(ge=0, le=86_400)]
    volume: Annotated[float, msgspec.Meta(ge=0, le=1)]
    muted: bool
    shuffled: bool
    repeat: Literal["off", "all", "one"]


class PlayerPages(Controller):
    """What the player asks and tells."""

    path = "/player"

    @get("/", sync_to_thread=True)
    def look(self, session: NamedDependency[Session], viewer: NamedDependency[User]) -> Answer:
        """Return where the player stood; songs that cannot be heard any more are left out."""
        kept = player_of(session, viewer)
        if kept is None:
            return Response({"queue": None}, headers=_FRESH)
        state = msgspec.convert(kept.state, State)
        songs = playable_songs(session, viewer, state.songs)
        there = [song_id for song_id in state.songs if song_id in songs]
        place_of = {song_id: place for place, song_id in enumerate(there)}
        playing = [state.songs[place] for place in state.order if state.songs[place] in songs]
        before = sum(state.songs[place] in songs for place in state.order[: state.at])
        present = state.songs[state.order[state.at]] if state.order else None
        told = {
            "saved_at": _milliseconds(kept.saved_at),
            "queue": {
                "entries": [player_entry(songs[song_id], songs[song_id].request.user.name) for song_id in there],
                "order": [place_of[song_id] for song_id in playing],
                "at": min(before, max(0, len(playing) - 1)),
                "shuffled": state.shuffled,
                "repeat": state.repeat,
            },
            "time": state.time if present in songs else 0.0,
            "volume": state.volume,
            "muted": state.muted,
        }
        return Response(told, headers=_FRESH)

    @post("/", status_code=200, sync_to_thread=True)
    def save(
        self,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Answer:
        """Keep where the player stands: the field `state`, as JSON."""
        try:
            state = msgspec.json.decode(form.get("state", ""), type=State)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise InvalidInput("This is no state of a player.") from error
        if any(place >= len(state.songs) for place in state.order) or (state.order and state.at >= len(state.order)):
            raise InvalidInput("This state of a player names songs that it does not hold.")
        saved = save_player(session, viewer, msgspec.to_builtins(state))
        return Response({"saved_at": _milliseconds(saved)}, headers=_FRESH)

    @get("/liked", sync_to_thread=True)
    def liked(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], song: FromQuery[UUID | None] = None
    ) -> Answer:
        """Return whether the viewer likes a song that they can see."""
        if song is None:
            raise NotFound
        found = get_song(session, song, viewer)
        return Response({"liked": bool(liked_songs(session, viewer, [found.id]))}, headers=_FRESH)

    @get("/news", sync_to_thread=True)
    def news(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], since: FromQuery[int] = 0
    ) -> Answer:
        """Return how many songs became ready since then (milliseconds) and are unheard: for the title of a hidden tab."""
        try:
            moment = datetime.fromtimestamp(since / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            raise InvalidInput("This is no moment.") from None
        return Response({"ready": count_ready(session, viewer, moment)}, headers=_FRESH)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
