"""Drafts of words as a worker writes them."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from appliance.drafts import brief_for_words, request_words, stop_draft
from appliance.tables import User, WordDraft
from models.failures import TooLarge
from models.roles import Brief, OnWords, SongSheet
from models.sketch.songwriter import SketchSongwriter
from tests.appliance.people import add_user
from worker.words import FAILED, write_drafts


class Interrupted(SketchSongwriter):
    """Writes, and has something happen when the first words are there."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self.happens = happens

    def write(self, brief: Brief, categories: tuple[str, ...], on_words: OnWords | None = None) -> SongSheet:
        self.happens()
        return super().write(brief, categories, on_words)


def _draft(session: Session, name: str = "Ada") -> WordDraft:
    brief = brief_for_words({"prompt": "folk, slow", "described_lyrics": "the last ferry home", "duration": "60"})
    draft = request_words(session, add_user(session, name), brief)
    session.commit()
    return draft


def test_every_draft_that_waits_is_written(session: Session) -> None:
    drafts = [_draft(session, name) for name in ("Ada", "Bela")]
    write_drafts(SketchSongwriter())
    for draft in drafts:
        session.refresh(draft)
        assert draft.state == "done"
        assert draft.words.startswith("[Verse")
        assert draft.title
    session.commit()


def test_words_that_are_stopped_end_the_writing(session: Session) -> None:
    draft = _draft(session)

    def stop() -> None:
        stop_draft(session, draft.id, session.get_one(User, draft.user_id))
        session.commit()

    write_drafts(Interrupted(stop))
    session.refresh(draft)
    assert (draft.state, draft.words) == ("stopped", "")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TooLarge("This is too much text for the songwriter."), "This is too much text for the songwriter."),
        (RuntimeError("x"), FAILED),
    ],
)
def test_words_that_cannot_be_written_say_why_and_the_next_are_written(
    session: Session, error: Exception, said: str
) -> None:
    first, second = _draft(session, "Ada"), _draft(session, "Bela")
    raised: list[Exception] = [error]

    def fail() -> None:
        if raised:
            raise raised.pop()

    write_drafts(Interrupted(fail))
    session.refresh(first)
    session.refresh(second)
    assert (first.state, first.reason) == ("failed", said)
    assert second.state == "done"
    session.commit()
