"""The worker as the box runs it: a process of its own that is rung for, stopped and killed."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.box.supervisor import worker_command
from appliance.box.waiting import wait_until
from appliance.database import transaction
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import WorkerSeen
from appliance.taskqueue import ring
from tests.worker.making import SECONDS, ask_for_song, keys_of, look, wait_for_stage

ROOT = Path(__file__).parents[2]


@contextmanager
def _worker(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker whose data folder is `data`; what it says goes to a file there. Ends it, if nobody has."""
    environment = os.environ | {"DATA_DIR": str(data), "PYTHONPATH": str(ROOT)}
    with (data / "worker.log").open("ab") as log:
        process = subprocess.Popen(worker_command(settings()), cwd=data, env=environment, stdout=log, stderr=log)
        try:
            yield process
        except BaseException:
            print((data / "worker.log").read_text())  # noqa: T201 - pytest shows it with the failure
            raise
        finally:
            process.kill()
            process.wait()


def _is_alive() -> bool:
    with transaction() as session:
        return session.scalar(select(WorkerSeen.name)) is not None


def _stages() -> dict[str, list[float]]:
    """Return what the worker says of how long the stages of its songs took."""
    with transaction() as session:
        seen = session.scalar(select(WorkerSeen))
        return seen.about.get("stages", {}) if seen else {}


def test_a_worker_makes_what_it_is_rung_for_and_puts_it_back_at_once_when_it_is_stopped(
    session: Session, object_store: Storage, tmp_path: Path
) -> None:
    with _worker(tmp_path) as worker:
        assert wait_until(_is_alive, seconds=120)
        made = ask_for_song(session)
        ring()
        assert wait_until(lambda: {song.status for song in look(made.id).songs} == {"processed"}, seconds=120)

        long = ask_for_song(session, duration=300)
        ring()
        wait_for_stage(long.id, 1, "composing")
        assert wait_until(lambda: "composing" in _stages(), seconds=60)  # it tells with every heartbeat
        worker.send_signal(signal.SIGTERM)
        assert wait_until(lambda: look(long.id).lease_worker is None, seconds=120)
        after = look(long.id)
        assert [song.status for song in after.songs] == ["queued", "queued"]
        assert after.tries == 0
        assert worker.wait(timeout=120) == 0
    assert set(object_store.list()) == keys_of(look(made.id))
    seen = session.scalar(select(WorkerSeen))
    assert seen is not None
    assert {role: seen.about[role] for role in ("songwriter", "composer", "illustrator")} == {
        "songwriter": "sketch", "composer": "sketch", "illustrator": "sketch",
    }  # fmt: skip
    assert seen.about["stages"]["composing"][0] >= 1
    # No weights are here: the admin is told, once a role.
    assert [note[:27] for note in seen.about["notes"]] == ["The sketch engine stands in"] * 3


def test_a_song_whose_worker_was_killed_is_made_once_by_the_next_one(
    session: Session, object_store: Storage, tmp_path: Path
) -> None:
    request = ask_for_song(session, duration=SECONDS + 2)  # and nobody rings: the sweep finds it
    with _worker(tmp_path) as worker:
        wait_for_stage(request.id, 2, "composing")
        worker.kill()
    left = look(request.id)
    assert left.lease_worker is not None
    assert left.songs[1].status == "processing"
    # Cut short in the middle of an upload, which is hard to hit from outside.
    object_store.write(f"songs/{left.songs[1].id}/1/audio.mp3", b"half a song", "audio/mpeg")

    with _worker(tmp_path):
        assert wait_until(lambda: {song.status for song in look(request.id).songs} == {"processed"}, seconds=120)
        after = look(request.id)
        assert wait_until(lambda: look(request.id).lease_worker is None, seconds=120)
    assert after.attempt == 2
    assert {song.lyrics for song in after.songs} == {left.songs[0].lyrics}
    assert left.songs[0].finished_at in (None, after.songs[0].finished_at)
    assert set(object_store.list()) == keys_of(after)
    with transaction() as look_around:
        assert len(look_around.scalars(select(WorkerSeen)).all()) == 1


def test_two_workers_of_one_data_folder_have_two_names(
    database_url: str, object_store: Storage, tmp_path: Path
) -> None:
    def names() -> set[str]:
        with transaction() as session:
            return set(session.scalars(select(WorkerSeen.name)))

    with _worker(tmp_path), _worker(tmp_path):
        assert wait_until(lambda: len(names()) == 2, seconds=120)
