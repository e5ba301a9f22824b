"""A disk that fills up: everything that is there can still be heard, and new songs are refused in words before anything suffers."""

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.box import postgres
from appliance.box.account import is_root
from appliance.box.waiting import wait_until
from tests.box.studio import Studio
from tests.chaos.faults import small_disk

pytestmark = pytest.mark.box

SONG = {"mode": "described_lyrics", "prompt": "piano", "instrumental": "on", "duration": "10", "takes": "1"}
LEFT = 30_000_000  # bytes, of which more than half is below the reserve of this studio


def _ready(studio: Studio) -> list[str]:
    with postgres.connect(studio.settings.database_url.get_secret_value()) as connection:
        return [
            row[0] for row in connection.execute("SELECT id::text FROM songs WHERE status = 'processed'").fetchall()
        ]


@pytest.mark.skipif(not is_root(), reason="only root may mount a small disk")
def test_on_a_full_disk_songs_play_and_new_ones_are_refused_until_there_is_room(open_ground: Path) -> None:
    disk = open_ground / "small-disk"
    with ExitStack() as stack:
        try:
            stack.enter_context(small_disk(disk, 300))
        except subprocess.CalledProcessError:
            pytest.skip("this root may not mount a small disk")
        studio = Studio(disk / "data", DISK_RESERVE_GB="0.05")
        stack.callback(studio.end)
        studio.start().until_ready()
        browser = stack.enter_context(studio.browser())
        studio.set_up(browser)
        browser.open("/create")
        assert browser.send("/create", SONG).status_code == 303
        assert wait_until(lambda: len(_ready(studio)) == 1, 120, every=0.5)
        song = _ready(studio)[0]

        filler = disk / "filler"
        with filler.open("wb") as file:
            for _ in range((shutil.disk_usage(disk).free - LEFT) // (1 << 20)):
                file.write(bytes(1 << 20))
        for page in ("/", "/create", f"/songs/{song}", f"/songs/{song}/audio", f"/songs/{song}/cover"):
            assert browser.open(page).status_code == 200, page
        browser.open("/create")
        refused = browser.send("/create", SONG)
        assert refused.status_code == 507
        assert "disk is almost full" in refused.text
        assert "Everything that is there can be heard" in refused.text
        assert "The disk is almost full" in browser.open("/admin").text

        filler.unlink()
        assert browser.send("/create", SONG).status_code == 303
        assert wait_until(lambda: len(_ready(studio)) == 2, 120, every=0.5)
