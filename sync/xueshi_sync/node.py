"""A node in a folder: the facade over replica, store, keys, sidecar and carriers.

    node = Node.open(home, schema=SCHEMA)
    with node.write(actor="admin") as action:
        action.insert("hour", {...})
    node.sync_once("http://192.0.2.7:8080")

Folder: `data/feed.db` (truth), `data/view.db` (derived), `key/` (private, never backed up),
`stage/`.
The sidecar that witnesses what left this machine is outside the folder (`sidecar`). One process has
the folder open for writing.
"""

import base64
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from xueshi_sync import exchange, maintenance, membership
from xueshi_sync.body import K_BITS, K_MASK
from xueshi_sync.bundle import read_bundle, write_bundle
from xueshi_sync.conflicts import list_conflicts
from xueshi_sync.context import Context
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
    NodeStateError,
    StorageError,
    TruncatedError,
    WrongRecipientError,
)
from xueshi_sync.exchange import Outcome, Request, Response
from xueshi_sync.frame import (
    RequestHeader,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    join_blocks,
    split_blocks,
)
from xueshi_sync.identity import Genesis, fingerprint_words
from xueshi_sync.keys import FolderLock, read_key
from xueshi_sync.limits import BLOCK_STORED_BYTES, HEADER_SEGMENT_BYTES, REQUEST_BYTES
from xueshi_sync.replica import Code, Replica, public_id
from xueshi_sync.reports import (
    CheckReport,
    Conflict,
    PackReport,
    Passport,
    RebuildReport,
    UnpackReport,
)
from xueshi_sync.schema import Schema
from xueshi_sync.sidecar import (
    RESTORE,
    Sidecar,
    decide_epoch,
    is_same_machine,
    read_sidecar,
    write_sidecar,
)
from xueshi_sync.sqlite_db import connect_reader
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.suite import Ed25519Suite, digest
from xueshi_sync.writer import Action, RecordKey

if TYPE_CHECKING:
    from xueshi_sync.http_client import SyncReport
    from xueshi_sync.http_line import Progress
    from xueshi_sync.http_session import SyncSession, Timeouts

LOCK_WAIT_S: Final = 5.0
SUITE: Final = Ed25519Suite()
# An exchange holds one request, its seals and a margin; more is refused before it is read.
ENVELOPE_BYTES: Final = REQUEST_BYTES + BLOCK_STORED_BYTES + HEADER_SEGMENT_BYTES + 64 * 1024


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things are in a node's folder."""

    home: Path

    @property
    def feed(self) -> Path:
        return self.home / "data" / "feed.db"

    @property
    def view(self) -> Path:
        return self.home / "data" / "view.db"

    @property
    def key(self) -> Path:
        return self.home / "key" / "node.key"

    @property
    def root_key(self) -> Path:
        return self.home / "key" / "county-root.key"

    @property
    def stage(self) -> Path:
        return self.home / "stage"

    @property
    def restore_marker(self) -> Path:
        return self.home / "data" / "restored"


@dataclass(frozen=True, slots=True)
class PendingExchange:
    """A sealed request on its way: its name on the line, its bytes, and how to read the answer."""

    name: str
    request: bytes
    frame: Request
    session: Session

    @property
    def blocks(self) -> int:
        return len(self.frame.blocks)

    @property
    def ops(self) -> int:
        return self.frame.ops


@dataclass
class Node:
    """An open node. Make one with `create` or `open`; close it, or use it as a context manager."""

    paths: Paths
    context: Context
    schema: Schema
    feeds: SqliteFeeds
    view: SqliteView
    replica: Replica
    _folder_lock: FolderLock
    _readers: threading.local = field(default_factory=threading.local)

    @staticmethod
    def create(
        home: Path, *, role: str, name: str, code: str, schema: Schema,
        context: Context | None = None,
    ) -> "Node":  # fmt: skip
        """Make a new node in an empty folder and open it; a centre also founds its county."""
        context = context or Context.system()
        membership.found_node(Paths(home), role=role, name=name, code=code, context=context)
        return Node.open(home, schema=schema, context=context)

    @staticmethod
    def open(
        home: Path, *, schema: Schema, context: Context | None = None, wait_s: float = LOCK_WAIT_S
    ) -> "Node":
        """Open a node for writing. Raises NodeInUseError, NodeStateError, StorageError."""
        paths, context = Paths(home), context or Context.system()
        if not paths.feed.exists():
            raise NodeStateError("no node in this folder", path=str(home))
        lock = FolderLock(home)
        lock.acquire(wait_s)
        try:
            return _open_locked(paths, schema, context, lock)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Close the files and give the folder back."""
        self.feeds.close()
        self.view.close()
        self._folder_lock.release()

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Who this node is

    @property
    def home(self) -> Path:
        return self.paths.home

    @property
    def role(self) -> str:
        return self.replica.identity.tier

    @property
    def name(self) -> str:
        return (self.feeds.meta("name") or b"").decode()

    @property
    def code(self) -> str:
        return (self.feeds.meta("code") or b"").decode()

    @property
    def node_id(self) -> str:
        return self.replica.identity.node.hex()

    @property
    def genesis(self) -> Genesis | None:
        return self.replica.identity.genesis

    @property
    def enrolled(self) -> bool:
        """Whether the centre has written this node into its scope, and that word arrived here."""
        return exchange.is_enrolled(self.replica)

    @property
    def key_words(self) -> tuple[int, int, int, int]:
        """Four numbers 0–2047 that two people compare by telephone."""
        return fingerprint_words(self.replica.key)

    @property
    def urls(self) -> list[str]:
        """Addresses of the centre, newest choice first."""
        return msgspec.msgpack.decode(self.feeds.meta("urls") or b"\x90", type=list[str])

    # Writing and reading

    @contextmanager
    def write(self, actor: str) -> Iterator[Action]:
        """One user action: durable, and shown, when the block ends (SYNC 3.1 P1)."""
        with _storage_errors(), self.replica.write(actor) as action:
            yield action

    def query(
        self, sql: str, params: Sequence[object] | Mapping[str, object] = ()
    ) -> list[sqlite3.Row]:
        """Read the view with plain SQL on a read-only connection of this thread."""
        if self.replica.is_behind:
            self._try_level()
        reader = getattr(self._readers, "db", None)
        if reader is None:
            reader = self._readers.db = connect_reader(self.paths.view)
        rows: list[sqlite3.Row] = reader.execute(sql, params).fetchall()
        return rows

    def _try_level(self) -> None:
        """Show what a full or failing disk kept from the view; until then the page shows less."""
        with suppress(StorageError):
            self.replica.level_view()

    def reset_readers(self) -> None:
        """Let every thread open its reading connection anew (the view's file was replaced)."""
        self._readers = threading.local()

    def public_id(self, key: RecordKey) -> str:
        """A record's name outside this database."""
        return public_id(self.feeds.name_of(key.scope_no, key.rec >> K_BITS), key)

    def find_record(self, public: str) -> RecordKey:
        """The reverse of `public_id`; raises NodeStateError for a name that means nothing here."""
        try:
            if public.startswith("~"):
                scope_no, no, k = (int(part) for part in public[1:].split("."))
                return RecordKey(scope_no, no << K_BITS | k & K_MASK)
            block, k_text = public.split(".")
            short = bytes.fromhex(block)
            stored = self.feeds.block(short)
            if stored is not None:
                return RecordKey(stored.scope_no, stored.no << K_BITS | int(k_text) & K_MASK)
        except ValueError:
            pass
        raise NodeStateError("no such record", record=public)

    def conflicts(self) -> list[Conflict]:
        """Every field with concurrent values, with all of them."""
        return list_conflicts(self)

    def passport(self, table: str, key: RecordKey) -> Passport:
        """How far a record got, proved by receipts."""
        return membership.passport(self, table, key)

    def status(self) -> dict[str, object]:
        """Heads, unsent work, peers and notices, as plain values."""
        return membership.status(self)

    # Membership

    def invite(
        self, code: str, name: str, *, role: str = "school", urls: Sequence[str] = ()
    ) -> str:
        """Make an invitation (centre only); for a code that has a scope, into that scope."""
        return membership.invite(self, code, name, role, list(urls))

    def join(self, invitation: str, url: str | None = None) -> None:
        """Take the identity of an invitation; the next exchange or bundle enrols this node."""
        membership.join(self, invitation, url)

    def revoke(self, node_id: str, reason: str) -> int:
        """Let a node's blocks count no further than what is here; returns the scopes concerned."""
        return membership.revoke(self, node_id, reason)

    # The publish barrier

    def publish_barrier(self) -> None:
        """Seal, then note outside the folder how far this node got; only then may bytes leave."""
        with _storage_errors():
            self.replica.seal()
            with self.replica.lock:
                self._write_sidecar()

    def _write_sidecar(self) -> None:
        published = {
            scope.hex(): block.hex() for scope, (_, block) in self.replica.published().items()
        }
        wanted = Sidecar(self.replica.epoch_name, self.context.fingerprint(), published)
        path = sidecar_path(self.paths, self.context, self.replica.identity.node)
        if read_sidecar(path) != wanted:
            write_sidecar(path, wanted)

    # The asking side of a line (http_client.ClientSide)

    def begin_exchange(self, *, limit_bytes: int) -> PendingExchange:
        """Seal and make the next request to the centre."""
        genesis = self.genesis
        if genesis is None:
            raise NodeStateError("this node has not joined a county")
        if self.replica.is_centre:
            raise NodeStateError("the centre is where exchanges end")
        self.publish_barrier()
        frame = exchange.make_request(self.replica, limit_bytes)
        header = encode_request(SUITE, self.replica.seed, frame.header)
        sealed, session = seal_request(
            genesis.centre_key, self.context.random(32), header, join_blocks(frame.blocks)
        )
        name = base64.urlsafe_b64encode(digest("name", sealed)[:16]).decode().rstrip("=")
        return PendingExchange(name, sealed, frame, session)

    def finish_exchange(self, pending: PendingExchange, response: bytes) -> Outcome:
        """Verify and take the answer; raises SyncError when it is none, and changes nothing
        then."""
        opened = open_response(pending.session, response)
        header = decode_response(opened.segments[0])
        blocks = split_blocks(b"".join(opened.segments[1:]), whole=True)
        with _storage_errors():
            return exchange.take_response(self.replica, pending.frame, Response(header, blocks))

    def sync_once(
        self,
        url: str | None = None,
        *,
        deadline_s: float | None = None,
        session: "SyncSession | None" = None,
        timeouts: "Timeouts | None" = None,
        progress: "Progress | None" = None,
    ) -> "SyncReport":
        """Exchange until level with the centre. Raises NetworkError, RefusedError,
        NodeStateError."""
        from xueshi_sync.http_client import sync

        return sync(
            self, [url] if url else self.urls, session=session, deadline_s=deadline_s,
            timeouts=timeouts, progress=progress,
        )  # fmt: skip

    # The answering side (http_server.ServerSide)

    def admit(self, prefix: bytes) -> int:
        """Check the sender of an envelope by its first segment; returns how long it may be."""
        self._read_head(prefix)
        return ENVELOPE_BYTES

    def answer(self, envelope: bytes) -> bytes:
        """Store what a whole request brings and return the sealed answer."""
        session, header, segments, complete = self._read_head(envelope)
        if not complete:
            raise TruncatedError("request is cut")
        blocks = split_blocks(b"".join(segments), whole=True)
        self.publish_barrier()
        with _storage_errors():
            response = exchange.answer_request(
                self.replica, Request(header, blocks, 0), carrier="http"
            )
        with self.replica.lock:
            self._write_sidecar()
        return seal_response(
            session, encode_response(response.header), join_blocks(response.blocks)
        )

    def take_prefix(self, prefix: bytes) -> int:
        """Merge the whole blocks of a cut upload now."""
        _, header, segments, _ = self._read_head(prefix)
        with _storage_errors():
            intake = self.replica.accept(split_blocks(b"".join(segments), whole=False), header.node)
        return intake.new_blocks

    def _read_head(self, envelope: bytes) -> tuple[Session, RequestHeader, list[bytes], bool]:
        session = session_of(self.replica.seed, envelope)
        opened = open_request(session, envelope)
        if not opened.segments:
            raise IncompleteError("first segment")
        header = decode_request(SUITE, opened.segments[0], self.replica.net)
        return session, header, opened.segments[1:], opened.complete

    def wsgi_app(self) -> "object":
        """The exchange endpoint, for the node's web server to mount."""
        from xueshi_sync.http_server import make_sync_app

        return make_sync_app(self, self.paths.stage)

    # Carriers without a line

    def pack(self, path: Path, to: str | None = None) -> PackReport:
        """Write what another node lacks into a file sealed for it; default: the centre."""
        node, key, name = membership.recipient(self, to)
        self.publish_barrier()
        bundle = exchange.make_bundle(self.replica, node, key)
        sealed, _ = seal_request(
            key, self.context.random(32), encode_request(SUITE, self.replica.seed, bundle.header),
            join_blocks(bundle.blocks),
        )  # fmt: skip
        size = write_bundle(path, node, sealed)
        return PackReport(str(path), name, size, len(bundle.blocks), bundle.ops)

    def unpack(self, path: Path) -> UnpackReport:
        """Take a bundle; idempotent. A cut file gives its valid beginning and says so."""
        file = read_bundle(path)
        if file.recipient != self.replica.identity.node:
            raise WrongRecipientError("sealed for another node", recipient=file.recipient.hex())
        _, header, segments, complete = self._read_head(file.envelope)
        blocks = split_blocks(b"".join(segments), whole=complete)
        with _storage_errors():
            intake = exchange.take_bundle(
                self.replica, Request(header, blocks, 0), complete=complete
            )
        with self.replica.lock:
            self._write_sidecar()
        codes = {
            code.name.lower(): intake.codes.count(code)
            for code in Code
            if code > Code.HAD and code in intake.codes
        }
        return UnpackReport(
            header.node.hex(), len(blocks), intake.new_blocks, intake.new_ops, complete, codes
        )

    # Care

    def check(
        self, *, deep: bool = False, progress: Callable[[int], None] | None = None
    ) -> CheckReport:
        """Verify files, chains and, when deep, every block, signature and table."""
        return maintenance.check(self, deep=deep, progress=progress)

    def rebuild(self, progress: Callable[[int], None] | None = None) -> RebuildReport:
        """Build the tables anew from the feeds, put them in place, and say whether they were
        equal."""
        return maintenance.rebuild(self, progress)

    def digests(self) -> dict[tuple[str, str], str]:
        """(scope id, table) to the digest of its rows by public names."""
        return maintenance.digests(self, self.view)

    def backup(self, path: Path) -> int:
        """Write a consistent copy of the truth; keys and sidecar stay out. Returns its size."""
        return maintenance.backup(self, path)

    @staticmethod
    def restore(
        path: Path, home: Path, *, schema: Schema, context: Context | None = None
    ) -> "Node":
        """Put a backup in place of a node's data and open it in a new epoch."""
        context = context or Context.system()
        maintenance.restore(path, Paths(home), context)
        return Node.open(home, schema=schema, context=context)


def sidecar_path(paths: Paths, context: Context, node: bytes) -> Path:
    """The sidecar of a node in a folder: a copy of the folder elsewhere has another, or none."""
    place = digest("home", str(paths.home.absolute()).encode()).hex()[:16]
    return context.state_dir / f"{node.hex()}-{place}.sidecar"


def _open_locked(paths: Paths, schema: Schema, context: Context, lock: FolderLock) -> Node:
    with _storage_errors():
        feeds = SqliteFeeds(paths.feed)
        view = _open_view(paths, membership.known_names(feeds))
        seed = read_key(paths.key)
        replica = Replica(
            feeds, view, SUITE, schema, seed, context, threading.RLock(),
            digest("machine", *(part.encode() for part in context.fingerprint()))[:16],
        )  # fmt: skip
        node = Node(paths, context, schema, feeds, view, replica, lock)
        _settle_epoch(node)
        if view.prepare(schema):
            replica.viewer.project_all()
        replica.viewer.catch_up()
    return node


def _open_view(paths: Paths, names: Mapping[bytes, tuple[str, str, str]]) -> SqliteView:
    """Open the view; one that cannot be read is put aside, since the feeds hold everything."""
    try:
        view = SqliteView(paths.view, names)
        view.db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return view
    except sqlite3.DatabaseError:
        maintenance.drop_view(paths.view)
        return SqliteView(paths.view, names)


def _settle_epoch(node: Node) -> None:
    """Compare the data with the sidecar before anything is written (SYNC 3.5)."""
    path = sidecar_path(node.paths, node.context, node.replica.identity.node)
    sidecar = read_sidecar(path)
    reason = decide_epoch(
        sidecar,
        node.replica.epoch_name,
        published_known=sidecar is None or node.replica.holds(sidecar.blocks()),
        same_machine=sidecar is None
        or is_same_machine(sidecar.machine, node.context.fingerprint()),
    )
    if node.paths.restore_marker.exists():
        reason = RESTORE
    if reason is not None:
        node.replica.begin_epoch(reason)
        node._write_sidecar()
    node.paths.restore_marker.unlink(missing_ok=True)


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageError(str(error)) from error
    except OSError as error:
        raise StorageError(f"{error.strerror}: {error.filename}") from error
