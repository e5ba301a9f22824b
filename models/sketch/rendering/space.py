"""Room and width: reverb, tempo echo, chorus, and how far a signal spreads."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from models.sketch.rendering.audio import BLOCK, SAMPLE_RATE, Audio, lay
from models.sketch.rendering.dynamics import Curve, apply_curve
from models.sketch.rendering.filters import apply_filters, bandpass, highpass, lowpass

# Edges of the bands of a room (Hz), and how long each rings compared with the middle: air swallows the treble first.
ROOM_BANDS = (180, 500, 1500, 4000, 9000, 16000)
ROOM_DECAYS = (1.15, 1.1, 1.0, 0.75, 0.45)
EARLY_REFLECTIONS = 9
DRY_BELOW = 220.0


@lru_cache(maxsize=4)
def room_response(seconds: float, predelay: float, dark: float, seed: int) -> Audio:
    """Return the `[2, samples]` impulse response of a room that rings for `seconds` (RT60), of unit energy.

    Early reflections, then noise whose bands fade at their own pace; `dark` is the corner of a gentle low-pass in Hz.
    Bass stays dry, or it would turn to mud.
    """
    rng = np.random.default_rng(seed)
    length = int(SAMPLE_RATE * (seconds * 1.15 + predelay))
    delay = int(predelay * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    build_up = np.clip(time / 0.012, 0, 1) ** 1.5
    response = np.zeros((2, length), np.float32)
    for channel in response:
        noise = rng.standard_normal(length)
        tail = np.zeros(length)
        for low, high, decay in zip(ROOM_BANDS, ROOM_BANDS[1:], ROOM_DECAYS, strict=False):
            tail += signal.sosfilt(bandpass(low, high), noise) * np.exp(-6.9 * time / (seconds * decay))
        tail = signal.sosfilt(lowpass(dark, 1), tail) * build_up
        for index in range(EARLY_REFLECTIONS):
            place = int((0.004 + 0.045 * rng.random() ** 1.3) * SAMPLE_RATE)
            tail[place] += (0.9 - 0.08 * index) * rng.choice([-1, 1]) * 6
        channel[delay:] = tail[: length - delay]
    response /= np.float32(np.sqrt(np.square(response).sum(axis=1)).mean())
    return apply_filters(response, highpass(DRY_BELOW))


def convolve_into(target: Audio, source: Audio, response: Audio, gain: float) -> None:
    """Add `source` convolved with `response` (both `[channels, samples]`), times `gain`, to `target`.

    Overlap-add over blocks, from the last to the first, so that `target` may be `source`: what a block adds lies in places
    that are read already.
    """
    taps = response.shape[-1]
    size = fft.next_fast_len(max(BLOCK, 4 * taps), real=True)
    stride = size - taps + 1
    spectrum = fft.rfft(response * np.float32(gain), size)
    for start in reversed(range(0, source.shape[-1], stride)):
        block = source[:, start : start + stride]
        if not block.any():
            continue
        wet = fft.irfft(fft.rfft(block, size) * spectrum, size)
        part = target[:, start : start + size]
        part += wet[:, : part.shape[-1]]


def add_room(
    samples: Audio, seconds: float, level: float, predelay: float = 0.022, dark: float = 5200.0, seed: int = 7
) -> Audio:
    """Put `samples` into a room, in place, and return them: `level` is the room's share, 0 leaves them dry."""
    if level > 0:
        convolve_into(samples, samples, room_response(round(seconds, 2), predelay, dark, seed), level)
    return samples


def add_echo(
    samples: Audio,
    seconds: float,
    level: float,
    feedback: float = 0.42,
    repeats: int = 5,
    dark: float = 4500.0,
    send: Curve | None = None,
) -> Audio:
    """Add a ping-pong echo every `seconds` to `samples` in place and return them; later repeats are darker.

    `send` is how much of each moment is echoed; without it everything is.
    """
    delay = int(seconds * SAMPLE_RATE)
    source = apply_filters(samples.mean(axis=0), highpass(250, 1), lowpass(dark, 1))
    if send is not None:
        apply_curve(source, send)
    for repeat in range(1, repeats + 1):
        if repeat * delay >= samples.shape[-1] or level < 0.01:
            break
        # Far to one side and then to the other, with a trace left on the opposite one.
        gains = np.array([[1.19], [0.14]] if repeat % 2 else [[0.14], [1.19]], np.float32) * np.float32(level)
        for start in range(0, samples.shape[-1] - repeat * delay, BLOCK):
            lay(samples, start + repeat * delay, source[start : start + BLOCK], gains)
        level *= feedback
        if repeat in (1, 3):
            apply_filters(source, lowpass(dark * 0.7**repeat, 1))
    return samples


def read_at(samples: Audio, positions: NDArray[np.float64]) -> Audio:
    """Return mono `samples` at fractional `positions` (in samples, ascending or not), on straight lines between them."""
    positions = np.clip(positions, 0, len(samples) - 1.001)
    whole = positions.astype(np.int64)
    part = (positions - whole).astype(np.float32)
    left = samples[whole]
    return left + (samples[whole + 1] - left) * part


def add_chorus(samples: Audio, rate: float, depth: float, delay: float, mix: float) -> Audio:
    """Thicken `samples` in place and return them: a copy `delay` ± `depth` milliseconds late, swaying `rate` times a second.

    The channels sway a quarter of a turn apart. Blocks run from the end to the start, so that what is read is still dry.
    """
    reach = int((delay + depth) * SAMPLE_RATE / 1000) + 4
    length = samples.shape[-1]
    for start in reversed(range(0, length, BLOCK)):
        end = min(length, start + BLOCK)
        first = max(0, start - reach)
        time = np.arange(start, end)
        for channel, phase in zip(samples, (0.0, np.pi / 2), strict=True):
            sway = np.sin(2 * np.pi * rate / SAMPLE_RATE * time + phase)
            late = read_at(channel[first:end], time - first - SAMPLE_RATE / 1000 * (delay + depth * sway))
            channel[start:end] *= np.float32(1 - mix * 0.5)
            channel[start:end] += late * np.float32(mix)
    return samples


def spread(samples: Audio, width: float, mono_below: float) -> Audio:
    """Scale the side signal by `width` and take it out below `mono_below` Hz, in place; return `samples`.

    A centred low end is louder on every system, and the only one that a record could hold.
    """
    side = samples[0] - samples[1]
    side *= np.float32(0.5)
    samples[0] -= side  # now the middle
    apply_filters(side, highpass(mono_below))
    side *= np.float32(width)
    np.subtract(samples[0], side, out=samples[1])
    samples[0] += side
    return samples
