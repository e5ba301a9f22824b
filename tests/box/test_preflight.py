"""Before anything starts: what is in the way is named, with the setting to change."""

import os
import socket
from collections.abc import Iterator

import pytest

from appliance.box.failure import EX_CONFIG, BoxError
from appliance.box.preflight import check_ports
from appliance.box.store import free_store_port
from appliance.settings import Settings, load_settings
from tests.box.studio import free_port


def _settings(**given: object) -> Settings:
    ports = {"WEB_PORT": free_port(), "STORE_PORT": free_store_port()} | given
    return load_settings({name: str(value) for name, value in ports.items()}, None)


def _refusal(wanted: Settings) -> str:
    with pytest.raises(BoxError) as refused:
        check_ports(wanted)
    assert refused.value.exit_code == EX_CONFIG
    return refused.value.message


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that this process listens on, and whose gRPC neighbour 10,000 below is a port that a store may ask for."""
    port = free_store_port() + 10_000
    with socket.socket() as door:
        door.bind(("127.0.0.1", port))
        door.listen()
        yield port


def test_free_ports_are_no_trouble() -> None:
    check_ports(_settings())


def test_a_taken_web_port_is_named_with_who_has_it(taken: int) -> None:
    said = _refusal(_settings(WEB_PORT=taken))
    assert said.startswith(f"Port {taken} is taken")
    assert f"(process {os.getpid()})" in said
    assert "another WEB_PORT" in said


def test_a_port_taken_on_one_address_is_taken_for_all_of_them(taken: int) -> None:
    assert f"Port {taken} is taken" in _refusal(_settings(WEB_PORT=taken, WEB_HOST="0.0.0.0"))


def test_every_port_of_the_store_is_looked_at(taken: int) -> None:
    for door in (0, 3):  # the door itself is one of the five, and its gRPC neighbour is what is taken
        said = _refusal(_settings(STORE_PORT=taken - 10_000 - door))
        assert f"Port {taken} is taken" in said
        assert "another STORE_PORT" in said


def test_ports_that_fall_together_are_told_apart() -> None:
    wanted = _settings()
    said = _refusal(_settings(WEB_PORT=wanted.store_port + 2, STORE_PORT=wanted.store_port))
    assert f"WEB_PORT={wanted.store_port + 2} is one of the object store's ports" in said
    assert f"{wanted.store_port} to {wanted.store_port + 4}" in said


def test_an_external_store_leaves_the_ports_alone(taken: int) -> None:
    keys = {"S3_ENDPOINT": "http://elsewhere", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}
    check_ports(_settings(STORE_PORT=taken - 10_000, OBJECT_STORE="s3", **keys))


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_this_machines_is_named(host: str) -> None:
    assert _refusal(_settings(WEB_HOST=host)).startswith(f"WEB_HOST={host} is no address of this machine")
