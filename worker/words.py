"""Drafts of words: a worker writes whatever waits, and shows the lines as they come."""

import logging
import time
from typing import Any, cast
from uuid import UUID

from appliance.categories import CATEGORIES
from appliance.database import transaction
from appliance.drafts import DraftStopped, claim_draft, fail_draft, finish_draft, report_words
from appliance.errors import said
from models.failures import ModelFailure
from models.roles import Brief, Mode, Songwriter, Voice
from worker.sheets import begun, tidied

log = logging.getLogger(__name__)

FAILED = said("The words could not be written. The studio's log says why.")
_REPORT = 0.3  # seconds between two looks at the lines


def write_drafts(songwriter: Songwriter) -> None:
    """Write drafts until none waits. What goes wrong with one is said to whoever asked for it, and the next goes on."""
    while True:
        with transaction() as session:
            draft = claim_draft(session)
        if draft is None:
            return
        try:
            _write(songwriter, draft.id, draft.brief)
        except DraftStopped:
            log.info("The words of draft %s were stopped.", draft.id)
        except Exception as error:
            log.exception("The words of draft %s could not be written.", draft.id)
            _fail(draft.id, str(error) if isinstance(error, ModelFailure) else FAILED)


def _write(songwriter: Songwriter, draft_id: UUID, asked: dict[str, Any]) -> None:
    shown = 0.0

    def show(words: str) -> None:
        nonlocal shown
        if time.monotonic() - shown >= _REPORT:
            shown = time.monotonic()
            with transaction() as session:
                report_words(session, draft_id, begun(words))

    brief = Brief(
        mode=cast(Mode, asked["mode"]),
        description=asked["full_description"],
        prompt=asked["prompt"],
        described_lyrics=asked["described_lyrics"],
        title=asked["title"],
        duration=asked["duration"],
        seed=asked["seed"],
        bpm=asked["bpm"],
        key=asked["key"],
        time_signature=asked["time_signature"],
        language=asked["language"],
        voice=cast(Voice, asked["voice"]),
    )
    sheet = tidied(songwriter.write(brief, CATEGORIES, show))
    with transaction() as session:
        finish_draft(session, draft_id, sheet.lyrics, sheet.title)


def _fail(draft_id: UUID, reason: str) -> None:
    try:
        with transaction() as session:
            fail_draft(session, draft_id, reason)
    except DraftStopped:
        log.info("Nobody waits for draft %s any more.", draft_id)
