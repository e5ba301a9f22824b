"""Putting new music into an old song: what lies outside the window stays as it was, sample by sample."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

# Long enough that no edge clicks, short enough that no beat is heard twice.
FADE = 0.05


def splice(source: Samples, made: Samples, start: int, end: int, fade: int) -> Samples:
    """Return `source` with samples `start` to `end` from `made`; both float32 `[2, samples]`, `made` as long as the result.

    The old sound is faded into the new inside the window, over `fade` samples at constant power, except where the window
    reaches an end of the song. Before `start` and from `end` on, the result equals `source` bit for bit.
    """
    result = made.copy()
    kept = min(start, source.shape[1])
    result[:, :kept] = source[:, :kept]
    if end < source.shape[1]:
        result[:, end : source.shape[1]] = source[:, end:]
    fade = min(fade, (end - start) // 2)
    rising = np.sin(np.linspace(0, np.pi / 2, fade, endpoint=False, dtype=np.float32))
    falling = np.cos(np.linspace(0, np.pi / 2, fade, endpoint=False, dtype=np.float32))
    if start > 0:
        into = min(fade, source.shape[1] - start)
        old = source[:, start : start + into]
        result[:, start : start + into] = old * falling[:into] + made[:, start : start + into] * rising[:into]
    if end < made.shape[1]:
        old = source[:, end - fade : end]
        result[:, end - fade : end] = made[:, end - fade : end] * falling + old * rising
    return result
