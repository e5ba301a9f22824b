"""Guessing at the door: strangers wait longer and longer, the owner never waits for them, and nobody learns who has an account."""

import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from appliance import database
from appliance.guesses import begin_guess, device_cookie, device_of, good_guess
from appliance.passwords import NO_PASSWORD, is_password
from appliance.tables import Tries, User
from appliance.throttling import TooManyTries
from tests.appliance.ledger import at_once, in_transaction
from tests.web.browser import PASSWORD, Browser


def guess(who: str, address: str, device: str | None = None) -> bool:
    """Try once, as the sign-in page does it, and return whether the password would be looked at."""
    try:
        in_transaction(lambda own: begin_guess(own, who, address, device))
    except TooManyTries:
        return False
    return True


def test_a_thousand_wrong_passwords_from_fifty_addresses_do_not_keep_the_owner_out(
    session: Session, people: dict[str, User]
) -> None:
    cookie = device_cookie(people["Mara"])
    device = device_of(session, cookie, "mara")
    assert device
    attack = [("Mara", f"203.0.{number % 50}.{number // 50 + 1}") for number in range(1000)]
    looked_at = Counter(at_once(6, lambda each: guess(*each), attack))
    assert looked_at[True] + looked_at[False] == 1000
    assert looked_at[True] < 60  # of a thousand guesses so few were compared with the password at all
    assert not guess("Mara", "198.51.100.7")  # a stranger waits, wherever they are
    assert guess("Mara", "198.51.100.7", device)
    in_transaction(lambda own: good_guess(own, "Mara", "198.51.100.7", device))
    assert guess("Jun", "198.51.100.9")  # and nobody else is concerned


def test_what_was_counted_is_there_after_a_restart(session: Session, people: dict[str, User]) -> None:
    session.add(Tries(bucket=b"x" * 32, count=1, blocked_until=datetime.now(UTC)))
    session.commit()
    for _ in range(6):
        guess("Mara", "203.0.113.1")
    session.execute(
        update(Tries).values(blocked_until=Tries.blocked_until + timedelta(minutes=1)).where(Tries.count > 4)
    )
    session.commit()
    database.engine().dispose()  # a program that starts anew knows only what the database knows
    assert not guess("Mara", "203.0.113.1")


def test_a_device_is_known_for_its_own_person_only_and_by_its_signature(
    session: Session, people: dict[str, User]
) -> None:
    people["Mara"].email = "mara@studio.test"
    session.flush()
    cookie = device_cookie(people["Mara"])
    nonce = cookie.split(".")[1]
    assert device_of(session, cookie, " MARA ") == device_of(session, cookie, "mara@studio.test") == nonce
    assert device_of(session, cookie, "Jun") is None
    for forged in (None, "", "x", "..", cookie[:-1] + ("0" if cookie[-1] != "0" else "1"), f"{people['Jun'].id}.a.b"):
        assert device_of(session, forged, "Mara") is None
    assert device_cookie(people["Mara"]) != cookie


def test_a_device_that_guesses_waits_as_well(people: dict[str, User]) -> None:
    assert [guess("Mara", "203.0.113.1", "device") for _ in range(12)].count(True) < 12


def test_the_owners_browser_is_remembered_and_gets_in_while_others_guess(
    browser: Browser, people: dict[str, User], session: Session
) -> None:
    browser.sign_in("Mara")
    assert browser.cookies["device"]
    browser.send("/sign-out")
    for number in range(30):
        guess("Mara", f"203.0.{number}.1")
    session.execute(update(Tries).values(count=40, blocked_until=datetime.now(UTC) + timedelta(minutes=15)))
    session.commit()
    assert Browser(browser.client).sign_in("Mara").status_code == 429
    assert browser.sign_in("Mara").status_code == 303


@pytest.mark.parametrize("password", [PASSWORD, "not it at all"])
def test_unknown_and_disabled_people_are_answered_alike(
    browser: Browser, people: dict[str, User], session: Session, password: str
) -> None:
    people["Jun"].disabled_at = datetime.now(UTC)
    session.commit()
    who = ["Jun", "Nobody"] + (["Mara"] if password != PASSWORD else [])
    said = set()
    for name in who:
        browser.open("/sign-in")
        answer = browser.send("/sign-in", {"user": name, "password": password})
        headers = {
            name: answer.headers[name] for name in answer.headers if name not in ("x-request-id", "content-length")
        }
        text = re.sub(r'value="[^"]*"', "", answer.text)
        said.add((answer.status_code, text, str(sorted(headers))))
    assert len(said) == 1


def test_a_password_of_nobody_costs_as_much_work_as_one_of_somebody(password_hash: str) -> None:
    """A bound from below, which a busy machine cannot break: how alike the times are is `python -m tests.timing`'s to say."""

    def work(hashed: str | None, password: str) -> float:
        began = time.thread_time()
        assert not is_password(password, hashed)
        return time.thread_time() - began

    somebody = min(work(password_hash, "not it at all") for _ in range(5))
    for hashed, password in ((None, "not it at all"), (NO_PASSWORD, "not it at all"), (password_hash, "short")):
        assert max(work(hashed, password) for _ in range(3)) > somebody / 2, (hashed, password)


def test_nothing_that_was_tried_is_kept_in_words(session: Session, people: dict[str, User]) -> None:
    guess("Somebody With A Secret Name", "203.0.113.1")
    for bucket in session.scalars(select(Tries.bucket)):
        assert len(bucket) == 32
        assert b"Secret" not in bucket
