"""Which language the pages speak to somebody, and what there is to say in it.

`python -m web.languages` brings the catalogues up to date with what templates, scripts and code say; translators fill in the
rest.
"""

import re
import sys
from functools import lru_cache
from itertools import chain
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from appliance.briefs import KEYS
from appliance.categories import CATEGORIES
from appliance.languages import FROM_BELOW, LANGUAGES, LOCALE, catalogue, language
from appliance.settings import Settings
from web.shown_settings import SHOWN

HERE = Path(__file__).parent
TEMPLATES = ("templates/**.html", "jinja2.ext:babel_extract")
SCRIPTS = ("static/*.js", "javascript")
CODE = ("**.py", "python")
OPTIONS = {
    "templates/**.html": {"trimmed": "true", "silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"},
}
SAYS = {"_": None, "gettext": None, "ngettext": (1, 2)}
# What people read of failures: the classes that carry it, in appliance and worker, and in models.
TELLS = dict.fromkeys(
    (
        *("said", "about", "Conflict", "Gone", "InvalidInput", "NotAllowed", "NotFound", "StudioError", "Unavailable"),
        *("TooManyPages", "UnsupportedForm", "Unplayable", "EngineStopped", "ModelFailure", "TooLarge"),
    )
) | {"record": (3,)}


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


def sentences_of_scripts() -> dict[str, str | list[str]]:
    """Return what scripts say, by what they say in English; of what is counted, the sentences for one and for many.

    The page carries it, and `web/static/page.js` looks there. It is empty in English.
    """
    return _sentences_of_scripts(language())


@lru_cache
def _sentences_of_scripts(language: str) -> dict[str, str | list[str]]:
    if language == "en":
        return {}
    spoken = catalogue(language)
    sentences: dict[str, str | list[str]] = {}
    for _path, _line, message, _comments, _context in extract_from_dir(HERE, [SCRIPTS], keywords=SAYS):
        if isinstance(message, tuple):
            one, many = message[:2]
            sentences[one] = [spoken.ngettext(one, many, 1), spoken.ngettext(one, many, 2)]
        else:
            sentences[message] = spoken.gettext(message)
    return sentences


def extract() -> Catalog:
    """Return every message of templates, scripts and code."""
    found = Catalog(project="Backline", charset="utf-8")
    rooms = [(HERE, [TEMPLATES, SCRIPTS, CODE], SAYS)]
    rooms += [
        (HERE, [CODE], TELLS),
        *((HERE.parent / room, [CODE], TELLS | SAYS) for room in ("appliance", "worker", "models")),
    ]
    for folder, methods, keywords in rooms:
        comments = [FROM_BELOW] if keywords is not SAYS else []
        for path, _line, message, _comments, context in extract_from_dir(folder, methods, OPTIONS, keywords=keywords):
            # Lines move with every change, and would make every change one of the catalogues.
            if re.search(r"[A-Za-z]{2}", message if isinstance(message, str) else message[0]):
                found.add(message, None, [(path, 0)], auto_comments=comments, context=context)
    # What the database and the settings say in English.
    shown = (Settings.model_fields[name].description for name in chain(*SHOWN))
    for kept in (*CATEGORIES, *KEYS, *filter(None, shown)):
        found.add(kept, None, [("kept", 0)], auto_comments=[FROM_BELOW])
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
