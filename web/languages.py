"""The languages that the pages speak: gettext catalogues in web/locale, chosen by the person, or else by their browser.

`python -m web.languages` brings the catalogues up to date with what templates and code say; translators fill in the rest.
English is what the sources say, so it has no catalogue.
"""

import sys
from contextvars import ContextVar
from datetime import date
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

LANGUAGES = {"en": "English", "de": "Deutsch"}
LOCALE = Path(__file__).parent / "locale"
METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"}}

_speaking: ContextVar[str] = ContextVar("speaking", default="en")


def speak(language: str) -> None:
    """Have everything that this request says be said in `language`, one of LANGUAGES."""
    _speaking.set(language)


def language() -> str:
    """Return the language that is spoken."""
    return _speaking.get()


def choose(chosen: str | None, accepted: str) -> str:
    """Return the language for somebody who chose `chosen`, or else for a browser with this Accept-Language (RFC 9110)."""
    if chosen in LANGUAGES:
        return chosen
    wishes: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, _, weight = part.strip().lower().partition(";q=")
        try:
            wishes.append((-float(weight or 1), tag.split("-")[0]))
        except ValueError:
            continue
    known = (tag for weight, tag in sorted(wishes, key=lambda wish: wish[0]) if weight < 0 and tag in LANGUAGES)
    return next(known, "en")


@lru_cache
def catalogue(language: str) -> NullTranslations:
    """Return the messages of `language`."""
    if language == "en":
        return NullTranslations()
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as source:
        compiled = BytesIO()
        write_mo(compiled, read_po(source, language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def gettext(message: str) -> str:
    """Return `message` in the language that is spoken."""
    return catalogue(language()).gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """Return the message for `number` of something in the language that is spoken."""
    return catalogue(language()).ngettext(one, many, number)


def date_in_words(day: date, year: bool) -> str:
    """Return a day as people say it, `Tuesday 17 November`, with its year where `year`."""
    pattern = "EEEE, d. MMMM" if language() == "de" else "EEEE d MMMM"
    return format_date(day, f"{pattern} y" if year else pattern, locale=language())


def extract() -> Catalog:
    """Return every message of templates and code."""
    found = Catalog(project="Backline", charset="utf-8")
    for path, line, message, comments, context in extract_from_dir(
        Path(__file__).parent, METHODS, OPTIONS, keywords={"_": None, "gettext": None, "ngettext": (1, 2)}
    ):
        del line  # lines move with every change, and would make every change one of the catalogues
        found.add(message, None, [(path, 0)], auto_comments=comments, context=context)
    return found


def main() -> int:
    """Bring the catalogues up to date, and say how many messages of each are not translated."""
    found = extract()
    for code, name in LANGUAGES.items():
        if code == "en":
            continue
        path = LOCALE / code / "LC_MESSAGES" / "messages.po"
        with path.open("rb") as source:
            known = read_po(source, code)
        found.creation_date = known.creation_date  # or every run would be a change
        known.update(found, no_fuzzy_matching=True)
        known.obsolete.clear()
        with path.open("wb") as target:
            write_po(target, known, width=120, no_location=True, omit_header=False, sort_output=True)
        missing = sum(
            not all(each.string if isinstance(each.string, tuple) else (each.string,)) for each in known if each.id
        )
        sys.stdout.write(f"{name}: {missing} of {len(known)} messages have no translation.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
