"""Writing verses, choruses and bridges: many candidate lines are drawn from the tables, and the one that sings best is kept."""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from models.sketch.rhymes import content_words, couplets, last_word, line_family, rhythm_score
from models.sketch.themes import Theme
from models.sketch.words import FUNCTION_WORDS, syllable_count

PHRASES_TABLE = Path(__file__).parent / "wordbook" / "phrases.toml"

Preference = Callable[[str], float]


@lru_cache(maxsize=1)
def phrases() -> dict[str, tuple[str, ...]]:
    """The tables of whole lines by their name."""
    table = tomllib.loads(PHRASES_TABLE.read_text(encoding="utf-8"))
    return {name: tuple(lines) for name, lines in table.items()}


def _no_preference(_line: str) -> float:
    return 0.0


@dataclass(slots=True)
class Lyricist:
    """Writes the sections of one song and remembers what has been said, so that nothing is said twice.

    `keywords` are nouns of the description, worked in where lines have room for them; `line_length` is the wanted number of
    syllables.
    """

    themes: Sequence[Theme]
    keywords: Sequence[str]
    line_length: int
    random: np.random.Generator
    _used_lines: set[str] = field(default_factory=set)
    _used_words: set[str] = field(default_factory=set)
    _verses_written: int = 0

    def verse(self, line_count: int, rhymed_pairs: bool) -> list[str]:
        """A verse of `line_count` (even) lines: rhymed in pairs, or free openings answered by rhyming closings (xAxA)."""
        theme = self.themes[self._verses_written % len(self.themes)]
        others = [other for other in self.themes if other is not theme]
        places = [place for source in (theme, *others) for place in source.places]
        keyword = self.keywords[self._verses_written % len(self.keywords)] if self.keywords else ""
        self._verses_written += 1
        if rhymed_pairs:
            return self._pairs(line_count, places, keyword)
        return self._story(line_count, places, keyword)

    def _story(self, line_count: int, places: list[str], keyword: str) -> list[str]:
        lines: list[str] = []
        closings = [*places, *phrases()["lines"], *self._about(keyword, "key_lines")]
        keyword_openings = self._about(keyword, "key_openings")
        family = ""
        for pair in range(line_count // 2):
            openings = [*phrases()["openings"], *(keyword_openings if pair == 0 else [])]
            lines.append(self._take(openings, lambda line: 3.0 if keyword and line in keyword_openings else 0.0))
            if pair % 2 == 0:
                lines.append(self._take(self._answerable(places, closings) or closings))
                family = line_family(lines[-1])
            else:
                ends = {last_word(line) for line in lines[1::2]}
                answers = [line for line in closings if line_family(line) == family and last_word(line) not in ends]
                lines.append(self._take(answers or closings))
        return lines

    def _pairs(self, line_count: int, places: list[str], keyword: str) -> list[str]:
        lines: list[str] = []
        closings = [*places, *phrases()["lines"]]
        keyword_lines = self._about(keyword, "key_lines")
        families: set[str] = set()
        for pair in range(line_count // 2):
            starts = [*closings, *(keyword_lines if pair == 0 else [])]
            starts = [line for line in self._answerable(starts, closings) if line_family(line) not in families]

            def is_wanted(line: str) -> float:
                return 1.6 if line in keyword_lines else 0.7 if line in places else 0.0

            first = self._take(starts or closings, is_wanted)
            families.add(line_family(first))
            answers = [
                line
                for line in closings
                if line_family(line) == line_family(first) and last_word(line) != last_word(first) and line != first
            ]
            lines += [first, self._take(answers or closings, lambda line: 0.5 if line in places else 0.0)]
        return lines

    def chorus(self, title: str) -> list[str]:
        """Four or five lines around the title: a short title opens both halves, a longer one stands as its own line."""
        hooks = [line for pair in self._couplets("choruses", 2) for line in pair]
        if syllable_count(title) <= 3:
            return [f"{title}, {hooks[0]}", hooks[1], f"{title}, {hooks[2]}", hooks[3]]
        return [self.hook(title), *hooks]

    def hook(self, title: str) -> str:
        """The title as a line of its own."""
        return f"{title}, {title.lower()}" if syllable_count(title) <= 4 else f"Oh, {title}"

    def lift(self) -> list[str]:
        """The couplet before a chorus."""
        return list(self._couplets("lifts", 1)[0])

    def bridge(self) -> list[str]:
        """Four lines that look at it from somewhere else."""
        return [line for pair in self._couplets("bridges", 2) for line in pair]

    def _about(self, keyword: str, table: str) -> list[str]:
        return [line.replace("{key}", keyword) for line in phrases()[table]] if keyword else []

    def _answerable(self, lines: Sequence[str], answers: Sequence[str]) -> list[str]:
        """The unused ones of `lines` that some unused answer rhymes with."""
        ends: dict[str, set[str]] = {}
        for answer in answers:
            if answer not in self._used_lines:
                ends.setdefault(line_family(answer), set()).add(last_word(answer))
        return [
            line
            for line in lines
            if line not in self._used_lines and ends.get(line_family(line), set()) - {last_word(line)}
        ]

    def _take(self, candidates: Sequence[str], preference: Preference = _no_preference) -> str:
        """The candidate that sings best, marked as used. When all are used up, the best of all is sung again."""
        fresh = [line for line in candidates if line not in self._used_lines] or list(candidates)
        draws = self.random.random(len(fresh))
        scores = [
            preference(line)
            - 0.35 * abs(syllable_count(line) - self.line_length)
            - 0.45 * len(self._used_words.intersection(content_words(line)))
            + 0.4 * rhythm_score(line)
            + 1.5 * float(draw)
            for line, draw in zip(fresh, draws, strict=True)
        ]
        best = fresh[int(np.argmax(scores))]
        self._used_lines.add(best)
        self._used_words.update(word for word in content_words(best) if word not in FUNCTION_WORDS)
        return best

    def _couplets(self, table: str, count: int) -> list[tuple[str, str]]:
        """`count` couplets of different rhymes, fresh ones as long as there are any."""
        pairs = couplets(phrases()[table])
        fresh = [pair for pair in pairs if not self._used_lines.intersection(pair)]
        chosen: list[tuple[str, str]] = []
        for pool in (fresh, pairs):
            for index in self.random.permutation(len(pool)):
                pair = pool[int(index)]
                new_rhyme = line_family(pair[0]) not in {line_family(other[0]) for other in chosen}
                if len(chosen) < count and new_rhyme:
                    chosen.append(pair)
                    self._used_lines.update(pair)
        return chosen
