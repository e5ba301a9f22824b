"""`make bench-gpu`: the AI models at their real sizes with random weights, beside the naive serial way, in one table.

On a machine without a CUDA card it runs tiny models on the CPU, which shows that everything works and nothing about speed.
"""

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from appliance.categories import CATEGORIES
from models.ace_step.composer import AceStepComposer
from models.catalogue import COVER_MODELS, GIB, LANGUAGE_MODELS, MUSIC_MODELS
from models.qwen.prompt import messages_for
from models.qwen.quantizing import write_nf4_copy
from models.qwen.schema import longest_answer, schema_for
from models.qwen.songwriter import QwenSongwriter
from models.qwen.writer import QwenWriter
from models.residency import CAPACITIES, plan_residency
from models.roles import Brief, SongSheet, Take
from models.sdxl.illustrator import SdxlIllustrator
from worker.encoding import encode_flac, encode_mp3
from worker.mastering import master

IN_FLIGHT = (1, 2, 4, 8)
# What the naive way spends on words: three calls a take, as the products that are built on chat models do.
_NAIVE_CALLS, _NAIVE_TOKENS = 3, 200
DESCRIPTION = "a hopeful indie pop song about leaving the city at dawn"


@dataclass(frozen=True, slots=True)
class Setup:
    """The three models at work on `device`, for songs of `seconds`; `requests` are made a row of the table."""

    device: str
    seconds: float
    requests: int
    songwriter: QwenSongwriter
    composer: AceStepComposer
    illustrator: SdxlIllustrator

    def close(self) -> None:
        """Stop the engines."""
        for engine in (self.songwriter, self.composer, self.illustrator):
            engine.close()


def bench_gpu() -> None:
    """Measure and print."""
    cuda = torch.cuda.is_available()
    with tempfile.TemporaryDirectory(prefix="backline-bench-") as folder:
        print(f"torch {torch.__version__}, {torch.cuda.get_device_name() if cuda else 'no CUDA card'}")
        if not cuda:
            print("Tiny models on the CPU: this shows that it works, and nothing about speed.")
            print("On a machine with a card: make bench-gpu")
        setup = _set_up(Path(folder), cuda)
        try:
            _carry(setup, 0)  # so that the first figures are not those of compiling
            _print_stages(setup)
            if cuda:
                _print_graphs(setup, Path(folder) / "nf4")
            naive = _print_flights(setup)
        finally:
            setup.close()
        _print_naive(setup, naive)


def _set_up(folder: Path, cuda: bool) -> Setup:
    """Write the checkpoints and load them as the worker does."""
    music, language, cover = MUSIC_MODELS[0], LANGUAGE_MODELS[0], COVER_MODELS[0]
    if cuda:
        from tests.bench import full_size  # noqa: PLC0415

        print("Writing checkpoints of the real sizes (some minutes, 38 GB in the folder for temporary files) ...")
        full_size.write_ace_step_xl(folder / "music", "cuda")
        full_size.write_qwen_7b(folder / "words", "cuda")
        full_size.write_sdxl_full(folder / "covers", "cuda")
        torch.cuda.empty_cache()
        residency = plan_residency(torch.cuda.mem_get_info()[0], music, language, cover)
        print(residency.table())
        capacity, device = residency.capacity, "cuda"
    else:
        from tests.models import tiny_checkpoints  # noqa: PLC0415

        tiny_checkpoints.write_ace_step(folder / "music", turbo=True)
        tiny_checkpoints.write_qwen(folder / "words")
        tiny_checkpoints.write_sdxl(folder / "covers", variant="fp16")
        capacity, device = replace(CAPACITIES[0], cache_tokens=24 * 1024), "cpu"
    write_nf4_copy(folder / "words", folder / "nf4", device)
    songwriter = QwenSongwriter(language.name, folder / "nf4", device, capacity.rows, capacity.cache_tokens)
    composer = AceStepComposer(folder / "music", music, device, capacity.most_tokens, capacity.tile)
    composer.warm_up()
    pixels = None if cuda else 64
    illustrator = SdxlIllustrator((folder / "covers",), cover, device, pixels=pixels, at_once=capacity.covers)
    return Setup(device, 180.0 if cuda else 10.0, 8 if cuda else 2, songwriter, composer, illustrator)


def _brief(setup: Setup, number: int) -> Brief:
    return Brief("description", description=DESCRIPTION, duration=setup.seconds, seed=number)


def _carry(setup: Setup, number: int) -> None:
    """Make one request: words once, both takes and covers at once, mastered and encoded beside."""
    sheet = setup.songwriter.write(_brief(setup, number), CATEGORIES)
    with ThreadPoolExecutor(4) as threads:
        seeds = (2 * number, 2 * number + 1)
        takes = [threads.submit(_make_take, setup, sheet, seed) for seed in seeds]
        covers = [threads.submit(setup.illustrator.paint, sheet, seed) for seed in seeds]
        for take in takes:
            take.result()
        for cover in covers:
            cover.result()


def _make_take(setup: Setup, sheet: SongSheet, seed: int) -> None:
    setup.composer.compose(sheet, Take(seed), lambda _: None)
    _finish(setup, sheet, seed)


def _finish(setup: Setup, sheet: SongSheet, seed: int) -> None:
    """Master and encode a take. It is noise, since random weights may make what cannot be mastered."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (2, round(setup.seconds * 48_000))).astype(np.float32)
    mastered = master(noise, 48_000, lambda _: None)
    encode_flac(mastered, sheet, lambda _: None)
    encode_mp3(mastered, sheet, lambda _: None)


def _print_stages(setup: Setup) -> None:
    print(f"\nOne request of {setup.seconds:g} s, stage by stage, nothing beside it")
    written: list[SongSheet] = []

    def stage(name: str, work: Callable[[], object]) -> None:
        start = time.perf_counter()
        work()
        print(f"  {name:<28} {time.perf_counter() - start:8.2f} s")

    stage("words", lambda: written.append(setup.songwriter.write(_brief(setup, 1), CATEGORIES)))
    sheet = written[0]
    stage("one take", lambda: setup.composer.compose(sheet, Take(1), lambda _: None))

    def both() -> None:
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda seed: setup.composer.compose(sheet, Take(seed), lambda _: None), (1, 2)))

    def covers() -> None:
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda seed: setup.illustrator.paint(sheet, seed), (1, 2)))

    stage("two takes packed", both)
    stage("two covers", covers)
    stage("mastering, FLAC and MP3", lambda: _finish(setup, sheet, 1))


def _print_graphs(setup: Setup, folder: Path) -> None:
    """Print what captured graphs would spare the songwriter, and whether they change what it writes."""
    print("\nWords of eight requests at once")
    briefs = [_brief(setup, number) for number in range(8)]
    answers = []
    for graphs in (False, True):
        writer = QwenWriter(folder, setup.device, graphs=graphs)
        for _ in range(2):  # graphs are captured in the first round
            start = time.perf_counter()
            with ThreadPoolExecutor(8) as threads:
                written = list(threads.map(partial(_words, writer), briefs))
            seconds = time.perf_counter() - start
        answers.append(written)
        kept = "" if writer.graphs == graphs else " (they failed, see above)"
        writer.close()
        print(f"  {'captured graphs' if graphs else 'launched one by one':<28} {seconds:8.2f} s{kept}")
    same = sum(one == other for one, other in zip(*answers, strict=True))
    print(f"  answers that are the same    {same:8} of {len(briefs)}")


def _words(writer: QwenWriter, brief: Brief) -> str:
    return writer.answer(messages_for(brief), schema_for(brief, CATEGORIES), brief.seed, longest_answer(brief))


def _print_flights(setup: Setup) -> float:
    """Print songs an hour by requests in flight, and return the naive way's, measured after them in the same run."""
    print(f"\nRequests of {setup.seconds:g} s (a song is a request: two takes, words, covers, encoded)")
    print(f"  {'in flight':<12} {'songs/h':>9} {'s/song':>8} {'idle':>6} {'peak memory':>12}")
    best = 0.0
    for flight in IN_FLIGHT:
        if setup.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        count = max(setup.requests, 2 * flight if setup.device == "cuda" else flight)
        with _idle(setup.device) as idle:
            start = time.perf_counter()
            with ThreadPoolExecutor(flight) as threads:
                list(threads.map(lambda number: _carry(setup, number), range(count)))
            seconds = (time.perf_counter() - start) / count
        best = max(best, 3600 / seconds)
        share, memory = idle()
        print(f"  {flight:<12} {3600 / seconds:9.0f} {seconds:8.2f} {share:>6} {memory:>12}")
    return best


@contextmanager
def _idle(device: str) -> Iterator[Callable[[], tuple[str, str]]]:
    """Yield a function that returns, at the end, the share of time that the card computed nothing, and the peak memory."""
    if device != "cuda":
        yield lambda: ("-", "-")
        return
    busy: list[float] = []
    asking = subprocess.Popen(
        ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=200"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert asking.stdout is not None
    lines = asking.stdout
    reader = threading.Thread(target=lambda: busy.extend(float(line) for line in lines if line.strip().isdigit()))
    reader.start()
    try:
        yield lambda: (
            f"{100 - sum(busy) / len(busy):.0f} %" if busy else "?",
            f"{torch.cuda.max_memory_reserved() / GIB:.1f} GiB",
        )
    finally:
        asking.terminate()
        asking.wait()
        reader.join()


def _print_naive(setup: Setup, best: float) -> None:
    """Print the naive serial way: chat calls for each take, takes one after the other, stock pipeline, encoding inline."""
    model, tokenizer = setup.songwriter.writer.model, setup.songwriter.writer.tokenizer
    pipe: Any = setup.composer.engine.pipe
    pipe.set_progress_bar_config(disable=True)
    pipe.vae.use_tiling = False  # as the pipeline leaves it
    sheet = SongSheet("", "indie pop", "[verse]\n" + "a line to sing\n" * 30, 120, "C major", "4/4", "en", False, setup.seconds, (), "dawn")  # fmt: skip
    prompt = tokenizer.apply_chat_template(
        messages_for(_brief(setup, 1)), add_generation_prompt=True, return_tensors="pt", return_dict=True
    ).to(model.device)
    tokens = _NAIVE_TOKENS if setup.device == "cuda" else 20
    illustrator = setup.illustrator

    def naive() -> None:
        for seed in (1, 2):
            for _ in range(_NAIVE_CALLS):
                model.generate(**prompt, min_new_tokens=tokens, max_new_tokens=tokens, do_sample=True)
            pipe(
                prompt=sheet.prompt, lyrics=sheet.lyrics, audio_duration=sheet.duration, bpm=120,
                generator=torch.Generator(model.device).manual_seed(seed),
            ).audios.cpu()  # fmt: skip
            illustrator._pipe(
                prompt=sheet.cover_prompt, num_inference_steps=illustrator.steps, guidance_scale=0.0,
                width=illustrator.pixels, height=illustrator.pixels,
            )  # fmt: skip
            _finish(setup, sheet, seed)

    naive()
    start = time.perf_counter()
    naive()
    seconds = time.perf_counter() - start
    print(f"  {'naive serial':<12} {3600 / seconds:9.0f} {seconds:8.2f}")
    print(f"\nThe most songs an hour above are {best * seconds / 3600:.1f} times the naive way's.")


if __name__ == "__main__":
    bench_gpu()
