"""A Qwen model that answers many requests at once, each held to its own JSON schema: transformers' continuous batching."""

import logging
import threading
from concurrent.futures import Future
from itertools import count
from pathlib import Path
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


class QwenWriter:
    """Loads a checkpoint, quantized or not, and answers in threads of others: `answer` waits, the batch does not.

    At most `rows` requests are decoded at once, and at most as many as `cache_tokens` hold with their prompts.
    """

    def __init__(self, folder: Path, device: str = "cuda", rows: int = ROWS, cache_tokens: int = CACHE_TOKENS) -> None:
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
        self._numbers = count()
        self._waiting: dict[str, Future[Any]] = {}
        self._lock = threading.Lock()
        self._manager: Any = None
        self._stopped = False
        self._start()

    def answer(self, messages: list[Message], schema: str, seed: int, most_tokens: int) -> str:
        """Return the JSON text of one answer to a chat. Same messages, schema and seed, same answer, up to rounding.

        When memory runs out, all that are being answered are begun anew with half as many at once. Raises TooLarge when
        even one alone does not fit, EngineStopped, and ModelFailure when the answer broke off.
        """
        prompt = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        if len(prompt) + most_tokens > self.cache_tokens:
            raise TooLarge("This is too much text for the songwriter. Try a shorter description.")
        grammar = grammar_of(schema)
        while True:
            manager, future = self._submit(prompt, grammar, seed, most_tokens)
            output = future.result()
            if output.error is None:
                break
            self._recover(manager, str(output.error))
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

    def _submit(self, prompt: list[int], grammar: str, seed: int, most_tokens: int) -> tuple[Any, Future[Any]]:
        with self._lock:
            if self._stopped:
                raise EngineStopped("The songwriter was stopped.")
            name = f"song-{next(self._numbers)}"
            future = self._waiting[name] = Future()
            self._manager.add_request(
                prompt,
                request_id=name,
                max_new_tokens=most_tokens,
                eos_token_id=self.tokenizer.eos_token_id,
                grammar=grammar,
                seed=seed,
                prompt_tokens=len(prompt),
            )
            return self._manager, future

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
            ),
        )
        processor = SchemaProcessor(self.tokenizer, self.model.config.vocab_size, self.rows, self.model.device)
        processor.attach(manager)
        # As manager.start() does, but in a thread that does not keep the program alive.
        manager.background_thread_status.clear()
        manager._generation_thread = threading.Thread(target=manager._run_generation_loop, name="qwen", daemon=True)
        manager._generation_thread.start()
        threading.Thread(target=self._hand_out, args=(manager,), name="qwen-answers", daemon=True).start()
        self._manager = manager

    def _hand_out(self, manager: Any) -> None:
        """Give every finished answer to whoever waits for it, until the manager ends."""
        while True:
            running = manager.is_running()
            output = manager.get_result(timeout=0.1)
            if output is not None and output.is_finished():
                with self._lock:
                    future = self._waiting.pop(output.request_id, None)
                if future is not None:
                    future.set_result(output)
            elif output is None and not running:
                return

    def _recover(self, failed: Any, error: str) -> None:
        """Begin anew after a failure of the whole batch, with half the rows; only the first who notices does anything."""
        with self._lock:
            if self._stopped:
                raise EngineStopped("The songwriter was stopped.")
            if self._manager is not failed:
                return
            fatal = failed.background_thread_status.fatal_error
            if not isinstance(fatal, torch.OutOfMemoryError):
                if not failed.is_running():
                    self._start()
                raise ModelFailure("The songwriter stumbled. The studio's log says why.") from RuntimeError(error)
            failed.join(0.0)
            failed.batch_processor = None
            if self.model.device.type == "cuda":
                torch.cuda.empty_cache()
            rows = self.rows
            self.rows = max(1, rows // 2)
            self._start()
            if rows == 1:
                raise TooLarge("There is not enough memory on the accelerator to write words.")
            log.warning("Out of memory with %d songs at once; going on with %d", rows, self.rows)
