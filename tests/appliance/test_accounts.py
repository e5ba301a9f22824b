"""Accounts: one first admin, sign-up, sign-in, and browsers that stay signed in only as long as they should."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from appliance.accounts import (
    check_setup_token,
    close_login_session,
    create_first_admin,
    needs_setup,
    open_login_session,
    purge_login_sessions,
    setup_token,
    sign_in,
    sign_up,
    viewer_of,
)
from appliance.database import transaction
from appliance.errors import Gone, InvalidInput, NotAllowed, StudioError
from appliance.settings import settings
from appliance.tables import LoginSession, OneTimeToken, User

PASSWORD = "a kettle on a tram"


def _admin(session: Session) -> User:
    token = setup_token(session)
    assert token is not None
    return create_first_admin(session, token, "Mara", "mara@studio.test", PASSWORD)


def test_the_first_admin_needs_the_token_and_uses_it_up(session: Session) -> None:
    token = setup_token(session)
    assert token is not None
    with pytest.raises(Gone):
        create_first_admin(session, "guessed", "Eve", "", PASSWORD)
    admin = create_first_admin(session, token, "Mara", "mara@studio.test", PASSWORD)
    assert admin.is_admin
    assert not needs_setup(session)
    assert setup_token(session) is None
    with pytest.raises(Gone):
        create_first_admin(session, token, "Eve", "", PASSWORD)


def test_a_new_setup_token_replaces_the_one_before_and_each_runs_out(session: Session) -> None:
    first, second = setup_token(session), setup_token(session)
    assert first is not None
    assert second is not None
    with pytest.raises(Gone):
        check_setup_token(session, first)
    check_setup_token(session, second)
    session.execute(update(OneTimeToken).values(expires_at=datetime.now(UTC)))
    with pytest.raises(Gone):
        check_setup_token(session, second)


def test_two_setups_at_the_same_moment_make_one_admin(session: Session) -> None:
    token = setup_token(session)
    assert token is not None
    session.commit()
    together, outcomes = threading.Barrier(5), []

    def set_up(name: str) -> None:
        together.wait()
        try:
            with transaction() as own:
                create_first_admin(own, token, name, "", PASSWORD)
            outcomes.append("made")
        except Gone:
            outcomes.append("gone")

    threads = [threading.Thread(target=set_up, args=(f"admin {number}",)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["gone"] * 4 + ["made"]
    assert session.scalar(select(func.count()).select_from(User)) == 1


def test_people_sign_in_with_name_or_address_whatever_the_case(session: Session) -> None:
    admin = _admin(session)
    assert sign_in(session, "MARA", PASSWORD) is admin
    assert sign_in(session, " mara@Studio.test ", PASSWORD) is admin


@pytest.mark.parametrize("password", ["", "wrong password", PASSWORD.upper(), "x" * 5000, "nul\x00 in the middle"])
def test_nobody_and_the_wrong_password_get_the_same_sentence(session: Session, password: str) -> None:
    admin = _admin(session)
    said = set()
    for who in ("Mara", "nobody", "nul\x00"):
        with pytest.raises(InvalidInput) as refused:
            sign_in(session, who, password)
        said.add(refused.value.message)
    admin.disabled_at = datetime.now(UTC)
    with pytest.raises(InvalidInput) as refused:
        sign_in(session, "Mara", PASSWORD)
    assert {*said, refused.value.message} == {"This name and password do not go together."}


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize(
    ("name", "email", "password", "field"),
    [
        ("", "", PASSWORD, "name"),
        ("x" * 41, "", PASSWORD, "name"),
        ("mara", "", PASSWORD, "name"),
        ("a@b", "", PASSWORD, "name"),
        ("nul\x00", "", PASSWORD, "name"),
        ("Theo", "not an address", PASSWORD, "email"),
        ("Theo", "", "short", "password"),
        ("Theo", "", "x" * 1025, "password"),
        ("Theo", "", "aaaaaaaaaaaa", "password"),
        ("Theodora Marsh", "", "theodora marsh", "password"),
        ("Theo", "", "password1", "password"),
    ],
)
def test_accounts_that_cannot_be_made_are_refused_beside_the_field(
    session: Session, name: str, email: str, password: str, field: str
) -> None:
    _admin(session)
    with pytest.raises(InvalidInput) as refused:
        sign_up(session, name, email, password)
    assert set(refused.value.fields) == {field}
    assert session.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.usefixtures("open_to_all")
def test_a_stranger_does_not_learn_that_an_address_has_an_account_and_does_not_get_it(session: Session) -> None:
    admin = _admin(session)
    stranger = sign_up(session, "Theo", "MARA@studio.test", PASSWORD)
    assert (stranger.email, admin.email) == (None, "mara@studio.test")
    assert sign_up(session, "Ines", "ines@studio.test", PASSWORD).email == "ines@studio.test"


@pytest.mark.usefixtures("open_to_all")
def test_sign_up_waits_for_the_admin_and_can_be_closed(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAllowed):
        sign_up(session, "Theo", "", PASSWORD)
    _admin(session)
    assert sign_up(session, "Theo", "", PASSWORD).role == "user"
    monkeypatch.setenv("REGISTRATION", "closed")
    settings.cache_clear()
    try:
        with pytest.raises(NotAllowed):
            sign_up(session, "Ines", "", PASSWORD)
    finally:
        monkeypatch.undo()
        settings.cache_clear()


@pytest.mark.usefixtures("open_to_all")
def test_two_people_who_want_one_name_at_the_same_moment_get_one_account(session: Session) -> None:
    _admin(session)
    session.commit()
    together, outcomes = threading.Barrier(4), []

    def join() -> None:
        together.wait()
        try:
            with transaction() as own:
                sign_up(own, "Theo", "", PASSWORD)
            outcomes.append("made")
        except StudioError as refused:
            outcomes.append(",".join(refused.fields))

    threads = [threading.Thread(target=join) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "name", "name", "name"]


def test_a_browser_is_known_by_its_token_until_it_signs_out(session: Session) -> None:
    admin = _admin(session)
    token = open_login_session(session, admin, "Firefox\x00 on a kettle" + "x" * 300, "127.0.0.1")
    session.flush()
    assert viewer_of(session, token) is admin
    assert viewer_of(session, None) is None
    assert viewer_of(session, "") is None
    assert viewer_of(session, token + "x") is None
    assert token.encode() not in session.scalars(select(LoginSession.token_sha256)).one()
    close_login_session(session, token)
    assert viewer_of(session, token) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": datetime.now(UTC) - timedelta(seconds=1)},
        {"last_seen_at": datetime.now(UTC) - timedelta(days=7, seconds=1)},
    ],
)
def test_a_browser_is_forgotten_when_idle_or_old(session: Session, changes: dict[str, datetime]) -> None:
    token = open_login_session(session, _admin(session), "", "")
    session.flush()
    session.execute(update(LoginSession).values(changes))
    session.expire_all()
    assert viewer_of(session, token) is None
    purge_login_sessions(session)
    assert session.scalar(select(func.count()).select_from(LoginSession)) == 0


def test_a_disabled_account_is_signed_out_at_once(session: Session) -> None:
    admin = _admin(session)
    token = open_login_session(session, admin, "", "")
    session.flush()
    admin.disabled_at = datetime.now(UTC)
    assert viewer_of(session, token) is None
