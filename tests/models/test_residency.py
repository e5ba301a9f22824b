"""Planning memory: the largest capacity that fits, and words when none does."""

import pytest

from models.catalogue import COVER_MODELS, GIB, LANGUAGE_MODELS, MUSIC_MODELS, find_model
from models.failures import TooLarge
from models.residency import CAPACITIES, plan_residency

XL, SMALL = MUSIC_MODELS[0], find_model("ace-step-2b-turbo", MUSIC_MODELS)
QWEN, TURBO = LANGUAGE_MODELS[0], COVER_MODELS[0]


def test_the_three_defaults_fit_into_forty_gibibytes_with_everything_at_its_largest() -> None:
    residency = plan_residency(45 * GIB, XL, QWEN, TURBO)
    assert residency.capacity == CAPACITIES[0]
    assert residency.total <= 40 * GIB


@pytest.mark.parametrize("gibibytes", [28, 30, 32, 34, 36, 45, 140])
def test_a_plan_never_takes_more_than_there_is(gibibytes: int) -> None:
    residency = plan_residency(gibibytes * GIB, XL, QWEN, TURBO)
    assert residency.total <= residency.budget


def test_less_memory_means_less_at_once() -> None:
    takes = [plan_residency(g * GIB, XL, QWEN, TURBO).capacity.takes for g in (28, 32, 36, 45)]
    assert takes == sorted(takes)
    assert takes[0] < takes[-1]


def test_a_card_too_small_is_answered_with_what_to_do() -> None:
    with pytest.raises(TooLarge, match=r"has 16\.0\. Choose a smaller one"):
        plan_residency(16 * GIB, XL, QWEN, TURBO)
    plan_residency(16 * GIB, SMALL, None, None)


def test_a_role_without_a_model_takes_nothing() -> None:
    names = [part.name for part in plan_residency(45 * GIB, XL, None, None).parts]
    assert names == ["the accelerator's own", XL.name, "steps of 8 takes", "decoding 1024 latents"]


def test_the_table_shows_every_part_what_is_free_and_what_was_measured() -> None:
    residency = plan_residency(45 * GIB, XL, QWEN, TURBO)
    table = residency.table({XL.name: round(9.5 * GIB)})
    lines = table.splitlines()
    assert len(lines) == len(residency.parts) + 3
    assert "9.5" in next(line for line in lines if line.startswith(XL.name))
    assert lines[-1].startswith("free")
    assert float(lines[-1].split()[-1]) == pytest.approx((residency.budget - residency.total) / GIB, abs=0.06)
