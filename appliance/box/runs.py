"""The runs in a vault: what each backup holds, which are kept, and what this machine remembers of the last ones."""

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from appliance.box.failure import BoxError
from appliance.box.secrets import write_privately
from appliance.box.vault import OBJECTS, RUNS, Vault, read_manifest

Kind = Literal["asked for", "nightly", "restore point"]

RUN, DUMP, MANIFEST, SECRETS, SETTINGS = "run.json", "db.dump", "manifest.sha256", "secrets.json", "settings.json"
DAYS, WEEKS, MONTHS = 7, 4, 6  # of each so many of the newest are kept, one run for each
FRESH = timedelta(days=2)  # and whatever is younger: a restore point must not push out what it was made for

_STAMP = "%Y%m%dT%H%M%SZ"
_REMEMBERED = "backups.json"


@dataclass(frozen=True)
class Run:
    """One complete backup. `files` are the SHA-256 of its own files, `counts` rows by table; sizes in bytes, times in ISO 8601.

    `gone` names objects whose songs were deleted while the backup ran; `missing` those that songs name and that the store
    did not have. `checked` says which objects were read again: all, or the new ones and a sample.
    """

    id: str
    kind: str
    studio: str
    version: str
    revision: str
    began: str
    ended: str
    files: dict[str, str]
    counts: dict[str, int]
    objects: int
    object_bytes: int
    written_bytes: int
    checked: Literal["all", "new and a sample"]
    gone: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def when(self) -> datetime:
        """The moment that the backup shows."""
        return datetime.strptime(self.id, _STAMP).replace(tzinfo=UTC)


def new_id(now: datetime) -> str:
    """Return the name of a run that begins now."""
    return now.astimezone(UTC).strftime(_STAMP)


def list_runs(vault: Vault) -> list[Run]:
    """Return all complete runs, newest first. A run whose run.json was never written does not exist."""
    with tempfile.TemporaryDirectory() as name:
        vault.run("copy", "--include", f"/*/{RUN}", RUNS, name, or_nothing=True)
        try:
            found = [Run(**json.loads(path.read_text())) for path in Path(name).glob(f"*/{RUN}")]
        except (ValueError, TypeError) as error:
            raise BoxError(f"The list of backups at {vault.target} cannot be read ({error}).") from None
    return sorted(found, key=lambda run: run.id, reverse=True)


def choose_run(runs: Iterable[Run], when: str = "") -> Run:
    """Return the newest run, or the newest that is not after `when`: a run's name, a day, or a moment (UTC)."""
    runs = list(runs)
    if not runs:
        raise BoxError("There are no complete backups.")
    if not when:
        return runs[0]
    exact = [run for run in runs if run.id == when]
    if exact:
        return exact[0]
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        raise BoxError(f"WHEN={when} is no backup and no moment. `make backup-list` shows what there is.") from None
    if len(when) == 10:  # a day means its end
        moment = moment.replace(hour=23, minute=59, second=59)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    before = [run for run in runs if run.when <= moment]
    if not before:
        raise BoxError(f"There is no backup from before {when}; the oldest is {runs[-1].id}.")
    return before[0]


def kept_runs(runs: Iterable[Run], now: datetime) -> set[str]:
    """Return the names of the runs to keep: the newest of each of the last 7 days, 4 weeks and 6 months that have any.

    Whatever is younger than two days is kept as well.
    """
    newest_first = sorted(runs, key=lambda run: run.id, reverse=True)
    kept = {run.id for run in newest_first if now - run.when < FRESH}
    ways: list[tuple[int, Callable[[datetime], object]]] = [
        (DAYS, datetime.date),
        (WEEKS, lambda moment: moment.isocalendar()[:2]),
        (MONTHS, lambda moment: (moment.year, moment.month)),
    ]
    for most, period in ways:
        seen: list[object] = []
        for run in newest_first:
            if period(run.when) not in seen and len(seen) < most:
                seen.append(period(run.when))
                kept.add(run.id)
    return kept


def manifest_of(vault: Vault, run: Run) -> dict[str, str]:
    """Return object keys and hashes of a run. Raises BoxError where the manifest is not whole."""
    found = read_manifest(vault.read(f"{RUNS}/{run.id}/{MANIFEST}"))
    if len(found) != run.objects:
        raise BoxError(f"The manifest of the backup {run.id} is damaged: {len(found)} of {run.objects} objects.")
    return found


def prune(vault: Vault) -> tuple[int, int]:
    """Remove the runs that need not be kept, then the objects that no kept run names; return how many of each.

    Where any manifest cannot be read nothing is removed: what it names would be lost.
    """
    runs = list_runs(vault)
    keep = kept_runs(runs, datetime.now(UTC))
    named: set[str] = set()
    for run in runs:
        if run.id in keep:
            named |= manifest_of(vault, run).keys()
    old = [run.id for run in runs if run.id not in keep]
    # What a killed backup left has no run.json; whoever prunes holds the lock, so nobody is writing there.
    there = {name.partition("/")[0] for name in vault.sizes(RUNS)}
    for each in old:
        vault.remove(f"{RUNS}/{each}", [RUN])  # from this moment on it does not exist
    for each in sorted(there - keep):
        vault.run("purge", f"{RUNS}/{each}")
    left = sorted(vault.sizes(OBJECTS).keys() - named)
    if left:
        vault.remove(OBJECTS, left)
    return len(old), len(left)


@dataclass
class Memory:
    """What this machine knows of its backups without asking the vault: the last good run, the last failure, and what runs."""

    good: dict[str, object] | None = None
    failed_at: str = ""
    failure: str = ""
    drilled_at: str = ""
    drill_failure: str = ""

    @property
    def run(self) -> Run | None:
        """The last good run; None where there is none, or where another version wrote it down."""
        with contextlib.suppress(TypeError):
            return Run(**self.good) if self.good else None  # type: ignore[arg-type]  # it was a run when it was written
        return None

    @property
    def last_good(self) -> datetime | None:
        """When the last good backup began."""
        return datetime.fromisoformat(str(self.good["began"])) if self.good else None


def remember(data: Path) -> Memory:
    """Return what this machine knows of its backups."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Memory(**json.loads((data / _REMEMBERED).read_text()))
    return Memory()


def keep_memory(data: Path, memory: Memory) -> None:
    """Write down what is known."""
    write_privately(data / _REMEMBERED, json.dumps(asdict(memory)) + "\n")
