"""Breaks the ledger on purpose, one fault at a time, in a copy of the project; every fault must make a test fail.

Usage: make mutate, or python -m tests.mutate [part of a fault's name]. Takes some minutes; exits with 1 when a fault survives.
"""

import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
ROOMS = ("appliance", "tests", "pyproject.toml")
LEDGER = "tests/appliance/test_credits.py tests/appliance/test_credits_at_once.py -k 'not killed'"
KILLED = "tests/appliance/test_credits.py tests/appliance/test_credits_at_once.py"
SALES = "tests/appliance/test_billing.py tests/appliance/test_polar_gateway.py"
PATIENCE = 300  # seconds for one run of the tests; a fault that hangs them is caught


@dataclass(frozen=True)
class Fault:
    """A change of the code that a test has to notice, and where to look."""

    name: str
    file: str
    old: str
    new: str
    tests: str = LEDGER


CREDITS, BILLING, QUEUE, SONGS = (f"appliance/{name}.py" for name in ("credits", "billing", "queue", "songs"))
RECONCILING, GATEWAY = "appliance/reconciling.py", "appliance/polar_gateway.py"
TABLES = "appliance/migrations/versions/0002_credits_and_billing.py"

FAULTS = [
    Fault(
        "a hold does not look at what there is",
        CREDITS,
        "CreditAccount.user_id == user_id, CreditAccount.balance - CreditAccount.held >= total)",
        "CreditAccount.user_id == user_id)",
    ),
    Fault(
        "a hold forgets what is held already",
        CREDITS,
        "CreditAccount.balance - CreditAccount.held >= total)",
        "CreditAccount.balance >= total)",
    ),
    Fault(
        "a hold is not counted", CREDITS, ".values(held=CreditAccount.held + total)", ".values(held=CreditAccount.held)"
    ),
    Fault(
        "holds are made only for the first take", CREDITS, "for song in songs if song.price)", "for song in songs[:1])"
    ),
    Fault(
        "a released hold stays counted",
        CREDITS,
        ".values(held=CreditAccount.held - hold.amount)",
        ".values(held=CreditAccount.held)",
    ),
    Fault("a ready song is not charged", QUEUE, "    credits.capture_hold(session, song)\n", ""),
    Fault(
        "a ready song gives its credits back",
        QUEUE,
        "credits.capture_hold(session, song)",
        "credits.release_hold(session, song)",
    ),
    Fault(
        "a ready song is charged in a transaction of its own",
        QUEUE,
        "    credits.capture_hold(session, song)\n",
        "    session.commit()\n    credits.capture_hold(session, song)\n",
        KILLED,
    ),
    Fault("giving up keeps the hold", QUEUE, "                credits.release_hold(session, song)\n", ""),
    Fault(
        "a failed song keeps its hold",
        QUEUE,
        "datetime.now(UTC)\n    session.flush()\n    credits.release_hold(session, song)\n",
        "datetime.now(UTC)\n",
    ),
    Fault("a cancelled song keeps its hold", SONGS, "    credits.release_hold(session, song)\n", ""),
    Fault(
        "a retry is free", SONGS, "    if not credits.hold_songs(session, song.user_id, [song]):\n", "    if False:\n"
    ),
    Fault("any attempt may finish a song", QUEUE, "            SongRequest.attempt == lease.attempt,\n", ""),
    Fault("a song can be finished twice", QUEUE, "if song is None or song.status not in OPEN:", "if song is None:"),
    Fault(
        "an entry is added however often its event comes",
        CREDITS,
        "    if session.scalar(select(exists().where(CreditEntry.once == once))):\n        return False\n",
        "    import uuid\n    once += str(uuid.uuid4())\n",
    ),
    Fault(
        "the account is not locked for an entry",
        CREDITS,
        "        .with_for_update()\n        .execution_options(populate_existing=True)\n    ).one()\n    if",
        "        .execution_options(populate_existing=True)\n    ).one()\n    if",
        f"{SALES} {KILLED}",
    ),
    Fault(
        "entries can be changed", TABLES, "BEFORE UPDATE OR DELETE ON credit_entries", "BEFORE DELETE ON credit_entries"
    ),
    Fault("entries can be truncated", TABLES, "BEFORE TRUNCATE ON credit_entries", "AFTER TRUNCATE ON categories"),
    Fault("anybody may give credits", CREDITS, "if not admin.is_admin:", "if False:"),
    Fault("an admin can take more than there is", CREDITS, "amount < 0 and account.available < -amount", "False"),
    Fault(
        "the allowance comes as often as it is asked for",
        CREDITS,
        "{user_id}:{month}",
        "{user_id}:{month}:{missing}:{id(session)}",
    ),
    Fault(
        "the allowance is added instead of filled up",
        CREDITS,
        "missing = allowance - _locked_account(session, user_id).balance",
        "missing = allowance",
    ),
    Fault("songs that shall wait start by themselves", CREDITS, "            SongRequest.start_when_paid,\n", ""),
    Fault(
        "refunded songs stay in line",
        CREDITS,
        'song.status = "no_credits"\n        session.flush()',
        "session.flush()",
        SALES,
    ),
    Fault("old snapshots count", BILLING, "snapshot.at < order.snapshot_at", "False", SALES),
    Fault(
        "the order is not locked",
        BILLING,
        "        .where(BillingOrder.order_id == snapshot.id)\n        .with_for_update()",
        "        .where(BillingOrder.order_id == snapshot.id)",
        SALES,
    ),
    Fault("what an order brought is forgotten", BILLING, "order.applied += change", "order.applied += 0", SALES),
    Fault(
        "a partial refund takes everything",
        BILLING,
        "return pack_credits - pack_credits * min(snapshot.refunded, snapshot.payable) // snapshot.payable",
        "return 0",
        SALES,
    ),
    Fault("an unpaid order counts", BILLING, "not snapshot.paid or ", "", SALES),
    Fault("a proration grants a pack", BILLING, " or snapshot.billing_reason not in GRANTING_REASONS", "", SALES),
    Fault(
        "an unknown product is worth nothing",
        BILLING,
        "return pack.credits if pack else None",
        "return pack.credits if pack else 0",
        SALES,
    ),
    Fault(
        "the payload beats our own record",
        BILLING,
        "order.user_id = intent.user_id if intent else _known_user(session, snapshot.customer)",
        "order.user_id = _known_user(session, snapshot.customer) or (intent.user_id if intent else None)",
        SALES,
    ),
    Fault(
        "the promise at checkout is forgotten",
        BILLING,
        "intent is not None and intent.product_id == product_id",
        "False",
        SALES,
    ),
    Fault(
        "somebody else's checkout can be looked at",
        BILLING,
        "intent is None or intent.user_id != viewer.id",
        "intent is None",
        SALES,
    ),
    Fault(
        "a message is done before it is applied",
        RECONCILING,
        "            webhook_id, kind, data = ",
        '            message.state = "done"\n            webhook_id, kind, data = ',
        f"{SALES} {KILLED}",
    ),
    Fault(
        "one unreadable order stops all",
        RECONCILING,
        '        except billing.UnreadableOrder as error:\n            log.error("Order',
        '        except ZeroDivisionError as error:\n            log.error("Order',
        SALES,
    ),
    Fault("a checkout is tried again", GATEWAY, 'method != "GET" or ', "", SALES),
    Fault("an id may hold a path", GATEWAY, "/v1/orders/{quote(order_id, safe='')}", "/v1/orders/{order_id}", SALES),
    Fault(
        "a sync undoes the admin's price", BILLING, "set_=values)", 'set_={**values, "credits": worth_credits})', SALES
    ),
]


def survives(fault: Fault, copy: Path) -> str | None:
    """Return None when the tests notice `fault` in this copy, or what they said instead."""
    path = copy / fault.file
    whole = path.read_text()
    if fault.old not in whole:
        return "the line to break is not there any more"
    path.write_text(whole.replace(fault.old, fault.new, 1))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *shlex.split(fault.tests)]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return None
    finally:
        path.write_text(whole)
    return None if done.returncode == 1 else f"pytest ended with {done.returncode}"


def main() -> None:
    """Try every fault whose name has the argument in it."""
    wanted = [fault for fault in FAULTS if not sys.argv[1:] or sys.argv[1] in fault.name]
    left = 0
    with tempfile.TemporaryDirectory(prefix="backline-mutants-", dir="/tmp") as name:
        copy = Path(name)
        copy.chmod(0o755)
        for room in ROOMS:
            source = PROJECT / room
            if source.is_dir():
                shutil.copytree(source, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        for fault in wanted:
            said = survives(fault, copy)
            left += said is not None
            line = f"SURVIVED  {fault.name}: {said}" if said else f"caught    {fault.name}"
            print(line, flush=True)  # noqa: T201
    print(f"{len(wanted) - left} of {len(wanted)} faults caught")  # noqa: T201
    sys.exit(left > 0)


if __name__ == "__main__":
    main()
