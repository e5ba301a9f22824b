"""Meters and step patterns: what "9...5..." means in 4/4, 3/4 and 6/8."""

from collections.abc import Iterator
from dataclasses import dataclass

STEPS_PER_BEAT = 4

# Patterns are written for 4/4. In the other meters the pieces that mark the beat follow these instead, so that a waltz
# is a waltz and 6/8 swings in two; the rest of the kit reads as much of its own pattern as fits the bar.
TRIPLE_BEATS = {
    "3/4": {"K": "9...........", "S": "....7...7...", "C": "....7...7...", "Z": "....7...7...", "R": "....6...6..."},
    "6/8": {"K": "9.......5...", "S": "......8.....", "C": "......8.....", "Z": "......8.....", "R": "......7....."},
}
BACKBEATS = frozenset("SCZR")


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
        middle = 1.5 if self.name == "6/8" else 2.0
        if place == middle and self.name != "3/4":
            return 0.85
        if place == int(place):
            return 0.6
        if place * 2 == int(place * 2):
            return 0.3
        return 0.12

    def drum_pattern(self, piece: str, pattern: str) -> str:
        """Return the pattern of a piece of the kit in this meter."""
        if self.name == "4/4" or not pattern.strip("."):
            return pattern
        if piece in BACKBEATS and pattern.count(".") < 8:
            return pattern[: self.steps]
        return TRIPLE_BEATS[self.name].get(piece, pattern[: self.steps])


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
    steps = pattern[: meter.steps].ljust(meter.steps, ".")
    index = 0
    while index < len(steps):
        character = steps[index]
        end = index + 1
        if character not in ".- ":
            while end < len(steps) and steps[end] == "-":
                end += 1
            yield index / STEPS_PER_BEAT, character, (end - index) / STEPS_PER_BEAT
        index = end
