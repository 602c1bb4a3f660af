"""Envelopes, frames, receipts, tickets and bundle files, written from sync/PROTOCOL.md alone
(sections 6, 7.3 and 10)."""

import base64
import binascii
import hmac
from dataclasses import dataclass

import nacl.exceptions
from nacl import bindings as sodium

from tests.sync.independent.decoder import Genesis, check_signature, read_genesis, tagged
from tests.sync.independent.msgpack import RefusedError, Value, pack, unpack

TAG_FINAL = 3
SEGMENT_MAX = 49_152 + 17


@dataclass(frozen=True)
class Opened:
    """Plain segments of an envelope, and whether the final one was there."""

    segments: list[bytes]
    complete: bool


def open_request(seed: bytes, envelope: bytes) -> tuple[Opened, bytes]:
    """Open with the receiver's signing seed; also returns the key of the answer."""
    if len(envelope) < 60:
        raise RefusedError("frame.incomplete")
    if envelope[:4] != b"XSE1":
        raise RefusedError("frame.malformed", "magic")
    signing_public, signing_secret = sodium.crypto_sign_seed_keypair(seed)
    public = sodium.crypto_sign_ed25519_pk_to_curve25519(signing_public)
    secret = sodium.crypto_sign_ed25519_sk_to_curve25519(signing_secret)
    try:
        receive, transmit = sodium.crypto_kx_server_session_keys(public, secret, envelope[4:36])
    except nacl.exceptions.CryptoError as error:
        raise RefusedError("frame.wrong_recipient") from error
    return _open(receive, envelope[36:60], envelope[60:]), transmit


def open_response(key: bytes, envelope: bytes) -> Opened:
    """Open an answer with the key of its request."""
    if len(envelope) < 28 or envelope[:4] != b"XSR1":
        raise RefusedError("frame.malformed", "magic")
    opened = _open(key, envelope[4:28], envelope[28:])
    if not opened.complete:
        raise RefusedError("frame.truncated")
    return opened


def _open(key: bytes, head: bytes, rest: bytes) -> Opened:
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, head, key)
    segments: list[bytes] = []
    at = 0
    while at + 2 <= len(rest):
        length = int.from_bytes(rest[at : at + 2], "little")
        if not 17 <= length <= SEGMENT_MAX:
            raise RefusedError("frame.malformed", "segment length")
        sealed = rest[at + 2 : at + 2 + length]
        if len(sealed) < length:
            break
        at += 2 + length
        try:
            plain, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, None)
        except (nacl.exceptions.CryptoError, RuntimeError) as error:
            code = "frame.malformed" if segments else "frame.wrong_recipient"
            raise RefusedError(code, "segment") from error
        segments.append(plain)
        if tag == TAG_FINAL:
            if at != len(rest):
                raise RefusedError("frame.malformed", "bytes behind the final segment")
            return Opened(segments, complete=True)
    return Opened(segments, complete=False)


def read_blocks(body: bytes, *, whole: bool) -> list[bytes]:
    """The block list of a frame (6.2)."""
    blocks = []
    at = 0
    while at + 4 <= len(body):
        length = int.from_bytes(body[at : at + 4], "little")
        if length > 266_240:
            raise RefusedError("frame.malformed", "block length")
        if at + 4 + length > len(body):
            break
        blocks.append(body[at + 4 : at + 4 + length])
        at += 4 + length
    if whole and at != len(body):
        raise RefusedError("frame.malformed", "cut")
    return blocks


_REQUEST = ("version", "net", "node", "key", "counter", "centre_epoch", "root", "heads", "scopes",
            "limit_bytes", "wants", "ticket", "receipts", "software")  # fmt: skip
_REQUEST_DEFAULTS: list[Value] = [[], b"", [], ""]
_RESPONSE = ("version", "centre_epoch", "root", "heads", "results", "receipts", "scopes", "more",
             "wait_s", "refused", "time_s")  # fmt: skip
_RESPONSE_DEFAULTS: list[Value] = ["", 0]
_RECEIPT = ("feed", "block", "seq", "arrival", "time_s", "log_size", "signature")


def _named(value: Value, names: tuple[str, ...], defaults: list[Value]) -> dict[str, Value]:
    if not isinstance(value, list) or len(value) < len(names) - len(defaults):
        raise RefusedError("frame.malformed", "header")
    missing = len(names) - len(value)
    filled = value[: len(names)] + (defaults[-missing:] if missing > 0 else [])
    return dict(zip(names, filled, strict=True))


def _unpack(data: bytes) -> Value:
    try:
        return unpack(data)
    except RefusedError as error:
        raise RefusedError("frame.malformed", str(error)) from error


def read_request(segment: bytes, net: bytes) -> dict[str, Value]:
    """Segment 0 of a request."""
    header = _named(_unpack(segment[64:]), _REQUEST, _REQUEST_DEFAULTS)
    if header["version"] != 1:
        raise RefusedError("frame.version")
    if header["net"] != net:
        raise RefusedError("frame.malformed", "net")
    key = header["key"]
    assert isinstance(key, bytes)
    check_signature(key, tagged("req", segment[64:]), segment[:64])
    return header


def read_response(segment: bytes) -> dict[str, Value]:
    """Segment 0 of a response."""
    header = _named(_unpack(segment), _RESPONSE, _RESPONSE_DEFAULTS)
    if header["version"] != 1:
        raise RefusedError("frame.version")
    return header


def read_receipt(value: Value, net: bytes, centre_key: bytes) -> dict[str, Value]:
    """A receipt, verified."""
    receipt = _named(value, _RECEIPT, [b""])
    signature = receipt["signature"]
    if not isinstance(signature, bytes):
        raise RefusedError("frame.malformed", "receipt")
    bare = [*list(receipt.values())[:6], b""]
    check_signature(centre_key, tagged("receipt", net, pack(bare)), signature)
    return receipt


def root_of(heads: bytes) -> bytes:
    """The digest that stands for a set of heads."""
    return tagged("heads", heads)[:16]


def read_heads(heads: bytes) -> dict[bytes, set[bytes]]:
    """Heads by feed."""
    pairs = [heads[at : at + 32] for at in range(0, len(heads), 32)]
    if any(len(pair) != 32 for pair in pairs) or pairs != sorted(pairs):
        raise RefusedError("frame.malformed", "heads")
    found: dict[bytes, set[bytes]] = {}
    for pair in pairs:
        found.setdefault(pair[:16], set()).add(pair[16:])
    return found


@dataclass(frozen=True)
class Ticket:
    """An invitation (7.3)."""

    genesis: Genesis
    node: bytes
    scope: bytes
    secret: bytes
    code: str
    name: str
    tier: str
    urls: list[str]


def read_ticket(text: str) -> Ticket:
    """Read and verify an invitation; ticket.invalid whatever is wrong."""
    word = "".join(text.split())
    try:
        if word[:4] != "XS1-":
            raise RefusedError("ticket.invalid", "prefix")
        data = base64.b64decode(word[4:] + "=" * (-len(word) % 4), altchars="-_", validate=True)
        check = hmac.digest(b"xs1/ticket-check", data[:-4], "sha256")[:4]
        if check != data[-4:]:
            raise RefusedError("ticket.invalid", "check")
        match unpack(data[:-4]):
            case [
                genesis,
                bytes(node),
                bytes(scope),
                bytes(secret),
                str(code),
                str(name),
                str(tier),
                list(urls),
            ]:
                pass
            case _:
                raise RefusedError("ticket.invalid", "shape")
        ticket = Ticket(
            read_genesis(genesis), node, scope, secret, code, name, tier, list(map(str, urls))
        )
    except (binascii.Error, ValueError, RefusedError) as error:
        raise RefusedError("ticket.invalid", str(error)) from error
    if [len(node), len(scope), len(secret)] != [16] * 3:
        raise RefusedError("ticket.invalid", "lengths")
    if tier not in ("school", "township", "centre"):
        raise RefusedError("ticket.invalid", "tier")
    return ticket


def ticket_proof(ticket: Ticket, key: bytes) -> bytes:
    """What a node sends until it is enrolled."""
    message = b"xs1/enrol\0" + ticket.node + key
    return hmac.digest(ticket.secret, message, "sha256")[:16]


def read_bundle(data: bytes) -> tuple[bytes, bytes]:
    """(recipient's node id, envelope) of a bundle file (10)."""
    if data[:8] != b"XUESHI1\n" or len(data) < 24:
        raise RefusedError("frame.malformed", "bundle")
    return data[8:24], data[24:]
