"""The six stems of a song, each finished in itself: their plain sum is the mix."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

from models.roles import OnProgress, SongSheet
from models.sketch.arrangement import Arrangement
from models.sketch.rendering.audio import SAMPLE_RATE, Audio, silence
from models.sketch.rendering.colour import saturate, wear_tape
from models.sketch.rendering.drums import kick_times, render_drums
from models.sketch.rendering.dynamics import CONTROL_RATE, Curve, apply_curve, control_times, pump_curve
from models.sketch.rendering.filters import apply_filters, lowpass
from models.sketch.rendering.levels import level_to
from models.sketch.rendering.mix import follow_sections
from models.sketch.rendering.space import add_echo, add_room, spread
from models.sketch.rendering.sweeps import render_fx
from models.sketch.rendering.tracks import render_track
from models.sketch.score import Bus
from models.sketch.voice import sing

Stem = Literal["vocals", "chords", "lead", "drums", "bass", "fx"]
# How much work each of them is, the longest first, so that several processes finish together.
STEMS: dict[Stem, float] = {"vocals": 10.0, "chords": 5.0, "lead": 4.0, "drums": 3.0, "bass": 1.0, "fx": 1.0}

# A stem whose genre gives it 0 dB stands at this loudness.
REFERENCE = -16.0
# How much of the genre's reverb a stem gets.
ROOM_SHARE: dict[Bus, float] = {"bass": 0.0, "chords": 1.6, "lead": 1.85}
# How many decibels an instrument steps back while somebody sings.
MAKES_ROOM: dict[Bus, float] = {"bass": 0.0, "chords": 2.2, "lead": 2.5}
MONO_BELOW: dict[Bus, float] = {"bass": 160.0, "chords": 140.0, "lead": 140.0}


@dataclass(frozen=True, slots=True)
class StemJob:
    """What a process needs to know to render one stem of a song."""

    stem: Stem
    sheet: SongSheet
    song: Arrangement
    soundfont: Path

    @property
    def length(self) -> int:
        """The song's length in samples."""
        return round(self.song.duration * SAMPLE_RATE)


def stems_of(song: Arrangement) -> tuple[Stem, ...]:
    """Return the stems in which anything sounds."""
    buses = {track.bus for track in song.tracks if track.notes}
    silent = {stem for stem in ("bass", "chords", "lead") if stem not in buses}
    if not song.hits:
        silent.add("drums")
    if not song.lines:
        silent.add("vocals")
    if not song.transitions and not song.style.genre.sound.lofi:
        silent.add("fx")
    return tuple(stem for stem in STEMS if stem not in silent)


def render_stem(job: StemJob, on_progress: OnProgress) -> Audio:
    """Return one stem as float32 `[2, samples]`, at its level in the mix. Same job, same samples."""
    render: dict[Stem, Callable[[StemJob, OnProgress], Audio]] = {
        "vocals": _render_vocals, "chords": _render_bus, "lead": _render_bus, "bass": _render_bus,
        "drums": _render_drums, "fx": _render_fx,
    }  # fmt: skip
    samples = render[job.stem](job, on_progress)
    on_progress(1.0)
    return samples


def _render_vocals(job: StemJob, on_progress: OnProgress) -> Audio:
    song, sound = job.song, job.song.style.genre.sound
    sheet, seed = job.sheet, job.song.style.seed
    samples = sing(song.lines, song.duration, sheet.language, sheet.voice, seed, lambda share: on_progress(share * 0.9))
    level_to(samples, REFERENCE + sound.levels["vocals"])
    echo_seconds = song.style.beat_seconds * (0.5 if song.style.bpm < 100 else 1.0)
    add_echo(samples, echo_seconds, 0.3, 0.3, 4, 3800, send=_last_words(song, job.length))
    room_seconds = max(1.1, min(2.6, sound.reverb_seconds))
    add_room(samples, room_seconds, 0.16 + 0.5 * sound.wet, predelay=0.035, dark=6000, seed=11)
    return apply_curve(samples, np.sqrt(_breath(song, job.length)))


def _render_bus(job: StemJob, on_progress: OnProgress) -> Audio:
    song, genre = job.song, job.song.style.genre
    sound = genre.sound
    bus: Bus = "bass" if job.stem == "bass" else "chords" if job.stem == "chords" else "lead"
    kicks = kick_times(song) if sound.duck else []
    pump = pump_curve(job.length, kicks, sound.duck, song.style.beat_seconds * 0.85) if kicks else None
    tracks = [track for track in song.tracks if track.bus == bus and track.notes]
    samples = silence(job.length)
    for number, track in enumerate(tracks):
        samples += render_track(song, track, job.length, job.soundfont, pump)
        on_progress(0.8 * (number + 1) / len(tracks))
    add_room(samples, sound.reverb_seconds, sound.wet * ROOM_SHARE[bus])
    if sound.lofi:
        wear_tape(samples, 1.1 * sound.lofi, seed=5)
        if bus != "bass":
            apply_filters(samples, lowpass(9500 - 4500 * sound.lofi, 1))
            saturate(samples, 1.3, 0.5)
    if "dub" in genre.traits and bus == "chords":
        add_echo(samples, song.style.beat_seconds * 0.75, 0.22, 0.5, 6, 2600)
    spread(samples, 1.0 if bus == "bass" else sound.width, MONO_BELOW[bus])
    level_to(samples, REFERENCE + sound.levels[bus])
    step_back = MAKES_ROOM[bus] * _singing(song, job.length)
    return apply_curve(samples, _breath(song, job.length) * (10 ** (-step_back / 20)).astype(np.float32))


def _render_drums(job: StemJob, on_progress: OnProgress) -> Audio:
    samples = render_drums(job.song, job.length, job.soundfont)
    on_progress(0.9)
    level_to(samples, REFERENCE + job.song.style.genre.sound.levels["drums"])
    return apply_curve(samples, _breath(job.song, job.length))


def _render_fx(job: StemJob, on_progress: OnProgress) -> Audio:
    sound = job.song.style.genre.sound
    samples = render_fx(job.song, job.length)
    on_progress(0.7)
    return add_room(samples, sound.reverb_seconds, sound.wet * 1.3)


def _breath(song: Arrangement, length: int) -> Curve:
    """Return the gain that lets the sections breathe: quiet ones stand a few decibels below the full ones."""
    gains = [float(np.clip((section.energy - 0.85) * 6.5, -4.0, 0.4)) for section in song.sections]
    return follow_sections(song, gains, length)


def _last_words(song: Arrangement, length: int) -> Curve:
    """Return the curve that is 1 at the end of every sung line: what the echo answers, in the gap that follows."""
    times = control_times(length)
    ends = np.full(len(times), 0.12)
    for line in song.lines:
        end = line.syllable_notes[-1].start + line.syllable_notes[-1].duration
        ends[(times > end - 0.45) & (times < end + 0.1)] = 1.0
    return np.asarray(gaussian_filter1d(ends, 0.03 * CONTROL_RATE), np.float32)


def _singing(song: Arrangement, length: int) -> Curve:
    """Return the curve that is 1 while somebody sings and 0 in the gaps, with soft edges."""
    times = control_times(length)
    sung = np.zeros(len(times))
    for line in song.lines:
        first, last = line.syllable_notes[0], line.syllable_notes[-1]
        sung[(times > first.start - 0.05) & (times < last.start + last.duration + 0.05)] = 1.0
    return np.asarray(gaussian_filter1d(sung, 0.08 * CONTROL_RATE), np.float32)
