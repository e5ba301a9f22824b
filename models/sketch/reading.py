"""Reading a description in plain words: genre, mood, tempo, key, instruments, singer, themes and the words to sing about."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from models.sketch.languages import guess_language
from models.sketch.themes import Theme, themes, word_forms
from models.sketch.words import FUNCTION_WORDS, phones, stresses, word_list

SLOWEST_BPM, FASTEST_BPM = 30.0, 300.0  # what may be asked for; a composer has limits of its own
_READ_SIGNS = 4000  # of a longer text only the beginning is read; it bounds the time for a pasted book

_BPM = re.compile(
    r"(?<![\d.])(\d{2,3}(?:\.\d{1,2})?)\s*bpm\b|\b(?:bpm|tempo)\s*(?:of|[:=])?\s*(\d{2,3}(?:\.\d{1,2})?)(?![\d.])", re.I
)
_KEY = re.compile(
    r"(?<![A-Za-z])([A-Ga-g])\s?(#|♯|-?sharp|b(?![a-z])|♭|-?flat)?[\s-]*"
    r"(harmonic minor|major|minor|maj|min|dorian|phrygian|lydian|mixolydian)(?![a-z])",
    re.I,
)
_METER = re.compile(r"(?<!\d)([2-9]|12)/(4|8)(?!\d)")
_INSTRUMENTAL = re.compile(
    r"\binstrumental\b(?!\s+(?:break|solo|section|interlude|part|bridge|intro|outro|hook))"
    r"|\b(?:no|without(?: any)?)\s+(?:vocals?|singing|singers?|voices?|words|lyrics)\b",
    re.I,
)
_FEMALE = re.compile(r"\b(?:female|woman|women|girl|soprano|alto voice|diva)\b", re.I)
_MALE = re.compile(r"\b(?:male|man|men|boy|baritone|tenor voice)\b", re.I)
_CHOIR = re.compile(r"\b(?:choirs?|choral|chorale)\b", re.I)

# Words of a description that order a song rather than tell what it is about.
_ORDER_WORDS = FUNCTION_WORDS | frozenset(
    word_list(
        "song songs about track music lyrics write make create want something like feel feeling feels vibe vibes style "
        "genre tempo bpm beat beats sing sung vocal vocals voice singer female male woman man instrumental please some "
        "very really more less kind someone which how there here not no because while after before during get gets got "
        "going one two three also too i'm it's upbeat slow fast happy sad epic calm energetic dark dreamy chill modern "
        "old-school classic minor major key piece anthem tune ballad mood short long under over through sharp flat see "
        "nothing everything anything somebody nobody everybody way ways thing things let lets don't can't won't chorus "
        "verse bridge hook melody catchy sound sounds solo duet album cover radio-friendly tempo's jam script alert"
    )
)
_ADJECTIVES = frozenset(
    word_list(
        "old long new big little small young lost last first wild deep high low great good bad lonely own every other "
        "many few real true free open empty broken cold hot warm red blue black white green golden silver bright four "
        "five entire whole beautiful pretty strange heavy soft loud quiet sweet crazy electric tiny giant ancient hidden "
        "secret forgotten final endless"
    )
)
_VERBS = frozenset(
    word_list(
        "run ran drive drove burn hold held find found leave left lose break broke forget forgot sang fall fell rise "
        "rose fight fought fly flew shine shone swim swam stand stood freeze froze grow grew ride rode spin spun hide "
        "hid drown wander follow connect remember carry cry misses loves wants finds waits goes dances sings says lives "
        "looks falls feels comes come go went say said tell told know knew think thought take took keep kept keeps need "
        "needs meet met meets turn turns walk walks wait play plays played call calls"
    )
)
_ADJECTIVE_ENDINGS = ("ful", "less", "ous", "ish", "ic")
_MOST_KEYWORDS = 6


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text asks for. What it leaves open is empty or None.

    `genre_words` are the text's own names for the genre ("deep house"), the most telling first; `moods` and `instruments`
    are words of the tag table; `keywords` are singable nouns of an English text; `themes` at most two, the stronger first.
    """

    genre_words: tuple[str, ...]
    moods: tuple[str, ...]
    instruments: tuple[str, ...]
    bpm: float | None
    key: str | None
    time_signature: str | None
    instrumental: bool
    singer: str
    choir: bool
    themes: tuple[Theme, ...]
    keywords: tuple[str, ...]


@lru_cache(maxsize=1)
def _tags() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "tags.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _genre_names() -> tuple[str, ...]:
    names = [path.stem.replace("_", " ") for path in (Path(__file__).parent / "genres").glob("*.toml")]
    return tuple(sorted({*names, "r&b", *_tags()["aliases"]}, key=lambda name: (-len(name), name)))


def _named(names: tuple[str, ...], text: str) -> tuple[str, ...]:
    """Those of `names` (longest first) that stand in `text`; a name inside a longer one does not count twice."""
    found = []
    for name in names:
        if name in text:  # cheap, and false for nearly all
            pattern = rf"(?<![a-z0-9&]){re.escape(name)}s?(?![a-z0-9&])"
            if re.search(pattern, text):
                found.append(name)
                text = re.sub(pattern, "\n", text)
    return tuple(found)


def mood_shift(moods: Sequence[str]) -> tuple[float, float]:
    """Energy (±0.4) and brightness (±0.7) of mood words together; words that are no moods count nothing."""
    shifts = [_tags()["moods"].get(mood, (0.0, 0.0)) for mood in moods]
    energy = sum(float(shift[0]) for shift in shifts)
    brightness = sum(float(shift[1]) for shift in shifts)
    return max(-0.4, min(0.4, energy)), max(-0.7, min(0.7, brightness))


def find_bpm(text: str) -> float | None:
    """The tempo that `text` names, in beats a minute, or None; what nobody can play is pulled to 30 or 300."""
    found = _BPM.search(text)
    return clamp_bpm(float(found.group(1) or found.group(2))) if found else None


def clamp_bpm(bpm: float) -> float:
    """`bpm` pulled into the range that may be asked for."""
    return max(SLOWEST_BPM, min(FASTEST_BPM, bpm))


def find_key(text: str) -> str | None:
    """The key that `text` names, as "F# minor", or None.

    The letter a is also a word: "a major city" is no key, so A needs "in", "key" or the end of the phrase beside it.
    """
    for found in _KEY.finditer(text):
        letter, accidental, mode = found.groups()
        if letter in "aA" and not accidental:
            before = text[: found.start()].rstrip().lower()
            after = text[found.end() :].lstrip()
            if not (re.search(r"(?:^|\W)(?:in|key of|key|key:)$", before) or not after or not after[0].isalnum()):
                continue
        sign = (accidental or "").strip("-").lower()
        sign = {"sharp": "#", "♯": "#", "flat": "b", "♭": "b"}.get(sign, sign)
        mode = {"maj": "major", "min": "minor"}.get(mode.lower(), mode.lower())
        return f"{letter.upper()}{sign} {mode}"
    return None


def find_time_signature(text: str) -> str | None:
    """The time signature that `text` names ("3/4", or "waltz" for the same), or None."""
    found = _METER.search(text)
    if found:
        return found.group(0)
    return "3/4" if re.search(r"\bwaltz", text, re.I) else None


def _keywords(text: str) -> tuple[str, ...]:
    """Nouns of an English description that can be sung about, in their order, at most six."""
    if guess_language(text) != "en":
        return ()
    about_sound = set(word_list(" ".join([*_genre_names(), *_tags()["instruments"], *_tags()["moods"]])))
    words = re.findall(r"[a-z][a-z'-]*[a-z]", text)
    known_nouns = {noun for theme in themes().values() for noun in theme.nouns}
    found: list[str] = []
    for index, word in enumerate(words):
        noun = word.removesuffix("'s")
        before = words[index - 1] if index else ""
        after = words[index + 1] if index + 1 < len(words) else ""
        if noun in known_nouns and noun not in about_sound | _ORDER_WORDS:
            found.append(noun)
            continue
        plain = (
            len(noun) >= 3
            and noun not in _ORDER_WORDS | _ADJECTIVES | _VERBS | about_sound
            and not noun.endswith(("ing", "ed", "ly", "est"))
            and not (noun.endswith("s") and before in {"he", "she", "it", "who", "that"})
            and not (noun.endswith(_ADJECTIVE_ENDINGS) and after and after not in _ORDER_WORDS)
        )
        # A plural would not fit "a {key}", and a word that the dictionary does not know may be anything.
        singular = noun.endswith("ss") or not noun.endswith("s")
        if plain and singular and phones(noun) and len(stresses(noun)) <= 3:
            found.append(noun)
    distinct = list(dict.fromkeys(found))
    distinct.sort(key=lambda noun: noun not in known_nouns)
    return tuple(distinct[:_MOST_KEYWORDS])


def _themes(text: str) -> tuple[Theme, ...]:
    words = [
        word for word in re.findall(r"[a-z][a-z'-]+", text) if word not in _ORDER_WORDS or word in ("dark", "dreamy")
    ]
    moods: dict[str, list[float]] = _tags()["moods"]
    scores: dict[str, int] = {}
    for name, theme in themes().items():
        # "lonely" tells less about what happens than "astronaut" does.
        score = sum(1 if word in moods else 3 for word in words if word_forms(word) & theme.words)
        score += sum(1 for word in words if word in theme.nouns or word in theme.scenery)
        if score:
            scores[name] = score
    strongest = sorted(scores, key=lambda name: -scores[name])[:2]
    return tuple(themes()[name] for name in strongest)


def read_text(text: str) -> Reading:
    """Read what `text` asks for. Any text will do; of a very long one only the first 4,000 characters count."""
    text = text[:_READ_SIGNS]
    lowered = text.lower()
    moods = tuple(mood for mood in _tags()["moods"] if re.search(rf"\b{mood}\b", lowered))
    instruments = _named(tuple(sorted(_tags()["instruments"], key=len, reverse=True)), lowered)
    without_instruments = lowered
    for instrument in instruments:  # "acoustic guitar" does not make it acoustic
        without_instruments = without_instruments.replace(instrument, "\n")
    singer = "female" if _FEMALE.search(lowered) else "male" if _MALE.search(lowered) else ""
    return Reading(
        genre_words=_named(_genre_names(), without_instruments),
        moods=tuple(sorted(moods, key=lowered.index)),
        instruments=tuple(sorted(instruments, key=lowered.index)),
        bpm=find_bpm(text),
        key=find_key(text),
        time_signature=find_time_signature(text),
        instrumental=bool(_INSTRUMENTAL.search(text)),
        singer=singer,
        choir=bool(_CHOIR.search(text)),
        themes=_themes(lowered),
        keywords=_keywords(lowered),
    )
