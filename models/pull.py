"""Fetching a model's weights from the Hub: resumable, checked before and after, and never half there."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from models.catalogue import GB, AnyModel, LanguageModel, Licence, Source
from models.failures import ModelFailure
from models.weights import (
    QUANTIZED,
    Lock,
    accepted,
    folder_of,
    note_acceptance,
    read_lock,
    source_folder,
    state_of,
    write_lock,
)

# Asked with the terms; True means that somebody accepts them.
Accept = Callable[[Licence], bool]
Say = Callable[[str], None]

_CHUNK = 1 << 22


class PullFailed(ModelFailure):
    """The weights could not be fetched; what was fetched is kept, and the next try goes on from there."""


@dataclass(frozen=True, slots=True)
class _RemoteFile:
    """A file as the Hub describes it: `sha256` for large files, `git_sha1` (of the git blob) for the others."""

    name: str
    size: int
    sha256: str | None
    git_sha1: str | None


def pull_model(
    model: AnyModel, folder: Path, accept: Accept, say: Say, endpoint: str | None = None, device: str = "cpu"
) -> Lock:
    """Fetch `model` into the models folder `folder` and return its lock; a model that is there whole is left as it is.

    `accept` is asked once for each licence. `say` gets a sentence for each stage; bars of progress go to standard error.
    `device` is where a language model is quantized. Raises PullFailed.
    """
    if state_of(model, folder) == "pulled" and (lock := read_lock(model, folder)):
        say(f"{model.name} is here already, at {', '.join(revision[:12] for revision in lock.revisions)}.")
        return lock
    if not accepted(model.licence, folder):
        if not accept(model.licence):
            raise PullFailed(f"{model.name} was not fetched: its licence, {model.licence.name}, was not accepted.")
        note_acceptance(model.licence, folder)
    api = HfApi(endpoint=endpoint)
    listings = [_list_files(api, source) for source in model.sources]
    _check_disk(model, folder, [files for _, files in listings])
    sums = {}
    for number, (revision, files) in enumerate(listings):
        where = source_folder(model, number, folder)
        repository = model.sources[number].repository
        for count, file in enumerate(files, 1):
            say(f"{repository}@{revision[:12]}: {file.name} ({count} of {len(files)}, {file.size / GB:.2f} GB)")
            _fetch(api, repository, revision, file, where)
            checksum = _verify(where / file.name, file)
            sums[(where / file.name).relative_to(folder_of(model, folder)).as_posix()] = checksum
    if isinstance(model, LanguageModel):
        say(f"Writing the 4-bit copy of {model.name} (once) ...")
        _quantize(model, folder, device)
    lock = write_lock(model, folder, tuple(revision for revision, _ in listings), sums)
    say(f"{model.name} is here.")
    return lock


def _list_files(api: HfApi, source: Source) -> tuple[str, list[_RemoteFile]]:
    """Return the commit that a source's revision stands for, and those of its files that are wanted."""
    try:
        info = api.model_info(source.repository, revision=source.revision, files_metadata=True)
    except GatedRepoError:
        raise PullFailed(
            f"{source.repository} is open only to people who agreed to its terms: do so on its page, and set HF_TOKEN."
        ) from None
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise PullFailed(f"The Hub has no {source.repository} at revision {source.revision}.") from None
    except Exception as error:
        raise PullFailed(f"The Hub did not answer for {source.repository}: {error}") from error
    files = [
        _RemoteFile(sibling.rfilename, sibling.size or 0, sibling.lfs.sha256 if sibling.lfs else None, sibling.blob_id)
        for sibling in info.siblings or ()
        if not source.files or any(fnmatch(sibling.rfilename, pattern) for pattern in source.files)
    ]
    if not files or info.sha is None:
        raise PullFailed(f"{source.repository} holds none of the files that {', '.join(source.files)} name.")
    return info.sha, files


def _check_disk(model: AnyModel, folder: Path, listings: list[list[_RemoteFile]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    needed = model.quantized_size if isinstance(model, LanguageModel) else 0
    for number, files in enumerate(listings):
        where = source_folder(model, number, folder)
        for file in files:
            there = (where / file.name).stat().st_size if (where / file.name).is_file() else 0
            needed += max(0, file.size - there)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise PullFailed(f"{model.name} needs {needed / GB:.1f} GB more, and {folder} has {free / GB:.1f} GB free.")


def _fetch(api: HfApi, repository: str, revision: str, file: _RemoteFile, where: Path) -> None:
    """Fetch one file; one that was cut off is gone on with."""
    try:
        hf_hub_download(repository, file.name, revision=revision, local_dir=where, endpoint=api.endpoint)
    except HfHubHTTPError as error:
        raise PullFailed(f"{repository} does not give {file.name}: {error}") from error
    except Exception as error:
        raise PullFailed(
            f"The connection broke while fetching {file.name} of {repository}; try again, it will go on from there."
        ) from error


def _verify(path: Path, file: _RemoteFile) -> str:
    """Return the SHA-256 of a file; one that is not what the Hub said is deleted, and PullFailed raised."""
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            sha256.update(chunk)
            if file.sha256 is None:
                git.update(chunk)
    right = sha256.hexdigest() == file.sha256 if file.sha256 else file.git_sha1 in (None, git.hexdigest())
    if not right:
        path.unlink()
        raise PullFailed(f"{file.name} arrived damaged: its checksum is another. Try again.")
    return sha256.hexdigest()


def _quantize(model: LanguageModel, folder: Path, device: str) -> None:
    # Quantizing needs torch and takes seconds to import; fetching anything else does not.
    from models.qwen.quantizing import write_nf4_copy  # noqa: PLC0415

    target = folder_of(model, folder) / QUANTIZED
    shutil.rmtree(target, ignore_errors=True)
    write_nf4_copy(source_folder(model, 0, folder), target, device)
