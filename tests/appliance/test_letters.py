"""Letters: sent by a real mail server's protocol, to whoever has an account, once, and tried again when the server is away."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from urllib.parse import parse_qs, urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as Conversation
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from appliance import letters, resets
from appliance.errors import NotFound
from appliance.settings import settings
from appliance.tables import OneTimeToken, ResetRequest, User
from tests.appliance.people import add_user


@dataclass
class Postbox:
    """A mail server that keeps what it gets, or refuses everything while `closed`."""

    closed: bool = False
    got: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _conversation: Conversation, envelope: Envelope) -> str:
        if self.closed:
            return "451 Come back later"
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.got.append(letter)
        return "250 OK"


@pytest.fixture
def postbox(database_url: str) -> Iterator[Postbox]:
    """Run a mail server and have the settings name it."""
    box = Postbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("HOST", "127.0.0.1"),
            ("PORT", str(port)),
            ("SECURITY", "none"),
            ("FROM", "s@studio.test"),
        ):
            patch.setenv(f"SMTP_{name}", value)
        settings.cache_clear()
        yield box
    settings.cache_clear()
    server.stop()


@pytest.fixture
def mara(session: Session) -> User:
    """Add somebody with an address."""
    user = add_user(session, "Mara")
    user.email = "Mara@studio.test"
    session.commit()
    return user


def test_the_letter_goes_to_the_accounts_own_address_with_a_link_that_works_once(
    session: Session, postbox: Postbox, mara: User
) -> None:
    letters.request_reset(session, " mara@STUDIO.test\r\nBcc: eve@evil.example")
    letters.request_reset(session, "mara@STUDIO.test ")
    letters.request_reset(session, "nobody@studio.test")
    letters.request_reset(session, "not an address")
    session.commit()
    assert letters.send_waiting_letters() == 1
    (letter,) = postbox.got
    assert (letter["To"], letter["From"], letter["Bcc"]) == ("Mara@studio.test", "s@studio.test", None)
    link = next(line for line in letter.get_content().splitlines() if line.startswith("http"))
    assert link.startswith(f"{settings().public_url}/reset?token=")
    token = parse_qs(urlsplit(link).query)["token"][0]
    assert resets.check_reset_token(session, token).id == mara.id
    stored = session.scalars(select(OneTimeToken)).one()
    assert timedelta(minutes=29) < stored.expires_at - datetime.now(UTC) <= timedelta(minutes=30)
    assert session.scalars(select(ResetRequest)).all() == []
    assert letters.send_waiting_letters() == 0


def test_who_is_disabled_gets_no_letter(session: Session, postbox: Postbox, mara: User) -> None:
    mara.disabled_at = datetime.now(UTC)
    letters.request_reset(session, "mara@studio.test")
    session.commit()
    assert letters.send_waiting_letters() == 0
    assert postbox.got == []


def test_a_server_that_is_away_is_tried_again_later_and_not_for_ever(
    session: Session, postbox: Postbox, mara: User, caplog: pytest.LogCaptureFixture
) -> None:
    postbox.closed = True
    letters.request_reset(session, "mara@studio.test")
    session.commit()
    for tries in range(1, letters.MOST_TRIES):
        assert letters.send_waiting_letters() == 0
        session.expire_all()
        request = session.scalars(select(ResetRequest)).one()
        assert request.tries == tries
        assert request.next_try_at > datetime.now(UTC) + timedelta(seconds=100)
        assert session.scalars(select(OneTimeToken)).all() == []  # no link waits for nobody
        session.execute(update(ResetRequest).values(next_try_at=datetime.now(UTC)))
        session.commit()
    assert letters.send_waiting_letters() == 0
    session.expire_all()
    assert session.scalars(select(ResetRequest)).all() == []
    said = [
        record.getMessage() for record in caplog.records if not record.name.startswith("mail.")
    ]  # the postbox's own
    assert "mara@" not in "\n".join(said).lower()


def test_what_was_asked_for_long_ago_is_forgotten(session: Session, postbox: Postbox, mara: User) -> None:
    letters.request_reset(session, "mara@studio.test")
    session.execute(update(ResetRequest).values(created_at=datetime.now(UTC) - letters.OLDEST - timedelta(minutes=1)))
    session.commit()
    assert letters.send_waiting_letters() == 0
    assert postbox.got == []
    letters.request_reset(session, "mara@studio.test")
    session.execute(update(ResetRequest).values(created_at=datetime.now(UTC) - letters.OLDEST - timedelta(minutes=1)))
    letters.purge_reset_requests(session)
    assert session.scalars(select(ResetRequest)).all() == []


def test_without_a_mail_server_nobody_can_ask(session: Session) -> None:
    with pytest.raises(NotFound):
        letters.request_reset(session, "mara@studio.test")
    assert letters.send_waiting_letters() == 0
