"""Tries a new version as its listeners would, before any of them is let in: a page, a song, and a range of its sound."""

import http.client
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.accounts import close_login_session, open_login_session
from appliance.box import supervisor
from appliance.box.failure import BoxError
from appliance.box.layout import as_variables
from appliance.box.postgres import dies_with_parent
from appliance.box.waiting import wait_until
from appliance.database import build_engine
from appliance.settings import Settings
from appliance.tables import Song, User

PATIENCE = 60.0  # seconds until the web app answers
SONGS = 3  # of which one has to play: a single file may have been lost long before
RANGE = (0, 255)  # bytes
COOKIE = "login"  # what web.cookies calls it where nothing is encrypted
HOST = "127.0.0.1"


def try_out(full: Settings) -> None:
    """Run the web app where nobody else can reach it, sign in to it, and read and hear a song. Raises BoxError saying what fails.

    Database and store run already. Sign-in and address are this trial's own, so no second factor and no proxy is in the way.
    """
    engine = build_engine(full.database_url.get_secret_value())
    try:
        with Session(engine, expire_on_commit=False) as session, _web_app(full) as port:
            _expect(_ask(port, "/sign-in"), 200, "the sign-in page")
            found = session.execute(
                select(Song, User)
                .join(User, Song.user_id == User.id)
                .where(Song.status == "processed", User.disabled_at.is_(None))
                # What its owner has heard before is not marked as new, and so nothing is changed by hearing it.
                .order_by(Song.heard_at.is_(None), Song.finished_at.desc())
                .limit(SONGS)
            ).all()
            troubles = []
            for song, owner in found:
                token = open_login_session(session, owner, "the trial after an upgrade", "")
                session.commit()
                try:
                    _hear(port, token, song)
                except BoxError as error:
                    troubles.append(error.message)
                else:
                    return
                finally:
                    close_login_session(session, token)
                    session.commit()
            if troubles:
                raise BoxError(troubles[0])
    finally:
        engine.dispose()


def _hear(port: int, token: str, song: Song) -> None:
    _expect(_ask(port, f"/songs/{song.id}", token), 200, f"the page of the song {song.id}")
    heard = _ask(port, f"/songs/{song.id}/audio", token, f"bytes={RANGE[0]}-{RANGE[1]}")
    _expect(heard, 206, f"a range of the sound of {song.id}")
    if len(heard[1]) != RANGE[1] - RANGE[0] + 1:
        raise BoxError(f"a range of the sound of {song.id} has {len(heard[1])} bytes")


def _expect(answer: tuple[int, bytes], status: int, what: str) -> None:
    if answer[0] != status:
        raise BoxError(f"{what} is answered with {answer[0]} in place of {status}")


def _ask(port: int, path: str, token: str = "", wanted: str = "") -> tuple[int, bytes]:
    """Return status and body of an answer. Raises BoxError where there is none."""
    headers = {"Cookie": f"{COOKIE}={token}"} if token else {}
    headers |= {"Range": wanted} if wanted else {}
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise BoxError(f"{path.rpartition('/')[0] or path} is not answered: {error}") from None
    finally:
        connection.close()


@contextmanager
def _web_app(full: Settings) -> Iterator[int]:
    """Yield the port of a web app of the trial's own, which writes what it says where we do."""
    with socket.socket() as door:
        door.bind((HOST, 0))
        door.listen()
        port = int(door.getsockname()[1])
        plain = full.model_copy(
            update={"tls": "off", "web_host": HOST, "web_port": port, "public_url": f"http://{HOST}:{port}"}
        )
        # Ranges come through the web app here, and an admin without a second factor may look as well.
        plain = plain.model_copy(update={"s3_public_url": "", "admins_need_second_factor": False})
        if web_url := full.web_database_url.get_secret_value():
            plain = plain.model_copy(update={"database_url": type(full.database_url)(web_url)})
        inherited = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
        door.set_inheritable(True)
        process = subprocess.Popen(
            [*dies_with_parent("TERM"), *supervisor.web_command(plain), "--fd", str(door.fileno())],
            env=inherited | as_variables(plain),
            pass_fds=[door.fileno()],
        )
    try:
        if not wait_until(lambda: process.poll() is not None or _is_live(port), PATIENCE, every=0.1):
            raise BoxError(f"the web app does not answer within {PATIENCE:.0f} seconds")
        if process.poll() is not None:
            raise BoxError(f"the web app ends with {process.returncode} as soon as it is started")
        yield port
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_live(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection(HOST, port, timeout=2)
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
