"""A Qwen model that answers many requests at once, each held to its own JSON schema: transformers' continuous batching."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, ContinuousBatchingConfig, GenerationConfig

from models.failures import EngineStopped, ModelFailure, TooLarge
from models.qwen.grammar import SchemaProcessor, grammar_of

log = logging.getLogger("models.qwen")

Message = dict[str, str]
PAGE = 256  # tokens in a block of the key and value cache
# Tokens that the cache holds, prompts and answers of all rows together. Eight usual songs take a third of it, and the one
# longest answer that a schema allows, to a prompt with the longest texts, still fits.
CACHE_TOKENS = 32 * 1024
# Above eight rows the fused 4-bit kernels of bitsandbytes fall back for Qwen's layers on an L40S.
ROWS = 8
_LOOK_EVERY = 0.25  # seconds between two looks at a text that is being written


class QwenWriter:
    """Loads a checkpoint, quantized or not, and answers in threads of others: `answer` waits, the batch does not.

    At most `rows` requests are decoded at once, and at most as many as `cache_tokens` hold with their prompts. `graphs`
    has CUDA replay the steps as captured graphs, which spares the host the launching of a thousand kernels a token; when a
    batch fails with them, they are given up. `make bench-gpu` measures both and compares the answers.
    """

    def __init__(
        self,
        folder: Path,
        device: str = "cuda",
        rows: int = ROWS,
        cache_tokens: int = CACHE_TOKENS,
        graphs: bool = False,
    ) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if device.startswith("cuda") else torch.float32,
            device_map=device,
            attn_implementation="sdpa",
            local_files_only=True,
        )
        self.rows = rows
        self.cache_tokens = cache_tokens
        self.graphs = graphs
        self._numbers = count()
        self._waiting: dict[str, tuple[Any, Future[Any]]] = {}  # the manager that has it, and who waits
        self._lock = threading.Lock()
        self._manager: Any = None
        self._stopped = False
        self._start()

    def answer(
        self,
        messages: list[Message],
        schema: str,
        seed: int,
        most_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> str:
        """Return the JSON text of one answer to a chat. Same messages, schema and seed, same answer, up to rounding.

        `on_text` is called now and then with the text so far; what it raises stops this answer and passes through.
        When memory runs out, all that are being answered are begun anew with half as many at once. Raises TooLarge when
        even one alone does not fit, EngineStopped, and ModelFailure when the answer broke off.
        """
        # Qwen3's template asks for thinking unless told; those of Qwen2 know no such thing.
        prompt = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=True, enable_thinking=False
        )["input_ids"]
        if len(prompt) + most_tokens > self.cache_tokens:
            raise TooLarge("This is too much text for the songwriter. Try a shorter description.")
        grammar = grammar_of(schema)
        while True:
            manager, name, future = self._submit(prompt, grammar, seed, most_tokens)
            output = self._wait(manager, name, future, on_text)
            if output is not None and output.error is None:
                break
            self._recover(manager, str(output.error) if output else "the batch ended")
        tokens = [token for token in output.generated_tokens if token != self.tokenizer.eos_token_id]
        if len(output.generated_tokens) >= most_tokens:
            raise ModelFailure("The songwriter did not come to an end. Try again with another seed.")
        text: str = self.tokenizer.decode(tokens)
        return text

    def close(self) -> None:
        """Stop; whatever is being answered fails with EngineStopped."""
        with self._lock:
            self._stopped = True
            manager, self._manager = self._manager, None
        if manager is not None:
            manager.stop(block=True, hard_stop=True)

    def _wait(self, manager: Any, name: str, future: Future[Any], on_text: Callable[[str], None] | None) -> Any:
        """Return what comes of a request, and tell `on_text` of it meanwhile."""
        while on_text is not None:
            try:
                return future.result(timeout=_LOOK_EVERY)
            except FutureTimeout:
                tokens = self._processor.written(name)
            try:
                if tokens:
                    on_text(self.tokenizer.decode(tokens))
            except BaseException:
                with self._lock:
                    self._waiting.pop(name, None)
                manager.cancel_request(name)
                raise
        return future.result()

    def _submit(self, prompt: list[int], grammar: str, seed: int, most_tokens: int) -> tuple[Any, str, Future[Any]]:
        with self._lock:
            if self._stopped:
                raise EngineStopped("The songwriter was stopped.")
            name, future = f"song-{next(self._numbers)}", Future[Any]()
            self._waiting[name] = (self._manager, future)
            taken = self._manager.add_request(
                prompt,
                request_id=name,
                max_new_tokens=most_tokens,
                eos_token_id=self.tokenizer.eos_token_id,
                grammar=grammar,
                seed=seed,
                prompt_tokens=len(prompt),
            )
            if taken is None:  # it is about to end
                del self._waiting[name]
                future.set_result(None)
            return self._manager, name, future

    def _start(self) -> None:
        # Greedy: the chance is in the processor.
        generation = GenerationConfig(
            do_sample=False, eos_token_id=self.tokenizer.eos_token_id, pad_token_id=self.tokenizer.pad_token_id
        )
        manager = self.model.init_continuous_batching(
            generation_config=generation,
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=PAGE,
                num_blocks=-(-self.cache_tokens // PAGE) + 1,
                max_batch_tokens=max(PAGE, self.rows),
                max_requests_per_batch=self.rows,
                use_async_batching=False,  # the grammar must see each token before the next step
                auto_switch_to_flash=False,  # its kernels would be fetched from the network
                use_cuda_graph=self.graphs,
                # Few shapes, few graphs: queries by eights, which is where the 4-bit kernels are fast.
                q_padding_interval_size=ROWS,
                kv_padding_interval_size=32 * PAGE,
            ),
        )
        processor = SchemaProcessor(self.tokenizer, self.model.config.vocab_size, self.rows, self.model.device)
        processor.attach(manager)
        self._processor = processor
        # As manager.start() does, but in a thread that does not keep the program alive.
        manager.background_thread_status.clear()
        manager._generation_thread = threading.Thread(target=manager._run_generation_loop, name="qwen", daemon=True)
        manager._generation_thread.start()
        threading.Thread(target=self._hand_out, args=(manager,), name="qwen-answers", daemon=True).start()
        self._manager = manager

    def _hand_out(self, manager: Any) -> None:
        """Give every finished answer to whoever waits for it, until the manager ends; whoever is left then gets None."""
        while True:
            running = manager.is_running()
            output = manager.get_result(timeout=0.1)
            if output is not None and output.is_finished():
                with self._lock:
                    _, future = self._waiting.pop(output.request_id, (None, None))
                if future is not None:
                    future.set_result(output)
            elif output is None and not running:
                break
        with self._lock:
            left = [name for name, (its, _) in self._waiting.items() if its is manager]
            futures = [self._waiting.pop(name)[1] for name in left]
        for future in futures:
            future.set_result(None)

    def _recover(self, failed: Any, error: str) -> None:
        """Begin anew after a failure of the whole batch; only the first who notices does anything.

        Returns where it is worth trying again: without graphs, or with half the rows. Raises otherwise.
        """
        with self._lock:
            if self._stopped:
                raise EngineStopped("The songwriter was stopped.")
            if self._manager is not failed:
                return
            stumbled = ModelFailure("The songwriter stumbled. The studio's log says why.")
            if failed.background_thread_status.can_accept_new_requests() is None:
                log.error("An answer failed: %s", error)
                raise stumbled
            failed.join(perf_counter())
            fatal = failed.background_thread_status.fatal_error
            failed.batch_processor = None
            if self.model.device.type == "cuda":
                torch.cuda.empty_cache()
            graphs, rows, memory = self.graphs, self.rows, isinstance(fatal, torch.OutOfMemoryError)
            self.graphs = False
            if memory and not graphs:
                self.rows = max(1, rows // 2)
            self._start()
            if graphs:
                log.warning("The songwriter stumbled with captured graphs, and goes on without: %s", error)
            elif not memory:
                raise stumbled from fatal
            elif rows == 1:
                raise TooLarge("There is not enough memory on the accelerator to write words.")
            else:
                log.warning("Out of memory with %d songs at once; going on with %d", rows, self.rows)
