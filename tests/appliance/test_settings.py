"""Settings: typed, from the environment above the file, and refused in one sentence."""

import re
import tomllib
from pathlib import Path

import pytest

from appliance import __version__
from appliance.errors import SettingsError
from appliance.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]


def test_nothing_needs_to_be_set() -> None:
    assert load_settings({}, None).public_url == "http://127.0.0.1:8080"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("WEB_PORT=9001\nSTUDIO_NAME='Night Shift'\nLOG_LEVEL=\n")
    found = load_settings({"WEB_PORT": "9002", "PATH": "/bin"}, file)
    assert (found.web_port, found.studio_name, found.log_level) == (9002, "Night Shift", "info")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("WEB_PROT=1", "Did you mean WEB_PORT?"),
        ("NOTHING_LIKE_IT_AT_ALL=1", "is not a setting."),
        ("WEB_PORT=eighty", "WEB_PORT="),
        ("WEB_PORT=70000", "WEB_PORT="),
        ("STORE_PORT=60000", "STORE_PORT="),
        ("OBJECT_STORE=tape", "OBJECT_STORE="),
        ("OBJECT_STORE=s3", "OBJECT_STORE=s3 needs S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY."),
        ("LEASE_SECONDS=-1", "LEASE_SECONDS="),
        ("MEMORY_LIMIT=plenty", "MEMORY_LIMIT="),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, lines: str, said: str) -> None:
    file = tmp_path / ".env"
    file.write_text(lines)
    with pytest.raises(SettingsError) as refused:
        load_settings({}, file)
    assert said in refused.value.message
    assert "\n" not in refused.value.message


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    found = load_settings({"SECRET_KEY": "canary-1", "DATABASE_URL": "postgresql://u:canary-2@/d"}, None)
    assert "canary" not in repr(found)


def test_every_setting_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", readme, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_the_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
