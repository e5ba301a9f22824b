import pytest

from appliance.tables import Song
from web.drawing import clock, form_blocks, player_entry, section_kind, wave_paths

SECTIONS = [
    {"name": "Verse 1", "kind": "verse", "start": 0.0, "duration": 30.0, "energy": 0.5},
    {"name": "Chorus", "kind": "chorus", "start": 30.0, "duration": 30.0, "energy": 1.0},
]


def song(**fields: object) -> Song:
    return Song(**({"duration": 60.0, "sections": [], "lyrics": "", "peaks": None, "title": "Tide Table"} | fields))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.9, "0:59"), (187.4, "3:07"), (-1, "0:00"), (600, "10:00")]
)
def test_times_are_shown_as_on_a_player(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Verse 2", "verse"), ("Pre-Chorus", "lift"), ("HOOK", "chorus"), ("Guitar thing", "verse"), ("Outro:", "outro")],
)
def test_section_names_are_known_by_what_people_call_them(name: str, kind: str) -> None:
    assert section_kind(name) == kind


def test_the_form_is_what_was_played() -> None:
    blocks = form_blocks(song(sections=SECTIONS, lyrics="[Intro]\n[Outro]"))
    assert [(block.kind, block.start, block.energy) for block in blocks] == [("verse", 0.0, 0.5), ("chorus", 30.0, 1.0)]


def test_while_a_song_is_being_made_its_words_give_the_form() -> None:
    blocks = form_blocks(song(lyrics="[Verse 1]\na line\n\n[Chorus]\nanother\n\n[Bridge]\nthe last"))
    assert [(block.kind, block.start, block.duration) for block in blocks] == [
        ("verse", 0.0, 20.0),
        ("chorus", 20.0, 20.0),
        ("bridge", 40.0, 20.0),
    ]


def test_the_waveform_has_a_bar_for_every_share_of_the_song_in_the_colour_of_its_section() -> None:
    peaks = bytes([64] * 400 + [255] * 400)
    paths = wave_paths(song(sections=SECTIONS, peaks=peaks), 90)
    assert [kind for kind, _ in paths] == ["verse", "chorus"]
    assert [path.count("M") for _, path in paths] == [45, 45]
    # Full scale is 48 above and below the middle of a box that is 100 high.
    assert paths[1][1].startswith("M45.2 2h.6v96h-.6z")
    assert paths[0][1].startswith("M0.2 38h.6v24h-.6z")


def test_a_song_without_peaks_has_no_waveform() -> None:
    assert wave_paths(song(), 90) == []


def test_the_player_is_told_everything_it_shows() -> None:
    entry = player_entry(song(id="1234", take=2, sections=SECTIONS, title=""), "Mara")
    assert entry["title"] == "Untitled"
    assert entry["by"] == "Mara"
    assert entry["take"] == 2
    assert entry["audio"] == "/songs/1234/audio"
    assert entry["sections"] == [["Verse 1", "verse", 0.0, 30.0, 0.5], ["Chorus", "chorus", 30.0, 30.0, 1.0]]
