"""A spoken line taken apart by WORLD (spectral envelope, noisiness, voicing), evened out, ready to be put on other notes."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from models.sketch.voice.phones import SpokenSyllable, find_syllables
from models.sketch.voice.speaker import CannotSpeak, Manner, Recorded, Speaker
from models.sketch.voice.tongue import Utterance

FRAME_SECONDS = 0.005
# eSpeak speaks on one pitch, 90 to 170 Hz with the manners that the singers use.
LOWEST_SPOKEN, HIGHEST_SPOKEN = 60.0, 420.0
# Frames whose power is this far below the loud vowels' (in decibels) are silence.
SILENCE_DECIBELS = -50.0
# Vowels louder or softer than the median come this much closer to it.
EVENNESS, MOST_EVENING_DECIBELS = 0.6, 6.0
# Hissing (power above this frequency) is held this far below the vowels' whole power.
HISS_HERTZ, MOST_HISS_DECIBELS = 4000.0, -9.0
# eSpeak's flutter reads as noise; sung vowels keep this much of it, or they would be whispered.
VOWEL_NOISE = 0.6
MOST_REMEMBERED_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Speech:
    """A line in frames of 5 ms: `envelope` is log power and `aperiodicity` 0..1, both `[frames, bins up to rate / 2]`.

    The loud vowels' power is the same in every speech. `aperiodicity` has every second frame.
    """

    rate: int
    envelope: NDArray[np.float32]
    aperiodicity: NDArray[np.float32]
    voiced: NDArray[np.bool_]
    syllables: tuple[SpokenSyllable, ...]

    @property
    def bytes(self) -> int:
        """The memory that it takes."""
        return self.envelope.nbytes + self.aperiodicity.nbytes + self.voiced.nbytes


def take_apart(recorded: Recorded) -> Speech:
    """Return the analysis of a recording; raises `CannotSpeak` when there is no vowel in it."""
    syllables = find_syllables(recorded.phones)
    if not syllables or len(recorded.samples) < recorded.rate // 20:
        raise CannotSpeak("nothing in the line can be sung")
    samples, rate = recorded.samples, recorded.rate
    period = FRAME_SECONDS * 1000
    pitch, times = pyworld.dio(samples, rate, f0_floor=LOWEST_SPOKEN, f0_ceil=HIGHEST_SPOKEN, frame_period=period)
    pitch = pyworld.stonemask(samples, pitch, times, rate)
    voiced = pitch > 0
    for syllable in syllables:  # vowels always sound, even where the pitch tracker lost them
        voiced |= (times > syllable.start + 0.01) & (times < syllable.end - 0.01)
    if not (pitch > 0).any():
        raise CannotSpeak("the line was whispered")
    pitch = np.where(voiced, np.interp(times, times[pitch > 0], pitch[pitch > 0]), 0.0)
    power = pyworld.cheaptrick(samples, pitch, times, rate)
    # Noisiness changes slowly, and measuring it is the dearest part.
    aperiodicity = pyworld.d4c(samples, pitch[::2].copy(), times[::2].copy(), rate)
    for syllable in syllables:
        aperiodicity[(times[::2] > syllable.start) & (times[::2] < syllable.end)] *= VOWEL_NOISE
    envelope = _even_out(np.log(np.maximum(power, 1e-16)), times, rate, syllables)
    return Speech(rate, envelope, aperiodicity.astype(np.float32), voiced, syllables)


def _even_out(
    envelope: NDArray[np.float64], times: NDArray[np.float64], rate: int, syllables: tuple[SpokenSyllable, ...]
) -> NDArray[np.float32]:
    """Return the envelope with its vowels at power 1 and alike, with its hisses held down and its silences silent."""
    power = np.exp(envelope)
    total = power.mean(axis=1)
    middles = [0.5 * (syllable.start + syllable.end) for syllable in syllables]
    levels = np.log(gaussian_filter1d(total, 3) + 1e-16)
    vowels = np.interp(middles, times, levels)
    loud = float(np.percentile(vowels, 70))
    decibel = np.log(10) / 10
    most = MOST_EVENING_DECIBELS * decibel
    corrections = np.interp(times, middles, np.clip(EVENNESS * (loud - vowels), -most, most))

    hissing = np.arange(envelope.shape[1]) * rate / 2 / (envelope.shape[1] - 1) > HISS_HERTZ
    hiss = np.log(power[:, hissing].sum(axis=1) / envelope.shape[1] + 1e-16) + corrections - loud
    excess = np.maximum(0.0, gaussian_filter1d(hiss, 1) - MOST_HISS_DECIBELS * decibel)
    silent = np.clip((SILENCE_DECIBELS * decibel - (levels - loud)) / (10 * decibel), 0, 1) * 40 * decibel
    evened: NDArray[np.float64] = envelope + (corrections - loud - silent)[:, None]
    evened[:, hissing] -= excess[:, None]
    quiet: NDArray[np.float32] = evened.astype(np.float32)
    return quiet


_remembered: OrderedDict[tuple[Utterance, Manner], Speech] = OrderedDict()


def recall(utterance: Utterance, manner: Manner) -> Speech | None:
    """Return the analysis of a line that this process has already spoken; the second take of a song has the same words."""
    return _remembered.get((utterance, manner))


def speak(speaker: Speaker, utterance: Utterance, manner: Manner) -> Speech:
    """Return the analysis of a line, spoken now, and remember it; raises `CannotSpeak`."""
    speech = take_apart(speaker.speak(utterance, manner))
    _remembered[utterance, manner] = speech
    while sum(known.bytes for known in list(_remembered.values())) > MOST_REMEMBERED_BYTES:
        _remembered.popitem(last=False)
    return speech
