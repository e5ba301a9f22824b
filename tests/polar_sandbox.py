"""Tries, against Polar's own sandbox, everything that the stand-in cannot prove; see docs/polar-sandbox.md.

Usage: POLAR_ACCESS_TOKEN=... python -m tests.polar_sandbox
"""

import os
import sys
import time
from urllib.parse import urlsplit

from appliance import billing, credits, database, polar_gateway, reconciling, taskqueue
from appliance.box.postgres import temporary_cluster
from appliance.tables import User
from tests.appliance.ledger import add_buyer

RETURN = "http://backline.local:8080/credits/return?checkout_id={CHECKOUT_ID}"


def _say(point: str, seen: object) -> None:
    print(f"{point:<22}{seen}", flush=True)  # noqa: T201 - this is a command


def _wait_for_balance(user: User, wanted: str, checkout_id: str | None = None) -> int:
    """Look every few seconds until the balance changes, and return it."""
    with database.transaction() as session:
        before = credits.account_of(session, user.id).balance
    _say("", f"{wanted} (looking every 5 s; Ctrl-C gives up)")
    while True:
        if checkout_id:
            reconciling.settle_checkout(checkout_id)
        else:
            reconciling.reconcile()
        with database.transaction() as session:
            now = credits.account_of(session, user.id).balance
        if now != before:
            return now
        time.sleep(5)


def main() -> None:
    """Buy and refund a pack, as a person of a throw-away studio."""
    if not os.environ.get("POLAR_ACCESS_TOKEN"):
        sys.exit("Set POLAR_ACCESS_TOKEN to a token of Polar's sandbox.")
    with temporary_cluster() as url:
        os.environ |= {"DATABASE_URL": url, "BILLING": "polar", "POLAR_ENVIRONMENT": "sandbox", "SIGNUP_CREDITS": "0"}
        database.migrate(url)
        taskqueue.create_tables(url)
        reconciling.reconcile()
        with database.transaction() as session:
            packs = billing.offered_packs(session)
            _say("products", [(pack.name, pack.price_cents, pack.credits) for pack in packs])
        if not packs:
            sys.exit("Give one of the sandbox's products the metadata credits = 25 and start again.")
        _say("clock", f"{polar_gateway.clock_skew():+.1f} s")
        with database.session_factory()() as session:
            user = add_buyer(session, "Sandbox", 0)
        checkout_id, address = polar_gateway.create_checkout(
            packs[0].product_id, str(user.id), RETURN, "http://backline.local:8080/credits", None
        )
        with database.transaction() as session:
            billing.keep_intent(session, user, checkout_id, packs[0])
        _say("checkout", address)
        _say("host", urlsplit(address).hostname)
        balance = _wait_for_balance(user, "pay there with the card 4242 4242 4242 4242", checkout_id)
        _say("payment", f"{balance} credits (promised: {packs[0].credits})")
        balance = _wait_for_balance(user, "refund a part of the order in Polar's dashboard")
        _say("partial refund", f"{balance} credits are left")
        balance = _wait_for_balance(user, "refund the rest")
        _say("full refund", f"{balance} credits are left (0 is right)")
        _say("portal", polar_gateway.portal_url(str(user.id), "http://backline.local:8080/credits").split("?")[0])
        with database.transaction() as session:
            _say("ledger", credits.broken_invariants(session) or "in order")
        database.engine().dispose()


if __name__ == "__main__":
    main()
