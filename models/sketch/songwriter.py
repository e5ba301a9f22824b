"""The sketch songwriter: decides title, style, tempo and key of a song, and writes its words from tables and rhymes."""

import math
import re
from dataclasses import dataclass

import numpy as np

from models.roles import Brief, OnWords, SongSheet, Voice
from models.sketch.categories import choose_categories
from models.sketch.genres import Genre, genres
from models.sketch.languages import guess_language
from models.sketch.reading import Reading, clamp_bpm, find_key, mood_shift, read_text
from models.sketch.songplan import choose_sections, word_form, write_lyrics
from models.sketch.style import find_genre
from models.sketch.themes import Theme, themes
from models.sketch.theory import KEY_NAMES, MINOR_MODES, parse_key, rng_for
from models.sketch.titles import clean_title, title_from_description, title_from_lyrics
from models.sketch.verses import Lyricist

LONGEST_PROMPT = 500
_DEFAULT_THEMES = ("dream", "night city", "hope", "road")
_COMMON_TONICS = (0, 2, 4, 5, 7, 9, 10, 3)
_GENRE_OF_INSTRUMENT = {
    "piano": "classical",
    "grand piano": "classical",
    "harpsichord": "classical",
    "orchestra": "cinematic",
    "strings": "cinematic",
    "acoustic guitar": "folk",
    "guitar": "folk",
    "nylon guitar": "bossa nova",
    "fiddle": "folk",
    "banjo": "country",
    "saxophone": "jazz",
    "sax": "jazz",
    "electric guitar": "rock",
    "distorted guitar": "metal",
    "synth": "synthwave",
    "synthesizer": "synthwave",
    "808": "trap",
    "acid": "techno",
    "pad": "ambient",
}
_TIME_SIGNATURE = re.compile(r"(?:[2-9]|1[0-2])/(?:2|4|8|16)")
_ONLY_INSTRUMENTAL = re.compile(r"\s*[\[(]\s*(?:instrumental|inst|no vocals)\.?\s*[\])]\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of a brief in their parts: `sound` orders the music, `subject` what the words are about, `given` are words."""

    sound: str
    subject: str
    given: str
    instrumental: bool


class SketchSongwriter:
    """Writes a song's sheet without a model: a reading of the description, word tables, rhyme families and metre.

    Given words are kept to the letter: `sheet.lyrics` is `brief.lyrics` with line ends as "\\n", and their language is the
    brief's or a guess. Words written here are English whatever the language of the description, and the sheet says so.
    Every text makes a valid sheet: title of 1–80 characters, prompt of at most 500, written lyrics of at most 5,000.
    """

    name = "sketch"

    def write(self, brief: Brief, categories: tuple[str, ...], on_words: OnWords | None = None) -> SongSheet:
        """Return the sheet for `brief`; its one to four categories are of `categories`. Same brief and seed, same sheet."""
        texts = _sort_texts(brief)
        sound = read_text(texts.sound)
        subject = sound if texts.subject == texts.sound else read_text(texts.subject)
        random = rng_for(brief.seed, "songwriter", brief.mode, brief.prompt, brief.description, brief.described_lyrics)
        song_themes = subject.themes or sound.themes or _themes_of(texts.given) or _any_themes(random)
        asked_genre = bool(sound.genre_words)
        genre = find_genre(", ".join(sound.genre_words)) if asked_genre else _choose_genre(sound, song_themes, random)
        moods = sound.moods[:3] or song_themes[0].moods
        bpm = _choose_bpm(brief, sound, genre, moods, random)
        key = _choose_key(brief, sound, genre, moods, random)

        title = clean_title(brief.title) or (title_from_lyrics(texts.given) if texts.given else "")
        title = title or title_from_description(texts.subject, subject, song_themes, random)
        lyrics = texts.given
        if not lyrics and not texts.instrumental:
            form = word_form(genre)
            lyricist = Lyricist(song_themes, subject.keywords, 11 if form == "rap" else 8 if bpm < 118 else 7, random)
            lyrics = write_lyrics(form, choose_sections(form, brief.duration, bpm), title, lyricist, random)
            if on_words:
                on_words(lyrics)  # tables are quick: there is no half-written state to show

        genre_name = sound.genre_words[0] if asked_genre else genre.name
        if brief.mode == "description" or not brief.prompt.strip():
            prompt = _write_tags(sound, genre, genre_name, moods, bpm, key, texts.instrumental, random)
        else:
            prompt = _keep_tags(brief.prompt, None if asked_genre else genre.name)
        return SongSheet(
            title=title,
            prompt=prompt,
            lyrics=lyrics,
            bpm=bpm,
            key=key,
            time_signature=_choose_meter(brief, sound),
            language=_choose_language(brief, texts),
            instrumental=texts.instrumental,
            duration=brief.duration,
            categories=choose_categories(
                categories,
                f"{texts.sound} {texts.subject}",
                genre.name,
                (*sound.genre_words, genre.name),
                (*moods, *subject.moods),
                [theme.name for theme in song_themes],
            ),
            cover_prompt=_describe_cover(genre_name, moods, song_themes[0], subject, random),
            voice=_choose_voice(brief, sound, lyrics),
        )


def _sort_texts(brief: Brief) -> _Texts:
    """Which text says what, and whether anybody sings. Given words beat the word "instrumental" among the style tags."""
    sound = brief.description if brief.mode == "description" else brief.prompt
    asks_for_none = read_text(sound).instrumental
    if brief.mode == "lyrics":
        lyrics = brief.lyrics.replace("\r\n", "\n").replace("\r", "\n")
        if _ONLY_INSTRUMENTAL.fullmatch(lyrics):
            asks_for_none, lyrics = True, ""
        given = lyrics if lyrics.strip() and not brief.instrumental else ""
        return _Texts(sound, sound, given, brief.instrumental or (asks_for_none and not given))
    if brief.mode == "described_lyrics":
        wants_words = bool(brief.described_lyrics.strip())
        subject = brief.described_lyrics if wants_words else sound
        return _Texts(sound, subject, "", brief.instrumental or (asks_for_none and not wants_words))
    return _Texts(sound, sound, "", brief.instrumental or asks_for_none)


def _themes_of(lyrics: str) -> tuple[Theme, ...]:
    return read_text(lyrics).themes if lyrics else ()


def _any_themes(random: np.random.Generator) -> tuple[Theme, ...]:
    first, second = random.permutation(len(_DEFAULT_THEMES))[:2]
    return themes()[_DEFAULT_THEMES[int(first)]], themes()[_DEFAULT_THEMES[int(second)]]


def _choose_genre(sound: Reading, song_themes: tuple[Theme, ...], random: np.random.Generator) -> Genre:
    """A genre where none is named: by the instruments asked for, else one that suits the theme."""
    by_instrument = [_GENRE_OF_INSTRUMENT[word] for word in sound.instruments if word in _GENRE_OF_INSTRUMENT]
    fitting = by_instrument[:1] or song_themes[0].genres
    return genres()[fitting[int(random.integers(len(fitting)))]]


def _choose_bpm(
    brief: Brief, sound: Reading, genre: Genre, moods: tuple[str, ...], random: np.random.Generator
) -> float:
    """The asked tempo, or one of the genre's: faster for an energetic mood, and never quite the same."""
    drift = float(random.normal())
    if brief.bpm is not None and math.isfinite(brief.bpm):
        return clamp_bpm(float(brief.bpm))
    if sound.bpm is not None:
        return sound.bpm
    energy, _ = mood_shift(moods)
    width = genre.fastest - genre.slowest
    return float(round(max(genre.slowest, min(genre.fastest, genre.usual + width * (0.9 * energy + 0.1 * drift)))))


def _choose_key(brief: Brief, sound: Reading, genre: Genre, moods: tuple[str, ...], random: np.random.Generator) -> str:
    """The asked key, or one of the genre's modes: the brighter the mood, the likelier a major one."""
    tonic = _COMMON_TONICS[int(random.integers(len(_COMMON_TONICS)))]
    draw = float(random.random())
    asked = brief.key or sound.key
    if asked and (spelled := find_key(f"in {asked.strip()}")):
        return spelled
    if asked and (parsed := parse_key(asked)):
        return f"{KEY_NAMES[parsed[0]]} {parsed[1]}"
    _, brightness = mood_shift(moods)
    modes = list(genre.modes)
    weights = [genre.modes[mode] * math.exp(brightness * (-3 if mode in MINOR_MODES else 3)) for mode in modes]
    shares = np.cumsum(weights) / sum(weights)
    return f"{KEY_NAMES[tonic]} {modes[min(int(np.searchsorted(shares, draw)), len(modes) - 1)]}"


def _choose_meter(brief: Brief, sound: Reading) -> str:
    asked = (brief.time_signature or "").strip()
    return asked if _TIME_SIGNATURE.fullmatch(asked) else sound.time_signature or "4/4"


def _choose_language(brief: Brief, texts: _Texts) -> str:
    """The brief's language for given words and for music without any; English for what is written here."""
    if texts.given:
        return brief.language or guess_language(texts.given)
    return (brief.language or "en") if texts.instrumental else "en"


def _choose_voice(brief: Brief, sound: Reading, lyrics: str) -> Voice:
    if not lyrics:
        return brief.voice
    return "choir" if sound.choir and brief.voice == "robot" and not sound.singer else brief.voice


def _write_tags(
    sound: Reading,
    genre: Genre,
    genre_name: str,
    moods: tuple[str, ...],
    bpm: float,
    key: str,
    instrumental: bool,
    random: np.random.Generator,
) -> str:
    """Style tags in the order that music models are used to: genre, mood, instruments, voice, tempo, key."""
    instruments = sound.instruments[:4]
    if not instruments:
        leads = genre.lead_instruments
        played = [layer.instrument for layer in genre.layers[:2]]
        instruments = (*played, leads[int(random.integers(len(leads)))]) if leads else tuple(played)
    # A composer reads the genre from these tags again, and "acoustic guitar" shall not turn pop into folk.
    instruments = tuple(word for word in instruments if find_genre(f"{genre_name}, {word}").name == genre.name)
    singer = sound.singer or ("male" if random.random() < 0.45 else "female")
    voice = "instrumental" if instrumental else "choir" if sound.choir and not sound.singer else f"{singer} vocal"
    tags = dict.fromkeys([genre_name, *sound.genre_words[1:3], *moods, *instruments, voice, f"{bpm:g} bpm", key])
    return ", ".join(tags)[:LONGEST_PROMPT]


def _keep_tags(prompt: str, genre_name: str | None) -> str:
    """Somebody's own style tags on one line, cut between tags at 500 characters, with a genre where they name none."""
    printable = "".join(sign if sign.isprintable() else " " for sign in prompt)
    line = " ".join(printable.split())
    room = LONGEST_PROMPT - (len(genre_name) + 2 if genre_name else 0)
    if len(line) > room:
        cut = line[: room + 1].rfind(",")
        line = line[: cut if cut > 0 else room]
    line = line.strip(" ,")
    return f"{line}, {genre_name}" if line and genre_name else line or genre_name or ""


def _describe_cover(
    genre_name: str, moods: tuple[str, ...], theme: Theme, subject: Reading, random: np.random.Generator
) -> str:
    """One sentence for the painter, in words of the tables and plain nouns of the description."""
    adjective = theme.adjectives[int(random.integers(len(theme.adjectives)))]
    scene = theme.scenery[int(random.integers(len(theme.scenery)))]
    noun = subject.keywords[0] if subject.keywords else theme.nouns[int(random.integers(len(theme.nouns)))]
    mood = " and ".join(moods[:2])
    article = "An" if mood[:1] in "aeiou" else "A"
    return f"{article} {mood} {genre_name} sleeve about {theme.name}: {noun} and {adjective} {scene}."
