"""A studio with something of everything in it, and the addresses of all of its pages, for tests that walk them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy.orm import Session

from appliance import credits
from appliance.api_keys import SCOPES, create_key
from appliance.audit import record
from appliance.drafts import brief_for_words, request_words
from appliance.invites import invite
from appliance.queue import fail_song, lease_of, release_request, start_song
from appliance.reports import report_song
from appliance.resets import reset_link_token
from appliance.settings import settings
from appliance.shelf import delete_song
from appliance.songs import cancel_song, get_request, like_song, publish_song, record_listen
from appliance.storage import Storage
from appliance.tables import User, WorkerSeen
from tests.appliance.people import ask
from tests.web.making import begin, make
from tests.web.test_hardening import by_key, routes

FAILED = "The music could not be composed. The studio's log says why."
ENOUGH = 10  # credits, for all that is asked for but the last
# The streams have no end.
ENDLESS = {"/events", "/admin/events"}


@dataclass(frozen=True, slots=True)
class House:
    """What is in the studio, by its ids: a published song, its private other take, and one song of its owner in each state."""

    published: UUID
    private: UUID
    binned: UUID
    failed: UUID
    held: UUID
    running: UUID
    running_request: UUID
    draft: UUID
    invitation: str
    reset: str
    person: UUID


@contextmanager
def everything_on() -> Iterator[None]:
    """Count credits, and have a mail server, so that no page is hidden; the app reads these when it is made."""
    with pytest.MonkeyPatch.context() as patch:
        given = {
            "BILLING": "grants",
            "SIGNUP_CREDITS": "0",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_FROM": "studio@example.org",
        }
        for name, value in given.items():
            patch.setenv(name, value)
        settings.cache_clear()
        yield
    settings.cache_clear()


def furnish(session: Session, store: Storage, people: dict[str, User], words: str) -> House:
    """Put something of everything into the studio: all that people typed is, or begins with, `words`.

    It is Mara's, except for what Jun plays, likes and reports and what Ada does as admin.
    """
    mara, jun, ada = people["Mara"], people["Jun"], people["Ada"]
    credits.open_account(session, mara)
    credits.grant_credits(session, ada, mara, ENOUGH, words[:200], once=str(uuid4()))
    typed = {"title": words[:80], "full_description": words}

    def made(**fields: object) -> UUID:
        request = make(session, store, mara, **typed, **fields)  # type: ignore[arg-type]
        for song in request.songs:
            song.prompt, song.lyrics, song.title = words, f"[Verse]\n{words}", words[:80]
        return request.id

    def failing() -> UUID:
        request = begin(session, mara, **typed)
        for song in request.songs:
            start_song(session, lease_of(request), song.id)
            fail_song(session, lease_of(request), song.id, FAILED, f"Traceback\n  {FAILED} " * 40)
        release_request(session, lease_of(request))
        session.commit()
        return request.id

    cancelled = ask(session, mara, **typed)
    for song in cancelled.songs:
        cancel_song(session, song.id, mara)
    ids = [made(), made(fail=FAILED), failing(), made()]
    running = begin(session, mara, **typed)
    # The last one finds a single credit left.
    ids += [running.id, ask(session, mara, **typed).id, ask(session, mara, **typed).id]
    out, _, failed, away, going, _, held = (get_request(session, each, mara) for each in ids)
    for song in (*going.songs, *failed.songs):
        song.prompt, song.lyrics = words, f"[Verse]\n{words}\n{words}"
    assert held.songs[0].status == "no_credits"
    publish_song(session, out.songs[0].id, mara, published=True)
    record_listen(session, out.songs[0].id, jun)
    like_song(session, out.songs[0].id, jun)
    report_song(session, out.songs[0].id, jun, words)
    delete_song(session, away.songs[0].id, mara)
    draft = request_words(session, mara, brief_for_words({"title": words[:80], "prompt": words}))
    create_key(session, mara, words[:60], list(SCOPES))
    create_key(session, ada, words[:60], list(SCOPES), 30)
    invitation = invite(session, ada, words[:80], "", 3)
    for deed in ("pause queue", "role", "sign out"):
        record(session, ada, deed, words[:120], before={"role": "user"}, after={"title": words}, address="192.0.2.1")
    session.add(WorkerSeen(name="worker", last_seen=datetime.now(UTC), about={"songwriter": "sketch"}))
    reset = reset_link_token(session, ada, jun)
    house = House(
        out.songs[0].id, out.songs[1].id, away.songs[0].id, failed.songs[0].id, held.songs[0].id, going.songs[0].id,
        going.id, draft.id, invitation, reset, mara.id,
    )  # fmt: skip
    session.commit()
    return house


def pages(client: TestClient[Litestar], house: House, words: str) -> list[str]:
    """Return the address of every page, of every route that is asked by GET with all that it may be asked for.

    Whoever adds a route has it walked by that; what shows something else by its query is named here.
    """
    found = []
    for method, path in routes(client):
        if method != "GET" or path in ENDLESS or path in by_key(client):
            continue
        for song in (house.published, house.private) if "{song_id}" in path else (house.published,):
            filled = path.replace("{song_id}", str(song)).replace("{draft_id}", str(house.draft))
            found.append(re.sub(r"\{[^}]+\}", "nothing-here", filled.replace("{user_id}", str(house.person))))
    asked = [
        f"/?q={words}",
        *(f"/?show={show}" for show in ("words", "instrumental", "slow", "moving", "languages", "short")),
        *("/?sort=new", "/?category=folk", "/?q=xylograph", "/?category=folk&more=1", "/?q=&after=nonsense"),
        *(f"/create?shelf={shelf}" for shelf in ("kept", "liked", "published", "failed", "bin")),
        *(f"/create?q={words}", "/create?q=xylograph", f"/create?words={house.draft}"),
        *(
            f"/create?made={house.running_request}",
            f"/create?removed={house.binned}",
            f"/create?like={house.published}",
        ),
        *(f"/create?like={house.private}", f"/sign-up?invite={house.invitation}", f"/reset?token={house.reset}"),
        f"/admin/failures?song={house.failed}",
        *(f"/songs/{song}" for song in (house.failed, house.held, house.running)),
        *(f"/songs/{house.private}/download?kind={kind}" for kind in ("mp3", "txt", "lrc", "cover")),
        *(f"/player/liked?song={house.private}", "/setup?token=wrong", "/reset?token=wrong", "/sign-up?invite=wrong"),
    ]
    return [*found, *asked]
