"""Requests that are sent twice, since a program did not hear the answer: under an idempotency key they are done once."""

import hashlib
import re
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from appliance.errors import InvalidInput, StudioError
from appliance.tables import IdempotentAnswer, User

KEPT = timedelta(hours=24)


class KeyUsed(StudioError):
    """The idempotency key stands for another request already."""

    status = 422


def begin_once(session: Session, user: User, name: str, asked: bytes) -> Any:
    """Return None when this is new, or else what the same request was answered before.

    Two that come at the same moment take turns: the second waits for the transaction of the first. A request that fails is
    rolled back with its key, and can be sent again. Raises InvalidInput about the name, KeyUsed when it stands for another
    question.
    """
    if not re.fullmatch(r"[\x21-\x7e]{1,80}", name):
        raise InvalidInput("An idempotency key has 1 to 80 plain characters and no spaces.")
    sha256 = hashlib.sha256(asked).digest()
    mine = (IdempotentAnswer.user_id == user.id) & (IdempotentAnswer.name == name)
    session.execute(delete(IdempotentAnswer).where(mine, IdempotentAnswer.created_at < func.now() - KEPT))
    new = session.execute(
        insert(IdempotentAnswer)
        .values(user_id=user.id, name=name, asked_sha256=sha256)
        .on_conflict_do_nothing()
        .returning(IdempotentAnswer.name)
    ).first()
    if new:
        return None
    kept = session.scalars(select(IdempotentAnswer).where(mine)).one()
    if kept.asked_sha256 != sha256:
        raise KeyUsed("This idempotency key was used for another request. Take a new one for each.")
    return kept.answer


def keep_answer(session: Session, user: User, name: str, answer: Any) -> None:
    """Keep what the request under this key is answered, in the transaction that did it."""
    session.execute(
        update(IdempotentAnswer)
        .where(IdempotentAnswer.user_id == user.id, IdempotentAnswer.name == name)
        .values(answer=answer)
    )


def purge_answers(session: Session) -> None:
    """Forget the answers that are older than a day."""
    session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.created_at < func.now() - KEPT))
