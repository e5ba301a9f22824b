"""The packed forward: traceable as one graph for all lengths, and shaped right for a card that is not here."""

import pytest
import torch
from diffusers import AceStepTransformer1DModel
from torch._dynamo.testing import CompileCounterWithBackend

from models.ace_step.packed import PackedTransformer, Row, Spans, _layout, _spans, block


def rows_of(packed: PackedTransformer, *lengths: int) -> list[Row]:
    device = packed.device
    conditions = packed.cross_attention(torch.zeros(5, 32, device=device))
    return [
        Row(torch.zeros(frames, 8, device=device), torch.zeros(frames, 16, device=device), 0.5, conditions)
        for frames in lengths
    ]


def packed_without_data() -> PackedTransformer:
    with torch.device("meta"):
        return PackedTransformer(
            AceStepTransformer1DModel(
                hidden_size=40, num_hidden_layers=2, in_channels=24, audio_acoustic_hidden_dim=8, encoder_hidden_size=32,
                num_attention_heads=4, num_key_value_heads=2, head_dim=8, intermediate_size=64, sliding_window=16,
            )
        )  # fmt: skip


def test_the_path_for_cards_traces_through_the_packed_flash_kernel() -> None:
    """No card is here: shapes and the kernel's own checks are run on tensors without data."""
    packed = packed_without_data()
    with torch.inference_mode():
        velocities = packed(rows_of(packed, 50, 75, 33))
    assert [tuple(velocity.shape) for velocity in velocities] == [(50, 8), (75, 8), (33, 8)]


def test_the_layer_compiles_into_one_graph_for_all_layers_and_lengths() -> None:
    counter = CompileCounterWithBackend("eager")
    torch._dynamo.reset()
    packed = packed_without_data()
    with torch.inference_mode():
        packed._block = torch.compile(block, dynamic=True, fullgraph=True, backend=counter)
        for lengths in ((50, 75, 33), (40, 30), (90, 31, 77, 20)):
            packed(rows_of(packed, *lengths))
    # One graph for the layers with a window, one for those without.
    assert counter.frame_count <= 4


def test_rows_know_where_they_lie() -> None:
    device = torch.device("cpu")
    spans: Spans = _spans((3, 1, 2), device)
    assert spans.edges == (0, 3, 4, 6)
    assert spans.cumulative.tolist() == [0, 3, 4, 6]
    layout = _layout((3, 1, 2), 8, 1e6, device, torch.float32)
    assert layout.row_of.tolist() == [0, 0, 0, 1, 2, 2]
    # Positions start anew in every row: the first token of each is not turned at all.
    assert layout.rotary[0][[0, 3, 4]].eq(1).all()


@pytest.mark.parametrize(("frames", "tokens"), [(1, 1), (2, 1), (3, 2), (4500, 2250)])
def test_two_frames_make_a_token(frames: int, tokens: int) -> None:
    assert packed_without_data().tokens(frames) == tokens
