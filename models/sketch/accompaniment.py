"""The accompanying layers: which of them play in which section, and instruments that the tags add."""

from dataclasses import replace

from models.sketch.arrangement import Arrangement
from models.sketch.figures import Bar, play_figure, power_chord
from models.sketch.form import FormSection
from models.sketch.genres import Layer
from models.sketch.instruments import instruments
from models.sketch.score import BeatNote, Track
from models.sketch.style import Style
from models.sketch.theory import rng_for

GUITARS = frozenset({"acoustic guitar", "nylon guitar", "clean guitar"})
KEYBOARDS = frozenset({"piano", "rhodes", "harp", "kalimba", "harpsichord"})
HELD = frozenset({"strings", "choir", "organ"})
# Chords lie between these MIDI pitches whatever the instrument could reach.
PAD_REGISTER = (48, 74)
SAMPLED_CHORD_REGISTER = (50, 76)


def _layers(style: Style) -> list[Layer]:
    """Return the genre's layers; an instrument named in the tags comes to the front, or joins them."""
    layers = list(style.genre.layers)
    present = {layer.instrument for layer in layers}
    for name in style.instruments:
        if name in present:
            layers = [
                replace(layer, from_energy=min(layer.from_energy, 0.2), gain=layer.gain + 2)
                if layer.instrument == name
                else layer
                for layer in layers
            ]
        elif "pad" in name or name in HELD:
            layers.append(Layer(f"added {name}", name, "pad", 0.3, "chords", gain=-2.0))
        elif name in GUITARS and style.genre.form != "edm":
            layers.append(Layer(f"added {name}", name, "strum:D..DU.UDD..DU.U.", 0.3, "chords", pan=0.3))
        elif name in KEYBOARDS and style.genre.form != "edm":
            layers.append(Layer(f"added {name}", name, "7---6---7---6---", 0.3, "chords", pan=0.3))
    return layers


def _register(layer: Layer) -> tuple[int, int]:
    instrument = instruments()[layer.instrument]
    low, high = instrument.low, instrument.high
    if layer.pattern == "pad":
        low, high = max(low, PAD_REGISTER[0]), min(high, PAD_REGISTER[1])
    elif layer.bus == "chords" and instrument.program is not None:
        low, high = max(low, SAMPLED_CHORD_REGISTER[0]), min(high, SAMPLED_CHORD_REGISTER[1])
    return low + layer.transpose, high + layer.transpose


def _rests(layer: Layer, section: FormSection, bar: int) -> bool:
    """Whether the layer waits: it enters in the second half of an intro and leaves in that of an outro."""
    if section.kind == "intro" and layer.from_energy > 0.25:
        return bar < section.bars // 2
    return section.kind == "outro" and layer.from_energy > 0.35 and bar >= section.bars // 2


def _final_chord(bar: Bar) -> list[BeatNote]:
    """Return the last chord, rolled a little."""
    if bar.layer.pattern.startswith("power"):
        pitches = power_chord(bar.chord)
    else:
        pitches = bar.voicing(bar.song.style.genre.chord_voices)
    return [BeatNote(bar.start + index * 0.03, bar.beats, pitch, 78.0) for index, pitch in enumerate(pitches)]


def _play_layer(song: Arrangement, layer: Layer) -> Track:
    track = Track(
        layer.name, layer.instrument, layer.bus,
        pan=layer.pan, gain=layer.gain, echo=layer.echo, copy=layer.copy, staccato=layer.staccato,
    )  # fmt: skip
    low, high = _register(layer)
    previous: list[int] | None = None
    for section in song.sections:
        if not layer.from_energy <= section.energy <= layer.to_energy:
            continue
        rng = rng_for(song.style.seed, "layer", layer.name, section.kind)
        for index in range(section.bars):
            if _rests(layer, section, index):
                continue
            start = float((section.first_bar + index) * song.beats_per_bar)
            bar = Bar(song, layer, section, index, start, low, high, previous, rng)
            if section.final and index == section.bars - 1:
                track.notes += _final_chord(bar)
                continue
            notes, previous = play_figure(bar)
            track.notes += notes
    return track


def add_layers(song: Arrangement) -> None:
    """Write the accompanying tracks."""
    song.tracks += [track for layer in _layers(song.style) if (track := _play_layer(song, layer)).notes]
