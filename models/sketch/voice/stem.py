"""The vocal stem of a song: every tune is spoken and sung once, levelled, and placed wherever it occurs."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pyloudnorm
from numpy.typing import NDArray

from models.roles import OnProgress, Voice
from models.sketch.score import Singer as SingerName
from models.sketch.score import SungLine
from models.sketch.theory import rng_for
from models.sketch.voice.singer import SAMPLE_RATE, SINGERS, Clip, manner_of, note_words, sing_line
from models.sketch.voice.speaker import CannotSpeak, Speaker
from models.sketch.voice.speech import Speech, recall, speak
from models.sketch.voice.tongue import read_line
from models.sketch.voice.vowels import sing_vowels

logger = logging.getLogger(__name__)

# Every line is this loud in a section of middling energy (ITU-R BS.1770), and follows the energy by this many decibels.
LINE_LUFS, ENERGY_DECIBELS, MIDDLING_ENERGY = -20.0, 4.0, 0.6
HIGHEST_PEAK = 0.89  # -1 dBFS
# Speaking is this share of the work.
SPEAKING_SHARE = 0.15


def sing(
    lines: Sequence[SungLine],
    duration: float,
    language: str,
    voice: Voice,
    seed: int,
    on_progress: OnProgress | None = None,
) -> NDArray[np.float32]:
    """Return the dry vocal stem: float32 `[2, samples]` at 48 kHz, `duration` seconds long, zeros where nobody sings.

    `language` is a BCP 47 tag; what eSpeak NG does not speak is spoken as English. `voice` "none" is silence, "choir" lets
    a choir sing every line, "robot" leaves the singer to the line's `register`. Where eSpeak NG is missing or fails, the
    notes are sung on vowels, and the log says so. Same arguments, same samples. `on_progress` may raise to stop.
    """
    stem = np.zeros((2, max(0, round(duration * SAMPLE_RATE))), dtype=np.float32)
    tunes = _by_tune(lines, voice)
    report = on_progress or (lambda _share: None)
    speeches = _speak_all([places[0] for places in tunes], language, lambda share: report(share * SPEAKING_SHARE))
    for number, (places, speech) in enumerate(zip(tunes, speeches, strict=True)):
        first = places[0]
        clip = _levelled(sing_line(first, speech, SINGERS[first.register], rng_for(seed, "voice", number)))
        for line in places:
            shift = line.syllable_notes[0].start - first.syllable_notes[0].start
            gain = 10 ** (ENERGY_DECIBELS * (line.energy - MIDDLING_ENERGY) / 20)
            _add(stem, clip.samples, clip.start + shift, gain)
        report(SPEAKING_SHARE + (1 - SPEAKING_SHARE) * (number + 1) / len(tunes))
    peak = float(np.abs(stem).max(initial=0.0))
    if peak > HIGHEST_PEAK:
        stem *= HIGHEST_PEAK / peak
    if not tunes:
        report(1.0)
    return stem


def _by_tune(lines: Sequence[SungLine], voice: Voice) -> list[list[SungLine]]:
    """Return the lines that somebody sings, those that sound alike together, in the order of their first."""
    groups: dict[object, list[SungLine]] = {}
    for index, line in enumerate(lines):
        register: SingerName = "none" if voice == "none" else "choir" if voice == "choir" else line.register
        if line.syllable_notes and register != "none":
            groups.setdefault((line.tune, register) if line.tune else index, []).append(
                replace(line, register=register)
            )
    return list(groups.values())


def _speak_all(lines: Sequence[SungLine], language: str, report: OnProgress) -> list[Speech]:
    """Return the speech of every line: remembered, spoken in one process for all, or vowels."""
    speeches = []
    failures: dict[str, int] = {}
    with ExitStack() as stack:
        speaker: Speaker | None = None
        for number, line in enumerate(lines):
            singer = SINGERS[line.register]
            utterance, manner = read_line(line.text, language), manner_of(line, singer)
            try:
                speech = recall(utterance, manner)
                if speech is None:
                    if speaker is None:
                        speaker = stack.enter_context(Speaker())
                    speech = speak(speaker, utterance, manner)
            except CannotSpeak as error:
                failures[str(error)] = failures.get(str(error), 0) + 1
                speech = sing_vowels(line.syllable_notes, note_words(line), singer.vowel_shift)
            speeches.append(speech)
            report((number + 1) / len(lines))
    for reason, count in failures.items():
        logger.warning("%d of %d lines are sung on vowels: %s.", count, len(lines), reason)
    return speeches


def _levelled(clip: Clip) -> Clip:
    """Return the clip at the loudness of a line of middling energy."""
    # A line can be shorter than the meter's block of 0.4 s.
    padded = np.pad(clip.samples, ((0, 0), (0, max(0, SAMPLE_RATE // 2 - clip.samples.shape[1]))))
    loudness = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(padded.T)
    if not np.isfinite(loudness):
        return clip
    return Clip(clip.samples * np.float32(10 ** ((LINE_LUFS - loudness) / 20)), clip.start)


def _add(stem: NDArray[np.float32], samples: NDArray[np.float32], start: float, gain: float) -> None:
    """Mix `samples` into `stem` in place from `start` seconds on; what falls outside is cut off."""
    begin = round(start * SAMPLE_RATE)
    samples = samples[:, max(0, -begin) :]
    begin = max(0, begin)
    end = min(stem.shape[1], begin + samples.shape[1])
    if end > begin:
        stem[:, begin:end] += np.float32(gain) * samples[:, : end - begin]
