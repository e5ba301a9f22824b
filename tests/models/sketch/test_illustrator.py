"""The sleeves of the sketch engine: repeatable, of the promised size, siblings that differ, and never refusing a sheet."""

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.roles import Illustrator, SongSheet
from models.sketch.covers.canvas import Paper
from models.sketch.covers.drawings import DRAWINGS, choose_drawing
from models.sketch.covers.mood import GENRES, read_mood
from models.sketch.covers.palette import PALETTES, choose_palette
from models.sketch.illustrator import SketchIllustrator

ROOT = Path(__file__).resolve().parents[3]

SHEET = SongSheet(
    title="Salt on the Window",
    prompt="indie folk, harmonium, close alto",
    lyrics="[Verse]\nThe kettle's gone quiet",
    bpm=84.0,
    key="D major",
    time_signature="4/4",
    language="en",
    instrumental=False,
    duration=214.0,
    categories=("Folk",),
    cover_prompt="",
)


def sheet_with(**changes: object) -> SongSheet:
    return dataclasses.replace(SHEET, **changes)  # type: ignore[arg-type]


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.int16)


def test_a_cover_is_1024_pixels_square_in_rgb() -> None:
    illustrator: Illustrator = SketchIllustrator()
    cover = illustrator.paint(SHEET, 1)
    assert (cover.mode, cover.size, illustrator.name) == ("RGB", (1024, 1024), "sketch")


def test_another_process_paints_the_same_pixels() -> None:
    here = hashlib.sha256(SketchIllustrator().paint(sheet_with(), 7).tobytes()).hexdigest()
    program = (
        "import hashlib\n"
        "from models.roles import SongSheet\n"
        "from models.sketch.illustrator import SketchIllustrator\n"
        f"sheet = {SHEET!r}\n"
        "print(hashlib.sha256(SketchIllustrator().paint(sheet, 7).tobytes()).hexdigest())\n"
    )
    # A hash seed of its own, so that anything that leans on Python's hash() of text is found out.
    there = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_each_drawing_fills_the_sheet_differently_for_every_take(name: str) -> None:
    takes = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        palette = PALETTES[0].colourway(rng)
        paper = Paper(palette.ink)
        DRAWINGS[name](paper, palette, rng)
        takes.append(pixels(paper.finish()))
    # A drawing is neither empty nor one flat ground: it varies across the sheet, in every quarter-sized crop of the middle.
    for take in takes:
        assert take[256:768, 256:768].std() > 10
        assert take.std() > 18
    changed = np.abs(takes[0] - takes[1]).max(axis=2) > 24
    assert changed.mean() > 0.12


def test_takes_of_one_song_share_the_kind_of_drawing_and_differ_in_the_picture() -> None:
    one, other = (pixels(SketchIllustrator().paint(SHEET, seed)) for seed in (11, 12))
    assert (np.abs(one - other).max(axis=2) > 24).mean() > 0.12


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "", "prompt": "", "lyrics": "", "categories": (), "key": "", "language": ""},
        {"title": "🌊🔥🎷", "prompt": "💿, 🕺"},
        {"title": "مطر على النافذة", "prompt": "عود, حزين", "language": "ar"},
        {"title": "雨の日の東京", "prompt": "シティポップ", "language": "ja"},
        {"title": "x" * 20_000, "prompt": "folk, " * 3_500, "cover_prompt": "rain " * 4_000},
        {"title": "\x00<script>\ud800", "prompt": "\t\n,,,", "bpm": 0.0},
    ],
    ids=["empty", "emoji", "right-to-left", "japanese", "20 kB", "control characters"],
)
def test_any_sheet_gets_a_cover(changes: dict[str, object]) -> None:
    assert SketchIllustrator().paint(sheet_with(**changes), -3).size == (1024, 1024)


def test_every_drawing_that_a_genre_or_a_word_asks_for_exists() -> None:
    asked = {drawing for genre in GENRES for drawing in genre.drawings}
    story = "rain sea snow hill garden city space desert robot dream river fire glass vinyl game party church"
    asked |= set(read_mood(sheet_with(title=story)).drawings)
    assert asked == set(DRAWINGS)


def test_every_palette_that_a_genre_is_fond_of_exists() -> None:
    names = {palette.name for palette in PALETTES}
    assert {name for genre in GENRES for name in genre.palettes} <= names
    assert len(names) == len(PALETTES)


@pytest.mark.parametrize(
    ("title", "tags", "drawing"),
    [
        ("Slow Ferry", "dub, melodica", "sea"),
        ("Rain Again", "pop", "rain"),
        ("Untitled", "chiptune, fast", "pixels"),
        ("Moon Base", "ambient", "orbits"),
    ],
)
def test_the_words_and_the_genre_of_a_song_decide_what_is_drawn(title: str, tags: str, drawing: str) -> None:
    weights = read_mood(sheet_with(title=title, prompt=tags, categories=())).drawings
    assert max(weights, key=lambda name: weights[name]) == drawing
    drawn = [choose_drawing(weights, np.random.default_rng(seed)) for seed in range(40)]
    assert drawn.count(drawing) > 20


def test_sad_and_dark_songs_get_darker_inks_than_happy_and_bright_ones() -> None:
    def lightness(tags: str) -> float:
        mood = read_mood(sheet_with(title="", prompt=tags, categories=()))
        chosen = [
            choose_palette(mood.valence, mood.energy, mood.night, mood.palettes, np.random.default_rng(seed))
            for seed in range(60)
        ]
        return float(np.mean([palette.valence - palette.night for palette in chosen]))

    assert lightness("happy, sunny, playful") > lightness("gloomy, sad, haunting, night") + 0.5
