"""A small OpenID Connect provider on this machine: it describes itself, takes codes with PKCE, and signs ID tokens for real.

It stands in for another's service. Tests change `claims` and `sign` to have it lie, and `says` to have it describe itself wrongly.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "backline & friends", "not told to anybody: %"


class Provider:
    """One provider with one key and one person at a time, `person`; `asked` are the paths that were asked for."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
        self.address = ""
        self.person = {"sub": "mara-1", "name": "Mara", "email": "mara@example.org", "email_verified": True}
        self.claims: dict[str, Any] = {}
        self.says: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}

    def signed(self, claims: dict[str, Any]) -> str:
        """Return an ID token as it should be."""
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            **self.says,
        }

    def authorize(self, address: str) -> str:
        """Be the person who signs in on the provider's page; return where they are sent back to."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.address})}"

    def token(self, authorization: str, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer the client that brings a code, once."""
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        asked = self.codes.pop(fields.get("code", ""), None)
        verifier = base64.urlsafe_b64encode(hashlib.sha256(fields.get("code_verifier", "").encode()).digest())
        good = (
            (unquote(pair[0]), unquote(pair[2])) == (CLIENT, SECRET)
            and asked is not None
            and verifier.rstrip(b"=").decode() == asked["code_challenge"]
            and fields.get("redirect_uri") == asked["redirect_uri"]
            and fields.get("grant_type") == "authorization_code"
        )
        if not good or asked is None:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= {**self.person, **({"auth_time": now} if "max_age" in asked else {}), **self.claims}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.sign(claims)}


@contextmanager
def provider_running() -> Iterator[Provider]:
    """Yield a provider that listens on a free port."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            provider.asked.append(path)
            if path == "/.well-known/openid-configuration":
                self._answer(200, provider.description())
            elif path == "/keys":
                self._answer(200, KeySet([provider.key]).as_dict(private=False))
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            fields = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(self.headers.get("authorization", ""), fields))

        def _answer(self, status: int, said: Any) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
