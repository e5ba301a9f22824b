"""The guard tells a program that cannot start from one that somebody shot."""

from collections import defaultdict, deque

from appliance.box.guard import EXITS, WITHIN, verdict


def _verdicts(times: list[float], expected: str = "1", name: str = "web") -> list[str | None]:
    exits: dict[str, deque[float]] = defaultdict(deque)
    payload = {"processname": name, "expected": expected}
    return [verdict("PROCESS_STATE_EXITED", payload, exits, now, prepared=True) for now in times]


def test_a_program_that_cannot_even_start_ends_the_box() -> None:
    said = verdict("PROCESS_STATE_FATAL", {"processname": "store"}, defaultdict(deque), 0, prepared=True)
    assert said == "it ended right after each start"


def test_one_that_gives_up_again_and_again_ends_the_box() -> None:
    said = _verdicts([float(second) for second in range(EXITS)])
    assert said[:-1] == [None] * (EXITS - 1)
    assert said[-1] == f"it ended {EXITS} times within a minute"


def test_one_that_gives_up_now_and_then_does_not() -> None:
    assert not any(_verdicts([WITHIN / 2 * each for each in range(20)]))


def test_one_that_is_killed_again_and_again_does_not() -> None:
    assert not any(_verdicts([0.1 * each for each in range(20)], expected="0"))


def test_preparing_may_end_once_it_is_done() -> None:
    assert _verdicts([0], name="prepare") == [None]
    payload = {"processname": "prepare", "expected": "1"}
    assert "could not" in str(verdict("PROCESS_STATE_EXITED", payload, defaultdict(deque), 0, prepared=False))
