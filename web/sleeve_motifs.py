"""The sixteen pictures of the fallback sleeve, as strings of SVG shapes on a square of 200 by 200 units."""

import math
import random
from collections.abc import Callable
from typing import NamedTuple

Chance = random.Random

SIDE = 200


class Inks(NamedTuple):
    """Six inks of one sleeve: `dark` and `light` stand out from the `ground` and from `body`, `accent` from all of them."""

    ground: str
    dark: str
    body: str
    soft: str
    accent: str
    light: str


def _n(value: float) -> str:
    """A number with at most one decimal: a fifth of a pixel at the largest size shown."""
    return f"{round(value, 1) + 0.0:g}"


def rect(x: float, y: float, width: float, height: float, fill: str, radius: float = 0) -> str:
    """A filled rectangle, its corners rounded by `radius`."""
    corner = f' rx="{_n(radius)}"' if radius else ""
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{corner} fill="{fill}"/>'


def _circle(x: float, y: float, radius: float, fill: str) -> str:
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{fill}"/>'


def _path(d: str, fill: str) -> str:
    return f'<path d="{d}" fill="{fill}"/>'


def _line(d: str, stroke: str, width: float) -> str:
    ends = 'stroke-linecap="round" stroke-linejoin="round"'
    return f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{_n(width)}" {ends}/>'


def _group(transform: str, content: str) -> str:
    return f'<g transform="{transform}">{content}</g>'


def _wave(y: float, height: float, length: float, phase: float) -> str:
    points = (f"{x} {_n(y + height * math.sin((x + phase) / length * 2 * math.pi))}" for x in range(-10, 211, 6))
    return "M" + "L".join(points)


def _swell(y: float, height: float, length: float, phase: float, fill: str) -> str:
    return _path(_wave(y, height, length, phase) + "V210H-10Z", fill)


def _window(chance: Chance, inks: Inks) -> str:
    """A window with hills and a low sun, and snow in front of it."""
    sun_x, sun_y, hill = chance.uniform(40, 110), chance.uniform(44, 84), chance.uniform(84, 104)
    view = (
        rect(0, 0, 156, 156, inks.soft)
        + _circle(sun_x, sun_y, 25, inks.accent)
        + _swell(hill, 9, 150, chance.uniform(0, 150), inks.body)
        + _swell(hill + 26, 7, 120, chance.uniform(0, 150), inks.dark)
    )
    # A nested svg clips what it shows without needing an id.
    pane = f'<svg x="20" y="20" width="160" height="160" viewBox="0 0 156 156">{view}</svg>'
    frame = rect(0, 0, 200, 22, inks.dark) + rect(0, 178, 200, 22, inks.dark)
    frame += rect(0, 0, 22, 200, inks.dark) + rect(178, 0, 22, 200, inks.dark)
    bars = rect(96, 20, 8, 160, inks.dark) + rect(20, chance.choice((70, 96, 96)), 160, 8, inks.dark)
    flakes = "".join(
        _circle(chance.uniform(16, 184), chance.uniform(16, 184), chance.choice((1.1, 1.5, 2.1)), inks.light)
        for _ in range(46)
    )
    return pane + frame + bars + flakes


def _tram(chance: Chance, inks: Inks) -> str:
    """A tram under its wires, one window lit."""
    left, lit = chance.uniform(-60, 30), chance.randrange(1, 4)
    pole = left + 92
    wires = "".join(_line(f"M0 {y}L200 {y + chance.randrange(2, 16)}", inks.dark, 1.6) for y in (16, 27, 40))
    car = _line(f"M{_n(pole - 16)} 74L{_n(pole)} 36L{_n(pole + 16)} 74", inks.dark, 3)
    car += rect(left, 72, 196, 94, inks.body, 16) + rect(left, 120, 196, 12, inks.light)
    for window in range(4):
        car += rect(left + 18 + window * 44, 85, 30, 28, inks.accent if window == lit else inks.dark, 5)
    street = rect(0, 172, 200, 28, inks.dark) + rect(0, 181, 200, 3, inks.soft) + rect(0, 191, 200, 3, inks.soft)
    return wires + car + street + _circle(left + 44, 168, 11, inks.dark) + _circle(left + 150, 168, 11, inks.dark)


def _ferry(chance: Chance, inks: Inks) -> str:
    """A small ship on four rows of waves."""
    x = chance.uniform(-24, 26)
    ship = _path(f"M{_n(x + 30)} 98H{_n(x + 172)}L{_n(x + 154)} 128H{_n(x + 50)}Z", inks.body)
    ship += (
        rect(x + 64, 76, 72, 22, inks.light, 3)
        + rect(x + 104, 52, 17, 24, inks.dark)
        + rect(x + 104, 58, 17, 6, inks.light)
    )
    ship += "".join(_circle(x + 76 + port * 16, 87, 3.6, inks.dark) for port in range(4))
    seas = "".join(
        _swell(122 + row * 21, chance.uniform(4, 7), chance.uniform(50, 76), chance.uniform(0, 70), fill)
        for row, fill in enumerate((inks.soft, inks.dark, inks.soft, inks.dark))
    )
    return _circle(chance.uniform(36, 164), chance.uniform(40, 74), chance.uniform(24, 36), inks.accent) + ship + seas


def _leaves(chance: Chance, inks: Inks) -> str:
    """A fan of leaves in front of a sun."""
    drawing = _circle(chance.uniform(80, 120), chance.uniform(56, 76), chance.uniform(28, 42), inks.accent)
    count = chance.choice((5, 7))
    for place, index in enumerate(sorted(range(count), key=lambda leaf: -abs(leaf - count // 2))):
        lean = index - count // 2
        length = chance.uniform(104, 138) - 9 * abs(lean)
        blade = f"M0 0C-24 {_n(-length * 0.4)} -16 {_n(-length * 0.8)} 0 {_n(-length)}C16 {_n(-length * 0.8)} 24 {_n(-length * 0.4)} 0 0Z"
        fill = (inks.body, inks.dark, inks.soft)[place % 3]
        vein = inks.light if fill != inks.soft else inks.dark
        leaf = _path(blade, fill) + _line(f"M0 0V{_n(9 - length)}", vein, 1.5)
        drawing += _group(
            f"translate({_n(100 + lean * 15)} 204) rotate({_n(lean * (62 / (count // 2)) / 1.5 + chance.uniform(-4, 4))})",
            leaf,
        )
    return drawing


def _horn(chance: Chance, inks: Inks) -> str:
    """The bell of a brass instrument in the rain."""
    x, y, slant = chance.uniform(104, 128), chance.uniform(104, 130), chance.uniform(10, 30)
    drops = "".join(
        _line(
            f"M{_n(drop * 18 - 10)} {_n(chance.uniform(-10, 60))}l{_n(-slant * 0.6)} {_n(chance.uniform(26, 46))}",
            inks.soft if drop % 2 else inks.light,
            2.2,
        )
        for drop in range(13)
    )
    tube = _path(f"M-10 {_n(y + 2)}L{_n(x - 30)} {_n(y - 30)}V{_n(y + 30)}L-10 {_n(y + 8)}Z", inks.body)
    rings = zip((60, 45, 31, 14), (inks.accent, inks.body, inks.dark, inks.light), strict=True)
    return drops + tube + "".join(_circle(x, y, radius, fill) for radius, fill in rings)


def _wires(chance: Chance, inks: Inks) -> str:
    """Strings that swing, one of them plucked."""
    middle, length, plucked = chance.uniform(5, 11), chance.uniform(56, 90), chance.randrange(5, 11)
    drawing = rect(0, 0, 200, 200, inks.dark)
    for string in range(15):
        swing = 3 + 21 * math.exp(-(((string - middle) / 3.4) ** 2))
        stroke = inks.accent if string == plucked else (inks.body, inks.soft)[string % 2]
        drawing += _line(
            _wave(24 + string * 11, swing, length, string * chance.uniform(7, 9)),
            stroke,
            3.6 if string == plucked else 2,
        )
    return drawing


def _clock(chance: Chance, inks: Inks) -> str:
    """A clock whose lower half lies in the dark."""
    drawing = _circle(100, 104, 76, inks.soft) + _path("M24 104A76 76 0 0 0 176 104Z", inks.dark)
    for hour in range(12):
        angle = hour * math.pi / 6
        fill = inks.light if 3 <= hour <= 9 else inks.dark
        drawing += _circle(100 + 62 * math.sin(angle), 104 - 62 * math.cos(angle), 3 if hour % 3 else 5, fill)
    for reach in (34, 50):
        angle = chance.uniform(0, 2 * math.pi)
        drawing += _line(
            f"M100 104L{_n(100 + reach * math.sin(angle))} {_n(104 - reach * math.cos(angle))}", inks.accent, 5
        )
    return drawing + _circle(100, 104, 6.5, inks.accent) + rect(0, 0, 200, 12, inks.dark)


def _lanterns(chance: Chance, inks: Inks) -> str:
    """Paper lanterns over a path, smaller with the distance."""
    path = _path("M100 62L196 200H4Z", inks.body)
    lamps = ""
    for x, width in ((12, 36), (60, 22), (92, 14), (118, 22), (152, 36)):
        y, height = chance.uniform(42, 62), width * 1.35
        lamps += _line(f"M{_n(x + width / 2)} 0V{_n(y)}", inks.soft, 1.2) + rect(
            x, y, width, height, inks.accent, width * 0.42
        )
        lamps += rect(x, y + height * 0.42, width, height * 0.14, inks.dark) + rect(
            x + width * 0.3, y - 3, width * 0.4, 4, inks.dark
        )
    puddles = "".join(
        f'<ellipse cx="100" cy="{y}" rx="{width}" ry="{_n(width * 0.18)}" fill="{inks.accent}" opacity="{opacity}"/>'
        for width, y, opacity in ((12, 114, 0.9), (24, 134, 0.75), (42, 158, 0.6), (64, 188, 0.45))
    )
    return path + lamps + puddles


def _arches(chance: Chance, inks: Inks) -> str:
    """Arches within one another."""
    fills = [inks.dark, inks.light, inks.body, inks.soft, inks.accent]
    head, fills = fills[0], fills[1:]
    chance.shuffle(fills)
    x, y, widest = chance.choice((100, 100, 70, 130)), chance.uniform(112, 134), chance.uniform(94, 108)
    drawing = ""
    for ring, fill in enumerate([head, *fills]):
        radius = widest - ring * 20
        drawing += _path(
            f"M{_n(x - radius)} 200V{_n(y)}A{_n(radius)} {_n(radius)} 0 0 1 {_n(x + radius)} {_n(y)}V200Z", fill
        )
    return rect(0, 14, 200, 7, inks.dark) + rect(0, 26, 200, 3, inks.dark) + drawing


def _gloves(chance: Chance, inks: Inks) -> str:
    """Two gloves that are no pair."""

    def glove(x: float, y: float, wool: str, cuff: str) -> str:
        tops = [chance.uniform(0, 15) for _ in range(4)]
        fingers = "".join(rect(finger * 17, top, 14, 70 - top, wool, 7) for finger, top in enumerate(tops))
        thumb = _group("rotate(-38 66 84)", rect(56, 54, 16, 48, wool, 8))
        knit = rect(6, 104, 53, 22, cuff, 3) + rect(6, 112, 53, 4, inks.dark)
        return _group(f"translate({_n(x)} {_n(y)})", fingers + rect(0, 48, 65, 58, wool, 16) + thumb + knit)

    half = rect(100, 0, 100, 200, inks.soft)
    return (
        half
        + glove(16, chance.uniform(24, 48), inks.body, inks.accent)
        + glove(116, chance.uniform(24, 48), inks.dark, inks.accent)
    )


def _fjord(chance: Chance, inks: Inks) -> str:
    """Mountains over still water, with a crescent moon."""
    x, y = chance.uniform(50, 150), chance.uniform(34, 52)
    moon = _circle(x, y, 20, inks.light) + _circle(x - 8, y - 4, 18, inks.ground)
    far, near = chance.uniform(30, 80), chance.uniform(100, 160)
    land = _path(
        f"M-10 124L{_n(far)} {_n(chance.uniform(48, 66))}L{_n(far + 42)} 108L{_n(near)} {_n(chance.uniform(60, 76))}L210 120V132H-10Z",
        inks.soft,
    )
    land += _path(f"M-10 126L{_n(far + 16)} 80L{_n(far + 62)} 124L{_n(near + 22)} 84L210 116V132H-10Z", inks.body)
    water = rect(0, 124, 200, 76, inks.dark)
    for row in range(9):
        width = 30 + row * 5 + chance.uniform(-12, 12)
        water += rect(
            x - width / 2 + chance.uniform(-12, 12),
            130 + row * 7.6,
            width,
            2.4,
            inks.light if row % 3 else inks.accent,
            1.2,
        )
    return moon + land + water


def _desert(chance: Chance, inks: Inks) -> str:
    """A sun in stripes behind a dune with a cactus."""
    x, y, radius = chance.uniform(84, 122), chance.uniform(92, 108), chance.uniform(58, 68)
    sun, stripe, gap = _circle(x, y, radius, inks.accent), y - 6.0, 2.0
    while stripe < y + radius:
        sun += rect(x - radius - 1, stripe, 2 * radius + 2, gap, inks.ground)
        stripe, gap = stripe + 11 + gap * 0.3, gap + 1.5
    cactus = _line("M0 0V-52M0 -18H-15V-34M0 -26H15V-42", inks.dark, 9)
    place = _group(f"translate({_n(chance.choice((chance.uniform(28, 60), chance.uniform(140, 172))))} 178)", cactus)
    return (
        sun
        + place
        + _swell(172, 11, 190, chance.uniform(0, 190), inks.body)
        + _swell(188, 6, 120, chance.uniform(0, 120), inks.dark)
    )


def _nets(chance: Chance, inks: Inks) -> str:
    """Bands of waves that cross like nets on a beach."""
    length, red = chance.choice((66, 80, 100)), chance.randrange(1, 6)
    drawing = ""
    for band in range(8):
        phase = band * length / 2 + chance.uniform(-4, 4)
        stroke = inks.accent if band == red else (inks.dark, inks.body)[band % 2]
        drawing += _line(_wave(6 + band * 27, 13, length, phase), stroke, 13)
    return drawing


def _motor(chance: Chance, inks: Inks) -> str:
    """A toothed wheel around a half moon."""
    teeth = chance.choice((16, 20, 24))
    pitch = 2 * math.pi * 78 / teeth
    wheel = (
        f'<circle cx="100" cy="100" r="78" fill="none" stroke="{inks.accent}" stroke-width="15" '
        f'stroke-dasharray="{pitch * 0.62:.3f} {pitch * 0.38:.3f}"/>'
    )
    face = _circle(100, 100, 58, inks.soft) + _path("M100 42A58 58 0 0 1 100 158Z", inks.dark)
    bars = ""
    for bar in range(5):
        offset = 34 - bar * 15 - 2.5
        reach = math.sqrt(58**2 - max(abs(offset), abs(offset - 5)) ** 2)
        bars += rect(100 if bar % 2 else 100 - reach, 100 - offset, reach, 5, inks.light if bar % 2 else inks.body)
    return (
        wheel
        + _group(f"rotate({chance.choice((0, 45, 90, -45, 135))} 100 100)", face + bars)
        + _circle(100, 100, 9, inks.accent)
    )


def _hallway(chance: Chance, inks: Inks) -> str:
    """Doorways behind doorways, light in the last one."""
    drawing, x, y = "", chance.uniform(84, 116), chance.uniform(88, 106)
    for door, fill in enumerate((inks.body, inks.dark, inks.soft, inks.body, inks.light, inks.accent)):
        near = 1 - (door + 1) * 0.145
        left, top = x * (1 - near), y * (1 - near)
        drawing += rect(left, top, 200 * near, 200 - top, fill)
    return drawing + _line("M0 200L200 200", inks.dark, 4)


def _kettle(chance: Chance, inks: Inks) -> str:
    """A kettle on the table, steaming."""
    x = chance.uniform(-14, 6)
    steam = "".join(
        _line(f"M{at} {_n(84 + chance.uniform(-4, 4))}q-10 -14 0 -26t0 -28", inks.light, 4) for at in (168, 182)
    )
    pot = _path("M66 92C66 50 134 50 134 92H124C124 64 76 64 76 92Z", inks.dark) + _path(
        "M146 126L182 100L175 92L148 108Z", inks.body
    )
    pot += _path("M52 154C40 108 66 82 100 82S160 108 148 154Z", inks.body) + _circle(100, 78, 8, inks.dark)
    band = (
        _line("M68 132H132", inks.accent, 6)
        if chance.random() < 0.6
        else "".join(_circle(72 + dot * 14, 130, 4, inks.accent) for dot in range(5))
    )
    return (
        rect(0, 152, 200, 48, inks.dark)
        + rect(0, 152, 200, 5, inks.soft)
        + _group(f"translate({_n(x)} 0)", steam + pot + band)
    )


MOTIFS: tuple[Callable[[Chance, Inks], str], ...] = (
    _window, _tram, _ferry, _leaves, _horn, _wires, _clock, _lanterns, _arches, _gloves, _fjord, _desert, _nets, _motor, _hallway, _kettle,
)  # fmt: skip
