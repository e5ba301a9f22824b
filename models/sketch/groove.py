"""The drum part: grooves by intensity, fills into the next section, builds, ghost notes and crashes."""

import numpy as np

from models.sketch.arrangement import Arrangement
from models.sketch.meter import read_steps
from models.sketch.score import DrumHit
from models.sketch.sections import FormSection
from models.sketch.theory import choose, rng_for

# Pieces that stop where a fill begins; shakers and bells play through.
INTERRUPTED_BY_FILL = frozenset("KSCORBDLWZ")
SWAYING_PIECES = frozenset("HMD")
GHOST_PLACES = (1.75, 2.25, 3.75)
TOM_RUNS = {8: "SSTTUUVV", 4: "TTUV"}


def _intensity(song: Arrangement, section: FormSection, place: int) -> str:
    """Return which groove of the genre a section plays: "quiet", "middle" or "full"."""
    form = song.style.genre.form
    short_opening = section.kind == "intro" and place == 0 and section.bars <= 2 and form in ("song", "loop")
    if section.kind == "breakdown" or short_opening:
        return "quiet"
    if section.kind == "bridge" and form in ("edm", "song"):
        return "quiet" if section.energy < 0.6 else "middle"
    return "quiet" if section.energy < 0.42 else "middle" if section.energy < 0.74 else "full"


def _bar_groove(song: Arrangement, section: FormSection, bar: int, intensity: str) -> dict[str, str]:
    """Return the patterns of one bar: layers enter over an intro and leave over an outro."""
    grooves = choose(song.style.genre.drums.grooves, song.style.seed, "groove")
    groove = dict(grooves[intensity])
    if intensity == "full" and bar % 2:
        groove = dict(grooves.get("full_odd", groove))
    if section.kind == "intro" and section.bars >= 4 and bar < section.bars // 2:
        groove = {piece: steps for piece, steps in groove.items() if piece in ("K", "H", "M", "t", "R", "taiko")}
        if song.style.genre.form in ("song", "loop") and section.energy < 0.5:
            groove.pop("K", None)
    leaving = section.bars > 2 and bar >= section.bars - max(1, section.bars // 3)
    if section.kind == "outro" and leaving:
        groove = {piece: steps for piece, steps in groove.items() if piece in "KHM"}
    return {piece: song.style.meter.drum_pattern(piece, steps) for piece, steps in groove.items()}


def _build_bar(song: Arrangement, section: FormSection, bar: int) -> list[DrumHit]:
    """Return one bar of a build: the snare doubles its pace twice on the way to the drop."""
    beats = song.beats_per_bar
    start = float((section.first_bar + bar) * beats)
    share = bar / section.bars
    division = 1 if share < 0.45 else 2 if share < 0.7 else 4
    piece = "taiko" if song.style.genre.name == "cinematic" else "S"
    hits = []
    for index in range(beats * division):
        velocity = 0.35 + 0.5 * (bar + index / (beats * division)) / section.bars
        hits.append(DrumHit(start + index / division, piece, min(0.95, velocity)))
    if song.style.genre.form == "edm" and bar < section.bars - 1:
        hits += [DrumHit(start + beat, "K", 0.85) for beat in range(beats)]
    if "H" in song.style.genre.drums.grooves[0]["full"]:
        hits += [DrumHit(start + index / 2, "H", 0.3 + 0.2 * share) for index in range(beats * 2)]
    return hits


def _fill(kind: str, start: float, length: float, rng: np.random.Generator, energy: float) -> list[DrumHit]:
    """Return a fill of `length` beats from beat `start`, growing towards its end."""
    count = max(2, int(length * 4))
    hits = []
    for index in range(count):
        beat = start + index * 0.25
        velocity = (0.5 + 0.4 * index / count) * (0.75 + 0.25 * energy)
        if kind == "toms" and not (index % 4 == 1 and rng.random() < 0.35):
            run = TOM_RUNS.get(count, "TV")
            hits.append(DrumHit(beat, run[index % len(run)], velocity))
        elif kind == "snare" and (rng.random() < 0.75 or index >= count - 2):
            hits.append(DrumHit(beat, "S", velocity * 0.9))
        elif kind == "roll":
            hits += [DrumHit(beat, "S", velocity * 0.8), DrumHit(beat + 0.125, "S", velocity * 0.7)]
        elif kind == "hat":
            hits += [DrumHit(beat, "H", velocity * 0.8), DrumHit(beat + 0.125, "H", velocity * 0.6)]
        elif kind == "timpani":
            hits += [DrumHit(beat, "timpani", velocity * 0.6), DrumHit(beat + 0.125, "timpani", velocity * 0.65)]
    return hits


def _pattern_hits(
    song: Arrangement, groove: dict[str, str], start: float, cut: float, energy: float, rng: np.random.Generator
) -> list[DrumHit]:
    """Return the strokes of one bar's patterns up to `cut` beats into the bar."""
    hits = []
    for piece, pattern in groove.items():
        for offset, digit, _ in read_steps(pattern, song.style.meter):
            if offset >= cut and piece in INTERRUPTED_BY_FILL:
                continue
            velocity = int(digit) / 9 * (0.85 + 0.2 * energy)
            if piece in SWAYING_PIECES:
                velocity *= 1 + 0.12 * rng.normal()
            hits.append(DrumHit(start + offset, piece, float(np.clip(velocity, 0.05, 1.0))))
    return hits


def _ornaments(
    song: Arrangement, groove: dict[str, str], start: float, cut: float, rng: np.random.Generator
) -> list[DrumHit]:
    """Return ghost notes of a played snare, and the hat rolls of trap in every second bar."""
    genre, beats = song.style.genre, song.beats_per_bar
    hits = []
    if "S" in groove and genre.human_seconds > 0.007 and genre.form != "edm":
        for place in GHOST_PLACES:
            if place < cut and rng.random() < 0.16:
                hits.append(DrumHit(start + place, "S", 0.16 + 0.08 * rng.random()))
    if genre.drums.machine == "trap" and start // beats % 2 and rng.random() < 0.8:
        place = float(rng.choice([1.5, 2.5, 3.5])) % beats
        count = int(rng.choice([3, 4, 6]))
        step = 0.5 / count
        hits += [DrumHit(start + place + index * step, "H", 0.35 + 0.4 * index / count) for index in range(count)]
    return hits


def _section_hits(song: Arrangement, section: FormSection, place: int) -> list[DrumHit]:
    genre, beats = song.style.genre, song.beats_per_bar
    following = song.sections[place + 1] if place + 1 < len(song.sections) else None
    intensity = _intensity(song, section, place)
    rng = rng_for(song.style.seed, "drums", section.kind)
    can_fill = genre.drums.fill != "none"
    hits = []
    for bar in range(section.bars):
        start = float((section.first_bar + bar) * beats)
        if section.final and bar == section.bars - 1:
            if ("crash" in genre.traits or section.energy > 0.5) and (intensity != "quiet" or genre.form == "edm"):
                hits += [DrumHit(start, "K", 0.9), DrumHit(start, "X", 0.7)]
            continue
        if section.kind == "build":
            hits += _build_bar(song, section, bar)
            continue
        last = bar == section.bars - 1
        filling = last and can_fill and following is not None and section.bars >= 2 and following.energy >= 0.3
        fill_beats = (2 if following is not None and following.energy > 0.7 else 1) if filling else 0
        cut = beats - min(fill_beats, beats - 1)
        groove = _bar_groove(song, section, bar, intensity)
        if filling and genre.form == "edm" and following is not None and following.kind in ("drop", "chorus"):
            groove.pop("K", None)  # the kick drops out before the drop
        hits += _pattern_hits(song, groove, start, cut, section.energy, rng)
        if intensity != "quiet":
            hits += _ornaments(song, groove, start, cut, rng)
        if filling:
            hits += _fill(genre.drums.fill, start + cut, beats - cut, rng, section.energy)
        elif can_fill and bar % 4 == 3 and not last and intensity != "quiet" and rng.random() < 0.5:
            hits += _fill(genre.drums.fill, start + beats - 0.5, 0.5, rng, section.energy * 0.8)
    if "crash" in genre.traits and section.energy >= 0.7 and place > 0:
        hits.append(DrumHit(float(section.first_bar * beats), "X", 0.55 + 0.25 * section.energy))
    return hits


def add_drums(song: Arrangement) -> None:
    """Write the drum part, unless the genre goes without."""
    if song.style.genre.drums.kit != "none":
        for place, section in enumerate(song.sections):
            song.hits += _section_hits(song, section, place)
