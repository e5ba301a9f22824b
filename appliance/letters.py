"""Letters by e-mail: whoever forgot a password asks for a link, and the worker looks up and sends what was asked for."""

import logging
import smtplib
import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from appliance.database import transaction
from appliance.errors import NotFound
from appliance.languages import LANGUAGES, gettext, speak
from appliance.resets import BY_MAIL, mailed_token, user_by_email
from appliance.settings import settings
from appliance.tables import ResetRequest

log = logging.getLogger(__name__)
TIMEOUT = 20  # seconds that the mail server may take to answer
MOST_TRIES = 5
OLDEST = timedelta(hours=2)  # who asked so long ago has asked again, or found another way


def request_reset(session: Session, address: str) -> None:
    """Note that somebody wants a reset link for this address, whether or not it is anybody's. Raises NotFound without SMTP.

    Whether it is anybody's is looked up by the worker: the page takes the same time for every address.
    """
    if not settings().smtp_host:
        raise NotFound
    wanted = "".join(each for each in address.strip() if each.isprintable())[:254]
    if "@" in wanted:
        session.add(ResetRequest(address=wanted))


def send_waiting_letters() -> int:
    """Send every letter that is due, each in a transaction of its own; return how many went out."""
    sent = 0
    while settings().smtp_host:
        with transaction() as session:
            due = select(ResetRequest).where(ResetRequest.next_try_at <= datetime.now(UTC)).order_by(ResetRequest.id)
            request = session.scalar(due.limit(1).with_for_update(skip_locked=True))
            if request is None:
                break
            sent += _serve(session, request)
    return sent


def _serve(session: Session, request: ResetRequest) -> bool:
    """Send the letter that was asked for, or give it up, or have it tried later; return whether it went out."""
    user = user_by_email(session, request.address)
    if user is None or user.email is None or user.disabled_at or request.created_at < datetime.now(UTC) - OLDEST:
        session.delete(request)
        return False
    try:
        with session.begin_nested():
            speak(user.language if user.language in LANGUAGES else "en")
            _send(_reset_letter(user.email, user.name, mailed_token(session, user)))
    except (OSError, smtplib.SMTPException) as error:
        # The error's own words may hold the address, and a server's answer anything.
        log.warning("The mail server could not be used: %s.", type(error).__name__)
        request.tries += 1
        request.next_try_at = datetime.now(UTC) + timedelta(minutes=2**request.tries)
        if request.tries >= MOST_TRIES:
            session.delete(request)
        return False
    session.delete(request)
    return True


def _reset_letter(to: str, name: str, token: str) -> EmailMessage:
    """Return the letter with the link, in the language that is spoken. Its address is the studio's own by its settings and never a request's."""
    wanted = settings()
    letter = EmailMessage()
    letter["From"], letter["To"] = wanted.smtp_from, to
    letter["Subject"] = gettext("A new password for %(studio)s") % {"studio": wanted.studio_name}
    minutes = round(BY_MAIL.total_seconds() / 60)
    link = f"{wanted.public_url.rstrip('/')}/reset?token={token}"
    letter.set_content(
        gettext(
            "Hello %(name)s,\n\nsomebody, probably you, asked for a new password at %(studio)s. Choose it here, once and "
            "within %(minutes)s minutes:\n\n%(link)s\n\n"
            "If it was not you, there is nothing to do: nothing has changed.\n"
        )
        % {"name": name, "studio": wanted.studio_name, "minutes": minutes, "link": link}
    )
    return letter


def _send(letter: EmailMessage) -> None:
    wanted = settings()
    secure = ssl.create_default_context()
    if wanted.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(wanted.smtp_host, wanted.smtp_port, timeout=TIMEOUT, context=secure)
    else:
        server = smtplib.SMTP(wanted.smtp_host, wanted.smtp_port, timeout=TIMEOUT)
    with server:
        if wanted.smtp_security == "starttls":
            server.starttls(context=secure)
        if wanted.smtp_user:
            server.login(wanted.smtp_user, wanted.smtp_password.get_secret_value())
        server.send_message(letter)


def purge_reset_requests(session: Session) -> None:
    """Forget what was asked for long ago, as in a studio that has no mail server any more."""
    session.execute(delete(ResetRequest).where(ResetRequest.created_at < datetime.now(UTC) - OLDEST))
