"""What a model wrote, made into what a song may have: it is data, and nothing of it is trusted."""

from dataclasses import replace

from appliance.briefs import MAX_LYRICS, MAX_PROMPT, MAX_TITLE, tidy
from appliance.categories import CATEGORIES
from models.roles import SongSheet


def tidied(sheet: SongSheet) -> SongSheet:
    """Return a sheet whose texts have the lengths and characters of ours, and whose categories are among ours."""
    return replace(
        sheet,
        title=" ".join(tidy(sheet.title, MAX_TITLE).split()),
        prompt=" ".join(tidy(sheet.prompt, MAX_PROMPT).split()),
        lyrics=tidy(sheet.lyrics, MAX_LYRICS),
        categories=tuple(name for name in sheet.categories if name in CATEGORIES),
    )


def begun(words: str) -> str:
    """Return the words of a song as far as they are written, fit to be shown."""
    return tidy(words, MAX_LYRICS)
