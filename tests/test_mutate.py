"""The faults of `make mutate` still fit the source, so that the list cannot rot."""

import re
from collections import Counter
from pathlib import Path

from tests.mutate import FAULTS

ROOT = Path(__file__).parents[1]


def test_what_every_fault_breaks_is_in_the_source_exactly_once() -> None:
    odd = {fault.name: (ROOT / fault.file).read_text().count(fault.old) for fault in FAULTS}
    assert {name: count for name, count in odd.items() if count != 1} == {}
    assert all(fault.old != fault.new for fault in FAULTS)
    assert [name for name, count in Counter(fault.name for fault in FAULTS).items() if count > 1] == []


def test_every_test_that_a_fault_names_is_there() -> None:
    missing = []
    for fault in FAULTS:
        for file, name in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", fault.tests):
            text = (ROOT / file).read_text() if (ROOT / file).is_file() else ""
            if not text or (name and not re.search(rf"^def {name}\(", text, re.M)):
                missing.append(f"{file}::{name}")
    assert missing == []


def test_every_statement_has_a_guard_that_is_taken_away() -> None:
    assert {fault.statement for fault in FAULTS} == set(range(1, 49))
