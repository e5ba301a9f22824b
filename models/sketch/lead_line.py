"""The lead part: hooks and solos from rhythm cells, and answers in the singer's pauses."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.sketch.arrangement import Arrangement
from models.sketch.instruments import instruments
from models.sketch.melody import find_melody
from models.sketch.score import BeatNote, Track
from models.sketch.sections import FormSection
from models.sketch.style import Style
from models.sketch.theory import choose, nearest_pitch, rng_for, scale_pitches

# One bar of sixteenths each.
QUADRUPLE_CELLS = (
    "x...x...x.x.x...", "x.x.x...x.x.x...", "x..x..x.x...x...", "x..x..x...x.x...", "x...x.x.x.......",
    "..x.x.x.x...x...", "x.....x.x.x.x...", "x..x..x..x..x.x.", "x.x...x.x...x.x.", "x.......x..x..x.",
    "x...x...x.......", "x.....x.....x...", "x.xxx.x.x.xxx.x.", "xxx.x.xxx.x.x.x.",
)  # fmt: skip
COMPOUND_CELLS = (
    "x.....x.....", "x...x.x...x.", "x.x.x.x.....", "x.....x.x.x.", "x...x.x.x.x.", "x.x.x.x.x.x.", "x.........x.",
)  # fmt: skip
TRIPLE_CELLS = ("x...x...x...", "x.....x.x...", "x...x.x.x...", "x.x.x...x...", "x.......x...", "x...........")
SINGLE_NOTE_INSTRUMENTS = frozenset({
    "violin", "fiddle", "cello", "trumpet", "trombone", "french horn", "saxophone", "tenor sax", "oboe", "clarinet",
    "flute", "pan flute", "sitar", "harmonica", "saw lead", "steel drums", "overdrive guitar", "distortion guitar",
    "kalimba", "accordion", "vibraphone", "music box", "glockenspiel", "muted trumpet", "soft lead", "square lead",
    "hyper lead", "chip lead",
})  # fmt: skip
PENTATONIC_GENRES = frozenset({"trap", "afrobeat", "lofi", "techno", "drum and bass", "rock"})
# In a song with words the lead plays alone in these, and answers the singer elsewhere.
INSTRUMENTAL_KINDS = frozenset(
    {"solo", "drop", "theme", "climax", "head", "intro", "interlude", "outro", "swell"}
)  # fmt: skip
MELODIC_KINDS = INSTRUMENTAL_KINDS | {"verse", "chorus", "prechorus", "bridge"}
HOOK_KINDS = INSTRUMENTAL_KINDS - {"swell"} | {"chorus"}
CALM_KINDS = frozenset({"verse", "bridge", "intro", "breakdown"})
PHRASE_BARS = 2

# Where the notes of a phrase lie within it, 0..1, and their pitches.
Tune = tuple[NDArray[np.float64], list[int]]


def choose_lead(style: Style) -> str:
    """Return who plays the lead: a soloist that the tags name, another instrument of theirs that can, or one of the genre's."""
    genre = style.genre
    named = [name for name in style.instruments if "bass" not in name and "pad" not in name and name != "choir"]
    soloists = [name for name in named if name in SINGLE_NOTE_INSTRUMENTS]
    if soloists:
        return choose(soloists, style.seed, "soloist")
    accompanying = {layer.instrument for layer in genre.layers}
    leads = [name for name in named if name in genre.lead_instruments and name not in accompanying]
    if leads:
        return choose(leads, style.seed, "named lead")
    free = [name for name in genre.lead_instruments if name not in style.instruments]
    return choose(free or genre.lead_instruments, style.seed, "lead instrument")


def _pitches(style: Style, low: int, high: int) -> list[int]:
    if "blues scale" in style.genre.traits:
        return scale_pitches(style.tonic, "blues", low, high)
    if style.genre.name in PENTATONIC_GENRES:
        return scale_pitches(style.tonic, "minor pentatonic" if style.minor else "major pentatonic", low, high)
    return scale_pitches(style.tonic, style.mode, low, high)


def _choose_cells(style: Style, rng: np.random.Generator, density: float) -> tuple[str, str]:
    """Return the two rhythm cells that come closest to the wanted density and syncopation, with some luck."""

    def score(cell: str) -> float:
        notes = cell.count("x")
        off_beat = sum(mark == "x" and place % 4 != 0 for place, mark in enumerate(cell)) / notes
        distance = abs(notes - 2.2 - density * 6) * 0.55 + abs(off_beat - style.genre.syncopation) * 2
        return rng.random() * 1.4 - distance

    cells = {"4/4": QUADRUPLE_CELLS, "3/4": TRIPLE_CELLS, "6/8": COMPOUND_CELLS}[style.meter.name]
    ranked = sorted(cells, key=score, reverse=True)
    return ranked[0], ranked[1]


def _phrase_slots(
    cells: tuple[str, str], start: float, beats: int, end: float, breathe: bool
) -> list[tuple[float, float]]:
    """Return (beat, length) of a two-bar phrase that stops before beat `end`; `breathe` leaves its last beat free."""
    places = [
        start + bar * beats + step / 4
        for bar, cell in enumerate(cells)
        for step, mark in enumerate(cell)
        if mark == "x"
    ]
    places = [place for place in places if place < end]
    close = min(start + PHRASE_BARS * beats, end)
    if breathe:
        places = [place for place in places if place < close - 1.0] or places[:1]
    ends = [*places[1:], close] if places else []
    return [(place, max(0.2, min(after - place, 1.75) * 0.95)) for place, after in zip(places, ends, strict=True)]


def _shape(index: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.sin(np.pi * x), 1 - 2 * x, 2 * x - 1, np.cos(2 * np.pi * x))[index]


class LeadPlayer:
    """Writes the lead track section by section; it remembers its phrases so that the second resembles the first."""

    def __init__(self, song: Arrangement) -> None:
        self.song = song
        self.style = song.style
        self.track = Track("lead", choose_lead(song.style), "lead")
        instrument = instruments()[self.track.instrument]
        self.low, self.high = instrument.low, instrument.high
        self.pitches = _pitches(song.style, self.low, self.high)
        self.tunes: dict[str, dict[int, Tune]] = {}

    def plays(self, section: FormSection) -> bool:
        """Whether the lead has anything to do in a section."""
        if section.kind == "build":
            return False
        electronic = self.style.genre.form == "edm"
        if section.kind == "breakdown":
            return not electronic and not self.song.lines
        if electronic and section.kind == "intro" and section.energy < 0.5 and section.bars <= 4 and not section.final:
            return False
        kinds = INSTRUMENTAL_KINDS if self.song.lines else MELODIC_KINDS
        return section.kind in kinds or bool(section.lines)

    def play_section(self, section: FormSection) -> None:
        """Write one section: hooks from two pairs of cells, or a solo that invents new ones for every phrase."""
        solo = section.kind == "solo" and self.style.genre.form in ("jazz", "blues", "song")
        density = self.style.genre.density * (0.75 if section.kind in CALM_KINDS else 1.0)
        family = "hook" if section.kind in HOOK_KINDS else section.kind
        question, answer = _choose_cells(self.style, rng_for(self.style.seed, "cells", family), density)
        other, ending = _choose_cells(
            self.style, rng_for(self.style.seed, "more cells", family), min(1, density + 0.15)
        )
        roles = ((question, answer), (other, answer), (question, answer), (other, ending))
        tunes = self.tunes.setdefault(family, {})
        # A hook comes back as it was; what a verse plays is varied from time to time.
        variation = 0 if family == "hook" else section.index
        beats = self.song.beats_per_bar
        for bar in range(0, section.bars, PHRASE_BARS):
            start = float((section.first_bar + bar) * beats)
            if section.kind == "intro" and section.bars >= 8 and bar < section.bars // 2:
                continue
            if section.kind == "outro" and bar >= section.bars - PHRASE_BARS:
                break
            role = bar // PHRASE_BARS % len(roles)
            rng = rng_for(self.style.seed, "lead", family, variation, f"solo {start}" if solo else role)
            cells = roles[role]
            if solo:
                cells = _choose_cells(self.style, rng, min(1, self.style.genre.density + 0.3 * rng.random()))
                if rng.random() < 0.12:
                    continue  # a soloist who never breathes is a sewing machine
            end = float((section.end_bar - section.final) * beats)
            slots = _phrase_slots(cells, start, beats, end, breathe=role in (1, 3) or solo)
            if slots:
                self._play_phrase(section, slots, start, role, None if solo else tunes, rng, family)
        if section.final:
            self._come_home(float((section.end_bar - 1) * beats))

    def _come_home(self, start: float) -> None:
        """Hold the tonic over the last chord."""
        pitch = nearest_pitch((self.low + self.high) // 2, {self.style.tonic})
        self.track.notes.append(BeatNote(start, self.song.ring(start), pitch, 80.0))

    def _play_phrase(
        self,
        section: FormSection,
        slots: Sequence[tuple[float, float]],
        start: float,
        role: int,
        tunes: dict[int, Tune] | None,
        rng: np.random.Generator,
        family: str,
    ) -> None:
        places = (np.array([beat for beat, _ in slots]) - start) / (PHRASE_BARS * self.song.beats_per_bar)
        solo = tunes is None
        shape = rng_for(self.style.seed, "lead shape", family, start if solo else role % 2).integers(4)
        middle = (self.low + self.high) / 2 + (2 if section.kind in ("chorus", "drop", "climax") else -1)
        contour = middle + (6.5 if solo else 4.5) * _shape(int(shape), places) + (2 if role == 2 else 0)
        reference = None
        if tunes is not None and role % 2 in tunes:
            earlier_places, earlier_pitches = tunes[role % 2]
            reference = [earlier_pitches[int(np.argmin(np.abs(earlier_places - place)))] for place in places]
        strengths = [self.style.meter.strength(beat) for beat, _ in slots]
        pitches = find_melody(
            slots,
            self.song.chord_at,
            self.pitches,
            rng,
            contour=np.clip(contour, self.low + 1, self.high - 1),
            strong=strengths,
            reference=reference,
            last_classes=set(self.song.chord_at(slots[-1][0]).pitch_classes[:3]),
            start=self.track.notes[-1].pitch if self.track.notes else None,
            jitter=1.0 if solo else 0.6,
        )
        if tunes is not None:
            tunes.setdefault(role % 2, (places, pitches))
        for (beat, length), pitch, strength in zip(slots, pitches, strengths, strict=True):
            velocity = 80 + 14 * strength + 10 * (section.energy - 0.5) + rng.normal() * 3
            self.track.notes.append(BeatNote(beat, length, pitch, velocity))

    def _pauses(self, section: FormSection) -> list[tuple[float, float]]:
        """Return the stretches of at least 1.5 beats in which nobody sings."""
        start = float(section.first_bar * self.song.beats_per_bar)
        end = float((section.end_bar - section.final) * self.song.beats_per_bar)
        pauses = []
        free_from = start
        for sung_from, sung_to in sorted(self.song.sung_beats):
            if sung_from >= end or sung_to <= start:
                continue
            if sung_from - free_from >= 1.5:
                pauses.append((free_from, sung_from))
            free_from = max(free_from, sung_to)
        return [*pauses, (free_from, end)] if end - free_from >= 1.5 else pauses

    def answer_singer(self, section: FormSection) -> None:
        """Write short figures into the singer's pauses; in a verse only into every second one."""
        pauses = self._pauses(section)
        if section.kind == "verse" and self.style.genre.form != "jazz":
            pauses = pauses[1::2]
        middle = (self.low + self.high) / 2
        for index, (start, end) in enumerate(pauses):
            rng = rng_for(self.style.seed, "answer", section.kind, index % 2)
            slots: list[tuple[float, float]] = []
            beat = float(np.ceil(start * 2) / 2 + 0.5)
            while beat < end - 0.45 and len(slots) < 6:
                length = float(rng.choice([0.5, 0.5, 0.5, 1.0, 0.25]))
                slots.append((beat, length * 0.95))
                beat += length
            if len(slots) < 2:
                continue
            slope = np.linspace(3, -2, len(slots)) * (1 if rng.random() < 0.6 else -1)
            pitches = find_melody(
                slots,
                self.song.chord_at,
                self.pitches,
                rng,
                contour=np.clip(middle + slope, self.low, self.high),
                strong=[self.style.meter.strength(beat) for beat, _ in slots],
                last_classes=set(self.song.chord_at(slots[-1][0]).pitch_classes[:3]),
            )
            for (beat, length), pitch in zip(slots, pitches, strict=True):
                self.track.notes.append(BeatNote(beat, length, pitch, 66 + rng.normal() * 4))


def add_lead(song: Arrangement) -> None:
    """Write the lead part."""
    player = LeadPlayer(song)
    for section in song.sections:
        if section.lines and song.lines:
            player.answer_singer(section)
        elif player.plays(section):
            player.play_section(section)
    if player.track.notes:
        song.tracks.append(player.track)
