"""What Prometheus reads, and who may."""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.orm import Session

from appliance.box import lock, runs
from appliance.box.guard import RESTARTS, keep_restarts
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import User, WorkerSeen
from tests.web.browser import Browser
from tests.web.making import begin
from web.app import create_app

TOKEN = "only-prometheus-has-it"
GOOD: dict[str, object] = {"began": datetime.now(UTC).isoformat(), "objects": 4, "object_bytes": 9, "written_bytes": 7}


@pytest.fixture
def with_token(
    database_url: str, object_store: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def _read(browser: Browser, **headers: str) -> dict[tuple[str, ...], float]:
    answer = browser.ask("GET", "/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_only_the_token_opens_them(with_token: None, browser: Browser) -> None:
    assert browser.get("/metrics").status_code == 404
    assert browser.ask("GET", "/metrics", headers={"authorization": "Bearer wrong"}).status_code == 404
    assert _read(browser, authorization=f"Bearer {TOKEN}")


@pytest.mark.parametrize(
    ("address", "forwarded", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.9", {}, 404),
        ("127.0.0.1", {"x-forwarded-for": "10.0.0.9"}, 404),  # a proxy on this machine speaks for others
    ],
)
def test_without_a_token_only_this_machine_reads_them(
    database_url: str, object_store: Storage, address: str, forwarded: dict[str, str], status: int
) -> None:
    async def ask() -> int:
        transport = ASGITransport(create_app(), client=(address, 1))  # type: ignore[arg-type]
        async with AsyncClient(transport=transport, base_url=settings().public_url) as client:
            return (await client.get("/metrics", headers=forwarded)).status_code

    assert asyncio.run(ask()) == status


def test_they_show_the_queue_workers_and_pages(
    with_token: None, browser: Browser, session: Session, people: dict[str, User]
) -> None:
    begin(session, people["Mara"], full_description="the words of a secret wedding song")
    about = {"stages": {"composing": [3, 21.5]}, "gpu_memory": {"used": 5, "total": 9}, "gpu_busy": [0.25]}
    session.add(WorkerSeen(name="one", about=about))
    session.commit()
    browser.sign_in("Mara")
    text = browser.ask("GET", "/metrics", headers={"authorization": f"Bearer {TOKEN}"}).text
    found = _read(browser, authorization=f"Bearer {TOKEN}")
    assert found["backline_songs", "status=processing"] == 1
    assert found["backline_songs", "status=queued"] == 1
    assert found["backline_songs", "status=failed"] == 0
    assert found["backline_queue_requests",] == 1
    assert found["backline_people",] == 3
    assert found["backline_stage_seconds_total", "stage=composing", "worker=one"] == 21.5
    assert found["backline_stage_songs_total", "stage=composing", "worker=one"] == 3
    assert found["backline_gpu_memory_bytes", "kind=used", "worker=one"] == 5
    assert found["backline_gpu_busy_ratio", "card=0", "worker=one"] == 0.25
    assert found["backline_database_bytes",] > 1e6
    assert (found["backline_database_up",], found["backline_store_up",]) == (1, 1)
    assert found["backline_disk_free_bytes",] > 0
    assert found["backline_alert", "name=backup", "severity=warning"] == 1
    assert found["backline_http_requests_total", "method=POST", "route=/sign-in", "status=303"] >= 1
    assert ("backline_http_first_byte_seconds_count", "method=GET", "route=/create") in found
    assert found["process_resident_memory_bytes",] > 0
    for private in ("wedding", "Mara", str(people["Mara"].id)):
        assert private not in text


@pytest.fixture
def running(tmp_path: Path) -> Iterator[None]:
    """A data folder that a studio runs in, whose worker has come back twice."""
    (tmp_path / "s3").mkdir()
    (tmp_path / "s3" / "a song").write_bytes(b"x" * 40_000)
    descriptor, _ = lock.take(tmp_path / ".lock", lock.myself(tmp_path, "here"))
    keep_restarts(tmp_path / RESTARTS, {"worker": 2})
    yield
    os.close(descriptor)


def test_they_show_what_takes_room_and_what_came_back(with_token: None, running: None, browser: Browser) -> None:
    found = _read(browser, authorization=f"Bearer {TOKEN}")
    assert 40_000 <= found["backline_data_bytes", "folder=s3"] < 60_000
    assert found["backline_program_restarts_total", "program=worker"] == 2
    assert found["backline_program_restarts_total", "program=web"] == 0


def test_addresses_that_do_not_exist_do_not_each_get_a_line(with_token: None, browser: Browser) -> None:
    for number in range(3):
        browser.get(f"/nothing/here/{number}")
    found = _read(browser, authorization=f"Bearer {TOKEN}")
    assert not [key for key in found if any("nothing" in part for part in key)]


def test_the_dashboard_asks_for_nothing_that_is_not_there(
    with_token: None, running: None, browser: Browser, session: Session, people: dict[str, User]
) -> None:
    begin(session, people["Mara"])
    about = {"stages": {"composing": [3, 21.5]}, "gpu_memory": {"used": 5, "total": 9}, "gpu_busy": [0.25]}
    session.add(WorkerSeen(name="one", about=about))
    session.commit()
    runs.keep_memory(settings().data_dir, runs.Memory(good=GOOD))
    there = {key[0] for key in _read(browser, authorization=f"Bearer {TOKEN}")}
    there |= {key[0] for key in _read(browser, authorization=f"Bearer {TOKEN}")}  # the first reading counts itself
    board = json.loads((Path(__file__).parents[2] / "docs" / "grafana.json").read_text())
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b(?:backline|process)_\w+", target["expr"])
    }
    assert len(asked) > 15
    assert asked <= there
