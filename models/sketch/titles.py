"""Finding a title: from the description's own words, from the words of the lyrics, or from the theme."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from models.sketch.lyrics import parse_lyrics
from models.sketch.reading import Reading
from models.sketch.themes import Theme
from models.sketch.words import FUNCTION_WORDS, syllable_count

LONGEST_TITLE = 80
_MOST_WORDS = 4
_LONGEST_WRITTEN_TITLE = 40
_SMALL_WORDS = frozenset({"of", "the", "in", "and", "a", "to", "on"})
_KEYWORD_TITLES = (
    ("{key} in the Dark", 1.2),
    ("Heart of the {key}", 1.2),
    ("The Last {key}", 1.4),
    ("{key} and Me", 1.0),
)
_NO_TITLE_ENDS = (FUNCTION_WORDS | {"until", "till", "because", "like", "every"}) - {
    "you",
    "me",
    "us",
    "her",
    "up",
    "out",
}
_DESCRIBING = frozenset({
    "lonely", "last", "first", "lost", "old", "little", "young", "wild", "golden", "silver", "broken", "empty", "cold",
    "red", "blue", "black", "white", "green", "electric", "neon", "hidden", "secret", "forgotten", "final", "endless",
    "paper", "summer", "winter", "midnight", "morning", "sleepy", "tiny", "giant", "ancient", "strange", "crooked", "quiet",
})  # fmt: skip


def in_title_case(words: str) -> str:
    """ "heart of the city" → "Heart of the City"."""
    return " ".join(
        word if index and word in _SMALL_WORDS else word[:1].upper() + word[1:]
        for index, word in enumerate(words.split())
    )


def clean_title(title: str) -> str:
    """Somebody's own title on one line, without control characters, at most 80 characters."""
    printable = "".join(sign if sign.isprintable() else " " for sign in title)
    return " ".join(printable.split())[:LONGEST_TITLE].strip()


def title_from_description(text: str, reading: Reading, themes: Sequence[Theme], random: np.random.Generator) -> str:
    """A title of one to four words: an adjective and a noun of the description, a turn of its noun, or the theme's.

    `themes` are the song's, never empty.
    """
    options: list[tuple[str, float]] = []
    lowered = text[:4000].lower()
    for keyword in reading.keywords[:3]:
        found = re.search(rf"([a-z'-]+) {re.escape(keyword)}(?![a-z])", lowered)
        if found and found.group(1) in _DESCRIBING:
            options += [(f"{found.group(1)} {keyword}", 3.0), (f"the {found.group(1)} {keyword}", 2.0)]
    if reading.keywords:
        options += [(pattern.replace("{key}", reading.keywords[0]), weight) for pattern, weight in _KEYWORD_TITLES]
    options += [(title, 1.6) for theme in themes for title in theme.titles]
    draws = random.random(len(options))
    scores = [
        weight + 1.6 * float(draw) - (3.0 if syllable_count(title) > 7 else 0.0)
        for (title, weight), draw in zip(options, draws, strict=True)
    ]
    return in_title_case(options[int(np.argmax(scores))][0])


def title_from_lyrics(lyrics: str) -> str:
    """The hook in at most four words: the line sung most often, else the chorus's first; empty when there are no words."""
    sections = parse_lyrics(lyrics[:20_000])
    lines = [line for section in sections for line in section.lines]
    if not lines:
        return ""
    counts = Counter(line.lower() for line in lines)
    chorus = [line for section in sections if section.kind == "chorus" for line in section.lines]
    first = (chorus or lines)[0]
    most_sung = max(lines, key=lambda line: counts[line.lower()])
    hook = most_sung if counts[most_sung.lower()] > counts[first.lower()] else first
    return _shortened(hook)


def _shortened(line: str) -> str:
    phrase = re.split(r"[,;:.!?…—–()\[\]<>\"“”。、！？]", re.sub(r"<[^<>]{0,200}>", " ", line.strip("()[] ")))
    parts = [part.split() for part in phrase if re.search(r"\w", part)]
    if not parts:
        return ""
    # "Oh, stay with me": the interjection is no title.
    words = next((part for part in parts if len(part) > 1 or len(part[0]) > 3), parts[0])[:_MOST_WORDS]
    while len(words) > 1 and words[-1].lower() in _NO_TITLE_ENDS:
        words.pop()
    title = clean_title(" ".join(words))[:_LONGEST_WRITTEN_TITLE].strip()
    return title[:1].upper() + title[1:]
