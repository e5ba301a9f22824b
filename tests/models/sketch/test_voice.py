"""What the sketch engine's voice sounds like: in tune, in time, even, clean at the edges, and the same every time."""

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import pyworld
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfiltfilt

from models.sketch.score import Note, Singer, SungLine
from models.sketch.voice import sing
from models.sketch.voice.speech import _remembered

ROOT = Path(__file__).resolve().parents[3]
RATE = 48000


def line(text: str, pitches: tuple[float, ...], start: float = 0.5, step: float = 0.4, **changes: object) -> SungLine:
    """A line of one-syllable words on even notes."""
    notes = tuple(Note(start + index * step, step * 0.97, pitch, 0.7) for index, pitch in enumerate(pitches))
    syllables = tuple((index, 0.8) for index in range(len(pitches)))
    return dataclasses.replace(SungLine(text, notes, syllables, tune=text), **changes)  # type: ignore[arg-type]


def hertz(pitch: float) -> float:
    return 440 * 2 ** ((pitch - 69) / 12)


def pitch_errors(stem: NDArray[np.float32], notes: tuple[Note, ...]) -> NDArray[np.float64]:
    """How many cents each voiced note is off, measured over its vowel."""
    samples = resample_poly(stem.mean(axis=0).astype(np.float64), 1, 2)
    rough, times = pyworld.dio(samples, 24000, f0_floor=60, f0_ceil=1000, frame_period=5.0)
    found = pyworld.stonemask(samples, rough, times, 24000)
    errors = []
    for note in notes:
        within = (times > note.start + 0.1 * note.duration) & (times < note.start + 0.5 * note.duration) & (found > 0)
        if within.sum() > 2:
            errors.append(1200 * np.log2(np.median(found[within]) / hertz(note.pitch)))
    assert len(errors) >= 0.8 * len(notes)
    return np.asarray(np.abs(errors), dtype=np.float64)


def power_at(stem: NDArray[np.float32], frequency: float, start: float, end: float) -> float:
    """The power within 3 % of a frequency, in decibels."""
    part = stem.mean(axis=0)[round(start * RATE) : round(end * RATE)].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    frequencies = np.fft.rfftfreq(len(part), 1 / RATE)
    return float(10 * np.log10(spectrum[np.abs(frequencies / frequency - 1) < 0.03].max() + 1e-20))


TUNE = (62.0, 64.0, 66.0, 69.0, 67.0, 64.0, 62.0)
SEVEN = "now we all run home late dear"


@pytest.mark.parametrize(("register", "octave"), [("female", 0), ("male", -12)])
def test_the_voice_follows_the_notes(register: Singer, octave: int) -> None:
    sung = line(SEVEN, tuple(pitch + octave for pitch in TUNE), register=register)
    stem = sing([sung], 4.5, "en", "robot", 1)
    assert np.median(pitch_errors(stem, sung.syllable_notes)) < 30


def test_every_syllable_begins_on_its_note() -> None:
    sung = line("top cat sat back tick tock pack", TUNE)
    mono = sing([sung], 4.5, "en", "robot", 1).mean(axis=0)
    # The consonants before the vowels are voiceless, so power around the first formant rises where a vowel begins.
    vowels = sosfiltfilt(butter(4, (150, 900), "bandpass", fs=RATE, output="sos"), mono)
    level = np.sqrt(np.convolve(vowels**2, np.ones(480) / 480, "same"))
    late = []
    for note in sung.syllable_notes:
        begin = round((note.start - 0.15) * RATE)
        around = level[begin : round((note.start + 0.2) * RATE)]
        quietest = int(np.argmin(around[: round(0.2 * RATE)]))
        rises = quietest + int(np.argmax(around[quietest:] > 0.4 * around.max()))
        late.append(rises / RATE - 0.15)
    assert np.abs(late).max() < 0.04, late


def test_words_are_told_apart_by_their_vowels() -> None:
    def formants(word: str, seed: int) -> NDArray[np.float64]:
        sung = line(word, (57.0,), step=1.0, register="male")
        mono = sing([sung], 2.0, "en", "robot", seed).mean(axis=0)
        powers = np.abs(np.fft.rfft(mono[round(0.7 * RATE) : round(1.2 * RATE)].astype(np.float64))) ** 2
        bands = [
            powers[low // 2 : high // 2].sum()
            for low, high in zip(range(200, 3800, 300), range(500, 4100, 300), strict=True)
        ]
        return np.asarray(10 * np.log10(np.array(bands) / sum(bands)), dtype=np.float64)

    see, saw, again = formants("see", 1), formants("saw", 1), formants("see", 2)
    assert np.abs(see - saw).mean() > 3 * np.abs(see - again).mean()
    # "ee" has its second formant above 2 kHz and a hole at 1 kHz, "aw" the other way round.
    assert see[6:9].max() - see[2:4].max() > 6
    assert saw[2:4].max() - saw[6:9].max() > 6


def test_nothing_sounds_where_nobody_sings_and_nothing_clicks_or_clips() -> None:
    first = line("now we all run", TUNE[:4])
    second = line("home late my dear", TUNE[3:], start=4.0)
    stem = sing([first, second], 6.5, "en", "robot", 1)
    assert stem.shape == (2, 6.5 * RATE)
    assert stem.dtype == np.float32
    assert 0.05 < np.abs(stem).max() < 0.9
    assert not stem[:, : round(0.2 * RATE)].any()
    assert not stem[:, round(2.6 * RATE) : round(3.6 * RATE)].any()
    sounding = np.flatnonzero(stem[0])
    edges = np.concatenate(
        [
            sounding[:1],
            sounding[-1:],
            *np.split(sounding, np.flatnonzero(np.diff(sounding) > RATE // 2) + 1)[1][:1, None],
        ]
    )
    assert np.abs(stem[0, edges]).max() < 1e-3
    # A click has power above what the 22 kHz source can have.
    above = sosfiltfilt(butter(8, 14000, "highpass", fs=RATE, output="sos"), stem[0])
    assert np.abs(above).max() < 0.01


def test_a_rest_inside_a_line_is_silent() -> None:
    sung = line("now we all run", TUNE[:4])
    notes = sung.syllable_notes[:2] + tuple(
        dataclasses.replace(note, start=note.start + 1) for note in sung.syllable_notes[2:]
    )
    stem = sing([dataclasses.replace(sung, syllable_notes=notes)], 4, "en", "robot", 1)
    loud = np.abs(stem).max()
    assert np.abs(stem[:, round(1.55 * RATE) : round(1.95 * RATE)]).max() < 0.01 * loud
    assert np.abs(stem[:, round(2.3 * RATE) : round(2.6 * RATE)]).max() > 0.3 * loud


def test_lines_of_equal_energy_are_equally_loud() -> None:
    lines = [
        line("six sharp ships sailed", TUNE[:4]),
        line("oh why are you", (69.0, 71.0, 69.0, 66.0), start=3),
        line("a mellow moon", (59.0, 57.0, 57.0, 59.0), start=5.5, syllables=((0, 0.2), (1, 1.0), (1, 0.2), (2, 0.8))),
    ]
    stem = sing(lines, 8, "en", "robot", 1)
    meter = pyloudnorm.Meter(RATE)
    parts = [stem[:, round((at - 0.4) * RATE) : round((at + 2) * RATE)] for at in (0.5, 3, 5.5)]
    loudness = [meter.integrated_loudness(part.T) for part in parts]
    assert max(loudness) - min(loudness) < 1.0, loudness


def test_hisses_are_held_down() -> None:
    stem = sing([line("cease fish chess sash", TUNE[:4])], 3, "en", "robot", 1)
    hissing = sosfiltfilt(butter(4, 4500, "highpass", fs=RATE, output="sos"), stem)
    loudest = [np.convolve(part[0] ** 2, np.ones(2400) / 2400, "same").max() for part in (stem, hissing)]
    # eSpeak's own "s" is 5.5 dB below its vowels here.
    assert -20 < 10 * np.log10(loudest[1] / loudest[0]) < -9.5


def test_a_chorus_is_wider_and_has_its_second_voice() -> None:
    verse = line(SEVEN, TUNE)
    harmony = tuple(dataclasses.replace(note, pitch=note.pitch - 5) for note in verse.syllable_notes)
    chorus = dataclasses.replace(verse, kind="chorus", harmony=harmony)
    alone, together = (sing([sung], 4.5, "en", "robot", 1) for sung in (verse, chorus))
    third = verse.syllable_notes[2]
    gains = [
        power_at(stem, hertz(third.pitch - 5), third.start, third.start + 0.3)
        - power_at(stem, hertz(third.pitch), third.start, third.start + 0.3)
        for stem in (alone, together)
    ]
    assert gains[1] > gains[0] + 10
    assert np.array_equal(alone[0], alone[1])
    assert np.abs(together[0] - together[1]).max() > 0.05
    assert np.median(pitch_errors(alone, verse.syllable_notes)) < 30


def test_a_choir_sings_what_a_soloist_would() -> None:
    sung = line(SEVEN, TUNE)
    choir, soloist = (sing([sung], 4.5, "en", voice, 1) for voice in ("choir", "robot"))
    assert not np.array_equal(choir[0], choir[1])
    third = sung.syllable_notes[2]
    low = [power_at(stem, hertz(third.pitch - 12), third.start, third.start + 0.3) for stem in (choir, soloist)]
    assert low[0] > low[1] + 10


def test_the_robot_stands_still_where_a_human_glides() -> None:
    sung = line("home", (62.0,), step=1.6)
    wobbles = []
    for register in ("robot", "female"):
        samples = sing([dataclasses.replace(sung, register=register)], 3, "en", "robot", 1).mean(axis=0)
        mono = resample_poly(samples.astype(np.float64), 1, 2)
        found, _ = pyworld.harvest(mono[24000:36000], 24000, f0_floor=100, f0_ceil=500)
        cents = 1200 * np.log2(found[found > 0] / hertz(62.0))
        assert len(cents) > 50
        # Octaves do not count: the robot has a second voice below.
        wobbles.append(float(np.ptp(np.percentile((cents + 600) % 1200, [10, 90]))))
    assert wobbles[0] < 5 < wobbles[1]


def test_a_repeated_tune_is_the_same_sound_again_louder_with_more_energy() -> None:
    first = line("run home", TUNE[:2], energy=0.6)
    shifted = tuple(dataclasses.replace(note, start=note.start + 2) for note in first.syllable_notes)
    again = dataclasses.replace(first, syllable_notes=shifted, energy=1.0)
    stem = sing([first, again], 4, "en", "robot", 1)
    once, twice = stem[:, : 2 * RATE], stem[:, 2 * RATE :]
    assert np.allclose(twice, once * 10 ** (1.6 / 20), atol=1e-6)


def test_rap_moves_more_than_singing() -> None:
    sung = line(SEVEN, (57.0,) * 7, step=0.25, register="male")
    rapped = dataclasses.replace(sung, rap=True, tune="rap")
    assert np.median(pitch_errors(sing([rapped], 3, "en", "robot", 1), sung.syllable_notes)) > np.median(
        pitch_errors(sing([sung], 3, "en", "robot", 1), sung.syllable_notes)
    )


def test_the_same_seed_sings_the_same_bytes_remembered_or_not_and_in_every_process() -> None:
    program = (
        "import hashlib\n"
        "from models.sketch.score import Note, SungLine\n"
        "from models.sketch.voice import sing\n"
        f"lines = {[line(SEVEN, TUNE), line('another line', TUNE[:3], start=4.0)]!r}\n"
        "print(hashlib.sha256(sing(lines, 6, 'en', 'robot', SEED).tobytes()).hexdigest())\n"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program.replace("SEED", "7")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    _remembered.clear()
    lines = [line(SEVEN, TUNE), line("another line", TUNE[:3], start=4.0)]
    hashes = [hashlib.sha256(sing(lines, 6, "en", "robot", seed).tobytes()).hexdigest() for seed in (7, 7, 8)]
    assert hashes[0] == hashes[1] == elsewhere.stdout.strip()
    assert hashes[2] != hashes[0]


def test_what_lies_outside_the_song_is_cut_off() -> None:
    stem = sing(
        [line("stop now", (62.0, 64.0), start=0.0), line("too late", (62.0, 64.0), start=1.8)], 2, "en", "robot", 1
    )
    assert stem.shape == (2, 2 * RATE)
    assert np.abs(stem[:, : RATE // 2]).max() > 0.05
    assert np.abs(stem[:, round(1.8 * RATE) :]).max() > 0.05


@pytest.mark.parametrize("register", ["female", "male", "choir", "robot"])
def test_strange_notes_are_sung_without_complaint(register: Singer) -> None:
    notes = (
        Note(-0.5, 0.0, 0.0, 0.5),
        Note(0.2, 0.01, 127.0, 0.5),
        Note(0.2, 3.0, 60.5, 0.5),
        Note(0.21, -0.1, 20.0, 0.5, "x"),
    )
    strange = SungLine("shh rhythm 1999 шх ❤ flow", notes, (), notes, kind="chorus", register=register, energy=5.0)
    stem = sing([strange, dataclasses.replace(strange, rap=True)], 2, "en", "robot", -1)
    assert np.isfinite(stem).all()
    assert 0.05 < np.abs(stem).max() < 0.9
