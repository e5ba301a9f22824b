"""The Python client and the curl lines of the documentation, against the app behind a real port."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from appliance.storage import Storage
from tests.web.api.conftest import KeyMaker
from tests.web.api.serving import served
from tests.web.api.working import FLAC, working
from tests.web.making import SOUND

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def address(database_url: str, object_store: Storage, streamed: None) -> Iterator[str]:
    with served() as address:
        yield address


def _client_module() -> ModuleType:
    spec = spec_from_file_location("backline_client", DOCS / "api" / "backline_client.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_python_client_does_all_that_it_says(address: str, key: KeyMaker, tmp_path: Path) -> None:
    module = _client_module()
    with module.Backline(address, key()["Authorization"][7:]) as studio, working():
        assert studio.me()["name"] == "Mara"
        assert studio.credits()["counted"] is False
        made = studio.wait(studio.create(full_description="a slow waltz", duration=30)["id"])
        assert [song["status"] for song in made["songs"]] == ["processed"] * 2
        first, second = (song["id"] for song in made["songs"])
        assert studio.download(first, tmp_path / "a.flac") == len(FLAC)
        studio.download(first, tmp_path / "a.mp3", "audio")
        assert (tmp_path / "a.mp3").read_bytes() == SOUND
        assert studio.change(first, title="Lamplight", published=True)["title"] == "Lamplight"
        studio.like(first)
        assert studio.song(first)["liked"]
        studio.like(first, liked=False)
        assert [song["id"] for song in studio.songs(published=True)] == [first]
        assert {song["id"] for song in studio.songs()} == {first, second}
        assert studio.request(made["id"])["done"]
        studio.delete(first)
        with pytest.raises(module.BacklineError) as refused:
            studio.song(first)
        assert refused.value.status == 404
        with pytest.raises(module.BacklineError) as refused:
            studio.create(mode="lyrics", prompt="x")
        assert "lyrics" in refused.value.fields
        with pytest.raises(module.BacklineError):
            studio.retry(second)
        with pytest.raises(module.BacklineError):
            studio.cancel(second)


def test_every_curl_line_of_the_documentation_works(address: str, key: KeyMaker, tmp_path: Path) -> None:
    text = (DOCS / "api.md").read_text()
    script = "set -euo pipefail\n" + "\n".join(re.findall(r"```sh\n(.*?)```", text, re.S))
    assert script.count("curl ") > 12
    environ = {
        "STUDIO": address,
        "KEY": key()["Authorization"][7:],
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with working():
        run = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "song.mp3").read_bytes() == SOUND
    assert (tmp_path / "song.flac").read_bytes() == FLAC
    assert '"done":true' in run.stdout
    assert '"s3_key"' in run.stdout
