"""The fx stem: risers, downlifters, impacts and reversed cymbals between the sections, and the noise of an old record."""

import numpy as np

from models.sketch.arrangement import Arrangement
from models.sketch.rendering.audio import SAMPLE_RATE, Audio, lay, silence
from models.sketch.rendering.colour import tape_noise
from models.sketch.rendering.drum_machines import one_shot
from models.sketch.rendering.filters import apply_filters, bandpass, lowpass
from models.sketch.score import Transition
from models.sketch.theory import rng_for

SWEEP_BANDS = (300, 700, 1600, 3600, 8000)
IMPACT_SECONDS = 2.4
FX_LEVEL = 0.22


def render_fx(song: Arrangement, length: int) -> Audio:
    """Return the sweeps and hits of the song's transitions, at their level in the mix, and its tape noise."""
    samples = silence(length)
    rng = rng_for(song.style.seed, "fx")
    for transition in song.transitions:
        start, end = song.seconds([transition.beat, transition.beat + transition.length]) * SAMPLE_RATE
        piece = _render_transition(transition, int(end - start), rng)
        late = int(end) - piece.shape[1] if transition.kind == "reverse" else int(start)
        lay(samples, late, piece, FX_LEVEL)
    if song.style.genre.sound.lofi:
        noise = tape_noise(length, song.style.seed)
        noise *= np.float32(song.style.genre.sound.lofi)
        samples += noise
    return samples


def _render_transition(transition: Transition, length: int, rng: np.random.Generator) -> Audio:
    if transition.kind == "riser":
        return _riser(length, rng)
    if transition.kind == "down":
        return _downlifter(length, rng)
    if transition.kind == "impact":
        return _impact(rng)
    cymbal = one_shot("909", "X", 0.0)
    assert cymbal is not None
    backwards = cymbal[::-1][-length:]
    return np.stack([backwards, np.roll(backwards, 37)]) * np.float32(0.35)


def _hiss(length: int, rng: np.random.Generator) -> Audio:
    return rng.standard_normal((2, length), dtype=np.float32)


def _riser(length: int, rng: np.random.Generator) -> Audio:
    """Noise that climbs through the bands, and a tone that climbs two octaves."""
    time = np.linspace(0, 1, length)
    noise = _hiss(length, rng)
    place = time * (len(SWEEP_BANDS) - 1)
    piece = silence(length)
    for index, low in enumerate(SWEEP_BANDS):
        band = apply_filters(noise.copy(), bandpass(low, low * 2.2))
        piece += band * np.clip(1 - np.abs(place - index), 0, 1).astype(np.float32)
    piece *= (time**1.8 * 0.5).astype(np.float32)
    tone = np.sin(2 * np.pi * np.cumsum(220 * 2 ** (time * 2.2)) / SAMPLE_RATE)
    return piece + (0.05 * tone * time**2).astype(np.float32)


def _downlifter(length: int, rng: np.random.Generator) -> Audio:
    """Noise that falls away, its treble first."""
    time = np.linspace(0, 1, length)
    noise = _hiss(length, rng)
    high = apply_filters(noise.copy(), bandpass(1200, 9000)) * np.exp(-time * 5).astype(np.float32)
    low = apply_filters(noise, bandpass(300, 1500)) * np.exp(-time * 3).astype(np.float32)
    return (high + low) * np.float32(0.35)


def _impact(rng: np.random.Generator) -> Audio:
    """A deep thud with a burst of noise."""
    time = np.arange(int(IMPACT_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    thud = np.sin(2 * np.pi * np.cumsum(38 + 60 * np.exp(-time / 0.08)) / SAMPLE_RATE) * np.exp(-time / 0.5) * 0.8
    burst = apply_filters(_hiss(len(time), rng), lowpass(2500)) * (np.exp(-time / 0.25) * 0.25).astype(np.float32)
    return thud.astype(np.float32) + burst
