"""Care of a node's files: check, rebuild, digests, backup, restore (PROTOCOL 9)."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from xueshi_sync import membership
from xueshi_sync.block import EPOCH_OPEN, open_feed, parse_block, verify_block
from xueshi_sync.context import Context
from xueshi_sync.digests import scope_digests
from xueshi_sync.errors import (
    MalformedBlockError,
    MalformedContentError,
    MediumError,
    NodeStateError,
    StorageError,
    SyncError,
    UnsoundBackupError,
)
from xueshi_sync.files.archive import Progress as FileProgress
from xueshi_sync.files.archive import read_files, write_files
from xueshi_sync.files.store import FileStore
from xueshi_sync.identity import ID_BYTES, Epoch, Identity
from xueshi_sync.keys import FolderLock
from xueshi_sync.paths import Paths
from xueshi_sync.reports import BackupReport, CheckReport, RebuildReport
from xueshi_sync.sidecar import sync_folder
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.store import StoredBlock
from xueshi_sync.viewer import decode_open_op

if TYPE_CHECKING:
    from xueshi_sync.node import Node

Progress = Callable[[int], None]


def check(node: "Node", *, deep: bool, progress: Progress | None) -> CheckReport:
    """Look for damage; changes nothing. What cannot even be read is a problem, not an error."""
    problems: list[str] = []
    blocks = open_ops = 0
    with node.replica.lock:
        for name, db in (("feed", node.feeds.db), ("view", node.view.db)):
            problems += _quick_check(name, db)
        try:
            for state in node.feeds.scope_states():
                open_ops += len([decode_open_op(op) for op in node.feeds.open_ops(state.scope_no)])
                if node.view.watermark(state.scope_no) < state.next_pos - 1:
                    problems.append(f"view.behind: scope {state.scope.hex()}")
                for stored in node.feeds.all_blocks(state.scope_no):
                    blocks += 1
                    problems += _check_block(node, stored, deep=deep)
                    if progress is not None:
                        progress(blocks)
            if deep:
                problems += [f"table.differs: {name}" for name in _compare_with_fresh(node)]
        except (StorageError, sqlite3.DatabaseError) as error:
            problems.append(f"file.feed: {error}")
    return CheckReport(blocks, open_ops, deep, problems)


def _quick_check(name: str, db: sqlite3.Connection) -> list[str]:
    try:
        rows = db.execute("PRAGMA quick_check").fetchall()
    except sqlite3.DatabaseError as error:
        return [f"file.{name}: {error}"]
    return [f"file.{name}: {row[0]}" for row in rows if row[0] != "ok"]


def _check_block(node: "Node", stored: StoredBlock, *, deep: bool) -> list[str]:
    name = stored.bid.hex()[:16]
    if stored.seq > 0:
        parent = node.feeds.block(stored.prev[:16])
        if parent is None or (parent.feed, parent.seq + 1) != (stored.feed, stored.seq):
            return [f"block.parent: {name}"]
    if not deep:
        return []
    try:
        block = parse_block(node.feeds.block_data(stored.scope_no, stored.no))
        feed = node.feeds.feed(stored.feed)
        if feed is None or block.bid != stored.bid:
            return [f"block.id: {name}"]
        if stored.kind == EPOCH_OPEN:
            open_feed(node.replica.suite, node.replica.net, block)
        else:
            verify_block(node.replica.suite, feed, block)
    except SyncError as error:
        return [f"{error.code}: {name}"]
    return []


def digests(node: "Node", view: SqliteView) -> dict[tuple[str, str], str]:
    """Digest of every table of every scope that holds anything."""
    result = {}
    with node.replica.lock:
        for state in node.feeds.scope_states():
            named = scope_digests(node.feeds, view, node.schema, state.scope_no)
            result.update({(state.scope.hex(), table): value for table, value in named.items()})
    return result


def rebuild(node: "Node", progress: Progress | None) -> RebuildReport:
    """Build a second view beside the first, compare, and put it in place."""
    fresh_path = node.paths.view.with_name("view-new.db")
    with node.replica.lock:
        fresh = _build(node, fresh_path, progress)
        before, after = digests(node, node.view), digests(node, fresh)
        fresh.close()
        node.view.close()
        drop_view(node.paths.view)
        fresh_path.replace(node.paths.view)
        sync_folder(node.paths.view.parent)
        node.view = SqliteView(node.paths.view, membership.known_names(node.feeds))
        node.replica.use_view(node.view)
        node.reset_readers()
    different = sorted(f"{scope[:8]} {table}" for scope, table in after
                       if before.get((scope, table)) != after[scope, table])  # fmt: skip
    return RebuildReport(not different, len(after), different)


def _build(node: "Node", path: Path, progress: Progress | None) -> SqliteView:
    drop_view(path)
    fresh = SqliteView(path, membership.known_names(node.feeds))
    node.replica.project_into(fresh, progress)
    return fresh


def _compare_with_fresh(node: "Node") -> list[str]:
    path = node.paths.view.with_name("view-check.db")
    fresh = _build(node, path, None)
    try:
        before, after = digests(node, node.view), digests(node, fresh)
        return sorted(f"{scope[:8]} {table}" for scope, table in after
                      if before.get((scope, table)) != after[scope, table])  # fmt: skip
    finally:
        fresh.close()
        drop_view(path)


def drop_view(path: Path) -> None:
    """Remove a derived file with its log; the feeds hold everything in it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def backup(node: "Node", path: Path, *, files: bool, progress: FileProgress | None) -> BackupReport:
    """Copy the truth while the node works; the copy is opened and checked before it gets its
    name.

    Of files, a centre keeps all, for schools may have dropped theirs; another node those of which
    the centre has not said that it has them.
    """
    part, count = path.with_name(path.name + ".part"), 0
    part.unlink(missing_ok=True)
    try:
        node.publish_barrier()
        with node.replica.lock:
            node.feeds.db.execute("VACUUM INTO ?", (str(part),))
        if files:
            # After the records: what they name is here by now.
            kept = node.files.kept(here_only=node.role != membership.CENTRE)
            count = write_files(part, node.files, kept, progress)
        _check_database(part)
        _sync_file(part)
        part.replace(path)
        sync_folder(path.absolute().parent)
    except (OSError, sqlite3.DatabaseError) as error:
        raise MediumError(f"backup to {path.name} failed: {error}", path=str(path)) from error
    finally:
        part.unlink(missing_ok=True)
    return BackupReport(path.stat().st_size, count)


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_database(path: Path) -> None:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        result = db.execute("PRAGMA integrity_check").fetchone()[0]
        if result != "ok":
            raise sqlite3.DatabaseError(result)
    finally:
        db.close()


def restore(
    path: Path, paths: Paths, context: Context, progress: FileProgress | None = None
) -> None:
    """Put a verified backup in place; what was there is kept beside it.

    Files come first: a digest is its file in any state of the records.
    The marker is there before anything is switched, and a verified copy before the old data moves:
    a cut at any moment leaves the old node, or one that `finish_restore` completes.
    """
    try:
        _check_database(path)
    except (sqlite3.DatabaseError, OSError) as error:
        raise _unsound(path, error) from error
    paths.feed.parent.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(paths.home)
    lock.acquire(1.0)
    try:
        copy = paths.feed.with_name("feed-restoring.db")
        _copy_blocks(path, copy, paths, context)
        _put_files_back(path, paths, progress)
        paths.restore_marker.write_bytes(b"")
        copy.replace(paths.restored_feed)
        sync_folder(paths.feed.parent)
        _set_aside(paths.feed, context.now_ms())
        finish_restore(paths)
    finally:
        lock.release()


def _put_files_back(path: Path, paths: Paths, progress: FileProgress | None) -> None:
    store = FileStore(paths.files)
    try:
        read_files(path, store, progress)
    except (sqlite3.DatabaseError, MalformedContentError) as error:
        raise _unsound(path, error) from error
    finally:
        store.close()


def finish_restore(paths: Paths) -> None:
    """Switch to a verified copy that a restore left, if there is one."""
    if paths.restore_marker.exists() and paths.restored_feed.exists():
        drop_view(paths.view)
        if paths.feed.exists():
            _set_aside(paths.feed, int(paths.restore_marker.stat().st_mtime_ns // 1_000_000))
        paths.restored_feed.replace(paths.feed)
        sync_folder(paths.feed.parent)


def _copy_blocks(source: Path, target: Path, paths: Paths, context: Context) -> None:
    """Copy what a backup says and verify every block in the copy before it may be used."""
    drop_view(target)
    feeds = SqliteFeeds(target)
    try:
        feeds.copy_rows(source)
        msgspec.msgpack.decode(feeds.meta("epoch") or b"", type=Epoch)
        identity = msgspec.msgpack.decode(feeds.meta("identity") or b"", type=Identity)
        membership.replace_identity(feeds, paths, context)
        _verify_copy(feeds, identity.genesis.net if identity.genesis else b"")
    except (NodeStateError, StorageError):
        raise
    except (sqlite3.DatabaseError, msgspec.MsgspecError, SyncError) as error:
        raise _unsound(source, error) from error
    finally:
        feeds.close()
    _sync_file(target)


def _unsound(path: Path, error: Exception) -> UnsoundBackupError:
    return UnsoundBackupError(f"{path.name} is no sound backup: {error}", file=path.name)


def _verify_copy(feeds: SqliteFeeds, net: bytes) -> None:
    """Hold every block to the rules of the door, and every row to its block."""
    blocks, parents, heads = set[bytes](), set[bytes](), set[bytes]()
    for state in feeds.scope_states():
        for stored in feeds.all_blocks(state.scope_no):
            _verify_copied(feeds, stored, net)
            blocks.add(stored.bid[:ID_BYTES])
            parents.add(stored.prev[:ID_BYTES])
        for feed in feeds.feeds(state.scope_no):
            heads.update(head for head, _ in feeds.heads_of(feed.feed))
    if heads != blocks - parents:
        raise MalformedBlockError("other heads named than the blocks have")


def _verify_copied(feeds: SqliteFeeds, stored: StoredBlock, net: bytes) -> None:
    feed = feeds.feed(stored.feed)
    block = parse_block(feeds.block_data(stored.scope_no, stored.no))
    header = block.header
    said = (block.bid, header.feed, header.seq, header.prev, header.kind, header.op_count)
    row = (stored.bid, stored.feed, stored.seq, stored.prev, stored.kind, stored.op_count)
    if feed is None or said != row or feeds.name_of(stored.scope_no, stored.no) != block.short:
        raise MalformedBlockError("a block under another name")
    if stored.kind != EPOCH_OPEN:
        verify_block(membership.SUITE, feed, block)
    elif open_feed(membership.SUITE, net, block) != feed:
        raise MalformedBlockError("a feed of another speaker")


def _set_aside(path: Path, now_ms: int) -> None:
    # The log before the file: the new file must never meet the old one's log.
    for suffix in ("-shm", "-wal", ""):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.replace(path.with_name(f"{path.stem}-before-{now_ms}.db{suffix}"))
