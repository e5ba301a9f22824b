"""compose.yaml: closed by default, the same for every service, and nothing named that is not there."""

import re
from typing import Any

import msgspec
import pytest

from appliance.box.layout import PROJECT
from appliance.settings import Settings

TEXT = (PROJECT / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = msgspec.yaml.decode(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_closed_and_limited(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["pids_limit"]
    assert re.fullmatch(r"\$\{MEMORY_LIMIT:-\d+g\}", service["mem_limit"])
    assert "size=" in service["tmpfs"][0]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert "privileged" not in service
    assert "network_mode" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_every_volume_that_is_mounted_is_declared(name: str) -> None:
    named = {re.sub(r"^\$\{\w+:-(\w+)\}", r"\1", volume).split(":")[0] for volume in SERVICES[name]["volumes"]}
    assert named <= COMPOSE["volumes"].keys()


def test_backups_may_go_to_a_volume_or_to_a_folder_of_the_machine() -> None:
    mounts = [
        volume for service in ("backline", "cpu") for volume in SERVICES[service]["volumes"] if "BACKUP" in volume
    ]
    assert mounts == ["${BACKUP_FOLDER:-backups}:/backups"] * 2
    # A new volume takes its owner from the image, whose user writes there.
    assert re.search(r"install -d .*-o 10001 -g 10001 .*/backups", (PROJECT / "Dockerfile").read_text())


def test_one_port_is_published_on_this_machine_only_unless_somebody_says_otherwise() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    one = ["${WEB_HOST:-127.0.0.1}:${WEB_PORT:-8080}:${WEB_PORT:-8080}"]
    assert published == {"backline": one, "cpu": one}


def test_without_a_profile_there_is_one_service_and_it_has_the_card() -> None:
    (plain,) = [name for name, service in SERVICES.items() if not service.get("profiles")]
    assert plain == "backline"
    (device,) = SERVICES[plain]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert "deploy" not in SERVICES["cpu"]


def test_what_it_reads_from_the_environment_are_settings_or_about_the_image() -> None:
    named = set(re.findall(r"\$\{(\w+)", TEXT))
    assert named - {name.upper() for name in Settings.model_fields} == {
        "BACKLINE_IMAGE",
        "BACKLINE_REVISION",
        "BUNDLED_STORE",
    }
