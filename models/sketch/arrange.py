"""From a sheet to an arrangement: the composing modules in their order."""

from models.roles import SongSheet, Take
from models.sketch.accompaniment import add_layers
from models.sketch.arrangement import Arrangement
from models.sketch.bassline import add_bass
from models.sketch.form import build_form
from models.sketch.groove import add_drums
from models.sketch.harmony import add_chords
from models.sketch.lead_line import add_lead
from models.sketch.style import read_style
from models.sketch.transitions import add_transitions
from models.sketch.vocal_line import add_vocal_lines


def arrange(sheet: SongSheet, take: Take) -> Arrangement:
    """Return the whole song written out. Same sheet and seed, same notes."""
    style = read_style(sheet, take)
    song = Arrangement(style, build_form(style, sheet.lyrics, sheet.duration), sheet.duration)
    add_chords(song)
    add_drums(song)
    add_bass(song)
    add_layers(song)
    add_vocal_lines(song)
    add_lead(song)
    add_transitions(song)
    return song
