"""Drafts of words: one at a time for each person, written by whoever claims them, stopped at any moment."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from appliance.drafts import (
    DraftStopped,
    brief_for_words,
    claim_draft,
    fail_draft,
    finish_draft,
    get_draft,
    purge_drafts,
    report_words,
    request_words,
    stop_draft,
    words_wait,
)
from appliance.errors import InvalidInput, NotFound
from appliance.tables import User, WordDraft
from tests.appliance.people import add_user


def _ask(session: Session, user: User) -> WordDraft:
    draft = request_words(session, user, brief_for_words({"prompt": "folk", "title": "Ferry"}))
    session.commit()
    return draft


@pytest.mark.parametrize(
    ("fields", "mode", "about"),
    [
        ({"prompt": "folk", "described_lyrics": "the last bus", "title": "Bus"}, "described_lyrics", "the last bus"),
        ({"prompt": "folk", "title": "Ferry"}, "described_lyrics", "Ferry"),
        ({"prompt": "folk"}, "described_lyrics", "folk"),
        ({"full_description": "a waltz", "instrumental": "on"}, "description", "a waltz"),
        ({"lyrics": "[Verse]\nThe tide"}, "description", "[Verse]\nThe tide"),
    ],
)
def test_whatever_says_something_is_what_the_words_are_about(fields: dict[str, str], mode: str, about: str) -> None:
    brief = brief_for_words(fields)
    assert (brief.mode, brief.instrumental, brief.lyrics) == (mode, False, "")
    assert about == (brief.described_lyrics or brief.full_description)


def test_an_empty_form_is_asked_what_the_words_should_be_about() -> None:
    with pytest.raises(InvalidInput, match="Say first"):
        brief_for_words({"prompt": " ", "duration": "60"})


def test_a_draft_is_written_line_by_line_and_read_by_its_owner_alone(session: Session) -> None:
    ada, bela = add_user(session, "Ada"), add_user(session, "Bela")
    draft = _ask(session, ada)
    assert words_wait(session)
    assert claim_draft(session) is draft
    assert claim_draft(session) is None
    assert not words_wait(session)
    report_words(session, draft.id, "[Verse]\nOne")
    session.refresh(draft)
    assert (draft.state, draft.words) == ("writing", "[Verse]\nOne")
    finish_draft(session, draft.id, "[Verse]\nOne\nTwo", "Ferry")
    session.refresh(draft)
    assert (get_draft(session, draft.id, ada).state, draft.title) == ("done", "Ferry")
    for look in (get_draft, stop_draft):
        with pytest.raises(NotFound):
            look(session, draft.id, bela)


def test_a_stopped_draft_keeps_its_words_and_takes_no_more(session: Session) -> None:
    ada = add_user(session, "Ada")
    draft = _ask(session, ada)
    claim_draft(session)
    report_words(session, draft.id, "One")
    stop_draft(session, draft.id, ada)
    session.commit()
    with pytest.raises(DraftStopped):
        report_words(session, draft.id, "Two")
    with pytest.raises(DraftStopped):
        finish_draft(session, draft.id, "Two", "")
    with pytest.raises(DraftStopped):
        fail_draft(session, draft.id, "No.")
    session.refresh(draft)
    assert (draft.state, draft.words) == ("stopped", "One")


def test_a_newer_draft_stops_the_one_before_it(session: Session) -> None:
    ada = add_user(session, "Ada")
    first, second = _ask(session, ada), _ask(session, ada)
    session.refresh(first)
    assert (first.state, second.state) == ("stopped", "waiting")


def test_a_draft_that_a_worker_has_lost_is_taken_over(session: Session) -> None:
    draft = _ask(session, add_user(session, "Ada"))
    claim_draft(session)
    draft.started_at = datetime.now(UTC) - timedelta(minutes=2)
    session.flush()
    assert claim_draft(session) is draft


def test_drafts_are_forgotten_after_a_day(session: Session) -> None:
    old, new = (_ask(session, add_user(session, name)) for name in ("Ada", "Bela"))
    old.created_at = datetime.now(UTC) - timedelta(days=2)
    session.flush()
    purge_drafts(session)
    session.expire_all()
    assert session.get(WordDraft, old.id) is None
    assert session.get(WordDraft, new.id) is not None
