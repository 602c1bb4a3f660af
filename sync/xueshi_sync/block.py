"""Blocks: fixed signed header, signature, stored body (PROTOCOL 4).

`parse_block` reads lengths and shape only; `open_feed` and `verify_block` are the one door through
which bytes of a peer become a `Block` that the rest of the code trusts. The id of a block hashes
the header, which holds the hash of the stored body: relays never decode, and a body may be dropped
later while header and signature still verify.
"""

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from xueshi_sync.body import Body, decode_body
from xueshi_sync.compress import compress, decompress
from xueshi_sync.errors import (
    BadSignatureError,
    LimitExceededError,
    MalformedBlockError,
    UnsupportedVersionError,
    WrongNetError,
)
from xueshi_sync.identity import ID_BYTES, FeedName, epoch_id
from xueshi_sync.limits import (
    BLOCK_OPS,
    BLOCK_RAW_BYTES,
    BLOCK_STORED_BYTES,
    HEADER_TLV_BYTES,
    INFLATION_RATIO,
    RATIO_FREE_BYTES,
)
from xueshi_sync.suite import SUITE_ED25519, Suite, digest, sha256

MAGIC: Final = b"XSB1"
HEADER: Final = struct.Struct("<4sBBBBHHHBB16s32sIQII32s")
SIGNATURE_BYTES: Final = 64

DATA: Final = 0
EPOCH_OPEN: Final = 1
# Reserved: 2 epoch-close, 3 admin, 4 receipt-log, 5 snapshot; stored and relayed, never applied.
KIND_MAX: Final = 5
CODEC_RAW: Final = 0
CODEC_ZSTD: Final = 1
NO_BLOCK: Final = bytes(32)

# Header extensions (type, flags bit0 = critical, u16 length): 1 newest admin block seen,
# 2 anchor checkpoint, 3 dictionary. None is written by this version; all are kept.
_TLV: Final = struct.Struct("<BBH")
_TLV_KNOWN: Final = frozenset({1, 2, 3})


@dataclass(frozen=True, slots=True)
class Header:
    """The signed header, field by field."""

    kind: int
    flags: int
    codec: int
    op_count: int
    schema: int
    clock_quality: int
    feed: bytes
    prev: bytes
    seq: int
    wall_ms: int
    body_len: int
    raw_len: int
    body_hash: bytes
    header_len: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block whose bytes were parsed; verified when it came through this module's door."""

    bid: bytes
    header: Header
    data: bytes

    @property
    def short(self) -> bytes:
        """The first 16 bytes of the id: the block's name in dots and preds."""
        return self.bid[:ID_BYTES]

    @property
    def signature(self) -> bytes:
        """The 64 signature bytes."""
        start = self.header.header_len
        return self.data[start : start + SIGNATURE_BYTES]

    @property
    def stored_body(self) -> bytes:
        """The body as stored, maybe compressed."""
        return self.data[self.header.header_len + SIGNATURE_BYTES :]


class EpochOpen(msgspec.Struct, array_like=True, frozen=True):
    """Body of a feed's first block: who speaks, with which key, and why a new epoch began."""

    net: bytes
    node: bytes
    nonce: bytes
    scope: bytes
    key: bytes
    reason: str
    parents: list[bytes]
    machine: bytes
    software: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as its open block declares it."""

    feed: bytes
    node: bytes
    epoch: bytes
    scope: bytes
    key: bytes
    reason: str = ""
    machine: bytes = b""


class Place(NamedTuple):
    """Where a block stands: its feed, its parent there, and its height."""

    feed: bytes
    prev: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class PackedBody:
    """A body as it will be stored: compressed where that helps and stays within the ratio."""

    stored: bytes
    codec: int
    raw_len: int


def pack_body(raw: bytes) -> PackedBody:
    """Compress a body; the long part of sealing, which needs neither key nor lock."""
    stored = compress(raw)
    too_good = len(raw) > max(RATIO_FREE_BYTES, INFLATION_RATIO * len(stored))
    if len(stored) >= len(raw) or too_good:
        return PackedBody(raw, CODEC_RAW, len(raw))
    return PackedBody(stored, CODEC_ZSTD, len(raw))


def seal_block(
    suite: Suite,
    seed: bytes,
    *,
    kind: int,
    place: Place,
    wall_ms: int,
    raw: bytes | PackedBody,
    op_count: int = 0,
    schema: int = 0,
) -> Block:
    """Hash and sign one block over a raw or packed body, within the limits of PROTOCOL 3."""
    body = raw if isinstance(raw, PackedBody) else pack_body(raw)
    header = HEADER.pack(
        MAGIC, SUITE_ED25519, kind, 0, body.codec, HEADER.size, op_count, schema, 0, 0,
        place.feed, place.prev, place.seq, wall_ms, len(body.stored), body.raw_len,
        sha256(body.stored),
    )  # fmt: skip
    bid = digest("block", header)
    data = header + suite.sign(seed, b"xs1/sig\0" + bid) + body.stored
    return parse_block(data)


def parse_block(data: bytes) -> Block:
    """Read the header and check lengths and shape; nothing is verified or decompressed yet.

    Raises MalformedBlockError, LimitExceededError, UnsupportedVersionError.
    """
    if len(data) < HEADER.size + SIGNATURE_BYTES:
        raise MalformedBlockError("shorter than a header")
    (magic, suite, kind, flags, codec, header_len, op_count, schema, clock_quality, zero,
     feed, prev, seq, wall_ms, body_len, raw_len, body_hash) = HEADER.unpack_from(data)  # fmt: skip
    if magic != MAGIC or zero:
        raise MalformedBlockError("no block magic")
    if suite != SUITE_ED25519 or kind > KIND_MAX or codec > CODEC_ZSTD or flags > 1:
        raise UnsupportedVersionError(f"suite {suite} kind {kind} codec {codec} flags {flags}")
    _check_lengths(len(data), header_len, body_len, raw_len, op_count)
    if (seq == 0) != (prev == NO_BLOCK) or (seq == 0) != (kind == EPOCH_OPEN):
        raise MalformedBlockError("a feed starts with its open block, and only there")
    if (op_count and kind != DATA) or (codec == CODEC_RAW and raw_len != body_len):
        raise MalformedBlockError("ops outside a data block, or a raw body of another length")
    _check_extensions(data[HEADER.size : header_len])
    header = Header(
        kind, flags, codec, op_count, schema, clock_quality, feed, prev, seq, wall_ms,
        body_len, raw_len, body_hash, header_len,
    )  # fmt: skip
    return Block(digest("block", data[:header_len]), header, data)


def _check_lengths(size: int, header_len: int, body_len: int, raw_len: int, op_count: int) -> None:
    if not HEADER.size <= header_len <= HEADER.size + HEADER_TLV_BYTES:
        raise MalformedBlockError("header length")
    if size != header_len + SIGNATURE_BYTES + body_len:
        raise MalformedBlockError("block length differs from its header")
    for limit, actual in (
        (BLOCK_STORED_BYTES, body_len),
        (BLOCK_RAW_BYTES, raw_len),
        (BLOCK_OPS, op_count),
    ):
        if actual > limit:
            raise LimitExceededError("block over a limit", limit=limit, actual=actual)


def _check_extensions(extensions: bytes) -> None:
    place = 0
    while place < len(extensions):
        if place + _TLV.size > len(extensions):
            raise MalformedBlockError("header extension is cut")
        number, flags, length = _TLV.unpack_from(extensions, place)
        if number not in _TLV_KNOWN and flags & 1:
            raise UnsupportedVersionError(f"critical header extension {number}")
        place += _TLV.size + length
    if place != len(extensions):
        raise MalformedBlockError("header extension is cut")


def open_feed(suite: Suite, net: bytes, block: Block) -> Feed:
    """Verify an epoch-open block by the key it declares; raises on any mismatch.

    Whether that key may speak for that node is a question of authority, asked later (PROTOCOL 7).
    """
    if block.header.kind != EPOCH_OPEN:
        raise MalformedBlockError("not an epoch-open block")
    raw = read_body(block)
    try:
        opened = msgspec.msgpack.decode(raw, type=EpochOpen)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedBlockError(f"epoch-open: {error}") from error
    lengths = [len(each) for each in (opened.net, opened.node, opened.nonce, opened.scope)]
    if msgspec.msgpack.encode(opened) != raw or lengths != [ID_BYTES] * 4 or len(opened.key) != 32:
        raise MalformedBlockError("epoch-open is not canonical")
    if opened.net != net:
        raise WrongNetError("block of another county")
    epoch = epoch_id(opened.key, opened.nonce)
    name = FeedName(opened.net, opened.node, epoch, opened.scope)
    if name.feed != block.header.feed:
        raise MalformedBlockError("feed id is not the hash of its parts")
    feed = Feed(
        name.feed, opened.node, epoch, opened.scope, opened.key, opened.reason, opened.machine
    )
    verify_block(suite, feed, block)
    return feed


def verify_block(suite: Suite, feed: Feed, block: Block) -> None:
    """Check feed, signature and body hash; raises BadSignatureError or MalformedBlockError."""
    if block.header.feed != feed.feed:
        raise MalformedBlockError("block of another feed")
    suite.verify(feed.key, b"xs1/sig\0" + block.bid, block.signature)
    if sha256(block.stored_body) != block.header.body_hash:
        raise BadSignatureError("body differs from the hash in its header")


def read_body(block: Block) -> bytes:
    """Return the raw body of a block, inflated within bounds."""
    if block.header.codec == CODEC_RAW:
        return block.stored_body
    return decompress(block.stored_body, block.header.raw_len)


def decode_data(block: Block) -> Body:
    """Decode the ops of a data block; raises MalformedBlockError or LimitExceededError."""
    return decode_body(read_body(block), block.header.op_count)
