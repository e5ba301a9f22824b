"""The queue's messages: pickled, so that none is unpacked that was not signed here."""

import pickle
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from appliance.taskqueue import ring, taskqueue


class Planted:
    """What somebody who can write to the queue's table would have run."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.file,)


def test_a_message_that_was_not_signed_here_is_never_unpacked(session: Session, tmp_path: Path) -> None:
    queue = taskqueue()
    queue.storage.flush_queue()
    planted = pickle.dumps(Planted(tmp_path / "run"))
    for message in (planted, planted + b":0000", b":" + planted):
        queue.storage.enqueue(message)
        with pytest.raises(ValueError, match=r"Signature|Separator"):
            queue.dequeue()
        assert not (tmp_path / "run").exists()
    pickle.loads(planted)
    assert (tmp_path / "run").exists()
    # What is ours goes through, and nothing of ours lies there unsigned.
    ring()
    session.execute(text("SELECT 1"))
    message = queue.dequeue()
    assert message is not None
    assert message.name == "song_waits"
