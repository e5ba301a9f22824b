"""How the studio says that it is well."""

from sqlalchemy.orm import Session

from appliance.tables import WorkerSeen
from tests.web.browser import Browser


def test_it_is_live_without_anything_else(browser: Browser) -> None:
    assert browser.get("/health/live").json() == {"status": "live"}


def test_it_is_ready_when_every_part_is_and_names_the_one_that_is_not(browser: Browser, session: Session) -> None:
    answer = browser.get("/health/ready")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert parts["worker"].startswith("No worker")
    assert (parts["database"], parts["migrations"], parts["object store"]) == ("ready", "ready", "ready")
    session.add(WorkerSeen(name="tests"))
    session.commit()
    answer = browser.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
