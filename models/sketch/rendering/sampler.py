"""Sampled instruments and kits: soundfont presets played by TinySoundFont."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tinysoundfont import _tinysoundfont as tinysoundfont

from models.sketch.rendering.audio import SAMPLE_RATE, Audio, silence
from models.sketch.rendering.soundfonts import DRUM_BANK, open_soundfont
from models.sketch.score import Note

MOST_VOICES = 160
SHORTEST_NOTE = 480  # samples, and the shortest time between two strokes of a key
CHANNELS = 16


def _load(soundfont: Path, bank: int, program: int, keys: set[int]) -> tinysoundfont.SoundFont:
    """Return a player with one preset. The compiled core is used as it is: the package's Synth also wants a sound card."""
    player = tinysoundfont.SoundFont(open_soundfont(soundfont).cut_out(bank, program, keys))
    player.set_output(tinysoundfont.OutputMode.StereoUnweaved, SAMPLE_RATE, 0.0)
    player.set_max_voices(MOST_VOICES)
    return player


class _Performance:
    """Sound that is rendered up to a moment, so that something can happen there."""

    def __init__(self, player: tinysoundfont.SoundFont, length: int) -> None:
        self._player = player
        self.samples = silence(length)
        self._position = 0

    def go_on_to(self, sample: int) -> None:
        """Render up to `sample`, or to the end where that comes first."""
        end = min(sample, self.samples.shape[1])
        if end > self._position:
            piece = np.zeros((2, end - self._position), np.float32)
            self._player.render(piece.reshape(-1).view(np.uint8))
            self.samples[:, self._position : end] = piece
            self._position = end


def play(soundfont: Path, program: int, notes: Sequence[Note], length: int) -> Audio:
    """Return `length` samples of `notes` (in seconds) on General MIDI `program`."""
    if not notes:
        return silence(length)
    player = _load(soundfont, 0, program, {round(note.pitch) for note in notes})
    player.channel_set_bank(0, 0)
    player.channel_set_preset_number(0, 0, False)
    events = []
    for start, end, key, velocity in _strokes(notes):
        events += [(start, True, key, velocity), (end, False, key, 0.0)]
    performance = _Performance(player, length)
    for sample, strikes, key, velocity in sorted(events):
        performance.go_on_to(sample)
        if strikes:
            player.channel_note_on(0, key, velocity)
        else:
            player.channel_note_off(0, key)
    performance.go_on_to(length)
    return performance.samples


def _strokes(notes: Sequence[Note]) -> list[tuple[int, int, int, float]]:
    """Return (first sample, last sample, key, velocity) of notes, so that every key is let go before it is struck again.

    Of notes that strike one key at the same moment only the first is played.
    """
    strokes: list[tuple[int, int, int, float]] = []
    latest: dict[int, int] = {}  # where each key's last stroke stands
    for note in sorted(notes, key=lambda note: (note.start, note.pitch, -note.velocity)):
        key, start = round(note.pitch), int(note.start * SAMPLE_RATE)
        end = max(start + SHORTEST_NOTE, int((note.start + note.duration) * SAMPLE_RATE))
        if key in latest:
            before = strokes[latest[key]]
            if start - before[0] < 2 * SHORTEST_NOTE:
                continue
            strokes[latest[key]] = (before[0], min(before[1], start - SHORTEST_NOTE), key, before[3])
        latest[key] = len(strokes)
        strokes.append((start, end, key, note.velocity))
    return strokes


def play_kit(
    soundfont: Path, program: int, strokes: Sequence[tuple[float, int, float]], gains: Mapping[int, float], length: int
) -> Audio:
    """Return `length` samples of a drum kit. Strokes are (seconds, key, velocity 0..1); `gains` is each key's level.

    All pieces sound in one pass, so that a closing hi-hat silences the open one.
    """
    player = _load(soundfont, DRUM_BANK, program, set(gains))
    channel_of_gain = {gain: index for index, gain in enumerate(sorted(set(gains.values()))[:CHANNELS])}
    for gain, channel in channel_of_gain.items():
        player.channel_set_bank(channel, 0)
        player.channel_set_preset_number(channel, 0, False)
        player.channel_set_volume(channel, gain)
    performance = _Performance(player, length)
    for start, key, velocity in sorted(strokes):
        performance.go_on_to(int(start * SAMPLE_RATE))
        player.channel_note_on(channel_of_gain[gains[key]], key, velocity)
    performance.go_on_to(length)
    return performance.samples
