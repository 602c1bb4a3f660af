"""A node's exchanges as bytes: sealed requests and answers for lines, sealed bundles for files."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xueshi_sync import exchange, membership
from xueshi_sync.bundle import read_bundle, write_bundle
from xueshi_sync.envelope import (
    Session,
    open_request,
    open_response,
    seal_request,
    seal_response,
    session_of,
)
from xueshi_sync.errors import (
    IncompleteError,
    MalformedFrameError,
    NotJoinedError,
    TruncatedError,
    WrongRecipientError,
    WrongTierError,
)
from xueshi_sync.exchange import Outcome, Request, Response
from xueshi_sync.files.delivery import answer_files
from xueshi_sync.files.frames import FilesRequest, is_for_files
from xueshi_sync.files.frames import decode_request as decode_files_request
from xueshi_sync.frame import (
    RequestHeader,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    join_blocks,
    split_blocks,
)
from xueshi_sync.intake import Code
from xueshi_sync.limits import BLOCK_STORED_BYTES, HEADER_SEGMENT_BYTES, REQUEST_BYTES
from xueshi_sync.reports import PackReport, UnpackReport
from xueshi_sync.sqlite_db import storage_errors
from xueshi_sync.suite import digest

if TYPE_CHECKING:
    from xueshi_sync.node import Node

# An exchange holds one request, its seals and a margin; more is refused before it is read.
ENVELOPE_BYTES: Final = REQUEST_BYTES + BLOCK_STORED_BYTES + HEADER_SEGMENT_BYTES + 64 * 1024


@dataclass(frozen=True, slots=True)
class PendingExchange:
    """A sealed request on its way: its name on the line, its bytes, and how to read the answer."""

    name: str
    request: bytes
    frame: Request
    session: Session

    @property
    def blocks(self) -> int:
        """How many blocks it carries."""
        return len(self.frame.blocks)

    @property
    def ops(self) -> int:
        """How many ops they hold."""
        return self.frame.ops


@dataclass(frozen=True, slots=True)
class Received:
    """An envelope as far as it was read: who sends, and the bytes behind the header."""

    session: Session
    header: RequestHeader | FilesRequest
    joined: bytes
    complete: bool


def begin_exchange(node: "Node", limit_bytes: int) -> PendingExchange:
    """Seal what is open and make the next request to the centre."""
    genesis = node.genesis
    if genesis is None:
        raise NotJoinedError
    if node.replica.is_centre:
        raise WrongTierError("the centre is where exchanges end")
    node.publish_barrier()
    frame = node.reserve.with_room(lambda: exchange.make_request(node.replica, limit_bytes))
    header = encode_request(node.replica.suite, node.replica.seed, frame.header)
    sealed, session = seal_request(
        genesis.centre_key, node.context.random(32), header, join_blocks(frame.blocks)
    )
    name = base64.urlsafe_b64encode(digest("name", sealed)[:16]).decode().rstrip("=")
    return PendingExchange(name, sealed, frame, session)


def finish_exchange(node: "Node", pending: PendingExchange, response: bytes) -> Outcome:
    """Verify and take an answer; anything else raises SyncError before anything changes."""
    opened = open_response(pending.session, response)
    header = decode_response(opened.segments[0])
    blocks = split_blocks(b"".join(opened.segments[1:]), whole=True)
    with storage_errors():
        return exchange.take_response(node.replica, pending.frame, Response(header, blocks))


def admit(node: "Node", prefix: bytes) -> int:
    """Check a sender by the first segment; returns how long the envelope may be."""
    _receive(node, prefix)
    return ENVELOPE_BYTES


def answer(node: "Node", envelope: bytes) -> bytes:
    """Store what a whole request brings and return the sealed answer."""
    received = _receive(node, envelope)
    if not received.complete:
        raise TruncatedError("request is cut")
    if isinstance(received.header, FilesRequest):
        parts = answer_files(node, node.files, received.header, received.joined, node.accepts_file)
        return seal_response(received.session, *parts)
    request = Request(received.header, split_blocks(received.joined, whole=True), 0)
    node.publish_barrier()
    with storage_errors():
        response = exchange.answer_request(node.replica, request, carrier="http")
    with node.replica.lock:
        node.write_sidecar_file()
    header = encode_response(response.header)
    return seal_response(received.session, header, join_blocks(response.blocks))


def take_prefix(node: "Node", prefix: bytes) -> int:
    """Merge the whole blocks of a cut upload; returns how many were new."""
    received = _receive(node, prefix)
    if isinstance(received.header, FilesRequest):
        # Compressed as one: nothing of it can be read before its end.
        return 0
    blocks = split_blocks(received.joined, whole=False)
    with storage_errors():
        return node.replica.accept(blocks, received.header.node).new_blocks


def pack(node: "Node", path: Path, to: str | None) -> PackReport:
    """Write what another node lacks into a file sealed for it."""
    recipient, key, name = membership.recipient(node, to)
    node.publish_barrier()
    bundle = node.reserve.with_room(lambda: exchange.make_bundle(node.replica, recipient, key))
    header = encode_request(node.replica.suite, node.replica.seed, bundle.header)
    sealed, _ = seal_request(key, node.context.random(32), header, join_blocks(bundle.blocks))
    size = write_bundle(path, recipient, sealed)
    return PackReport(str(path), name, size, len(bundle.blocks), bundle.ops)


def unpack(node: "Node", path: Path) -> UnpackReport:
    """Take a bundle file; idempotent. A cut file gives its valid beginning."""
    file = read_bundle(path)
    if file.recipient != node.replica.identity.node:
        raise WrongRecipientError("sealed for another node", recipient=file.recipient.hex())
    received = _receive(node, file.envelope)
    if isinstance(received.header, FilesRequest):
        raise MalformedFrameError("a bundle holds records")
    blocks = split_blocks(received.joined, whole=received.complete)
    with storage_errors():
        intake = exchange.take_bundle(
            node.replica, Request(received.header, blocks, 0), complete=received.complete
        )
    with node.replica.lock:
        node.write_sidecar_file()
    codes = {
        code.name.lower(): intake.codes.count(code)
        for code in Code
        if code > Code.HAD and code in intake.codes
    }
    return UnpackReport(
        received.header.node.hex(), len(blocks), intake.new_blocks, intake.new_ops,
        received.complete, codes,
    )  # fmt: skip


def _receive(node: "Node", envelope: bytes) -> Received:
    """Open an envelope as far as it goes and verify its sender's signature."""
    session = session_of(node.replica.seed, envelope)
    opened = open_request(session, envelope)
    if not opened.segments:
        raise IncompleteError("first segment")
    decode = decode_files_request if is_for_files(opened.segments[0]) else decode_request
    header = decode(node.replica.suite, opened.segments[0], node.replica.net)
    return Received(session, header, b"".join(opened.segments[1:]), opened.complete)
