"""What holds on every page there is, whoever looks: what people typed is text, and what is private is nowhere."""

from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from appliance.api_keys import SCOPES, create_key, written
from appliance.storage import Storage
from appliance.tables import Song, User
from tests.web.full_house import everything_on, furnish, pages
from tests.web.test_hardening import by_key, routes
from tests.web.test_matrix import browser_of
from tests.web.visible import said_by

XSS = "\"><script>alert(1)</script><img src=x onerror=alert(2)>' onload=x {{7*7}}"
SECRET = "Qwzxheimlich"


class _Elements(HTMLParser):
    """Notes what could run: scripts in the page, and handlers and addresses in attributes; and what has an id."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        self.ids += [value for name, value in attributes if name == "id" and value]
        if tag == "script" and not (told.get("src") or "").startswith("/static/"):
            self.running.append(tag)
        if tag in ("iframe", "object", "embed", "base") or told.get("src") == "x":
            self.running.append(tag)
        for name, value in attributes:
            address = (value or "").strip().lower()
            if name.startswith("on") or address.startswith(("javascript:", "data:text")) or name in ("style", "srcdoc"):
                self.running.append(f"{tag} {name}")


def runs(page: str) -> list[str]:
    """Return what would run of a page besides its own scripts."""
    elements = _Elements()
    elements.feed(page)
    return elements.running


def shared_ids(page: str) -> set[str]:
    """Return the ids that more than one part of a page has: what comes live for one would take the other's place."""
    elements = _Elements()
    elements.feed(page)
    return {each for each in elements.ids if elements.ids.count(each) > 1}


def test_what_is_looked_for_is_found() -> None:
    assert runs(f"<p>{XSS}") == ["script", "img", "img onerror"]
    assert runs('<a href=" JavaScript:x">') == ["a href"]
    assert shared_ids('<p id="a"><i id="b"></i><input id="a">') == {"a"}


@pytest.mark.parametrize("name", ["Mara", "Jun", "Ada"])
def test_what_people_type_is_text_on_every_page(
    client: TestClient[Litestar], session: Session, people: dict[str, User], object_store: Storage, name: str
) -> None:
    with everything_on():
        people["Mara"].name = XSS[:40]
        house = furnish(session, object_store, people, XSS)
        session.execute(update(Song).where(Song.status == "failed").values(reason=XSS))
        sections = [{"name": XSS, "kind": "verse", "start": 0.0, "duration": 9.0, "energy": 0.5}]
        session.execute(update(Song).where(Song.status == "processed").values(sections=sections, model=XSS[:60]))
        session.commit()
        browser = browser_of(client, session, people[name])
        shown = 0
        for path in pages(client, house, quote(XSS)):
            answer = browser.open(path)
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert runs(answer.text) == [], path
                assert shared_ids(answer.text) == set(), path
                shown += any(XSS[:40] in text for text in said_by(answer.text))
        assert shown > 12


def test_a_private_song_is_on_no_page_of_somebody_else(
    client: TestClient[Litestar], session: Session, people: dict[str, User], object_store: Storage
) -> None:
    with everything_on():
        house = furnish(session, object_store, people, SECRET)
        # One song is published and says so; everything else of Mara's is hers alone.
        public = {"title": "Out in the open", "prompt": "folk", "lyrics": "[Verse]\nHear me"}
        session.execute(update(Song).where(Song.id == house.published).values(**public))
        session.execute(update(User).where(User.id == house.person).values(name="Mara"))
        key = written(*create_key(session, people["Jun"], "a key", list(SCOPES)))
        session.commit()
        assert SECRET in browser_of(client, session, people["Mara"]).open("/create").text
        browser = browser_of(client, session, people["Jun"])
        hidden = [str(song) for song in session.scalars(select(Song.id).where(Song.id != house.published))]
        seen = 0
        for path in (*pages(client, house, SECRET), *pages(client, house, "folk")):
            for headers in ({}, {"HX-Request": "true"}, {"Accept": "application/json"}):
                answer = browser.get(path, **headers)
                seen += answer.status_code == 200
                _assert_nothing_of(hidden, path, answer.text + str(answer.headers), asked=path)
        for method, path in routes(client):
            if method == "GET" and path in by_key(client) and "{" not in path:
                answer = browser.get(path, Authorization=f"Bearer {key}")
                _assert_nothing_of(hidden, path, answer.text, asked=path)
        assert seen > 100


def _assert_nothing_of(hidden: list[str], path: str, told: str, asked: str) -> None:
    """Fail if an answer names a song, unless the address that was asked for did, or anything that is written in it."""
    for name in (each for each in hidden if each not in asked):
        assert name not in told, path
    if SECRET not in asked:
        assert SECRET not in told, path
