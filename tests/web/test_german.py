"""No page is half in English: what a page says alike in both languages stands in a list here, or is what people typed."""

import re
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from appliance.briefs import LANGUAGES
from appliance.errors import said
from appliance.languages import speak, translated
from appliance.storage import Storage
from appliance.tables import Song, SongRequest, User
from tests.web.browser import Browser
from tests.web.full_house import FAILED, House, everything_on, furnish, pages
from tests.web.test_matrix import browser_of
from tests.web.visible import said_by

TYPED = "Qwzx"  # every word that people typed begins so
NAMES = {"Mara", "Ada", "Jun", "MA", "AD", "JU", "Backline", "tests"}
SAME = {
    "84 BPM", "API", "Code", "Cover", "Deutsch", "Folk", "Instrumental", "MP3", "Name", "Opus", "Player", "Song", "Songs", "Studio",
    "Take", "Takes", "Tempo", "sketch", "Android", "Linux", "Windows", "macOS", "iPhone, iPad", "BPM", "LUFS", "GB", "MB",
    "Blues", "Jazz", "Mastering", "Passkeys", "Webhooks", "min", "title", *LANGUAGES.values(),
}  # fmt: skip
# What is English everywhere, because programs and models understand it so: tags, section names, settings, scopes.
ENGLISH = {
    "Verse", "Chorus", "Bridge", "Solo", "Outro", "erse", "horus", "brushed drums", "nylon guitar", "warm synths",
    "string quartet", "tape hiss", "choir", "half-time", "indie folk, nylon guitar, close low voice, slow", "worker",
    "openapi.json", "billing:read", "generate", "songs:read", "songs:write", "billing:read, generate, songs:read, songs:write",
}  # fmt: skip
STAGES = (None, "writing", "composing", "mastering", "painting", "storing")


@pytest.fixture
def everything() -> Iterator[None]:
    with everything_on():
        yield


@pytest.fixture
def furnished(everything: None, session: Session, people: dict[str, User], object_store: Storage) -> House:
    del everything
    return furnish(session, object_store, people, TYPED)


def alike(browser: Browser, path: str) -> set[str]:
    """Return what a page says in the same words in English and in German, as far as it ought not to."""
    english, german = (said_by(browser.open(path, **{"Accept-Language": code}).text) for code in ("en", "de"))
    return missed_in(english, german) if path != "/admin/settings" else set()  # half of it is values of settings


def missed_in(english: list[str], german: list[str]) -> set[str]:
    """Return the texts of both pages, leaving out what people typed and what may be the same."""
    shared = set(english) & set(german)
    return {text for text in shared if "{" not in text and any(map(_is_missed, re.split(r"·|\b\d+\b|: ", text)))}


def _is_missed(text: str) -> bool:
    part = text.strip(" .:,[]")
    return bool(re.search(r"[^\W\d_]{2}", part)) and TYPED not in part and part not in SAME | ENGLISH | NAMES


@pytest.mark.parametrize("name", [None, "Mara", "Jun", "Ada"])
def test_no_page_says_in_english_what_it_can_say_in_german(
    furnished: House, client: TestClient[Litestar], session: Session, people: dict[str, User], name: str | None
) -> None:
    browser = browser_of(client, session, people[name] if name else None)
    missed: dict[str, str] = {}
    seen = 0
    for path in pages(client, furnished, TYPED):
        if browser.get(path).headers.get("content-type", "").startswith("text/html"):
            seen += 1
            missed |= dict.fromkeys(alike(browser, path), path)
    assert missed == {}
    assert seen > (20 if name else 8)


def test_what_forms_answer_is_german_too(
    furnished: House, client: TestClient[Litestar], session: Session, people: dict[str, User]
) -> None:
    invitation = {"note": TYPED}
    for name, form, fields in (
        ("Mara", "/settings/keys", {"name": TYPED, "may:generate": "on"}),
        ("Mara", "/settings/keys", {"name": ""}),
        ("Mara", "/settings/security/app", {}),
        ("Mara", "/settings/security/app/confirm", {"code": "1"}),
        ("Mara", "/settings/security/password", {"old": "x", "new": "y"}),
        ("Jun", f"/songs/{furnished.published}/report", {"reason": TYPED}),
        ("Ada", "/admin/invites", invitation),
        ("Ada", "/admin/invites", invitation | {"email": "x", "credits": "x"}),
        ("Ada", "/admin/credits/grant", {"user": TYPED, "amount": "x"}),
        ("Ada", f"/admin/access/{furnished.person}/reset-link", {}),
        (None, "/forgot", {"email": f"{TYPED}@example.org"}),
        (None, "/sign-in", {"user": TYPED, "password": TYPED}),
        (None, "/sign-up", {"name": "", "email": "x", "password": "x"}),
    ):
        browser = browser_of(client, session, people[name] if name else None)
        said = {}
        for language in ("en", "de"):
            browser.open("/create" if name else "/sign-in")
            headers = {"Accept-Language": language, "Origin": str(client.base_url).rstrip("/")}
            answer = browser.ask(
                "POST", form, data=fields | {"csrf_token": browser.token}, headers=headers, follow_redirects=False
            )
            assert answer.text, (form, answer.status_code)
            said[language] = said_by(answer.text)
        assert missed_in(said["en"], said["de"]) == set(), form


def test_every_stage_of_a_song_in_the_making_is_told_in_german(
    furnished: House, client: TestClient[Litestar], session: Session, people: dict[str, User]
) -> None:
    browser = browser_of(client, session, people["Mara"])
    for words_are_written in (True, False):
        if not words_are_written:
            session.execute(update(SongRequest).where(SongRequest.id == furnished.running_request).values(sheet=None))
        for stage in STAGES:
            session.execute(
                update(Song).where(Song.id == furnished.running).values(stage=stage, status="processing", progress=0.4)
            )
            session.commit()
            assert alike(browser, "/create") == set(), stage


def test_what_is_wrong_is_said_in_german(
    furnished: House, client: TestClient[Litestar], session: Session, people: dict[str, User]
) -> None:
    browser = browser_of(client, session, people["Mara"])
    browser.cookies.set("language", "de")
    browser.open("/create", **{"Accept-Language": "de"})
    people["Mara"].language = "de"
    session.commit()
    wrong = browser.send("/create", {"mode": "lyrics", "bpm": "3", "title": "x" * 100, "seed": "-5"}).text
    for told in (
        "Gib eine Zahl von 40 bis 240 Schlägen pro Minute an.", "Das ist zu lang: 100 Zeichen, und 80 passen.",
        "Nenne einen Klang: einen Stil, ein paar Instrumente, eine Stimmung.", "Gib eine ganze Zahl von 0 bis 2147483647 an",
    ):  # fmt: skip
        assert told in wrong, told
    assert "So heißt hier schon jemand." in browser.send("/settings/name", {"name": "Jun"}).text
    assert "Dieses Formular kam von keiner Seite" in browser.ask("POST", "/create", content=b"").text
    assert "Hier ist nichts, oder es ist privat." in browser.open("/nothing").text


def test_sentences_from_below_are_recognised_with_their_values() -> None:
    speak("de")
    try:
        assert translated(FAILED).startswith("Die Musik ließ sich nicht komponieren.")
        told = said("You have %(number)s keys already. Revoke one that is not used any more.", number=20)
        assert translated(told) == "Du hast schon 20 Schlüssel. Widerrufe einen, der nicht mehr benutzt wird."
        assert [translated(key) for key in ("Eb major", "B minor")] == ["Es-Dur", "h-Moll"]
        assert translated("%(odd)s % of what somebody typed") == "%(odd)s % of what somebody typed"
        assert translated("") == ""
    finally:
        speak("en")
