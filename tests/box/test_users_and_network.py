"""The studio as an ordinary user, as root's servant, as the wrong user; and cut off from the rest of the world."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.box.account import is_root, unprivileged_account
from appliance.box.failure import EX_CONFIG
from tests.box.studio import Studio

pytestmark = pytest.mark.box

NewStudio = Callable[..., Studio]
needs_root = pytest.mark.skipif(not is_root(), reason="Only root can be somebody else.")


@needs_root
@pytest.mark.parametrize("is_started_by_root", [True, False])
def test_nothing_runs_as_root_where_it_need_not(
    new_studio: NewStudio, own_ground: Path, common_python: str, is_started_by_root: bool
) -> None:
    account = unprivileged_account()
    user = None if is_started_by_root else account.uid
    studio = new_studio(own_ground / "data", python=common_python, user=user).start().until_ready()
    assert {process.uids().real for process in studio.processes()} == {account.uid}
    assert {path.stat().st_uid for path in studio.data.rglob("*")} == {account.uid}
    assert studio.ask("status").returncode == 0
    assert studio.stop() == 0


@needs_root
def test_a_folder_of_another_user_is_refused_and_left_as_it_is(
    new_studio: NewStudio, own_ground: Path, common_python: str
) -> None:
    account = unprivileged_account()
    studio = new_studio(own_ground / "data", python=common_python, user=account.uid)
    studio.data.mkdir()
    assert studio.start().until_over() == EX_CONFIG
    assert f"belongs to user id 0 (root), but the studio runs as user id {account.uid}" in studio.said
    assert f"sudo chown -R {account.uid} '{studio.data}'" in studio.said
    assert studio.said.count("\n") == 1
    assert list(studio.data.iterdir()) == []
    os.chown(studio.data, 54321, 54321)
    as_root = new_studio(studio.data)
    assert as_root.start().until_over() == EX_CONFIG
    assert "belongs to user id 54321 (nobody on this machine)" in as_root.said


@needs_root
def test_a_folder_that_cannot_be_written_to_is_refused(
    new_studio: NewStudio, own_ground: Path, common_python: str
) -> None:
    user = unprivileged_account().uid
    closed = own_ground / "closed"
    closed.mkdir(mode=0o555)
    studio = new_studio(own_ground / "data", python=common_python, user=user)
    studio.environment["DATA_DIR"] = str(closed / "data")
    assert studio.start().until_over() == EX_CONFIG
    assert f"DATA_DIR={closed / 'data'} cannot be used: Permission denied." in studio.said
    os.chown(closed, user, user)
    studio.environment["DATA_DIR"] = str(closed)
    assert studio.start().until_over() == EX_CONFIG
    assert f"Nothing can be written to DATA_DIR={closed}: Permission denied." in studio.said


# A network of its own with one way out, which leads nowhere and counts what is sent; IPv6 would greet its neighbours.
ISLAND = """
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link set lo up && ip link add out type veth peer name nowhere && ip link set nowhere up
ip address add 192.0.2.1/24 dev out && ip link set out up && ip route add default via 192.0.2.2
exec "$@"
"""
ON_AN_ISLAND = ["unshare", "--net", "sh", "-ec", ISLAND, "sh"]


def _sent(process_id: int | str) -> int:
    """Return how many packets have left the island that a process is on."""
    lines = Path(f"/proc/{process_id}/net/dev").read_text().splitlines()
    fields = next(line for line in lines if line.strip().startswith("out:")).split(":")[1].split()
    return int(fields[9])


@needs_root
def test_nothing_is_asked_of_the_rest_of_the_world(new_studio: NewStudio) -> None:
    if subprocess.run([*ON_AN_ISLAND, "true"], capture_output=True, check=False).returncode:
        pytest.skip("This machine gives nobody a network of their own.")
    call = "import socket; s = socket.socket(); s.settimeout(0.5); print(s.connect_ex(('198.51.100.1', 80))); input()"
    with subprocess.Popen(
        [*ON_AN_ISLAND, sys.executable, "-c", call], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as caller:
        assert caller.stdout
        caller.stdout.readline()
        assert _sent(caller.pid) > 0  # so this would show
        caller.communicate("\n")
    studio = new_studio().start(before=ON_AN_ISLAND).until_ready()
    assert studio.process
    assert _sent(studio.process.pid) == 0
    assert studio.stop() == 0
