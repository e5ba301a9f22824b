"""A cheap guess at the language of a text: by its script, and for the Latin script by its commonest words."""

import unicodedata
from collections import Counter

from models.sketch.words import word_list

# The beginning of a character's Unicode name → BCP 47 language tag. Kana comes before Han, which Japanese uses as well.
_SCRIPTS = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CJK UNIFIED": "zh",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "THAI": "th",
}
_COMMON_WORDS = {
    "en": frozenset(word_list("the and you i my in of to is a with for on me we it your this that are about song")),
    "es": frozenset(
        word_list("el la que y en mi por los una tu las se un con para es yo te no del como mis canción sobre")
    ),
    "fr": frozenset(
        word_list("le la et les je dans une mon est des un que ma tu sur ne pas pour moi qui chanson au du avec")
    ),
    "de": frozenset(
        word_list("der die und ich das ist nicht ein mein du den mit dem im eine wir es zu auf von lied über für")
    ),
    "it": frozenset(
        word_list("il che di e la non mi un per sei le una del con io tu sono nel ti ma canzone della sulla")
    ),
    "pt": frozenset(
        word_list("o que eu não você meu uma de em os minha um com para do da as se na no canção sobre mar")
    ),
    "nl": frozenset(word_list("de het een en ik van je niet in dat mijn is op met voor zijn maar wij jij liedje over")),
}
_GUESSED_SIGNS = 4000


def guess_language(text: str, default: str = "en") -> str:
    """The BCP 47 tag of the language `text` is most likely in; `default` when there is nothing to go by."""
    text = text[:_GUESSED_SIGNS]
    scripts: Counter[str] = Counter()
    for sign in text:
        if sign.isalpha() and not sign.isascii():
            name = unicodedata.name(sign, "")
            scripts.update(tag for prefix, tag in _SCRIPTS.items() if name.startswith(prefix))
    latin = sum(1 for sign in text if sign.isascii() and sign.isalpha())
    if scripts and sum(scripts.values()) * 2 >= latin:
        return "ja" if scripts["ja"] else scripts.most_common(1)[0][0]
    words = {word.strip(".,;:!?()'\"") for word in text.lower().replace("’", "'").split()}
    hits = {tag: len(words & common) for tag, common in _COMMON_WORDS.items()}
    best = max(hits, key=lambda tag: (hits[tag], tag == default))
    # One shared little word ("de", "la", "in") is not a language.
    return best if hits[best] > max(1, hits.get(default, 0)) else default
