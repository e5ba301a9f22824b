"""Sampled instruments and kits: soundfont presets played by TinySoundFont."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tinysoundfont import _tinysoundfont as tinysoundfont

from models.sketch.rendering.audio import SAMPLE_RATE, Audio, silence
from models.sketch.rendering.soundfonts import DRUM_BANK, open_soundfont
from models.sketch.score import Note

MOST_VOICES = 160
SHORTEST_NOTE = 480
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
    """Return `length` samples of `notes` (in seconds) on General MIDI `program`; a struck key that is held is let go first."""
    if not notes:
        return silence(length)
    player = _load(soundfont, 0, program, {round(note.pitch) for note in notes})
    player.channel_set_bank(0, 0)
    player.channel_set_preset_number(0, 0, False)
    events: list[tuple[int, bool, int, float]] = []
    released: dict[int, int] = {}  # where the last note-off of a key stands in `events`
    for note in sorted(notes, key=lambda note: (note.start, note.pitch)):
        key, start = round(note.pitch), int(note.start * SAMPLE_RATE)
        if key in released and events[released[key]][0] > start - SHORTEST_NOTE:
            events[released[key]] = (max(0, start - SHORTEST_NOTE), False, key, 0.0)
        end = max(start + SHORTEST_NOTE, int((note.start + note.duration) * SAMPLE_RATE))
        events.append((start, True, key, note.velocity))
        released[key] = len(events)
        events.append((end, False, key, 0.0))
    performance = _Performance(player, length)
    for sample, strikes, key, velocity in sorted(events):
        performance.go_on_to(sample)
        if strikes:
            player.channel_note_on(0, key, velocity)
        else:
            player.channel_note_off(0, key)
    performance.go_on_to(length)
    return performance.samples


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
