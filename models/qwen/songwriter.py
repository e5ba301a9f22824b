"""The songwriter's role on a Qwen model: one call a song, whatever the brief gives kept as it is."""

import json
from pathlib import Path
from typing import Any

from models.qwen.prompt import messages_for
from models.qwen.schema import longest_answer, schema_for
from models.qwen.writer import CACHE_TOKENS, ROWS, QwenWriter
from models.roles import Brief, OnWords, SongSheet

_LYRICS = '"lyrics": '


class QwenSongwriter:
    """Writes any number of sheets at once: each `write` waits in its own thread while one batch decodes them all.

    Texts of the brief are kept to the letter wherever they stand in the sheet: words, style tags, title. The same brief and
    seed give the same sheet, as long as rounding, which depends a little on who else is in the batch, does not tip a token.
    """

    def __init__(
        self, name: str, folder: Path, device: str = "cuda", rows: int = ROWS, cache_tokens: int = CACHE_TOKENS
    ) -> None:
        self.name = name
        self.writer = QwenWriter(folder, device, rows, cache_tokens)

    def write(self, brief: Brief, categories: tuple[str, ...], on_words: OnWords | None = None) -> SongSheet:
        """Return the sheet for `brief`. Raises TooLarge, EngineStopped, and ModelFailure when no sheet came about."""
        schema = schema_for(brief, categories)

        def show(text: str) -> None:
            if on_words and (lyrics := begun_lyrics(text)):
                on_words(lyrics)

        answer = self.writer.answer(
            messages_for(brief), schema, brief.seed, longest_answer(brief), show if on_words else None
        )
        return read_sheet(brief, json.loads(answer))

    def close(self) -> None:
        """Stop the model."""
        self.writer.close()


def read_sheet(brief: Brief, written: dict[str, Any]) -> SongSheet:
    """Return the sheet of what was written, which is in the schema for `brief`, and of what the brief gives."""
    return SongSheet(
        title=brief.title or written["title"].strip(),
        prompt=brief.prompt or written["style"].strip(),
        lyrics=_lyrics(brief, written),
        bpm=float(brief.bpm or written["bpm"]),
        key=brief.key or written["key"],
        time_signature=brief.time_signature or written["time_signature"],
        language=brief.language or written["language"],
        instrumental=brief.instrumental,
        duration=brief.duration,
        categories=tuple(dict.fromkeys(written["categories"])),
        cover_prompt=written["cover"].strip(),
        voice=brief.voice,
    )


def _lyrics(brief: Brief, written: dict[str, Any]) -> str:
    if brief.instrumental:
        return ""
    if "lyrics" not in written:
        return brief.lyrics
    return _as_text(written["lyrics"])


def begun_lyrics(text: str) -> str:
    """Return the words in an answer that is not finished; empty before the first line has begun."""
    # The last character may be half there.
    _, found, begun = text.rstrip("\ufffd").partition(_LYRICS)
    # Whatever the text broke off in can be closed in one of these ways, unless that is within an escape.
    for end in ("]", "}]", "]}]", '"]}]', '": ""}]', '""}]', '"}]') if found else ():
        try:
            sections, _ = json.JSONDecoder().raw_decode(begun + end)
        except ValueError:
            continue
        return _as_text([section for section in sections if section.get("lines")])
    return ""


def _as_text(sections: list[dict[str, Any]]) -> str:
    return "\n\n".join(
        "\n".join([f"[{section['section']}]", *(line.strip() for line in section["lines"])]) for section in sections
    )
