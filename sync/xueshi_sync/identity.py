"""Names of counties, nodes, epochs, scopes and feeds: all 16 bytes, all derived (PROTOCOL 2)."""

import hmac
from dataclasses import dataclass
from typing import Final

import msgspec

from xueshi_sync.errors import BadSignatureError, MalformedFrameError, UnsupportedVersionError
from xueshi_sync.suite import SUITE_ED25519, Suite, digest

ID_BYTES: Final = 16
NO_ID: Final = bytes(ID_BYTES)

TIERS: Final = ("school", "township", "centre")


class Genesis(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What a county is: signed once by its offline root key (PROTOCOL 2.1)."""

    version: int
    suite: int
    code: str
    name: str
    salt: bytes
    root: bytes
    centre_node: bytes
    centre_key: bytes

    @property
    def net(self) -> bytes:
        """The county's id, bound into every feed, frame and receipt."""
        return digest("net", msgspec.msgpack.encode(self))[:ID_BYTES]


class SignedGenesis(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A genesis with the root's signature."""

    genesis: Genesis
    signature: bytes


class Epoch(msgspec.Struct, array_like=True, frozen=True):
    """The writing session of this copy: `nonce` with the key gives its id; `reason` why it
    began."""

    nonce: bytes
    reason: str
    began_ms: int


class Identity(msgspec.Struct, array_like=True, frozen=True):
    """Who this node is. `scope` is its home; `genesis` is None until it joined a county."""

    node: bytes
    tier: str
    scope: bytes
    genesis: Genesis | None = None


def sign_genesis(suite: Suite, root_seed: bytes, genesis: Genesis) -> SignedGenesis:
    """Sign `genesis` with the county's root key."""
    return SignedGenesis(genesis, suite.sign(root_seed, b"xs1/genesis\0" + genesis.net))


def verify_genesis(suite: Suite, signed: SignedGenesis) -> Genesis:
    """Return the genesis, or raise BadSignatureError, UnsupportedVersionError,
    MalformedFrameError."""
    genesis = signed.genesis
    if genesis.version != 1 or genesis.suite != SUITE_ED25519:
        raise UnsupportedVersionError(f"genesis version {genesis.version} suite {genesis.suite}")
    if len(genesis.centre_node) != ID_BYTES or len(genesis.root) != 32:
        raise MalformedFrameError("genesis fields have the wrong length")
    if len(signed.signature) != 64:
        raise BadSignatureError("genesis signature has the wrong length")
    suite.verify(genesis.root, b"xs1/genesis\0" + genesis.net, signed.signature)
    return genesis


@dataclass(frozen=True, slots=True)
class FeedName:
    """The four ids that make a feed; its own id is their hash."""

    net: bytes
    node: bytes
    epoch: bytes
    scope: bytes

    @property
    def feed(self) -> bytes:
        """The feed's id, 16 bytes."""
        return digest("feed", self.net, self.node, self.epoch, self.scope)[:ID_BYTES]


def epoch_id(public: bytes, nonce: bytes) -> bytes:
    """Return the self-certifying id of an epoch: its key and a nonce (SYNC 3.2)."""
    return digest("epoch", public, nonce)[:ID_BYTES]


def admin_scope(net: bytes) -> bytes:
    """Return the scope in which the county rules over itself; writer: the centre."""
    return digest("scope/admin", net)[:ID_BYTES]


def public_scope(net: bytes) -> bytes:
    """Return the scope that every node of the county reads; writer: the centre."""
    return digest("scope/public", net)[:ID_BYTES]


def centre_scope(seed: bytes, net: bytes) -> bytes:
    """Return the scope that only the centre holds: nobody without its private key can name it, nor
    ask for a receipt of its feeds; every copy of the centre finds the same one."""
    return hmac.digest(seed, b"xs1/scope/centre\0" + net, "sha256")[:ID_BYTES]


def fingerprint_words(public: bytes) -> tuple[int, int, int, int]:
    """Return four numbers 0–2047 that a person reads out by telephone to confirm a key."""
    value = int.from_bytes(digest("words", public)[:6], "big")
    return (value >> 33 & 2047, value >> 22 & 2047, value >> 11 & 2047, value & 2047)
