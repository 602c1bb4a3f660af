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

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from xueshi_sync import adoption, carrying, maintenance, membership, opening, standing
from xueshi_sync.body import K_BITS, K_MASK
from xueshi_sync.carrying import PendingExchange
from xueshi_sync.conflicts import list_conflicts
from xueshi_sync.context import Context
from xueshi_sync.enrolment import is_enrolled
from xueshi_sync.errors import NodeStateError, StorageError
from xueshi_sync.exchange import Outcome
from xueshi_sync.files.delivery import Accepts, DeliveryReport, FileSide, deliver_any
from xueshi_sync.files.store import FileStore
from xueshi_sync.identity import Genesis, fingerprint_words
from xueshi_sync.keys import FolderLock
from xueshi_sync.paths import Paths
from xueshi_sync.replica import Replica, public_id
from xueshi_sync.reports import (
    BackupReport,
    CheckReport,
    Conflict,
    Invited,
    PackReport,
    Passport,
    RebuildReport,
    UnpackReport,
)
from xueshi_sync.reserve import Reserve
from xueshi_sync.schema import Schema
from xueshi_sync.sqlite_db import connect_reader, storage_errors
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.writer import Action, RecordKey, centre_scope_no

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from xueshi_sync.http_client import SyncReport
    from xueshi_sync.http_line import Progress
    from xueshi_sync.http_session import SyncSession, Timeouts

LOCK_WAIT_S: Final = 5.0


@dataclass
class Node:
    """An open node. Make one with `create` or `open`; close it, or use it as a context manager."""

    paths: Paths
    context: Context
    schema: Schema
    feeds: SqliteFeeds
    view: SqliteView
    replica: Replica
    reserve: Reserve
    _folder_lock: FolderLock
    _readers: threading.local = field(default_factory=threading.local)
    # One schema at a time; and nobody opens the view while its file is switched.
    adopting: threading.RLock = field(default_factory=threading.RLock)
    switching: threading.RLock = field(default_factory=threading.RLock)
    # Which files that another node offers are taken: the program above knows what records name.
    accepts_file: Accepts = field(default=lambda _node, _content: False)
    _files: FileStore | None = None

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
        """Open a node for writing, under the schema it adopted last, else under `schema`.

        Raises NodeInUseError, NodeStateError, StorageError.
        """
        paths, context = Paths(home), context or Context.system()
        if not (paths.feed.exists() or paths.restored_feed.exists()):
            raise NodeStateError("no node in this folder", path=str(home))
        lock = FolderLock(home)
        lock.acquire(wait_s)
        try:
            maintenance.finish_restore(paths)
            reserve = Reserve(paths.reserve, context.reserve_bytes)
            feeds, view, replica = reserve.with_room(
                lambda: opening.open_replica(paths, schema, context)
            )
            replica.make_room = reserve.give_up
            return Node(paths, context, replica.schema, feeds, view, replica, reserve, lock)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Close the files and give the folder back."""
        if self._files is not None:
            self._files.close()
            self._files = None
        self.feeds.close()
        self.view.close()
        self.paths.open_marker.unlink(missing_ok=True)
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
        """The name the centre gave this school last; until then, what it was set up with."""
        return self._named("name")

    @property
    def code(self) -> str:
        return self._named("code")

    def _named(self, what: str) -> str:
        select = f"SELECT {what} FROM scope WHERE scope_no = ?"
        try:
            said = self.query(select, [self.home_scope_no])
        except sqlite3.Error:  # the page that says the disk has failed stands under this name
            said = []
        return said[0][0] if said and said[0][0] else (self.feeds.meta(what) or b"").decode()

    @property
    def node_id(self) -> str:
        return self.replica.identity.node.hex()

    @property
    def home_scope_no(self) -> int:
        """Number of this node's own scope in the view's tables."""
        return self.replica.home_scope_no

    @property
    def centre_scope_no(self) -> int | None:
        """Number of the scope that only the centre holds; None at every other node."""
        return centre_scope_no(self.feeds)

    @property
    def genesis(self) -> Genesis | None:
        return self.replica.identity.genesis

    @property
    def enrolled(self) -> bool:
        """Whether the centre has written this node into its scope, and that word arrived here."""
        return is_enrolled(self.replica)

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
        with storage_errors(), self.replica.write(actor) as action:
            yield action

    def query(
        self, sql: str, params: Sequence[object] | Mapping[str, object] = ()
    ) -> list[sqlite3.Row]:
        """Read the view with plain SQL on a read-only connection of this thread."""
        if self.replica.is_behind:
            self._try_level()
        # Kept at hand: a reader of a file that is switched meanwhile goes with these.
        readers = self._readers
        reader = getattr(readers, "db", None)
        if reader is None:
            with self.switching:
                reader = readers.db = connect_reader(self.paths.view)
        rows: list[sqlite3.Row] = reader.execute(sql, params).fetchall()
        return rows

    def _try_level(self) -> None:
        """Show what a full or failing disk kept from the view; until then the page shows less."""
        with suppress(StorageError):
            self.reserve.with_room(self._level_view)

    def _level_view(self) -> None:
        with storage_errors():
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

    def adopt_schema(self, schema: Schema) -> None:
        """Go on under another schema; the tables follow, and nobody waits for that."""
        with storage_errors():
            adoption.adopt_schema(self, schema)

    # Membership

    def invite(
        self, code: str, name: str, *, role: str = "school", urls: Sequence[str] = ()
    ) -> str:
        """Make an invitation (centre only); for a code that has a scope, into that scope."""
        return membership.invite(self, code, name, role, list(urls))

    def open_invitations(self) -> list[Invited]:
        """The invitations that nobody used yet (centre)."""
        return membership.open_invitations(self)

    def withdraw_invitation(self, node_id: str) -> bool:
        """Let an unused invitation be worth nothing; False where there is none."""
        return membership.withdraw_invitation(self, node_id)

    def join(self, invitation: str, url: str | None = None) -> None:
        """Take the identity of an invitation; the next exchange or bundle enrols this node."""
        membership.join(self, invitation, url)

    def revoke(self, node_id: str, reason: str) -> int:
        """Let a node's blocks count no further than what is here; returns the scopes concerned."""
        return membership.revoke(self, node_id, reason)

    def grant(self, node_id: str, scope_no: int, tier: str) -> None:
        """Let a node speak in another school's scope too, and read it (centre)."""
        standing.grant(self, node_id, scope_no, tier)

    def deny(self, node_id: str, scope_no: int) -> None:
        """Let a guest speak and read in a scope no longer (centre)."""
        standing.deny(self, node_id, scope_no)

    def lift(self, node_id: str) -> int:
        """Let everything count again of a node that was cut off; returns the cuts lifted."""
        return standing.lift(self, node_id)

    def rename(self, scope_no: int, code: str, name: str) -> None:
        """Give a school another code or name (centre); its scope stays."""
        standing.rename(self, scope_no, code, name)

    def close_school(self, scope_no: int, reason: str) -> None:
        """End a school (centre): nothing its computers write from now on counts."""
        standing.close(self, scope_no, reason)

    def reopen_school(self, scope_no: int, kind: str) -> None:
        """Expect a closed school again (centre)."""
        standing.reopen(self, scope_no, kind)

    # The publish barrier

    def publish_barrier(self) -> None:
        """Seal, then note outside the folder how far this node got; only then may bytes leave."""
        self.reserve.with_room(self._publish)
        self.reserve.fill(sum(path.stat().st_size for path in (self.paths.feed, self.paths.view)))

    def _publish(self) -> None:
        with storage_errors():
            self.replica.seal()
            with self.replica.lock:
                self.write_sidecar_file()

    def write_sidecar_file(self) -> None:
        """Note this epoch and how far it was published, if the sidecar does not say so yet."""
        opening.write_witness(self.replica, self.paths, self.context)

    # Carriers: lines (http_client.ClientSide, http_server.ServerSide) and files

    def begin_exchange(self, *, limit_bytes: int) -> PendingExchange:
        """Seal and make the next request to the centre."""
        return carrying.begin_exchange(self, limit_bytes)

    def finish_exchange(self, pending: PendingExchange, response: bytes) -> Outcome:
        """Take the answer to a request; raises SyncError when it is none, and changes nothing."""
        return carrying.finish_exchange(self, pending, response)

    def sync_once(
        self,
        url: str | None = None,
        *,
        deadline_s: float | None = None,
        session: "SyncSession | None" = None,
        timeouts: "Timeouts | None" = None,
        progress: "Progress | None" = None,
    ) -> "SyncReport":
        """Exchange until level with the centre; the address that answered is tried first next time.

        Raises NetworkError, RefusedError, NodeStateError.
        """
        from xueshi_sync.http_client import sync

        report = sync(
            self, [url] if url else self.urls, session=session, deadline_s=deadline_s,
            timeouts=timeouts, progress=progress,
        )  # fmt: skip
        membership.remember_url(self, report.url)
        return report

    @property
    def files(self) -> FileStore:
        """The files of this node; opened when first asked for."""
        with self.switching:
            if self._files is None:
                self._files = FileStore(self.paths.files)
            return self._files

    def deliver_once(
        self,
        url: str | None = None,
        *,
        session: "SyncSession | None" = None,
        allowance_bytes: int | None = None,
        deadline_s: float | None = None,
        timeouts: "Timeouts | None" = None,
        progress: "Progress | None" = None,
    ) -> DeliveryReport:
        """Fetch chunks that are wanted here and give those wanted there; see `sync_once`.

        `allowance_bytes` limits what is fetched. Raises NetworkError, RefusedError,
        NodeStateError, StorageError; what arrived stays.
        """
        return deliver_any(
            FileSide(self, self.files, allowance_bytes), [url] if url else self.urls,
            session=session, timeouts=timeouts, deadline_s=deadline_s, progress=progress,
        )  # fmt: skip

    def admit(self, prefix: bytes) -> int:
        """Check the sender of an envelope by its first segment; returns how long it may be."""
        return carrying.admit(self, prefix)

    def answer(self, envelope: bytes) -> bytes:
        """Store what a whole request brings and return the sealed answer."""
        return carrying.answer(self, envelope)

    def take_prefix(self, prefix: bytes) -> int:
        """Merge the whole blocks of a cut upload now; returns how many were new."""
        return carrying.take_prefix(self, prefix)

    @cached_property
    def exchange_app(self) -> "WSGIApplication":
        """The exchange endpoint, for the node's web server to mount."""
        from xueshi_sync.http_server import make_sync_app

        return make_sync_app(self, self.paths.stage)

    def wsgi_app(self) -> "WSGIApplication":
        """The exchange endpoint (one a node: it keeps what arrives in pieces)."""
        return self.exchange_app

    def pack(self, path: Path, to: str | None = None) -> PackReport:
        """Write what another node lacks into a file sealed for it; default: the centre."""
        return carrying.pack(self, path, to)

    def unpack(self, path: Path) -> UnpackReport:
        """Take a bundle; idempotent. A cut file gives its valid beginning and says so."""
        return carrying.unpack(self, path)

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

    def backup(
        self, path: Path, *, files: bool = True, progress: Callable[[int, int], None] | None = None
    ) -> BackupReport:
        """Write a consistent copy of the truth and of the files that no other node is known to
        have; keys and sidecar stay out. Progress in bytes of files."""
        return maintenance.backup(self, path, files=files, progress=progress)

    @staticmethod
    def restore(
        path: Path,
        home: Path,
        *,
        schema: Schema,
        context: Context | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> "Node":
        """Put a backup in place of a node's data and open it in a new epoch."""
        context = context or Context.system()
        maintenance.restore(path, Paths(home), context, progress)
        return Node.open(home, schema=schema, context=context)
