"""Chunks over a line: what a node wants comes down, what only it has goes up (PROTOCOL 16.3).

One request asks for up to a megabyte of chunks and gives those that the other asked for last time.
The carriers below resume any cut at its byte, as for records. An answer is worth nothing before
every chunk in it was compared with the id it was asked by.
"""

import base64
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from xueshi_sync.envelope import Session, open_response, seal_request
from xueshi_sync.errors import (
    DiskFullError,
    NetworkError,
    NodeStateError,
    NotJoinedError,
    RefusedError,
    WrongTierError,
)
from xueshi_sync.files.content import Content, chunk_id
from xueshi_sync.files.frames import (
    VERSION_FILES,
    FilesRequest,
    FilesResponse,
    decode_response,
    encode_request,
    encode_response,
    join_chunks,
    split_chunks,
    split_ids,
)
from xueshi_sync.files.store import FileStore
from xueshi_sync.frame import DENIED, REVOKED
from xueshi_sync.limits import CHUNKS_BYTES, FILES_OFFERED
from xueshi_sync.offering import is_revoked, scopes_for
from xueshi_sync.suite import digest

if TYPE_CHECKING:
    from xueshi_sync.http_line import Progress
    from xueshi_sync.http_session import SyncSession, Timeouts
    from xueshi_sync.node import Node

# Whether a file that a node offers is wanted: (node, content) -> whether a record names it.
Accepts = Callable[[bytes, Content], bool]
# The disk of the other is full: it may be tried again later.
FULL: Final = "full"
_FULL_WAIT_S: Final = 3600


@dataclass(frozen=True, slots=True)
class PendingFiles:
    """A sealed request on its way."""

    name: str
    request: bytes
    session: Session
    wants: list[bytes]
    offers: list[Content]


@dataclass(frozen=True, slots=True)
class FilesOutcome:
    """What one exchange of chunks did here."""

    chunks_sent: int
    chunks_received: int
    bytes_received: int
    whole: list[bytes]
    more: bool
    wait_s: int
    # A line counts records; there are none here.
    blocks_sent: int = 0
    blocks_received: int = 0
    ops_sent: int = 0
    ops_received: int = 0


@dataclass
class FileSide:
    """The asking side of one peer; it lives as long as the talk with that peer.

    `allowance_bytes` is what may still be fetched (None: no limit).
    """

    node: "Node"
    store: FileStore
    allowance_bytes: int | None = None
    asked: list[bytes] = field(default_factory=list)
    lacking: set[bytes] = field(default_factory=set)
    unwanted: set[bytes] = field(default_factory=set)

    def begin_exchange(self, *, limit_bytes: int) -> PendingFiles:
        """Make the next request to the centre."""
        genesis = self.node.genesis
        if genesis is None:
            raise NotJoinedError
        if self.node.replica.is_centre:
            raise WrongTierError("the centre is where exchanges end")
        replica = self.node.replica
        limit = min(limit_bytes, CHUNKS_BYTES)
        if self.allowance_bytes is not None:
            limit = min(limit, self.allowance_bytes)
        wants = self.store.wants(limit, without=self.lacking) if limit > 0 else []
        offers = self._offers()
        chunks, _ = gather(self.store, self.asked, CHUNKS_BYTES)
        body, raw_len = join_chunks(chunks)
        header = encode_request(replica.suite, replica.seed, FilesRequest(
            VERSION_FILES, replica.net, replica.identity.node, replica.key, CHUNKS_BYTES,
            b"".join(wants), offers, raw_len,
        ))  # fmt: skip
        sealed, session = seal_request(
            genesis.centre_key, self.node.context.random(32), header, body
        )
        name = base64.urlsafe_b64encode(digest("name", sealed)[:16]).decode().rstrip("=")
        return PendingFiles(name, sealed, session, wants, offers)

    def _offers(self) -> list[Content]:
        offers = self.store.to_offer(FILES_OFFERED + len(self.unwanted))
        return [each for each in offers if each.sha256 not in self.unwanted][:FILES_OFFERED]

    def finish_exchange(self, pending: PendingFiles, response: bytes) -> FilesOutcome:
        """Verify and take an answer; anything else raises SyncError before anything changes."""
        opened = open_response(pending.session, response)
        header = decode_response(opened.segments[0])
        if header.refused and header.refused != FULL:
            raise RefusedError(header.refused, reason=header.refused)
        chunks = split_chunks(b"".join(opened.segments[1:]), header.raw_len)
        wanted = set(pending.wants)
        taken = self.store.take(chunk for chunk in chunks if chunk_id(chunk) in wanted)
        if self.allowance_bytes is not None:
            self.allowance_bytes -= taken.size_bytes
        self.lacking.update(_at(pending.wants, header.lacking))
        self._note_offers(pending, header)
        sent, self.asked = len(self.asked), split_ids(header.wants)
        return FilesOutcome(
            sent, taken.chunks, taken.size_bytes, taken.whole,
            more=not header.wait_s and self._goes_on(header), wait_s=header.wait_s,
        )  # fmt: skip

    def _note_offers(self, pending: PendingFiles, header: FilesResponse) -> None:
        held = _at([each.sha256 for each in pending.offers], header.held)
        for sha256 in held:
            self.store.confirm(sha256)
        if not header.wants:
            # Neither held nor asked for: no record that is known there names them yet.
            self.unwanted.update({each.sha256 for each in pending.offers} - set(held))

    def _goes_on(self, header: FilesResponse) -> bool:
        """Whether another exchange would bring or take something."""
        if self.asked or header.held:
            return True
        limit = CHUNKS_BYTES if self.allowance_bytes is None else self.allowance_bytes
        return limit > 0 and bool(self.store.wants(1, without=self.lacking))


def answer_files(
    node: "Node", store: FileStore, header: FilesRequest, body: bytes, accepts: Accepts
) -> tuple[bytes, bytes]:
    """(header, body) of the answer to a request for chunks, after what it brings was kept."""
    refused = _refusal(node, header)
    if refused:
        return encode_response(FilesResponse(VERSION_FILES, [], [], b"", 0, refused)), b""
    given = split_chunks(body, header.raw_len)
    wait_s = 0
    held: list[int] = []
    wants: list[bytes] = []
    try:
        store.take(given)
        held, wants = _weigh(store, header, accepts)
    except DiskFullError:
        refused, wait_s = FULL, _FULL_WAIT_S
    ids = split_ids(header.wants)
    chunks, lacking = gather(store, ids, min(header.limit_bytes, CHUNKS_BYTES))
    packed, raw_len = join_chunks(chunks)
    answer = FilesResponse(VERSION_FILES, lacking, held, b"".join(wants), raw_len, refused, wait_s)
    return encode_response(answer), packed


def _refusal(node: "Node", header: FilesRequest) -> str:
    with node.replica.lock:
        scope_nos = scopes_for(node.replica, header.node, header.key)
        if not scope_nos:
            return DENIED
        return REVOKED if is_revoked(node.replica, scope_nos, header.node) else ""


def _weigh(
    store: FileStore, header: FilesRequest, accepts: Accepts
) -> tuple[list[int], list[bytes]]:
    """Which offers are whole here, and which chunks of the others are wanted next."""
    held = []
    wanted = []
    for place, content in enumerate(header.offers):
        state = store.state(content.sha256)
        if state is not None and state.is_whole:
            held.append(place)
        elif accepts(header.node, content):
            store.want(content)
            wanted.append(content.sha256)
    # What another file already held makes an offer whole at once.
    now_whole = [
        place
        for place, content in enumerate(header.offers)
        if place not in held and (state := store.state(content.sha256)) and state.is_whole
    ]
    wants = store.wants(CHUNKS_BYTES, of=wanted) if wanted else []
    return sorted(held + now_whole), wants


def gather(store: FileStore, ids: list[bytes], limit_bytes: int) -> tuple[list[bytes], list[int]]:
    """Chunks in the order asked for until the limit, and the places of those not here."""
    chunks: list[bytes] = []
    lacking: list[int] = []
    size = 0
    for place, name in enumerate(ids):
        chunk = store.give(name)
        if chunk is None:
            lacking.append(place)
            continue
        size += len(chunk)
        if chunks and size > limit_bytes:
            break
        chunks.append(chunk)
    return chunks, lacking


def _at(names: list[bytes], places: list[int]) -> list[bytes]:
    return [names[place] for place in places if 0 <= place < len(names)]


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a talk with a peer about files brought; `bytes_up` and `bytes_down` as counted on the
    socket, `bytes_received` those of new chunks."""

    exchanges: int
    requests: int
    bytes_up: int
    bytes_down: int
    chunks_sent: int
    chunks_received: int
    bytes_received: int
    whole: int
    seconds: float
    is_level: bool


def deliver_any(
    side: FileSide,
    urls: Sequence[str],
    *,
    session: "SyncSession | None" = None,
    timeouts: "Timeouts | None" = None,
    deadline_s: float | None = None,
    progress: "Progress | None" = None,
) -> DeliveryReport:
    """Exchange chunks with the first address that answers, until there is nothing more to have.

    Raises the error of the last address when none answered or the line broke; what arrived stays,
    and the next call goes on with it.
    """
    from xueshi_sync.http_session import SyncSession

    with nullcontext(session) if session else SyncSession() as line:
        error: Exception = NodeStateError("no address to try")
        for url in urls:
            try:
                return _deliver(side, url, line, timeouts, deadline_s, progress)
            except NetworkError as failed:
                error = failed
            finally:
                line.hang_up()
        raise error


def _deliver(
    side: FileSide,
    url: str,
    session: "SyncSession",
    timeouts: "Timeouts | None",
    deadline_s: float | None,
    progress: "Progress | None",
) -> DeliveryReport:
    from xueshi_sync.http_client import exchange_once

    ends_at = session.meter.clock() + deadline_s if deadline_s is not None else None
    reports = []
    while True:
        one = exchange_once(
            side, url, limit_bytes=session.limit_bytes, timeouts=timeouts, session=session,
            progress=progress,
        )  # fmt: skip
        reports.append(one)
        over = ends_at is not None and session.meter.clock() >= ends_at
        if over or not (one.outcome.more or one.left_over):
            break
    return DeliveryReport(
        len(reports),
        sum(each.requests for each in reports),
        sum(each.bytes_up for each in reports),
        sum(each.bytes_down for each in reports),
        sum(each.outcome.chunks_sent for each in reports),
        sum(each.outcome.chunks_received for each in reports),
        sum(each.outcome.bytes_received for each in reports),
        sum(len(each.outcome.whole) for each in reports),
        sum(each.seconds for each in reports),
        not reports[-1].outcome.more,
    )
