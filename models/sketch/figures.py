"""Accompaniment figures: how one bar of a chord is played, from a held pad to finger picking, power chords and montuno."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from models.sketch.arrangement import Arrangement
from models.sketch.genres import Layer
from models.sketch.meter import read_steps
from models.sketch.score import BeatNote
from models.sketch.sections import FormSection
from models.sketch.theory import Chord, rng_for, scale_pitches, voice_chord

JAZZ_RHYTHMS = (
    ((0, 1.2), (1.5, 0.4)),
    ((1.5, 0.4), (3.5, 0.5)),
    ((0.5, 0.4), (2.5, 0.4)),
    ((0, 0.4), (2.5, 1.2)),
    ((1, 0.4), (2.5, 0.4), (3.5, 0.4)),
)
MONTUNO_PLACES = (0, 0.75, 1.5, 2, 2.75, 3.5)
SYNCOPATED_GATE = "x.xx.xx.x.xx.x.x"


@dataclass(slots=True)
class Bar:
    """One bar to be accompanied: `start` in beats, `low` to `high` the register, `previous` the voicing before it."""

    song: Arrangement
    layer: Layer
    section: FormSection
    index: int
    start: float
    low: int
    high: int
    previous: list[int] | None
    rng: np.random.Generator

    @property
    def chord(self) -> Chord:
        """The chord on the first beat."""
        return self.song.chord_at(self.start)

    @property
    def beats(self) -> int:
        """Quarter notes in the bar."""
        return self.song.beats_per_bar

    @property
    def loudness(self) -> float:
        """The velocity, 1..127, that the section's energy asks for."""
        return 62 + 34 * self.section.energy

    def voicing(self, count: int, low: int | None = None, high: int | None = None, rootless: bool = False) -> list[int]:
        """Return the bar's chord in `count` voices, led from the previous voicing."""
        register = (self.low if low is None else low, self.high if high is None else high)
        return voice_chord(self.chord, self.previous, *register, count=count, drop_root=rootless)

    def note(self, offset: float, length: float, pitch: int, velocity: float, spread: float = 3.0) -> BeatNote:
        """Return a note at `offset` beats into the bar whose velocity varies by `spread`."""
        varied = velocity + self.rng.normal() * spread
        return BeatNote(self.start + offset, length, pitch, min(127.0, max(1.0, varied)))


# A figure returns its notes and the voicing the next bar should be led from.
Played = tuple[list[BeatNote], list[int] | None]


def power_chord(chord: Chord, fifth: int = 7) -> list[int]:
    """Return root, fifth and octave on the low strings of a guitar."""
    root = 40 + (chord.root - 40) % 12
    root -= 12 if root > 49 else 0
    return [root, root + (6 if 6 in chord.intervals else fifth), root + 12]


def play_pad(bar: Bar) -> Played:
    """Hold the chord until the next one."""
    chord = bar.chord
    still_ringing = chord.start < bar.start - 1e-6 and bar.index > 0
    if still_ringing:
        return [], bar.previous
    voices = bar.voicing(bar.song.style.genre.chord_voices)
    end = min(chord.start + chord.length, float(bar.section.end_bar * bar.beats))
    return [bar.note(0, (end - bar.start) * 0.995, pitch, bar.loudness, 2) for pitch in voices], voices


def play_power(bar: Bar) -> Played:
    """Palm-muted or ringing power chords."""
    ringing = bar.section.kind in ("chorus", "drop", "solo") and bar.section.energy > 0.6
    ringing = ringing and bar.song.style.genre.name != "metal"
    notes = []
    for offset, digit, held in read_steps(bar.layer.pattern.removeprefix("power:"), bar.song.style.meter):
        length = held * 0.98 if held > 0.3 or ringing else 0.2
        velocity = (70 + 5 * int(digit)) * (1.0 if offset in (0, 2) else 0.93)
        late = offset + bar.rng.random() * 0.008
        notes += [bar.note(late, length, pitch, velocity) for pitch in power_chord(bar.song.chord_at(bar.start))]
    return notes, bar.previous


def play_strum(bar: Bar) -> Played:
    """Strum down (D) and up (U); the strings follow one another by a few milliseconds."""
    voices = bar.voicing(5)
    strokes = bar.song.style.meter.fit(bar.layer.pattern.removeprefix("strum:"))
    places = [index for index, stroke in enumerate(strokes) if stroke in "DU"]
    notes = []
    for index, following in zip(places, [*places[1:], len(strokes)], strict=True):
        down = strokes[index] == "D"
        accent = 1.0 if index % 8 == 0 else 0.88 if down else 0.74
        string_gap = 0.018 * bar.song.style.bpm / 100
        for string, pitch in enumerate(voices if down else voices[::-1][:3]):
            velocity = bar.loudness * accent - string * 1.5
            notes.append(bar.note(index / 4 + string * string_gap, (following - index) / 4 * 0.98, pitch, velocity))
    return notes, voices


def play_pick(bar: Bar) -> Played:
    """Finger picking: the thumb alternates between root and fifth, the fingers play in between."""
    voices = bar.voicing(4, low=bar.low + 4)
    thumb = 40 + (bar.chord.root - 40) % 12
    other = thumb + (7 if thumb < 47 else -5)
    pitches = [thumb, voices[1], voices[-1], voices[0], other, voices[1], voices[-1], voices[min(2, len(voices) - 1)]]
    notes = []
    for index, pitch in enumerate(pitches[: bar.beats * 2]):
        accent = 1.02 if index in (0, 4) else 0.82
        notes.append(bar.note(index / 2, 1.4, pitch, bar.loudness * accent, 4))
    return notes, voices


def play_alberti(bar: Bar) -> Played:
    """Alberti bass in four, oom-pah-pah in three."""
    voices = bar.voicing(3, low=52, high=72)
    root = 40 + (bar.chord.root - 40) % 12
    notes = [BeatNote(bar.start, bar.beats * 0.98, root, bar.loudness * 0.95)]
    for index in range(bar.beats * 2):
        broken = (0, 2, 1, 2)[index % 4] if bar.beats == 4 else 0 if index == 0 else 1 + index % 2
        accent = 0.86 if index % 2 else 0.95
        notes.append(bar.note(index / 2, 0.55, voices[min(broken, len(voices) - 1)], bar.loudness * accent))
    return notes, voices


def play_ostinato(bar: Bar) -> Played:
    """A string ostinato in eighths, in sixteenths where the section is loud."""
    voices = bar.voicing(3)
    division = 4 if bar.section.energy > 0.7 else 2
    order = (0, 2, 1, 2)
    notes = []
    for index in range(bar.beats * division):
        accent = 1.08 if index % division == 0 else 0.84
        pitch = voices[order[index % 4] % len(voices)]
        notes.append(bar.note(index / division, 0.8 / division, pitch, bar.loudness * accent))
    return notes, voices


def play_shuffle(bar: Bar) -> Played:
    """The blues boogie: root with fifth, then with sixth."""
    root = 40 + (bar.chord.root - 40) % 12
    notes = []
    for index in range(bar.beats * 2):
        top = root + (9 if index // 2 % 2 else 7)
        length, accent = (0.45, 1.0) if index % 2 == 0 else (0.25, 0.8)
        notes += [bar.note(index / 2, length, pitch, bar.loudness * accent) for pitch in (root, top)]
    return notes, bar.previous


def play_montuno(bar: Bar) -> Played:
    """The Cuban piano figure: octaves and chords in turn, ahead of the beat."""
    voices = bar.voicing(3)
    notes = []
    for index, offset in enumerate(MONTUNO_PLACES):
        if offset < bar.beats:
            pitches = [voices[0], voices[0] + 12] if index % 2 == 0 else voices[1:]
            notes += [bar.note(offset, 0.45, pitch, bar.loudness) for pitch in pitches]
    return notes, voices


def play_jazz(bar: Bar) -> Played:
    """Rootless voicings on syncopated places."""
    voices = bar.voicing(4, rootless=True)
    notes = []
    for offset, length in JAZZ_RHYTHMS[int(bar.rng.integers(len(JAZZ_RHYTHMS)))]:
        if offset >= bar.beats:
            continue
        chord = bar.song.chord_at(bar.start + offset + (0.5 if offset >= 3.5 else 0))  # the push takes the next chord
        pitches = voices
        if chord is not bar.chord:
            pitches = voice_chord(chord, voices, bar.low, bar.high, count=4, drop_root=True)
        sway = max(-bar.start, offset + bar.rng.normal() * 0.006)
        notes += [bar.note(sway, length, pitch, bar.loudness * 0.92, 5) for pitch in pitches]
    return notes, voices


def play_sparse(bar: Bar) -> Played:
    """A few long tones here and there."""
    voices = bar.voicing(4)
    notes = []
    if bar.rng.random() < 0.8:
        places = bar.rng.choice(np.arange(0, bar.beats, 0.5), size=int(bar.rng.integers(1, 4)), replace=False)
        for offset in sorted(float(place) for place in places):
            pitch = int(bar.rng.choice(voices)) + (12 if bar.rng.random() < 0.3 else 0)
            notes.append(bar.note(offset, 2.5, pitch, bar.loudness * 0.7, 6))
    return notes, voices


def play_string_runs(bar: Bar) -> Played:
    """Disco strings: held in octaves, with a run up the scale every fourth bar."""
    voices = bar.voicing(3, low=60, high=80)
    if bar.index % 4 != 3:
        held = [bar.note(0, bar.beats * 0.98, pitch, bar.loudness * 0.85, 0) for pitch in voices[1:]]
        octave = [bar.note(0, bar.beats * 0.98, pitch + 12, bar.loudness * 0.75, 0) for pitch in voices[1:]]
        return held + octave, voices
    scale = scale_pitches(bar.song.style.tonic, bar.song.style.mode, 62, 86)
    first = int(bar.rng.integers(2, 6))
    notes = [bar.note(0, bar.beats - 2, pitch, bar.loudness * 0.85, 0) for pitch in voices[1:]]
    for index in range(8):
        pitch = scale[min(len(scale) - 1, first + index)]
        notes.append(bar.note(bar.beats - 2 + index / 4, 0.25, pitch, bar.loudness * 0.9, 0))
    return notes, voices


def _arpeggio_pitches(bar: Bar, style: str, voices: list[int], count: int) -> Iterator[int | None]:
    """Yield the pitch of every step of an arpeggio; None is a rest."""
    octave = voices[0] + 12
    if style == "motif":  # a random figure with rests that stays the same through all sections of the kind
        rng = rng_for(bar.song.style.seed, "motif", bar.layer.name, bar.section.kind)
        keep = 0.62 if count > bar.beats * 2 else 0.78
        figure = [int(rng.integers(len(voices))) if rng.random() < keep else None for _ in range(count * 2)]
        half = bar.index % 2 * count
        yield from (None if step is None else voices[step % len(voices)] for step in figure[half : half + count])
        return
    if style == "syn":
        for index in range(count):
            yield voices[index * 2 % len(voices)] if SYNCOPATED_GATE[index % 16] == "x" else None
        return
    high = voices[-1] + 12 if voices[-1] + 12 <= bar.high else voices[-1]
    cycles = {
        "up": [*voices, octave],
        "updown": [*voices, octave, *voices[:0:-1]],
        "roll": [voices[0], voices[-1], voices[1], high, voices[0], voices[-1], voices[1], voices[-1]],
    }
    cycle = cycles[style]
    yield from (cycle[index % len(cycle)] for index in range(count))


def play_arpeggio(bar: Bar) -> Played:
    """Broken chords in eighths ("arp8:") or sixteenths ("arp16:")."""
    speed, style = bar.layer.pattern.removeprefix("arp").split(":")
    division = int(speed) // 4
    voices = bar.voicing(4 if len(bar.chord.intervals) > 3 else 3, high=min(bar.high, bar.low + 17))
    length = (0.9 if division == 4 else 1.0) / division
    notes = []
    for index, pitch in enumerate(_arpeggio_pitches(bar, style, voices, bar.beats * division)):
        if pitch is not None:
            accent = 1.05 if index % division == 0 else 0.86
            notes.append(bar.note(index / division, length, pitch, bar.loudness * accent))
    return notes, voices


def play_rhythm(bar: Bar) -> Played:
    """Strike the chord on the steps of the layer's pattern."""
    count = bar.song.style.genre.chord_voices
    voices = bar.voicing(count)
    notes = []
    for offset, digit, held in read_steps(bar.layer.pattern, bar.song.style.meter):
        chord = bar.song.chord_at(bar.start + offset)
        pitches = voices if chord is bar.chord else voice_chord(chord, voices, bar.low, bar.high, count=count)
        length = max(0.22, held * 0.96) if held > 0.25 else 0.18 if bar.layer.staccato else 0.3
        velocity = bar.loudness * (0.55 + 0.06 * int(digit))
        sway = 0.01 if bar.song.style.genre.human_seconds else 0.0
        notes += [bar.note(offset + bar.rng.random() * sway, length, pitch, velocity) for pitch in pitches]
    return notes, voices


FIGURES: dict[str, Callable[[Bar], Played]] = {
    "pad": play_pad, "pick": play_pick, "alberti": play_alberti, "ost": play_ostinato, "shuffle": play_shuffle,
    "montuno": play_montuno, "jazzcomp": play_jazz, "sparse": play_sparse, "stringsrun": play_string_runs,
}  # fmt: skip


def play_figure(bar: Bar) -> Played:
    """Play the bar as the layer's pattern says: a named figure, power chords, strumming, an arpeggio or a step string."""
    pattern = bar.layer.pattern
    if pattern in FIGURES:
        return FIGURES[pattern](bar)
    if pattern.startswith("power:"):
        return play_power(bar)
    if pattern.startswith("strum:"):
        return play_strum(bar)
    return play_arpeggio(bar) if pattern.startswith("arp") else play_rhythm(bar)
