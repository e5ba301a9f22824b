"""The disk guard: new songs are refused while there is still room for Postgres and the store to go on without harm.

A full disk was tried: Postgres stops, and the bundled store does not recover even when objects are deleted.
"""

import shutil
from dataclasses import dataclass

from appliance.errors import StudioError
from appliance.settings import Settings, settings

LEAST = 5e9  # bytes
SHARE = 0.05  # of the whole disk


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


def refuse_when_full() -> None:
    """Raise DiskFull where the reserve is touched."""
    found = room(settings())
    if found.is_short:
        raise DiskFull(
            f"The studio's disk is almost full ({found.free / 1e9:.1f} GB left, {found.reserve / 1e9:.1f} GB kept free), so it "
            "takes no new songs for now. Everything that is there can be heard; deleting songs makes room."
        )
