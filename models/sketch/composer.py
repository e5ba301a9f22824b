"""The sketch engine's composer: writes a song out, renders its stems in processes side by side, and mixes them."""

import os
from pathlib import Path
from threading import Lock

from models.roles import OnProgress, Recording, SongSheet, Take
from models.sketch.arrange import arrange
from models.sketch.arrangement import Arrangement
from models.sketch.rendering.audio import SAMPLE_RATE, Audio, silence
from models.sketch.rendering.mix import Sum, finish_mix
from models.sketch.rendering.processes import OnBlock, Renderers
from models.sketch.rendering.soundfonts import find_soundfont
from models.sketch.rendering.stems import Stem, StemJob, stems_of

# A fourth process would save nothing: the voice, or the chords, alone take as long as a third of the work.
MOST_PROCESSES = 3
STEMS_SHARE = 0.93  # of the whole work
LOOK_EVERY = 0.1


class SketchComposer:
    """Composes and renders songs on the CPU, without weights. It is not a model and does not pretend to be one.

    Instruments come from `soundfont`, or from one that is found on this machine (`find_soundfont`). `processes` render
    side by side, as many as there are cores to use if it is None; the samples do not depend on it. One song at a time:
    a second thread waits for the first.
    """

    name = "sketch"

    def __init__(self, soundfont: Path | None = None, processes: int | None = None) -> None:
        self._soundfont = soundfont
        self._renderers = Renderers(processes or min(MOST_PROCESSES, len(os.sched_getaffinity(0))))
        self._playing = Lock()

    def compose(self, sheet: SongSheet, take: Take, on_progress: OnProgress) -> Recording:
        """Return `take` of `sheet`, near -15 LUFS. Same sheet and take, same samples.

        Raises what `on_progress` raises, FileNotFoundError without a soundfont, and StemFailed when rendering fails.
        """
        song = arrange(sheet, take)
        samples = self._sum_of_stems(sheet, song, on_progress)
        rest = 1 - STEMS_SHARE
        finish_mix(samples, song, lambda share: on_progress(min(1.0, STEMS_SHARE + rest * share)))
        return Recording(samples, SAMPLE_RATE, song.style.bpm, song.style.key, song.timeline())

    def render_stems(self, sheet: SongSheet, take: Take, on_progress: OnProgress) -> dict[Stem, Audio]:
        """Return the stems of `take` of `sheet`, float32 `[2, samples]` at 48 kHz, each at its level in the mix.

        A stem in which nothing sounds is left out. Their sum is what `compose` finishes. Raises as `compose` does.
        """
        song = arrange(sheet, take)
        stems = {stem: silence(_length(song)) for stem in stems_of(song)}

        def keep(stem: Stem, start: int, block: Audio) -> None:
            stems[stem][:, start : start + block.shape[1]] = block

        self._render(sheet, song, keep, lambda share: on_progress(share / STEMS_SHARE))
        return stems

    def _sum_of_stems(self, sheet: SongSheet, song: Arrangement, on_progress: OnProgress) -> Audio:
        total = Sum(_length(song))
        self._render(sheet, song, lambda _stem, start, block: total.add(start, block), on_progress)
        return total.samples()

    def close(self) -> None:
        """End the processes; a later song starts new ones."""
        with self._playing:
            self._renderers.close()

    def _render(self, sheet: SongSheet, song: Arrangement, on_block: OnBlock, on_progress: OnProgress) -> None:
        soundfont = find_soundfont(self._soundfont)
        jobs = [StemJob(stem, sheet, song, soundfont) for stem in stems_of(song)]
        while not self._playing.acquire(timeout=LOOK_EVERY):
            on_progress(0.0)
        try:
            self._renderers.render(jobs, on_block, lambda share: on_progress(share * STEMS_SHARE))
        finally:
            self._playing.release()


def _length(song: Arrangement) -> int:
    return round(song.duration * SAMPLE_RATE)
