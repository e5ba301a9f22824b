"""docs/security.md and docs/limits.md name tests: each of them is there, and no statement is left out or without one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def test_every_statement_is_in_the_list_and_every_test_it_names_is_there() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)$", (ROOT / "docs" / "security.md").read_text(), re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 49))
    named = {number: NAMED.findall(said) for number, said in rows}
    assert [number for number, tests in named.items() if not tests] == []
    named["limits"] = NAMED.findall((ROOT / "docs" / "limits.md").read_text())
    missing = [
        f"{file}::{name}"
        for tests in named.values()
        for file, name in tests
        if not (path := ROOT / "tests" / file).is_file() or not re.search(rf"^def {name}\(", path.read_text(), re.M)
    ]
    assert missing == []
