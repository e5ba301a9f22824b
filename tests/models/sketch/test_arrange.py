"""What holds for every arrangement: it lasts as long as asked, in the asked key, meter and tempo, and can be sung."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.roles import Take
from models.sketch.arrange import arrange
from models.sketch.arrangement import Arrangement
from models.sketch.genres import genres
from models.sketch.sections import SECTION_KINDS
from models.sketch.theory import SCALES
from models.sketch.vocal_line import RANGES
from models.sketch.words import line_syllables, stresses, sung_words
from tests.models.sketch.arrangements import (
    LYRICS,
    arranged,
    longest_silence,
    make_sheet,
    sounding,
    sung_pitches,
)

ALL_GENRES = sorted(genres())
METERS = {"4/4": 4, "3/4": 3, "6/8": 3}
DIFFICULT_LYRICS = {
    "empty": "",
    "blank": " \n\n ",
    "emoji": "🎉🔥\n😀",
    "headers only": "[Verse]\n[Chorus]\n",
    "one word": "love",
    "no headers": "I walk the line\nI see the sign\n\nAnd then we go\nInto the snow",
    "one endless line": "word " * 3000,
    "one endless word": "a" * 20_000,
    "a flood of lines": ("[Verse]\n" + "walking down the empty street tonight with you\n" * 10) * 150,
    "a flood of sections": "[V]\nla\n" * 5000,
    "brackets": "[" * 3000,
    "Japanese": "[Verse]\n夜空の星が光る君の声が聞こえる夜空の星が光る君の声が聞こえる\n[Chorus]\n走れ走れ",
    "Hebrew": "[בית]\nשלום עולם מה שלומך",
    "Hindi": "नमस्ते दुनिया\nतुम कैसे हो",
    "Thai": "สวัสดีชาวโลกวันนี้อากาศดีมาก",
    "Russian": "Ночь, улица, фонарь, аптека\nБессмысленный и тусклый свет",
    "words in the outro only": "[Outro]\ngoodbye my love",
    "NUL": "a\x00b\nc",
}


def assert_sound(song: Arrangement) -> None:
    """It fills its time without a hole, and every note is one that an instrument can play."""
    assert longest_silence(song) < 2.0
    assert max(end for _, end in sounding(song)) == pytest.approx(song.duration, abs=1.0)
    assert all(start < song.duration for start, _ in sounding(song))
    for track in song.tracks:
        assert track.notes
        assert all(note.beat >= 0 and note.length > 0 and 21 <= note.pitch <= 108 for note in track.notes)
        assert all(1 <= note.velocity <= 127 for note in track.notes)
    assert all(hit.beat >= 0 and 0 < hit.velocity <= 1 for hit in song.hits)
    timeline = song.timeline()
    assert timeline[0].start == 0
    assert sum(section.duration for section in timeline) == pytest.approx(song.duration)


def assert_singable(song: Arrangement) -> None:
    """Every syllable has a note of its own, long enough, in the singer's range, within the song."""
    for line in song.lines:
        syllables = line_syllables(line.text, song.style.language)
        assert [note.syllable for note in line.syllable_notes] == [syllable.text for syllable in syllables]
        assert line.syllables == tuple((syllable.word, syllable.stress) for syllable in syllables)
        words = sung_words(line.text, song.style.language)
        assert {word for word, _ in line.syllables} == {index for index, word in enumerate(words) if stresses(word)}
        low, high, _ = RANGES[line.register]
        assert all(low <= note.pitch <= high for note in line.syllable_notes)
        assert all(note.duration >= 0.04 for note in line.syllable_notes)
        assert not line.harmony or len(line.harmony) == len(line.syllable_notes)
        for note, following in pairwise(line.syllable_notes):
            assert note.start + note.duration <= following.start + 1e-6
        assert line.syllable_notes[0].start >= 0
        assert line.syllable_notes[-1].start + line.syllable_notes[-1].duration <= song.duration
        assert line.breath >= 0
    for line, after in pairwise(song.lines):
        last = line.syllable_notes[-1]
        assert last.start + last.duration <= after.syllable_notes[0].start


@pytest.mark.parametrize("genre", ALL_GENRES)
def test_every_genre_fills_a_sung_and_an_instrumental_song(genre: str) -> None:
    for sung in (True, False):
        song = arranged(genre, sung=sung)
        assert song.style.genre.name == genre
        assert_sound(song)
        assert_singable(song)
        assert bool(song.lines) == sung


@pytest.mark.parametrize(
    ("duration", "meter"),
    [
        *((duration, meter) for duration in (10.0, 31.0) for meter in METERS),
        (4.0, "4/4"),
        (600.0, "4/4"),
        (599.0, "6/8"),
    ],
)
def test_asked_duration_and_meter_are_met_at_every_tempo(duration: float, meter: str) -> None:
    for index, bpm in enumerate((40.0, 61.0, 113.0, 240.0)):
        for genre in ALL_GENRES[index::7] if duration < 100 else ALL_GENRES[index * 7 : index * 7 + 1]:
            song = arranged(genre, seed=index, bpm=bpm, time_signature=meter, duration=duration)
            assert song.style.bpm == bpm
            assert song.beats_per_bar == METERS[meter]
            assert_sound(song)
            assert_singable(song)
            assert song.lines or duration < 10


@pytest.mark.parametrize("name", DIFFICULT_LYRICS)
def test_any_lyrics_make_a_whole_song(name: str) -> None:
    words = any(sung_words(line) for line in DIFFICULT_LYRICS[name].splitlines() if not line.startswith("["))
    for genre, duration in (("pop", 10.0), ("techno", 45.0), ("trap", 180.0)):
        song = arrange(make_sheet(genre, DIFFICULT_LYRICS[name], duration=duration), Take(3))
        assert_sound(song)
        assert_singable(song)
        assert bool(song.lines) == words


@settings(max_examples=30, deadline=None)
@given(
    st.text(max_size=300),
    st.sampled_from(ALL_GENRES),
    st.floats(10, 90),
    st.floats(40, 240),
    st.sampled_from(sorted(METERS)),
    st.integers(0, 2**31 - 1),
)
def test_any_sheet_makes_a_whole_song(
    lyrics: str, genre: str, duration: float, bpm: float, meter: str, seed: int
) -> None:
    song = arrange(make_sheet(genre, lyrics, duration=duration, bpm=bpm, time_signature=meter), Take(seed))
    assert_sound(song)
    assert_singable(song)


@pytest.mark.parametrize(
    ("key", "tonic", "mode"), [("A minor", 9, "minor"), ("Eb major", 3, "major"), ("D", 2, "major")]
)
def test_asked_key_is_kept(key: str, tonic: int, mode: str) -> None:
    scale = {(tonic + interval) % 12 for interval in SCALES[mode]}
    for genre in ("pop", "rock", "house", "cinematic", "reggae"):
        song = arranged(genre, key=key)
        assert (song.style.tonic, song.style.mode) == (tonic, mode)
        assert song.chords[-1].root == tonic
        melody = [note.pitch for track in song.tracks if track.name == "lead" for note in track.notes]
        inside = [pitch % 12 in scale for pitch in [*melody, *sung_pitches(song)]]
        assert sum(inside) >= 0.97 * len(inside)


def test_the_first_beat_of_every_bar_of_a_groove_is_marked_in_every_meter() -> None:
    for meter, beats in METERS.items():
        song = arranged("rock", sung=False, time_signature=meter, duration=60.0)
        chorus = next(section for section in song.sections if section.kind == "chorus")
        kicks = {hit.beat for hit in song.hits if hit.piece == "K"}
        assert all(float(bar * beats) in kicks for bar in range(chorus.first_bar, chorus.end_bar))


def test_a_waltz_has_three_beats_and_six_eight_two() -> None:
    snares = {
        meter: {
            hit.beat % 3 for hit in arranged("rock", sung=False, time_signature=meter).hits
            if hit.piece == "S" and hit.velocity > 0.8
        }
        for meter in ("3/4", "6/8")
    }  # fmt: skip
    assert {1.0, 2.0} <= snares["3/4"]
    assert 1.5 in snares["6/8"]


def test_same_seed_is_the_same_arrangement() -> None:
    for genre in ("jazz", "drum and bass"):
        sheet = make_sheet(genre)
        first, second = arrange(sheet, Take(7)), arrange(sheet, Take(7))
        assert first.tracks == second.tracks
        assert (first.hits, first.lines, first.transitions) == (second.hits, second.lines, second.transitions)


@pytest.mark.parametrize("genre", ALL_GENRES)
def test_two_takes_share_the_words_and_little_else(genre: str) -> None:
    one, two = arranged(genre, 1), arranged(genre, 2)
    assert [line.text for line in one.lines] == [line.text for line in two.lines]
    assert sung_pitches(one) != sung_pitches(two)
    # The second of two takes also plays other parts: another groove, and other instruments or figures.
    if one.hits:
        assert {(hit.beat, hit.piece) for hit in one.hits} != {(hit.beat, hit.piece) for hit in two.hits}
    parts = [{(track.name, track.instrument) for track in song.tracks} for song in (one, two)]
    if genre != "jazz" or parts[0] == parts[1]:
        rhythms = [{(track.name, note.beat) for track in song.tracks for note in track.notes} for song in (one, two)]
        assert parts[0] != parts[1] or len(rhythms[0] & rhythms[1]) < 0.8 * len(rhythms[0])


def test_genres_differ_in_tempo_groove_and_instruments() -> None:
    tempos = [(genre.slowest, genre.usual, genre.fastest) for genre in genres().values()]
    assert len(set(tempos)) >= 0.9 * len(tempos)
    grooves = [repr(genre.drums.grooves) for genre in genres().values() if genre.drums.kit != "none"]
    assert len(set(grooves)) == len(grooves)
    bands = [frozenset(track.instrument for track in arranged(genre).tracks) for genre in ALL_GENRES]
    assert len(set(bands)) == len(bands)
    forms = {tuple(section.kind for section in arranged(genre, sung=False).sections) for genre in ALL_GENRES}
    assert len(forms) >= 8


def test_a_repeated_chorus_is_sung_on_the_same_notes_under_the_same_tune() -> None:
    for genre in ("pop", "jazz", "lofi", "house"):
        song = arranged(genre, duration=150.0)
        by_tune: dict[str, list[int]] = {}
        for index, line in enumerate(song.lines):
            by_tune.setdefault(line.tune, []).append(index)
        repeated = [places for places in by_tune.values() if len(places) > 1]
        chorus = [line for line in song.lines if line.kind == "chorus"]
        assert len({line.tune for line in chorus}) == len({line.text for line in chorus}) < len(chorus)
        for first, *others in repeated:
            for other in others:
                shift = song.lines[other].syllable_notes[0].start - song.lines[first].syllable_notes[0].start
                assert song.lines[other].text == song.lines[first].text
                for note, again in zip(song.lines[first].syllable_notes, song.lines[other].syllable_notes, strict=True):
                    assert again.start - note.start == pytest.approx(shift)
                    assert again.duration == pytest.approx(note.duration)
                    assert again.pitch == note.pitch


def test_choruses_have_a_second_voice_below_the_first() -> None:
    lines = arranged("pop").lines
    assert {line.kind for line in lines if line.harmony} == {"chorus"}
    for line in lines:
        assert all(
            3 <= upper.pitch - lower.pitch <= 9 for upper, lower in zip(line.syllable_notes, line.harmony, strict=False)
        )


def test_instruments_named_in_the_tags_are_played() -> None:
    for prompt in (
        "pop, accordion, harp", "techno, piano", "house, flute", "rock, church organ", "folk, sitar, marimba",
        "lofi, upright bass, music box", "funk, muted guitar, brass",
    ):  # fmt: skip
        for seed in (1, 2):
            played = {track.instrument for track in arranged(prompt, seed).tracks}
            assert set(prompt.split(", ")[1:]) <= played


def test_the_singer_is_who_the_tags_and_the_sheet_ask_for() -> None:
    assert arranged("pop, female vocal").style.singer == "female"
    assert arranged("pop, male vocal").style.singer == "male"
    assert {arranged("pop", seed).style.singer for seed in range(12)} == {"female", "male"}
    assert arranged("pop", sung=False).style.singer == "none"


@pytest.mark.parametrize("duration", [10.0, 90.0])
def test_the_last_chord_rings_out_and_nobody_sings_over_it(duration: float) -> None:
    for genre in ALL_GENRES:
        song = arranged(genre, duration=duration)
        assert song.sections[-1].end_bar >= 3
        last_bar = song.last_beat - song.beats_per_bar
        ending = [note for track in song.tracks if not track.staccato for note in track.notes if note.beat >= last_bar]
        assert {note.pitch % 12 for note in ending} & set(song.chords[-1].pitch_classes)
        assert all(song.seconds(note.beat + note.length) == pytest.approx(duration, abs=0.3) for note in ending)
        last = song.lines[-1].syllable_notes[-1]
        assert last.start + last.duration <= song.seconds(last_bar) + 1e-6


def test_sections_are_known_to_the_roles_and_follow_one_another() -> None:
    for genre in ALL_GENRES:
        song = arranged(genre, sung=False)
        assert all(section.kind in SECTION_KINDS for section in song.sections)
        for before, after in pairwise(song.sections):
            assert before.end_bar == after.first_bar
    assert "[Verse 1]" in LYRICS
    assert "Verse 1" in {section.name for section in arranged("pop").timeline()}
