"""The sketch engine's illustrator: prints a sleeve for a song sheet, chosen by its genre, its words and its mood."""

import hashlib

import numpy as np
from PIL.Image import Image

from models.roles import SongSheet
from models.sketch.covers.canvas import Paper
from models.sketch.covers.drawings import DRAWINGS, choose_drawing
from models.sketch.covers.mood import read_mood
from models.sketch.covers.palette import choose_palette


class SketchIllustrator:
    """Paints generative sleeves without a model, in half a second or so of one core."""

    name = "sketch"

    def paint(self, sheet: SongSheet, seed: int) -> Image:
        """Return a 1024 × 1024 RGB cover for `sheet`. Same sheet and seed, same pixels, in every process.

        The sheet alone decides what is drawn and in which inks, so the takes of a song look like siblings; `seed` decides
        the composition, which ink leads and sometimes whether it is day or night.
        """
        mood = read_mood(sheet)
        song = _generator(sheet.title, sheet.prompt, sheet.lyrics, sheet.cover_prompt, *sheet.categories)
        drawing = choose_drawing(mood.drawings, song)
        palette = choose_palette(mood.valence, mood.energy, mood.night, mood.palettes, song)
        take = _generator(sheet.title, sheet.prompt, sheet.lyrics, drawing, str(seed))
        palette = palette.colourway(take)
        paper = Paper(palette.ink)
        DRAWINGS[drawing](paper, palette, take)
        return paper.finish()


def _generator(*texts: str) -> np.random.Generator:
    """A generator seeded by the digest of `texts`, whatever they hold: Python's own hash differs between processes."""
    digest = hashlib.sha256()
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return np.random.default_rng(int.from_bytes(digest.digest(), "big"))
