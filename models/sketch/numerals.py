"""Numbers as they are sung: in the words of the song's language."""

from functools import lru_cache

from num2words import CONVERTER_CLASSES, num2words

MOST_DIGITS = 4  # longer ones are no quantity but a telephone number, and are sung digit by digit
_DIGITS_SUNG = 40
# Years that are said otherwise than the number is: "nineteen eighty-four", "neunzehnhundertvierundachtzig".
_SAID_AS_YEARS = {"da": range(1100, 2000), "de": range(1100, 2000), "en": range(1100, 2100), "nl": range(1100, 2000), "no": range(1100, 2000)}  # fmt: skip


@lru_cache(maxsize=2000)
def spell_number(digits: str, language: str = "en") -> str:
    """Return the words for a run of ASCII digits in `language` (a BCP 47 tag; English where there is no table for it).

    Japanese comes in hiragana, as that is what can be read aloud.
    """
    spoken = _table(language)
    if len(digits) > MOST_DIGITS or (digits.startswith("0") and len(digits) > 1):
        return " ".join(_spell(int(digit), spoken) for digit in digits[:_DIGITS_SUNG])
    return _spell(int(digits), spoken)


def _spell(number: int, language: str) -> str:
    if language == "ja":
        return str(num2words(number, lang="ja", reading=True))
    kind = "year" if number in _SAID_AS_YEARS.get(language, ()) else "cardinal"
    return str(num2words(number, lang=language, to=kind)).replace(",", "")


def _table(language: str) -> str:
    first, _, region = language.replace("_", "-").partition("-")
    names = (f"{first.lower()}_{region.upper()}", first.lower(), "en")
    return next(name for name in names if name in CONVERTER_CLASSES)
