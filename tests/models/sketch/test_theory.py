"""Keys, chords, voicings, meters, and the seed's decisions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sketch.meter import METERS, read_meter, read_steps
from models.sketch.theory import (
    CHORD_INTERVALS,
    Chord,
    choose,
    nearest_pitch,
    parse_key,
    rng_for,
    roman_chord,
    scale_pitches,
    voice_chord,
)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("A minor", (9, "minor")), ("F# major", (6, "major")), ("Ebm", (3, "minor")), ("d dorian", (2, "dorian")),
        ("B flat major", (10, "major")), ("C♯ min", (1, "minor")), ("G", (7, "major")), ("", None), ("hello", None),
    ],
)  # fmt: skip
def test_keys_are_read(text: str, key: tuple[int, str] | None) -> None:
    assert parse_key(text) == key


@pytest.mark.parametrize(
    ("symbol", "mode", "pitch_classes"),
    [
        ("I", "major", [0, 4, 7]), ("ii7", "major", [2, 5, 9, 0]), ("V7b9", "major", [7, 11, 2, 5, 8]),
        ("bVII", "major", [10, 2, 5]), ("VI", "minor", [8, 0, 3]), ("iv9", "minor", [5, 8, 0, 3, 7]),
        ("ii7b5", "minor", [2, 5, 8, 0]), ("IVmaj7", "major", [5, 9, 0, 4]),
    ],
)  # fmt: skip
def test_roman_numerals_are_read(symbol: str, mode: str, pitch_classes: list[int]) -> None:
    assert roman_chord(symbol, 0, mode).pitch_classes == pitch_classes


def test_what_is_no_numeral_is_refused() -> None:
    with pytest.raises(ValueError, match="not a Roman numeral"):
        roman_chord("X7", 0, "major")


@given(
    st.integers(0, 11), st.sampled_from(sorted(CHORD_INTERVALS)), st.integers(3, 5), st.booleans(), st.integers(45, 60)
)
def test_voicings_are_close_and_in_the_register(root: int, quality: str, count: int, rootless: bool, low: int) -> None:
    chord = Chord(root, CHORD_INTERVALS[quality])
    previous = None
    for _ in range(3):
        voicing = voice_chord(chord, previous, low, low + 26, count=count, drop_root=rootless)
        assert voicing == sorted(set(voicing))
        assert voicing[0] >= low
        assert voicing[-1] <= low + 28
        assert {pitch % 12 for pitch in voicing} <= set(chord.pitch_classes)
        previous = voicing


def test_voices_move_little_from_chord_to_chord() -> None:
    first = voice_chord(roman_chord("I", 0, "major"), None, 48, 74, count=3)
    second = voice_chord(roman_chord("IV", 0, "major"), first, 48, 74, count=3)
    assert sum(abs(upper - lower) for upper, lower in zip(first, second, strict=True)) <= 4


def test_the_nearest_pitch_of_a_scale() -> None:
    assert nearest_pitch(61, {0, 7}) == 60
    assert scale_pitches(9, "minor", 57, 69) == [57, 59, 60, 62, 64, 65, 67, 69]


@given(st.integers(0, 2**40), st.integers(2, 7), st.text(max_size=8))
def test_neighbouring_seeds_choose_differently(seed: int, count: int, name: str) -> None:
    options = list(range(count))
    assert choose(options, seed, name) != choose(options, seed + 1, name)
    assert choose(options, seed, name) == choose(options, seed, name)


def test_every_option_is_chosen_by_some_seed() -> None:
    for count in (1, 2, 3, 5):
        assert {choose(range(count), seed, "x") for seed in range(200)} == set(range(count))


def test_every_decision_has_dice_of_its_own() -> None:
    draws = [rng_for(1, "a"), rng_for(1, "b"), rng_for(2, "a"), rng_for(1, "a", "b")]
    assert len({generator.random() for generator in draws}) == 4


@pytest.mark.parametrize(
    ("text", "name"),
    [("4/4", "4/4"), ("3/4", "3/4"), ("6/8", "6/8"), ("12/8", "6/8"), ("2/4", "4/4"), ("", "4/4"), ("7/8", "4/4")],
)
def test_time_signatures_become_the_nearest_that_is_played(text: str, name: str) -> None:
    assert read_meter(text).name == name


def test_steps_are_read_with_their_holds() -> None:
    assert list(read_steps("9---5...........", METERS["4/4"])) == [(0.0, "9", 1.0), (1.0, "5", 0.25)]


@pytest.mark.parametrize(
    ("pattern", "six_eight"),
    [
        ("7---6---7---6---", "7---6-7---6-"),
        ("R.R.R.R.R.R.R.R.", "R.R.R.R.R.R."),
        ("8.......8.......", "8.....8....."),
        ("D..DU.UDD..DU.U.", "D.D.U.D.D.U."),
    ],
)
def test_six_eight_sways_long_and_short(pattern: str, six_eight: str) -> None:
    assert METERS["6/8"].fit(pattern) == six_eight


@given(st.text(alphabet="R59.-", min_size=16, max_size=16), st.sampled_from(sorted(METERS)))
def test_every_pattern_fits_every_meter(pattern: str, name: str) -> None:
    meter = METERS[name]
    assert len(meter.fit(pattern)) == meter.steps
    until = 0.0
    for offset, _, held in read_steps(pattern, meter):
        assert offset >= until
        until = offset + held
    assert until <= meter.beats
    assert meter.strength(0) == meter.strength(meter.beats) == 1.0
