"""Passkeys (WebAuthn): signing in with a device that holds a key and has made sure who uses it.

A passkey is two factors in one, the device and its owner's finger or PIN, so whoever signs in with one owes no code; and a
person with a passkey has a second factor, as with an authenticator app.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from appliance.challenges import LIVES, check_challenge, new_challenge, use_up
from appliance.errors import Conflict, InvalidInput, NotFound, said
from appliance.second_factor import give_recovery_codes, tidy_recovery_codes
from appliance.settings import settings
from appliance.tables import Passkey, User

MOST_PASSKEYS = 20  # for each person
MAX_ANSWER = 20_000  # characters of a browser's answer; real ones have some 2,000
MAX_NAME = 60
REFUSED = said("This passkey does not open anything here.")
UNREADABLE = said("The passkey could not be taken. Try again, or use another device.")


@dataclass(frozen=True)
class Site:
    """Where passkeys are good: the host's name that they are bound to, and the origin that pages have there."""

    host: str
    origin: str


def adding_options(session: Session, user: User, site: Site, bound_to: str) -> str:
    """Return what `navigator.credentials.create` is to be called with, as JSON. Devices that have one already are left out."""
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=settings().studio_name,
        user_id=user.id.bytes,
        user_name=user.name,
        challenge=new_challenge("add passkey", bound_to),
        timeout=LIVES * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=each.credential_id) for each in list_passkeys(session, user)
        ],
    )
    return options_to_json(options)


def add_passkey(
    session: Session, user: User, site: Site, bound_to: str, answer: str, name: str
) -> tuple[Passkey, list[str]]:
    """Keep the passkey that a browser made; return it, and recovery codes where the person had none.

    Raises InvalidInput, and StaleChallenge for what was not asked for here and now; Conflict.
    """
    name = " ".join(name.split()) or "Passkey"
    if len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput.about(name=said("Choose a name of 1 to %(most)s letters.", most=MAX_NAME))
    challenge = _challenge_in(answer, "add passkey", bound_to)
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (
        Exception
    ):  # the library reads CBOR, ASN.1 and certificates of whoever sends them; what fails in there is no passkey
        raise InvalidInput.about(passkey=UNREADABLE) from None
    use_up(session, challenge)
    session.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
    count = session.scalars(select(func.count()).where(Passkey.user_id == user.id)).one()
    if count >= MOST_PASSKEYS:
        raise Conflict(
            said("You have %(number)s passkeys already. Remove one that you do not use any more.", number=MOST_PASSKEYS)
        )
    if session.get(Passkey, made.credential_id) is not None:
        raise Conflict("This passkey is known already.")
    passkey = Passkey(
        credential_id=made.credential_id,
        user_id=user.id,
        name=name,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )
    session.add(passkey)
    session.flush()
    return passkey, give_recovery_codes(session, user)


def sign_in_options(site: Site, bound_to: str) -> str:
    """Return what `navigator.credentials.get` is to be called with, as JSON. It names nobody: the device knows who it is for."""
    options = generate_authentication_options(
        rp_id=site.host,
        challenge=new_challenge("passkey", bound_to),
        timeout=LIVES * 1000,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def check_passkey(session: Session, site: Site, bound_to: str, answer: str) -> User:
    """Return whose passkey has signed this browser's challenge, which is used up by that.

    Raises InvalidInput, with the same sentence for a passkey that is unknown, has been removed, belongs to somebody who is
    disabled, or has signed wrongly; a count that did not grow means that the key was copied, and is refused as well.
    """
    challenge = _challenge_in(answer, "passkey", bound_to)
    try:
        sent = parse_authentication_credential_json(answer)
    except (WebAuthnException, ValueError, RecursionError):
        raise InvalidInput.about(passkey=UNREADABLE) from None
    passkey = session.scalar(
        select(Passkey).where(Passkey.credential_id == sent.raw_id).options(joinedload(Passkey.user))
    )
    if passkey is None or passkey.user.disabled_at or sent.response.user_handle not in (None, passkey.user_id.bytes):
        raise InvalidInput.about(passkey=REFUSED)
    try:
        seen = verify_authentication_response(
            credential=sent,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception:  # as above
        raise InvalidInput.about(passkey=REFUSED) from None
    use_up(session, challenge)
    counted = session.execute(
        update(Passkey)
        .where(
            Passkey.credential_id == passkey.credential_id,
            (Passkey.sign_count < seen.new_sign_count) | ((Passkey.sign_count == 0) & (seen.new_sign_count == 0)),
        )
        .values(sign_count=seen.new_sign_count, last_used_at=datetime.now(UTC))
        .returning(Passkey.user_id)
    ).first()
    if counted is None:
        raise InvalidInput.about(passkey=REFUSED)
    return passkey.user


def list_passkeys(session: Session, viewer: User) -> list[Passkey]:
    """Return the viewer's passkeys, the oldest first."""
    mine = select(Passkey).where(Passkey.user_id == viewer.id)
    return list(session.scalars(mine.order_by(Passkey.created_at, Passkey.credential_id)))


def rename_passkey(session: Session, viewer: User, credential_id: bytes, name: str) -> None:
    """Call one of the viewer's passkeys something else. Raises NotFound, InvalidInput."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidInput.about(name=said("Choose a name of 1 to %(most)s letters.", most=MAX_NAME))
    _own_passkey(session, viewer, credential_id).name = name
    session.flush()


def remove_passkey(session: Session, viewer: User, credential_id: bytes) -> None:
    """Have one of the viewer's passkeys open nothing any more. Raises NotFound."""
    session.delete(_own_passkey(session, viewer, credential_id))
    session.flush()
    tidy_recovery_codes(session, viewer)


def _own_passkey(session: Session, viewer: User, credential_id: bytes) -> Passkey:
    passkey = session.get(Passkey, credential_id)
    if passkey is None or passkey.user_id != viewer.id:
        raise NotFound
    return passkey


def _challenge_in(answer: str, purpose: str, bound_to: str) -> bytes:
    """Return the challenge that a browser's answer is about, if it is one of ours for this purpose and browser."""
    if len(answer) > MAX_ANSWER:
        raise InvalidInput.about(passkey=UNREADABLE)
    try:
        client_data = base64url_to_bytes(json.loads(answer)["response"]["clientDataJSON"])
        challenge = parse_client_data_json(client_data).challenge
    except (WebAuthnException, ValueError, LookupError, TypeError, RecursionError):
        raise InvalidInput.about(passkey=UNREADABLE) from None
    check_challenge(challenge, purpose, bound_to)
    return challenge
