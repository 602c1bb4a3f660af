"""Going on under another schema while the node is open (PROTOCOL 8: unknown tables are kept).

What is saved but not sealed yet can only be sealed under the schema it was written with. So a
node remembers its schema beside the feeds, opens with that one, and seals before it adopts another.
"""

from typing import TYPE_CHECKING

import msgspec

from xueshi_sync.errors import NodeStateError, StorageError
from xueshi_sync.schema import Schema, Table
from xueshi_sync.sqlite_feeds import SqliteFeeds

if TYPE_CHECKING:
    from xueshi_sync.node import Node

_META = "schema"


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
    """Seal, remember the schema, and build the tables anew in one transaction of the view.

    Readers see the old tables until then; who saves meanwhile waits. Raises NodeStateError where
    forms that cannot be sealed yet (no county) would lose their type.
    """
    replica = node.replica
    with replica.lock:
        if schema.by_name == node.schema.by_name:
            return
        replica.seal()
        if node.feeds.count_open_ops() and not _covers(schema, node.schema):
            raise NodeStateError("saved forms need a record type that would go")
        with node.feeds.feed_transaction():
            node.feeds.put_meta(_META, msgspec.msgpack.encode((schema.version, schema.tables)))
        replica.schema = schema
        try:
            with node.view.view_transaction():
                replica.use_view(node.view)
        except StorageError:
            replica.is_behind = True
        # Only now: pages that look at the schema read the old tables until the new ones are there.
        node.schema = schema


def _covers(schema: Schema, old: Schema) -> bool:
    """Whether every table and field of the old schema is there, of the same type."""
    return all(
        name in schema.by_name
        and table.field_types.items() <= schema.by_name[name].field_types.items()
        for name, table in old.by_name.items()
    )
