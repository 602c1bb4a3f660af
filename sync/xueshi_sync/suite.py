"""The cryptographic suite: hashes, signatures and domain separation (PROTOCOL 2).

A county has one suite, fixed in its genesis; nothing is negotiated. Suite 1 is SHA-256 and
Ed25519 as libsodium verifies it. The number 2 is reserved for SM2/SM3/SM4.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Protocol

from nacl.exceptions import BadSignatureError as NaclBadSignatureError
from nacl.signing import SigningKey, VerifyKey

from xueshi_sync.errors import BadSignatureError

SUITE_ED25519: Final = 1


def digest(tag: str, *parts: bytes) -> bytes:
    """Hash `parts` under a domain `tag`: SHA-256("xs1/" tag NUL parts…), 32 bytes."""
    hasher = hashlib.sha256(b"xs1/" + tag.encode() + b"\0")
    for part in parts:
        hasher.update(part)
    return hasher.digest()


def sha256(data: bytes) -> bytes:
    """Return the plain SHA-256 of `data`."""
    return hashlib.sha256(data).digest()


class Suite(Protocol):
    """Signatures as the core needs them; `message` already carries its domain tag."""

    def public_key(self, seed: bytes) -> bytes: ...

    def sign(self, seed: bytes, message: bytes) -> bytes: ...

    def verify(self, public: bytes, message: bytes, signature: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Ed25519Suite:
    """Suite 1. `seed` is 32 bytes, a public key 32 bytes, a signature 64 bytes."""

    def public_key(self, seed: bytes) -> bytes:
        """Return the public key of `seed`."""
        return bytes(SigningKey(seed).verify_key)

    def sign(self, seed: bytes, message: bytes) -> bytes:
        """Sign `message`; deterministic."""
        return SigningKey(seed).sign(message).signature

    def verify(self, public: bytes, message: bytes, signature: bytes) -> None:
        """Raise BadSignatureError unless `signature` is valid."""
        try:
            VerifyKey(public).verify(message, signature)
        except (NaclBadSignatureError, ValueError, TypeError) as error:
            raise BadSignatureError(str(error)) from error
