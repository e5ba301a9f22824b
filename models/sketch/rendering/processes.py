"""The processes that render stems side by side. They live on between songs and never outlive the one that started them."""

import os
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import numpy as np

from models.roles import OnProgress
from models.sketch.rendering.audio import Audio
from models.sketch.rendering.stems import STEMS, Stem, StemJob, render_stem

BLOCK = 1 << 19  # samples sent at a time
LOOK_EVERY = 0.1  # seconds between two chances to cancel

OnBlock = Callable[[Stem, int, Audio], None]


class StemFailed(RuntimeError):
    """A stem could not be rendered; the message says which and holds what the process had to say."""


@dataclass(slots=True)
class _Renderer:
    process: SpawnProcess
    connection: Connection
    stem: Stem | None = None
    position: int = 0


class Renderers:
    """`count` processes that render stems. They are started when first needed; not for use by two threads at once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._renderers: list[_Renderer] = []

    def render(self, jobs: Sequence[StemJob], on_block: OnBlock, on_progress: OnProgress) -> None:
        """Render `jobs`; `on_block` gets each stem's name, and its samples piece by piece with where they begin.

        `on_progress` is asked ten times a second and may raise: whatever is under way is then dropped. Raises StemFailed.
        """
        try:
            self._start()
            self._work(jobs, on_block, on_progress)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the processes at once, whatever they do. A later `render` starts new ones."""
        for renderer in self._renderers:
            renderer.process.kill()
            renderer.process.join()
            renderer.process.close()
            renderer.connection.close()
        self._renderers.clear()

    def _start(self) -> None:
        # Spawned, not forked: a fork copies the locks that the other threads of this program happen to hold.
        context = get_context("spawn")
        if not all(renderer.process.is_alive() for renderer in self._renderers):
            self.close()  # one was killed since the last song
        while len(self._renderers) < self._count:
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,), name="renderer", daemon=True)
            process.start()
            theirs.close()
            self._renderers.append(_Renderer(process, ours))

    def _work(self, jobs: Sequence[StemJob], on_block: OnBlock, on_progress: OnProgress) -> None:
        waiting = sorted(jobs, key=lambda job: STEMS[job.stem])
        shares: dict[Stem, float] = dict.fromkeys((job.stem for job in jobs), 0.0)
        total = sum(STEMS[stem] for stem in shares)
        while waiting or any(renderer.stem for renderer in self._renderers):
            for renderer in self._renderers:
                if waiting and renderer.stem is None:
                    job = waiting.pop()
                    renderer.stem, renderer.position = job.stem, 0
                    _send(renderer, job)
            by_connection = {renderer.connection: renderer for renderer in self._renderers}
            for ready in wait(list(by_connection), LOOK_EVERY):
                assert isinstance(ready, Connection)
                _receive(by_connection[ready], shares, on_block)
            on_progress(sum(STEMS[stem] * share for stem, share in shares.items()) / total)


def _send(renderer: _Renderer, job: StemJob) -> None:
    try:
        renderer.connection.send(job)
    except OSError as error:  # the pipe is broken: the process has ended
        raise _ended(renderer) from error


def _ended(renderer: _Renderer) -> StemFailed:
    renderer.process.join()
    status = renderer.process.exitcode
    return StemFailed(f"The process that rendered the {renderer.stem} stem ended (exit status {status}).")


def _receive(renderer: _Renderer, shares: dict[Stem, float], on_block: OnBlock) -> None:
    """Take one message from a renderer: its progress, a piece of sound, its failure, or (None) that the stem is done."""
    stem = renderer.stem
    try:
        message = renderer.connection.recv()
        if isinstance(message, np.ndarray) and stem is not None:
            on_block(stem, renderer.position, message)
            renderer.position += message.shape[1]
    except (EOFError, OSError) as error:
        raise _ended(renderer) from error
    if isinstance(message, str):
        raise StemFailed(f"The {stem} stem could not be rendered.\n{message}")
    if isinstance(message, float) and stem is not None:
        shares[stem] = message
    if message is None:
        renderer.stem = None


def _serve(connection: Connection) -> None:
    """Render what is asked for, until nobody can ask any more."""
    os.nice(10)  # whoever else wants the processor does so for moments
    os.setsid()  # a Ctrl-C in the terminal is for the program that started us to deal with
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job: StemJob = connection.recv()
        except EOFError:
            return
        try:
            samples = render_stem(job, lambda share: connection.send(float(share)))
        except Exception:
            connection.send(traceback.format_exc())
            continue
        for start in range(0, samples.shape[1], BLOCK):
            connection.send(np.ascontiguousarray(samples[:, start : start + BLOCK]))
        connection.send(None)


def _end_with_parent() -> None:
    """End this process, in the middle of whatever it does, when the one that started it has ended, however it did."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
