"""Logs: a line an event, the ids of what it is about in it, and nothing that people typed."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from appliance.log import JsonLines, OneLine, about, set_up_logging
from appliance.settings import settings

log = logging.getLogger("tests")


@pytest.fixture
def written() -> Iterator[StringIO]:
    """Return what the tests' logger writes as JSON."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield written
    log.removeHandler(handler)


def _events(written: StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize(("format_name", "kind"), [("json", JsonLines), ("text", OneLine)])
def test_the_setting_chooses_how_programs_log(
    monkeypatch: pytest.MonkeyPatch, format_name: str, kind: type[logging.Formatter]
) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    monkeypatch.setenv("LOG_FORMAT", format_name)
    settings.cache_clear()
    try:
        set_up_logging()
        (handler,) = root.handlers
        assert isinstance(handler.formatter, kind)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        monkeypatch.undo()
        settings.cache_clear()


def test_an_event_is_one_object_with_the_ids_of_what_it_is_about(written: StringIO) -> None:
    song = uuid4()
    with about(http_request="abc"), about(song=song):
        log.info("It is %s.\nReally.", "ready")
    log.warning("Nobody asked.")
    first, second = _events(written)
    assert (first["message"], first["level"], first["logger"]) == ("It is ready.\nReally.", "info", "tests")
    assert (first["http_request"], first["song"]) == ("abc", str(song))
    assert "song" not in second


def test_a_traceback_is_part_of_its_event(written: StringIO) -> None:
    try:
        raise ValueError("a riddle")
    except ValueError:
        log.exception("It failed.")
    (event,) = _events(written)
    assert "ValueError: a riddle" in event["traceback"]


def test_what_a_failed_statement_was_given_is_not_in_its_message(session: Session, written: StringIO) -> None:
    lyrics = "nobody shall read these lyrics"
    try:
        session.execute(text("SELECT * FROM no_such_table WHERE words = :words"), {"words": lyrics})
    except SQLAlchemyError:
        log.exception("It failed.")
        session.rollback()
    (event,) = _events(written)
    assert "no_such_table" in event["traceback"]
    assert lyrics not in json.dumps(event)
