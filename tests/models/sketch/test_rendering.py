"""Filters, effects, levels and the mix: each held to what it promises, with signals whose answer is known."""

from collections.abc import Callable

import numpy as np
import pyloudnorm
import pytest
from scipy import signal

from models.sketch.rendering.audio import BLOCK, SAMPLE_RATE, Audio, lay, pan_gains, silence
from models.sketch.rendering.colour import crush, saturate, tape_noise, wear_tape
from models.sketch.rendering.dynamics import apply_curve, compress, fade, pump_curve, soften_peaks
from models.sketch.rendering.filters import apply_filters, bell, highpass, lowpass, shelf
from models.sketch.rendering.levels import SILENT, level_to, loudness
from models.sketch.rendering.mix import Sum
from models.sketch.rendering.space import add_chorus, add_echo, add_room, convolve_into, room_response, spread

LONG = 2 * BLOCK + 12_345  # more than two blocks, so that every seam is crossed


def tone(frequency: float, length: int = LONG, level: float = 0.5) -> Audio:
    wave = level * np.sin(2 * np.pi * frequency * np.arange(length) / SAMPLE_RATE)
    return np.stack([wave, wave]).astype(np.float32)


def noise(length: int = LONG, level: float = 0.1, seed: int = 1) -> Audio:
    return np.random.default_rng(seed).standard_normal((2, length), dtype=np.float32) * np.float32(level)


def decibels(samples: Audio) -> float:
    return float(10 * np.log10(np.square(samples, dtype=np.float64).mean()))


@pytest.mark.parametrize(
    ("sections", "frequency", "change"),
    [
        (highpass(200), 50, -24),
        (highpass(200), 2000, 0),
        (lowpass(1000), 4000, -24),
        (lowpass(1000), 100, 0),
        (bell(1000, 6, 1.0), 1000, 6),
        (bell(1000, 6, 1.0), 60, 0),
        (shelf(3000, -4), 15_000, -4),
        (shelf(3000, -4), 100, 0),
        (shelf(300, 5, "low"), 30, 5),
        (shelf(300, 5, "low"), 10_000, 0),
    ],
)
def test_a_filter_changes_a_tone_by_what_it_says(sections: np.ndarray, frequency: float, change: float) -> None:
    before = tone(frequency)
    after = apply_filters(before.copy(), sections)
    settled = slice(BLOCK, None)
    assert decibels(after[:, settled]) - decibels(before[:, settled]) == pytest.approx(change, abs=0.5)


def test_filters_in_blocks_are_the_same_as_in_one_go() -> None:
    samples = noise()
    expected = signal.sosfilt(np.vstack([highpass(90), bell(400, -3)]), samples.astype(np.float64), axis=1)
    apply_filters(samples, highpass(90), bell(400, -3))
    np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_loudness_is_that_of_the_reference_meter() -> None:
    samples = noise(SAMPLE_RATE * 6)
    samples[:, : SAMPLE_RATE * 3] *= np.float32(0.01)  # below the gate
    reference = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(samples.T)
    assert loudness(samples) == pytest.approx(reference, abs=0.1)


def test_silence_has_no_loudness_and_keeps_its_level() -> None:
    assert loudness(silence(SAMPLE_RATE)) == SILENT
    assert loudness(noise(100)) == SILENT
    assert not level_to(silence(SAMPLE_RATE), -16).any()


def test_levelling_reaches_the_loudness_asked_for() -> None:
    assert loudness(level_to(noise(), -18.5)) == pytest.approx(-18.5, abs=0.01)


def test_convolution_is_convolution_in_place_too() -> None:
    source, response = noise(), noise(700, seed=2)
    expected = np.stack([np.convolve(*pair) for pair in zip(source, response, strict=True)])[:, :LONG]
    apart = silence(LONG)
    convolve_into(apart, source, response, 0.5)
    np.testing.assert_allclose(apart, 0.5 * expected, atol=1e-4)
    in_place = source.copy()
    convolve_into(in_place, in_place, response, 0.5)
    np.testing.assert_allclose(in_place, source + 0.5 * expected, atol=1e-4)


def test_a_room_rings_as_long_as_it_says() -> None:
    response = room_response(1.5, 0.02, 6000, 1)
    assert np.square(response).sum(axis=1).mean() == pytest.approx(1.0, abs=0.3)
    assert np.abs(response[:, : int(0.02 * SAMPLE_RATE)]).max() < 1e-9
    early = decibels(response[:, int(0.1 * SAMPLE_RATE) : int(0.2 * SAMPLE_RATE)])
    late = decibels(response[:, int(1.1 * SAMPLE_RATE) : int(1.2 * SAMPLE_RATE)])
    assert early - late == pytest.approx(40, abs=6)  # 60 dB in 1.5 s
    click = silence(LONG)
    click[:, 0] = 1.0
    assert np.abs(add_room(click, 1.5, 0.2)[:, SAMPLE_RATE // 2 :]).max() > 0
    np.testing.assert_array_equal(add_room(tone(440), 1.5, 0.0), tone(440))


def test_an_echo_answers_in_time_and_from_the_sides() -> None:
    click = silence(SAMPLE_RATE)
    click[:, 0] = 1.0
    add_echo(click, 0.25, 0.5, feedback=0.5, repeats=2)
    first, second = click[:, 11_990:12_100], click[:, 23_990:24_100]
    assert np.abs(first[0]).max() > 4 * np.abs(first[1]).max() > 0
    assert np.abs(second[1]).max() > 4 * np.abs(second[0]).max() > 0
    assert np.abs(second).max() < np.abs(first).max()
    silenced = silence(SAMPLE_RATE)
    silenced[:, 0] = 1.0
    add_echo(silenced, 0.25, 0.5, send=np.zeros(SAMPLE_RATE // 64 + 2, np.float32))
    assert np.abs(silenced[:, 1:]).max() < 1e-9


@pytest.mark.parametrize(
    "effect",
    [
        lambda samples: add_chorus(samples, 0.5, 2.0, 11.0, 0.35),
        lambda samples: saturate(samples, 2.0, 0.6),
        lambda samples: wear_tape(samples, 1.1, 5),
        lambda samples: compress(samples, -20, 4),
    ],
)
def test_effects_leave_no_click_at_the_seams_of_their_blocks(effect: Callable[[Audio], Audio]) -> None:
    steady = effect(tone(220))[:, 2000:-2000]
    assert np.abs(np.diff(steady, 2)).max() < 3e-3  # a tone of 220 Hz bends by 4e-4 from sample to sample


def test_saturation_leaves_a_quiet_tone_where_it_is_and_bends_a_loud_one() -> None:
    quiet = tone(440, level=0.01)
    np.testing.assert_allclose(saturate(quiet.copy(), 0.1, 1.0), 0.9 * quiet, atol=2e-4)
    loud = saturate(tone(440, level=2.0), 2.0, 1.0)
    assert np.abs(loud[:, BLOCK:-64]).max() < 1.0


def test_a_compressor_leaves_the_quiet_and_lowers_the_loud() -> None:
    quiet, loud = tone(440, level=0.01), tone(440, level=0.8)
    np.testing.assert_allclose(compress(quiet.copy(), -20, 4), quiet, atol=1e-6)
    settled = slice(SAMPLE_RATE, None)
    over = decibels(loud[:, settled]) + 20
    lowered = decibels(compress(loud.copy(), -20, 4)[:, settled])
    assert lowered == pytest.approx(-20 + over / 4, abs=0.3)


def test_peaks_are_bent_below_the_ceiling_and_the_rest_is_untouched() -> None:
    samples = noise(level=0.4)
    softened = soften_peaks(samples.copy())
    below = np.abs(samples) < 0.66
    np.testing.assert_array_equal(softened[below], samples[below])
    assert np.abs(samples).max() > 1.2
    assert np.abs(softened).max() < 0.978


def test_the_pump_dips_with_every_kick_and_recovers() -> None:
    curve = pump_curve(SAMPLE_RATE * 2, [0.5, 1.5], 0.6, 0.4)
    pumped = apply_curve(np.ones((2, SAMPLE_RATE * 2), np.float32), curve)
    assert pumped[0, int(0.505 * SAMPLE_RATE)] == pytest.approx(0.4, abs=0.05)
    assert pumped[1, int(1.0 * SAMPLE_RATE)] == pytest.approx(1.0)
    assert pumped[0, int(1.505 * SAMPLE_RATE)] == pytest.approx(0.4, abs=0.05)


def test_the_low_end_is_mono_and_the_width_is_what_was_asked() -> None:
    low, high = tone(40), tone(4000)
    low[1] *= -1
    high[1] *= np.float32(0.5)
    settled = slice(BLOCK, None)
    assert decibels(spread(low, 1.0, 160)[:, settled]) < -30
    side = np.abs(high[0] - high[1])[settled].max()
    spread(high, 1.4, 160)
    assert np.abs(high[0] - high[1])[settled].max() == pytest.approx(1.4 * side, rel=0.02)


def test_panning_keeps_the_centre_and_favours_a_side() -> None:
    np.testing.assert_allclose(pan_gains(0.0), [[1.0], [1.0]], atol=1e-6)
    left, right = pan_gains(-0.5)[:, 0]
    assert 1.25 >= left > 1 > right > 0.5


def test_what_falls_outside_is_lost_and_the_rest_lands() -> None:
    target = silence(10)
    piece = np.ones((2, 6), np.float32)
    lay(target, -4, piece)
    lay(target, 8, piece, 0.5)
    lay(target, 50, piece)
    lay(target, -50, piece)
    np.testing.assert_array_equal(target[0], [1, 1, 0, 0, 0, 0, 0, 0, 0.5, 0.5])


def test_crushed_sound_has_few_levels_and_old_records_hiss() -> None:
    assert len(np.unique(crush(tone(300, 4800), 4, 3))) <= 17
    hiss = tape_noise(SAMPLE_RATE, 3)
    assert -75 < decibels(hiss) < -45
    np.testing.assert_array_equal(hiss, tape_noise(SAMPLE_RATE, 3))


def test_a_fade_begins_and_ends_in_silence() -> None:
    faded = fade(np.ones((2, SAMPLE_RATE), np.float32), 0.01, 0.5)
    assert faded[0, 0] == 0
    assert faded[0, -1] == pytest.approx(0, abs=1e-4)
    assert faded[0, SAMPLE_RATE // 4] == 1


def test_the_sum_of_stems_does_not_depend_on_their_order() -> None:
    pieces = [(start, noise(50_000, seed=number)) for number, start in enumerate((0, 20_000, 0, 50_000))]
    sums = [Sum(100_000), Sum(100_000)]
    for total, order in zip(sums, (pieces, pieces[::-1]), strict=True):
        for start, piece in order:
            total.add(start, piece)
    first, second = (total.samples() for total in sums)
    assert first.tobytes() == second.tobytes()
    np.testing.assert_allclose(first[:, :20_000], pieces[0][1][:, :20_000] + pieces[2][1][:, :20_000], atol=1e-6)
