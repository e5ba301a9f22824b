"""The OpenAPI document: that it is one, and that the API keeps to it whatever it is sent."""

import subprocess
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy.orm import Session

from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import User
from tests.web.api.conftest import KeyMaker
from tests.web.api.serving import served
from tests.web.making import make

SECONDS = 30  # it tries one case after the other, always in the same order, for as long as it may
CONFIG = """
[checks.positive_data_acceptance]
# A schema cannot say all: that a description is needed where the mode is one, or that a cursor was made here.
expected-statuses = ["2xx", "304", "307", "401", "403", "404", "409", "422"]

[phases.stateful.generation]
max-examples = 8  # walks along the links; it would go on with them for as long as there is time
"""


def test_every_example_is_what_its_schema_says(client: TestClient[Litestar]) -> None:
    document = client.get("/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    examples = [(schema, example) for schema in schemas.values() for example in schema.get("examples", ())]
    assert len(examples) > 12
    for schema, example in examples:
        whole = {"$ref": f"#/components/schemas/{schema['title']}", "components": document["components"]}
        jsonschema.validate(example, whole, format_checker=jsonschema.FormatChecker())


def test_the_api_keeps_to_its_document_whatever_it_is_sent(
    key: KeyMaker,
    session: Session,
    people: dict[str, User],
    object_store: Storage,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Schemathesis, all checks: no server error, no answer that is not in the document, nothing odd taken for good."""
    make(session, object_store, people["Mara"])
    often = settings().model_copy(update={"api_rate": 100_000})
    monkeypatch.setattr("web.api.keys.settings", lambda: often)
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    with served() as address:
        run = subprocess.run(
            [
                *(
                    str(Path(sys.executable).with_name("schemathesis")),
                    "--config-file",
                    str(tmp_path / "schemathesis.toml"),
                ),
                *("run", f"{address}/api/v1/openapi.json", "-H", f"Authorization: {key()['Authorization']}"),
                *("--checks", "all", "--max-examples", "6", "--max-time", str(SECONDS), "--seed", "7"),
                *("--request-timeout", "5"),  # streams of requests that nobody works on say nothing for long
                *("--continue-on-failure", "--no-color", "--warnings", "off"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=4 * SECONDS,
            check=False,
        )
    print(run.stdout)  # noqa: T201
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
