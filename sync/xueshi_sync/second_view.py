"""A second view, made beside the one in use from a snapshot of the feeds: nobody waits for it.

It begins as a copy, level with the feeds; then only the tables that a change of schema touches are
projected again. What is stored meanwhile it catches up on, as after a crash.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from xueshi_sync.authority import may
from xueshi_sync.body import DELETE, INSERT, JUDGE, RESOLVE, SET, Body
from xueshi_sync.identity import Genesis
from xueshi_sync.projection import Author, Projector
from xueshi_sync.schema import Schema
from xueshi_sync.schema_change import Named, compare_schemas, groups_of
from xueshi_sync.sqlite_db import Transactions, connect_reader
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.store import StoredBlock
from xueshi_sync.view_change import change_tables, is_made_for, put_denied
from xueshi_sync.viewer import Speaker, Viewer

_KINDS: Final = (INSERT, SET, DELETE, JUDGE, RESOLVE)
# Enough rounds to come close while others go on writing; the rest is caught up with at the swap.
_ROUNDS: Final = 5


class FeedSnapshot(SqliteFeeds):
    """The feeds as they were at one moment, on a reading connection; `give_way` lets whoever
    wants to write go first, once a block."""

    def __init__(self, path: Path, give_way: Callable[[], None]) -> None:
        self.db = connect_reader(path)
        self.db.row_factory = None
        self._feeds = {}
        self.feed_transaction = Transactions(self.db, self._feeds.clear)
        self._give_way = give_way
        self.renew()

    def __enter__(self) -> "FeedSnapshot":
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def renew(self) -> None:
        """Go on to the feeds as they are now."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")
        self.db.execute("BEGIN")
        self.db.execute("SELECT 1 FROM scope").fetchone()

    def block_data(self, scope_no: int, no: int) -> bytes:
        self._give_way()
        return super().block_data(scope_no, no)


class Making(NamedTuple):
    """For whom a second view is made, under which schema, and from what."""

    old: Schema
    new: Schema
    mark: bytes
    genesis: Genesis | None
    me: Speaker
    names: Mapping[bytes, tuple[str, str, str]]


@dataclass
class TableViewer(Viewer):
    """A viewer that can also project single tables of a level view."""

    def project_tables(self, names: Collection[str], touched: Collection[str]) -> None:
        """Fill the empty tables `names`; of the blocks that name one of `touched`, count anew what
        their authors had no right to."""
        for state in self.feeds.scope_states():
            with self._turn():
                projector = self._projector(state.scope_no)
                for stored in self.feeds.all_blocks(state.scope_no):
                    if any(table in touched for table, _ in groups_of(self.feeds, stored)):
                        self._project_block(projector, stored, names)
                ops = [
                    op
                    for op in self.feeds.open_ops(state.scope_no)
                    if any(each.table in names for each in self._op_batches([op]))
                ]
                self._apply_rest_ops(projector, ops)
                projector.refresh()

    def _project_block(
        self, projector: Projector, stored: StoredBlock, names: Collection[str]
    ) -> None:
        for arrival in self._load([stored]):
            feed, body = arrival.feed, arrival.body
            authority = self.authority(projector.scope_no)
            tier = authority.tier(feed.node, feed.key)
            if body is None or tier is None or not self._stands(authority, stored, feed):
                return
            batches = self._batches(projector.scope_no, arrival)
            wanted = [each for each in batches if each.table in names]
            if wanted:
                projector.apply(wanted, Author(self.view.author(feed.node, feed.key), tier))
            assert isinstance(self.view, SqliteView)
            denied = _count_denied(self.schema, body, tier)
            put_denied(self.view, projector.scope_no, stored.no, denied)


def _count_denied(schema: Schema, body: Body, tier: str) -> int:
    return sum(
        group.count
        for group in body.groups
        if group.kind in _KINDS
        and not group.table.startswith("_")
        and (table := schema.by_name.get(group.table)) is not None
        and not may(table, group.kind, tier)
    )


def make_second_view(
    source: Path, path: Path, snapshot: FeedSnapshot, named: Named, making: Making
) -> SqliteView:
    """Make the view of the new schema at `path` from the one in use, nearly level with the feeds.

    Where that one was made for something else, everything is projected.
    """
    copy_view(source, path)
    view = SqliteView(path, making.names)
    try:
        viewer = TableViewer(snapshot, view, making.new, making.genesis, making.me)
        if is_made_for(view, making.old, making.mark):
            _project_changes(viewer, snapshot, named, making)
        else:
            view.prepare(making.new, making.mark)
            snapshot.renew()
            viewer.project_all()
        for _ in range(_ROUNDS):
            snapshot.renew()
            viewer.catch_up()
        view.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException:
        view.close()
        raise
    return view


def copy_view(source: Path, path: Path) -> None:
    """Copy the view in use as it is at one moment, page by page; whoever writes it goes on."""
    with closing(connect_reader(source)) as reader, closing(sqlite3.connect(path)) as target:
        reader.backup(target)


def _project_changes(
    viewer: TableViewer, snapshot: FeedSnapshot, named: Named, making: Making
) -> None:
    """Level the copy under the old schema, then change it and fill what ops name."""
    view = viewer.view
    assert isinstance(view, SqliteView)
    view.prepare(making.old, making.mark)
    # Later than the copy: the feeds are written first.
    snapshot.renew()
    Viewer(snapshot, view, making.old, making.genesis, making.me).catch_up()
    named.read(snapshot)
    change = compare_schemas(making.old, making.new)
    names = named.to_project(change)
    with view.view_transaction():
        change_tables(view, change, making.new, making.mark, fill=names)
    view.prepare(making.new, making.mark)
    viewer.project_tables(names, (*names, *change.gone))
