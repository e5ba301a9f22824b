"""What a fault is: the smallest change of the source that takes a guard away, and the tests that have to turn red by it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A change of `file`, where `old` stands exactly once, to `new`; `tests` are arguments of pytest.

    `statement` is the number of the line in docs/security.md whose guard this is.
    """

    statement: int
    name: str
    file: str
    old: str
    new: str
    tests: str
