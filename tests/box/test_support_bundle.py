"""The bundle for whoever helps holds what they need, and no secret, not even one that stands in a log."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from pydantic import SecretStr

from appliance.box.layout import Layout
from appliance.box.recovery_kit import keep_passphrase
from appliance.box.secrets import keep_secrets
from appliance.box.support_bundle import redact, support_bundle
from appliance.settings import Settings, load_settings

DATABASE_PASSWORDS = ("pass/word-for-pg", "pass%2Fword-for-pg")


@pytest.fixture
def wanted(tmp_path: Path) -> Settings:
    """Return the settings of a stopped studio with every secret there can be, all of which stand in one of its logs."""
    secret = {
        name.upper(): f"only-{name}-knows"
        for name, about in Settings.model_fields.items()
        if "Secret" in str(about.annotation)
    }
    secret["DATABASE_URL"] = "postgresql://me:pass%2Fword-for-pg@db.example/backline"
    wanted = load_settings(secret | {"DATA_DIR": str(tmp_path), "OBJECT_STORE": "s3", "S3_ENDPOINT": "http://s3"}, None)
    layout = Layout(tmp_path, tmp_path)
    keep_secrets(layout.secrets, data_is_there=False)
    layout.logs.mkdir()
    (layout.logs / "web.log").write_text(
        "a line that helps\n" + "".join(f"leaked: {each}!\n" for each in _secrets(wanted, tmp_path))
    )
    return wanted


def _secrets(wanted: Settings, data: Path) -> list[str]:
    """Everything that must not be found, gathered by the test itself."""
    kept = json.loads((data / "secrets" / "secrets.json").read_text())
    found = [value for name, value in kept.items() if name != "instance"]
    for name in Settings.model_fields:
        value = getattr(wanted, name)
        if isinstance(value, SecretStr):
            assert value.get_secret_value(), name
            found.append(value.get_secret_value())
    return [*found, *DATABASE_PASSWORDS]


def test_no_secret_of_any_kind_is_in_it(wanted: Settings, tmp_path: Path) -> None:
    keep_passphrase(wanted.model_copy(update={"backup_passphrase": type(wanted.backup_passphrase)("")}), "x")
    assert support_bundle(wanted, to_output=False) == 0
    (bundle,) = tmp_path.glob("support-*.tar.gz")
    assert bundle.stat().st_mode & 0o077 == 0
    with tarfile.open(bundle) as opened:
        files = {each.name: (opened.extractfile(each) or pytest.fail(each.name)).read().decode() for each in opened}
    text = "\n".join(files.values())
    kit = (tmp_path / "secrets" / "backup-passphrase").read_text().strip()
    for secret in [*_secrets(wanted, tmp_path), kit]:
        assert secret not in text
    assert "a line that helps" in text
    about = json.loads(files["backline-support/about.json"])
    assert about["settings"]["SECRET_KEY"] == "set"
    assert about["settings"]["WEB_PORT"] == "8080"
    assert any(each.startswith("litestar==") for each in about["packages"])


def test_out_of_a_container_it_comes_as_output(
    wanted: Settings, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert support_bundle(wanted, to_output=True) == 0
    with tarfile.open(fileobj=io.BytesIO(capfdbinary.readouterr().out)) as opened:
        assert "backline-support/about.json" in opened.getnames()
    assert not list(tmp_path.glob("support-*"))


def test_of_secrets_that_are_part_of_each_other_nothing_is_left() -> None:
    assert redact("the key is abcdef-123456", ["abcdef", "abcdef-123456"]) == "the key is [redacted]"
