"""What is sealed: it opens with the key it was sealed with, a changed key leaves nothing behind, and no dump shows a secret."""

import base64
from pathlib import Path

import pytest
from passlib.totp import TOTP
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance import second_factor, webhooks
from appliance.accounts import open_login_session
from appliance.box.dump import write_dump
from appliance.idempotency import begin_once
from appliance.sealing import SECOND_FACTOR, WEBHOOK, Unreadable, fingerprint, reseal_everything, seal, unseal
from appliance.settings import settings
from appliance.tables import AuditEntry, LoginSession, SecondFactor, User, WebhookEndpoint
from tests.appliance.people import add_user

OLD = "only-the-tests-know-this-one"
NEW = "and this is the one that comes after it"


@pytest.fixture
def mara(session: Session) -> User:
    return add_user(session, "Mara")


def use(monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    """Change the settings of this process."""
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()


def app_of(address: str) -> TOTP:
    return TOTP.from_uri(address)


def test_what_is_sealed_opens_with_its_key_and_for_its_purpose_only(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = seal(SECOND_FACTOR, b"secret")
    assert b"secret" not in sealed
    assert seal(SECOND_FACTOR, b"secret") != sealed
    assert unseal(SECOND_FACTOR, sealed) == b"secret"
    with pytest.raises(Unreadable):
        unseal(WEBHOOK, sealed)
    before = fingerprint()
    use(monkeypatch, SECRET_KEY=NEW)
    assert fingerprint() != before
    with pytest.raises(Unreadable):
        unseal(SECOND_FACTOR, sealed)
    use(monkeypatch, SECRET_KEY_BEFORE=f"something else, {OLD}")
    assert unseal(SECOND_FACTOR, sealed) == b"secret"
    monkeypatch.setenv("SECRET_KEY_BEFORE", "")
    use(monkeypatch, SECRET_KEY_BEFORE="a key, with a comma", SECRET_KEY="x")
    monkeypatch.setenv("SECRET_KEY", "a key, with a comma")
    use(monkeypatch, SECRET_KEY_BEFORE="")
    sealed = seal(SECOND_FACTOR, b"secret")
    use(monkeypatch, SECRET_KEY="x", SECRET_KEY_BEFORE="a key, with a comma")
    assert unseal(SECOND_FACTOR, sealed) == b"secret"


def test_a_changed_key_seals_everything_anew_and_signs_everybody_out(
    session: Session, mara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, WEBHOOK_HOSTS="house.example")
    app = app_of(second_factor.begin_enrolment(session, mara))
    endpoint = webhooks.add_endpoint(session, mara, "https://house.example/")
    older = WebhookEndpoint(user_id=mara.id, url="https://house.example/older")
    session.add(older)
    session.flush()
    secrets = {each.id: webhooks.secret_of(each) for each in (endpoint, older)}
    open_login_session(session, mara, "", "")
    session.commit()

    use(monkeypatch, SECRET_KEY=NEW, SECRET_KEY_BEFORE=OLD)
    assert reseal_everything(session, sign_out=True) == (3, 0)
    session.commit()
    assert session.scalar(select(func.count()).select_from(LoginSession)) == 0
    assert session.scalars(select(AuditEntry.action)).one() == "change secret key"
    assert reseal_everything(session, sign_out=False) == (0, 0)  # there is nothing left to do

    use(monkeypatch, SECRET_KEY_BEFORE="")
    assert {each.id: webhooks.secret_of(each) for each in session.scalars(select(WebhookEndpoint))} == secrets
    second_factor.confirm_enrolment(session, mara, app.generate().token)
    use(monkeypatch, SECRET_KEY=OLD)
    with pytest.raises(Unreadable):
        webhooks.secret_of(endpoint)


def test_what_no_key_opens_stays_as_it_is_and_is_counted(
    session: Session, mara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    second_factor.begin_enrolment(session, mara)
    sealed = session.scalars(select(SecondFactor.secret)).one()
    use(monkeypatch, SECRET_KEY=NEW)
    assert reseal_everything(session, sign_out=True) == (0, 1)
    session.expire_all()
    assert session.scalars(select(SecondFactor.secret)).one() == sealed


def test_no_secret_is_in_a_dump_of_the_database(
    session: Session, mara: User, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = {
        name: f"canary-of-{name.lower()}"
        for name in (
            "SMTP_PASSWORD",
            "OIDC_CLIENT_SECRET",
            "POLAR_ACCESS_TOKEN",
            "POLAR_WEBHOOK_SECRET",
            "METRICS_TOKEN",
        )
    }
    use(monkeypatch, WEBHOOK_HOSTS="house.example", SECRET_KEY="canary-of-the-key", **configured)
    app = app_of(second_factor.begin_enrolment(session, mara))
    endpoint = webhooks.add_endpoint(session, mara, "https://house.example/")
    key = webhooks.secret_of(endpoint)
    token = open_login_session(session, mara, "a browser", "192.0.2.7")
    begin_once(session, mara, "once", b"asked")
    session.commit()
    file = tmp_path / "db.dump"
    write_dump(database_url, file, "--compress=none")
    dumped = file.read_bytes().lower()
    assert b"house.example" in dumped  # it is in the clear, so what is not found is not there
    raw = base64.b64decode(key.removeprefix("whsec_"))
    for secret in (
        *(each.encode() for each in [*configured.values(), "canary-of-the-key", app.base32_key, key, key[6:], token]),
        *(each.hex().encode() for each in (app.key, raw)),
        *(base64.b64encode(each) for each in (app.key, raw)),
    ):
        assert secret.lower() not in dumped
