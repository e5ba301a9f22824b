"""Briefs: what somebody asks for, read from a form or from JSON and checked field by field."""

import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.errors import InvalidInput, said

MODES = ("description", "lyrics", "described_lyrics")
VOICES = ("robot", "choir", "none")
TIME_SIGNATURES = ("4/4", "3/4", "6/8")
KEYS = tuple(
    f"{tonic} {mode}"
    for mode in ("major", "minor")
    for tonic in ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
)
LANGUAGES = {
    "en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "it": "Italiano", "pt": "Português",
    "nl": "Nederlands", "sv": "Svenska", "pl": "Polski", "ru": "Русский", "uk": "Українська", "el": "Ελληνικά",
    "tr": "Türkçe", "ar": "العربية", "he": "עברית", "hi": "हिन्दी", "ja": "日本語", "ko": "한국어", "zh": "中文",
}  # fmt: skip
MAX_TITLE, MAX_DESCRIPTION, MAX_PROMPT, MAX_LYRICS = 80, 2000, 500, 5000
SHORTEST, LONGEST, USUAL = 10.0, 600.0, 180.0  # seconds
SLOWEST, FASTEST = 40.0, 240.0  # beats a minute
LARGEST_SEED = 2**31 - 1
USUAL_TAKES, MOST_TAKES = 2, 4
# What any model could be asked for; each settles on what it can do.
LEAST_GUIDANCE, MOST_GUIDANCE = 1.0, 30.0
FEWEST_STEPS, MOST_STEPS = 1, 200

_NUMBERS = {
    "": said("Give a number from %(least)s to %(most)s."),
    "seconds": said("Give a number from %(least)s to %(most)s seconds."),
    "beats a minute": said("Give a number from %(least)s to %(most)s beats a minute."),
    "takes": said("Give a number from %(least)s to %(most)s takes."),
    "steps": said("Give a number from %(least)s to %(most)s steps."),
}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Invisible marks that turn the text around them or split words: no song needs them, and they can make a page lie.
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Brief:
    """A checked brief; the fields are those of `appliance.tables.songs.SongRequest` and, for its takes, of `Song`.

    Durations in seconds. Without a `guidance_scale` the takes differ in it, see `appliance.songs.request_songs`.
    """

    mode: str
    full_description: str = ""
    prompt: str = ""
    lyrics: str = ""
    described_lyrics: str = ""
    title: str = ""
    instrumental: bool = False
    duration: float = USUAL
    bpm: float | None = None
    key: str | None = None
    time_signature: str | None = None
    language: str | None = None
    voice: str = "robot"
    seed: int = 0
    takes: int = USUAL_TAKES
    guidance_scale: float | None = None
    steps: int | None = None


def read_brief(fields: Mapping[str, object]) -> Brief:
    """Return the brief in `fields`: form strings or JSON values, an empty or missing one meaning "you choose".

    Raises InvalidInput with a sentence for every field that cannot be used.
    """
    wrong: dict[str, str] = {}
    mode = str(fields.get("mode") or "description")
    if mode not in MODES:
        wrong["mode"] = said("Choose one of: a description, your own words, or a description of the words.")
    instrumental = _yes(fields.get("instrumental"))
    brief = Brief(
        mode=mode,
        full_description=_text(fields, "full_description", MAX_DESCRIPTION, wrong),
        prompt=" ".join(_text(fields, "prompt", MAX_PROMPT, wrong).split()),
        lyrics=_text(fields, "lyrics", MAX_LYRICS, wrong),
        described_lyrics=_text(fields, "described_lyrics", MAX_DESCRIPTION, wrong),
        title=" ".join(_text(fields, "title", MAX_TITLE, wrong).split()),
        instrumental=instrumental,
        duration=_number(fields, "duration", SHORTEST, LONGEST, "seconds", wrong) or USUAL,
        bpm=_number(fields, "bpm", SLOWEST, FASTEST, "beats a minute", wrong),
        key=_choice(fields, "key", KEYS, wrong),
        time_signature=_choice(fields, "time_signature", TIME_SIGNATURES, wrong),
        language=_choice(fields, "language", tuple(LANGUAGES), wrong),
        voice=_choice(fields, "voice", VOICES, wrong) or "robot",
        seed=_seed(fields, wrong),
        takes=_whole(fields, "takes", 1, MOST_TAKES, "takes", wrong) or USUAL_TAKES,
        guidance_scale=_number(fields, "guidance_scale", LEAST_GUIDANCE, MOST_GUIDANCE, "", wrong),
        steps=_whole(fields, "steps", FEWEST_STEPS, MOST_STEPS, "steps", wrong),
    )
    if mode == "description" and not brief.full_description and "full_description" not in wrong:
        wrong["full_description"] = said("Say in a few words what you would like to hear.")
    if mode != "description" and not brief.prompt and "prompt" not in wrong:
        wrong["prompt"] = said("Name a sound: a style, some instruments, a mood.")
    if mode == "lyrics" and not instrumental and not brief.lyrics and "lyrics" not in wrong:
        wrong["lyrics"] = said("Write some words, or choose Instrumental.")
    if (
        mode == "described_lyrics"
        and not instrumental
        and not brief.described_lyrics
        and not wrong.get("described_lyrics")
    ):
        wrong["described_lyrics"] = said("Say what the words are about, or choose Instrumental.")
    if wrong:
        raise InvalidInput.about(**wrong)
    return brief


def _too_long(length: int, longest: int) -> str:
    return said(
        "This is too long: %(length)s characters, and %(longest)s fit.", length=f"{length:,}", longest=f"{longest:,}"
    )


def _text(fields: Mapping[str, object], name: str, longest: int, wrong: dict[str, str]) -> str:
    """Return a text without invisible marks and with plain line breaks, or note what is wrong with it."""
    raw = fields.get(name)
    text = "" if raw is None else str(raw)
    if len(text) > longest * 2:  # far too long: do not even look at it
        wrong[name] = _too_long(len(text), longest)
        return ""
    try:
        text.encode()
    except UnicodeEncodeError:
        wrong[name] = said("This holds characters that are broken. Type it again.")
        return ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(text):
        wrong[name] = said("This holds control characters that are not text. Type it again.")
        return ""
    text = _INVISIBLE.sub("", text).strip()
    if len(text) > longest:
        wrong[name] = _too_long(len(text), longest)
    return text


def tidy(text: str, longest: int) -> str:
    """Return what a model wrote as text and nothing else: without control characters and invisible marks, and not too long.

    What a person typed is refused instead (`read_brief`), since they can type it again.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "ignore").decode()
    return _INVISIBLE.sub("", _CONTROL.sub("", text)).strip()[:longest]


def _number(
    fields: Mapping[str, object], name: str, least: float, most: float, unit: str, wrong: dict[str, str]
) -> float | None:
    raw = fields.get(name)
    if raw is None or str(raw).strip() == "":
        return None
    try:
        value = float(str(raw))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        wrong[name] = said(_NUMBERS[unit], least=f"{least:g}", most=f"{most:g}")
        return None
    return value


def _whole(
    fields: Mapping[str, object], name: str, least: int, most: int, unit: str, wrong: dict[str, str]
) -> int | None:
    value = _number(fields, name, least, most, unit, wrong)
    if value is not None and value != int(value):
        wrong[name] = said("Give a whole number from %(least)s to %(most)s.", least=least, most=most)
        return None
    return None if value is None else int(value)


def _seed(fields: Mapping[str, object], wrong: dict[str, str]) -> int:
    """Return the seed; empty and -1 mean a new random one."""
    raw = str(fields.get("seed") if fields.get("seed") is not None else "").strip()
    if raw in ("", "-1"):
        return secrets.randbelow(LARGEST_SEED)
    if not re.fullmatch(r"\d{1,10}", raw, re.ASCII) or int(raw) > LARGEST_SEED:
        wrong["seed"] = said(
            "Give a whole number from 0 to %(most)s, or leave it empty for a new one.", most=LARGEST_SEED
        )
        return 0
    return int(raw)


def _choice(fields: Mapping[str, object], name: str, choices: tuple[str, ...], wrong: dict[str, str]) -> str | None:
    raw = str(fields.get(name) or "").strip()
    if not raw:
        return None
    if raw not in choices:
        wrong[name] = said("Choose one from the list.")
        return None
    return raw


def _yes(raw: object) -> bool:
    return raw is True or str(raw or "").strip().lower() in ("1", "on", "true", "yes")
