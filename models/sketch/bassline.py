"""The bass part: step patterns on the chord's tones, or a walking line."""

import numpy as np

from models.sketch.arrangement import Arrangement
from models.sketch.instruments import instruments
from models.sketch.meter import read_steps
from models.sketch.score import BeatNote, Track
from models.sketch.sections import FormSection
from models.sketch.theory import Chord, choose, rng_for

# Synthetic basses whose short notes are plucked dry.
PLUCKED_SYNTHS = frozenset({"saw bass", "synthwave bass", "acid bass"})
# Forms whose bass plays its full pattern in quiet sections too.
NEVER_SIMPLER = frozenset({"jazz", "classical", "ambient", "cinematic", "blues"})
# Where strings play the bass.
BOWED_REGISTER = (36, 55)
BUILD_PATTERN = "R.R.R.R.R.R.R.R."


def _register(name: str) -> tuple[int, int]:
    instrument = instruments()[name]
    return (instrument.low, instrument.high) if "bass" in name else BOWED_REGISTER


def _root_pitch(chord: Chord, low: int, high: int) -> int:
    root = low + (chord.root - low) % 12
    return root - 12 if root > high - 7 and root - 12 >= low else root


def _section_pattern(song: Arrangement, section: FormSection) -> str | None:
    """Return the pattern a section plays (None: the bass is silent); verses are simpler than choruses."""
    form = song.style.genre.form
    if section.kind == "build":
        return BUILD_PATTERN
    if section.energy < 0.42 and form not in NEVER_SIMPLER:
        if form == "edm" and section.kind == "breakdown":
            return None
        if section.kind == "intro" and section.bars <= 4 and not section.final:
            return None
        return "R---------------" if form == "edm" else "R-------R-------"
    return choose(song.style.genre.bass_patterns, song.style.seed, "bass pattern", section.kind)


def _walk(song: Arrangement, start: float, low: int, high: int, rng: np.random.Generator) -> list[BeatNote]:
    """Return one bar of walking bass: chord tones on the way, a neighbour or fifth of the next root on the last beat."""
    beats = song.beats_per_bar
    chord = song.chord_at(start)
    root = _root_pitch(chord, low, high)
    target = low + (song.chord_at(start + beats).root - low) % 12
    tones = [root + interval for interval in chord.intervals[:4]]
    reachable = [tone for tone in tones + [tone + 12 for tone in tones] if low <= tone <= high]
    line = [root]
    for beat in range(1, beats - 1):
        wanted = root + (target - root) * beat / beats + (4 if beat == 2 else 2)
        choices = [tone for tone in reachable if tone != line[-1]] or [root]
        costs = [abs(tone - wanted) + 0.35 * abs(tone - line[-1]) + rng.random() for tone in choices]
        line.append(choices[int(np.argmin(costs))])
    approaches = [target + step for step in (-1, 1, 2, -2, 7, -5)]
    costs = []
    for pitch in approaches:
        inside = low - 1 <= pitch <= high + 1
        leap = abs(pitch - line[-1]) * 0.5 + (4 if pitch == line[-1] else 0)
        fifth = 2 if pitch - target in (7, -5) else 0
        costs.append(1 + leap + fifth + rng.random() * 1.5 if inside else 99.0)
    line.append(approaches[int(np.argmin(costs))])
    notes = []
    for beat, pitch in enumerate(line):
        notes.append(BeatNote(start + beat, 0.92, pitch, 92 + (6 if beat % 2 else 0) + rng.normal() * 4))
        if rng.random() < 0.08:
            notes.append(BeatNote(start + beat + 0.5, 0.3, pitch, 66.0))
    return notes


def _step_pitch(song: Arrangement, step: str, beat: float, low: int, high: int, rng: np.random.Generator) -> int:
    """Return the pitch of a pattern character: R root, 5 fifth, 8 octave, 3 third, 6 sixth, a approach to the next bar."""
    chord = song.chord_at(beat)
    root = _root_pitch(chord, low, high)
    if step == "a":
        bar_end = (beat // song.beats_per_bar + 1) * song.beats_per_bar
        following = low + (song.chord_at(bar_end).root - low) % 12
        return following - 1 if rng.random() < 0.5 else following + (2 if rng.random() < 0.5 else 1)
    if step == "5":
        fifth = root + chord.fifth
        return fifth if fifth <= high + 2 else fifth - 12
    sixth = 9 if chord.third == 4 else 8
    return root + {"R": 0, "8": 12, "3": chord.third, "6": sixth}[step]


def _steps_bar(
    song: Arrangement, track: Track, section: FormSection, pattern: str, start: float, rng: np.random.Generator
) -> list[BeatNote]:
    low, high = _register(track.instrument)
    unplucked = 0.3 if song.style.genre.form == "edm" else 0.42
    short = 0.22 if track.instrument in PLUCKED_SYNTHS else unplucked
    notes = []
    for offset, step, held in read_steps(pattern, song.style.meter):
        pitch = _step_pitch(song, step, start + offset, low, high, rng)
        accent = 104 if offset == 0 else 96 if offset == int(offset) else 86
        velocity = min(124.0, accent * (0.82 + 0.22 * section.energy) + rng.normal() * 3)
        length = held if held > 0.25 else short
        notes.append(BeatNote(start + offset, length * 0.97, pitch, velocity))
    return notes


def add_bass(song: Arrangement) -> None:
    """Write the bass part; a bass named in the tags takes the place of the genre's."""
    genre, beats = song.style.genre, song.beats_per_bar
    named = [name for name in song.style.instruments if "bass" in name]
    track = Track("bass", named[-1] if named else genre.bass_instrument, "bass")
    low, high = _register(track.instrument)
    for section in song.sections:
        rng = rng_for(song.style.seed, "bass", section.kind)
        pattern = _section_pattern(song, section)
        if pattern is None:
            continue
        for bar in range(section.bars):
            start = float((section.first_bar + bar) * beats)
            if section.final and bar == section.bars - 1:
                root = _root_pitch(song.chord_at(start), low, high)
                track.notes.append(BeatNote(start, song.ring(start), root, 95.0))
            elif section.kind == "intro" and bar < section.bars // 2 and genre.form != "jazz":
                continue
            elif pattern == "walk":
                track.notes += _walk(song, start, low, high, rng)
            else:
                track.notes += _steps_bar(song, track, section, pattern, start, rng)
    song.tracks.append(track)
