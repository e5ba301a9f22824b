"""The tables, one file per subject."""

from appliance.tables.access import (
    ApiKey,
    AuditEntry,
    Identity,
    Invite,
    Passkey,
    RecoveryCode,
    SecondFactor,
    Tries,
    UsedChallenge,
)
from appliance.tables.billing import BillingOrder, CheckoutIntent, CreditPack, WebhookMessage
from appliance.tables.categories import Category, song_categories
from appliance.tables.credits import CreditAccount, CreditEntry, CreditHold
from appliance.tables.drafts import WordDraft
from appliance.tables.letters import ResetRequest
from appliance.tables.listening import Like, Listen, PlayerState, SongReport
from appliance.tables.machines import QueuePause, WorkerSeen
from appliance.tables.programs import IdempotentAnswer, WebhookDelivery, WebhookEndpoint
from appliance.tables.songs import Song, SongRequest
from appliance.tables.users import LoginSession, OneTimeToken, User

__all__ = [
    "ApiKey",
    "AuditEntry",
    "BillingOrder",
    "Category",
    "CheckoutIntent",
    "CreditAccount",
    "CreditEntry",
    "CreditHold",
    "CreditPack",
    "IdempotentAnswer",
    "Identity",
    "Invite",
    "Like",
    "Listen",
    "LoginSession",
    "OneTimeToken",
    "Passkey",
    "PlayerState",
    "QueuePause",
    "RecoveryCode",
    "ResetRequest",
    "SecondFactor",
    "Song",
    "SongReport",
    "SongRequest",
    "Tries",
    "UsedChallenge",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "WordDraft",
    "WorkerSeen",
    "song_categories",
]
