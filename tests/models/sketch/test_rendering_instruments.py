"""Instruments, synthesizer, drum machines and soundfonts: everything an arrangement can name sounds, and in tune."""

from pathlib import Path

import numpy as np
import pytest
from tinysoundfont import _tinysoundfont as tinysoundfont

from models.roles import SongSheet, Take
from models.sketch.arrange import arrange
from models.sketch.genres import genres
from models.sketch.instruments import instruments
from models.sketch.rendering.audio import SAMPLE_RATE, Audio
from models.sketch.rendering.drum_machines import kick_frequency, one_shot
from models.sketch.rendering.drums import KEYS, MACHINE_LEVELS
from models.sketch.rendering.sampler import play, play_kit
from models.sketch.rendering.soundfonts import DRUM_BANK, Soundfont, find_soundfont
from models.sketch.rendering.synth import patches, pitch_to_hertz, render_note
from models.sketch.rendering.synth import play as play_synth
from models.sketch.score import Note

SECOND = SAMPLE_RATE
IN_TUNE = 40  # cents: bells and reeds are not exact in any soundfont, but far from the next key
SAMPLED = sorted(name for name, instrument in instruments().items() if instrument.program is not None)


def sheet_of(genre: str) -> SongSheet:
    return SongSheet(
        title="", prompt=genre, lyrics="", bpm=110.0, key="A minor", time_signature="4/4", language="en",
        instrumental=True, duration=90.0, categories=(), cover_prompt="",
    )  # fmt: skip


def cents_off(samples: Audio, pitch: float) -> float:
    """Return how far the sound lies from `pitch`, by the peaks of its spectrum at the pitch's first three harmonics."""
    mono = samples.mean(axis=0) * np.hanning(samples.shape[1])
    power = np.abs(np.fft.rfft(mono, 1 << 18))
    step = SAMPLE_RATE / (1 << 18)
    best, off = 0.0, 1200.0
    for harmonic in (1, 2, 3):
        wanted = pitch_to_hertz(pitch) * harmonic
        first, last = int(wanted * 0.96 / step), int(wanted * 1.04 / step) + 1
        peak = first + int(np.argmax(power[first:last]))
        if power[peak] > best:
            best, off = float(power[peak]), abs(1200 * np.log2(peak * step / wanted))
    return off


@pytest.fixture(scope="module")
def soundfont() -> Path:
    return find_soundfont(None)


@pytest.mark.parametrize("name", SAMPLED)
def test_every_sampled_instrument_sounds_in_tune(name: str, soundfont: Path) -> None:
    instrument = instruments()[name]
    pitch = (instrument.low + instrument.high) // 2
    assert instrument.program is not None
    samples = play(soundfont, instrument.program, [Note(0.0, 0.9, pitch, 0.8)], SECOND)
    assert np.abs(samples).max() > 0.01
    assert cents_off(samples, pitch) < IN_TUNE


@pytest.mark.parametrize("name", sorted(patches()))
def test_every_patch_sounds_in_tune_and_ends(name: str) -> None:
    patch = patches()[name]
    pitch = 40 if name.startswith("bass") else 64
    note = render_note(patch, pitch, 0.9, 0.8)
    assert np.isfinite(note).all()
    assert 0.05 < np.abs(note).max() < 4
    assert np.abs(note[:, -1]).max() < 1e-3
    assert cents_off(note[:, SECOND // 3 : SECOND], pitch) < IN_TUNE


def test_a_patch_is_brighter_when_it_is_struck_harder() -> None:
    def brightness(velocity: float) -> float:
        power = np.abs(np.fft.rfft(render_note(patches()["pluck"], 57, 0.5, velocity)[0]))
        return float((power * np.arange(len(power))).sum() / power.sum())

    assert brightness(1.0) > 1.1 * brightness(0.4)


def test_the_synthesizer_plays_notes_when_they_are_written() -> None:
    notes = [Note(0.25, 0.1, 60, 0.8), Note(0.75, 0.1, 60, 0.4)]
    samples = np.abs(play_synth(patches()["pluck"], notes, SECOND))
    assert not samples[:, : SECOND // 4].any()
    first, second = samples[:, SECOND // 4 : SECOND // 2].max(), samples[:, 3 * SECOND // 4 :].max()
    assert first > 1.5 * second > 0


@pytest.mark.parametrize("name", sorted(genres()))
def test_every_stroke_of_an_arrangement_has_its_sound(name: str) -> None:
    drums = genres()[name].drums
    pieces = {hit.piece for hit in arrange(sheet_of(name), Take(seed=3)).hits}
    if drums.kit == "machine":
        strokes = {piece: one_shot(drums.machine, piece, 50.0) for piece in pieces}
        assert pieces == {piece for piece, stroke in strokes.items() if stroke is not None}
        assert all(np.abs(stroke).max() == pytest.approx(1.0) for stroke in strokes.values() if stroke is not None)
        assert pieces <= MACHINE_LEVELS.keys()
    else:
        assert pieces - {"timpani", "taiko"} <= KEYS.keys()


def test_a_kick_is_tuned_to_the_key() -> None:
    for tonic in range(12):
        frequency = kick_frequency(tonic)
        assert 38 < frequency < 60
        pitch_class = round(69 + 12 * np.log2(frequency / 440)) % 12
        assert pitch_class in (tonic, (tonic + 7) % 12) or frequency == 50.0


def test_a_closed_hat_silences_the_open_one(soundfont: Path) -> None:
    open_hat, closed_hat, gains = 46, 42, {46: 1.0, 42: 0.5}
    ringing = play_kit(soundfont, 0, [(0.0, open_hat, 0.9)], gains, SECOND)
    closed = play_kit(soundfont, 0, [(0.0, open_hat, 0.9), (0.1, closed_hat, 0.01)], gains, SECOND)
    later = slice(SECOND // 4, SECOND // 2)
    assert np.abs(closed[:, later]).max() < 0.2 * np.abs(ringing[:, later]).max()


def test_a_performance_leaves_nothing_behind_for_the_next(soundfont: Path) -> None:
    notes = [Note(0.0, 0.3, 60, 0.8), Note(0.2, 0.8, 60, 0.7), Note(0.5, 5.0, 67, 0.7)]
    first = play(soundfont, 48, notes, SECOND)
    play(soundfont, 52, [Note(0.0, 9.0, 50, 1.0)], SECOND)
    assert first.tobytes() == play(soundfont, 48, notes, SECOND).tobytes()
    assert not play(soundfont, 48, [], SECOND).any()


def test_a_key_struck_twice_is_let_go_twice(soundfont: Path) -> None:
    organ = 16  # which sounds for as long as a key is down
    twice_at_once = [Note(0.0, 0.2, 60, 0.8), Note(0.0, 0.3, 60, 0.8)]
    overlapping = [Note(0.0, 0.3, 60, 0.8), Note(0.1, 0.2, 60, 0.8)]
    for notes in (twice_at_once, overlapping):
        samples = play(soundfont, organ, notes, SECOND)
        assert np.abs(samples[:, : SECOND // 10]).max() > 0.05
        assert np.abs(samples[:, 3 * SECOND // 4 :]).max() < 1e-4


@pytest.mark.parametrize(("bank", "program", "key"), [(0, 0, 60), (0, 33, 40), (0, 48, 67), (DRUM_BANK, 8, 38)])
def test_an_instrument_cut_out_sounds_as_in_the_whole_soundfont(
    soundfont: Path, bank: int, program: int, key: int
) -> None:
    whole = tinysoundfont.SoundFont(str(soundfont))
    cut = tinysoundfont.SoundFont(Soundfont(soundfont).cut_out(bank, program, {key}))
    sounds = []
    for player, in_bank, number in ((whole, bank, program), (cut, 0, 0)):
        player.set_output(tinysoundfont.OutputMode.StereoUnweaved, SAMPLE_RATE, 0.0)
        player.channel_set_bank(0, in_bank)
        player.channel_set_preset_number(0, number, in_bank == DRUM_BANK)
        player.channel_note_on(0, key, 0.7)
        samples = np.zeros(2 * SECOND, np.float32)
        player.render(samples.view(np.uint8))
        sounds.append(samples)
    assert np.abs(sounds[0]).max() > 0.01
    np.testing.assert_allclose(sounds[1], sounds[0], atol=1e-4)


def test_a_missing_program_is_replaced_and_a_missing_bank_refused(soundfont: Path) -> None:
    font = Soundfont(soundfont)
    assert font.cut_out(DRUM_BANK, 99, {38})
    with pytest.raises(ValueError, match="bank 77"):
        font.cut_out(77, 0, {60})


def test_the_soundfont_is_the_chosen_one_or_one_that_is_there(tmp_path: Path) -> None:
    assert find_soundfont(None).is_file()
    chosen = tmp_path / "mine.sf2"
    with pytest.raises(FileNotFoundError, match="no soundfont at"):
        find_soundfont(chosen)
    chosen.write_bytes(b"RIFF this is not a soundfont, whatever its name says")
    assert find_soundfont(chosen) == chosen
    with pytest.raises(ValueError, match="not a soundfont"):
        Soundfont(chosen)
