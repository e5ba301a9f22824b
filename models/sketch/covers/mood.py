"""What a song sheet says about its cover: the genre's drawings and palettes, the pictures its words name, and its mood."""

import re
from dataclasses import dataclass, field

from models.roles import SongSheet

# Genre names | drawings, likeliest first | valence energy | ground | palettes it is fond of.
_GENRES = """
synthwave, retrowave, outrun, vaporwave, eighties, 80s | grid skyline desert | +0.0 +0.5 | night | neon arcade dusk
techno, industrial, minimal, acid, motorik, krautrock | ridges rings slices contours | -0.2 +0.6 | night | acid storm lagoon
trance, psytrance, rave, eurodance, hardstyle | rings contours orbits | +0.2 +0.7 | night | neon arcade dusk
house, deep house, garage, nu disco | mirrorball discs rings | +0.4 +0.5 | any | rose sunrise citrus candy
disco, boogie | mirrorball arches discs | +0.7 +0.6 | night | rose arcade ember candy
edm, electro, electronic, dance, dance pop, electropop, hyperpop | discs rings mirrorball slices | +0.5 +0.7 | any | candy arcade citrus
drum and bass, drum & bass, dnb, jungle, breakbeat | slices shards rings | -0.2 +0.9 | night | acid storm neon
dubstep, glitch, idm, bass music | slices shards contours | -0.3 +0.8 | night | acid neon iron
lofi, lo fi, chillhop, chill, downtempo, trip hop | rain skyline record leaves | +0.0 -0.5 | night | dusk midnight rose owl
r&b, rnb, neo soul, slow jam | rain discs record leaves | +0.1 -0.2 | night | rose indigo dusk
trap, drill, grime, phonk | shards skyline slices | -0.4 +0.4 | night | iron neon storm ember
hip hop, boom bap, rap, turntablism | record skyline tiles | +0.0 +0.2 | any | tram bluenote letter
pop, indie pop, bedroom pop, city pop, k pop, j pop, synthpop, shibuya kei | discs tiles orbits arches skyline | +0.5 +0.3 | day | candy citrus sunrise tram
rock, indie rock, alternative, alt rock, grunge, garage rock | burst record ridges | -0.1 +0.7 | any | ember lagoon tram iron
punk, hardcore, post punk, emo, ska | burst slices ridges | -0.2 +0.9 | any | acid ember letter iron
metal, death metal, black metal, doom, metalcore, djent | shards burst peaks | -0.8 +0.9 | night | iron ember storm
folk, indie folk, acoustic, singer songwriter, celtic, bluegrass | hills leaves peaks sea | +0.2 -0.3 | day | moss harbour greenhouse owl
country, americana, western, honky tonk | desert hills burst | +0.3 +0.1 | day | sand moss sunrise
jazz, swing, bebop, big band, ragtime, dixieland | tiles record arches discs | +0.2 +0.1 | day | bluenote tram lagoon
bossa nova, bossa, samba, mpb, tropicalia | leaves sea textile tiles | +0.5 -0.1 | day | terracotta citrus harbour greenhouse
reggae, dub, rocksteady, dancehall | sea leaves textile discs | +0.5 +0.0 | any | greenhouse terracotta moss citrus
funk, p funk, brass, second line | tiles discs burst mirrorball | +0.5 +0.5 | any | tram sunrise bluenote
soul, motown, gospel, choir, spiritual | arches record discs leaves | +0.4 +0.1 | any | tram rose indigo sunrise
blues, delta blues | record rain hills tiles | -0.3 -0.1 | night | indigo midnight bluenote
ambient, drone, new age, meditation, felt piano | contours peaks flow sea | +0.0 -0.8 | any | winter dusk midnight owl
cinematic, soundtrack, film score, epic, trailer, orchestral | peaks flow contours orbits | -0.1 +0.2 | night | midnight storm lagoon ember
classical, piano, strings, chamber, baroque, waltz, opera, solo piano | flow arches leaves tiles | +0.0 -0.4 | any | letter winter bluenote
latin, salsa, cumbia, bachata, reggaeton, mariachi, bolero, tango, flamenco | textile arches desert burst | +0.6 +0.5 | any | terracotta sunrise citrus ember
afrobeat, afrobeats, highlife, amapiano, afro, world | textile discs leaves | +0.6 +0.5 | any | terracotta moss sunrise greenhouse
chiptune, 8 bit, 8bit, video game, game music | pixels | +0.5 +0.7 | night | arcade neon candy
children, kids, lullaby, nursery | orbits hills arches | +0.6 -0.4 | any | citrus harbour sunrise
"""

# Words that name something drawable | the drawings that show it.
_PICTURES = """
rain rainy window windows raindrop umbrella drizzle monsoon regen lluvia pluie chuva | rain
sea ocean harbour harbor ferry boat ship sail tide tides waves shore coast beach island surf sailor lighthouse mar mer meer | sea
mountain mountains snow winter alpine fjord ice glacier frost lake north peak summit cold | peaks
hill hills field fields meadow farm village countryside valley road home harvest | hills
garden flower flowers leaf leaves forest jungle greenhouse rose roses bloom spring green bird birds tree trees | leaves
city street streets night tram train subway neon rooftop downtown midnight taxi lights window skyline tokyo berlin york paris | skyline
space star stars galaxy cosmic moon planet planets orbit rocket astronaut universe satellite comet | orbits
desert dust sand cactus canyon sunset highway horizon summer sun sunrise mesa | desert
robot robots machine cyber cyberpunk digital data circuit error broken | slices
dream dreams smoke fog mist cloud clouds ghost memory | contours
river wind hair silk dance breeze | flow
fire war anger scream thunder lightning explode revolution riot | burst
glass ice crystal diamond knife blade mirror | shards
vinyl record records radio turntable dj tape | record
game arcade pixel console level | pixels
party dancefloor club disco glitter | mirrorball
church cathedral bridge overpass rainbow door gate hallway | arches
"""

# Moods: words, then how they move valence and energy.
_MOODS = """
happy joyful upbeat cheerful sunny bright playful feelgood uplifting hopeful fun sweet love loving warm | +0.5 +0.15
sad melancholic melancholy heartbreak lonely blue crying tears tragic grief lost goodbye nostalgic wistful bittersweet | -0.5 -0.25
dark gloomy sinister haunting eerie evil menacing ominous brooding gothic death | -0.6 +0.1
calm gentle soft peaceful quiet relaxing dreamy slow sleepy tender soothing mellow hushed intimate | +0.1 -0.5
energetic driving fast wild loud powerful intense frantic euphoric explosive heavy | +0.05 +0.5
angry aggressive furious rage brutal | -0.5 +0.6
romantic sensual smooth silky | +0.2 -0.2
epic heroic triumphant | +0.1 +0.4
"""
_NIGHT = frozenset(
    [
        "night",
        "midnight",
        "dark",
        "moon",
        "stars",
        "neon",
        "nocturnal",
        "noir",
        "club",
        "late",
        "evening",
        "gloomy",
        "gothic",
        "space",
    ]
)
_DAY = frozenset(
    ["day", "morning", "sunny", "bright", "summer", "spring", "sunrise", "light", "daylight", "noon", "breakfast"]
)


@dataclass(frozen=True, slots=True)
class Genre:
    """What a style of music usually looks like on a sleeve."""

    names: tuple[str, ...]
    drawings: tuple[str, ...]
    valence: float
    energy: float
    night: bool | None
    palettes: tuple[str, ...]


@dataclass(slots=True)
class Mood:
    """How a cover shall feel: `valence` and `energy` from -1.0 to 1.0, the ground, and how much speaks for each drawing."""

    valence: float = 0.1
    energy: float = 0.0
    night: bool | None = None
    palettes: tuple[str, ...] = ()
    drawings: dict[str, float] = field(default_factory=dict)


def _columns(row: str) -> list[str]:
    return [column.strip() for column in row.split("|")]


def _genre(row: str) -> Genre:
    names, drawings, feeling, ground, palettes = _columns(row)
    valence, energy = (float(number) for number in feeling.split())
    night = {"night": True, "day": False, "any": None}[ground]
    return Genre(tuple(names.split(", ")), tuple(drawings.split()), valence, energy, night, tuple(palettes.split()))


GENRES = tuple(_genre(row) for row in _GENRES.strip().splitlines())
_PICTURE_OF = [(frozenset(words.split()), drawing) for words, drawing in map(_columns, _PICTURES.strip().splitlines())]


def _feeling(row: str) -> tuple[frozenset[str], float, float]:
    words, shift = _columns(row)
    valence, energy = shift.split()
    return frozenset(words.split()), float(valence), float(energy)


_FEELINGS = [_feeling(row) for row in _MOODS.strip().splitlines()]


def _plain(text: str) -> str:
    """Lower case words between single spaces, with one at either end, so that whole words can be looked for."""
    return " " + " ".join(re.findall(r"[^\W_]+(?:&[^\W_]+)?|&", text.casefold())) + " "


def read_mood(sheet: SongSheet) -> Mood:
    """What title, tags, categories and cover prompt of `sheet` ask for; a sheet that says nothing gets a plain mood."""
    style = _plain(" ".join((sheet.prompt, *sheet.categories)))
    story = _plain(" ".join((sheet.title, sheet.cover_prompt)))
    words = set((style + story).split())
    mood = Mood(energy=min(max((sheet.bpm - 105) / 120, -0.4), 0.4))
    _add_genres(mood, style)
    for pictured, drawing in _PICTURE_OF:
        # What the title or the cover prompt names outweighs the genre; the same word among the tags only hints.
        if pictured & set(story.split()):
            mood.drawings[drawing] = mood.drawings.get(drawing, 0.0) + 4.0
        elif pictured & words:
            mood.drawings[drawing] = mood.drawings.get(drawing, 0.0) + 1.0
    for feeling, valence, energy in _FEELINGS:
        if feeling & words:
            mood.valence += valence
            mood.energy += energy
    if "minor" in sheet.key.casefold():
        mood.valence -= 0.2
    if words & _NIGHT and not words & _DAY:
        mood.night = True
    elif words & _DAY and not words & _NIGHT:
        mood.night = False
    return mood


def _add_genres(mood: Mood, style: str) -> None:
    """Let every genre that `style` names have its say, the longest name first: indie folk is more folk than indie."""
    found = [(max(len(name) for name in named), genre) for genre in GENRES if (named := _named(genre, style))]
    found.sort(key=lambda pair: -pair[0])
    for rank, (_, genre) in enumerate(found[:3]):
        weight = 1 / (1 + rank)
        if rank == 0:
            mood.valence, mood.energy = genre.valence, 0.6 * genre.energy + mood.energy
            mood.night, mood.palettes = genre.night, genre.palettes
        for place, drawing in enumerate(genre.drawings):
            mood.drawings[drawing] = mood.drawings.get(drawing, 0.0) + weight * 2.0 / (1 + 0.7 * place)


def _named(genre: Genre, style: str) -> list[str]:
    return [name for name in genre.names if f" {name} " in style]
