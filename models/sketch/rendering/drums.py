"""The drum stem: every stroke of the arrangement on a drum machine or a sampled kit."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from models.sketch.arrangement import Arrangement
from models.sketch.rendering.audio import SAMPLE_RATE, Audio, lay, pan_gains, silence
from models.sketch.rendering.colour import crush, saturate
from models.sketch.rendering.drum_machines import kick_frequency, one_shot
from models.sketch.rendering.dynamics import CONTROL_RATE, apply_curve, compress, envelope
from models.sketch.rendering.sampler import play, play_kit
from models.sketch.rendering.space import add_room, convolve_into, room_response, spread
from models.sketch.score import DrumHit, Note
from models.sketch.theory import rng_for

# What each piece is on a General MIDI kit, and how loud, how far to the side and how late (in seconds) it is played.
KEYS = {
    "K": 36, "S": 38, "R": 37, "C": 39, "H": 42, "O": 46, "P": 44, "X": 49, "D": 51, "B": 53, "T": 48, "U": 45, "V": 41,
    "t": 54, "W": 56, "M": 70, "g": 63, "G": 64, "b": 60, "L": 75, "Z": 39,
}  # fmt: skip
KIT_LEVELS = {"K": 1.15, "S": 1.05, "H": 0.8, "O": 0.8, "M": 0.8, "t": 0.8, "D": 0.75, "X": 0.62}
MACHINE_LEVELS = {
    "K": 1.0, "S": 0.72, "C": 0.55, "H": 0.26, "O": 0.27, "P": 0.22, "M": 0.2, "R": 0.34, "D": 0.22, "X": 0.34,
    "B": 0.2, "T": 0.6, "U": 0.62, "V": 0.66, "t": 0.22, "W": 0.22, "g": 0.32, "G": 0.36, "b": 0.3, "L": 0.28, "Z": 0.45,
}  # fmt: skip
PANS = {
    "H": 0.22, "O": 0.25, "P": 0.2, "M": -0.35, "t": 0.4, "D": -0.3, "B": -0.3, "X": -0.2, "T": -0.25, "U": 0.05,
    "V": 0.3, "R": -0.15, "L": 0.35, "W": 0.3, "g": -0.4, "G": -0.3, "b": 0.4,
}  # fmt: skip
HATS = frozenset("HOP")
IN_THE_ROOM = frozenset("SCZTUVXR")
BRUSHES = 40  # the General MIDI kit played with brushes
LOUD_KITS = (8, 16)
SOFT_STROKE, BRUSH_TAP, BRUSH_SLAP = 0.4, 38, 40
LAID_BACK_SNARE, PUSHED_HAT = 0.006, -0.002
TIMPANI, TAIKO = 47, 116
CHOKE = 480


def stroke_times(song: Arrangement) -> list[float]:
    """Return when every stroke sounds, in seconds, as a drummer plays: not quite where it is written."""
    sway = rng_for(song.style.seed, "hum", "drums").normal(0, song.style.genre.human_seconds * 0.27, len(song.hits))
    times = song.seconds([hit.beat for hit in song.hits]) + sway
    laid_back = song.style.genre.swing_sixteenths > 0.15
    for index, hit in enumerate(song.hits):
        times[index] += LAID_BACK_SNARE * laid_back if hit.piece == "S" else PUSHED_HAT if hit.piece == "H" else 0.0
    return [max(0.0, float(time)) for time in times]


def kick_times(song: Arrangement) -> list[float]:
    """Return when the kick sounds, in seconds: what bass and chords make way for."""
    return sorted(time for hit, time in zip(song.hits, stroke_times(song), strict=True) if hit.piece == "K")


def render_drums(song: Arrangement, length: int, soundfont: Path) -> Audio:
    """Return the drums, glued together by a compressor, before their level in the mix."""
    strokes = list(zip(stroke_times(song), song.hits, strict=True))
    if song.style.genre.drums.kit == "machine":
        samples = _play_machine(song, strokes, length)
    else:
        samples = _play_sampled(song, strokes, length, soundfont)
    peak = np.abs(samples).max()
    if peak > 0:
        samples *= np.float32(0.8) / peak
        compress(samples, threshold=-20, ratio=2.2, attack=0.012, release=0.11, makeup=2)
        if song.style.genre.form == "edm":
            saturate(samples, 1.25, 0.6)
        spread(samples, 1.0, 120)
    return samples


def _play_machine(song: Arrangement, strokes: list[tuple[float, DrumHit]], length: int) -> Audio:
    machine = song.style.genre.drums.machine
    tuned = kick_frequency(song.style.tonic)
    close, room = silence(length), silence(length)
    hat_times = np.array(sorted(time for time, hit in strokes if hit.piece in HATS))
    for time, hit in strokes:
        stroke = one_shot(machine, hit.piece, tuned)
        if stroke is None:
            continue
        if hit.piece == "O":
            stroke = _choked(stroke, time, hat_times)
        gain = pan_gains(PANS.get(hit.piece, 0.0)) * np.float32(MACHINE_LEVELS[hit.piece] * hit.velocity**1.4)
        lay(room if hit.piece in IN_THE_ROOM else close, int(time * SAMPLE_RATE), stroke, gain)
    if machine == "synthwave":
        _add_gated_room(room)
    elif machine in ("dnb", "dubstep", "909", "techno"):
        add_room(room, 0.7, 0.14, predelay=0.008, dark=7000, seed=3)
    elif machine != "chip":
        add_room(room, 0.6, 0.08, predelay=0.006, dark=5000, seed=3)
    close += room
    return crush(close, 6, 3) if machine == "chip" else close


def _choked(stroke: Audio, time: float, hat_times: Audio) -> Audio:
    """Return the open hat, cut short where the next stroke of the hats closes it."""
    following = hat_times[hat_times > time + 0.02][:1]
    end = int((following[0] - time) * SAMPLE_RATE) if len(following) else len(stroke)
    if end + CHOKE >= len(stroke):
        return stroke
    stroke = stroke[: end + CHOKE].copy()
    stroke[-CHOKE:] *= np.linspace(1, 0, CHOKE, dtype=np.float32)
    return stroke


def _add_gated_room(samples: Audio) -> None:
    """Add the room of the eighties: large, and slammed shut as the stroke dies away."""
    level = envelope(samples)
    decay = float(np.exp(-1 / CONTROL_RATE / 0.1))
    state, held = 0.0, np.zeros(len(level), np.float32)
    for index, value in enumerate(level.tolist()):
        state = max(value, state * decay)
        held[index] = state
    gate = np.convolve(held > 0.05, np.ones(8) / 8, "same").astype(np.float32)
    room = silence(samples.shape[1])
    convolve_into(room, samples, room_response(0.9, 0.005, 7000, 3), 0.55)
    samples += apply_curve(room, gate)


def _play_sampled(song: Arrangement, strokes: list[tuple[float, DrumHit]], length: int, soundfont: Path) -> Audio:
    program = song.style.genre.drums.program
    kit_strokes: list[tuple[float, int, float]] = []
    gains: dict[int, float] = {}
    orchestral: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for time, hit in strokes:
        if hit.piece in ("timpani", "taiko"):
            orchestral[hit.piece].append((time, hit.velocity))
            continue
        key = KEYS[hit.piece]
        if program == BRUSHES and hit.piece == "S":
            key = BRUSH_TAP if hit.velocity > SOFT_STROKE else BRUSH_SLAP
        gains[key] = KIT_LEVELS.get(hit.piece, 0.9)
        kit_strokes.append((time, key, (20 + 105 * hit.velocity) / 127))
    samples = play_kit(soundfont, program, kit_strokes, gains, length) if kit_strokes else silence(length)
    if orchestral["timpani"]:
        tonic = 36 + song.style.tonic % 12
        notes = [Note(time, 0.5, tonic, (30 + 95 * velocity) / 127) for time, velocity in orchestral["timpani"]]
        samples += play(soundfont, TIMPANI, notes, length) * np.float32(1.6)
    if orchestral["taiko"]:
        notes = [
            Note(time, 0.8, 48 if index % 3 else 43, (40 + 85 * velocity) / 127)
            for index, (time, velocity) in enumerate(orchestral["taiko"])
        ]
        samples += play(soundfont, TAIKO, notes, length) * np.float32(1.8)
    add_room(samples, 0.55, 0.1, predelay=0.006, dark=6500, seed=3)
    if program in LOUD_KITS:  # crushed beside the dry sound, which keeps its attack
        crushed = compress(samples.copy(), threshold=-30, ratio=6, attack=0.002, release=0.09, makeup=8)
        crushed *= np.float32(0.25)
        samples += crushed
    return samples
