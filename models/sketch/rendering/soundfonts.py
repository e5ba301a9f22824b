"""Soundfonts: where one is found, and how single instruments are taken out of it.

A General MIDI soundfont holds every instrument there is; decoded it fills half a gigabyte. A song needs six of them, so
each instrument is cut out into a small soundfont of its own before it is loaded. The format is that of the SoundFont
Technical Specification 2.04 (sf2), and sf3, where every sample is an Ogg Vorbis file.
"""

import importlib.util
import mmap
import struct
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Where Debian's package musescore-general-soundfont-small puts its soundfont, and where the uncompressed one belongs.
DEBIAN_SOUNDFONTS = (
    Path("/usr/share/sounds/sf3/MuseScore_General_Lite.sf3"),
    Path("/usr/share/sounds/sf2/MuseScore_General_Lite.sf2"),
)
DRUM_BANK = 128
INSTRUMENT, SAMPLE = 41, 53  # the generators that link a zone to what it plays
KEY_RANGE = 43  # the generator that holds a zone's lowest key and, in the high byte, its highest
COMPRESSED = 0x10
SILENCE_BETWEEN = bytes(92)  # 46 samples of silence between two samples, as the specification asks

PRESET = np.dtype(
    [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("library", "<u4"), ("genre", "<u4"),
     ("morphology", "<u4")]
)  # fmt: skip
BAG = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
GENERATOR = np.dtype([("operator", "<u2"), ("amount", "<u2")])
MODULATOR_SIZE = 10
TONE = np.dtype([("name", "S20"), ("bag", "<u2")])
HEADER = np.dtype(
    [("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"), ("loop_end", "<u4"), ("rate", "<u4"),
     ("pitch", "u1"), ("correction", "i1"), ("link", "<u2"), ("type", "<u2")]
)  # fmt: skip

Records = NDArray[np.void]


def find_soundfont(chosen: Path | None) -> Path:
    """Return the soundfont to play: the chosen one, else MuseScore General, else the small one in the pretty_midi wheel.

    Raises FileNotFoundError when the chosen one is missing, or when there is none at all.
    """
    if chosen is not None:
        if not chosen.is_file():
            raise FileNotFoundError(f"There is no soundfont at {chosen}.")
        return chosen
    wheel = importlib.util.find_spec("pretty_midi")  # only looked up: importing it takes a second
    bundled = [Path(wheel.origin).with_name("TimGM6mb.sf2")] if wheel and wheel.origin else []
    for path in (*DEBIAN_SOUNDFONTS, *bundled):
        if path.is_file():
            return path
    raise FileNotFoundError("There is no soundfont: neither MuseScore General nor the one of the pretty_midi wheel.")


def _read_chunks(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, first byte, byte after the last) of the RIFF chunks from `start` to `end`, lists opened up."""
    while start + 8 <= end:
        name, size = struct.unpack_from("<4sI", data, start)
        if name == b"LIST":
            yield from _read_chunks(data, start + 12, start + 8 + size)
        else:
            yield name, start + 8, start + 8 + size
        start += 8 + size
        # Chunks begin at even bytes, but some sf3 writers leave the padding out; no chunk's name begins with a zero.
        if size % 2 and start < end and data[start] == 0:
            start += 1


class Soundfont:
    """A soundfont file, read where it lies."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self._data[:4] != b"RIFF" or self._data[8:12] != b"sfbk":
            raise ValueError(f"{path} is not a soundfont.")
        self._chunks = {name: (start, end) for name, start, end in _read_chunks(self._data, 12, len(self._data))}
        self._presets, self._preset_bags = self._table(b"phdr", PRESET), self._table(b"pbag", BAG)
        self._preset_generators = self._table(b"pgen", GENERATOR)
        self._tones, self._tone_bags = self._table(b"inst", TONE), self._table(b"ibag", BAG)
        self._tone_generators = self._table(b"igen", GENERATOR)
        self._headers = self._table(b"shdr", HEADER)

    def _table(self, name: bytes, record: np.dtype[Any]) -> Records:
        start, end = self._chunks[name]
        return np.frombuffer(self._data, record, (end - start) // record.itemsize, start)

    def _find(self, bank: int, program: int) -> int:
        """Return the index of a preset: where a soundfont lacks it, the first one of the bank stands in."""
        presets = self._presets[:-1]
        of_bank = np.flatnonzero(presets["bank"] == bank)
        if not len(of_bank):
            raise ValueError(f"The soundfont has no bank {bank}.")
        exact = of_bank[presets["program"][of_bank] == program]
        return int(exact[0] if len(exact) else of_bank[np.argmin(presets["program"][of_bank])])

    def cut_out(self, bank: int, program: int, keys: Collection[int]) -> bytes:
        """Return a soundfont that holds only what one preset needs to play `keys`, as bank 0 and program 0.

        Raises ValueError when there is no such bank.
        """
        index = self._find(bank, program)
        preset = _Zones(self._preset_bags, self._preset_generators, INSTRUMENT, keys)
        preset.copy(self._presets["bag"][index], self._presets["bag"][index + 1])
        tones, tone_zones = [], _Zones(self._tone_bags, self._tone_generators, SAMPLE, keys)
        for tone in preset.links:
            tones.append((self._tones["name"][tone], len(tone_zones.bags)))
            tone_zones.copy(self._tones["bag"][tone], self._tones["bag"][tone + 1])
        headers, samples = self._copy_samples(list(tone_zones.links))
        name = self._presets["name"][index]
        presets = [(name, 0, 0, 0, 0, 0, 0), (b"EOP", 0, 0, len(preset.bags), 0, 0, 0)]
        tones.append((b"EOI", len(tone_zones.bags)))
        tables = (
            _chunk(b"phdr", np.array(presets, PRESET).tobytes()),
            _chunk(b"pbag", preset.bag_table()),
            _chunk(b"pmod", bytes(MODULATOR_SIZE)),
            _chunk(b"pgen", preset.generator_table()),
            _chunk(b"inst", np.array(tones, TONE).tobytes()),
            _chunk(b"ibag", tone_zones.bag_table()),
            _chunk(b"imod", bytes(MODULATOR_SIZE)),
            _chunk(b"igen", tone_zones.generator_table()),
            _chunk(b"shdr", headers),
        )
        version = _chunk(b"ifil", struct.pack("<HH", 2, 4))
        return _chunk(
            b"RIFF",
            b"sfbk"
            + _chunk(b"LIST", b"INFO" + version)
            + _chunk(b"LIST", b"sdta" + _chunk(b"smpl", samples))
            + _chunk(b"LIST", b"pdta" + b"".join(tables)),
        )

    def _copy_samples(self, wanted: list[int]) -> tuple[bytes, bytes]:
        """Return the headers and the data of the `wanted` samples, moved together."""
        first_byte = self._chunks[b"smpl"][0]
        headers, data = self._headers[[*wanted, len(self._headers) - 1]].copy(), bytearray()
        for header in headers[:-1]:
            start, end = int(header["start"]), int(header["end"])
            if header["type"] & COMPRESSED:  # offsets are bytes, and loops count from the sample's own start
                header["start"], header["end"] = len(data), len(data) + end - start
                data += self._data[first_byte + start : first_byte + end]
            else:
                moved = len(data) // 2 - start
                for edge in ("start", "end", "loop_start", "loop_end"):
                    header[edge] = int(header[edge]) + moved
                data += self._data[first_byte + 2 * start : first_byte + 2 * end] + SILENCE_BETWEEN
        # An even length: TinySoundFont does not skip the byte that would have to follow an odd one.
        return headers.tobytes(), bytes(data) + bytes(len(data) % 2)


class _Zones:
    """The zones of a soundfont that play `keys`, with what they link to renumbered in the order of first use.

    Modulators are left out: TinySoundFont does not read them.
    """

    def __init__(self, bags: Records, generators: Records, link: int, keys: Collection[int]) -> None:
        self._source_bags, self._source_generators, self._link = bags["generator"], generators, link
        self._keys = keys
        self.bags: list[int] = []
        self.links: dict[int, int] = {}
        self._generators: list[Records] = [generators[:0]]

    def copy(self, first: int, last: int) -> None:
        """Copy the zones from `first` up to `last`."""
        for bag in range(first, last):
            generators = self._source_generators[self._source_bags[bag] : self._source_bags[bag + 1]].copy()
            ranges = generators["amount"][generators["operator"] == KEY_RANGE]
            if len(ranges) and not any(ranges[0] & 255 <= key <= ranges[0] >> 8 for key in self._keys):
                continue
            self.bags.append(sum(map(len, self._generators)))
            for place in np.flatnonzero(generators["operator"] == self._link):
                amount = int(generators["amount"][place])
                generators["amount"][place] = self.links.setdefault(amount, len(self.links))
            self._generators.append(generators)

    def bag_table(self) -> bytes:
        """Return the table of zones, with the closing one that the format wants."""
        return np.array([(first, 0) for first in (*self.bags, sum(map(len, self._generators)))], BAG).tobytes()

    def generator_table(self) -> bytes:
        """Return the table of generators, with the closing one."""
        return np.concatenate([*self._generators, np.zeros(1, GENERATOR)]).tobytes()


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


@lru_cache(maxsize=2)
def open_soundfont(path: Path) -> Soundfont:
    """Return the soundfont at `path`; raises ValueError when it is not one."""
    return Soundfont(path)
