"""Drafts of words: asked for before a song is, written by a worker, free."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from appliance.briefs import Brief, read_brief
from appliance.errors import InvalidInput, NotFound, StudioError
from appliance.tables import User, WordDraft

OPEN = ("waiting", "writing")
KEPT = timedelta(days=1)
# A worker that has not been heard of for so long has lost the draft; another may begin anew.
_LAPSES = timedelta(minutes=1)


class DraftStopped(StudioError):
    """Nobody waits for these words any more."""

    status = 409

    def __init__(self) -> None:
        super().__init__("These words were stopped.")


def brief_for_words(fields: Mapping[str, object]) -> Brief:
    """Return the brief for words alone from the fields of the form that asks for a song.

    What they are about is the first of these that says anything: the description of the words, that of the song, the title,
    the words that stand there already, the sound. Raises InvalidInput where nothing does.
    """
    said = (
        str(fields.get(name) or "").strip()
        for name in ("described_lyrics", "full_description", "title", "lyrics", "prompt")
    )
    about = next(filter(None, said), "")
    if not about:
        raise InvalidInput.about(
            lyrics="Say first what the words should be about: a title, a sound or a first line will do."
        )
    prompt = str(fields.get("prompt") or "").strip()
    kept = {
        name: fields.get(name) for name in ("title", "duration", "bpm", "key", "time_signature", "language", "voice")
    }
    asked = {"mode": "described_lyrics", "prompt": prompt, "described_lyrics": about[:2000]}
    return read_brief(kept | (asked if prompt else {"mode": "description", "full_description": about[:2000]}))


def request_words(session: Session, user: User, brief: Brief) -> WordDraft:
    """Return the new draft, which waits for a worker; an earlier one of this person that is not done is stopped.

    Ring the bell "words_wait" after the commit.
    """
    # Two browsers of one person take turns here.
    session.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
    session.execute(
        update(WordDraft).where(WordDraft.user_id == user.id, WordDraft.state.in_(OPEN)).values(state="stopped")
    )
    draft = WordDraft(user_id=user.id, brief=asdict(brief))
    session.add(draft)
    session.flush()
    return draft


def get_draft(session: Session, draft_id: UUID, viewer: User) -> WordDraft:
    """Return one of the viewer's own drafts, or raise NotFound."""
    draft = session.get(WordDraft, draft_id)
    if draft is None or draft.user_id != viewer.id:
        raise NotFound
    return draft


def stop_draft(session: Session, draft_id: UUID, viewer: User) -> WordDraft:
    """Stop a draft; what is written stays. No error when it is done already."""
    draft = session.scalar(
        select(WordDraft).where(WordDraft.id == draft_id, WordDraft.user_id == viewer.id).with_for_update()
    )
    if draft is None:
        raise NotFound
    if draft.state in OPEN:
        draft.state = "stopped"
    return draft


def claim_draft(session: Session) -> WordDraft | None:
    """Return the draft that waits longest, for this worker to write, or one that another worker has lost; None: there is none."""
    lost = (WordDraft.state == "writing") & (WordDraft.started_at < func.clock_timestamp() - _LAPSES)
    draft = session.scalar(
        select(WordDraft)
        .where((WordDraft.state == "waiting") | lost)
        .order_by(WordDraft.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if draft is not None:
        draft.state, draft.started_at = "writing", datetime.now(UTC)
    return draft


def words_wait(session: Session) -> bool:
    """Tell whether a draft waits for a worker."""
    return session.scalar(select(select(WordDraft.id).where(WordDraft.state == "waiting").exists())) or False


def report_words(session: Session, draft_id: UUID, words: str) -> None:
    """Show the words as far as they are written. Raises DraftStopped when nobody waits for them."""
    _write(session, draft_id, words=words, started_at=datetime.now(UTC))


def finish_draft(session: Session, draft_id: UUID, words: str, title: str) -> None:
    """Make a draft ready. Raises DraftStopped."""
    _write(session, draft_id, state="done", words=words, title=title)


def fail_draft(session: Session, draft_id: UUID, reason: str) -> None:
    """Give a draft up, with the reason in words. Raises DraftStopped."""
    _write(session, draft_id, state="failed", reason=reason)


def _write(session: Session, draft_id: UUID, **values: Any) -> None:
    statement = update(WordDraft).where(WordDraft.id == draft_id, WordDraft.state == "writing").values(**values)
    if session.execute(statement.returning(WordDraft.id)).first() is None:
        raise DraftStopped


def purge_drafts(session: Session) -> None:
    """Forget drafts of yesterday."""
    session.execute(delete(WordDraft).where(WordDraft.created_at < datetime.now(UTC) - KEPT))
