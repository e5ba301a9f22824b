"""TLS without a domain: browsers that trust the studio's authority get in by every name of the machine, and nowhere else."""

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.box import certificates, health
from appliance.box.certificates import LEAF_LIVES, _certify, _make_leaf, certificate_files, expires, own_names
from appliance.box.failure import EX_CONFIG, BoxError
from appliance.box.guard import certificate_seen, renew_certificate, take_up_certificate
from appliance.box.layout import as_variables
from appliance.box.start_page import StartPage
from appliance.box.waiting import wait_until
from appliance.settings import load_settings
from tests.box.studio import Studio, free_port

NAMES, ADDRESSES = ["house", "house.local", "localhost"], [ip_address("127.0.0.1"), ip_address("192.168.1.20")]


def _ask(files: tuple[Path, Path], authority: Path | None, name: str, tmp_path: Path) -> str:
    """Shake hands with a server that shows these files, as a browser does that knows it as `name`; return what went wrong."""
    port = free_port()
    page = StartPage("127.0.0.1", port, tmp_path / "progress", (str(files[0]), str(files[1])))
    serving = threading.Thread(target=page.handle_request)
    page.timeout = 10
    serving.start()
    browser = ssl.create_default_context(cafile=str(authority) if authority else None)
    try:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            browser.wrap_socket(plain, server_hostname=name) as door,
        ):
            door.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"503" in door.recv(100)
        return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        serving.join()
        page.server_close()


def _let_it_run_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Put a certificate in the place of the one in `folder` that has a quarter of its life left; return it (DER)."""
    names = ["localhost"]
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "LEAF_LIVES", timedelta(minutes=20))  # it began an hour ago
        _make_leaf(
            folder / "cert.pem", folder / "key.pem", folder / "ca.pem", folder / "ca-key.pem", names, ADDRESSES[:1]
        )
    return x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("name", ["house", "house.local", "localhost", "127.0.0.1", "192.168.1.20"])
def test_who_trusts_the_authority_gets_in_by_every_name(name: str, tmp_path: Path) -> None:
    files = _certify(tmp_path / "tls", NAMES, ADDRESSES)
    assert _ask(files, tmp_path / "tls" / "ca.pem", name, tmp_path) == ""


def test_nobody_else_does_and_other_names_are_not_ours(tmp_path: Path) -> None:
    files = _certify(tmp_path / "tls", NAMES, ADDRESSES)
    assert "self-signed certificate" in _ask(files, None, "localhost", tmp_path)
    assert "Hostname mismatch" in _ask(files, tmp_path / "tls" / "ca.pem", "example.org", tmp_path)


@pytest.mark.parametrize(("name", "address"), [("bank.example", "127.0.0.1"), ("localhost", "198.51.100.7")])
def test_a_stolen_authority_is_of_no_use_elsewhere(name: str, address: str, tmp_path: Path) -> None:
    files = _certify(tmp_path / "tls", NAMES, ADDRESSES)
    authority, authority_key = tmp_path / "tls" / "ca.pem", tmp_path / "tls" / "ca-key.pem"
    _make_leaf(*files, authority, authority_key, [name], [ip_address(address)])
    assert "permitted subtree violation" in _ask(files, authority, name, tmp_path)


def test_keys_are_private_and_a_certificate_lasts_as_long_as_browsers_allow(tmp_path: Path) -> None:
    certificate, key = _certify(tmp_path / "tls", NAMES, ADDRESSES)
    for path in (key, tmp_path / "tls" / "ca-key.pem"):
        assert path.stat().st_mode & 0o077 == 0
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    assert expires(certificate) - made.not_valid_before_utc <= LEAF_LIVES + (LEAF_LIVES / 397)


def test_a_new_address_renews_the_certificate_and_keeps_the_authority(tmp_path: Path) -> None:
    first = _certify(tmp_path / "tls", NAMES, ADDRESSES)[0].read_bytes()
    assert _certify(tmp_path / "tls", NAMES, ADDRESSES)[0].read_bytes() == first
    authority = (tmp_path / "tls" / "ca.pem").read_bytes()
    assert _certify(tmp_path / "tls", NAMES, [*ADDRESSES, ip_address("10.0.0.9")])[0].read_bytes() != first
    assert (tmp_path / "tls" / "ca.pem").read_bytes() == authority
    _certify(tmp_path / "tls", [*NAMES, "studio.example.net"], ADDRESSES)  # beyond what it may vouch for
    assert (tmp_path / "tls" / "ca.pem").read_bytes() != authority


def test_the_name_that_people_use_is_among_ours() -> None:
    names, addresses = own_names(load_settings({"TLS": "lan", "PUBLIC_URL": "https://songs.lan:8443"}, None))
    assert {"songs.lan", "localhost", socket.gethostname().lower()} <= set(names)
    assert ip_address("127.0.0.1") in addresses
    _, addresses = own_names(load_settings({"PUBLIC_URL": "http://10.1.2.3:8080"}, None))
    assert ip_address("10.1.2.3") in addresses


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    certificate, _ = _certify(tmp_path / "a", NAMES, ADDRESSES)
    _, key = _certify(tmp_path / "b", NAMES, ADDRESSES)
    named = {"TLS": "files", "TLS_CERTIFICATE": str(certificate), "TLS_KEY": str(key)}
    with pytest.raises(BoxError, match=r"cannot be used: .*belong together") as refused:
        certificate_files(load_settings(named, None), tmp_path)
    assert refused.value.exit_code == EX_CONFIG


def test_a_certificate_with_a_third_of_its_life_left_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = _certify(tmp_path / "tls", NAMES, ADDRESSES)
    full = load_settings({"TLS": "lan", "TLS_CERTIFICATE": str(certificate), "TLS_KEY": str(key)}, None)
    first = certificate.read_bytes()
    assert not certificates.renew(full)
    assert certificate.read_bytes() == first
    _let_it_run_out(tmp_path / "tls", monkeypatch)
    assert certificates.renew(full)
    assert expires(certificate) > datetime.now(UTC) + 0.9 * LEAF_LIVES


@pytest.mark.box
def test_a_studio_that_runs_renews_its_certificate_and_only_the_web_app_starts_anew(
    new_studio: Callable[..., Studio], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = new_studio(TLS="lan").start().until_ready()
    full = load_settings(json.loads(studio.layout.settings.read_text()), None)
    old = _let_it_run_out(studio.data / "tls", monkeypatch)
    before = studio.programs()
    # What the guard does every minute.
    asked = as_variables(full) | {"SUPERVISOR_SERVER_URL": f"unix://{studio.layout.supervisor_socket}"}
    assert renew_certificate(asked)
    assert not renew_certificate(asked)

    assert wait_until(lambda: studio.programs().get("web", before["web"]) != before["web"], 30)
    assert wait_until(lambda: not health.web_trouble(full), 60)
    authority = studio.data / "tls" / "ca.pem"
    assert wait_until(lambda: _shown(studio, authority) not in (None, old), 60)
    shown = _shown(studio, authority)
    now = x509.load_pem_x509_certificate((studio.data / "tls" / "cert.pem").read_bytes())
    assert shown == now.public_bytes(Encoding.DER)
    assert shown != old
    after = studio.programs()
    assert {name for name in before if before[name] != after[name]} == {"web"}
    assert studio.stop() == 0


def _shown(studio: Studio, authority: Path) -> bytes | None:
    """The certificate that a browser sees (DER) which trusts the authority; None while nobody answers.

    That may be for a second moment: the guard of the studio looks every minute, and may have seen what the test did too.
    """
    trusting = ssl.create_default_context(cafile=str(authority))
    with (
        suppress(ConnectionError),
        socket.create_connection(("127.0.0.1", studio.port)) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as door,
    ):
        return door.getpeercert(binary_form=True)
    return None


@pytest.mark.box
def test_files_of_ones_own_that_are_renewed_are_taken_up_once_they_belong_together(
    new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    files, later = _certify(tmp_path / "own", NAMES, ADDRESSES), tmp_path / "later"
    authority = tmp_path / "own" / "ca.pem"
    named = {"TLS": "files", "TLS_CERTIFICATE": str(files[0]), "TLS_KEY": str(files[1])}
    studio = new_studio(**named).start().until_ready()
    full, before, old = studio.settings, studio.programs(), _shown(studio, authority)
    asked = as_variables(full) | {"SUPERVISOR_SERVER_URL": f"unix://{studio.layout.supervisor_socket}"}
    known = certificate_seen(asked)
    assert take_up_certificate(asked, known) == known

    later.mkdir()
    new = (later / "cert.pem", later / "key.pem")
    _make_leaf(*new, authority, tmp_path / "own" / "ca-key.pem", ["localhost"], ADDRESSES)
    files[0].write_bytes(new[0].read_bytes())  # and the key has not come yet
    assert take_up_certificate(asked, known) == known
    assert studio.programs() == before
    files[1].write_bytes(new[1].read_bytes())
    taken = take_up_certificate(asked, known)
    assert taken == certificate_seen(asked) != known
    assert wait_until(lambda: studio.programs().get("web", before["web"]) != before["web"], 30)
    assert wait_until(lambda: not health.web_trouble(full), 60)
    assert wait_until(lambda: _shown(studio, authority) not in (None, old), 60)
    after = studio.programs()
    assert {name for name in before if before[name] != after[name]} == {"web"}


@pytest.mark.box
def test_a_studio_encrypts_and_says_how_to_trust_it(new_studio: Callable[..., Studio]) -> None:
    studio = new_studio(TLS="lan").start().until_ready()
    assert f"https://127.0.0.1:{studio.port}/setup?token=" in studio.said
    authority = studio.data / "tls" / "ca.pem"
    with httpx.Client(verify=ssl.create_default_context(cafile=str(authority))) as client:
        for host in ("127.0.0.1", "localhost"):
            address = f"https://{host}:{studio.port}"
            assert client.get(f"{address}/health/ready").status_code == 200
            assert client.get(f"{address}/trust/backline-ca.pem").content == authority.read_bytes()
        page = client.get(f"{address}/trust").text
        assert "__Host-visitor" in client.cookies
    asked = studio.ask("status")
    assert asked.returncode == 0
    fingerprint = asked.stdout.split("certificate")[1].split()[0]
    assert len(fingerprint) == 95
    assert fingerprint in page
    assert studio.stop() == 0
