"""The graphics card, asked through the driver's own library: there is nothing to install for it, and no CUDA is started."""

import ctypes
from dataclasses import dataclass

# CUDA 13.0, which our torch is built for, needs this line of drivers or a newer one.
OLDEST_DRIVER = 580
_NAME_LENGTH = 96


@dataclass(frozen=True)
class Card:
    """One card; memory in bytes."""

    name: str
    driver: str
    memory: int
    free: int
    busy: float | None = None
    """For what share of the last moments it computed, 0 to 1; None for one that does not say so, as a slice of a card."""

    @property
    def is_driver_too_old(self) -> bool:
        """Whether our torch cannot work with the driver."""
        return int(self.driver.split(".")[0]) < OLDEST_DRIVER


class _Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]


class _Utilization(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint) for name in ("gpu", "memory")]  # in percent


def find_cards() -> list[Card]:
    """Return the NVIDIA cards of this machine; none where there is no driver, or none that answers."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    if nvml.nvmlInit_v2():
        return []
    try:
        count = ctypes.c_uint()
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            return []
        return [card for index in range(count.value) if (card := _card(nvml, index))]
    finally:
        nvml.nvmlShutdown()


def busy_shares() -> list[float]:
    """Return for each card of this machine for what share of the last moments it computed, 0 to 1; nothing where none says so."""
    return [share for card in find_cards() if (share := card.busy) is not None]


def _card(nvml: ctypes.CDLL, index: int) -> Card | None:
    handle, memory = ctypes.c_void_p(), _Memory()
    name, driver = (ctypes.create_string_buffer(_NAME_LENGTH) for _ in range(2))
    failed = (
        nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle))
        or nvml.nvmlDeviceGetName(handle, name, _NAME_LENGTH)
        or nvml.nvmlSystemGetDriverVersion(driver, _NAME_LENGTH)
        or nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory))
    )
    if failed:
        return None
    found = _Utilization()
    is_said = nvml.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(found)) == 0
    busy = found.gpu / 100 if is_said else None
    return Card(name.value.decode(), driver.value.decode(), memory.total, memory.free, busy)
