"""A device that holds passkeys, as the WebAuthn specification has it (level 2, chapters 6.1 and 6.5): real keys, real signatures."""

import hashlib
import json
import os
import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One device with one key. Tests change `origin`, `flags` and `count` to have it lie."""

    origin: str
    host: str = "localhost"
    flags: int = PRESENT | VERIFIED
    count: int = 0
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    user_handle: str | None = None

    def make(self, options: dict[str, Any]) -> str:
        """Return what a page sends after `navigator.credentials.create`."""
        self.user_handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32), numbers.y.to_bytes(32)
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        told = self._told(self.flags | ATTESTED)
        told += bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + public
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": told})
        return self._answer(options, "webauthn.create", {"attestationObject": text(attested)})

    def sign(self, options: dict[str, Any]) -> str:
        """Return what a page sends after `navigator.credentials.get`."""
        self.count += 1
        told = self._told(self.flags)
        signed = told + hashlib.sha256(self._client_data(options, "webauthn.get")).digest()
        signature = self.key.sign(signed, ECDSA(SHA256()))
        said = {"authenticatorData": text(told), "signature": text(signature), "userHandle": self.user_handle}
        return self._answer(options, "webauthn.get", said)

    def _told(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _client_data(self, options: dict[str, Any], kind: str) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _answer(self, options: dict[str, Any], kind: str, response: dict[str, Any]) -> str:
        named = text(self.credential_id)
        said = {**response, "clientDataJSON": text(self._client_data(options, kind))}
        return json.dumps({"id": named, "rawId": named, "type": "public-key", "response": said})
