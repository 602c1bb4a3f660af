"""What going on under another schema asks of a view's tables (PROTOCOL 9.4). Pure.

Tables and fields that no stored op names are made, or go, without looking at a single row.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from xueshi_sync.block import DATA, parse_block, read_body
from xueshi_sync.errors import SyncError
from xueshi_sync.schema import Field, Schema, Table
from xueshi_sync.store import FeedStore, StoredBlock
from xueshi_sync.viewer import decode_open_op


@dataclass(frozen=True, slots=True)
class Change:
    """How the tables of two schemas differ.

    `extended` have more fields and are else alike; `remade` show other rows than before.
    """

    made: tuple[Table, ...]
    gone: tuple[str, ...]
    extended: Mapping[str, tuple[Field, ...]]
    reindexed: tuple[str, ...]
    remade: tuple[Table, ...]
    turned: tuple[str, ...]


def compare_schemas(old: Schema, new: Schema) -> Change:
    """Say what differs, table by table."""
    both = [(old.by_name[name], table) for name, table in new.by_name.items()
            if name in old.by_name and repr(old.by_name[name]) != repr(table)]  # fmt: skip
    kept = [pair for pair in both if _keeps_rows(*pair)]
    return Change(
        made=tuple(table for name, table in new.by_name.items() if name not in old.by_name),
        gone=tuple(name for name in old.by_name if name not in new.by_name),
        extended={
            after.name: added
            for before, after in kept
            if (added := tuple(each for each in after.fields if each not in before.fields))
        },
        reindexed=tuple(after.name for before, after in kept if before.indexes != after.indexes),
        remade=tuple(pair[1] for pair in both if not _keeps_rows(*pair)),
        turned=tuple(after.name for before, after in both if before.kind != after.kind),
    )


def _keeps_rows(before: Table, after: Table) -> bool:
    """Whether the rows of a table stay right as far as its fields go."""
    return (
        set(before.fields) <= set(after.fields)
        and (before.kind, before.amount, before.corrects)
        == (after.kind, after.amount, after.corrects)
        and set(before.writers) == set(after.writers)
        and set(before.judges) == set(after.judges)
    )


@dataclass
class Named:
    """The tables and fields that stored ops name; read once, then only what came since."""

    fields: dict[str, set[str]] = field(default_factory=dict)
    _read_to: dict[int, int] = field(default_factory=dict)

    def read(self, feeds: FeedStore) -> None:
        """Take in what was stored since the last time."""
        for state in feeds.scope_states():
            since = self._read_to.get(state.scope_no, 0)
            if state.next_pos - 1 <= since:
                continue
            for block in feeds.blocks_since(state.scope_no, since):
                self._add(groups_of(feeds, block))
            ops = (op for op in feeds.open_ops(state.scope_no) if op.pos > since)
            self._add((op.table, op.names) for op in map(decode_open_op, ops))
            self._read_to[state.scope_no] = state.next_pos - 1

    def _add(self, groups: Iterable[tuple[str, Iterable[str]]]) -> None:
        for table, names in groups:
            self.fields.setdefault(table, set()).update(names)

    def has_rows(self, table: str) -> bool:
        """Whether an op names the table."""
        return table in self.fields

    def fills(self, table: str, added: Iterable[Field]) -> bool:
        """Whether an op gives one of these fields of the table."""
        return any(each.name in self.fields.get(table, ()) for each in added)

    def needs_rows(self, change: Change) -> bool:
        """Whether rows have to be looked at for a change."""
        tables = [*(each.name for each in (*change.made, *change.remade)), *change.gone,
                  *change.reindexed]  # fmt: skip
        return any(map(self.has_rows, tables)) or any(
            self.fills(name, added) for name, added in change.extended.items()
        )

    def to_project(self, change: Change) -> tuple[str, ...]:
        """The tables whose rows follow from ops that stand in the feeds."""
        whole = [each.name for each in (*change.made, *change.remade) if self.has_rows(each.name)]
        part = [name for name, added in change.extended.items() if self.fills(name, added)]
        return (*whole, *part)


def groups_of(feeds: FeedStore, block: StoredBlock) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Table and fields of each group of a stored block, without decoding its columns.

    A block that cannot be decoded shows nothing, whatever it names.
    """
    if block.kind != DATA:
        return
    try:
        raw = read_body(parse_block(feeds.block_data(block.scope_no, block.no)))
        decoded = msgspec.msgpack.decode(raw)
    except (SyncError, msgspec.DecodeError, ValueError, RecursionError):
        return
    match decoded:
        case [_, list(groups)]:
            for group in groups:
                match group:
                    case [_, _, str(table), list(names), *_]:
                        yield table, tuple(name for name in names if isinstance(name, str))
