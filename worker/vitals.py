"""What a worker says of itself with each sign of life, for the metrics: time spent in each stage since it began, and its card."""

import sys
import threading
from collections import defaultdict

from appliance.box.graphics import busy_shares

_lock = threading.Lock()
_times: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))


def note(stage: str, seconds: float) -> None:
    """Count that a song left `stage` after so many seconds in it."""
    with _lock:
        count, total = _times[stage]
        _times[stage] = (count + 1, total + seconds)


def stage_times() -> dict[str, tuple[int, float]]:
    """Return for each stage how many songs left it and how many seconds they spent in it."""
    with _lock:
        return {stage: (count, round(total, 3)) for stage, (count, total) in _times.items()}


def gpu_memory() -> dict[str, int]:
    """Return how many bytes of the card are used, by anybody, and how many there are; nothing where no card is in use."""
    if not _has_card():
        return {}
    free, total = sys.modules["torch"].cuda.mem_get_info()
    return {"used": total - free, "total": total}


def gpu_busy() -> list[float]:
    """Return for what share of the last moments each card of this machine computed; nothing where no card is in use."""
    return busy_shares() if _has_card() else []


def _has_card() -> bool:
    torch = sys.modules.get("torch")  # a worker that composes sketches never loads it
    return torch is not None and bool(torch.cuda.is_initialized())
