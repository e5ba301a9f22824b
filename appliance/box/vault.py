"""Where backups lie: a folder, an S3 bucket or any other place that rclone knows, everything in it encrypted by rclone's crypt.

Beside the encrypted part lies one readable file, the label: it says whose backups these are and which passphrase opens them.
Nothing is configured on disk: rclone reads its remotes from the environment that we give it.
"""

import hashlib
import json
import os
import re
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.box.failure import BoxError
from appliance.box.postgres import dies_with_parent
from appliance.settings import Settings

LABEL = "backline.json"
FORMAT = 1
OBJECTS, RUNS = "vault:objects", "vault:runs"
STUDIO = "studio:"  # the studio's own object store, followed by the bucket

# rclone's exit codes: https://rclone.org/docs/#exit-code
_NOT_THERE = (3, 4)

OnBytes = Callable[[int, int], None]


def fingerprint_of(passphrase: str) -> str:
    """Return twelve digits that tell passphrases apart and from which none can be guessed in any useful time (scrypt)."""
    made = hashlib.scrypt(passphrase.encode(), salt=b"backline fingerprint", n=2**14, r=8, p=1, dklen=6)
    return made.hex()


@dataclass(frozen=True)
class Vault:
    """An opened place for backups. `target` is how the admin wrote it; `variables` is what rclone finds its remotes in."""

    target: str
    variables: Mapping[str, str]

    def sizes(self, remote: str) -> dict[str, int]:
        """Return all files below `remote` with their sizes in bytes; nothing where it does not exist."""
        output = self.run("lsf", "-R", "--files-only", "--format", "ps", "--separator", ";", remote, or_nothing=True)
        found = (line.rpartition(";") for line in output.splitlines())
        return {name: int(size) for name, _, size in found}

    def read(self, remote: str) -> str:
        """Return a text file; nothing where it does not exist."""
        return self.run("cat", remote, or_nothing=True)

    def copy(self, source: str, destination: str, names: Iterable[str], on_bytes: OnBytes | None = None) -> int:
        """Copy these files and return how many bytes that were; what is there is never overwritten by something else.

        What is there in the same length is left as it is: whether it is the same, `damaged` says.
        """
        with _listed(names) as file:
            options = ("--immutable", "--size-only", "--no-traverse", "--files-from-raw", file, "--transfers", "4")
            copied = 0

            def count(done: int, total: int) -> None:
                nonlocal copied
                copied = done
                if on_bytes:
                    on_bytes(done, total)

            self.run("copy", *options, source, destination, on_bytes=count)
        return copied

    def put(self, folder: Path, remote: str, names: Iterable[str]) -> None:
        """Copy these files of a local folder."""
        self.copy(str(folder), remote, names)

    def fetch(self, remote: str, folder: Path) -> None:
        """Copy everything below `remote` into a local folder."""
        self.run("copy", remote, str(folder))

    def hashes(self, remote: str, names: Iterable[str], on_bytes: OnBytes | None = None) -> dict[str, str]:
        """Read these files and return the SHA-256 of each that is there."""
        with _listed(names) as file:
            output = self.run(
                "hashsum", "SHA256", "--download", "--files-from-raw", file, remote, or_nothing=True, on_bytes=on_bytes
            )
        return read_manifest(output)

    def damaged(self, remote: str, manifest: Mapping[str, str], on_bytes: OnBytes | None = None) -> list[str]:
        """Read the files of a manifest from `remote`, and return those that are missing or not what the manifest says."""
        if not manifest:
            return []
        with tempfile.TemporaryDirectory() as name:
            sums = Path(name) / "sums"
            sums.write_text(write_manifest(manifest))
            output = self.run(
                *("checksum", "SHA256", str(sums), remote, "--download", "--one-way", "--combined", "-"),
                on_bytes=on_bytes,
                or_nothing=True,
                differences=True,
            )
        good = {line[2:] for line in output.splitlines() if line.startswith("= ")}
        return sorted(manifest.keys() - good)

    def remove(self, remote: str, names: Iterable[str]) -> None:
        """Delete these files below `remote`."""
        with _listed(names) as file:
            self.run("delete", "--files-from-raw", file, remote)

    def run(
        self,
        *arguments: str,
        on_bytes: OnBytes | None = None,
        or_nothing: bool = False,
        differences: bool = False,
    ) -> str:
        """Run rclone and return what it printed. Raises BoxError with its own words where it fails.

        `or_nothing`: a place that does not exist is an empty one. `differences`: exit code 1 only says that files differ.
        """
        said = [
            "--config",
            "",
            "--use-json-log",
            "--log-level",
            "NOTICE",
            "--stats",
            "1s",
            "--stats-log-level",
            "NOTICE",
        ]
        command = [*dies_with_parent("TERM"), rclone(), *arguments, *said]
        complaints: list[str] = []
        with tempfile.TemporaryFile("w+") as output:
            with subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": tempfile.gettempdir(), **self.variables},
            ) as process:
                assert process.stderr
                for line in process.stderr:
                    if told := _read_log(line, complaints):
                        (on_bytes or _nobody)(told["bytes"], told["totalBytes"])
            code = process.returncode
            output.seek(0)
            printed = output.read()
        if code and not (or_nothing and code in _NOT_THERE) and not (differences and code == 1):
            why = complaints[0] if complaints else f"it ended with {code}"
            raise BoxError(f"The backups at {self.target} cannot be used: {why}.")
        return printed


def rclone() -> str:
    """Return the path of rclone, which comes as a wheel."""
    return str(Path(sysconfig.get_path("scripts")) / "rclone")


def open_vault(wanted: Settings, passphrase: str) -> Vault:
    """Return the vault of complete settings. Raises BoxError where the settings name none.

    Nothing is asked of the place yet: `check_label` does that.
    """
    target = wanted.backup_target
    if not target:
        raise BoxError.about_configuration(
            "BACKUP_TARGET is not set. Set it to a folder on another disk, or to s3:bucket/folder."
        )
    remotes: dict[str, dict[str, str]] = {
        "studio": {
            "type": "s3",
            "provider": "Other",
            "endpoint": wanted.s3_endpoint,
            "region": wanted.s3_region,
            "access_key_id": wanted.s3_access_key.get_secret_value(),
            "secret_access_key": wanted.s3_secret_key.get_secret_value(),
            "force_path_style": "true",
        },
        "place": {"type": "alias", "remote": target if _is_remote(target) else _folder(target)},
        "vault": {"type": "crypt", "remote": "place:vault", "password": _obscured(passphrase)},
    }
    if target.startswith("s3:"):
        remotes["s3"] = {
            "type": "s3",
            "provider": "Other" if wanted.backup_s3_endpoint else "AWS",
            "endpoint": wanted.backup_s3_endpoint,
            "region": wanted.backup_s3_region,
            "access_key_id": wanted.backup_s3_access_key.get_secret_value(),
            "secret_access_key": wanted.backup_s3_secret_key.get_secret_value(),
            "force_path_style": "true" if wanted.backup_s3_endpoint else "",
        }
    variables = {
        f"RCLONE_CONFIG_{remote}_{name}".upper(): value
        for remote, options in remotes.items()
        for name, value in options.items()
        if value
    }
    return Vault(target, variables)


def check_label(vault: Vault, passphrase: str, instance: str = "", create: bool = False) -> None:
    """Raise BoxError unless this passphrase opens what lies there, and it is the studio `instance`'s (any, where empty).

    With `create` an unlabelled place is labelled; without, it counts as one that holds no backups.
    """
    mine = fingerprint_of(passphrase)
    written = vault.read(f"place:{LABEL}")
    if not written:
        if not create:
            raise BoxError(f"There are no backups at {vault.target}.")
        with tempfile.TemporaryDirectory() as name:
            label = {"format": FORMAT, "studio": instance, "fingerprint": mine}
            (Path(name) / LABEL).write_text(json.dumps(label) + "\n")
            vault.put(Path(name), "place:", [LABEL])
        return
    try:
        label = json.loads(written)
        theirs, studio, version = label["fingerprint"], label["studio"], label["format"]
    except (ValueError, KeyError, TypeError):
        raise BoxError(f"{LABEL} at {vault.target} cannot be read.") from None
    if version != FORMAT:
        raise BoxError(f"The backups at {vault.target} were made by another version of Backline (format {version}).")
    if theirs != mine:
        raise BoxError.about_configuration(
            f"The backups at {vault.target} need the passphrase with the fingerprint {theirs}; this one's is {mine}. "
            "The recovery kit holds it: BACKUP_PASSPHRASE=... or KIT=file."
        )
    if instance and studio != instance:
        raise BoxError.about_configuration(
            f"The backups at {vault.target} are another studio's ({studio}, not {instance}). Choose another BACKUP_TARGET."
        )


def write_manifest(hashes: Mapping[str, str]) -> str:
    """Return a manifest as sha256sum writes it."""
    return "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))


def read_manifest(text: str) -> dict[str, str]:
    """Return names and hashes of a manifest."""
    found = (line.partition("  ") for line in text.splitlines())
    return {name: value for value, _, name in found if name and len(value) == 64}


def _is_remote(target: str) -> bool:
    return bool(re.match(r":?[a-z0-9][^/]*:", target))


def _folder(target: str) -> str:
    return str(Path(target).expanduser().absolute())


def _obscured(passphrase: str) -> str:
    """Return the passphrase as rclone wants to read it; this hides nothing, and it never leaves our processes."""
    # It makes a folder in its home even for this, and in a container that would be the data folder that has to be empty.
    elsewhere = os.environ | {"HOME": tempfile.gettempdir()}
    done = subprocess.run(
        [rclone(), "obscure", "-"], input=passphrase, text=True, capture_output=True, check=True, env=elsewhere
    )
    return done.stdout.strip()


class _listed:
    """A file that names files, one a line, for as long as it is needed."""

    def __init__(self, names: Iterable[str]) -> None:
        self._file = tempfile.NamedTemporaryFile("w", suffix=".names")  # noqa: SIM115 - closed by __exit__
        self._file.writelines(f"{name}\n" for name in names)
        self._file.flush()

    def __enter__(self) -> str:
        return self._file.name

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _read_log(line: str, complaints: list[str]) -> dict[str, Any] | None:
    """Return the figures of a line of rclone's log, or None; what it complains about is kept."""
    try:
        said = json.loads(line)
    except ValueError:
        complaints.append(line.strip())
        return None
    if said.get("level") in ("error", "critical"):
        complaints.append(" ".join(filter(None, (said.get("object"), said.get("msg")))))
    stats: dict[str, Any] | None = said.get("stats")
    return stats


def _nobody(_done: int, _total: int) -> None:
    pass
