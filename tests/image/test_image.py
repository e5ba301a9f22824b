"""The image as an admin and a listener meet it: closed to the outside, one start after the other, the songs still there."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from appliance.box.failure import EX_CONFIG
from appliance.box.store import temporary_store
from appliance.box.waiting import wait_until
from tests.box.studio import Studio
from tests.image.container import LIMITS, Container
from tests.image.engine import IMAGE, call, engine
from tests.image.neighbours import database_behind_a_port
from tests.web.browser import Browser

PASSWORD = "a kettle on the stove"
# What a second of a song costs on a busy machine decides; these are seconds of patience, not of promise.
MAKING = 180
STOPS_WITHIN = 15
AT_POST = "This worker is at its post."


@pytest.fixture(scope="module")
def listener(container: Container) -> Iterator[Browser]:
    """Yield the browser of the first admin, who has just made an account with the link from the container's log."""
    with httpx.Client(base_url=container.address, timeout=30) as client:
        yield _first_admin(container.setup_path(), client)


def _first_admin(link: str, client: httpx.Client) -> Browser:
    """Return the browser of somebody who has just made the first account with the set-up link."""
    browser = Browser(client)  # type: ignore[arg-type]  # a TestClient is an httpx.Client
    browser.open(link)
    fields = {"token": link.partition("token=")[2], "name": "Mara", "password": PASSWORD}
    assert browser.send("/setup", fields).status_code == 303
    return browser


def _ask_for_a_song(listener: Browser, seconds: int) -> None:
    listener.open("/create")
    asked = {"mode": "description", "full_description": "A slow waltz about the last ferry", "duration": str(seconds)}
    made = listener.send("/create", asked)
    assert made.status_code == 303, made.text


def _takes(listener: Browser) -> set[str]:
    """Return the addresses of the takes that are ready."""
    return set(re.findall(r"/songs/[0-9a-f-]{36}(?=[/\"])", listener.open("/create").text))


def _plays(listener: Browser, take: str) -> bool:
    """Whether a range from the middle of a take is answered with just that."""
    answer = listener.open(f"{take}/audio", range="bytes=1000-1999")
    return (answer.status_code, len(answer.content)) == (206, 1000)


def _run(container: Container, command: str) -> str:
    return container.ask("sh", "-c", command).stdout.strip()


def test_supervisord_is_the_first_process_and_everybody_is_nobody(container: Container) -> None:
    assert "appliance.box.pid_one" in _run(container, "tr '\\0' ' ' < /proc/1/cmdline")
    users = _run(container, "cat /proc/[0-9]*/status | grep -E '^Uid:' | cut -f2 | sort -u")
    assert users == "10001"
    status = _run(container, "cat /proc/1/status")
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
        assert line in status


def test_only_data_models_and_tmp_can_be_written_to(container: Container) -> None:
    for folder in ("/", "/opt/backline", "/usr/local/bin", "/etc"):
        assert "Read-only file system" in container.ask("sh", "-c", f"touch {folder}/x").stderr
    assert container.ask("sh", "-c", "touch /data/x /models/x /tmp/x && rm /data/x /models/x /tmp/x").returncode == 0


def test_one_door_is_open_and_the_stores_own_doors_are_closed_to_strangers(container: Container) -> None:
    # In /proc/net/tcp, 0A is a door that is listened at, and 00000000 every address there is.
    doors = _run(container, "cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == \"0A\" {print $2}'").split()
    outside = [int(door.split(":")[1], 16) for door in doors if not door.startswith("0100007F")]
    assert outside == [container.port], doors
    ask = (
        "import urllib.request, urllib.error\n"
        "for method, port, path in [('GET', 8336, '/'), ('POST', 8336, '/x'), ('PUT', 8335, '/1,01'), ('GET', 8333, '/'), ('PUT', 8333, '/backline/x')]:\n"
        "    try: print(urllib.request.urlopen(urllib.request.Request(f'http://127.0.0.1:{port}{path}', data=b'x' if method != 'GET' else None, method=method)).status)\n"
        "    except urllib.error.HTTPError as error: print(error.code)\n"
    )
    answers = container.ask("python", "-c", ask).stdout.split()
    assert len(answers) == 5
    assert set(answers) <= {"401", "403"}, answers


def test_there_is_no_compiler_and_no_secret_in_the_image() -> None:
    look = "command -v cc gcc g++ make pip npm node || true; find / -xdev -name '*.pem' -path '*secret*' 2>/dev/null; ls -A /data /models"
    found = call(engine("run", "--rm", *LIMITS, "--entrypoint", "sh", IMAGE, "-c", look)).stdout
    assert found.split() == ["/data:", "/models:"]
    told = call(engine("image", "inspect", IMAGE)).stdout
    assert not re.search(r"(?i)(password|secret_key|token)\s*=", told)
    assert '"org.opencontainers.image.title": "Backline"' in told


def test_the_health_check_asks_whether_the_studio_is_ready(container: Container) -> None:
    asked = container.ask("python", "-m", "appliance.box.probe")
    assert asked.returncode == 0
    assert "worker: ready" in asked.stdout
    assert "appliance.box.probe" in call(engine("image", "inspect", IMAGE)).stdout


def test_the_admins_words_are_the_same_inside(container: Container) -> None:
    status = container.ask("python", "-m", "appliance.box", "status")
    assert status.returncode == 0, status.stdout
    assert "process 1," in status.stdout


def test_a_song_outlives_stops_kills_and_new_containers(container: Container, listener: Browser) -> None:
    _ask_for_a_song(listener, 10)
    assert wait_until(lambda: len(_takes(listener)) == 2, MAKING, every=1), container.logs()
    takes = _takes(listener)
    assert all(_plays(listener, take) for take in takes)

    # A song is being made and a page is open, and yet it stops in time; the song is made after the next start.
    _ask_for_a_song(listener, 120)
    assert wait_until(lambda: container.logs().count("begins, attempt 1") == 2, 30), container.logs()
    with _an_open_stream(listener):
        code, seconds = container.stop()
    assert (code, seconds < STOPS_WITHIN) == (0, True), (code, seconds, container.logs())
    container.start().until_ready()
    assert all(_plays(listener, take) for take in takes)
    assert wait_until(lambda: len(_takes(listener)) == 4, MAKING, every=1), container.logs()
    assert all(_plays(listener, take) for take in _takes(listener))

    container.kill()
    container.start().until_ready()
    assert all(_plays(listener, take) for take in takes)

    assert container.stop()[0] == 0
    call(engine("rm", container.name))
    container.create().until_ready()
    assert all(_plays(listener, take) for take in takes)
    assert "/setup?token=" not in container.logs()


class _an_open_stream:
    """Keeps the live page's event stream open in a thread."""

    def __init__(self, listener: Browser) -> None:
        self._listener, self._is_open = listener, threading.Event()

    def __enter__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._is_open.wait(20)

    def __exit__(self, *_: object) -> None:
        return None

    def _listen(self) -> None:
        try:
            with self._listener.client.stream("GET", "/events", timeout=None) as stream:
                assert stream.status_code == 200
                self._is_open.set()
                for _ in stream.iter_raw():
                    pass
        except httpx.HTTPError:
            pass


@pytest.fixture
def new_container() -> Iterator[Callable[..., Container]]:
    made: list[Container] = []

    def make(*arguments: str, **settings: str) -> Container:
        made.append(Container(*arguments, **settings))
        return made[-1]

    yield make
    for container in made:
        container.remove()


def test_what_is_set_wrong_ends_the_container_with_a_sentence(new_container: Callable[..., Container]) -> None:
    container = new_container(OBJECT_STORE="minio").create()
    assert wait_until(lambda: not container.runs(), 30)
    assert container.exit_code() == EX_CONFIG
    assert "OBJECT_STORE=minio needs a program named minio" in container.logs().splitlines()[-1]


def test_a_worker_of_its_own_says_what_it_has_to_share(new_container: Callable[..., Container]) -> None:
    container = new_container().create("run", "--as-pid-one", "--only-worker")
    assert wait_until(lambda: not container.runs(), 30)
    assert container.exit_code() == EX_CONFIG
    assert "needs DATABASE_URL, SECRET_KEY, OBJECT_STORE=s3 in its settings" in container.logs()


def test_a_backup_made_inside_is_restored_into_an_empty_volume_and_the_songs_play(
    new_container: Callable[..., Container], tmp_path: Path
) -> None:
    target = tmp_path / "backups"
    target.mkdir()
    target.chmod(0o777)  # the container's user has no name here
    chosen = {"BACKUP_TARGET": "/backups", "BACKUP_PASSPHRASE": "six tall ships on a quiet sea"}
    studio = new_container("-v", f"{target}:/backups", **chosen).create()
    studio.until_ready()
    with httpx.Client(base_url=studio.address, timeout=30) as client:
        mara = _first_admin(studio.setup_path(), client)
        _ask_for_a_song(mara, 10)
        assert wait_until(lambda: len(_takes(mara)) == 2, MAKING, every=1), studio.logs()
        heard = {take: mara.open(f"{take}/audio").content for take in _takes(mara)}
    made = studio.ask("python", "-m", "appliance.box", "backup")
    assert made.returncode == 0, made.stdout + made.stderr
    studio.remove()

    again = new_container("-v", f"{target}:/backups", **chosen)
    back = again.run("restore", "--yes")
    assert back.returncode == 0, back.stdout + back.stderr
    again.create().until_ready()
    assert "/setup?token=" not in again.logs()
    with httpx.Client(base_url=again.address, timeout=30) as client:
        mara = Browser(client)  # type: ignore[arg-type]
        mara.open("/sign-in")
        assert mara.send("/sign-in", {"user": "Mara", "password": PASSWORD}).status_code == 303
        assert {take: mara.open(f"{take}/audio").content for take in _takes(mara)} == heard


def test_a_second_host_makes_songs_of_the_same_queue(new_container: Callable[..., Container], tmp_path: Path) -> None:
    """The first host runs without a container: on the machine's own network it shares 127.0.0.1 with the second."""
    with database_behind_a_port() as database_url, temporary_store() as store:
        shared = {
            "DATABASE_URL": database_url,
            "OBJECT_STORE": "s3",
            "S3_ENDPOINT": store.endpoint,
            "S3_ACCESS_KEY": store.access_key,
            "S3_SECRET_KEY": store.secret_key,
            "SECRET_KEY": "the-same-on-both-hosts-of-this-test",
            "REGISTRATION": "open",
        }
        first = Studio(tmp_path / "data", **shared)  # type: ignore[arg-type]  # none of them is its user
        try:
            first.start().until_ready()
            second = new_container("--network=host", **shared).create("run", "--as-pid-one", "--only-worker")
            assert wait_until(lambda: AT_POST in second.logs() or not second.runs(), 120, every=0.5), second.logs()
            address = f"http://127.0.0.1:{first.port}"
            with httpx.Client(base_url=address, timeout=30) as hers, httpx.Client(base_url=address, timeout=30) as his:
                mara = _first_admin(str(first.link()), hers)
                jun = Browser(his)  # type: ignore[arg-type]
                jun.open("/sign-up")
                assert jun.send("/sign-up", {"name": "Jun", "email": "", "password": PASSWORD}).status_code == 303
                for person, seconds in ((mara, 120), (jun, 10)):  # whoever is at the first cannot take the second
                    _ask_for_a_song(person, seconds)
                for person in (mara, jun):
                    assert wait_until(lambda who=person: len(_takes(who)) == 2, MAKING, every=1), second.logs()  # type: ignore[misc]
                    assert all(_plays(person, take) for take in _takes(person))
            assert wait_until(lambda: "ends." in second.logs(), 30), second.logs()
            assert (first.data / "logs" / "worker.log").read_text().count(" ends.") == 1
            assert second.stop()[0] == 0
            assert first.stop() == 0
        finally:
            first.end()
