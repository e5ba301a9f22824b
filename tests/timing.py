"""How long the door takes for people who exist, who do not, and who are kept out: `python -m tests.timing`.

It asks a real app on a real database, one kind after the other, and prints medians in milliseconds. Nothing is asserted, since a
machine that does other things as well makes any limit lie; statement 25 of docs/security.md wants them within ten percent.
"""

import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import delete

from appliance import taskqueue
from appliance.box.postgres import temporary_cluster
from appliance.database import migrate, transaction
from appliance.passwords import hash_password
from appliance.tables import ResetRequest, Tries, User

TRIES = 200
PEOPLE = ("Mara", "Nobody", "Jun")  # exists, does not, is kept out
KINDS = ("existing", "unknown", "disabled")


def main(tries: int) -> None:
    """Measure and print."""
    with temporary_cluster() as url:
        os.environ |= {
            "DATABASE_URL": url,
            "SECRET_KEY": "timing",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_FROM": "s@studio.test",
        }
        migrate(url)
        taskqueue.create_tables(url)
        _measure(tries)


def _measure(tries: int) -> None:
    from litestar.testing import TestClient  # noqa: PLC0415 - the app reads its settings

    from appliance.settings import settings  # noqa: PLC0415
    from tests.web.browser import PASSWORD, Browser  # noqa: PLC0415
    from web.app import create_app  # noqa: PLC0415

    with transaction() as session:
        for name, role in (("Ada", "admin"), ("Mara", "user"), ("Jun", "user")):
            user = User(
                name=name, email=f"{name.lower()}@studio.test", password_hash=hash_password(PASSWORD), role=role
            )
            user.disabled_at = datetime.now(UTC) if name == "Jun" else None
            session.add(user)
    with TestClient(create_app(), base_url=settings().public_url) as client:
        browser = Browser(client)
        browser.open("/sign-in")
        # An existing person who gives the right password gets in, which is meant to be another answer.
        _report(
            "sign in, wrong password",
            tries,
            lambda who: browser.send("/sign-in", {"user": who, "password": "a wrong one"}),
        )
        _report("ask for a letter", tries, lambda who: browser.send("/forgot", {"email": f"{who.lower()}@studio.test"}))


def _report(what: str, tries: int, ask: Callable[[str], object]) -> None:
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(tries):
        for kind, who in random.sample(list(zip(KINDS, PEOPLE, strict=True)), 3):  # no kind is always the first
            with transaction() as session:  # nobody waits: it is the looking that is measured
                session.execute(delete(Tries))
                session.execute(delete(ResetRequest))
            begun = time.perf_counter()
            ask(who)
            took[kind].append((time.perf_counter() - begun) * 1000)
    medians = {kind: statistics.median(each) for kind, each in took.items()}
    apart = (max(medians.values()) / min(medians.values()) - 1) * 100
    told = ", ".join(f"{kind} {median:.2f} ms" for kind, median in medians.items())
    print(f"{what}, {tries} tries each: {told}; apart by {apart:.1f} %")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else TRIES)
