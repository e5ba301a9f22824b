"""Decoding: tiles equal the whole, and folding the weight normalisation changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderOobleck

from models.ace_step.decoding import decode_tiles, fold_weight_norm


@pytest.fixture(scope="module")
def vae(ace_step_turbo: Path) -> Iterator[Any]:
    with torch.inference_mode():
        yield AutoencoderOobleck.from_pretrained(ace_step_turbo, subfolder="vae")


@pytest.mark.parametrize(("frames", "tile"), [(90, 32), (64, 64), (65, 64), (7, 64), (200, 41)])
def test_tiles_joined_equal_the_whole(vae: Any, frames: int, tile: int) -> None:
    latents = torch.randn(frames, 8, generator=torch.Generator().manual_seed(frames))
    with torch.inference_mode():
        whole = vae.decoder(latents.T[None])[0]
        tiles = list(decode_tiles(vae.decoder, latents, 1920, tile))
    assert [piece.shape[1] for piece in tiles[:-1]] == [tile * 1920] * (len(tiles) - 1)
    torch.testing.assert_close(torch.cat(tiles, dim=1), whole, atol=1e-6, rtol=0)


def test_folding_the_weight_normalisation_leaves_the_sound_as_it_is(ace_step_turbo: Path) -> None:
    vae = AutoencoderOobleck.from_pretrained(ace_step_turbo, subfolder="vae")
    latents = torch.randn(1, 8, 20, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = vae.decoder(latents)
        fold_weight_norm(vae)
        assert not any("weight_g" in name for name, _ in vae.named_parameters())
        torch.testing.assert_close(vae.decoder(latents), before, atol=1e-6, rtol=0)


def test_memory_too_short_for_the_smallest_tile_is_not_hidden() -> None:
    def decoder(latents: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        next(decode_tiles(decoder, torch.zeros(1000, 8), 1920))
