"""Headers of requests, responses and receipts, and the list of blocks behind them (PROTOCOL 6.2).

A request's header is signed by its sender, since the envelope hides but does not name him. A
response is authentic because only the centre could agree on the key it is sealed under.
"""

import struct
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from xueshi_sync.errors import BadSignatureError, MalformedFrameError, UnsupportedVersionError
from xueshi_sync.limits import BLOCK_STORED_BYTES
from xueshi_sync.suite import Suite, digest

VERSION: Final = 1
# Why a centre serves a node no further.
UNKNOWN_NODE: Final = "unknown_node"
DENIED: Final = "denied"
REVOKED: Final = "revoked"
T = TypeVar("T")
_U32: Final = struct.Struct("<I")
_BLOCK_MAX: Final = BLOCK_STORED_BYTES + 4096
_SIGNATURE: Final = 64


class Receipt(msgspec.Struct, array_like=True, frozen=True):
    """The centre's word that it durably holds a block and all its ancestors.

    `arrival` counts blocks in the scope at that centre; `log_size` is kept for the receipt log.
    """

    feed: bytes
    block: bytes
    seq: int
    arrival: int
    time_s: int
    log_size: int
    signature: bytes = b""


class RequestHeader(msgspec.Struct, array_like=True, frozen=True):
    """What a sender says of itself. `root` hashes all its heads; `heads` lists them when few.

    `scopes` is the digest of the scopes it holds; `wants` names feeds whose head has no receipt
    yet;
    `ticket` proves an invitation; `receipts` travel in bundles from the centre.
    """

    version: int
    net: bytes
    node: bytes
    key: bytes
    counter: int
    centre_epoch: bytes
    root: bytes
    heads: bytes
    scopes: bytes
    limit_bytes: int
    wants: list[bytes] = []
    ticket: bytes = b""
    receipts: list[Receipt] = []
    software: str = ""


class ResponseHeader(msgspec.Struct, array_like=True, frozen=True):
    """What the centre answers. `results` lists (place in the push, code) for all that is not
    "stored"; `heads` is empty where `root` says it all; `scopes` is given when it differs."""

    version: int
    centre_epoch: bytes
    root: bytes
    heads: bytes
    results: list[tuple[int, int]]
    receipts: list[Receipt]
    scopes: list[bytes]
    more: bool
    wait_s: int
    refused: str = ""
    time_s: int = 0


def encode_request(suite: Suite, seed: bytes, header: RequestHeader) -> bytes:
    """Encode and sign a request header: the content of segment 0."""
    encoded = msgspec.msgpack.encode(header)
    return suite.sign(seed, digest("req", encoded)) + encoded


def decode_request(suite: Suite, segment: bytes, net: bytes) -> RequestHeader:
    """Verify and decode segment 0 of a request; the key it names is not yet trusted for
    anything."""
    signature, encoded = segment[:_SIGNATURE], segment[_SIGNATURE:]
    header = _decode(encoded, RequestHeader)
    if header.version != VERSION:
        raise UnsupportedVersionError(f"request version {header.version}")
    lengths = [len(each) for each in (header.net, header.node, header.key, header.root)]
    if lengths != [16, 16, 32, 16] or len(header.heads) % 32 or len(header.scopes) > 32:
        raise MalformedFrameError("request header of the wrong shape")
    if header.net != net:
        raise MalformedFrameError("request of another county")
    suite.verify(header.key, digest("req", encoded), signature)
    return header


def encode_response(header: ResponseHeader) -> bytes:
    """Encode segment 0 of a response."""
    return msgspec.msgpack.encode(header)


def decode_response(segment: bytes) -> ResponseHeader:
    """Decode segment 0 of a response whose envelope was opened under the request's session."""
    header = _decode(segment, ResponseHeader)
    if header.version != VERSION:
        raise UnsupportedVersionError(f"response version {header.version}")
    if len(header.root) != 16 or len(header.heads) % 32:
        raise MalformedFrameError("response header of the wrong shape")
    return header


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedFrameError(f"header: {error}") from error


def sign_receipt(suite: Suite, seed: bytes, net: bytes, receipt: Receipt) -> Receipt:
    """Sign a receipt as the centre of county `net`."""
    return msgspec.structs.replace(
        receipt, signature=suite.sign(seed, _receipt_digest(net, receipt))
    )


def verify_receipt(suite: Suite, key: bytes, net: bytes, receipt: Receipt) -> None:
    """Raise BadSignatureError unless the centre with `key` signed the receipt."""
    if len(receipt.signature) != _SIGNATURE:
        raise BadSignatureError("receipt is not signed")
    suite.verify(key, _receipt_digest(net, receipt), receipt.signature)


def _receipt_digest(net: bytes, receipt: Receipt) -> bytes:
    bare = msgspec.structs.replace(receipt, signature=b"")
    return digest("receipt", net, msgspec.msgpack.encode(bare))


def join_blocks(blocks: Iterable[bytes]) -> bytes:
    """The part behind the header: each block behind its length."""
    return b"".join(part for block in blocks for part in (_U32.pack(len(block)), block))


def split_blocks(joined: bytes, *, whole: bool) -> list[bytes]:
    """The reverse of `join_blocks`. With `whole` false, a cut last block is left out."""
    blocks, at = [], 0
    while at < len(joined):
        if at + _U32.size > len(joined):
            break
        (length,) = _U32.unpack_from(joined, at)
        if length > _BLOCK_MAX:
            raise MalformedFrameError("block length")
        if at + _U32.size + length > len(joined):
            break
        blocks.append(joined[at + _U32.size : at + _U32.size + length])
        at += _U32.size + length
    if whole and at != len(joined):
        raise MalformedFrameError("last block is cut")
    return blocks
