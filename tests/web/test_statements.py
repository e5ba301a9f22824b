"""docs/security.md and docs/limits.md name tests: each of them is there, and no statement is left out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_statement_is_in_the_list_and_every_test_it_names_is_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| (\d+)(?:-(\d+))? \|", page, re.M)
    numbers = [number for first, last in rows for number in range(int(first), int(last or first) + 1)]
    assert numbers == list(range(1, 49))
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", page)
    assert len(named) > 60
    named += re.findall(r"`([\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / "limits.md").read_text())
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text(), re.M)
    ]
    assert missing == []
