"""Going on under another schema while the node is open (PROTOCOL 9.4).

What is saved but not sealed yet can only be sealed under the schema it was written with. So a
node remembers its schema beside the feeds, opens with that one, and seals before it adopts another.
Whoever saves meanwhile waits for a switch of files at most, never for a row to be projected.
"""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from xueshi_sync import maintenance, membership
from xueshi_sync.errors import SchemaUnfitError, StorageError
from xueshi_sync.replica import Replica
from xueshi_sync.schema import Schema, Table
from xueshi_sync.schema_change import Named, compare_schemas
from xueshi_sync.second_view import FeedSnapshot, Making, make_second_view
from xueshi_sync.sidecar import sync_folder
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.view_change import change_tables, is_made_for
from xueshi_sync.viewer import Viewer

if TYPE_CHECKING:
    from xueshi_sync.node import Node

_META: Final = "schema"
# Windows keeps a file that somebody reads; a page is read in much less.
_TRIES: Final = 10
_TRY_AGAIN_S: Final = 0.02


def remembered_schema(feeds: SqliteFeeds) -> Schema | None:
    """The schema that was adopted last, if one ever was."""
    stored = feeds.meta(_META)
    if stored is None:
        return None
    try:
        version, tables = msgspec.msgpack.decode(stored, type=tuple[int, tuple[Table, ...]])
    except msgspec.DecodeError as error:
        raise StorageError("the remembered schema is damaged") from error
    return Schema(version, tables)


def adopt_schema(node: "Node", schema: Schema) -> None:
    """Seal, remember the schema, and bring the tables to it; readers see the old ones until then.

    Where no stored op names what changes, tables are altered in place. Else a second view is made
    beside the first and takes its place. Raises SchemaUnfitError where forms that cannot be
    sealed yet (no county) would lose their type, or records stand under a type that would become of
    another kind, and StorageError where there is no room for a second view: then nothing changed.
    """
    with node.adopting:
        if schema.by_name == node.schema.by_name:
            return
        node.replica.seal()
        with FeedSnapshot(node.paths.feed, lambda: _give_way(node)) as snapshot:
            named = Named()
            named.read(snapshot)
            while not (_alter(node, schema, named) or _replace(node, schema, named, snapshot)):
                pass


def _give_way(node: "Node") -> None:
    """Let whoever saves finish first: two threads that compute slow each other down."""
    with node.replica.lock:
        pass


def _alter(node: "Node", schema: Schema, named: Named) -> bool:
    """Adopt a schema that changes nothing any op names; False where it does."""
    replica = node.replica
    change = compare_schemas(node.schema, schema)
    with replica.lock:
        _settle(node, schema, named)
        mark = view_mark(replica)
        if named.needs_rows(change) or not is_made_for(node.view, node.schema, mark):
            return False
        remember(node.feeds, schema)
        replica.schema = schema
        try:
            with node.view.view_transaction():
                change_tables(node.view, change, schema, mark)
            replica.use_view(node.view)
        except StorageError:
            replica.is_behind = True
        # Only now: pages that look at the schema read the old tables until the new ones are there.
        node.schema = schema
    return True


def _replace(node: "Node", schema: Schema, named: Named, snapshot: FeedSnapshot) -> bool:
    """Adopt a schema with a second view; False where the node became somebody else meanwhile."""
    replica, path = node.replica, node.paths.next_view
    making = Making(
        node.schema, schema, view_mark(replica), replica.viewer.genesis, replica.viewer.me,
        membership.known_names(node.feeds),
    )  # fmt: skip
    maintenance.drop_view(path)
    try:
        view = make_second_view(node.paths.view, path, snapshot, named, making)
        with replica.lock:
            try:
                _settle(node, schema, named)
                Viewer(node.feeds, view, schema, making.genesis, making.me).catch_up()
            finally:
                view.close()
            if view_mark(replica) != making.mark:
                return False
            remember(node.feeds, schema)
            replica.schema = schema
            switch_views(node)
            node.schema = schema
        return True
    finally:
        maintenance.drop_view(path)


def _settle(node: "Node", schema: Schema, named: Named) -> None:
    """Seal what came last, and look whether the schema may be adopted; the lock is held."""
    node.replica.seal()
    named.read(node.feeds)
    if node.feeds.count_open_ops() and not _covers(schema, node.schema):
        raise SchemaUnfitError("saved forms need a record type that would go")
    for name in compare_schemas(node.schema, schema).turned:
        if named.has_rows(name):
            raise SchemaUnfitError("records stand under a type of another kind", table=name)


def view_mark(replica: Replica) -> bytes:
    """Whom the node's view is made for."""
    return replica._view_mark()


def remember(feeds: SqliteFeeds, schema: Schema) -> None:
    """Keep the schema beside the feeds; from then on the node opens with it."""
    with feeds.feed_transaction():
        feeds.put_meta(_META, msgspec.msgpack.encode((schema.version, schema.tables)))


def switch_views(node: "Node") -> None:
    """Put the second view in the first one's place; where that fails, the first is built anew."""
    node.view.close()
    with node.switching:
        node.reset_readers()
        for _ in range(_TRIES):
            with suppress(OSError):
                maintenance.drop_view(node.paths.view)
                sync_folder(node.paths.view.parent)
                node.paths.next_view.replace(node.paths.view)
                sync_folder(node.paths.view.parent)
                break
            time.sleep(_TRY_AGAIN_S)
    node.view = SqliteView(node.paths.view, membership.known_names(node.feeds))
    try:
        node.replica.use_view(node.view)
    except StorageError:
        node.replica.is_behind = True


def _covers(schema: Schema, old: Schema) -> bool:
    """Whether every table and field of the old schema is there, of the same type."""
    return all(
        name in schema.by_name
        and table.field_types.items() <= schema.by_name[name].field_types.items()
        for name, table in old.by_name.items()
    )
