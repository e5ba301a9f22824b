"""Signing in by another service: OpenID Connect, as a client of the one provider that the settings name.

Authorization code flow with PKCE (RFC 7636), state and nonce. Everything is asked of the issuer's own host, or of hosts that
OIDC_HOSTS names as well; nothing is read that the provider has not signed.
"""

import base64
import hashlib
import hmac
import json
import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from appliance.challenges import check_challenge, derived, new_challenge
from appliance.errors import InvalidInput, Unavailable, said
from appliance.settings import settings

log = logging.getLogger(__name__)
PATIENCE = 10.0  # seconds for one answer
LARGEST_ANSWER = 256 * 1024  # bytes
LEEWAY = 60  # seconds that clocks may differ by
KEPT = 600  # seconds that what the provider says of itself is taken as said
# Only what is checked with a public key: with `none`, or with a key that both sides have, anybody could sign.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]


class NotVouchedFor(InvalidInput):
    """What came back from the provider proves nothing. The log says why; the page only that it did not work."""

    def __init__(self, reason: str) -> None:
        log.warning("Somebody was not let in by %s: %s", settings().oidc_issuer, reason)
        super().__init__(said("The other service did not vouch for you. Try again."))


@dataclass(frozen=True)
class Vouched:
    """Who came, as the provider says: `subject` is theirs for good; `email` is empty unless the provider has checked it."""

    issuer: str
    subject: str
    name: str
    email: str
    proved_at: float
    """When they last proved themselves to the provider, in seconds since 1970; 0: it does not say."""

    def is_fresh(self, within: timedelta) -> bool:
        """Tell whether they proved themselves so recently."""
        return self.proved_at > time.time() - within.total_seconds()


def provider_name() -> str:
    """Return what the provider is called on pages, its host; empty where there is none."""
    return urlsplit(settings().oidc_issuer).hostname or ""


def redirect_uri() -> str:
    """Return where the provider sends people back to, for its own list."""
    return f"{settings().public_url.rstrip('/')}/sign-in/oidc/callback"


def way_to_provider(purpose: str, bound_to: str) -> str:
    """Return the address to send a browser to; `purpose` and browser must be the same when it comes back.

    For the purpose `confirm` the provider is told to have the person prove themselves again. Raises Unavailable.
    """
    state = new_challenge(f"oidc {purpose}", bound_to)
    asked = {
        "response_type": "code",
        "client_id": settings().oidc_client_id,
        "redirect_uri": redirect_uri(),
        "scope": "openid profile email",
        "state": _text(state),
        "nonce": derived(state, "nonce"),
        "code_challenge": _text(hashlib.sha256(derived(state, "verifier").encode()).digest()),
        "code_challenge_method": "S256",
        **({"max_age": "0"} if purpose == "confirm" else {}),
    }
    address = _said_by_provider("authorization_endpoint")
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"


def read_return(purpose: str, bound_to: str, returned: dict[str, str]) -> tuple[Vouched, bytes]:
    """Return who came back with these parameters, and the state that the caller has to use up (`challenges.use_up`).

    Raises StaleChallenge for a state of another browser or purpose, NotVouchedFor, Unavailable.
    """
    try:
        state = base64.urlsafe_b64decode(returned.get("state", "") + "===")
    except ValueError:
        state = b""
    check_challenge(state, f"oidc {purpose}", bound_to)
    if "error" in returned:
        raise NotVouchedFor(f"it answered {returned['error'][:60]!r}")
    issuer = settings().oidc_issuer
    if returned.get("iss", issuer) != issuer:  # RFC 9207: the answer of another provider
        raise NotVouchedFor("the answer is another issuer's")
    token = _exchange(returned.get("code", ""), derived(state, "verifier"))
    return read_token(token, derived(state, "nonce")), state


def read_token(token: str, nonce: str) -> Vouched:
    """Return what an ID token says, if the provider signed it for us, now, and as the answer to `nonce`. Raises NotVouchedFor."""
    wanted = settings()
    keys = _fetch("GET", _said_by_provider("jwks_uri")).get("keys")
    try:
        known = KeySet.import_key_set({"keys": [key for key in keys or [] if key.get("kty") in ("RSA", "EC", "OKP")]})
        claims = jwt.decode(token, known, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": wanted.oidc_issuer},
            aud={"essential": True, "value": wanted.oidc_client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True},
        ).validate(claims)
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        raise NotVouchedFor(f"its token is refused ({type(error).__name__})") from None
    if not hmac.compare_digest(str(claims["nonce"]).encode("utf-8", "surrogatepass"), nonce.encode()):
        raise NotVouchedFor("its token answers another request")
    others = (
        [each for each in claims["aud"] if each != wanted.oidc_client_id] if isinstance(claims["aud"], list) else []
    )
    if (others or "azp" in claims) and claims.get("azp") != wanted.oidc_client_id:
        raise NotVouchedFor("its token is for another client as well")
    subject = claims["sub"]
    if not 0 < len(subject) <= 255 or "\x00" in subject:
        raise NotVouchedFor("its name for the person is no name")
    named = claims.get("name") or claims.get("preferred_username") or ""
    email = claims.get("email") if claims.get("email_verified") is True else ""
    proved_at = claims.get("auth_time")
    return Vouched(
        issuer=wanted.oidc_issuer,
        subject=subject,
        name=named if isinstance(named, str) else "",
        email=email if isinstance(email, str) else "",
        proved_at=proved_at if isinstance(proved_at, int | float) else 0,
    )


def _exchange(code: str, verifier: str) -> str:
    wanted = settings()
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(),
        "code_verifier": verifier,
    }
    headers = {}
    secret = wanted.oidc_client_secret.get_secret_value()
    ways = _metadata(wanted.oidc_issuer, wanted.oidc_hosts, _window()).get("token_endpoint_auth_methods_supported")
    if not secret:
        fields["client_id"] = wanted.oidc_client_id
    elif ways and "client_secret_basic" not in ways:
        fields |= {"client_id": wanted.oidc_client_id, "client_secret": secret}
    else:  # RFC 6749, 2.3.1: both halves are encoded as in a form first
        pair = f"{quote(wanted.oidc_client_id, safe='')}:{quote(secret, safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    token = _fetch("POST", _said_by_provider("token_endpoint"), fields, headers).get("id_token")
    if not isinstance(token, str):
        raise NotVouchedFor("it gave no ID token")
    return token


def _window() -> int:
    return int(time.time() // KEPT)


def _said_by_provider(what: str) -> str:
    """Return an address out of the provider's description of itself. Raises Unavailable for one that is not allowed."""
    wanted = settings()
    address = _metadata(wanted.oidc_issuer, wanted.oidc_hosts, _window()).get(what)
    if not isinstance(address, str) or not _allowed(address):
        log.error("OIDC_ISSUER names a %s on a host that is neither the issuer's nor in OIDC_HOSTS: %r", what, address)
        raise Unavailable("The other service cannot be reached at the moment.")
    return address


@lru_cache(4)
def _metadata(issuer: str, _hosts: str, _window: int) -> dict[str, Any]:
    """Return what a provider says of itself (OpenID Connect Discovery 1.0, 4), asked once in ten minutes."""
    found = _fetch("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        log.error("OIDC_ISSUER is %r, but that provider calls itself %r.", issuer, found.get("issuer"))
        raise Unavailable("The other service cannot be reached at the moment.")
    return found


def _allowed(url: str) -> bool:
    """Whether `url` is the issuer's, or encrypted and on a host that the settings name."""
    try:
        asked, issuer = urlsplit(url), urlsplit(settings().oidc_issuer)
        if (asked.scheme, asked.hostname, asked.port) == (issuer.scheme, issuer.hostname, issuer.port):
            return "@" not in asked.netloc
    except ValueError:
        return False
    named = {name.strip().lower() for name in settings().oidc_hosts.split(",") if name.strip()}
    return asked.scheme == "https" and asked.netloc.lower() in named


def _fetch(
    method: str, url: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the JSON object at an address of the provider's. Redirects are not followed. Raises Unavailable, NotVouchedFor."""
    sent = {"accept": "application/json", "user-agent": "Backline", **(headers or {})}
    with urllib3.PoolManager(num_pools=1) as outside:
        try:
            answer = outside.request(
                method,
                url,
                body=urlencode(fields) if fields else None,
                headers=sent | ({"content-type": "application/x-www-form-urlencoded"} if fields else {}),
                redirect=False,
                retries=False,
                timeout=PATIENCE,
                preload_content=False,
            )
            content = answer.read(LARGEST_ANSWER + 1)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            log.warning("%s does not answer: %s", urlsplit(url).netloc, type(error).__name__)
            raise Unavailable("The other service cannot be reached at the moment.") from None
        status = answer.status
        answer.close()
    if 400 <= status < 500 and fields:
        raise NotVouchedFor(f"it refused the code ({status})")
    try:
        found = json.loads(content) if status == 200 and len(content) <= LARGEST_ANSWER else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        log.warning("%s answered %s, and not what OpenID Connect has there.", urlsplit(url).netloc, status)
        raise Unavailable("The other service cannot be reached at the moment.")
    return found


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
