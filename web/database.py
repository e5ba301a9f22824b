"""A request is one transaction: where handlers get their session, and what happens after its commit."""

import logging
from collections.abc import Callable, Iterator

from sqlalchemy.orm import Session

from appliance.database import session_factory

log = logging.getLogger(__name__)
_AFTERWARDS = "after_commit"


def provide_session() -> Iterator[Session]:
    """Yield the session of a request: committed once when the handler is done, rolled back when it raises.

    The commit comes before the answer, so whoever reads the answer finds what it speaks of.
    """
    with session_factory()() as session:
        yield session
        session.commit()
        for todo in session.info.pop(_AFTERWARDS, ()):
            try:
                todo()
            except Exception:  # the request itself is done; sweeps mend what was left over
                log.exception("Something to do after a commit failed.")


def after_commit(session: Session, todo: Callable[[], object]) -> None:
    """Do `todo` once this request is committed, and not if it is rolled back."""
    session.info.setdefault(_AFTERWARDS, []).append(todo)
