"""Trusting the studio's own certificate."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from appliance.box.certificates import certificate_files, fingerprint
from appliance.settings import load_settings, settings


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the studio an authority of its own, as TLS=lan does, and return its certificate."""
    files = certificate_files(load_settings({"TLS": "lan"}, None), tmp_path / "tls")
    assert files
    for name, value in (("TLS", "lan"), ("TLS_CERTIFICATE", str(files[0])), ("TLS_KEY", str(files[1]))):
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield tmp_path / "tls" / "ca.pem"
    monkeypatch.undo()
    settings.cache_clear()


def test_a_studio_with_an_authority_shows_it_and_how_to_trust_it(client: TestClient[Litestar], authority: Path) -> None:
    page = client.get("/trust")
    assert page.status_code == 200
    assert fingerprint(authority) in page.text
    saved = client.get("/trust/backline-ca.pem")
    assert (saved.headers["content-type"], saved.content) == ("application/x-x509-ca-cert", authority.read_bytes())
    assert b"PRIVATE" not in saved.content


def test_one_without_has_nothing_to_trust(client: TestClient[Litestar]) -> None:
    for path in ("/trust", "/trust/backline-ca.pem"):
        assert client.get(path).status_code == 404
