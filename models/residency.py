"""What stays in the accelerator's memory: planned before anything is loaded, from measured numbers, and printed as a table."""

from dataclasses import dataclass

from models.catalogue import GIB, CoverModel, LanguageModel, MusicModel
from models.failures import TooLarge

# Measured on the real architectures with the meta device, per unit of work (an L40S has 45 GiB to give).
_CONTEXT = 2.5 * GIB  # CUDA context, libraries, compiled code, and the pools of captured graphs
_PER_TOKEN = 1.5 * GIB / 9000  # activations of the transformer, per packed token
_CONDITIONS = 0.09 * GIB  # keys and values of one take's words, for all layers
_PER_LATENT = 2.3 * GIB / 1044  # activations of the decoder, per latent of a tile
_PER_COVER = 0.75 * GIB  # activations of one cover of 1024 pixels

# Tokens of a take of three minutes, which is what the capacities below are counted in.
TAKE_TOKENS = 2250


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much is done at once: takes of three minutes, latents of a decoder tile, songs being written, covers."""

    takes: int
    tile: int
    rows: int
    cache_tokens: int
    covers: int

    @property
    def most_tokens(self) -> int:
        """How many packed tokens one pass of the composer may hold."""
        return self.takes * TAKE_TOKENS


# From what keeps a large card busy to what is slow but works.
CAPACITIES = (
    Capacity(takes=8, tile=1024, rows=8, cache_tokens=32 * 1024, covers=4),
    Capacity(takes=4, tile=1024, rows=8, cache_tokens=32 * 1024, covers=2),
    Capacity(takes=2, tile=512, rows=4, cache_tokens=32 * 1024, covers=2),
    Capacity(takes=1, tile=256, rows=2, cache_tokens=24 * 1024, covers=1),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Something that takes memory: `size` in bytes as planned."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Residency:
    """A plan that fits: `parts` and what they leave free of `budget`, in bytes."""

    capacity: Capacity
    parts: tuple[Part, ...]
    budget: int

    @property
    def total(self) -> int:
        """What all parts take together."""
        return sum(part.size for part in self.parts)

    def table(self, measured: dict[str, int] | None = None) -> str:
        """Return the plan as lines to read, with what was measured after loading beside it where that is known."""
        rows = [(part.name, part.size, (measured or {}).get(part.name)) for part in self.parts]
        rows += [("all together", self.total, None), ("free", self.budget - self.total, None)]
        width = max(len(name) for name, _, _ in rows)
        lines = [f"{'memory (GiB)':<{width}}  planned" + ("  measured" if measured else "")]
        for name, size, found in rows:
            line = f"{name:<{width}}  {size / GIB:7.1f}"
            lines.append(line + (f"  {found / GIB:8.1f}" if found is not None else ""))
        return "\n".join(lines)


def plan_residency(
    budget: int, music: MusicModel | None, language: LanguageModel | None, cover: CoverModel | None
) -> Residency:
    """Return the plan with the largest capacity that fits into `budget` bytes; None is a role that no model plays.

    Raises TooLarge, with what to do about it, when not even the smallest does.
    """
    for capacity in CAPACITIES:
        residency = Residency(capacity, _parts(capacity, music, language, cover), budget)
        if residency.total <= budget:
            return residency
    raise TooLarge(
        f"These models need {residency.total / GIB:.1f} GiB of memory, and the accelerator has {budget / GIB:.1f}. "
        "Choose a smaller one (COMPOSER=ace-step-2b-turbo), or the sketch engine for a role (ILLUSTRATOR=sketch)."
    )


def _parts(
    capacity: Capacity, music: MusicModel | None, language: LanguageModel | None, cover: CoverModel | None
) -> tuple[Part, ...]:
    parts = [("the accelerator's own", _CONTEXT)]
    if music:
        parts.append((music.name, float(music.weights)))
        work = capacity.most_tokens * _PER_TOKEN + capacity.takes * _CONDITIONS
        parts.append((f"steps of {capacity.takes} takes", work))
        parts.append((f"decoding {capacity.tile} latents", capacity.tile * _PER_LATENT))
    if language:
        parts.append((language.name, float(language.weights)))
        parts.append((f"words of {capacity.rows} songs", float(capacity.cache_tokens * language.cache_per_token)))
    if cover:
        parts.append((cover.name, float(cover.weights)))
        parts.append((f"painting {capacity.covers} covers", capacity.covers * _PER_COVER))
    return tuple(Part(name, round(size)) for name, size in parts)
