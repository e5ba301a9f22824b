"""The fallback sleeve: a small geometric SVG for every song whose cover is not painted yet, so that no song is ever grey.

The pictures hold no ids, styles or scripts: any number of them may stand on one page under a strict content policy.
"""

import hashlib
import random
from functools import lru_cache

from web.sleeve_motifs import MOTIFS, SIDE, Inks, rect

PALETTE = {
    "pine": "#143f35", "ink": "#13211c", "marigold": "#f2a93b", "foam": "#a8d5be", "sky": "#9cc5d3", "shell": "#edb9a6",
    "brick": "#c8513a", "bone": "#f1e8d6", "plum": "#573144", "night": "#1c2c46", "leaf": "#3e7f68", "deep": "#0b2a24",
}  # fmt: skip

COLOURWAYS = tuple(
    Inks(*(PALETTE[name] for name in row.split()))
    for row in (
        "sky night brick shell marigold bone",
        "sky pine leaf foam marigold bone",
        "shell plum brick sky marigold bone",
        "foam pine brick leaf marigold bone",
        "foam night leaf sky brick bone",
        "night ink brick sky marigold bone",
        "night deep leaf sky marigold bone",
        "plum ink brick shell marigold bone",
        "pine deep brick foam marigold bone",
        "deep ink leaf foam marigold bone",
        "marigold plum brick shell pine bone",
        "marigold night leaf foam brick bone",
        "leaf deep brick foam marigold bone",
        "brick plum leaf shell marigold bone",
        "bone night brick shell marigold foam",
        "bone pine leaf foam brick sky",
    )
)


@lru_cache(4096)  # 2 kB each; a page of Discover shows sixty
def sleeve_svg(seed: str, size: int = 352) -> str:
    """Return an inline SVG, `size` × `size` CSS pixels, for `seed` (the song's id). Same seed, same picture.

    It is decoration and hidden from assistive technology: the song's title stands beside it.
    """
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    chance = random.Random(int.from_bytes(digest, "big"))
    motif, inks = chance.choice(MOTIFS), chance.choice(COLOURWAYS)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{size}" height="{size}" '
        f'aria-hidden="true" focusable="false">{rect(0, 0, SIDE, SIDE, inks.ground)}{motif(chance, inks)}</svg>'
    )
