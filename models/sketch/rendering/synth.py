"""A subtractive synthesizer: wavetables that are already filtered, so that a note costs two look-ups a sample and voice.

The low-pass is applied in the frequency domain: every pitch has a stack of band-limited wavetables, one for each cutoff,
and the filter's envelope only cross-fades between neighbours. Nothing aliases, and nothing is recursive.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from models.sketch.rendering.audio import SAMPLE_RATE, Audio, lay, silence
from models.sketch.score import Note

PATCHES = Path(__file__).parents[1] / "patches.toml"
CUTOFFS, LOWEST_CUTOFF, CUTOFF_STEP = 30, 60.0, 0.285  # the stack: 60 Hz × 2^(0.285 i), up to 18 kHz
KEY_TRACKING = 0.4  # how far the cutoff follows the pitch, in octaves for an octave
TRACKED_FROM = 57  # A3, where a patch's cutoff is what it says
VELOCITY_STEPS = 14
PHASE = 2.0**32  # a turn of an oscillator, counted in unsigned integers that wrap by themselves


@dataclass(frozen=True, slots=True)
class Patch:
    """How a voice sounds. Times in seconds, `cutoff` in Hz at A3, `detune` and `vibrato` in cents.

    `wave` is saw, square, pulse, tri, sine, saw+sq, organ or fm; `unison` voices lie `detune` apart and `spread` wide.
    The filter opens by `filter_octaves` along an envelope of its own and sways by `lfo_octaves`; `resonance` is 0..1.
    `sub` and `octave` are levels of sines an octave below and above, `noise` that of hiss. `drive` saturates, and
    `glide` is by how many octaves the pitch falls at the start of a note, within about `glide_time`.
    """

    wave: str = "saw"
    unison: int = 1
    detune: float = 12.0
    spread: float = 0.8
    cutoff: float = 2000.0
    resonance: float = 0.15
    filter_octaves: float = 1.5
    filter_attack: float = 0.005
    filter_decay: float = 0.25
    filter_sustain: float = 0.3
    attack: float = 0.006
    decay: float = 0.2
    sustain: float = 0.7
    release: float = 0.15
    sub: float = 0.0
    octave: float = 0.0
    noise: float = 0.0
    vibrato: float = 0.0
    vibrato_rate: float = 5.2
    lfo_octaves: float = 0.0
    lfo_rate: float = 0.2
    drive: float = 0.0
    glide: float = 0.0
    glide_time: float = 0.05


@lru_cache(maxsize=1)
def patches() -> dict[str, Patch]:
    """Return every patch by its name."""
    table = tomllib.loads(PATCHES.read_text(encoding="utf-8"))
    return {name: Patch(**entry) for name, entry in table.items()}


def _partials(wave: str, count: int) -> NDArray[np.float64]:
    """Return the levels of the first `count` partials of a wave."""
    number = np.arange(1, count + 1)
    odd = number % 2
    if wave == "saw":
        return np.asarray(1 / number)
    if wave == "square":
        return np.asarray(odd / number * 1.2)
    if wave == "pulse":
        return np.asarray(np.sin(np.pi * number / 4) / number * 1.2)
    if wave == "tri":
        return np.asarray(odd / number**2 * 1.6)
    if wave == "saw+sq":
        return np.asarray(0.6 / number + 0.6 * odd / number)
    if wave == "organ":
        return np.where(np.isin(number, [1, 2, 3, 4, 6, 8]), 0.5 / np.sqrt(number), 0.0)
    if wave == "fm":
        return np.where(np.isin(number, [1, 4, 5, 9, 14]), number**-0.8, 0.0)
    return np.asarray((number == 1) * 1.0)  # sine


@lru_cache(maxsize=64)
def _wavetables(wave: str, pitch: int, resonance: float) -> NDArray[np.float32]:
    """Return one period of `wave` for every cutoff, `[cutoffs, samples]`: a resonant 24 dB/octave low-pass is in it."""
    frequency = pitch_to_hertz(pitch)
    size = 8192 if frequency < 130 else 4096 if frequency < 700 else 2048
    count = int(min(19000 / frequency, size // 2 - 1))
    cutoffs = LOWEST_CUTOFF * 2 ** (CUTOFF_STEP * np.arange(CUTOFFS))[:, None]
    ratio = np.arange(1, count + 1) * frequency / cutoffs
    resonant = 1 / np.sqrt((1 - ratio**2) ** 2 + (ratio * (1.414 - 1.32 * resonance)) ** 2)
    plain = 1 / np.sqrt(1 + ratio**4)
    spectrum = np.zeros((CUTOFFS, size // 2 + 1), np.complex64)
    spectrum[:, 1 : count + 1] = -0.5j * size * _partials(wave, count) * resonant * plain * (1 - 0.35 * resonance)
    return np.asarray(fft.irfft(spectrum, size, axis=1), np.float32)


def pitch_to_hertz(pitch: float) -> float:
    """Return the frequency of a MIDI pitch."""
    return float(440 * 2 ** ((pitch - 69) / 12))


def _envelope(length: int, held: float, attack: float, decay: float, sustain: float, release: float) -> Audio:
    """Return an ADSR envelope of `length` samples whose key is let go after `held` seconds."""
    time = np.arange(length, dtype=np.float32) / np.float32(SAMPLE_RATE)
    falling = sustain + (1 - sustain) * np.exp((attack - time) / max(decay * 0.45, 1e-4))
    level = np.where(time < attack, time / max(attack, 1e-4), falling).astype(np.float32)
    let_go = int(held * SAMPLE_RATE)
    if let_go < length:
        level[let_go:] = level[let_go] * np.exp((held - time[let_go:]) / max(release * 0.35, 1e-4))
        tail = min(256, length - let_go)
        level[-tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    return level


def _pitch_ratio(patch: Patch, time: Audio) -> Audio | None:
    """Return the factor on the frequency over `time`, or None where the pitch stays."""
    if not patch.vibrato and not patch.glide:
        return None
    octaves = patch.glide * np.exp(-time / patch.glide_time)
    if patch.vibrato:
        grown = np.clip((time - 0.18) / 0.25, 0, 1)
        octaves += patch.vibrato / 1200 * grown * np.sin(2 * np.pi * patch.vibrato_rate * time)
    return np.asarray(np.exp2(octaves), np.float32)


def _phase(frequency: float, ratio: Audio | None, length: int) -> NDArray[np.uint32]:
    """Return the phase of an oscillator, sample by sample."""
    if ratio is None:
        return np.arange(length, dtype=np.uint32) * np.uint32(round(frequency / SAMPLE_RATE * PHASE))
    turns = np.cumsum(ratio, dtype=np.float64) * (frequency / SAMPLE_RATE)
    return ((turns % 1.0) * PHASE).astype(np.uint32)


def render_note(patch: Patch, pitch: int, held: float, velocity: float, seed: int = 0) -> Audio:
    """Return one note, held for so many seconds, with its release. `velocity` 0..1 brightens it; the level is full."""
    length = int((held + patch.release * 1.6 + 0.01) * SAMPLE_RATE)
    frequency = pitch_to_hertz(pitch)
    time = np.arange(length, dtype=np.float32) / np.float32(SAMPLE_RATE)
    opening = _envelope(length, held, patch.filter_attack, patch.filter_decay, patch.filter_sustain, patch.release)
    cutoff = patch.filter_octaves * opening
    cutoff += np.log2(patch.cutoff / LOWEST_CUTOFF) + KEY_TRACKING * (pitch - TRACKED_FROM) / 12
    cutoff += (velocity - 0.8) * 1.2
    if patch.lfo_octaves:
        cutoff += patch.lfo_octaves * np.sin(2 * np.pi * patch.lfo_rate * time + seed)
    row = np.clip(cutoff / CUTOFF_STEP, 0, CUTOFFS - 1.01)
    lower = row.astype(np.int32)
    blend = row - lower
    tables = _wavetables(patch.wave, pitch, patch.resonance)
    size = tables.shape[1]
    table, first = tables.reshape(-1), lower * np.int32(size)
    shift = np.uint32(32 - (size.bit_length() - 1))
    ratio = _pitch_ratio(patch, time)
    rng = np.random.default_rng(1000 * pitch + seed)
    note = silence(length)
    for voice in range(patch.unison):
        place = 2 * voice / (patch.unison - 1) - 1 if patch.unison > 1 else 0.0
        phase = _phase(frequency * 2 ** (place * patch.detune / 1200), ratio, length)
        if patch.unison > 1:  # free-running oscillators
            phase += np.uint32(rng.integers(0, 2**32))
        index = first + (phase >> shift).astype(np.int32)
        wave = table.take(index)
        index += np.int32(size)
        wave += (table.take(index) - wave) * blend
        angle = (place * patch.spread + 1) * np.pi / 4
        note[0] += wave * np.float32(np.cos(angle) * np.sqrt(2 / patch.unison))
        note[1] += wave * np.float32(np.sin(angle) * np.sqrt(2 / patch.unison))
    _add_sines(note, patch, pitch, frequency, ratio)
    if patch.noise:
        note += rng.standard_normal((2, length), dtype=np.float32) * np.float32(patch.noise)
    note *= _envelope(length, held, patch.attack, patch.decay, patch.sustain, patch.release)
    if patch.drive:
        note *= np.float32(patch.drive)
        np.tanh(note, out=note)
        note *= np.float32(0.9 / np.tanh(patch.drive))
    return note


def _add_sines(note: Audio, patch: Patch, pitch: int, frequency: float, ratio: Audio | None) -> None:
    """Add the plain tones below and above; where the octave below would be too low to hear, the note itself is doubled."""
    below = 1.0 if pitch < 40 else 0.5
    for level, octave in ((patch.octave, 2.0), (patch.sub, below)):
        if level:
            phase = _phase(frequency * octave, ratio, note.shape[1]).astype(np.float32)
            note += np.float32(level) * np.sin(phase * np.float32(2 * np.pi / PHASE))


def play(patch: Patch, notes: Sequence[Note], length: int, seed: int = 0) -> Audio:
    """Return `length` samples of `notes`. Those of like pitch, length and force are rendered once and laid down often."""
    alike: dict[tuple[int, float, int], list[Note]] = {}
    for note in notes:
        key = (round(note.pitch), round(note.duration * 50) / 50, int(note.velocity * VELOCITY_STEPS))
        alike.setdefault(key, []).append(note)
    samples = silence(length)
    for (pitch, held, step), group in alike.items():
        brightness = min(1.0, (step + 0.5) / (VELOCITY_STEPS - 1))
        sound = render_note(patch, pitch, max(0.04, held), brightness, seed)
        for note in group:
            lay(samples, int(note.start * SAMPLE_RATE), sound, note.velocity**1.3)
    return samples
