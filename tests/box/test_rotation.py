"""The secret key is changed by a command: the next start seals everything anew, and what was written before can be read."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.box.layout import PROJECT, Layout
from appliance.box.restore import _settle_secrets
from appliance.box.secrets import keep_secrets, read_secrets, write_secrets
from tests.box.studio import Studio

pytestmark = pytest.mark.box
ENROL = """
from appliance.accounts import open_login_session
from appliance.database import transaction
from appliance.second_factor import begin_enrolment
from appliance.tables import User
with transaction() as session:
    user = User(name="Mara", password_hash="!")
    session.add(user)
    session.flush()
    print(begin_enrolment(session, user))
    open_login_session(session, user, "", "")
"""
CONFIRM = """
import sys
from passlib.totp import TOTP
from sqlalchemy import func, select
from appliance.database import transaction
from appliance.second_factor import confirm_enrolment
from appliance.tables import AuditEntry, LoginSession, SecondFactor, User
from appliance.taskqueue import taskqueue
with transaction() as session:
    user = session.scalars(select(User)).one()
    confirm_enrolment(session, user, TOTP.from_uri(sys.argv[1]).generate().token)
    print(session.scalar(select(func.count()).select_from(LoginSession)))
    print(",".join(session.scalars(select(AuditEntry.action))))
"""


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path / "data")
    try:
        yield studio.start_foundation()
    finally:
        studio.end()


def inside(studio: Studio, program: str, *arguments: str) -> list[str]:
    """Run a few lines with the running studio's settings, and return what they print."""
    environ = os.environ | json.loads(studio.layout.settings.read_text()) | {"PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_changed_key_is_settled_by_the_next_start(studio: Studio) -> None:
    (address,) = inside(studio, ENROL)
    file = studio.layout.secrets
    before = json.loads(file.read_text())
    assert studio.ask("rotate-secret").returncode == 0
    changed = json.loads(file.read_text())
    assert changed["previous_secret_key"] == before["secret_key"] != changed["secret_key"]
    assert file.stat().st_mode & 0o077 == 0
    again = studio.ask("rotate-secret")
    assert again.returncode != 0
    assert "Start it first" in again.stderr
    assert studio.stop() == 0
    studio.start().until_ready()
    assert json.loads(file.read_text()) == before | {"secret_key": changed["secret_key"]}
    sessions, deeds = inside(studio, CONFIRM, address)
    assert (sessions, deeds) == ("0", "change secret key")

    # A key of the admin's own: the command says how, and the start finds the one before by itself.
    own = studio.ask("rotate-secret", SECRET_KEY="one of my own that is long")
    assert own.returncode != 0
    assert "SECRET_KEY_BEFORE" in own.stderr
    assert studio.stop() == 0
    studio.environment["SECRET_KEY"] = "one of my own that is long"
    studio.start_foundation()
    said = (studio.data / "logs" / "prepare.log").read_text()
    assert "1 secrets are sealed anew" in said
    assert "yet another key" not in said


def test_a_backup_of_before_the_change_is_read_after_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data", tmp_path / "data")
    layout.data.mkdir()
    ours = keep_secrets(layout.secrets, data_is_there=False)
    layout.marker.write_text(ours.instance)
    theirs = replace(ours, secret_key="the one of then")
    write_secrets(tmp_path / "secrets.json", theirs)
    _settle_secrets(layout, tmp_path)
    assert read_secrets(layout.secrets) == replace(ours, previous_secret_key="the one of then")
