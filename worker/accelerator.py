"""The AI models of the three roles: chosen by settings, looked for on the disk, planned into memory, and loaded.

Torch and all that stands on it is imported only when there is something to load: a machine without weights needs none of it.
"""

import importlib.util
import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from appliance.errors import SettingsError, said
from appliance.settings import Settings
from models.catalogue import (
    COVER_MODELS,
    LANGUAGE_MODELS,
    MUSIC_MODELS,
    AnyModel,
    CoverModel,
    LanguageModel,
    MusicModel,
    find_model,
)
from models.failures import ModelFailure, WeightsMissing, WrongSetting
from models.residency import CAPACITIES, Capacity, Residency, plan_residency
from models.roles import Composer, Illustrator, Songwriter
from models.weights import folders_to_load

log = logging.getLogger(__name__)

SKETCH = "sketch"
_LOADED = "loaded.json"  # in the models folder: what the running worker has in memory
_Model = TypeVar("_Model", MusicModel, LanguageModel, CoverModel)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the settings ask for; None is the sketch engine."""

    language: LanguageModel | None
    music: MusicModel | None
    cover: CoverModel | None

    def models(self) -> tuple[AnyModel, ...]:
        """Return the models among them."""
        return tuple(model for model in (self.language, self.music, self.cover) if model)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The models in memory; None is a role that the sketch engine plays.

    `memory` is how many bytes of the card each takes, 0 on the CPU; `notes` are sentences for the admin.
    """

    songwriter: Songwriter | None = None
    composer: Composer | None = None
    illustrator: Illustrator | None = None
    notes: tuple[str, ...] = ()
    memory: dict[str, int] = field(default_factory=dict)


def models_folder(settings: Settings) -> Path:
    """Return where the weights lie."""
    return settings.models_dir or settings.data_dir / "models"


def choose_models(settings: Settings) -> Chosen:
    """Return the models that the settings name. Raises SettingsError where there is no such model."""
    return Chosen(
        _find("SONGWRITER", settings.songwriter, LANGUAGE_MODELS),
        _find("COMPOSER", settings.composer, MUSIC_MODELS),
        _find("ILLUSTRATOR", settings.illustrator, COVER_MODELS),
    )


def load_models(settings: Settings, chosen: Chosen) -> Loaded:
    """Return the chosen models, loaded, warm and ready; what cannot be had is None, and a note says why.

    Raises SettingsError where the models cannot work as they are set, or do not fit into memory together.
    """
    notes: list[str] = []
    folder = models_folder(settings)
    language, language_at = _present(chosen.language, folder, notes)
    music, music_at = _present(chosen.music, folder, notes)
    cover, cover_at = _present(chosen.cover, folder, notes)
    if not (language or music or cover):
        return _noted(Loaded(notes=tuple(notes)))
    device = _find_device(settings, notes)
    if device is None:
        return _noted(Loaded(notes=tuple(notes)))
    if cover and not cover.licence.commercial:
        notes.append(
            said(
                "The covers of %(model)s are not for commercial use. %(note)s",
                model=cover.name,
                note=cover.licence.note,
            )
        )
    try:
        residency = _plan(device, music, language, cover)
        capacity = residency.capacity if residency else CAPACITIES[-1]
        measured: dict[str, int] = {}
        loaded = Loaded(
            _load_songwriter(language, language_at, device, capacity, measured) if language else None,
            _load_composer(music, music_at, device, capacity, measured) if music else None,
            _load_illustrator(cover, cover_at, device, capacity, measured) if cover else None,
            tuple(notes),
            measured,
        )
    except ModelFailure as failure:
        raise SettingsError(str(failure)) from failure
    if residency:
        log.info("The plan for the card:\n%s", residency.table(measured))
    _note_loaded(folder, measured)
    return _noted(loaded)


def loaded_models(folder: Path) -> dict[str, int]:
    """Return the models that a worker of this machine has in memory now, and their bytes on the card (0 on the CPU)."""
    file = folder / _LOADED
    if not file.is_file():
        return {}
    kept = json.loads(file.read_text())
    try:
        alive = psutil.Process(kept["pid"]).create_time() == kept["since"]
    except psutil.NoSuchProcess:
        alive = False
    memory: dict[str, int] = kept["memory"]
    return memory if alive else {}


def _note_loaded(folder: Path, measured: dict[str, int]) -> None:
    this = psutil.Process()
    (folder / _LOADED).write_text(json.dumps({"pid": this.pid, "since": this.create_time(), "memory": measured}))


def _find(setting: str, name: str, among: tuple[_Model, ...]) -> _Model | None:
    if name == SKETCH:
        return None
    try:
        return find_model(name, among)
    except WrongSetting as error:
        raise SettingsError(f"{setting}={name!r}: {error} Or {SKETCH}.") from None


def _present(model: _Model | None, folder: Path, notes: list[str]) -> tuple[_Model | None, tuple[Path, ...]]:
    """Return a model and the folders to load it from, or None where its weights are not whole."""
    if model is None:
        return None, ()
    try:
        return model, folders_to_load(model, folder)
    except WeightsMissing as missing:
        notes.append(said("The sketch engine stands in. %(missing)s", missing=missing))
        return None, ()


def _find_device(settings: Settings, notes: list[str]) -> str | None:
    """Return "cuda" or "cpu", or None where models are not to be run at all."""
    # Everything is on this machine: nothing may ask the Hub, and memory is not to be lost between blocks of many sizes.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    if importlib.util.find_spec("torch") is None:
        notes.append(
            said("The sketch engine stands in: what models stand on is not installed; make models-install does it.")
        )
        return None
    if settings.models_device == "cpu":
        return "cpu"
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        return "cuda"
    if settings.models_device == "cuda":
        raise SettingsError("MODELS_DEVICE=cuda: no CUDA card is to be seen on this machine.")
    notes.append(
        said("The sketch engine stands in: there are weights, but no CUDA card is to be seen on this machine.")
    )
    return None


def _plan(
    device: str, music: MusicModel | None, language: LanguageModel | None, cover: CoverModel | None
) -> Residency | None:
    """Return what fits into the card's free memory; None on the CPU, where everything is done in the smallest way."""
    if device == "cpu":
        return None
    import torch  # noqa: PLC0415

    free, _ = torch.cuda.mem_get_info()
    residency = plan_residency(free, music, language, cover)
    log.info("Planned before loading:\n%s", residency.table())
    return residency


def _load_songwriter(
    model: LanguageModel, folders: tuple[Path, ...], device: str, capacity: Capacity, measured: dict[str, int]
) -> Songwriter:
    from models.qwen.songwriter import QwenSongwriter  # noqa: PLC0415

    before = _allocated(device)
    songwriter = QwenSongwriter(model.name, folders[0], device, capacity.rows, capacity.cache_tokens)
    measured[model.name] = _allocated(device) - before
    return songwriter


def _load_composer(
    model: MusicModel, folders: tuple[Path, ...], device: str, capacity: Capacity, measured: dict[str, int]
) -> Composer:
    from models.ace_step.composer import AceStepComposer  # noqa: PLC0415

    before = _allocated(device)
    composer = AceStepComposer(folders[0], model, device, capacity.most_tokens, capacity.tile)
    measured[model.name] = _allocated(device) - before
    if device == "cuda":
        log.info("Warming up %s ...", model.name)
        composer.warm_up()
    return composer


def _load_illustrator(
    model: CoverModel, folders: tuple[Path, ...], device: str, capacity: Capacity, measured: dict[str, int]
) -> Illustrator:
    from models.sdxl.illustrator import SdxlIllustrator  # noqa: PLC0415

    before = _allocated(device)
    illustrator = SdxlIllustrator(folders, model, device, at_once=capacity.covers)
    measured[model.name] = _allocated(device) - before
    return illustrator


def _allocated(device: str) -> int:
    if device == "cpu":
        return 0
    import torch  # noqa: PLC0415

    return torch.cuda.memory_allocated()


def _noted(loaded: Loaded) -> Loaded:
    for note in loaded.notes:
        log.warning("%s", note)
    return loaded
