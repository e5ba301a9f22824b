"""What the database is asked while something happens, and how it goes about it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from appliance import database


@dataclass(frozen=True, slots=True)
class Query:
    """One statement as the driver got it."""

    statement: str
    parameters: Any


@contextmanager
def queries() -> Iterator[list[Query]]:
    """Yield a list of the SELECTs that this process sends while the block runs."""
    seen: list[Query] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            seen.append(Query(statement, parameters))

    event.listen(database.engine(), "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine(), "before_cursor_execute", note)


def explain(session: Session, query: Query) -> dict[str, Any]:
    """Return what EXPLAIN (ANALYZE, BUFFERS) says of a query, as its JSON has it."""
    cursor = session.connection().connection.cursor()
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query.statement}", query.parameters)
    said = cursor.fetchone()
    cursor.close()
    assert said
    plan: dict[str, Any] = (said[0] if isinstance(said[0], list) else json.loads(said[0]))[0]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every node of a plan."""
    root = plan.get("Plan", plan)
    yield root
    for child in root.get("Plans", ()):
        yield from nodes(child)
