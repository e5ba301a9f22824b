"""Songs, requests and accounts as the API shows them: a fixed list of fields, and for the owner a few more.

Never among them: object keys, e-mail addresses, and of other people's songs the seed, the prompt and everything that was asked.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy.orm import Session

from appliance.credits import account_of, are_on, price_of_take
from appliance.songs import liked_songs
from appliance.tables import CreditEntry, Song, SongRequest, User, WebhookDelivery, WebhookEndpoint
from appliance.tables.songs import OPEN
from appliance.turns import is_paused, place_in_line

Status = Literal["queued", "processing", "processed", "failed", "no_credits", "cancelled"]
Moment = Annotated[datetime, Meta(extra_json_schema={"format": "date-time"})]


class SongView(Struct):
    """A take. `seed`, `prompt`, `request_id` and what has to do with its making are there for its owner only.

    `duration` in seconds, `loudness` in LUFS, `progress` from 0 to 1 within the stage.
    """

    id: UUID
    mine: bool
    by: str
    take: int
    title: str
    status: Status
    lyrics: str
    instrumental: bool
    duration: float
    bpm: float | None
    key: str | None
    language: str | None
    model: str
    categories: list[str]
    loudness: float | None
    created_at: Moment
    finished_at: Moment | None
    published: bool
    published_at: Moment | None
    listens: int
    liked: bool
    request_id: UUID | None = None
    stage: str | None = None
    progress: float | None = None
    reason: str | None = None
    prompt: str | None = None
    seed: int | None = None
    guidance_scale: float | None = None
    steps: int | None = None
    price: int | None = None


class SongList(Struct):
    """A page of songs; `next` is the cursor of the next one, null at the end."""

    songs: list[SongView]
    next: str | None


class RequestView(Struct):
    """What was asked for, and its takes. `place_in_line` is 1 for the next, null when nothing waits.

    `paused` says that it waits because an admin has paused the queue.
    """

    id: UUID
    created_at: Moment
    done: bool
    place_in_line: int | None
    paused: bool
    mode: str
    full_description: str
    prompt: str
    lyrics: str
    described_lyrics: str
    title: str
    instrumental: bool
    duration: float
    seed: int
    songs: list[SongView]


class RequestList(Struct):
    """A page of requests; `next` is the cursor of the next one, null at the end."""

    requests: list[RequestView]
    next: str | None


class CategoryView(Struct):
    """One of the studio's categories."""

    name: str
    slug: str


class CategoryList(Struct):
    """All categories."""

    categories: list[CategoryView]


class MeView(Struct):
    """Whose key this is, and what it may do."""

    id: UUID
    name: str
    role: Literal["user", "admin"]
    key_name: str
    scopes: list[str]


class CreditsView(Struct):
    """What can be spent (`available`), what is set aside for songs in the making, and what a take costs.

    Where the studio counts no credits, `counted` is false.
    """

    counted: bool
    available: int
    held: int
    price_of_take: int


class EntryView(Struct):
    """A line of the account's history."""

    number: int
    created_at: Moment
    kind: str
    amount: int
    balance_after: int
    note: str


class EntryList(Struct):
    """A page of the history; `next` is the cursor of the next one, null at the end."""

    entries: list[EntryView]
    next: str | None


class WebhookView(Struct):
    """An address that is told of songs. `secret` signs what is sent there (Standard Webhooks)."""

    id: UUID
    url: str
    created_at: Moment


class NewWebhookView(WebhookView):
    """An address that was just added, with the secret that messages to it are signed with. It is shown this once."""

    secret: str


class WebhookList(Struct):
    """All addresses."""

    webhooks: list[WebhookView]


class DeliveryView(Struct):
    """A message to an address, and what came of it."""

    id: UUID
    event: str
    state: Literal["waiting", "delivered", "given_up"]
    tries: int
    result: str
    created_at: Moment
    next_try_at: Moment | None


class DeliveryList(Struct):
    """The newest messages."""

    deliveries: list[DeliveryView]


def song_views(session: Session, songs: list[Song], viewer: User, by: str | None = None) -> list[SongView]:
    """Return songs as `viewer` may see them; where `by` is not given, their requests and owners must be loaded."""
    liked = liked_songs(session, viewer, [song.id for song in songs])
    return [_song_view(song, viewer, by or song.request.user.name, song.id in liked) for song in songs]


def _song_view(song: Song, viewer: User, by: str, liked: bool) -> SongView:
    mine = song.user_id == viewer.id
    own: dict[str, Any] = {}
    if mine:
        own = {
            name: getattr(song, name)
            for name in (
                "request_id",
                "stage",
                "progress",
                "reason",
                "prompt",
                "seed",
                "guidance_scale",
                "steps",
                "price",
            )
        }
    return SongView(
        id=song.id,
        mine=mine,
        by=by,
        take=song.take,
        title=song.title,
        status=song.status,  # type: ignore[arg-type]  # the database holds it to these
        lyrics=song.lyrics,
        instrumental=song.instrumental,
        duration=song.duration,
        bpm=song.bpm,
        key=song.key,
        language=song.language,
        model=song.model,
        categories=[category.name for category in song.categories],
        loudness=song.loudness,
        created_at=song.created_at,
        finished_at=song.finished_at,
        published=song.published,
        published_at=song.published_at,
        listens=song.listen_count,
        liked=liked,
        **own,
    )


def request_view(session: Session, request: SongRequest, viewer: User) -> RequestView:
    """Return one of the viewer's own requests; its songs and their categories must be loaded."""
    waits = any(song.status in OPEN for song in request.songs)
    place = place_in_line(session, request) if waits else 0
    return RequestView(
        id=request.id,
        created_at=request.created_at,
        done=not waits,
        place_in_line=place or None,
        paused=bool(place) and is_paused(session),
        mode=request.mode,
        full_description=request.full_description,
        prompt=request.prompt,
        lyrics=request.lyrics,
        described_lyrics=request.described_lyrics,
        title=request.title,
        instrumental=request.instrumental,
        duration=request.duration,
        seed=request.seed,
        songs=song_views(session, list(request.songs), viewer, viewer.name),
    )


def credits_view(session: Session, viewer: User) -> CreditsView:
    """Return what the viewer can spend."""
    if not are_on():
        return CreditsView(False, 0, 0, 0)
    account = account_of(session, viewer.id)
    return CreditsView(True, account.available, account.held, price_of_take())


def entry_view(entry: CreditEntry) -> EntryView:
    """Return a line of the history."""
    return EntryView(entry.seq, entry.created_at, entry.kind, entry.amount, entry.balance_after, entry.note)


def webhook_view(endpoint: WebhookEndpoint) -> WebhookView:
    """Return an address; its secret is told once, when it is added."""
    return WebhookView(endpoint.id, endpoint.url, endpoint.created_at)


def delivery_view(delivery: WebhookDelivery) -> DeliveryView:
    """Return a message as it stands."""
    again = delivery.next_try_at if delivery.state == "waiting" else None
    return DeliveryView(
        delivery.id,
        delivery.event,
        delivery.state,  # type: ignore[arg-type]  # the database holds it to these
        delivery.tries,
        delivery.result,
        delivery.created_at,
        again,
    )
