"""The languages that the studio speaks: gettext catalogues in appliance/locale, and what is said from them.

English is what the sources say, so it has no catalogue. `python -m web.languages` brings the catalogues up to date.

Sentences that are made below the pages (why something failed, what is wrong with a field) are English wherever they are kept,
logged or told to programs: `appliance.errors.said` makes them, and the pages say them in their own language by `translated`.
"""

import re
from contextvars import ContextVar
from datetime import date
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"en": "English", "de": "Deutsch"}
LOCALE = Path(__file__).parent / "locale"
FROM_BELOW = "Said below the pages."  # stands in the catalogues beside the messages that `translated` has to recognise
_VALUE = re.compile(r"%\\\((\w+)\\\)s")  # a value in a message, as re.escape leaves it

_speaking: ContextVar[str] = ContextVar("speaking", default="en")


def speak(language: str) -> None:
    """Have everything that this request says be said in `language`, one of LANGUAGES."""
    _speaking.set(language)


def language() -> str:
    """Return the language that is spoken."""
    return _speaking.get()


def gettext(message: str) -> str:
    """Return `message` in the language that is spoken."""
    return catalogue(language()).gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """Return the message for `number` of something in the language that is spoken."""
    return catalogue(language()).ngettext(one, many, number)


def translated(sentence: str) -> str:
    """Return a sentence that was made below the pages in the language that is spoken; what is not known stays as it is."""
    spoken = language()
    if spoken == "en" or not sentence:  # the message for nothing is the catalogue's own head
        return sentence
    known = catalogue(spoken).gettext(sentence)
    if known != sentence:
        return known
    for pattern, message in _with_values(spoken):
        if match := pattern.fullmatch(sentence):
            return message % match.groupdict()
    return sentence


@lru_cache
def catalogue(language: str) -> NullTranslations:
    """Return the messages of `language`."""
    if language == "en":
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, _read(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def _read(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return read_po(source, language)


@lru_cache
def _with_values(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return what recognises each sentence with values, the longest first, with its translation."""
    found = [
        (str(message.id), str(message.string))
        for message in _read(language)
        if FROM_BELOW in message.auto_comments and "%(" in str(message.id)
    ]
    found.sort(key=lambda pair: -len(pair[0]))
    return [(re.compile(_VALUE.sub(r"(?P<\1>.+?)", re.escape(said)), re.S), message) for said, message in found]


def date_in_words(day: date, year: bool) -> str:
    """Return a day as people say it, `Tuesday 17 November`, with its year where `year`."""
    pattern = "EEEE, d. MMMM" if language() == "de" else "EEEE d MMMM"
    return format_date(day, f"{pattern} y" if year else pattern, locale=language())


def long_date(day: date) -> str:
    """Return a day without its name: `17 November 2026`."""
    return format_date(day, "d. MMMM y" if language() == "de" else "d MMMM y", locale=language())
