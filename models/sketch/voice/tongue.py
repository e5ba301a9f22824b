"""What eSpeak NG is asked to say: a line's words in letters that it can read, and the languages to try."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from models.sketch.words import primary_language, sung_words

# Languages by the script that they are written in, the likeliest first. A line in another script than its song's language
# (a Russian chorus in an English song) is spoken in the first language of its own script, not spelled out.
SCRIPTS = {
    "HIRAGANA": ("ja",), "KATAKANA": ("ja",), "CJK": ("zh", "cmn", "yue", "ja", "hak"), "HANGUL": ("ko",),
    "CYRILLIC": ("ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "tt", "ba", "cv", "mn"), "GREEK": ("el", "grc"),
    "ARABIC": ("ar", "fa", "ur", "sd", "ug", "ps"), "HEBREW": ("he",), "THAI": ("th",), "ARMENIAN": ("hy", "hyw"),
    "GEORGIAN": ("ka",), "DEVANAGARI": ("hi", "mr", "ne", "kok", "sa"), "BENGALI": ("bn", "as", "bpy"),
    "TAMIL": ("ta",), "TELUGU": ("te",), "KANNADA": ("kn",), "MALAYALAM": ("ml",), "GUJARATI": ("gu",),
    "GURMUKHI": ("pa",), "ORIYA": ("or",), "SINHALA": ("si",), "ETHIOPIC": ("am",), "MYANMAR": ("my",),
}  # fmt: skip
# Tags for which eSpeak NG has another name.
ESPEAK_NAMES = {"en": "en-us", "zh": "cmn", "no": "nb", "iw": "he", "in": "id", "tl": "en-us", "fr": "fr-fr"}
ENGLISH = "en-us"
# Longer lines are a flood, not a lyric.
MOST_CHARACTERS = 300
# eSpeak's Japanese has no readings for Han signs and would say "Chinese letter" for each; they are sung on this syllable.
UNREADABLE_HAN = "ら"


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text to speak, the eSpeak languages to try in order, and for every character of the text the index of its word."""

    text: str
    languages: tuple[str, ...]
    word_of_character: tuple[int, ...]


def _script(sign: str) -> str:
    name = unicodedata.name(sign, "")
    return next((script for script in SCRIPTS if name.startswith(script)), "")


def _line_language(text: str, language: str) -> str:
    scripts = Counter(_script(sign) for sign in text if sign.isalpha())
    if not scripts:
        return language
    if scripts["HIRAGANA"] + scripts["KATAKANA"]:
        return "ja"
    script = scripts.most_common(1)[0][0]
    home = SCRIPTS.get(script)
    return language if home is None or primary_language(language) in home else home[0]


def _espeak_languages(tag: str) -> tuple[str, ...]:
    # What is not a tag stays out: eSpeak would take it for the path of a file.
    tag = tag.lower().replace("_", "-")
    parts = tag.split("-") if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", tag) else []
    tags = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return tuple(dict.fromkeys([*(ESPEAK_NAMES.get(name, name) for name in tags), ENGLISH]))


def _speakable(word: str, japanese: bool) -> str:
    """Return the word in plain letters: no mathematical alphabets, which eSpeak spells out, and no marks of quotation."""
    plain = unicodedata.normalize("NFKC", word).replace("’", "'").strip("'").lower()
    return "".join(UNREADABLE_HAN if _script(sign) == "CJK" else sign for sign in plain) if japanese else plain


def read_line(text: str, language: str) -> Utterance:
    """Return what is to be spoken for a line of lyrics in a song of `language` (a BCP 47 tag; unknown ones: English).

    Words are counted as `sung_words` counts them, which is how `SungLine.syllables` refers to them.
    """
    tag = _line_language(text, language.lower())
    spoken, owners = "", []
    for index, word in enumerate(sung_words(text, language)):
        plain = _speakable(word, tag == "ja")
        if len(spoken) + len(plain) <= MOST_CHARACTERS:
            spoken += plain + " "
            owners += [index] * (len(plain) + 1)
    return Utterance(spoken, _espeak_languages(tag), tuple(owners))
