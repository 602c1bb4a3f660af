"""A suite whose signatures cost a hash: for runs in which signatures are not what is tested.

A public key names its seed through a table that is private to one world, so that nobody in it can
sign with a key whose seed he does not hold.
"""

from hashlib import blake2b
from hmac import compare_digest

from xueshi_sync.errors import BadSignatureError


class FakeSuite:
    """The `Suite` protocol over keyed BLAKE2b."""

    def __init__(self) -> None:
        self._seeds: dict[bytes, bytes] = {}

    def public_key(self, seed: bytes) -> bytes:
        """Return the public key of `seed`."""
        public = blake2b(b"public" + seed, digest_size=32).digest()
        self._seeds[public] = seed
        return public

    def sign(self, seed: bytes, message: bytes) -> bytes:
        """Sign `message`; deterministic."""
        return blake2b(message, key=seed, digest_size=64).digest()

    def verify(self, public: bytes, message: bytes, signature: bytes) -> None:
        """Raise BadSignatureError unless `signature` is valid."""
        seed = self._seeds.get(public)
        if seed is None or not compare_digest(self.sign(seed, message), signature):
            raise BadSignatureError("not signed with this key")
