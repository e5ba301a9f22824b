"""The sounds of a spoken line: which of them are vowels, and the syllables that they make."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

VOWELS = frozenset("aeiouyæøœɐɑɒɔəɘɚɛɜɝɞɤɨɪɯɵʉʊʌʏɶᵻ")
SYLLABIC_MARK, NON_SYLLABIC_MARK = "\u0329", "\u032f"
# Sounds shorter than this are markers (a change of language, a tone) and not sounds.
SHORTEST_SECONDS = 0.004
# A vowel after a vowel of the same word that is shorter than this is the end of a diphthong.
SHORTEST_VOWEL_SECONDS = 0.06


@dataclass(frozen=True, slots=True)
class Phone:
    """One sound from `start` to `end` in seconds of the recording; `word` counts the words, -1 where it is not known."""

    start: float
    end: float
    symbol: str
    word: int

    @property
    def is_nucleus(self) -> bool:
        """Whether a syllable can be sung on it: a vowel or a syllabic consonant."""
        signs = unicodedata.normalize("NFD", self.symbol)
        return SYLLABIC_MARK in signs or (NON_SYLLABIC_MARK not in signs and any(sign in VOWELS for sign in signs))

    @property
    def is_pause(self) -> bool:
        """Whether nothing is said."""
        return not any(sign.isalpha() for sign in self.symbol)


@dataclass(frozen=True, slots=True)
class SpokenSyllable:
    """A vowel from `start` to `end` with the consonants before it (from `onset`) and after it (until `coda`), in seconds."""

    onset: float
    start: float
    end: float
    coda: float
    word: int


def find_syllables(phones: Sequence[Phone]) -> tuple[SpokenSyllable, ...]:
    """Return the syllables of a line. Consonants go with the following vowel, unless they end a word or the speech pauses."""
    sounds: list[Phone] = []
    for phone in phones:
        if phone.end - phone.start < SHORTEST_SECONDS:
            continue
        last = sounds[-1] if sounds else None
        glide = last and last.is_nucleus and phone.is_nucleus and last.word == phone.word
        if last and glide and phone.end - phone.start < SHORTEST_VOWEL_SECONDS:
            sounds[-1] = Phone(last.start, phone.end, last.symbol, last.word)
        else:
            sounds.append(phone)

    nuclei = [index for index, sound in enumerate(sounds) if sound.is_nucleus and not sound.is_pause]
    if not nuclei:
        return ()
    # For each nucleus, the index of the first sound that belongs to it, and the one after its last.
    firsts, lasts = [_first_after_pause(sounds, 0, nuclei[0])], []
    for nucleus, following in pairwise(nuclei):
        between = range(nucleus + 1, following)
        pause = next((index for index in between if sounds[index].is_pause), None)
        border = next((index for index in between if sounds[index].word != sounds[nucleus].word), following)
        if pause is None and sounds[nucleus].word == sounds[following].word:
            border = nucleus + 1
        lasts.append(border if pause is None else pause)
        firsts.append(border if pause is None else _first_after_pause(sounds, pause, following))
    ending = range(nuclei[-1] + 1, len(sounds))
    lasts.append(next((index for index in ending if sounds[index].is_pause), len(sounds)))
    return tuple(
        SpokenSyllable(sounds[first].start, sounds[at].start, sounds[at].end, sounds[last - 1].end, sounds[at].word)
        for first, at, last in zip(firsts, nuclei, lasts, strict=True)
    )


def _first_after_pause(sounds: Sequence[Phone], begin: int, nucleus: int) -> int:
    pauses = [index for index in range(begin, nucleus) if sounds[index].is_pause]
    return pauses[-1] + 1 if pauses else begin
