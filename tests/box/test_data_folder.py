"""The data folder: made once with its secrets, never mistaken, and one studio's at a time."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.box import lock
from appliance.box.failure import EX_CONFIG, BoxError
from appliance.box.folder import drop_runtime, keep_identity, new_runtime, open_data_folder
from appliance.box.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "data").mkdir()
    return Layout(tmp_path / "data", tmp_path / "runtime")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_for_nobody_else_to_read(layout: Layout) -> None:
    made = keep_identity(layout)
    assert (_mode(layout.secrets), _mode(layout.secrets.parent)) == (0o600, 0o700)
    assert keep_identity(layout) == made
    values = list(json.loads(layout.secrets.read_text()).values())
    assert len(set(values)) == len(values) > 8
    assert min(map(len, values)) >= 16


def test_lost_secrets_are_never_made_anew_over_data(layout: Layout) -> None:
    keep_identity(layout)
    layout.secrets.unlink()
    before = sorted(layout.data.rglob("*"))
    with pytest.raises(BoxError, match="Put the file back from a backup") as refused:
        keep_identity(layout)
    assert refused.value.exit_code == EX_CONFIG
    assert sorted(layout.data.rglob("*")) == before


@pytest.mark.parametrize("rest", ["pg/18/PG_VERSION", "s3/seaweedfs/mini.options"])
def test_data_without_its_marker_counts_as_data(layout: Layout, rest: str) -> None:
    (layout.data / rest).parent.mkdir(parents=True)
    (layout.data / rest).touch()
    with pytest.raises(BoxError, match="holds data made with it"):
        keep_identity(layout)


def test_secrets_of_another_studio_are_refused(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path / "other", tmp_path)
    other.data.mkdir()
    for each in (layout, other):
        keep_identity(each)
    layout.secrets.write_text(other.secrets.read_text())
    with pytest.raises(BoxError, match="another studio's"):
        keep_identity(layout)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"instance": "x"}', "\x00"])
def test_damaged_secrets_are_refused_in_a_sentence(layout: Layout, text: str) -> None:
    keep_identity(layout)
    layout.secrets.write_text(text)
    with pytest.raises(BoxError, match="cannot be read"):
        keep_identity(layout)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(BoxError, match=r"not empty \(thesis.tex is in it\)"):
        open_data_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(BoxError, match="is a file"):
        open_data_folder(tmp_path / "data")
    with pytest.raises(BoxError, match="cannot be used: Not a directory"):
        open_data_folder(tmp_path / "data" / "below")


def test_the_folder_is_held_as_long_as_anybody_has_the_lock(layout: Layout) -> None:
    me = lock.myself(layout.runtime, "http://here")
    assert lock.holder(layout.lock) is None
    descriptor, before = lock.take(layout.lock, me)
    assert before is None
    assert lock.holder(layout.lock) == me
    with pytest.raises(BoxError, match=f"http://here, process {os.getpid()}, since 2"):
        lock.take(layout.lock, me)
    # Whoever inherits the descriptor holds the folder for us, as supervisord does when its parent is killed.
    heir = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[descriptor])
    os.close(descriptor)
    assert lock.holder(layout.lock) == me
    heir.communicate(b"\n")
    assert lock.holder(layout.lock) is None
    descriptor, before = lock.take(layout.lock, me)
    assert before == me
    os.close(descriptor)


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', "\x00" * 20])
def test_a_damaged_lock_file_is_only_a_lock_file(layout: Layout, text: str) -> None:
    layout.lock.write_text(text)
    descriptor, before = lock.take(layout.lock, lock.myself(layout.runtime, ""))
    os.close(descriptor)
    assert before is None


def test_a_process_id_that_somebody_else_has_now_is_not_alive() -> None:
    me = lock.myself(Path(), "")
    assert me.is_alive()
    assert not lock.Holder(me.pid, me.born - 3600, "", "").is_alive()


def test_sockets_lie_where_a_socket_can_and_nothing_else_is_removed(tmp_path: Path) -> None:
    folder, descriptor = new_runtime()
    assert len(str(folder / "postgres" / ".s.PGSQL.5432.lock")) < 107
    os.close(descriptor)
    drop_runtime(folder)
    assert not folder.exists()
    drop_runtime(tmp_path)
    assert tmp_path.exists()
