"""Every route has a test: this reads the tests and compares."""

import re
from pathlib import Path

from litestar import Litestar
from litestar.testing import TestClient

from tests.web.test_hardening import routes

TESTS = Path(__file__).parent


def test_every_route_is_asked_for_in_some_test_of_its_own(client: TestClient[Litestar]) -> None:
    """Tests that walk all routes do not count: each one is named somewhere."""
    asked = "\n".join(page.read_text() for page in TESTS.rglob("test_*.py") if page.name not in ("test_routes.py",))
    called = set(re.findall(r"""["'](?:\{served\})?(/[^"'?#\s]*)""", asked))
    named = {re.sub(r"\{[^}]*\}", "{}", path).rstrip("/") or "/" for path in called}
    # Loops name the last part of a path by itself: f"/songs/{song.id}{path}" over "/cover", "/{action}" over "cancel".
    parts = set(re.findall(r"""["']/?([a-z]+)["']""", asked))
    missing = []
    for _, path in routes(client):
        if path == "/{anywhere}":  # whatever is no route
            continue
        shape = re.sub(r"\{[^}]*\}", "{}", path)
        base, _, last = shape.rpartition("/")
        if shape not in named and not ({f"{base}/{{}}", f"{base}{{}}"} & named and last in parts):
            missing.append(path)
    assert missing == []
