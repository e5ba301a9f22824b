"""The singers: from a line's speech and its notes to a stereo clip of one or several voices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyworld
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import resample_poly

from models.sketch.score import SungLine
from models.sketch.voice.pitch import Intonation, pitch_curve
from models.sketch.voice.speaker import Manner
from models.sketch.voice.speech import FRAME_SECONDS, Speech
from models.sketch.voice.timing import SungNote, TimeMap, place_speech, read_notes, syllable_spans

SAMPLE_RATE = 48000
# A held sound wanders this far (in frames of speech) so that it does not freeze into a buzz.
WANDER_FRAMES = 1.2
# How much of the consonants' noise the second and further voices keep: one "s" for all, not a volley.
BACKING_HISS_DECIBELS = -12.0


@dataclass(frozen=True, slots=True)
class Part:
    """One voice of a clip: `level` 0..1, `pan` -1..1, `late` in seconds, `formant` as factor, `breath` as added noisiness.

    It sings the melody, or `on_harmony` the second voice, moved by `octaves`.
    """

    level: float = 1.0
    pan: float = 0.0
    late: float = 0.0
    cents: float = 0.0
    formant: float = 1.0
    breath: float = 0.05
    octaves: int = 0
    on_harmony: bool = False


@dataclass(frozen=True, slots=True)
class Singer:
    """Who sings: the eSpeak manner, how the pitch moves, the parts in every line, and those added in choruses."""

    manner: Manner
    intonation: Intonation
    parts: tuple[Part, ...]
    chorus: tuple[Part, ...] = ()
    vowel_shift: float = 1.0


DOUBLES = (Part(0.38, -0.7, 0.017, -8, 1.01, 0.1), Part(0.38, 0.7, 0.024, 7, 0.99, 0.1))
SINGERS = {
    "female": Singer(
        Manner("f5", 40, 130),
        Intonation(),
        (Part(),),
        (*DOUBLES, Part(0.5, 0.3, 0.012, 4, 0.96, 0.1, on_harmony=True)),
        vowel_shift=1.15,
    ),
    "male": Singer(
        Manner("m1", 70, 130),
        Intonation(vibrato=0.22, vibrato_rate=5.1),
        (Part(),),
        (*DOUBLES, Part(0.5, 0.3, 0.012, 4, 1.04, 0.1, on_harmony=True)),
    ),
    "choir": Singer(
        Manner("f2", 40, 130),
        Intonation(vibrato=0.2, scoop=0.5, drift=1.6),
        (
            Part(0.75, -0.25, 0.0, -5, 1.04, 0.12),
            Part(0.7, 0.3, 0.022, 6, 0.97, 0.15),
            Part(0.6, 0.75, 0.035, -3, 0.86, 0.12, octaves=-1),
        ),
        (Part(0.6, -0.75, 0.028, 4, 1.0, 0.15, on_harmony=True),),
        vowel_shift=1.15,
    ),
    "robot": Singer(
        Manner("m3", 60, 130),
        Intonation(glide=0.004, vibrato=0.0, drift=0.0, scoop=0.0),
        (Part(breath=-0.1), Part(0.25, 0.0, 0.006, 0, 0.92, -0.1, octaves=-1)),
        (Part(0.35, -0.7, 0.011, -12, breath=-0.1), Part(0.35, 0.7, 0.019, 12, breath=-0.1),
         Part(0.5, 0.3, 0.008, 0, 1.04, -0.1, on_harmony=True)),
    ),
}  # fmt: skip
RAP_WORDS_PER_MINUTE = 180


@dataclass(frozen=True, slots=True)
class Clip:
    """A sung line: `samples` is float32 `[2, samples]` at 48 kHz, and begins at `start` in seconds of the song."""

    samples: NDArray[np.float32]
    start: float


def manner_of(line: SungLine, singer: Singer) -> Manner:
    """Return how the line is spoken before it is sung."""
    return replace(singer.manner, words_per_minute=RAP_WORDS_PER_MINUTE) if line.rap else singer.manner


def note_words(line: SungLine) -> tuple[int, ...]:
    """Return the number of the word that each note belongs to, -1 where the line does not say."""
    known = tuple(word for word, _ in line.syllables)
    return known if len(known) == len(line.syllable_notes) else (-1,) * len(line.syllable_notes)


def sing_line(line: SungLine, speech: Speech, singer: Singer, rng: np.random.Generator) -> Clip:
    """Return the line sung by all its voices, not yet levelled. Same arguments and state of `rng`, same samples."""
    notes = read_notes(line.syllable_notes, line.syllable_notes)
    time_map = place_speech(
        speech.syllables, syllable_spans([syllable.word for syllable in speech.syllables], note_words(line), notes)
    )
    accents = [stress for _, stress in line.syllables]
    if len(accents) != len(notes):
        accents = [0.5] * len(notes)
    intonation = singer.intonation
    if line.rap:
        intonation = replace(intonation, vibrato=0.0, glide=max(intonation.glide, 0.035), spoken=True)
    times = np.arange(time_map.start - 0.03, time_map.end, FRAME_SECONDS)
    frames = _Frames.of(speech, time_map, times, _swell(times, notes, accents), rng)

    wanted = (*singer.parts, *singer.chorus) if line.kind == "chorus" and not line.rap else singer.parts
    parts = [part for part in wanted if line.harmony or not part.on_harmony]
    longest = max(part.late for part in parts)
    mix = np.zeros((2, round((len(times) * FRAME_SECONDS + longest) * speech.rate) + 1))
    for part in parts:
        sung = read_notes(line.syllable_notes, line.harmony) if part.on_harmony else notes
        pitch = pitch_curve(times, sung, accents, intonation, rng) + 12 * part.octaves + part.cents / 100
        voice = frames.synthesize(pitch, part, backing=part is not parts[0])
        begin = round(part.late * speech.rate)
        end = min(mix.shape[1], begin + len(voice))
        angle = (part.pan + 1) * np.pi / 4
        gains = part.level * np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)])
        mix[:, begin:end] += gains[:, None] * voice[: end - begin]
    return Clip(_to_48_khz(mix, speech.rate), float(times[0]))


def _swell(times: NDArray[np.float64], notes: Sequence[SungNote], accents: Sequence[float]) -> NDArray[np.float64]:
    """Return the gain over time: stressed syllables a little louder, long notes swell and let go."""
    gain = np.ones(len(times))
    for note, accent in zip(notes, accents, strict=True):
        within = (times >= note.start) & (times < note.end)
        gain[within] = 0.92 + 0.16 * accent
        if note.end - note.start > 0.5:
            place = (times[within] - note.start) / (note.end - note.start)
            gain[within] *= 0.94 + 0.18 * np.sin(np.pi * place) - 0.3 * np.clip(place - 0.75, 0, 1)
    smooth: NDArray[np.float64] = gaussian_filter1d(gain, 4)
    return smooth


@dataclass(frozen=True, slots=True)
class _Frames:
    """What all voices of a line share: log envelope and noisiness `[frames, bins]` and voicing, on the song's time."""

    rate: int
    envelope: NDArray[np.float64]
    aperiodicity: NDArray[np.float64]
    voiced: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        speech: Speech,
        time_map: TimeMap,
        times: NDArray[np.float64],
        gain: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> "_Frames":
        position = time_map.positions(times) / FRAME_SECONDS
        position += WANDER_FRAMES * gaussian_filter1d(rng.standard_normal(len(times)), 6)
        position = np.clip(position, 0, len(speech.envelope) - 1.001)
        before = position.astype(int)
        share = (position - before)[:, None]
        envelope = speech.envelope[before] * (1 - share) + speech.envelope[before + 1] * share
        heard = gain * time_map.presence(times)
        envelope += 2 * np.log(np.maximum(heard, 1e-6))[:, None]
        nearest = np.minimum(np.rint(position / 2).astype(int), len(speech.aperiodicity) - 1)
        voiced = speech.voiced[np.rint(position).astype(int)]
        return cls(speech.rate, envelope, speech.aperiodicity[nearest].astype(np.float64), voiced)

    def synthesize(self, pitch: NDArray[np.float64], part: Part, backing: bool) -> NDArray[np.float64]:
        """Return the voice at `rate` Hz on a MIDI pitch for each frame."""
        bins = self.envelope.shape[1]
        envelope = self.envelope
        if part.formant != 1.0:
            source = np.clip(np.arange(bins) / part.formant, 0, bins - 1.001)
            below = source.astype(int)
            share = source - below
            envelope = envelope[:, below] * (1 - share) + envelope[:, below + 1] * share
        if backing:
            envelope = envelope + np.where(self.voiced, 0.0, BACKING_HISS_DECIBELS * np.log(10) / 10)[:, None]
        noise = np.clip(self.aperiodicity + part.breath * np.linspace(0, 1, bins), 0.001, 1.0)
        hertz = np.where(self.voiced, 440 * 2 ** ((pitch - 69) / 12), 0.0)
        power = np.ascontiguousarray(np.exp(envelope))
        voice: NDArray[np.float64] = pyworld.synthesize(hertz, power, noise, self.rate, FRAME_SECONDS * 1000)
        return voice


def _to_48_khz(samples: NDArray[np.float64], rate: int) -> NDArray[np.float32]:
    common = np.gcd(SAMPLE_RATE, rate)
    resampled = resample_poly(samples.astype(np.float32), SAMPLE_RATE // common, rate // common, axis=1)
    return np.ascontiguousarray(resampled, dtype=np.float32)
