"""Sheets to arrange, and what an arrangement's tests look at."""

from functools import lru_cache

from models.roles import SongSheet, Take
from models.sketch.arrange import arrange
from models.sketch.arrangement import Arrangement
from models.sketch.genres import genres

LYRICS = """[Verse 1]
Walking down the empty street tonight
Counting every window full of light
I remember all the things you said
Turning round and round inside my head

[Chorus]
Hold on, hold on, the morning comes again
Hold on, hold on, I'll find you in the rain
We are rivers running to the sea
Hold on, hold on, come running back to me

[Verse 2]
Somebody is singing far away
Melodies I knew from yesterday
Every corner has another door
Leading to the life we had before

[Chorus]
Hold on, hold on, the morning comes again
Hold on, hold on, I'll find you in the rain
We are rivers running to the sea
Hold on, hold on, come running back to me
"""


def make_sheet(
    prompt: str = "pop",
    lyrics: str = LYRICS,
    *,
    bpm: float | None = None,
    key: str = "A minor",
    time_signature: str = "4/4",
    duration: float = 90.0,
    language: str = "en",
) -> SongSheet:
    """A sheet for the genre of `prompt`, at the genre's usual tempo unless told otherwise."""
    usual = genres()[prompt].usual if prompt in genres() else 100.0
    return SongSheet(
        title="Hold On",
        prompt=prompt,
        lyrics=lyrics,
        bpm=bpm or usual,
        key=key,
        time_signature=time_signature,
        language=language,
        instrumental=not lyrics,
        duration=duration,
        categories=(),
        cover_prompt="",
    )


@lru_cache(maxsize=256)
def arranged(prompt: str, seed: int = 1, *, sung: bool = True, **fields: float | str) -> Arrangement:
    """The arrangement of a sheet with the words above or with none; kept, because arrangements are only looked at."""
    return arrange(make_sheet(prompt, LYRICS if sung else "", **fields), Take(seed))  # type: ignore[arg-type]


def sounding(song: Arrangement) -> list[tuple[float, float]]:
    """When something sounds, as (start, end) in seconds, in the order of time; a drum stroke for a seventh of a second."""
    spans: list[tuple[float, float]] = []
    for track in song.tracks:
        starts = song.seconds([note.beat for note in track.notes])
        ends = song.seconds([note.beat + note.length for note in track.notes])
        spans += zip(starts.tolist(), ends.tolist(), strict=True)
    spans += [(start, start + 0.15) for start in song.seconds([hit.beat for hit in song.hits]).tolist()]
    spans += [(note.start, note.start + note.duration) for line in song.lines for note in line.syllable_notes]
    return sorted(spans)


def longest_silence(song: Arrangement) -> float:
    """The longest time in seconds, from the song's start to its end, in which nothing sounds."""
    longest = until = 0.0
    for start, end in sounding(song):
        longest = max(longest, min(start, song.duration) - until)
        until = max(until, end)
    return max(longest, song.duration - until)


def sung_pitches(song: Arrangement) -> list[float]:
    """Every pitch that is sung, in the order of time."""
    return [note.pitch for line in song.lines for note in line.syllable_notes]
