"""Who asks, when a proxy stands between: what it says of that counts only from addresses that the settings name."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.box.postgres import dies_with_parent
from appliance.box.supervisor import web_command
from appliance.box.waiting import wait_until
from appliance.errors import SettingsError
from appliance.settings import load_settings, settings
from appliance.storage import Storage
from appliance.tables import LoginSession, User
from tests.box.studio import free_port
from tests.web.browser import PASSWORD


@contextmanager
def web_running(proxies: str) -> Iterator[str]:
    """Run the web app by the very command line of the box."""
    port = free_port()
    command = [*web_command(load_settings({"TRUSTED_PROXIES": proxies}, None)), "--port", str(port)]
    environ = os.environ | {"TRUSTED_PROXIES": proxies}
    process = subprocess.Popen([*dies_with_parent("TERM"), *command], env=environ, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{address}/health/live").status_code == 200
        except httpx.TransportError:
            return False

    try:
        assert wait_until(answers, 30)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def sign_in(address: str, **headers: str) -> None:
    with httpx.Client(base_url=address, headers={"Origin": address, **headers}) as client:
        token = client.get("/sign-in").text.partition('name="csrf_token" value="')[2].partition('"')[0]
        fields = {"csrf_token": token, "user": "Mara", "password": PASSWORD}
        assert client.post("/sign-in", data=fields).status_code == 303


@pytest.mark.parametrize(
    ("proxies", "said", "seen"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.0/8", "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # what stands before it, anybody can have written
        ("127.0.0.1,203.0.113.9", "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9", "127.0.0.1"),
    ],
)
def test_the_address_of_who_asks_is_taken_from_trusted_proxies_alone(
    people: dict[str, User], object_store: Storage, session: Session, proxies: str, said: str, seen: str
) -> None:
    with web_running(proxies) as address:
        sign_in(address, **{"X-Forwarded-For": said, "X-Forwarded-Proto": "https", "Forwarded": "for=192.0.2.1"})
    assert session.scalars(select(LoginSession.address)).one() == seen


@pytest.mark.parametrize("proxies", ["*", "", "proxy.example.org", "127.0.0.1,", "10.0.0.1/8"])
def test_trusting_everybody_or_a_name_stops_the_start(proxies: str) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        load_settings({"TRUSTED_PROXIES": proxies or " "}, None)
    assert settings().trusted_proxies
