"""Setting words to rhythm: which step of the grid each syllable of a line falls on, found by dynamic programming."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.sketch.meter import Meter
from models.sketch.words import Syllable

UNREACHABLE = 1e9


def _place_costs(
    syllables: Sequence[Syllable],
    strengths: NDArray[np.float64],
    syncopation: float,
    earlier: Sequence[int] | None,
) -> NDArray[np.float64]:
    """Return the cost of every syllable on every step: stress wants strong steps, and a line resembles the one before."""
    steps = np.arange(len(strengths))
    costs = np.empty((len(syllables), len(strengths)))
    for index, syllable in enumerate(syllables):
        stress = syllable.stress
        costs[index] = stress * (1 - strengths) * 1.5 + (1 - stress) * strengths * (0.55 - 0.3 * syncopation)
        if earlier and index < len(earlier):
            costs[index] += 0.22 * np.minimum(3, np.abs(earlier[index] - steps))
    return costs


def place_syllables(
    syllables: Sequence[Syllable],
    beats: float,
    meter: Meter,
    steps_per_beat: int,
    rng: np.random.Generator,
    *,
    earlier: Sequence[int] | None = None,
    late_beats: float = 0.0,
    syncopation: float = 0.3,
) -> list[int]:
    """Return the step of each syllable within `beats` beats: an even flow with room to breathe.

    `earlier` is the rhythm of a line to resemble, `late_beats` how long after the downbeat the line likes to begin.
    """
    count = len(syllables)
    length = max(1, int(beats * steps_per_beat))
    last_step = max(count, int(length * 0.86))
    if count >= length:  # more syllables than steps: squeeze them in evenly
        return [int(step) for step in np.linspace(0, max(0, length - 1), count)]
    pace = float(steps_per_beat if steps_per_beat <= 2 else steps_per_beat * 0.75)
    ideal = max(1.0, min(pace, last_step * 0.86 / max(1, count - 1)))
    start = max(0.0, min(steps_per_beat * late_beats, length * 0.8 - ideal * (count - 1)))

    strengths = np.array([meter.strength(step / steps_per_beat) for step in range(length)])
    costs = _place_costs(syllables, strengths, syncopation, earlier) + rng.random((count, length)) * 0.25
    total = np.full((count, length), UNREACHABLE)
    came_from = np.zeros((count, length), dtype=np.int64)
    first = np.arange(min(length, int(start) + steps_per_beat * 2 + 1))
    total[0, first] = costs[0, first] + 0.18 * np.abs(first - start)
    for index in range(1, count):
        same_word = syllables[index].word == syllables[index - 1].word
        reach = int(steps_per_beat * 1.5) if same_word else steps_per_beat * 3
        for step in range(index, min(length, last_step)):
            before = np.arange(max(index - 1, step - reach), step)
            gaps = step - before
            flow = 0.35 * (gaps - ideal) ** 2 / ideal * (1.6 if same_word else 1.0)
            held_stress = np.where(gaps > ideal, 0.25 * syllables[index - 1].stress, 0.0)
            choices = total[index - 1, before] + flow - held_stress
            best = int(choices.argmin())
            total[index, step] = min(UNREACHABLE, choices[best] + costs[index, step])
            came_from[index, step] = before[best]
    ending = total[-1] + 0.06 * np.abs(np.arange(length) - length * 0.7)
    step = int(ending.argmin())
    if ending[step] >= UNREACHABLE:
        return [int(place) for place in np.linspace(0, last_step - 1, count)]
    path = [step]
    for index in range(count - 1, 0, -1):
        path.append(int(came_from[index, path[-1]]))
    return path[::-1]
