"""What a worker says of itself with each sign of life, for the metrics: time spent in each stage since it began, and its card."""

import sys
import threading
from collections import defaultdict

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
    torch = sys.modules.get("torch")  # a worker that composes sketches never loads it
    if torch is None or not torch.cuda.is_initialized():
        return {}
    free, total = torch.cuda.mem_get_info()
    return {"used": total - free, "total": total}
