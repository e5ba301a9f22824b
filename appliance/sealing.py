"""Sealing: what must not lie in the database as it is, encrypted with a key that is not there (SECRET_KEY).

A key that was changed is still read, as SECRET_KEY_BEFORE, until everything is sealed with the new one (`reseal_everything`).
"""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from appliance.audit import record
from appliance.settings import settings
from appliance.tables import LoginSession, SecondFactor, WebhookEndpoint

SECOND_FACTOR, WEBHOOK = (
    b"backline second factor",
    b"backline webhook",
)  # what keeps one kind of secret from being read as another


class Unreadable(Exception):
    """What is sealed was sealed with a key that the settings do not name, or for something else."""


def secret_keys() -> list[str]:
    """Return the key that everything is sealed with, and after it those that are only read by."""
    before = settings().secret_key_before.get_secret_value()
    named = [settings().secret_key.get_secret_value(), before, *(each.strip() for each in before.split(","))]
    return list(dict.fromkeys(each for each in named if each))


def _box(purpose: bytes, keys: list[str]) -> MultiFernet:
    derived = (HKDF(SHA256(), 32, salt=None, info=purpose).derive(key.encode()) for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(each)) for each in derived])


def seal(purpose: bytes, secret: bytes) -> bytes:
    """Return `secret` encrypted and authenticated."""
    return _box(purpose, secret_keys()[:1]).encrypt(secret)


def unseal(purpose: bytes, sealed: bytes) -> bytes:
    """Return what was sealed. Raises Unreadable."""
    try:
        return _box(purpose, secret_keys()).decrypt(sealed)
    except InvalidToken:
        raise Unreadable from None


def fingerprint() -> str:
    """Return what tells this SECRET_KEY from another one, and nothing about it."""
    return hashlib.sha256(b"backline key:" + secret_keys()[0].encode()).hexdigest()[:16]


def webhook_secret(endpoint: WebhookEndpoint) -> bytes:
    """Return the 32 bytes that messages to an address are signed with. Raises Unreadable."""
    if endpoint.secret is not None:
        return unseal(WEBHOOK, endpoint.secret)
    return _followed_from(secret_keys()[0], endpoint)  # of before there was a column for it


def _followed_from(key: str, endpoint: WebhookEndpoint) -> bytes:
    return hmac.digest(key.encode(), b"webhook:" + endpoint.id.bytes, hashlib.sha256)


def reseal_everything(session: Session, *, sign_out: bool) -> tuple[int, int]:
    """Seal with the key that there is now whatever an earlier one sealed.

    `sign_out`: the key has changed, so everybody is signed out; who had the old one may have come in by it. Returns how many
    secrets were sealed anew, and how many no key of the settings opens; those stay as they are.
    """
    done = lost = 0
    for factor in session.scalars(select(SecondFactor).with_for_update()):
        try:
            if not _is_current(SECOND_FACTOR, factor.secret):
                factor.secret = seal(SECOND_FACTOR, unseal(SECOND_FACTOR, factor.secret))
                done += 1
        except Unreadable:
            lost += 1
    keys = secret_keys()
    for endpoint in session.scalars(select(WebhookEndpoint).with_for_update()):
        try:
            if endpoint.secret is None:  # it followed from the key that there was before this one
                endpoint.secret = seal(WEBHOOK, _followed_from(keys[min(1, len(keys) - 1)], endpoint))
                done += 1
            elif not _is_current(WEBHOOK, endpoint.secret):
                endpoint.secret = seal(WEBHOOK, unseal(WEBHOOK, endpoint.secret))
                done += 1
        except Unreadable:
            lost += 1
    if sign_out:
        session.execute(delete(LoginSession))
        record(session, None, "change secret key", after={"sealed anew": done, "unreadable": lost})
    session.flush()
    return done, lost


def _is_current(purpose: bytes, sealed: bytes) -> bool:
    try:
        _box(purpose, secret_keys()[:1]).decrypt(sealed)
    except InvalidToken:
        return False
    return True
