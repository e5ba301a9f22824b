"""The melody search: which pitches a given rhythm takes over given chords, found by dynamic programming."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.sketch.theory import Chord

# Cost of a leap by its size in semitones: steps are free, thirds cheap, the tritone is dear, the octave acceptable.
LEAP_COSTS = {1: 0.0, 2: 0.0, 3: 0.55, 4: 0.55, 5: 1.1, 6: 4.0, 7: 1.6, 8: 3.0, 9: 3.0, 12: 2.6}
WIDE_LEAP_COST = 6.0


def _note_costs(
    pitches: Sequence[int], chord: Chord, *, length: float, strong: float, contour: float, reference: int | None
) -> NDArray[np.float64]:
    """Return what each pitch costs on this slot: out of the chord on a strong beat is dear, far from the contour too."""
    triad = {(chord.root + interval) % 12 for interval in chord.intervals[:3]}
    members = set(chord.pitch_classes)
    weight = strong + (0.6 if length >= 1 else 0.0)
    costs = np.zeros(len(pitches))
    for index, pitch in enumerate(pitches):
        pitch_class = pitch % 12
        if pitch_class not in members:
            costs[index] += 3.2 * weight
            held_clash = length >= 0.5 and any((pitch_class - tone) % 12 == 1 for tone in triad)
            costs[index] += 2.2 if held_clash else 0.0
        elif pitch_class not in triad:
            costs[index] += 0.5 * weight
        costs[index] += 0.16 * abs(pitch - contour)
        if reference is not None:
            costs[index] += 0.42 * min(abs(pitch - reference), 7)
    return costs


def find_melody(
    slots: Sequence[tuple[float, float]],
    chord_at: Callable[[float], Chord],
    pitches: Sequence[int],
    rng: np.random.Generator,
    *,
    contour: NDArray[np.float64],
    strong: Sequence[float],
    reference: Sequence[int] | None = None,
    last_classes: set[int] | None = None,
    repeat_cost: float = 1.2,
    start: int | None = None,
    jitter: float = 0.6,
) -> list[int]:
    """Return one pitch for each slot (beat, length in beats).

    `contour` is the pitch that the line would like at each slot, `strong` the metric weight 0..1, `reference` an earlier
    phrase to stay close to, `last_classes` where the phrase may end, `start` the pitch that came before, and `jitter` how
    much chance has a say.
    """
    costs = np.array([
        _note_costs(
            pitches,
            chord_at(beat),
            length=length,
            strong=strong[index],
            contour=contour[index],
            reference=reference[index] if reference else None,
        )
        for index, (beat, length) in enumerate(slots)
    ])  # fmt: skip
    costs += rng.random(costs.shape) * jitter
    midi = np.array(pitches)
    if last_classes:
        costs[-1] += [0.0 if pitch % 12 in last_classes else 5.0 for pitch in pitches]
    if start is not None:
        costs[0] += 0.25 * np.abs(midi - start)
    distance = np.abs(midi[:, None] - midi[None, :])
    leaps = np.full(distance.shape, WIDE_LEAP_COST)
    leaps[distance == 0] = repeat_cost
    for size, cost in LEAP_COSTS.items():
        leaps[distance == size] = cost

    total = costs[0].copy()
    came_from: list[NDArray[np.intp]] = []
    columns = np.arange(len(pitches))
    for index in range(1, len(slots)):
        gap = slots[index][0] - slots[index - 1][0]
        candidates = total[:, None] + leaps * (0.6 if gap > 1.5 else 1.0)
        choice = candidates.argmin(0)
        came_from.append(choice)
        total = candidates[choice, columns] + costs[index]
    path = [int(total.argmin())]
    for choice in reversed(came_from):
        path.append(int(choice[path[-1]]))
    return [int(midi[index]) for index in reversed(path)]
