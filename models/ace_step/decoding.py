"""From latents to sound: the decoder in exact tiles, so that a song of any length takes the memory of one tile."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import remove_weight_norm

# The decoder sees 9.3 latents to either side (measured by moving one input); with ten more on each side a tile equals the
# same stretch of the whole.
CONTEXT = 10
TILE = 1024
SMALLEST_TILE = 64

Decoder = Callable[[Tensor], Tensor]


def fold_weight_norm(vae: Any) -> None:
    """Fold the weight normalisation of the autoencoder's convolutions into plain weights: same sound, fewer operations."""
    for module in vae.modules():
        if hasattr(module, "weight_g"):
            remove_weight_norm(module)


def decode_tile(decoder: Decoder, latents: Tensor, start: int, end: int, hop: int) -> Tensor:
    """Return the sound of frames `start` to `end` of `latents` `[frames, channels]`: `[2, (end − start) × hop]`, float32."""
    before, after = max(0, start - CONTEXT), min(latents.shape[0], end + CONTEXT)
    sound = decoder(latents[before:after].T[None])[0].float()
    return sound[:, (start - before) * hop : (end - before) * hop]


def decode_tiles(decoder: Decoder, latents: Tensor, hop: int, tile: int = TILE) -> Iterator[Tensor]:
    """Yield the sound of `latents` `[frames, channels]` tile by tile, each `[2, frames × hop]`, float32.

    A tile that does not fit into memory is tried again in halves; torch.OutOfMemoryError passes through when the smallest
    does not fit either.
    """
    start = 0
    while start < latents.shape[0]:
        end = min(start + tile, latents.shape[0])
        try:
            sound = decode_tile(decoder, latents, start, end, hop)
        except torch.OutOfMemoryError:
            if tile <= SMALLEST_TILE:
                raise
            tile = max(SMALLEST_TILE, tile // 2)
            continue
        yield sound
        start = end
