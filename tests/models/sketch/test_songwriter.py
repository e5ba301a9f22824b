"""The sketch songwriter: what was asked for is kept, the rest is invented, and every text makes a valid sheet."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.roles import Brief, Mode, SongSheet, Songwriter
from models.sketch.genres import genres
from models.sketch.lyrics import parse_lyrics
from models.sketch.rhymes import last_word, line_family
from models.sketch.songwriter import SketchSongwriter
from models.sketch.style import find_genre
from models.sketch.theory import parse_key

CATEGORIES = (
    "Pop", "Rock", "Hip hop", "R&B", "Electronic", "House", "Techno", "Drum and bass", "Ambient", "Lo-fi", "Jazz",
    "Blues", "Soul", "Funk", "Disco", "Country", "Folk", "Reggae", "Latin", "Metal", "Punk", "Classical", "Cinematic",
    "World", "Gospel", "Children", "Synthwave", "Trap", "Indie", "Acoustic", "Chill", "Energetic", "Happy", "Sad",
    "Romantic", "Dark", "Dreamy", "Epic", "Focus", "Party", "Workout", "Sleep",
)  # fmt: skip
MODES: tuple[Mode, ...] = ("description", "lyrics", "described_lyrics")
WORDS = "[Verse]\nI walked   the \tlong way home\n\n[Chorus]\nHold the line (hold the line)\nHold the line\n"
DIFFICULT_TEXTS = [
    "", "   \n ", "🎉🔥", "?!…", "שלום עולם", "夜の東京を走る", "Ночь, улица", "<script>alert(1)</script>",
    "word " * 4000, "a" * 20_000, "[" * 3000, "\n" * 5000, "'", "-", "[Verse]", "{key}", "%s {0}", "A", "bpm 0 bpm 999999",
]  # fmt: skip


def write(mode: Mode = "description", categories: tuple[str, ...] = CATEGORIES, **fields: object) -> SongSheet:
    return SketchSongwriter().write(Brief(mode, **fields), categories)  # type: ignore[arg-type]


def assert_valid(sheet: SongSheet) -> None:
    assert sheet.title.strip() == sheet.title
    assert 1 <= len(sheet.title) <= 80
    assert "\n" not in sheet.title
    assert 1 <= len(sheet.prompt) <= 500
    assert "\n" not in sheet.prompt
    assert 30 <= sheet.bpm <= 300
    assert parse_key(sheet.key) is not None
    assert re.fullmatch(r"\d+/\d+", sheet.time_signature)
    assert 1 <= len(sheet.categories) <= 4
    assert set(sheet.categories) <= set(CATEGORIES)
    assert sheet.cover_prompt.endswith(".")
    assert len(sheet.cover_prompt) <= 300
    if sheet.instrumental:
        assert sheet.lyrics == ""


def test_the_songwriter_has_the_role() -> None:
    songwriter: Songwriter = SketchSongwriter()
    assert songwriter.name == "sketch"


def test_a_description_decides_genre_mood_tempo_key_and_singer() -> None:
    sheet = write(description="A dreamy synthwave song about a lonely astronaut in D minor, 120 bpm, female vocal")
    assert sheet.bpm == 120
    assert sheet.key == "D minor"
    assert sheet.prompt.startswith("synthwave, dreamy")
    assert "female vocal" in sheet.prompt
    assert {"Synthwave", "Dreamy"} <= set(sheet.categories)
    assert "astronaut" in sheet.lyrics.lower()
    assert "astronaut" in sheet.cover_prompt
    assert_valid(sheet)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("piano in F# major", "F# major"),
        ("a song in B flat minor", "Bb minor"),
        ("key of A minor, slow", "A minor"),
        ("techno, a minor", "A minor"),
        ("funk, E♭ dorian", "Eb dorian"),
    ],
)
def test_a_key_named_in_the_description_is_kept(text: str, key: str) -> None:
    assert write(description=text).key == key


def test_the_article_a_is_not_taken_for_a_key() -> None:
    keys = {write(description="house about a major city of light", seed=seed).key for seed in range(12)}
    assert any(not key.startswith("A ") for key in keys)


def test_fields_of_the_brief_win_over_the_description() -> None:
    sheet = write(
        description="techno at 120 bpm in D minor, 4/4",
        bpm=98.5,
        key="C# minor",
        time_signature="3/4",
        title=" My own\n title ",
    )
    assert (sheet.bpm, sheet.key, sheet.time_signature, sheet.title) == (98.5, "C# minor", "3/4", "My own title")


def test_every_genre_name_leads_to_that_genre_and_its_tempo() -> None:
    for name, genre in genres().items():
        sheet = write(description=f"{name} song about the sea")
        assert find_genre(sheet.prompt).name == name
        assert genre.slowest <= sheet.bpm <= genre.fastest


def test_an_energetic_mood_is_faster_than_a_calm_one() -> None:
    assert write(description="energetic fast pop").bpm > write(description="calm slow pop").bpm


def test_a_waltz_is_in_three() -> None:
    assert write(description="a waltz for my grandmother").time_signature == "3/4"


def test_written_lyrics_are_sections_of_rhyming_lines() -> None:
    for seed in range(8):
        sheet = write(description="rock song about a river", seed=seed, duration=120.0)
        sections = parse_lyrics(sheet.lyrics)
        assert {"verse", "chorus"} <= {section.kind for section in sections}
        verse = next(section for section in sections if section.kind == "verse")
        families = [line_family(line) for line in verse.lines]
        assert len(verse.lines) == 4
        assert families[1] == families[3] or (families[0] == families[1] and families[2] == families[3])
        ends = [last_word(line) for line in verse.lines]
        assert ends[1] != ends[3]


def test_longer_songs_have_more_words() -> None:
    lines = [
        sum(
            len(section.lines) for section in parse_lyrics(write(description="pop about rain", duration=seconds).lyrics)
        )
        for seconds in (10.0, 60.0, 120.0, 240.0, 480.0)
    ]
    assert lines == sorted(lines)
    assert lines[0] <= 6
    assert lines[-1] > 3 * lines[1]


def test_the_title_is_short_and_not_the_description() -> None:
    for seed in range(20):
        title = write(description="indie folk about the old lighthouse keeper and his dog", seed=seed).title
        assert 1 <= len(title.split()) <= 6
        assert title.lower() not in {"indie folk", "about the old lighthouse keeper and his dog"}


def test_given_lyrics_are_kept_to_the_letter() -> None:
    sheet = write("lyrics", prompt="indie rock, 132 bpm", lyrics=WORDS)
    assert sheet.lyrics == WORDS
    assert sheet.prompt == "indie rock, 132 bpm"
    assert sheet.bpm == 132
    assert sheet.title == "Hold the line"
    assert not sheet.instrumental


def test_only_the_line_ends_of_given_lyrics_are_changed() -> None:
    assert write("lyrics", prompt="pop", lyrics="one\r\ntwo\rthree ").lyrics == "one\ntwo\nthree "


def test_described_lyrics_are_written_about_the_description_with_the_sound_of_the_prompt() -> None:
    sheet = write(
        "described_lyrics", prompt="country, banjo, 110 bpm", described_lyrics="a truck driver and his daughter"
    )
    assert sheet.prompt == "country, banjo, 110 bpm"
    assert sheet.bpm == 110
    assert "Country" in sheet.categories
    assert re.search("truck|driver|daughter", sheet.lyrics, re.IGNORECASE)


def test_a_prompt_without_a_genre_gets_one() -> None:
    sheet = write("lyrics", prompt="sparkling, tape hiss", lyrics=WORDS)
    assert sheet.prompt.startswith("sparkling, tape hiss, ")
    assert sheet.prompt.split(", ")[-1] in genres()


@pytest.mark.parametrize("mode", MODES)
def test_an_instrumental_song_has_no_words_in_any_mode(mode: Mode) -> None:
    sheet = write(mode, description="jazz", prompt="jazz", lyrics=WORDS, described_lyrics="rain", instrumental=True)
    assert sheet.instrumental
    assert sheet.lyrics == ""
    assert_valid(sheet)


@pytest.mark.parametrize("mode", MODES)
def test_an_instrumental_song_needs_no_text_at_all(mode: Mode) -> None:
    assert_valid(write(mode, instrumental=True))


@pytest.mark.parametrize("text", ["instrumental techno", "lofi beat, no vocals", "a waltz without words"])
def test_a_description_can_ask_for_an_instrumental(text: str) -> None:
    assert write(description=text).instrumental


def test_an_instrumental_break_still_has_a_singer() -> None:
    assert not write(description="pop song with an instrumental break").instrumental


def test_words_are_written_where_lyrics_mode_has_none() -> None:
    assert "[Chorus]" in write("lyrics", prompt="punk").lyrics


def test_given_words_beat_the_tag_instrumental_and_a_lone_instrumental_header_beats_singing() -> None:
    assert write("lyrics", prompt="techno, instrumental", lyrics=WORDS).lyrics == WORDS
    assert write("lyrics", prompt="techno", lyrics="[Instrumental]\n").instrumental


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("Ночь улица фонарь", "ru"),
        ("夜空の星が光る", "ja"),
        ("我爱你在月光下", "zh"),
        ("사랑해요 당신을", "ko"),
        ("أحبك يا حبيبي", "ar"),
        ("אני אוהב אותך", "he"),
        ("σε αγαπώ πολύ", "el"),
        ("मैं तुमसे प्यार करता हूँ", "hi"),
        ("ฉันรักเธอ", "th"),
        ("Ich gehe durch die dunkle Nacht und habe nur an dich gedacht", "de"),
        ("la la la", "en"),
    ],
)
def test_the_language_of_given_words_is_guessed(words: str, language: str) -> None:
    assert write("lyrics", prompt="pop", lyrics=words).language == language


def test_the_asked_language_is_kept_for_given_words_and_written_words_are_english() -> None:
    assert write("lyrics", prompt="pop", lyrics="la la la", language="pt-BR").language == "pt-BR"
    assert write(description="ein Lied über das Meer", language="de").language == "en"


@pytest.mark.parametrize("text", DIFFICULT_TEXTS)
@pytest.mark.parametrize("mode", MODES)
def test_difficult_texts_make_valid_sheets(mode: Mode, text: str) -> None:
    sheet = write(mode, description=text, prompt=text, lyrics=text, described_lyrics=text, title=text)
    assert_valid(sheet)
    if mode != "lyrics" or not text.strip():
        assert len(sheet.lyrics) <= 5000


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300), mode=st.sampled_from(MODES), seed=st.integers(0, 2**63), duration=st.floats(1, 900))
def test_any_text_makes_a_valid_sheet(text: str, mode: Mode, seed: int, duration: float) -> None:
    sheet = write(mode, description=text, prompt=text, lyrics=text, described_lyrics=text, seed=seed, duration=duration)
    assert_valid(sheet)
    if mode == "lyrics" and sheet.lyrics.startswith(text[:1]) and text.strip():
        assert sheet.lyrics.replace("\n", "") == text.replace("\r", "").replace("\n", "") or not sheet.instrumental


def test_the_same_brief_and_seed_give_the_same_sheet_and_another_seed_another() -> None:
    sheets = [write(description="disco about the moon", seed=seed) for seed in (5, 5, 6)]
    assert sheets[0] == sheets[1]
    assert sheets[0].lyrics != sheets[2].lyrics


def test_categories_match_without_regard_to_case_and_come_from_the_offer() -> None:
    assert write(description="sad jazz", categories=("JAZZ", "sad", "Polka")).categories == ("JAZZ", "sad")
    assert write(description="sad jazz", categories=("Polka",)).categories == ("Polka",)
    assert write(description="sad jazz", categories=()).categories == ()
    assert write(description="polka", categories=("Pop", "Polka")).categories[0] == "Polka"


def test_a_choir_in_the_description_sings() -> None:
    assert write(description="gospel choir praising the morning").voice == "choir"
    assert write(description="gospel", voice="none").voice == "none"
