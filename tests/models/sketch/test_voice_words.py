"""From words to sounds: the speaking process, its languages and its failures, and the syllables' way onto the notes."""

import contextlib
import dataclasses
import logging
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from models.sketch.score import Note, SungLine
from models.sketch.voice import sing
from models.sketch.voice.phones import Phone, SpokenSyllable, find_syllables
from models.sketch.voice.speaker import Manner, Speaker
from models.sketch.voice.timing import SungNote, match_syllables, place_speech, syllable_spans
from models.sketch.voice.tongue import read_line
from models.sketch.voice.vowels import vowel_of

ROOT = Path(__file__).resolve().parents[3]
RATE = 48000
MANNER = Manner("m1", 70, 130)


def line(text: str, count: int, step: float = 0.4) -> SungLine:
    notes = tuple(Note(0.5 + index * step, step, 60.0 + index % 3, 0.7, "la") for index in range(count))
    return SungLine(text, notes, tuple((index, 0.8) for index in range(count)))


def phones(*sounds: tuple[str, int]) -> list[Phone]:
    return [Phone(index * 0.1, index * 0.1 + 0.1, symbol, word) for index, (symbol, word) in enumerate(sounds)]


def times(syllable: SpokenSyllable) -> tuple[float, float, float, float]:
    return tuple(round(value, 3) for value in (syllable.onset, syllable.start, syllable.end, syllable.coda))  # type: ignore[return-value]


def test_consonants_end_their_word_or_open_the_next_syllable() -> None:
    spoken = find_syllables(phones(("ɹ", 0), ("ˈʌ", 0), ("n", 0), ("ɐ", 1), ("w", 1), ("ˈeɪ", 1), ("", 1)))
    assert [times(syllable) for syllable in spoken] == [
        (0.0, 0.1, 0.2, 0.3),
        (0.3, 0.3, 0.4, 0.4),
        (0.4, 0.5, 0.6, 0.6),
    ]
    assert [syllable.word for syllable in spoken] == [0, 1, 1]


def test_a_pause_belongs_to_no_syllable() -> None:
    spoken = find_syllables(phones(("h", 0), ("a", 0), ("", 0), ("d", 0), ("u", 0)))
    assert [times(syllable) for syllable in spoken] == [(0.0, 0.1, 0.2, 0.2), (0.3, 0.4, 0.5, 0.5)]


def test_every_syllable_gets_the_note_of_its_word() -> None:
    assert match_syllables([0, 1, 2], [0, 1, 2]) == [(0, 0), (1, 1), (2, 2)]
    # "fire" spoken in one syllable and written on two notes is held; "ninety-nine" on one note shares it.
    assert match_syllables([0, 1], [0, 0, 1]) == [(0, 0), (0, 1), (1, 2)]
    assert match_syllables([0, 0, 0, 1], [0, 1]) == [(0, 0), (1, 0), (2, 0), (3, 1)]
    notes = [SungNote(0.0, 0.6, 60.0), SungNote(0.6, 1.0, 62.0)]
    spans = syllable_spans([0, 0, 0, 1], [0, 1], notes)
    assert np.allclose(spans, [(0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1.0)])


def test_vowels_land_on_their_notes_however_fast() -> None:
    spoken = find_syllables(phones(*[(symbol, word) for word in range(4) for symbol in ("s", "t", "a", "n", "d")]))
    for step in (0.08, 0.3, 1.0):
        spans = [(1 + index * step, 1 + (index + 1) * step) for index in range(4)]
        time_map = place_speech(spoken, spans)
        landed = np.interp([syllable.start for syllable in spoken], time_map.speech, time_map.song)
        assert np.allclose(landed, [start for start, _ in spans], atol=1e-3)
        assert (np.diff(time_map.song) > 0).all()
        assert (np.diff(time_map.speech) > -1e-9).all()


@pytest.mark.parametrize(
    ("text", "language", "voice"),
    [
        ("Ich hab dich gern", "de", "de"),
        ("Pão de açúcar", "pt-BR", "pt-br"),
        ("我想和你", "zh-Hans", "cmn"),
        ("きみのなまえ", "ja", "ja"),
        ("나는 너를", "ko", "ko"),
        ("मैं तुमसे", "hi", "hi"),
        ("أحبك يا", "ar", "ar"),
        ("Я тебя люблю", "en", "ru"),
        ("Я тебе кохаю", "uk", "uk"),
        ("hello there", "xx", "en-us"),
        ("hello there", "../../etc/passwd", "en-us"),
    ],
)
def test_a_line_is_spoken_in_its_language(text: str, language: str, voice: str) -> None:
    utterance = read_line(text, language)
    assert voice in utterance.languages[:2]
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in utterance.languages)
    with Speaker() as speaker:
        recorded = speaker.speak(utterance, MANNER)
    assert 3 <= len(find_syllables(recorded.phones)) <= 8
    # Nothing is spelled out: eSpeak says "letter" or "Chinese letter" when it cannot read.
    assert len(recorded.samples) < 4 * recorded.rate


def test_emoji_marks_and_brackets_are_not_read_aloud() -> None:
    assert read_line("(Oh) love… ❤️🎈 — 𝓵𝓸𝓿𝓮 it's <b>'fine'</b>!", "en").text.split() == [
        "oh",
        "love",
        "love",
        "it's",
        "fine",
    ]
    han = read_line("君の名前", "ja")
    assert han.text.strip() == "らのらら"
    assert han.word_of_character[:4] == (0, 0, 0, 0)


def test_words_keep_their_numbers_where_espeak_joins_or_splits_them() -> None:
    with Speaker() as speaker:
        recorded = speaker.speak(read_line("the end of the valley", "en"), MANNER)
    words = [syllable.word for syllable in find_syllables(recorded.phones)]
    assert words == sorted(words)
    assert set(words) >= {0, 1, 2, 4}
    assert len(words) == 6


def test_the_same_line_sounds_the_same_whatever_was_spoken_before() -> None:
    utterance = read_line("run away tonight", "en")
    with Speaker() as speaker:
        alone = speaker.speak(utterance, MANNER).samples
    with Speaker() as speaker:
        speaker.speak(read_line("something else entirely", "de"), Manner("f5", 30, 160))
        after = speaker.speak(utterance, MANNER).samples
    assert np.array_equal(alone, after)


def test_espeak_never_enters_this_process() -> None:
    sing([line("out of my house", 4)], 3, "en", "robot", 1)
    assert "espeakng_loader" not in sys.modules
    assert "espeak" not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize(
    ("wheel", "reason"),
    [
        ("raise ImportError('no such wheel')", "could not be started"),
        ("import os\nos.abort()", "could not be started"),
        ("def get_library_path(): return '/nowhere/libespeak-ng.so'", "could not be started"),
    ],
)
def test_without_espeak_the_notes_are_sung_on_vowels_and_the_log_says_so(
    wheel: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "espeakng_loader.py").write_text(wheel)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    sung = [line(f"{tmp_path} words nobody spoke before", 4), line(f"{tmp_path} nor these", 3)]
    with caplog.at_level(logging.WARNING):
        stem = sing(sung, 3, "en", "robot", 1)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "2 of 2 lines are sung on vowels" in caplog.text
    assert reason in caplog.text
    for note in sung[0].syllable_notes:
        within = stem[:, round((note.start + 0.05) * RATE) : round((note.start + 0.3) * RATE)]
        assert np.sqrt((within**2).mean()) > 0.02


def test_a_line_without_anything_to_say_is_sung_on_vowels(caplog: pytest.LogCaptureFixture) -> None:
    stem = sing([line("", 3), line("!!! 🎈", 3)], 3, "en", "robot", 1)
    assert np.abs(stem).max() > 0.05
    assert "nothing in the line can be sung" in caplog.text


def test_vowels_are_found_in_any_spelling() -> None:
    assert [vowel_of(text) for text in ("long", "été", "Über", "люб", "क", "shh", "")] == [
        "o",
        "e",
        "u",
        "u",
        "a",
        "a",
        "a",
    ]


def test_who_does_not_sing_is_silent() -> None:
    sung = line("now we all run", 4)
    for lines, voice in (([sung], "none"), ([dataclasses.replace(sung, register="none")], "robot"), ([], "choir")):
        shares: list[float] = []
        stem = sing(lines, 1.5, "en", voice, 1, shares.append)  # type: ignore[arg-type]
        assert stem.shape == (2, 72000)
        assert not stem.any()
        assert shares == [1.0]


def test_progress_never_falls_and_ends_at_one() -> None:
    shares: list[float] = []
    sing([line("now we all run", 4), line("home late my dear", 4)], 3, "en", "robot", 1, shares.append)
    assert shares == sorted(shares)
    assert len(shares) >= 4
    assert shares[-1] == 1.0


class Cancelled(Exception):
    pass


@pytest.mark.parametrize("calls", [1, 2, 4])
def test_what_on_progress_raises_passes_through_and_no_process_is_left(calls: int) -> None:
    heard = 0

    def cancel(_share: float) -> None:
        nonlocal heard
        heard += 1
        if heard == calls:
            raise Cancelled

    before = set(psutil.Process().children(recursive=True))
    lines = [line(f"line number {calls} {index} of a song", 4) for index in range(3)]
    with pytest.raises(Cancelled):
        sing(lines, 3, "en", "robot", 1, cancel)
    assert heard == calls
    assert set(psutil.Process().children(recursive=True)) <= before


def test_the_speaking_process_ends_with_a_killed_parent() -> None:
    program = (
        "import sys, time\n"
        "from models.sketch.voice.speaker import Manner, Speaker\n"
        "from models.sketch.voice.tongue import read_line\n"
        "with Speaker() as speaker:\n"
        "    speaker.speak(read_line('hello', 'en'), Manner('m1', 70, 130))\n"
        "    print(speaker.process_id, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        speaking = psutil.Process(int(parent.stdout.readline()))
        assert speaking.is_running()
        parent.send_signal(signal.SIGKILL)
    with contextlib.suppress(psutil.NoSuchProcess):
        deadline = time.monotonic() + 10
        while speaking.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.01)
        assert speaking.status() == psutil.STATUS_ZOMBIE
