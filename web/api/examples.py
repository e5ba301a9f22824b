"""An example of everything that the API reads and answers, for its document."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from web.api.bodies import NewWebhook, SongBrief, SongChange
from web.api.problems import Problem
from web.api.views import (
    CategoryList,
    CategoryView,
    CreditsView,
    DeliveryList,
    DeliveryView,
    EntryList,
    EntryView,
    MeView,
    NewWebhookView,
    RequestList,
    RequestView,
    SongList,
    SongView,
    WebhookList,
    WebhookView,
)

_made = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
_ready = datetime(2026, 11, 25, 9, 31, 12, tzinfo=UTC)
_ids = [UUID(f"018f3c1e-7a52-4d7b-9c1e-5a0f6b2d4e{number:02x}") for number in range(6)]

SONG = SongView(
    id=_ids[0],
    mine=True,
    by="Mara",
    take=1,
    title="Salt on the Window",
    status="processed",
    lyrics="[Verse]\nThe kettle is quiet\nThe lamp burns low",
    instrumental=False,
    duration=182.4,
    bpm=84.0,
    key="D major",
    language="en",
    model="ace-step-xl-turbo",
    categories=["Folk", "Acoustic"],
    loudness=-14.0,
    created_at=_made,
    finished_at=_ready,
    published=True,
    published_at=_ready,
    listens=3,
    liked=False,
    request_id=_ids[1],
    progress=1.0,
    reason="",
    prompt="indie folk, harmonium",
    seed=4711,
    guidance_scale=7.5,
    steps=8,
    price=1,
)
REQUEST = RequestView(
    id=_ids[1],
    created_at=_made,
    done=True,
    place_in_line=None,
    paused=False,
    mode="description",
    full_description="A slow waltz about a lighthouse, sung softly",
    prompt="",
    lyrics="",
    described_lyrics="",
    title="",
    instrumental=False,
    duration=180.0,
    seed=4711,
    songs=[SONG],
)
WEBHOOK = WebhookView(_ids[2], "https://house.example/hooks/songs", _made)
NEW_WEBHOOK = NewWebhookView(WEBHOOK.id, WEBHOOK.url, WEBHOOK.created_at, "whsec_bm90IGEgcmVhbCBzZWNyZXQ=")
ALL = (
    SONG,
    REQUEST,
    WEBHOOK,
    NEW_WEBHOOK,
    SongList([SONG], None),
    RequestList([REQUEST], None),
    CategoryList([CategoryView("Drum and bass", "drum-and-bass")]),
    MeView(_ids[3], "Mara", "user", "The hall's lamp", ["generate", "songs:read"]),
    CreditsView(counted=True, available=92, held=2, price_of_take=1),
    EntryList([EntryView(7, _ready, "capture", -1, 92, "Song: Salt on the Window")], "7"),
    WebhookList([WEBHOOK]),
    DeliveryList([DeliveryView(_ids[4], "song.ready", "delivered", 1, "It answered 204.", _ready, None)]),
    SongBrief(full_description="A slow waltz about a lighthouse, sung softly", duration=120.0),
    SongChange(title="Salt on the Window", published=True),
    NewWebhook("https://house.example/hooks/songs"),
    Problem(
        "Unprocessable Entity",
        422,
        "Say in a few words what you would like to hear.",
        {"full_description": "Say in a few words what you would like to hear."},
        "5f0c9ab3d1e2",
    ),
)
EXAMPLES: dict[type, Any] = {type(each): msgspec.to_builtins(each) for each in ALL}
