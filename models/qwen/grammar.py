"""Holding every row of a running batch to its own JSON schema, and drawing its tokens from its own seed."""

import math
from dataclasses import dataclass, field
from typing import Any

import llguidance
import torch
from llguidance.hf import from_tokenizer
from torch import Tensor
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor

TEMPERATURE = 0.8
# Tokens less likely than this share of the likeliest are never drawn (min-p sampling, arXiv:2407.01082).
LEAST_SHARE = 0.05


def grammar_of(schema: str) -> str:
    """Return the grammar of a JSON schema, without free white space, in which a weak model could lose itself."""
    grammar: str = llguidance.LLMatcher.grammar_from_json_schema(
        schema, overrides={"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    )
    return grammar


@dataclass(slots=True)
class _Row:
    """What one request has written so far: the state of its grammar, how many tokens that is, and its chance."""

    matcher: Any
    chance: torch.Generator
    seen: int = 0
    written: tuple[int, ...] = ()
    noise: Tensor = field(default_factory=lambda: torch.empty(0))


class SchemaProcessor(ContinuousBatchingLogitsProcessor):  # type: ignore[misc]  # transformers is not read by mypy
    """A logits processor of transformers' continuous batching: per request a schema, and a seed for its tokens.

    Tokens are drawn by adding Gumbel noise from the request's own generator and taking the greatest, which is sampling from
    the softmax (Gumbel 1954): who else is in the batch does not touch what is drawn. On the device there are only fixed
    buffers, so that the step can be captured into a graph.
    """

    supported_kwargs = {"grammar": str, "seed": int, "prompt_tokens": int}  # noqa: RUF012  # transformers' own name and form
    ignored_kwargs = ()

    def __init__(self, tokenizer: Any, vocabulary: int, rows: int, device: torch.device) -> None:
        self.tokenizer = from_tokenizer(tokenizer, n_vocab=vocabulary)
        self.end: int = tokenizer.eos_token_id
        self.vocabulary = vocabulary
        self.device = device
        # One bit a token; llguidance's own helper for torch would load the compiler, which takes seconds.
        words = -(-vocabulary // 32)
        self._mask = torch.full((rows, words), -1, dtype=torch.int32, pin_memory=device.type == "cuda")
        self._mask_there = torch.full_like(self._mask, -1, device=device)
        self._noise = torch.zeros(rows, vocabulary, device=device)
        self._bits = torch.arange(32, dtype=torch.int32, device=device)
        self._rows: dict[str, _Row] = {}

    def attach(self, manager: Any) -> None:
        """Make this the processor of a continuous batching manager."""
        processors = manager.logit_processor
        processors.logits_processor.insert(0, self)
        processors.tensors_required += 1
        processors.do_processing = True
        processors.supported_keys.update(self.supported_kwargs)

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        """Point rows that are only padding at the first row."""
        int32_tensor.fill_(0)

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Tensor:
        """Advance the grammars by what was drawn last, and fill the buffers; returns the rows' numbers."""
        live = {}
        for number, request in enumerate(requests_with_new_token):
            state = request.state
            row = self._rows.get(state.request_id) or self._new_row(state)
            live[state.request_id] = row
            self._advance(row, state)
            if row.matcher.is_stopped():
                self._mask[number] = 0
                self._mask[number, self.end // 32] = 1 << (self.end % 32)
            else:
                bits = self._mask[number]
                row.matcher.unsafe_compute_mask_ptr(bits.data_ptr(), bits.numel() * bits.element_size())
            self._noise[number].exponential_(generator=row.chance)
        self._rows = live
        count = len(requests_with_new_token)
        self._mask_there[:count].copy_(self._mask[:count], non_blocking=True)
        if self.device.type == "cuda":
            # The step runs on a stream of its own, which knows nothing of this one.
            torch.cuda.current_stream(self.device).synchronize()
        return torch.arange(count, dtype=torch.int32)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """Return `scores` `[rows, vocabulary]` with what the schema forbids at −∞ and the chance added."""
        rows = tensor_arg[: scores.shape[0]].long()
        allowed = ((self._mask_there[rows].unsqueeze(-1) >> self._bits) & 1).bool().flatten(1)[:, : scores.shape[1]]
        scores = scores.masked_fill(~allowed, -math.inf) / TEMPERATURE
        unlikely = scores < scores.amax(dim=-1, keepdim=True) + math.log(LEAST_SHARE)
        return scores.masked_fill(unlikely, -math.inf) - self._noise[rows].log()

    def _new_row(self, state: Any) -> _Row:
        wanted = state.logit_processor_kwargs
        chance = torch.Generator(self.device).manual_seed(wanted["seed"])
        return _Row(llguidance.LLMatcher(self.tokenizer, wanted["grammar"]), chance)

    @staticmethod
    def _advance(row: _Row, state: Any) -> None:
        # A request that was put aside for want of room comes back with its tokens as part of its prompt.
        prompt = state.logit_processor_kwargs["prompt_tokens"]
        written = state.initial_tokens[prompt:] + state.generated_tokens
        for token in written[row.seen :]:
            row.matcher.consume_token(token)
        row.seen, row.written = len(written), tuple(written)

    def written(self, request_id: str) -> tuple[int, ...]:
        """Return the tokens that a running request has written so far; any thread may ask."""
        row = self._rows.get(request_id)
        return row.written if row else ()
