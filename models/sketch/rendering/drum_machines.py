"""Drum machines: strokes made of sines, noise and envelopes, as the classic boxes make them."""

import tomllib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from models.sketch.rendering.audio import SAMPLE_RATE, Audio
from models.sketch.rendering.filters import Sections, bandpass, highpass, lowpass

TABLE = Path(__file__).with_name("drum_machines.toml")
# Six square waves that ring like no string does: the cymbals of the TR-808, and those of a crash.
HAT_PARTIALS = (2050, 3030, 3690, 5230, 5410, 8000)
CYMBAL_PARTIALS = (1423, 2150, 3120, 4211, 5333, 6877, 7911)
LOWEST_KICK, HIGHEST_KICK, USUAL_KICK = 38.5, 59.0, 50.0

Stroke = NDArray[np.float64]


def _time(length: float) -> Stroke:
    return np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE


def _noise(length: int, seed: int) -> Stroke:
    return np.random.default_rng(seed).standard_normal(length)


def _filtered(samples: Stroke, sections: Sections) -> Stroke:
    return np.asarray(signal.sosfilt(sections, samples))


def _sine(frequency: Stroke) -> Stroke:
    """Return a sine whose frequency follows `frequency`, sample by sample."""
    return np.asarray(np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE))


def _squares(partials: tuple[int, ...], tone: float, time: Stroke) -> Stroke:
    waves = [np.sign(np.sin(2 * np.pi * partial * tone * time + partial)) for partial in partials]
    return np.asarray(np.mean(waves, axis=0))


def _kick(
    frequency: float = USUAL_KICK,
    start: float = 180,
    sweep: float = 0.035,
    decay: float = 0.28,
    click: float = 0.25,
    drive: float = 1.5,
    length: float = 0.6,
) -> Stroke:
    """A sine that falls from `start` to `frequency`, with a click in front."""
    time = _time(length)
    pitch = frequency + (start - frequency) * np.exp(-time / sweep) + 900 * np.exp(-time / 0.0025)
    stroke = _sine(pitch) * np.exp(-time / decay * 1.15) * np.clip(time / 0.0012, 0, 1)
    stroke += click * _filtered(_noise(len(time), 1), bandpass(1500, 6000)) * np.exp(-time / 0.004)
    return np.asarray(np.tanh(stroke * drive) * np.clip((length - time) / 0.03, 0, 1))


def _snare(
    tone: float = 190,
    decay: float = 0.14,
    noise_decay: float = 0.16,
    highest: float = 7000,
    noise: float = 0.7,
    snap: float = 1.0,
    length: float = 0.5,
) -> Stroke:
    """Two modes of a skin under the noise of the wires; `snap` is the crack of the stick."""
    time = _time(length)
    pitch = tone * (1 + 0.6 * np.exp(-time / 0.012))
    skin = _sine(pitch) * np.exp(-time / decay) + 0.5 * _sine(pitch * 1.72) * np.exp(-time / decay * 1.4)
    wires = _filtered(_noise(len(time), 2), bandpass(900, highest)) * np.exp(-time / noise_decay)
    wires += snap * 0.6 * _filtered(_noise(len(time), 3), highpass(3500)) * np.exp(-time / 0.012)
    stroke = np.tanh(1.5 * ((1 - noise) * skin + noise * wires))
    return np.asarray(stroke * np.clip((length - time) / 0.05, 0, 1))


def _clap(decay: float = 0.14, lowest: float = 900, highest: float = 4800, length: float = 0.45) -> Stroke:
    """Three pairs of hands that almost meet, then the room."""
    time = _time(length)
    level = np.zeros(len(time))
    for late in (0.0, 0.011, 0.021):
        level += np.where(time >= late, np.exp(-np.maximum(time - late, 0) / 0.006), 0) * 0.8
    level += np.where(time >= 0.03, np.exp(-np.maximum(time - 0.03, 0) / decay), 0)
    hands = _filtered(_noise(len(time), 4), bandpass(lowest, highest))
    return hands * level * np.clip((length - time) / 0.05, 0, 1)


def _hat(
    decay: float = 0.035, tone: float = 1.0, metal: float = 0.5, lowest: float = 7000, length: float = 0.0
) -> Stroke:
    """Metal and noise above `lowest`."""
    length = length or min(1.2, decay * 7 + 0.03)
    time = _time(length)
    ring = metal * _squares(HAT_PARTIALS, tone, time) + (1 - metal) * _noise(len(time), 5)
    return _filtered(ring, highpass(lowest, 3)) * np.exp(-time / decay) * np.clip((length - time) / 0.02, 0, 1)


def _cymbal(decay: float = 1.1, length: float = 2.6, lowest: float = 3800) -> Stroke:
    """A crash or a ride."""
    time = _time(length)
    ring = _filtered(0.25 * _squares(CYMBAL_PARTIALS, 1.0, time) + 0.8 * _noise(len(time), 8), highpass(lowest))
    return ring * (np.exp(-time / decay) * 0.8 + 0.5 * np.exp(-time / 0.08)) * np.clip((length - time) / 0.2, 0, 1)


def _tom(frequency: float, decay: float = 0.25, length: float = 0.6) -> Stroke:
    time = _time(length)
    skin = _sine(frequency * (1 + 0.5 * np.exp(-time / 0.04))) * np.exp(-time / decay)
    stick = 0.08 * _filtered(_noise(len(time), 6), bandpass(400, 3000)) * np.exp(-time / 0.03)
    return (skin + stick) * np.clip((length - time) / 0.05, 0, 1)


def _conga(frequency: float, decay: float = 0.14) -> Stroke:
    time = _time(0.4)
    skin = _sine(frequency * (1 + 0.15 * np.exp(-time / 0.02))) * np.exp(-time / decay)
    hand = 0.2 * _filtered(_noise(len(time), 13), bandpass(800, 4000)) * np.exp(-time / 0.01)
    return (skin + hand) * np.clip((0.4 - time) / 0.05, 0, 1)


def _shaker(decay: float = 0.05) -> Stroke:
    time = _time(0.2)
    return _filtered(_noise(len(time), 9), bandpass(5000, 12000)) * np.clip(time / 0.02, 0, 1) * np.exp(-time / decay)


def _rim(frequency: float = 1700) -> Stroke:
    time = _time(0.12)
    wood = np.sin(2 * np.pi * frequency * time) + 0.6 * np.sin(2 * np.pi * frequency * 0.47 * time)
    edge = 0.3 * _filtered(_noise(len(time), 10), bandpass(2000, 8000)) * np.exp(-time / 0.008)
    return np.asarray(wood * np.exp(-time / 0.012) + edge)


def _cowbell() -> Stroke:
    time = _time(0.35)
    ring = np.sign(np.sin(2 * np.pi * 540 * time)) + np.sign(np.sin(2 * np.pi * 800 * time))
    return _filtered(ring, bandpass(500, 3500)) * (0.6 * np.exp(-time / 0.02) + 0.4 * np.exp(-time / 0.12))


def _snap() -> Stroke:
    time = _time(0.25)
    return _filtered(_noise(len(time), 12), bandpass(1400, 5200)) * (
        np.exp(-time / 0.008) + 0.25 * np.exp(-time / 0.06)
    )


def _chip_kick() -> Stroke:
    time = _time(0.14)
    return np.sign(_sine(45 + 260 * np.exp(-time / 0.03))) * np.exp(-time / 0.063) * np.clip((0.14 - time) / 0.01, 0, 1)


def _chip_noise(length: float, hold: int) -> Stroke:
    time = _time(length)
    bits = np.random.default_rng(3).choice([-1.0, 1.0], len(time) // hold + 1)
    noise = np.repeat(bits, hold)[: len(time)]
    return np.asarray(noise * np.exp(-time / (length * 0.45)) * np.clip((length - time) / 0.01, 0, 1))


VOICES: dict[str, Callable[..., Stroke]] = {
    "kick": _kick, "snare": _snare, "clap": _clap, "hat": _hat, "cymbal": _cymbal, "tom": _tom, "conga": _conga,
    "shaker": _shaker, "rim": _rim, "cowbell": _cowbell, "snap": _snap, "chip_kick": _chip_kick,
    "chip_noise": _chip_noise,
}  # fmt: skip


@lru_cache(maxsize=1)
def _machines() -> dict[str, dict[str, dict[str, Any]]]:
    tables = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: {**tables["default"], **pieces} for name, pieces in tables.items()}


def _layer(voice: str, level: float = 1.0, lowpass_at: float = 0.0, **numbers: float) -> Stroke:
    stroke = VOICES[voice](**numbers)
    stroke = stroke / np.abs(stroke).max() * level
    return _filtered(stroke, lowpass(lowpass_at)) if lowpass_at else stroke


@lru_cache(maxsize=64)
def one_shot(machine: str, piece: str, kick_frequency: float) -> Audio | None:
    """Return one stroke of a piece of `machine`, mono, its peak at 1.0; None where the machine has no such piece.

    Raises KeyError for an unknown machine.
    """
    entry = _machines()[machine].get(piece)
    if entry is None:
        return None
    if entry.get("voice") == "kick":
        entry = {"frequency": kick_frequency, **entry}
    layers = [{**layer} for layer in entry.get("layers", (entry,))]
    strokes = [_layer(lowpass_at=layer.pop("lowpass", 0.0), **layer) for layer in layers]
    whole = np.zeros(max(map(len, strokes)))
    for stroke in strokes:
        whole[: len(stroke)] += stroke
    return np.asarray(whole / np.abs(whole).max(), np.float32)


def kick_frequency(tonic: int) -> float:
    """Return a kick drum's frequency in the key of a pitch class: the tonic, else its fifth, where a kick is at home."""
    for pitch_class in (tonic, tonic + 7):
        frequency = float(440 * 2 ** ((27 + (pitch_class - 27) % 12 - 69) / 12))
        if LOWEST_KICK <= frequency <= HIGHEST_KICK:
            return frequency
    return USUAL_KICK
