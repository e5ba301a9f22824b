"""The genre presets as data: everything they name exists and can be played."""

import re

import pytest

from models.sketch.figures import FIGURES
from models.sketch.genres import Genre, genres
from models.sketch.instruments import instruments
from models.sketch.style import find_genre
from models.sketch.theory import SCALES, roman_chord

# The pieces of a kit, as the docstring of Drums lists them.
PIECES = frozenset("KSRCZHOPDBXTUVtMWgGbL") | {"taiko", "timpani"}
STEPS = re.compile(r"[.\d-]{16}")
BASS_STEPS = re.compile(r"[.R5836a-]{16}")
LAYER_PATTERN = re.compile(r"(power:)?[.\d-]{16}|strum:[.DU]{16}|arp(8|16):(up|updown|roll|syn|motif)")


def test_there_are_thirty_genres() -> None:
    assert len(genres()) == 30


@pytest.mark.parametrize("genre", genres().values(), ids=lambda genre: genre.name)
def test_everything_that_a_genre_names_can_be_played(genre: Genre) -> None:
    assert 40 <= genre.slowest <= genre.usual <= genre.fastest <= 240
    assert find_genre(f"some {genre.name}, with feeling") is genre
    for groove in (groove for grooves in genre.drums.grooves for groove in grooves.values()):
        assert set(groove) <= PIECES
        assert all(STEPS.fullmatch(steps) for steps in groove.values())
    assert (
        all({"quiet", "middle", "full"} <= set(grooves) for grooves in genre.drums.grooves) or genre.drums.kit == "none"
    )
    named = {genre.bass_instrument, *genre.lead_instruments}
    for layer in genre.layers:
        named |= {layer.instrument, *layer.other_instruments}
        patterns = (layer.pattern, *layer.other_patterns)
        assert all(pattern in FIGURES or LAYER_PATTERN.fullmatch(pattern) for pattern in patterns)
    assert named <= set(instruments())
    assert all(steps == "walk" or BASS_STEPS.fullmatch(steps) for steps in genre.bass_patterns)
    for mode in genre.modes:
        minor = mode in ("minor", "dorian", "phrygian", "harmonic minor")
        for progression in (line for lines in genre.progressions_in(minor).values() for line in lines):
            for numeral in progression.split():
                assert len(roman_chord(numeral, 0, mode).intervals) >= 2
    assert set(genre.modes) <= set(SCALES)


def test_every_genre_gives_its_takes_something_to_choose() -> None:
    for genre in genres().values():
        if genre.drums.kit != "none":
            assert len(genre.drums.grooves) >= 2
        varied = [layer for layer in genre.layers if layer.other_instruments or layer.other_patterns]
        assert varied or len(genre.lead_instruments) > 2


@pytest.mark.parametrize(
    ("tags", "genre"),
    [
        ("deep house, 122 bpm", "house"), ("indie folk", "folk"), ("acoustic jazz", "jazz"), ("K-pop", "edm pop"),
        ("sad piano", "pop"), ("heavy metal ballad", "metal"), ("lo-fi hip hop", "lofi"), ("neo soul", "r&b"),
        ("", "pop"), ("夜", "pop"), ("epic orchestral", "cinematic"),
    ],
)  # fmt: skip
def test_tags_name_genres_by_many_names(tags: str, genre: str) -> None:
    assert find_genre(tags).name == genre
