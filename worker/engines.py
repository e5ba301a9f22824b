"""The models that this worker keeps in memory, chosen by settings."""

from dataclasses import dataclass

from models.sketch.composer import SketchComposer

from appliance.errors import SettingsError
from appliance.settings import settings
from models.roles import Composer, Illustrator, Songwriter
from models.sketch.illustrator import SketchIllustrator
from models.sketch.rendering.soundfonts import find_soundfont
from models.sketch.songwriter import SketchSongwriter


@dataclass(frozen=True, slots=True)
class Engines:
    """One model for each role."""

    songwriter: Songwriter
    composer: Composer
    illustrator: Illustrator


def load_engines() -> Engines:
    """Return the models, ready; done once, when the worker starts. Raises SettingsError when they cannot work as they are set."""
    try:
        soundfont = find_soundfont(settings().soundfont)
    except FileNotFoundError as error:
        raise SettingsError(str(error)) from error
    return Engines(SketchSongwriter(), SketchComposer(soundfont), SketchIllustrator())
