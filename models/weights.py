"""The models folder: which weights lie on this machine, whether they are whole, and where to load them from.

Every model has a folder by its name. In it lie one folder a source, the 4-bit copy of a language model, and last of all the
lock file, which names the exact commit, size and checksum of everything: a folder without it is not whole.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from models.catalogue import AnyModel, LanguageModel, Licence
from models.failures import WeightsMissing

LOCK = "lock.json"
LICENCES = "licences.json"
QUANTIZED = "nf4"

State = Literal["pulled", "incomplete", "missing"]


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file as it was pulled: its path in the model's folder, size in bytes and SHA-256 (empty where none was asked)."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """What was pulled: `revisions` are the commits of the sources, in the catalogue's order."""

    model: str
    revisions: tuple[str, ...]
    files: tuple[LockedFile, ...]


def folder_of(model: AnyModel, folder: Path) -> Path:
    """Return where a model's files lie in the models folder `folder`."""
    return folder / model.name


def source_folder(model: AnyModel, number: int, folder: Path) -> Path:
    """Return where the files of one of a model's sources lie."""
    return folder_of(model, folder) / model.sources[number].repository.replace("/", "--")


def state_of(model: AnyModel, folder: Path) -> State:
    """Return whether a model is there; its files are looked at by size, not read."""
    where = folder_of(model, folder)
    lock = read_lock(model, folder)
    if lock is None:
        return "incomplete" if where.is_dir() and any(where.iterdir()) else "missing"
    whole = all(
        (where / file.path).is_file() and (where / file.path).stat().st_size == file.size for file in lock.files
    )
    return "pulled" if whole else "incomplete"


def folders_to_load(model: AnyModel, folder: Path) -> tuple[Path, ...]:
    """Return the folders that a model is loaded from. Raises WeightsMissing with what to do about it."""
    state = state_of(model, folder)
    if state != "pulled":
        said = "are not here" if state == "missing" else "are not all here"
        raise WeightsMissing(f"The weights of {model.name} {said}: make models-pull MODEL={model.name} fetches them.")
    if isinstance(model, LanguageModel):
        return (folder_of(model, folder) / QUANTIZED,)
    return tuple(source_folder(model, number, folder) for number in range(len(model.sources)))


def size_on_disk(model: AnyModel, folder: Path) -> int:
    """Return how many bytes of a model are there, whole or not."""
    return sum(path.stat().st_size for path in folder_of(model, folder).rglob("*") if path.is_file())


def read_lock(model: AnyModel, folder: Path) -> Lock | None:
    """Return what was pulled of a model; None when that never came to an end."""
    file = folder_of(model, folder) / LOCK
    if not file.is_file():
        return None
    kept = json.loads(file.read_text())
    return Lock(kept["model"], tuple(kept["revisions"]), tuple(LockedFile(**entry) for entry in kept["files"]))


def write_lock(model: AnyModel, folder: Path, revisions: tuple[str, ...], sums: dict[str, str]) -> Lock:
    """Write down everything that lies in a model's folder as whole; `sums` are the known SHA-256 by path."""
    where = folder_of(model, folder)
    files = tuple(
        LockedFile(name, path.stat().st_size, sums.get(name, ""))
        for path in sorted(where.rglob("*"))
        if path.is_file() and ".cache" not in path.parts and (name := path.relative_to(where).as_posix()) != LOCK
    )
    lock = Lock(model.name, revisions, files)
    unfinished = where / f"{LOCK}.unfinished"
    unfinished.write_text(json.dumps(asdict(lock), indent=1))
    unfinished.rename(where / LOCK)
    return lock


def forget(model: AnyModel, folder: Path) -> None:
    """Delete a model's files."""
    shutil.rmtree(folder_of(model, folder), ignore_errors=True)


def accepted(licence: Licence, folder: Path) -> bool:
    """Return whether somebody accepted a licence for this models folder."""
    return licence.name in _acceptances(folder)


def note_acceptance(licence: Licence, folder: Path) -> None:
    """Write down that a licence was accepted, and when."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = _acceptances(folder) | {licence.name: datetime.now(UTC).isoformat(timespec="seconds")}
    (folder / LICENCES).write_text(json.dumps(kept, indent=1))


def _acceptances(folder: Path) -> dict[str, str]:
    file = folder / LICENCES
    kept: dict[str, str] = json.loads(file.read_text()) if file.is_file() else {}
    return kept
