"""Opening a node: the checks before anything is written (SYNC 3.5, PROTOCOL 9.3)."""

import sqlite3
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from xueshi_sync import maintenance, membership
from xueshi_sync.adoption import remembered_schema
from xueshi_sync.context import Context
from xueshi_sync.errors import StorageError
from xueshi_sync.keys import read_key
from xueshi_sync.paths import Paths
from xueshi_sync.replica import Replica
from xueshi_sync.schema import Schema
from xueshi_sync.sidecar import (
    RESTORE,
    Sidecar,
    decide_epoch,
    is_same_machine,
    read_sidecar,
    write_sidecar,
)
from xueshi_sync.sqlite_db import storage_errors
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.suite import digest


class Opened(NamedTuple):
    """The open parts of a node."""

    feeds: SqliteFeeds
    view: SqliteView
    replica: Replica


def open_replica(paths: Paths, schema: Schema, context: Context) -> Opened:
    """Open the files of a folder whose lock is held, and settle the epoch."""
    with storage_errors():
        feeds = SqliteFeeds(paths.feed)
        unclean = paths.open_marker.exists()
        if unclean:
            _check_after_crash(feeds)
        with suppress(OSError):  # without the marker the next start only checks less
            paths.open_marker.write_bytes(b"")
        view = _open_view(paths, membership.known_names(feeds), unclean=unclean)
        schema = remembered_schema(feeds) or schema
        replica = Replica(
            feeds, view, membership.SUITE, schema, read_key(paths.key), context, threading.RLock(),
            digest("machine", *(part.encode() for part in context.fingerprint()))[:16],
        )  # fmt: skip
        _settle_epoch(replica, paths, context)
        replica.open_view()
        membership.hold_centre_scope(replica)
    return Opened(feeds, view, replica)


def _check_after_crash(feeds: SqliteFeeds) -> None:
    """Look for a damaged page after a stop that was none: damage must not be written on top of."""
    result = feeds.db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise StorageError(f"feed.db is damaged ({result}): restore the newest backup, then sync")


def _open_view(
    paths: Paths, names: Mapping[bytes, tuple[str, str, str]], *, unclean: bool
) -> SqliteView:
    """Open the view; one that cannot be read is dropped, since the feeds hold everything."""
    with suppress(OSError):  # what an adoption left that was cut short only takes room
        maintenance.drop_view(paths.next_view)
    try:
        view = SqliteView(paths.view, names)
        view.db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if unclean and not _is_sound(view):
            raise sqlite3.DatabaseError("damaged")
        return view
    except sqlite3.DatabaseError:
        maintenance.drop_view(paths.view)
        return SqliteView(paths.view, names)


def _is_sound(view: SqliteView) -> bool:
    return bool(view.db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")


def _settle_epoch(replica: Replica, paths: Paths, context: Context) -> None:
    """Compare the data with the sidecar before anything is written."""
    sidecar = read_sidecar(sidecar_path(replica, paths, context))
    reason = decide_epoch(
        sidecar,
        replica.epoch_name,
        published_known=sidecar is None or replica.holds(sidecar.blocks()),
        same_machine=sidecar is None or is_same_machine(sidecar.machine, context.fingerprint()),
    )
    if paths.restore_marker.exists():
        reason = RESTORE
    if reason is not None:
        replica.begin_epoch(reason)
        write_witness(replica, paths, context)
    paths.restore_marker.unlink(missing_ok=True)


def write_witness(replica: Replica, paths: Paths, context: Context) -> None:
    """Note this epoch and how far it was published, where the sidecar does not say so yet."""
    published = {scope.hex(): block.hex() for scope, (_, block) in replica.published().items()}
    wanted = Sidecar(replica.epoch_name, context.fingerprint(), published)
    path = sidecar_path(replica, paths, context)
    if read_sidecar(path) != wanted:
        write_sidecar(path, wanted)


def sidecar_path(replica: Replica, paths: Paths, context: Context) -> Path:
    """The sidecar of this folder: a copy of the folder elsewhere has another, or none."""
    place = digest("home", str(paths.home.absolute()).encode()).hex()[:16]
    return context.state_dir / f"{replica.identity.node.hex()}-{place}.sidecar"
