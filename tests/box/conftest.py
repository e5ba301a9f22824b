"""Studios of the tests' own, and a Python that an unprivileged user can run."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.box.account import can_run_python, is_root, unprivileged_account
from appliance.box.layout import PROJECT
from tests.box.studio import Studio


@pytest.fixture
def new_studio(tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """Return what makes studios; whatever they leave is ended after the test."""
    made: list[Studio] = []

    def make(data: Path | None = None, **given: object) -> Studio:
        studio = Studio(data or tmp_path / "data", **given)  # type: ignore[arg-type]
        made.append(studio)
        return studio

    yield make
    for studio in made:
        studio.end()


@pytest.fixture(scope="session")
def open_ground() -> Iterator[Path]:
    """Return a folder that everybody may enter, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory(prefix="backline-box-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def common_python(open_ground: Path) -> str:
    """Return an interpreter with our packages that an unprivileged user can run; ours, where it is one."""
    if not is_root() or can_run_python(unprivileged_account(), PROJECT):
        return sys.executable
    system = Path("/usr/bin") / f"python3.{sys.version_info.minor}"
    if not system.exists() or not os.access(PROJECT, os.X_OK):
        pytest.skip("There is no Python here that an unprivileged user could run.")
    home = open_ground / "venv"
    subprocess.run([system, "-m", "venv", "--without-pip", home], check=True)
    packages = home / "lib" / system.name / "site-packages"
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
    (home / "bin" / "weed").symlink_to(Path(sysconfig.get_path("scripts")) / "weed")
    return str(home / "bin" / "python")


@pytest.fixture
def own_ground(open_ground: Path) -> Iterator[Path]:
    """Return an empty folder on open ground that belongs to the unprivileged user, or to us where we are not root."""
    folder = Path(tempfile.mkdtemp(dir=open_ground))
    folder.chmod(0o755)
    if is_root():
        account = unprivileged_account()
        os.chown(folder, account.uid, account.gid)
    yield folder
    shutil.rmtree(folder)
