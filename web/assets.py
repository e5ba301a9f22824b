"""Where the built parts of the pages are: logical names to fingerprinted addresses."""

import json
from functools import lru_cache
from pathlib import Path

DIST = Path(__file__).parent / "static" / "dist"
# What is in DIST is served here, for ever: a changed file has another name.
PREFIX = "/static/"


@lru_cache
def manifest() -> dict[str, str]:
    """Return the file name in DIST of every logical name: `app.css`, `app.js`, `htmx.js`, `icons.svg`, `icon.svg`, `sans.woff2`.

    Raises FileNotFoundError where nothing has been built.
    """
    try:
        names: dict[str, str] = json.loads((DIST / "manifest.json").read_text())
    except FileNotFoundError:
        raise FileNotFoundError("The pages are not built yet: run `make install`, or `python -m web.bundle`.") from None
    return names


def asset_url(name: str) -> str:
    """Return the address of the built part called `name`. Raises KeyError for a part that there is not."""
    return PREFIX + manifest()[name]
