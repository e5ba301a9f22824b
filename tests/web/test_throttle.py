"""Waiting after too many tries."""

import pytest

from web.throttle import LONGEST_WAIT, REMEMBERED, Throttle, TooManyTries


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_waits_double_from_the_last_free_try_on_and_never_exceed_a_quarter_of_an_hour() -> None:
    clock = Clock()
    throttle = Throttle(3, clock)
    waits = []
    for _ in range(14):
        start = clock.now
        while True:
            try:
                throttle.begin("mara")
            except TooManyTries:
                clock.now += 0.5
            else:
                break
        waits.append(clock.now - start)
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, LONGEST_WAIT]


def test_one_bucket_does_not_wait_for_another_and_quiet_forgets() -> None:
    clock = Clock()
    throttle = Throttle(2, clock)
    throttle.begin("mara")
    throttle.begin("mara")
    with pytest.raises(TooManyTries, match="Wait 1 s"):
        throttle.begin("mara")
    throttle.begin("jun")
    clock.now += LONGEST_WAIT + 2
    throttle.begin("mara")
    throttle.begin("mara")


def test_a_good_try_is_forgiven_or_all_are_forgotten() -> None:
    throttle = Throttle(2, Clock())
    for _ in range(10):
        throttle.begin("office")
        throttle.forgive("office")
    throttle.begin("mara")
    throttle.begin("mara")
    throttle.forget("mara")
    throttle.begin("mara")


def test_it_does_not_grow_without_end() -> None:
    throttle = Throttle(2, Clock())
    for number in range(REMEMBERED + 10):
        throttle.begin(f"nobody {number}")
    assert len(throttle._tries) == REMEMBERED
