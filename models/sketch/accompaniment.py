"""The accompanying layers: which of them play in which section, and instruments that the tags add."""

from dataclasses import replace

from models.sketch.arrangement import Arrangement
from models.sketch.figures import Bar, play_figure, power_chord
from models.sketch.genres import Layer
from models.sketch.instruments import instruments
from models.sketch.lead_line import choose_lead
from models.sketch.score import BeatNote, Track
from models.sketch.sections import FormSection
from models.sketch.style import Style
from models.sketch.theory import choose, rng_for

GUITARS = frozenset({"acoustic guitar", "nylon guitar", "clean guitar", "muted guitar", "jazz guitar"})
KEYBOARDS = frozenset({"piano", "rhodes", "fm piano", "harp", "harpsichord"})
HELD = frozenset({
    "strings", "slow strings", "choir", "oohs", "organ", "rock organ", "church organ", "accordion", "brass",
    "french horn", "trombone", "cello", "tremolo strings",
})  # fmt: skip
PLUCKED = frozenset({
    "celesta", "glockenspiel", "music box", "vibraphone", "marimba", "kalimba", "banjo", "sitar", "pizzicato", "bell",
    "pluck", "soft pluck", "arp synth", "steel drums", "supersaw", "tubular bells",
})  # fmt: skip
# Chords lie between these MIDI pitches whatever the instrument could reach.
PAD_REGISTER = (48, 74)
SAMPLED_CHORD_REGISTER = (50, 76)


def _added_layer(name: str, style: Style) -> Layer | None:
    """Return the part of an instrument that the tags name and the genre does not have; None if it can only play the lead."""
    electronic = style.genre.form == "edm"
    layer = Layer(f"added {name}", name, "pad", 0.3, "chords", pan=0.3)
    if "pad" in name or name in HELD:
        return replace(layer, gain=-2.0, pan=0.0)
    if name in GUITARS:
        return replace(layer, pattern="arp8:motif" if electronic else "strum:D..DU.UDD..DU.U.")
    if name in KEYBOARDS:
        return replace(layer, pattern="7..7..7...6..7.." if electronic else "7---6---7---6---")
    return replace(layer, pattern="arp8:motif", gain=-2.0) if name in PLUCKED else None


def _drawn(layer: Layer, style: Style) -> Layer:
    """Return the layer as this take plays it. Doubled parts have the same options and so draw the same one."""
    instruments_of_layer = (layer.instrument, *layer.other_instruments)
    patterns = (layer.pattern, *layer.other_patterns)
    return replace(
        layer,
        instrument=choose(instruments_of_layer, style.seed, "instrument", *instruments_of_layer),
        pattern=choose(patterns, style.seed, "pattern", *patterns),
    )


def _layers(style: Style, lead: str) -> list[Layer]:
    """Return the genre's layers; an instrument named in the tags comes to the front, or joins them unless it has the lead."""
    layers = []
    for layer in style.genre.layers:
        drawn = _drawn(layer, style)
        named = [
            name for name in (layer.instrument, *layer.other_instruments) if name in style.instruments and name != lead
        ]
        if named:
            name = drawn.instrument if drawn.instrument in named else named[0]
            drawn = replace(drawn, instrument=name, from_energy=min(layer.from_energy, 0.2), gain=layer.gain + 2)
        layers.append(drawn)
    present = {layer.instrument for layer in layers} | {lead}
    added = (_added_layer(name, style) for name in style.instruments if name not in present)
    return layers + [layer for layer in added if layer]


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
    length = 1.0 if bar.layer.staccato else bar.song.ring(bar.start)
    return [
        BeatNote(bar.start + index * 0.03, length - index * 0.03, pitch, 78.0) for index, pitch in enumerate(pitches)
    ]


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
    layers = _layers(song.style, choose_lead(song.style))
    song.tracks += [track for layer in layers if (track := _play_layer(song, layer)).notes]
