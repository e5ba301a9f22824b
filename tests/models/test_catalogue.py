"""The catalogue: what each checkpoint offers, and the words in which it refuses the rest."""

import pytest

from models.catalogue import ALL_MODELS, COVER_MODELS, LANGUAGE_MODELS, MUSIC_MODELS, TASKS, Task, find_model
from models.failures import WrongSetting

TURBO = find_model("ace-step-xl-turbo", MUSIC_MODELS)
BASE = find_model("ace-step-xl-base", MUSIC_MODELS)


def test_names_are_unique_and_every_model_says_where_it_comes_from() -> None:
    assert len({model.name for model in ALL_MODELS}) == len(ALL_MODELS)
    for model in ALL_MODELS:
        assert model.weights > 0
        assert model.licence.page.startswith("https://")
        assert all(source.repository.count("/") == 1 and source.size > 10**9 for source in model.sources)


def test_the_first_of_each_kind_is_pinned_to_a_commit() -> None:
    for model in (MUSIC_MODELS[0], LANGUAGE_MODELS[0], *COVER_MODELS):
        assert all(len(source.revision) == 40 for source in model.sources), model.name


@pytest.mark.parametrize("model", [model for model in MUSIC_MODELS if "turbo" in model.name])
def test_guidance_is_not_offered_on_turbo(model: object) -> None:
    music = find_model(getattr(model, "name"), MUSIC_MODELS)  # noqa: B009
    assert music.guidance is None
    assert music.settle_guidance(15.0) is None
    with pytest.raises(WrongSetting, match="distilled"):
        music.check("text2music", 180.0, guidance_scale=7.5)


def test_what_the_api_promises_becomes_what_the_checkpoint_does_well() -> None:
    assert TURBO.settle_steps(60) == 20
    assert TURBO.settle_steps(None) == 8
    assert (BASE.settle_steps(60), BASE.settle_guidance(15.0)) == (60, 15.0)
    assert (BASE.settle_steps(8), BASE.settle_guidance(None)) == (20, 7.0)


@pytest.mark.parametrize("task", ["extract", "lego", "complete"])
def test_tasks_of_the_base_checkpoints_are_refused_on_turbo_in_words(task: Task) -> None:
    with pytest.raises(WrongSetting, match=f"cannot do '{task}'.* ace-step-xl-base can"):
        TURBO.check(task, 30.0)
    BASE.check(task, 30.0)


def test_every_task_is_done_by_some_checkpoint() -> None:
    assert {task for model in MUSIC_MODELS for task in model.tasks} == set(TASKS)


@pytest.mark.parametrize("duration", [0.0, 9.9, 600.1])
def test_a_duration_outside_what_works_is_refused(duration: float) -> None:
    with pytest.raises(WrongSetting, match="10 to 600 seconds"):
        TURBO.check("text2music", duration)


def test_steps_and_scales_outside_what_works_are_refused() -> None:
    with pytest.raises(WrongSetting, match="4 to 20 steps, not with 60"):
        TURBO.check("text2music", 180.0, steps=60)
    with pytest.raises(WrongSetting, match="scale of 1 to 15, not of 30"):
        BASE.check("text2music", 180.0, guidance_scale=30.0)
    with pytest.raises(WrongSetting, match="exactly 4 steps, not in 2"):
        find_model("sdxl-lightning", COVER_MODELS).check_steps(2)


def test_the_cover_model_that_may_not_be_used_for_money_says_so_and_one_that_may_is_there() -> None:
    assert not find_model("sdxl-turbo", COVER_MODELS).licence.commercial
    assert find_model("sdxl-lightning", COVER_MODELS).licence.commercial


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(WrongSetting, match=r"no model 'gpt'.*qwen2-7b-instruct"):
        find_model("gpt", LANGUAGE_MODELS)
