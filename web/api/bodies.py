"""The bodies that the API reads. What is not named here is refused, so nobody sets what is not theirs to set."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.briefs import (
    FASTEST,
    KEYS,
    LANGUAGES,
    LARGEST_SEED,
    LONGEST,
    MAX_DESCRIPTION,
    MAX_LYRICS,
    MAX_PROMPT,
    MAX_TITLE,
    SHORTEST,
    SLOWEST,
    USUAL,
)
from appliance.webhooks import MAX_URL

Description = Annotated[str, Meta(max_length=MAX_DESCRIPTION)]
_said = {"enum": [*KEYS]}


class SongBrief(Struct, forbid_unknown_fields=True):
    """What to make. `mode` says what the songwriter goes by: `full_description`, or `prompt` (style tags) with `lyrics`, or with `described_lyrics`.

    `duration` in seconds; what is null or missing is chosen by the songwriter, and `seed` -1 is a new one.
    """

    mode: Literal["description", "lyrics", "described_lyrics"] = "description"
    full_description: Annotated[Description, Meta(examples=["A slow waltz about a lighthouse, sung softly"])] = ""
    prompt: Annotated[str, Meta(max_length=MAX_PROMPT, examples=["indie folk, harmonium, 84 BPM"])] = ""
    lyrics: Annotated[str, Meta(max_length=MAX_LYRICS)] = ""
    described_lyrics: Description = ""
    title: Annotated[str, Meta(max_length=MAX_TITLE)] = ""
    instrumental: bool = False
    duration: Annotated[float, Meta(ge=SHORTEST, le=LONGEST)] = USUAL
    bpm: Annotated[float, Meta(ge=SLOWEST, le=FASTEST)] | None = None
    key: Annotated[str, Meta(max_length=20, extra_json_schema=_said)] | None = None
    time_signature: Literal["4/4", "3/4", "6/8"] | None = None
    language: Annotated[str, Meta(max_length=20, extra_json_schema={"enum": [*LANGUAGES]})] | None = None
    voice: Literal["robot", "choir", "none"] = "robot"
    # In JSON 7 and 7.0 are the same whole number.
    seed: Annotated[float, Meta(ge=-1, le=LARGEST_SEED, multiple_of=1)] = -1


class SongChange(Struct, forbid_unknown_fields=True):
    """What to change of a song; what is not named stays as it is."""

    title: Annotated[str, Meta(min_length=1, max_length=MAX_TITLE)] | UnsetType = UNSET
    published: bool | UnsetType = UNSET


class NewWebhook(Struct, forbid_unknown_fields=True):
    """Where to be told of songs that are ready or have failed."""

    url: Annotated[str, Meta(min_length=1, max_length=MAX_URL, examples=["https://house.example/hooks/songs"])]
