"""The models that the studio knows: where they come from, under which licence, how large they are, and what works."""

from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from models.failures import WrongSetting

Task = Literal["text2music", "cover", "repaint", "extend", "extract", "lego", "complete"]
TASKS: tuple[Task, ...] = get_args(Task)
# What the turbo checkpoints were distilled for; upstream lists extract, lego and complete for base alone. Diffusers runs
# them on turbo without complaint, and the result is noise. `extend` is a repaint of appended silence.
TURBO_TASKS: tuple[Task, ...] = ("text2music", "cover", "repaint", "extend")
GB = 1000**3
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Source:
    """Files of one repository on the Hub.

    `revision` is a commit, or the name of a branch, which is resolved when the files are pulled and written into the lock
    file beside them. `files` are patterns; empty means all. `size` is what they come to, in bytes, for the check of the
    disk before the first byte (the Hub's own figures are used where it gives them).
    """

    repository: str
    revision: str
    size: int
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms that the weights come under. `commercial` is False where songs or covers may not be sold."""

    name: str
    page: str
    commercial: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class MusicModel:
    """An ACE-Step 1.5 checkpoint in diffusers' layout and the settings it works with.

    `weights` is what it keeps resident, in bytes, in bfloat16. `guidance` is None where guidance is distilled into the
    weights: such a checkpoint ignores the scale (measured: outputs are bit-identical), so none is offered. Otherwise it is
    the least, usual and greatest scale. `longest` is in seconds.
    """

    name: str
    sources: tuple[Source, ...]
    licence: Licence
    weights: int
    steps: tuple[int, int, int]
    shift: float
    guidance: tuple[float, float, float] | None
    tasks: tuple[Task, ...]
    longest: float = 600.0
    shortest: float = 10.0

    def settle_steps(self, asked: int | None) -> int:
        """Return the number of steps that will be run when `asked` are wanted: the nearest that does well."""
        least, usual, most = self.steps
        return usual if asked is None else min(most, max(least, asked))

    def settle_guidance(self, asked: float | None) -> float | None:
        """Return the guidance scale that will be used when `asked` is wanted; None where the checkpoint has none."""
        if self.guidance is None:
            return None
        least, usual, most = self.guidance
        return usual if asked is None else min(most, max(least, asked))

    def check(self, task: Task, duration: float, guidance_scale: float | None = None, steps: int | None = None) -> None:
        """Raise WrongSetting with a sentence when this checkpoint cannot do `task` this way; `duration` in seconds."""
        if task not in self.tasks:
            raise WrongSetting(
                f"{self.name} cannot do {task!r}: it knows {', '.join(self.tasks)}."
                + (f" {_base_of(self.name)} can." if task in TASKS else "")
            )
        if not self.shortest <= duration <= self.longest:
            raise WrongSetting(
                f"{self.name} makes songs of {self.shortest:g} to {self.longest:g} seconds, not of {duration:g}."
            )
        if guidance_scale is not None:
            if self.guidance is None:
                raise WrongSetting(
                    f"{self.name} has its guidance distilled into the weights and ignores a guidance scale."
                )
            if not self.guidance[0] <= guidance_scale <= self.guidance[2]:
                raise WrongSetting(
                    f"{self.name} works with a guidance scale of {self.guidance[0]:g} to {self.guidance[2]:g}, "
                    f"not of {guidance_scale:g}."
                )
        if steps is not None and not self.steps[0] <= steps <= self.steps[2]:
            raise WrongSetting(f"{self.name} works with {self.steps[0]} to {self.steps[2]} steps, not with {steps}.")


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A Qwen instruct model, kept in 4-bit NF4. Sizes in bytes; `cache_per_token` is its keys and values of one token."""

    name: str
    sources: tuple[Source, ...]
    licence: Licence
    weights: int
    quantized_size: int
    cache_per_token: int
    context: int


@dataclass(frozen=True, slots=True)
class CoverModel:
    """An SDXL checkpoint, distilled to a few steps without guidance.

    `pixels` is the side of the square it was trained for. `unet_file` names the file of the second source whose weights
    replace the UNet of the first. `variant` is the half-precision variant of the files, where the repository has one.
    """

    name: str
    sources: tuple[Source, ...]
    licence: Licence
    weights: int
    steps: tuple[int, int, int]
    pixels: int
    variant: str | None = "fp16"
    unet_file: str = ""

    def check_steps(self, steps: int) -> None:
        """Raise WrongSetting with a sentence when the checkpoint was not distilled for so many steps."""
        least, usual, most = self.steps
        if not least <= steps <= most:
            allowed = f"exactly {usual} steps" if least == most else f"{least} to {most} steps"
            raise WrongSetting(f"{self.name} paints in {allowed}, not in {steps}.")


AnyModel = MusicModel | LanguageModel | CoverModel

_MIT = Licence(
    "MIT", "https://github.com/ace-step/ACE-Step-1.5/blob/main/LICENSE", True,
    "The text encoder inside, Qwen3-Embedding-0.6B, is Apache-2.0.",
)  # fmt: skip
_APACHE = Licence("Apache-2.0", "https://huggingface.co/Qwen/Qwen2-7B-Instruct/blob/main/LICENSE", True)
_PIPELINE = ("*.json", "*.txt", "*.jinja", "*.safetensors")
# Weights beside configurations in half precision; single-file and full-precision copies are left where they are.
_SDXL_FILES = ("*.json", "*.txt", "*.fp16.safetensors")

_TURBO_STEPS, _BASE_STEPS = (4, 8, 20), (20, 50, 100)
_BASE_GUIDANCE = (1.0, 7.0, 15.0)

MUSIC_MODELS = (
    MusicModel(
        "ace-step-xl-turbo",
        (
            Source(
                "ACE-Step/acestep-v15-xl-turbo-diffusers",
                "200ba991ae448051e14b0183157e35c2d27c9fb0",
                int(11.5 * GB),
                _PIPELINE,
            ),
        ),
        _MIT,
        int(10.7 * GIB),
        _TURBO_STEPS,
        3.0,
        None,
        TURBO_TASKS,
    ),
    MusicModel(
        "ace-step-xl-base",
        (Source("ACE-Step/acestep-v15-xl-base-diffusers", "main", int(11.5 * GB), _PIPELINE),),
        _MIT,
        int(10.7 * GIB),
        _BASE_STEPS,
        3.0,
        _BASE_GUIDANCE,
        TASKS,
    ),
    MusicModel(
        "ace-step-2b-turbo",
        (
            Source(
                "Runware/acestep-v15-turbo-diffusers",
                "be23effe449c5957947f3020fd63bee23c64abe4",
                int(6.3 * GB),
                _PIPELINE,
            ),
        ),
        _MIT,
        int(5.9 * GIB),
        _TURBO_STEPS,
        3.0,
        None,
        TURBO_TASKS,
    ),
    MusicModel(
        "ace-step-2b-base",
        (Source("Runware/acestep-v15-base-diffusers", "main", int(6.3 * GB), _PIPELINE),),
        _MIT,
        int(5.9 * GIB),
        _BASE_STEPS,
        3.0,
        _BASE_GUIDANCE,
        TASKS,
    ),
)

LANGUAGE_MODELS = (
    LanguageModel(
        "qwen2-7b-instruct",
        (Source("Qwen/Qwen2-7B-Instruct", "f2826a00ceef68f0f2b946d945ecc0477ce4450c", int(15.2 * GB), _PIPELINE),),
        _APACHE,
        int(5.2 * GIB),
        int(5.6 * GB),
        56 * 1024,
        32768,
    ),
    LanguageModel(
        "qwen2.5-7b-instruct",
        (Source("Qwen/Qwen2.5-7B-Instruct", "a09a35458c702b33eeacc393d103063234e8bc28", int(15.2 * GB), _PIPELINE),),
        _APACHE,
        int(5.2 * GIB),
        int(5.6 * GB),
        56 * 1024,
        32768,
    ),
    LanguageModel(
        "qwen3-8b",
        (Source("Qwen/Qwen3-8B", "main", int(16.4 * GB), _PIPELINE),),
        _APACHE,
        int(5.6 * GIB),
        int(6.0 * GB),
        144 * 1024,
        32768,
    ),
)

COVER_MODELS = (
    CoverModel(
        "sdxl-turbo",
        (Source("stabilityai/sdxl-turbo", "71153311d3dbb46851df1931d3ca6e939de83304", int(7.0 * GB), _SDXL_FILES),),
        Licence(
            "Stability AI non-commercial community licence",
            "https://huggingface.co/stabilityai/sdxl-turbo/blob/main/LICENSE.md",
            False,
            "Commercial use needs an agreement with Stability AI (stability.ai/license); sdxl-lightning needs none.",
        ),
        int(6.5 * GIB),
        (1, 2, 4),
        1024,
    ),
    CoverModel(
        "sdxl-lightning",
        (
            Source(
                "stabilityai/stable-diffusion-xl-base-1.0",
                "462165984030d82259a11f4367a4eed129e94a7b",
                int(7.0 * GB),
                _SDXL_FILES,
            ),
            Source(
                "ByteDance/SDXL-Lightning",
                "c9a24f48e1c025556787b0c58dd67a091ece2e44",
                int(5.2 * GB),
                ("sdxl_lightning_4step_unet.safetensors",),
            ),
        ),
        Licence(
            "CreativeML Open RAIL++-M",
            "https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
            True,
            "Its use restrictions must be passed on to whoever uses the covers.",
        ),
        int(6.5 * GIB),
        (4, 4, 4),
        1024,
        unet_file="sdxl_lightning_4step_unet.safetensors",
    ),
)

ALL_MODELS: tuple[AnyModel, ...] = (*MUSIC_MODELS, *LANGUAGE_MODELS, *COVER_MODELS)

_Model = TypeVar("_Model", MusicModel, LanguageModel, CoverModel, AnyModel)


def find_model(name: str, among: tuple[_Model, ...]) -> _Model:
    """Return the model called `name`; raises WrongSetting with the names there are."""
    for model in among:
        if model.name == name:
            return model
    raise WrongSetting(f"There is no model {name!r} here; there are {', '.join(model.name for model in among)}.")


def _base_of(name: str) -> str:
    return name.replace("turbo", "base")
