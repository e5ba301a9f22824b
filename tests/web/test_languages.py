"""The catalogues hold everything that the pages say, and the same values go into a message whatever the language."""

import re

import pytest
from babel.messages.pofile import read_po
from sqlalchemy.orm import Session

from appliance.languages import LANGUAGES, LOCALE
from appliance.tables import User
from tests.appliance.test_feed import put_out
from tests.web.browser import Browser
from web.languages import extract

OTHERS = sorted(set(LANGUAGES) - {"en"})
VALUE = re.compile(r"%\(\w+\)s")


def texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_is_translated_and_none_is_left_over(code: str) -> None:
    with (LOCALE / code / "LC_MESSAGES" / "messages.po").open("rb") as source:
        known = {texts(each.id): each for each in read_po(source, code) if each.id}
    said = {texts(each.id) for each in extract() if each.id}
    assert said - set(known) == set(), "Run python -m web.languages."
    assert set(known) - said == set(), "Run python -m web.languages."
    for original, message in known.items():
        assert not message.fuzzy, original
        assert all(texts(message.string)), original
        for translated in texts(message.string):
            assert set(VALUE.findall(translated)) == set(VALUE.findall(original[-1])), original


def test_pages_speak_the_language_that_somebody_chose(mara: Browser, session: Session, people: dict[str, User]) -> None:
    for number in range(7):
        put_out(session, people["Jun"], f"Nr. {number}", category="Jazz")
    session.commit()
    mara.send("/settings/looks", {"language": "de"})
    discover = mara.open("/").text
    for said in (
        "Entdecken",
        "Gerade viel gehört",
        "Neu aus dem Studio",
        "Song machen",
        "0 Mal gehört",
        "Niemand wartet",
    ):
        assert said in discover, said
    assert "7 Songs" in discover
    settings = mara.open("/settings").text
    for said in ("Sprache der Seiten", "Bild auswählen", "Namen ändern"):
        assert said in settings, said


def test_the_door_speaks_the_browsers_language(browser: Browser, people: dict[str, User]) -> None:
    page = browser.open("/sign-in", **{"Accept-Language": "de-DE,de;q=0.8"}).text
    assert "Melde dich an" in page
    assert "Passwort" in page
    assert "Sign in to listen" in browser.open("/sign-in", **{"Accept-Language": "fr"}).text
