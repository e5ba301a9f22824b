"""Meters and step patterns: what "9...5..." means in 4/4, 3/4 and 6/8."""

from collections.abc import Iterator
from dataclasses import dataclass

STEPS_PER_BEAT = 4

# Patterns are written for 4/4. In the other meters the pieces of the kit that mark the beat follow these instead, so that
# a waltz is a waltz and 6/8 sways in two.
TRIPLE_BEATS = {
    "3/4": {"K": "9...........", "S": "....7...7...", "C": "....7...7...", "Z": "....7...7...", "R": "....6...6..."},
    "6/8": {"K": "9.......5...", "S": "......8.....", "C": "......8.....", "Z": "......8.....", "R": "......7....."},
}
BACKBEATS = frozenset("SCZR")
# Where each eighth of half a bar of 4/4, in sixteenths, falls among the sixteenths of a dotted quarter.
COMPOUND_STEPS = (0, 0, 2, 2, 4, 4, 4, 4)


def _compound_place(step: int) -> int:
    return step // 8 * 6 + COMPOUND_STEPS[step % 8]


def _held_steps(pattern: str) -> Iterator[tuple[int, str, int]]:
    """Yield (step, character, step after its last "-") for every step that is not "." (rest) or "-" (hold)."""
    index = 0
    while index < len(pattern):
        character = pattern[index]
        end = index + 1
        if character not in ".-":
            while end < len(pattern) and pattern[end] == "-":
                end += 1
            yield index, character, end
        index = end


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature: `name` as written, `beats` quarter notes to the bar (6/8 has three of them, felt in two)."""

    name: str
    beats: int

    @property
    def steps(self) -> int:
        """Sixteenth notes to the bar."""
        return self.beats * STEPS_PER_BEAT

    def strength(self, beat: float) -> float:
        """Return the weight, 0..1, of a place in the bar, in beats from the start of any bar."""
        place = beat % self.beats
        if place == 0:
            return 1.0
        if self.name == "6/8":
            return 0.85 if place == 1.5 else 0.35 if place * 2 == int(place * 2) else 0.12
        if place == 2 and self.name == "4/4":
            return 0.85
        if place == int(place):
            return 0.6
        return 0.3 if place * 2 == int(place * 2) else 0.12

    def fit(self, pattern: str) -> str:
        """Return a bar of 4/4, one character a sixteenth, as a bar of this meter.

        3/4 leaves the last beat out. In 6/8 each half bar becomes a dotted quarter: its beats fall on the first and third
        eighth (long, short), and what lies between them on the second.
        """
        if self.name != "6/8" or len(pattern) <= self.steps:
            return pattern[: self.steps].ljust(self.steps, ".")
        bar = ["."] * self.steps
        for step, character, end in _held_steps(pattern[:16]):
            place = _compound_place(step)
            if bar[place] in ".-":
                bar[place] = character
                held = range(place + 1, _compound_place(end)) if end > step + 1 else range(0)
                for later in held:
                    bar[later] = "-"
        return "".join(bar)

    def drum_pattern(self, piece: str, pattern: str) -> str:
        """Return the pattern of a piece of the kit in this meter."""
        if self.name == "4/4" or not pattern.strip("."):
            return pattern
        if piece in BACKBEATS and pattern.count(".") < 8:
            return self.fit(pattern)
        return TRIPLE_BEATS[self.name].get(piece, self.fit(pattern))


METERS = {"4/4": Meter("4/4", 4), "3/4": Meter("3/4", 3), "6/8": Meter("6/8", 3)}


def read_meter(time_signature: str) -> Meter:
    """Return the meter of a time signature; one that the sketch engine does not play becomes the nearest it does."""
    text = time_signature.strip()
    if text in METERS:
        return METERS[text]
    beats, _, unit = text.partition("/")
    if unit == "8" and beats.isdigit() and int(beats) % 3 == 0:
        return METERS["6/8"]
    return METERS["3/4"] if beats in ("3", "6", "9") else METERS["4/4"]


def read_steps(pattern: str, meter: Meter) -> Iterator[tuple[float, str, float]]:
    """Yield (offset in beats, character, held beats) for every step of a pattern that is not "." (rest) or "-" (hold)."""
    for step, character, end in _held_steps(meter.fit(pattern)):
        yield step / STEPS_PER_BEAT, character, (end - step) / STEPS_PER_BEAT
