"""Transitions between sections: risers, impacts, downlifters, reversed cymbals."""

from models.sketch.arrangement import Arrangement
from models.sketch.score import Transition

SYNTHETIC_GENRES = frozenset({"edm pop", "synthwave", "trap", "dubstep"})


def add_transitions(song: Arrangement) -> None:
    """Write what leads from each section into the next one."""
    genre, beats = song.style.genre, song.beats_per_bar
    synthetic = genre.form == "edm" or genre.name in SYNTHETIC_GENRES
    for before, section in zip(song.sections, song.sections[1:], strict=False):
        start = float(section.first_bar * beats)
        growth = section.energy - before.energy
        if synthetic and growth > 0.12 and section.energy > 0.7:
            length = float(min(before.bars, 4 if genre.form == "edm" else 2) * beats)
            song.transitions += [Transition("riser", start - length, length), Transition("impact", start, 4.0)]
        elif synthetic and growth < -0.2:
            song.transitions.append(Transition("down", start, 2.0 * beats))
        elif not synthetic and growth > 0.1 and section.energy > 0.6 and "crash" in genre.traits:
            song.transitions.append(Transition("reverse", start - 2, 2.0))
        if genre.name == "cinematic" and section.energy > 0.65:
            song.transitions.append(Transition("impact", start, 4.0))
