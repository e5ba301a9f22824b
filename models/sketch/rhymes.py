"""Which words rhyme, and which lines of a table make a couplet."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from models.sketch.words import phones, stresses, sung_words

# Sounds that sing as a rhyme although the dictionary keeps them apart: "home" and "alone", "sign" and "time".
_NEAR_RHYMES = {
    "OW M": "OW N",
    "AO R T": "AO R",
    "AA R Z": "AA R",
    "AH M": "AH N",
    "EY N Z": "EY N",
    "AO L Z": "AO L",
    "AY ER": "AY R",
    "IH R Z": "IH R",
    "OW S": "OW",
    "EY M": "EY N",
    "AY N Z": "AY N",
    "AY M": "AY N",
    "OW Z": "OW",
}


@lru_cache(maxsize=4000)
def rhyme_family(word: str) -> str:
    """The sound of `word` from its last stressed vowel on; two words of one family rhyme. Unknown words: the last letters."""
    sounds = phones(word)
    if not sounds:
        return word.lower()[-3:]
    start = max(len(sounds) - 2, 0)
    for index in range(len(sounds) - 1, -1, -1):
        if sounds[index][-1] in "12":
            start = index
            break
    family = " ".join(sound.rstrip("012") for sound in sounds[start:])
    return _NEAR_RHYMES.get(family, family)


@lru_cache(maxsize=4000)
def last_word(line: str) -> str:
    """The lowercase word a line ends with, empty for a line without words."""
    words = sung_words(line)
    return words[-1].lower() if words else ""


@lru_cache(maxsize=4000)
def line_family(line: str) -> str:
    """The rhyme family of a line's end."""
    return rhyme_family(last_word(line))


def couplets(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Neighbours in a table of lines that rhyme without ending on the same word."""
    return [
        (first, second)
        for first, second in pairwise(lines)
        if line_family(first) == line_family(second) and last_word(first) != last_word(second)
    ]


@lru_cache(maxsize=4000)
def rhythm_score(line: str) -> float:
    """How well strong and weak syllables alternate: 0.0 at best, lower for every clash or run of weak ones."""
    beats = [stress for word in sung_words(line) for stress in stresses(word)]
    clashes = sum(1 for left, right in pairwise(beats) if min(left, right) > 0.7)
    lapses = sum(
        1 for first, second, third in zip(beats, beats[1:], beats[2:], strict=False) if max(first, second, third) < 0.4
    )
    return -0.7 * clashes - 0.5 * lapses


def content_words(line: str) -> list[str]:
    """The lowercase ASCII words of a line, for telling whether two lines say the same."""
    return re.findall(r"[a-z']+", line.lower())
