"""The tables, one file per subject."""

from appliance.tables.categories import Category, song_categories
from appliance.tables.listening import Like, Listen
from appliance.tables.machines import WorkerSeen
from appliance.tables.songs import Song, SongRequest
from appliance.tables.users import LoginSession, OneTimeToken, User

__all__ = [
    "Category",
    "Like",
    "Listen",
    "LoginSession",
    "OneTimeToken",
    "Song",
    "SongRequest",
    "User",
    "WorkerSeen",
    "song_categories",
]
