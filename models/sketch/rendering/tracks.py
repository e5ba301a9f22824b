"""One instrument's part, from written notes to sound in its place: played, coloured, levelled, ducked, panned, echoed."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.sketch.arrangement import Arrangement
from models.sketch.instruments import Instrument, instruments
from models.sketch.rendering import sampler, synth
from models.sketch.rendering.audio import Audio, pan_gains
from models.sketch.rendering.colour import saturate
from models.sketch.rendering.dynamics import Curve, apply_curve
from models.sketch.rendering.filters import Sections, apply_filters, bell, highpass, lowpass, shelf
from models.sketch.rendering.levels import level_to
from models.sketch.rendering.space import add_chorus, add_echo, spread
from models.sketch.score import Note, Track
from models.sketch.theory import rng_for

# The level, in LUFS, of an instrument whose track asks for no gain, and where a bus is cut when the instrument is not.
BUS_LEVELS = {"bass": -16.0, "chords": -20.0, "lead": -18.0}
BUS_HIGHPASS = {"bass": 28.0, "chords": 110.0, "lead": 120.0}
# How much of the kick's side chain a bus takes.
DUCKED = {"bass": 1.0, "chords": 0.85}
ROOMY_LEAD_SECONDS, ROOMY_LEAD_ECHO = 1.1, 0.22
CHORUSED = frozenset({"rhodes", "strings", "slow strings", "clean guitar", "choir"})
AMPLIFIED = frozenset({"overdrive guitar", "distortion guitar"})
COPY_DELAY = 0.009
QUIETEST, LOUDEST = 8 / 127, 126 / 127


def played_notes(song: Arrangement, track: Track) -> list[Note]:
    """Return the notes of a track in seconds, as a musician plays them: swung, and a little early or late."""
    genre = song.style.genre
    sway = rng_for(song.style.seed, "hum", track.name).normal(0, genre.human_seconds * 0.45, len(track.notes))
    beats = np.array([note.beat for note in track.notes])
    ends_at = beats + np.array([note.length for note in track.notes])
    starts = np.maximum(0, song.seconds(beats) + sway + track.copy * COPY_DELAY)
    ends = song.seconds(ends_at)
    left_over = song.duration - song.last_beat * song.style.beat_seconds - 0.4
    if left_over > 0.3 and not track.staccato:  # the last chord rings to the end of the song
        ends = ends + np.where(ends_at > song.last_beat - 0.26, left_over, 0)
    return [
        Note(
            float(start),
            float(max(0.04, end - start)),
            note.pitch,
            float(np.clip(note.velocity / 127, QUIETEST, LOUDEST)),
        )
        for start, end, note in zip(starts, ends, track.notes, strict=True)
        if 0 <= note.pitch <= 127
    ]


def play_track(song: Arrangement, track: Track, length: int, soundfont: Path) -> Audio:
    """Return the bare sound of a track."""
    instrument = instruments()[track.instrument]
    notes = played_notes(song, track)
    if instrument.program is not None:
        return sampler.play(soundfont, instrument.program, notes, length)
    patch = synth.patches()[instrument.patch]
    if track.instrument == "wobble bass":  # the wobble keeps time
        per_beat = 2.0 if song.style.energy > 0 else 4 / 3
        patch = replace(patch, lfo_rate=song.style.bpm / 60 * per_beat)
    return synth.play(patch, notes, length, seed=track.copy)


def render_track(song: Arrangement, track: Track, length: int, soundfont: Path, pump: Curve | None) -> Audio:
    """Return a track as it stands on its bus; `pump` is the kick's side chain, or None where there is none."""
    samples = play_track(song, track, length, soundfont)
    apply_filters(samples, *_colour(instruments()[track.instrument], track.bus))
    if track.instrument in CHORUSED or track.instrument.endswith("pad"):
        add_chorus(samples, rate=0.5, depth=2.0, delay=11.0, mix=0.35)
    if track.instrument in AMPLIFIED and track.bus == "chords":
        samples *= np.float32(0.8) / (np.abs(samples).max() + np.float32(1e-6))
        saturate(samples, 2.2, 0.6)
    level_to(samples, BUS_LEVELS[track.bus] + track.gain)
    amount = DUCKED.get(track.bus, 0.85 if "arp" in track.name else 0.0)
    if pump is not None and amount:
        apply_curve(samples, (1 - (1 - pump) * amount).astype(np.float32))
    if track.pan:
        samples *= pan_gains(track.pan)
    if track.bus == "bass":
        spread(samples, 1.0, 160)
    level, seconds = _echo(song, track)
    return add_echo(samples, seconds, level) if level else samples


def _colour(instrument: Instrument, bus: str) -> list[Sections]:
    """Return an instrument's filters: what it needs to sit in a mix."""
    cut = BUS_HIGHPASS["bass"] if bus == "bass" else instrument.highpass or BUS_HIGHPASS[bus]
    filters = [highpass(cut), *(bell(*numbers) for numbers in instrument.bells)]
    if instrument.air is not None:
        filters.append(shelf(*instrument.air))
    if instrument.lowpass:
        filters.append(lowpass(instrument.lowpass))
    return filters


def _echo(song: Arrangement, track: Track) -> tuple[float, float]:
    """Return the level of a track's tempo echo and its time in seconds."""
    style = song.style
    level = track.echo
    roomy = style.genre.sound.reverb_seconds > ROOMY_LEAD_SECONDS and "chip" not in style.genre.traits
    if not level and track.bus == "lead" and roomy:
        level = ROOMY_LEAD_ECHO
    beats = 0.75 if style.genre.form == "edm" else 0.5 if style.bpm < 130 else 1.0
    return level, beats * style.beat_seconds
