"""The models that this worker keeps in memory, chosen by settings."""

from dataclasses import dataclass, field

from appliance.errors import SettingsError
from appliance.settings import Settings
from models.roles import Composer, Illustrator, Songwriter
from models.sketch.composer import SketchComposer
from models.sketch.illustrator import SketchIllustrator
from models.sketch.rendering.soundfonts import find_soundfont
from models.sketch.songwriter import SketchSongwriter
from worker.accelerator import choose_models, load_models


@dataclass(frozen=True, slots=True)
class Engines:
    """One model for each role.

    `at_once` is how many requests may be worked on together, and `together` whether both takes of one are composed
    together: a sketch uses all the cores there are, a card is shared. `knobs` is what a
    take may ask of the composer, by name: least, usual and greatest value. `notes` are sentences for the admin, and `memory`
    says for each model that is loaded how many bytes of the card it takes.
    """

    songwriter: Songwriter
    composer: Composer
    illustrator: Illustrator
    at_once: int = 1
    together: bool = False
    knobs: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    memory: dict[str, int] = field(default_factory=dict)

    def close(self) -> None:
        """Stop the engines that run threads of their own."""
        for engine in (self.songwriter, self.composer, self.illustrator):
            if close := getattr(engine, "close", None):
                close()


def load_engines(settings: Settings) -> Engines:
    """Return the models, ready; done once, when the worker starts. Raises SettingsError when they cannot work as they are set.

    Where a role's model cannot be had on this machine, the sketch engine plays it, and a note says why.
    """
    try:
        soundfont = find_soundfont(settings.soundfont)
    except FileNotFoundError as error:
        raise SettingsError(str(error)) from error
    loaded = load_models(settings, choose_models(settings))
    return Engines(
        loaded.songwriter or SketchSongwriter(),
        loaded.composer or SketchComposer(soundfont),
        loaded.illustrator or SketchIllustrator(),
        at_once=settings.requests_in_flight if loaded.composer else 1,
        together=loaded.composer is not None,
        knobs=getattr(loaded.composer, "knobs", {}),
        notes=loaded.notes,
        memory=loaded.memory,
    )
