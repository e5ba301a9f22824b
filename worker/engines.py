"""The models that this worker keeps in memory, chosen by settings."""

from dataclasses import dataclass

from appliance.settings import settings
from models.roles import Composer, Illustrator, Songwriter
from models.sketch.composer import SketchComposer
from models.sketch.illustrator import SketchIllustrator
from models.sketch.songwriter import SketchSongwriter


@dataclass(frozen=True, slots=True)
class Engines:
    """One model for each role."""

    songwriter: Songwriter
    composer: Composer
    illustrator: Illustrator


def load_engines() -> Engines:
    """Return the models, loaded and ready; done once, when the worker starts."""
    return Engines(SketchSongwriter(), SketchComposer(settings().soundfont), SketchIllustrator())
