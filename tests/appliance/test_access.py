"""Keys, invites, reset links, second factors, throttles, roles: each secret once, hashed, and nobody locked out."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from passlib.totp import TOTP
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from appliance import accounts, api_keys, audit, invites, people, resets, second_factor, throttling
from appliance.box.waiting import wait_until
from appliance.errors import Conflict, Gone, InvalidInput, NotAllowed, NotFound
from appliance.passwords import hash_password, is_password
from appliance.settings import settings
from appliance.tables import ApiKey, Invite, LoginSession, OneTimeToken, Tries, User
from tests.appliance.ledger import at_once, in_transaction
from tests.appliance.people import add_user

PASSWORD = "a bicycle in the rain"


@pytest.fixture
def admin(session: Session) -> User:
    """Add the admin."""
    user = add_user(session, "Root", role="admin")
    session.commit()
    return user


@pytest.fixture
def _by_invitation(database_url: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGISTRATION", "invite")
        settings.cache_clear()
        yield
    settings.cache_clear()


def test_a_key_opens_what_its_scopes_say_until_it_is_revoked(session: Session) -> None:
    user = add_user(session, "Ada")
    key, secret = api_keys.create_key(session, user, "My  DAW", ["songs:read", "generate"])
    session.commit()
    written = api_keys.written(key, secret)
    assert re.fullmatch(r"bl_[0-9a-f]{16}\.[\w-]{43}", written)
    found = api_keys.find_key(session, *api_keys.read_key(written))
    assert (found.user.name, found.name) == ("Ada", "My DAW")
    api_keys.require_scope(found, "generate")
    with pytest.raises(NotAllowed, match="billing:read"):
        api_keys.require_scope(found, "billing:read")
    api_keys.revoke_key(session, key.id, user)
    session.commit()
    with pytest.raises(api_keys.WrongKey):
        api_keys.find_key(session, key.id, secret)
    assert api_keys.list_keys(session, user) == []


def test_no_key_opens_anything_by_chance(session: Session) -> None:
    user = add_user(session, "Ada")
    key, secret = api_keys.create_key(session, user, "x", ["songs:read"], days=1)
    session.commit()
    for key_id, half in (
        (key.id, "x"),
        ("0" * 16, secret),
        ("", ""),
        (key.id + "\x00", secret),
        (key.id, secret + "\ud800"),
    ):
        with pytest.raises(api_keys.WrongKey):
            api_keys.find_key(session, key_id, half)
    for written in ("", "bl_", "Bearer", f"bl_{key.id}", f"bl_{key.id}.{secret}x", f"bl_{key.id.upper()}.{secret}"):
        with pytest.raises(api_keys.WrongKey):
            api_keys.read_key(written)
    session.execute(update(ApiKey).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    with pytest.raises(api_keys.WrongKey):
        api_keys.find_key(session, key.id, secret)


def test_the_secret_of_a_key_is_not_in_the_database(session: Session) -> None:
    key, secret = api_keys.create_key(session, add_user(session, "Ada"), "x", ["songs:read"])
    session.commit()
    stored = session.execute(text("SELECT api_keys::text FROM api_keys")).scalar_one()
    assert key.id in stored
    assert secret not in stored


def test_a_disabled_person_has_no_keys_and_no_browsers(session: Session, admin: User) -> None:
    user = add_user(session, "Ada")
    key, secret = api_keys.create_key(session, user, "x", ["songs:read"])
    token = accounts.open_login_session(session, user, "Firefox", "127.0.0.1")
    session.commit()
    people.disable(session, admin, user.id)
    session.commit()
    assert accounts.viewer_of(session, token) is None
    with pytest.raises(api_keys.WrongKey):
        api_keys.find_key(session, key.id, secret)
    people.enable(session, admin, user.id)
    session.commit()
    with pytest.raises(api_keys.WrongKey):
        api_keys.find_key(session, key.id, secret)


def test_other_peoples_keys_and_browsers_are_not_there(session: Session) -> None:
    ada, bob = add_user(session, "Ada"), add_user(session, "Bob")
    key, _ = api_keys.create_key(session, ada, "x", ["songs:read"])
    accounts.open_login_session(session, ada, "Firefox", "127.0.0.1")
    session.commit()
    (browser,) = people.list_browsers(session, ada)
    with pytest.raises(NotFound):
        api_keys.revoke_key(session, key.id, bob)
    with pytest.raises(NotFound):
        people.sign_out_browser(session, bob, browser.token_sha256)
    assert people.list_browsers(session, bob) == []


def test_signing_out_the_others_keeps_this_browser(session: Session) -> None:
    user = add_user(session, "Ada")
    tokens = [accounts.open_login_session(session, user, f"Browser {number}", "127.0.0.1") for number in range(3)]
    session.commit()
    assert people.sign_out_others(session, user, tokens[1]) == 2
    session.commit()
    assert [accounts.viewer_of(session, token) is not None for token in tokens] == [False, True, False]


@pytest.mark.usefixtures("_by_invitation")
def test_an_invitation_makes_one_account(session: Session, admin: User) -> None:
    token = invites.invite(session, admin, note="The drummer")
    session.commit()
    with pytest.raises(NotAllowed, match="by invitation"):
        accounts.sign_up(session, "Eve", "", PASSWORD)

    def come(name: str) -> bool:
        try:
            in_transaction(lambda own: accounts.sign_up(own, name, "", PASSWORD, token))
        except Gone:
            return False
        return True

    assert sum(at_once(6, come, [f"Person {number}" for number in range(6)])) == 1
    with pytest.raises(Gone):
        invites.check_invite(session, token)


def test_an_invitation_can_be_bound_to_an_address_runs_out_and_can_be_taken_back(session: Session, admin: User) -> None:
    bound = invites.invite(session, admin, email="ada@example.com")
    with pytest.raises(InvalidInput, match="another e-mail"):
        invites.use_invite(session, bound, "eve@example.com")
    assert invites.use_invite(session, bound, "Ada@Example.com").email == "ada@example.com"
    old = invites.invite(session, admin)
    session.execute(update(Invite).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    session.commit()
    with pytest.raises(Gone):
        invites.use_invite(session, old, "")
    invites.invite(session, admin, note="Wrong person")
    (found,) = invites.open_invites(session, admin)
    invites.withdraw_invite(session, found.token_sha256, admin)
    assert invites.open_invites(session, admin) == []
    with pytest.raises(NotAllowed):
        invites.invite(session, add_user(session, "Ada"))


def test_a_reset_link_works_once_and_signs_out_everywhere(session: Session, admin: User) -> None:
    user = add_user(session, "Ada")
    browser = accounts.open_login_session(session, user, "Firefox", "127.0.0.1")
    token = resets.reset_link_token(session, admin, user)
    session.commit()

    def use(number: int) -> bool:
        try:
            in_transaction(lambda own: resets.reset_password(own, token, f"{PASSWORD} {number}"))
        except Gone:
            return False
        return True

    assert sum(at_once(5, use, range(5))) == 1
    session.expire_all()
    assert accounts.viewer_of(session, browser) is None
    stored = session.get(OneTimeToken, resets._sha256(token))
    assert stored is not None
    assert stored.used_at


def test_a_reset_link_is_worth_nothing_once_the_password_changed_another_way(session: Session, admin: User) -> None:
    user = add_user(session, "Ada")
    user.password_hash = hash_password(PASSWORD)
    session.flush()
    token = resets.reset_link_token(session, admin, user)
    resets.change_password(session, user, PASSWORD, "another long sentence", keep=None)
    session.commit()
    with pytest.raises(Gone):
        resets.reset_password(session, token, PASSWORD)
    for wrong in ("", "x", token + "x", "\x00"):
        with pytest.raises(Gone):
            resets.check_reset_token(session, wrong)


def test_changing_the_password_asks_for_the_old_one_and_keeps_this_browser(session: Session) -> None:
    user = add_user(session, "Ada")
    user.password_hash = hash_password(PASSWORD)
    here, there = (accounts.open_login_session(session, user, "x", "127.0.0.1") for _ in range(2))
    session.commit()
    with pytest.raises(InvalidInput, match="not your password"):
        resets.change_password(session, user, "wrong", "another long sentence", keep=here)
    with pytest.raises(InvalidInput, match="at least"):
        resets.change_password(session, user, PASSWORD, "short", keep=here)
    resets.change_password(session, user, PASSWORD, "another long sentence", keep=here)
    session.commit()
    assert is_password("another long sentence", user.password_hash)
    assert accounts.viewer_of(session, here) is not None
    assert accounts.viewer_of(session, there) is None


def _app(address: str) -> TOTP:
    secret = parse_qs(urlsplit(address).query)["secret"][0]
    return TOTP(key=secret)


def test_a_code_counts_once_also_when_it_comes_many_times_at_once(session: Session) -> None:
    user = add_user(session, "Ada")
    app = _app(second_factor.begin_enrolment(session, user))
    now = datetime.now(UTC)
    second_factor.confirm_enrolment(session, user, app.generate(now - timedelta(seconds=30)).token)
    session.commit()
    assert second_factor.has_second_factor(session, user)
    code = app.generate(now).token

    def enter(_: int) -> bool:
        def check(own: Session) -> None:
            second_factor.check_code(own, own.get_one(User, user.id), code)

        try:
            in_transaction(check)
        except InvalidInput:
            return False
        return True

    assert sum(at_once(6, enter, range(6))) == 1


def test_recovery_codes_stand_in_once_each_and_the_shared_secret_is_sealed(session: Session) -> None:
    user, other = add_user(session, "Ada"), add_user(session, "Bob")
    address = second_factor.begin_enrolment(session, user)
    with pytest.raises(InvalidInput):
        second_factor.confirm_enrolment(session, user, "000000x")
    assert not second_factor.has_second_factor(session, user)
    codes = second_factor.confirm_enrolment(session, user, _app(address).generate().token)
    session.commit()
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    with pytest.raises(InvalidInput):
        second_factor.check_code(session, other, codes[0])
    second_factor.check_code(session, user, codes[0].upper().replace("-", " "))
    with pytest.raises(InvalidInput):
        second_factor.check_code(session, user, codes[0])
    sealed = session.execute(text("SELECT secret FROM second_factors")).scalar_one()
    assert _app(address).key not in bytes(sealed)
    with pytest.raises(Conflict):
        second_factor.begin_enrolment(session, user)
    second_factor.remove_app(session, user)
    assert not second_factor.has_second_factor(session, user)


def _try(bucket: str, free: int = 5) -> bool:
    try:
        in_transaction(lambda own: throttling.begin_try(own, bucket, free))
    except throttling.TooManyTries:
        return False
    return True


def _let_wait_pass(session: Session, count: int | None = None) -> None:
    """Move the end of every wait into the past, and if given set how many tries there were."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    session.execute(update(Tries).values(blocked_until=past, **({} if count is None else {"count": count})))
    session.commit()


def test_after_some_free_tries_the_next_ones_wait_longer_and_longer(session: Session) -> None:
    assert [_try("ada") for _ in range(6)] == [True] * 6
    waits = []
    for count in (11, 13, 15, 400):
        _let_wait_pass(session, count)
        assert _try("ada")
        with pytest.raises(throttling.TooManyTries) as refused:
            in_transaction(lambda own: throttling.begin_try(own, "ada", 5))
        waits.append(refused.value.seconds)
    assert waits[0] > 32
    assert waits[1] > 128
    assert waits[2] > 512
    assert 600 < waits[3] <= throttling.LONGEST_WAIT
    assert _try("bob")


def test_many_tries_at_once_are_all_counted(session: Session) -> None:
    assert at_once(12, lambda _: _try("ada", free=1000), range(200)) == [True] * 200
    assert session.scalars(select(Tries.count)).one() == 200


def test_a_good_try_and_a_quiet_quarter_of_an_hour_are_forgiven(session: Session) -> None:
    assert _try("ada")
    _let_wait_pass(session, 12)
    assert [_try("ada") for _ in range(2)] == [True, False]
    throttling.forget_tries(session, "ada")
    session.commit()
    assert _try("ada")
    session.execute(update(Tries).values(count=12, blocked_until=datetime.now(UTC) - timedelta(hours=1)))
    session.commit()
    assert _try("ada")
    session.expire_all()
    assert session.scalars(select(Tries.count)).one() == 1
    session.execute(update(Tries).values(blocked_until=datetime.now(UTC) - timedelta(hours=1)))
    throttling.purge_tries(session)
    assert session.scalars(select(Tries.count)).all() == []


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.168.1.77", "192.168.1.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.168.1.77", "192.168.1.0/24"),
        ("testclient", "testclient"),
    ],
)
def test_addresses_are_counted_by_their_network(address: str, network: str) -> None:
    assert throttling.network_of(address) == network


def test_the_last_admin_stays_one_also_when_two_take_it_from_each_other(session: Session, admin: User) -> None:
    with pytest.raises(Conflict, match="only admin"):
        people.set_role(session, admin, admin.id, "user")
    session.rollback()
    with pytest.raises(Conflict, match="only admin"):
        people.disable(session, admin, admin.id)
    session.rollback()
    other = add_user(session, "Ada")
    people.set_role(session, admin, other.id, "admin")
    session.commit()

    def take_it_back() -> None:
        in_transaction(lambda own: people.set_role(own, own.get_one(User, other.id), admin.id, "user"))

    with ThreadPoolExecutor(1) as beside:
        people.set_role(session, admin, other.id, "user")
        session.flush()
        second = beside.submit(take_it_back)
        waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        assert wait_until(lambda: second.done() or bool(session.scalar(waits)), 30)
        session.commit()
        with pytest.raises((Conflict, NotAllowed)):
            second.result()
    assert session.scalars(select(User.id).where(User.role == "admin")).all() == [admin.id]


def test_what_admins_do_is_written_down_and_stays_so(session: Session, admin: User) -> None:
    user = add_user(session, "Ada")
    people.set_role(session, admin, user.id, "admin", address="127.0.0.1")
    resets.reset_link_token(session, None, user)
    session.commit()
    deeds = audit.list_deeds(session, admin)
    assert [(deed.action, deed.target, deed.actor_id) for deed in deeds] == [
        ("reset link", "Ada", None), ("role", "Ada", admin.id),
    ]  # fmt: skip
    assert (deeds[1].before, deeds[1].after, deeds[1].address) == ({"role": "user"}, {"role": "admin"}, "127.0.0.1")
    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text("DELETE FROM audit_entries"))
    session.rollback()


@pytest.mark.parametrize(
    "deed",
    [
        lambda session, user, _: people.list_people(session, user),
        lambda session, user, _: audit.list_deeds(session, user),
        lambda session, user, _: people.set_role(session, user, user.id, "admin"),
        lambda session, user, admin: people.disable(session, user, admin.id),
        resets.reset_link_token,
    ],
)
def test_nobody_but_an_admin_may(session: Session, admin: User, deed: Callable[[Session, User, User], object]) -> None:
    user = add_user(session, "Ada")
    session.commit()
    with pytest.raises(NotAllowed):
        deed(session, user, admin)


def test_browsers_are_listed_with_what_they_are(session: Session) -> None:
    user = add_user(session, "Ada")
    accounts.open_login_session(session, user, "Firefox on a\nphone", "192.168.1.7")
    session.commit()
    (browser,) = people.list_browsers(session, user)
    assert isinstance(browser, LoginSession)
    assert (browser.browser, browser.address) == ("Firefox on aphone", "192.168.1.7")
