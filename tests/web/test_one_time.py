"""Every secret that works once works once, also when twenty people use it in the same moment."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from passlib.totp import TOTP
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from appliance import accounts, invites, resets, second_factor
from appliance.errors import StudioError
from appliance.tables import Invite, OneTimeToken, User
from tests.appliance.ledger import at_once, in_transaction
from tests.web.browser import PASSWORD

NEW = "a lantern under the stairs"
Use = Callable[[Session, int], object]


def _setup(session: Session) -> tuple[str, Use]:
    token = accounts.setup_token(session)
    assert token is not None
    return token, lambda own, number: accounts.create_first_admin(own, token, f"Admin {number}", "", PASSWORD)


def _invite(session: Session) -> tuple[str, Use]:
    token = invites.invite(session, _person(session, "Ada", "admin"))
    return token, lambda own, number: accounts.sign_up(own, f"Person {number}", "", PASSWORD, token)


def _handed_over(session: Session) -> tuple[str, Use]:
    token = resets.reset_link_token(session, _person(session, "Ada", "admin"), _person(session, "Mara"))
    return token, lambda own, number: resets.reset_password(own, token, f"{NEW} {number}")


def _mailed(session: Session) -> tuple[str, Use]:
    token = resets.mailed_token(session, _person(session, "Mara"))
    return token, lambda own, number: resets.reset_password(own, token, f"{NEW} {number}")


def _app_code(session: Session) -> tuple[str, Use]:
    user, app, _ = _with_app(session)
    code = app.generate().token
    return code, lambda own, _: second_factor.check_code(own, own.get_one(User, user.id), code)


def _recovery_code(session: Session) -> tuple[str, Use]:
    user, _, codes = _with_app(session)
    return codes[0], lambda own, _: second_factor.check_code(own, own.get_one(User, user.id), codes[0])


def _person(session: Session, name: str, role: str = "user") -> User:
    user = User(name=name, password_hash="!", role=role)
    session.add(user)
    session.flush()
    return user


def _with_app(session: Session) -> tuple[User, TOTP, list[str]]:
    user = _person(session, "Mara")
    address = second_factor.begin_enrolment(session, user)
    app = TOTP(key=parse_qs(urlsplit(address).query)["secret"][0])
    first = app.generate(datetime.now(UTC) - timedelta(seconds=30)).token
    return user, app, second_factor.confirm_enrolment(session, user, first)


KINDS = [_setup, _invite, _handed_over, _mailed, _app_code, _recovery_code]


@pytest.mark.parametrize("make", KINDS)
def test_of_twenty_uses_at_the_same_moment_one_counts(
    session: Session, make: Callable[[Session], tuple[str, Use]]
) -> None:
    _, use = make(session)
    session.commit()

    def once(number: int) -> bool:
        try:
            in_transaction(lambda own: use(own, number))
        except StudioError:
            return False
        return True

    assert sum(at_once(10, once, range(20))) == 1


@pytest.mark.parametrize("make", KINDS)
def test_no_such_secret_is_in_the_database_as_it_is(
    session: Session, make: Callable[[Session], tuple[str, Use]]
) -> None:
    secret, _ = make(session)
    session.commit()
    tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
    for table in tables:
        rows = session.execute(text(f"SELECT {table}::text FROM {table}")).scalars().all()
        # As text, or as the bytes of it, which the database shows in hexadecimal.
        assert not any(secret in row or secret.encode().hex() in row for row in rows), table


@pytest.mark.parametrize("make", [_setup, _invite, _handed_over, _mailed])
def test_links_run_out(session: Session, make: Callable[[Session], tuple[str, Use]]) -> None:
    _, use = make(session)
    past = datetime.now(UTC) - timedelta(seconds=1)
    session.execute(update(Invite).values(expires_at=past))
    session.execute(update(OneTimeToken).values(expires_at=past))
    session.commit()
    with pytest.raises(StudioError, match=r"run out|used"):
        in_transaction(lambda own: use(own, 1))
