"""What a song looks like in a folder of music: names, tags, timed words and a sidecar with everything else."""

import re
from pathlib import Path
from typing import Any

import msgspec
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TALB, TDRC, TIT2, TPE1, TPE2, TRCK, USLT

from appliance.tables import Song, User

FORMAT = 1
SIDECAR = "song.json"
_HEADER = re.compile(r"^\s*\[([^\]\n]{1,40})\]\s*$")
# What no file system of the three great ones takes in a name.
_UNUSABLE = re.compile(r'[\x00-\x1f\\/:*?"<>|]+')


class Brief(msgspec.Struct, forbid_unknown_fields=True):
    """What was asked for, as the request has it."""

    mode: str
    full_description: str
    prompt: str
    lyrics: str
    described_lyrics: str
    title: str
    instrumental: bool
    duration: float
    bpm: float | None
    key: str | None
    time_signature: str | None
    language: str | None
    voice: str
    seed: int


class Sidecar(msgspec.Struct, forbid_unknown_fields=True):
    """Everything about a take that its audio cannot say. `files` are the SHA-256 of the files beside it; `peaks` is in hex."""

    format: int
    song: str
    request: str
    take: int
    created_at: str
    title: str
    prompt: str
    lyrics: str
    instrumental: bool
    duration: float
    bpm: float | None
    key: str | None
    language: str | None
    seed: int
    steps: int | None
    guidance_scale: float | None
    model: str
    loudness: float | None
    peaks: str
    sections: list[dict[str, Any]]
    categories: list[str]
    published: bool
    brief: Brief
    files: dict[str, str]


def file_name(text: str, otherwise: str = "Untitled") -> str:
    """Return `text` as a name that every file system takes."""
    clean = " ".join(_UNUSABLE.sub(" ", text).split()).strip(" .")
    return clean[:80].strip(" .") or otherwise


def folder_of(song: Song) -> Path:
    """Return where a take goes below the folder of its owner: an album for each month, so that no folder gets too long.

    The beginning of the song's id keeps takes and songs of one name apart.
    """
    return Path(album_of(song)) / f"{file_name(song.title)} [{str(song.id)[:8]}]"


def album_of(song: Song) -> str:
    """Return the album that players file a song under."""
    return f"{song.created_at:%Y-%m}"


def tag_flac(file: Path, song: Song, artist: str, cover: bytes | None) -> None:
    """Give a FLAC the tags that players look for."""
    tags = FLAC(file)
    tags["title"], tags["artist"], tags["albumartist"] = song.title or "Untitled", artist, artist
    tags["album"], tags["date"], tags["tracknumber"] = album_of(song), f"{song.created_at:%Y-%m-%d}", str(song.take)
    if song.lyrics:
        tags["lyrics"] = song.lyrics
    if cover:
        picture = Picture()
        picture.type, picture.mime, picture.data = 3, "image/jpeg", cover
        tags.clear_pictures()
        tags.add_picture(picture)
    tags.save()


def tag_mp3(file: Path, song: Song, artist: str, cover: bytes | None) -> None:
    """Give an MP3 the tags that players look for."""
    tags = ID3(file)
    frames = [TIT2(text=song.title or "Untitled"), TPE1(text=artist), TPE2(text=artist), TALB(text=album_of(song))]
    for frame in (*frames, TDRC(text=f"{song.created_at:%Y-%m-%d}"), TRCK(text=str(song.take))):
        tags.setall(frame.FrameID, [frame])
    if song.lyrics:
        tags.setall("USLT", [USLT(lang="und", desc="", text=song.lyrics)])
    if cover:
        tags.setall("APIC", [APIC(mime="image/jpeg", type=3, desc="", data=cover)])
    tags.save()


def timed_words(song: Song, artist: str) -> str:
    """Return the words as an LRC file: each line with the moment where it begins.

    Nobody writes down where each line is sung, so the lines of a section are spread evenly over it, as on the song's page.
    Headings are matched with the sections of the same name, in order; lines of what was never played have no moment.
    """
    lines = [f"[ti:{song.title}]", f"[ar:{artist}]", f"[length:{_moment(song.duration)}]"]
    left = list(song.sections)
    for heading, words in _stanzas(song.lyrics):
        at = next((n for n, part in enumerate(left) if not heading or _same(heading, part)), None)
        if at is None:
            lines += words
            continue
        section = left[at]
        left = left[at + 1 :]
        step = section["duration"] / max(1, len(words))
        lines += [f"[{_moment(section['start'] + number * step)}]{line}" for number, line in enumerate(words)]
    return "\n".join(lines) + "\n"


def _stanzas(lyrics: str) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in lyrics.splitlines():
        if header := _HEADER.match(line):
            found.append((header[1], []))
        elif line.strip():
            if not found:
                found.append(("", []))
            found[-1][1].append(line.strip())
    return [(heading, lines) for heading, lines in found if lines]


def _same(heading: str, section: dict[str, Any]) -> bool:
    wanted = _plain(heading)
    return wanted in (_plain(str(section["name"])), _plain(str(section["kind"])))


def _plain(name: str) -> str:
    return re.sub(r"[\d\s:]+$", "", name).strip().lower()


def _moment(seconds: float) -> str:
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def sidecar_of(song: Song, files: dict[str, str]) -> Sidecar:
    """Return the sidecar of a ready song, loaded with its request and categories."""
    asked = song.request
    brief = Brief(**{name: getattr(asked, name) for name in Brief.__struct_fields__})
    same = {
        name: getattr(song, name)
        for name in (
            "take", "title", "prompt", "lyrics", "instrumental", "duration", "bpm", "key", "language", "seed", "steps",
            "guidance_scale", "model", "loudness", "sections", "published",
        )
    }  # fmt: skip
    return Sidecar(
        format=FORMAT,
        song=str(song.id),
        request=str(song.request_id),
        created_at=song.created_at.isoformat(),
        peaks=(song.peaks or b"").hex(),
        categories=[category.name for category in song.categories],
        brief=brief,
        files=files,
        **same,
    )


def artist_of(user: User) -> str:
    """Return whom players say that the songs are by."""
    return user.name
