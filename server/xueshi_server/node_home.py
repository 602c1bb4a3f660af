"""Opening a node under the record types of the pack that counts."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from xueshi_server.node_clock import today_of
from xueshi_server.record_types import SCHEMA
from xueshi_server.sealing import ensure_seal_key
from xueshi_server.store.objections import carry_over
from xueshi_server.store.packs import level_schema
from xueshi_sync.context import Context
from xueshi_sync.errors import InvalidWriteError, SchemaUnfitError, StorageError
from xueshi_sync.node import LOCK_WAIT_S, Node


def open_node(home: Path, *, context: Context | None = None, wait_s: float = LOCK_WAIT_S) -> Node:
    """The node of a folder, its tables those of its active pack. Raises as `Node.open`."""
    node = Node.open(home, schema=SCHEMA, context=context, wait_s=wait_s)
    level_types(node)
    # A centre without a key that personal numbers are sealed to gets one; a full disk may wait.
    with suppress(StorageError, InvalidWriteError, sqlite3.DatabaseError, OSError):
        ensure_seal_key(node)
    # Objections that stood in a file of their own; a full disk may wait here too.
    with suppress(StorageError, InvalidWriteError, sqlite3.DatabaseError, OSError):
        carry_over(node)
    return node


def level_types(node: Node) -> None:
    """Let an open node go on under the types of the pack that counts today.

    A damaged or full disk is found and told by what comes next, a check for example. Types that
    would lose what stands under them are not adopted: the node goes on under those it has.
    """
    with suppress(StorageError, SchemaUnfitError, sqlite3.DatabaseError):
        level_schema(node, today_of(node))
