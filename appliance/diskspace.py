"""The disk guard: new songs are refused while there is still room for Postgres and the store to go on without harm.

A full disk was tried: Postgres stops, and the bundled store does not recover even when objects are deleted.
"""

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import StudioError
from appliance.settings import Settings, settings

SIZES_LAST = 300.0  # seconds
LEAST = 5e9  # bytes
SHARE = 0.05  # of the whole disk

_sizes: dict[Path, tuple[float, dict[str, int]]] = {}


class DiskFull(StudioError):
    """There is too little room for new songs."""

    status = 507


@dataclass(frozen=True)
class Room:
    """Bytes on the disk of the data folder: all of them, those that are free, and those that new songs may not use."""

    total: int
    free: int
    reserve: float

    @property
    def is_short(self) -> bool:
        """Whether new songs are refused."""
        return self.free < self.reserve


def room(wanted: Settings) -> Room:
    """Return how much room there is for the studio of these settings."""
    folder = wanted.data_dir.expanduser().absolute()
    usage = shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists()))
    given = wanted.disk_reserve_gb
    return Room(usage.total, usage.free, max(LEAST, SHARE * usage.total) if given is None else given * 1e9)


def folder_sizes(folder: Path) -> dict[str, int]:
    """Return how many bytes each folder in this one takes on the disk; those that may not be looked into count for nothing.

    Looked at anew after SIZES_LAST seconds only: a store may have a hundred thousand files.
    """
    known = _sizes.get(folder)
    if known is None or time.monotonic() - known[0] > SIZES_LAST:
        found = (
            {each.name: _size(each) for each in sorted(folder.iterdir()) if each.is_dir()} if folder.is_dir() else {}
        )
        known = _sizes[folder] = (time.monotonic(), found)
    return known[1]


def _size(folder: Path) -> int:
    total = 0
    for place, _folders, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):  # removed meanwhile
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118 - twice as fast
    return total


def refuse_when_full() -> None:
    """Raise DiskFull where the reserve is touched."""
    found = room(settings())
    if found.is_short:
        raise DiskFull(
            f"The studio's disk is almost full ({found.free / 1e9:.1f} GB left, {found.reserve / 1e9:.1f} GB kept free), so it "
            "takes no new songs for now. Everything that is there can be heard; deleting songs makes room."
        )
