"""The ACE-Step transformer over packed rows: takes of any length, each at its own timestep, in one forward without padding.

Diffusers' own forward takes one length and one set of conditions a call, and drops the padding mask of the words, so that
takes with different words come out wrong. Here every row is a range in one sequence of tokens: linear layers see them all
at once, attention sees each row alone. One row computed here equals the same row in diffusers' forward.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.transformers.ace_step_transformer import _ace_step_rotary_freqs
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn

# Keys and values of one row for every layer: each `[conditions, kv heads, head size]`.
CrossAttention = list[tuple[Tensor, Tensor]]


@dataclass(slots=True)
class Row:
    """One sequence in a forward: `latents` `[frames, channels]`, `context` `[frames, 2 × channels]`, timestep in [0, 1]."""

    latents: Tensor
    context: Tensor
    timestep: float
    conditions: CrossAttention


@dataclass(frozen=True, slots=True)
class Spans:
    """Where each row lies in a packed sequence: `edges` on the host, `cumulative` int32 on the device, `longest` row."""

    edges: tuple[int, ...]
    cumulative: Tensor
    longest: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What depends on the rows' lengths alone: row of each token, `[tokens]`, and its rotary cosine and sine."""

    spans: Spans
    row_of: Tensor
    rotary: tuple[Tensor, Tensor]


@lru_cache(maxsize=64)
def _spans(lengths: tuple[int, ...], device: torch.device) -> Spans:
    edges = [0]
    for length in lengths:
        edges.append(edges[-1] + length)
    return Spans(tuple(edges), torch.tensor(edges, dtype=torch.int32, device=device), max(lengths))


@lru_cache(maxsize=16)
def _layout(lengths: tuple[int, ...], head_dim: int, theta: float, device: torch.device, dtype: torch.dtype) -> Layout:
    row_of = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths)).to(device)
    positions = torch.cat([torch.arange(length) for length in lengths]).to(device)
    cosine, sine = _ace_step_rotary_freqs(max(lengths), head_dim, theta, device, dtype)
    return Layout(_spans(lengths, device), row_of, (cosine[positions], sine[positions]))


def attend(
    query: Tensor, key: Tensor, value: Tensor, rows: Spans, keys: Spans, scale: float, window: int | None
) -> Tensor:
    """Return attention of each row of `query` `[tokens, heads, size]` over the same row of `key` and `value`.

    `window` is how many tokens to either side a token sees; None means the whole row. On CUDA this is the flash kernel for
    packed sequences that torch brings along; elsewhere a loop over the rows with the same result.
    """
    if query.is_cuda or query.is_meta:
        attended = varlen_attn(
            query, key, value, rows.cumulative, keys.cumulative, rows.longest, keys.longest,
            scale=scale, enable_gqa=True, window_size=(-1, -1) if window is None else (window, window),
        )  # fmt: skip
        assert isinstance(attended, Tensor)
        return attended
    out = torch.empty_like(query)
    for row in range(len(rows.edges) - 1):
        first, last = rows.edges[row : row + 2]
        start, end = keys.edges[row : row + 2]
        mask = None
        if window is not None and end - start > window:
            place = torch.arange(last - first, device=query.device)
            mask = (place[:, None] - place[None, :]).abs() <= window
        out[first:last] = functional.scaled_dot_product_attention(
            query[first:last].transpose(0, 1)[None],
            key[start:end].transpose(0, 1)[None],
            value[start:end].transpose(0, 1)[None],
            attn_mask=mask,
            scale=scale,
            enable_gqa=True,
        )[0].transpose(0, 1)
    return out


def block(
    layer: Any, hidden: Tensor, modulation: Tensor, layout: Layout, conditions: tuple[Tensor, Tensor], keys: Spans
) -> Tensor:
    """Return `hidden` `[tokens, width]` after one transformer layer; `modulation` is `[rows, 6, width]` for its norms."""
    of = layout.row_of
    shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = (layer.scale_shift_table + modulation).unbind(1)

    attention = layer.self_attn
    normed = layer.self_attn_norm(hidden) * (1 + scale[of]) + shift[of]
    query = attention.norm_q(attention.to_q(normed).unflatten(-1, (attention.heads, attention.head_dim)))
    key = attention.norm_k(attention.to_k(normed).unflatten(-1, (attention.kv_heads, attention.head_dim)))
    value = attention.to_v(normed).unflatten(-1, (attention.kv_heads, attention.head_dim))
    query, key = (
        apply_rotary_emb(x[None], layout.rotary, use_real=True, use_real_unbind_dim=-2, sequence_dim=1)[0]
        for x in (query, key)
    )
    seen = attend(query, key, value, layout.spans, layout.spans, attention.scaling, attention.sliding_window)
    hidden = hidden + attention.to_out[0](seen.flatten(1)) * gate[of]

    attention = layer.cross_attn
    query = attention.to_q(layer.cross_attn_norm(hidden)).unflatten(-1, (attention.heads, attention.head_dim))
    seen = attend(attention.norm_q(query), *conditions, layout.spans, keys, attention.scaling, None)
    hidden = hidden + attention.to_out[0](seen.flatten(1))

    normed = layer.mlp_norm(hidden) * (1 + mlp_scale[of]) + mlp_shift[of]
    mixed: Tensor = hidden + layer.mlp(normed) * mlp_gate[of]
    return mixed


class PackedTransformer:
    """Runs diffusers' AceStepTransformer1DModel, whose weights it shares, over packed rows.

    `compiled` has torch compile the layer (one graph for all layers and lengths), which pays on CUDA.
    """

    def __init__(self, transformer: Any, compiled: bool = False) -> None:
        self.model = transformer
        self.dtype: torch.dtype = transformer.dtype
        self.device: torch.device = transformer.device
        self.channels: int = transformer.config.audio_acoustic_hidden_dim
        self._block = torch.compile(block, dynamic=True) if compiled else block

    def tokens(self, frames: int) -> int:
        """Return how many tokens a row of so many latent frames is."""
        return math.ceil(frames / int(self.model.patch_size))

    def cross_attention(self, conditions: Tensor) -> CrossAttention:
        """Return keys and values of `conditions` `[tokens, width]` for every layer: once a take, not once a step."""
        embedded = self.model.condition_embedder(conditions)
        pairs = []
        for layer in self.model.layers:
            attention = layer.cross_attn
            shape = (attention.kv_heads, attention.head_dim)
            key = attention.norm_k(attention.to_k(embedded).unflatten(-1, shape))
            pairs.append((key, attention.to_v(embedded).unflatten(-1, shape)))
        return pairs

    def __call__(self, rows: Sequence[Row]) -> list[Tensor]:
        """Return the velocity of every row, each `[frames, channels]`."""
        model, patch = self.model, int(self.model.patch_size)
        frames = [row.latents.shape[0] for row in rows]
        lengths = tuple(self.tokens(count) for count in frames)
        layout = _layout(lengths, model.head_dim, model.rope_theta, self.device, self.dtype)
        keys = _spans(tuple(row.conditions[0][0].shape[0] for row in rows), self.device)

        times = torch.tensor([row.timestep for row in rows], dtype=self.dtype, device=self.device)
        embedding, modulation = model.time_embed(times)
        # The second embedding is for the span of a mean-flow step; in plain flow matching it is always zero.
        span_embedding, span_modulation = model.time_embed_r(times - times)
        embedding, modulation = embedding + span_embedding, modulation + span_modulation

        patches = [
            functional.pad(
                torch.cat([row.context, row.latents.to(self.dtype)], dim=-1), (0, 0, 0, length * patch - count)
            )
            for row, length, count in zip(rows, lengths, frames, strict=True)
        ]
        hidden = model.proj_in_conv(torch.cat(patches).T[None])[0].T
        for index, layer in enumerate(model.layers):
            pairs = [row.conditions[index] for row in rows]
            conditions = (torch.cat([key for key, _ in pairs]), torch.cat([value for _, value in pairs]))
            hidden = self._block(layer, hidden, modulation, layout, conditions, keys)

        shift, scale = (model.scale_shift_table + embedding[:, None]).unbind(1)
        hidden = model.norm_out(hidden) * (1 + scale[layout.row_of]) + shift[layout.row_of]
        velocity = model.proj_out_conv(hidden.T[None])[0].T
        edges = layout.spans.edges
        return [velocity[start * patch : start * patch + count] for start, count in zip(edges, frames, strict=False)]
