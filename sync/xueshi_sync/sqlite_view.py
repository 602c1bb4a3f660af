"""The view store in SQLite: `view.db`, derived and rebuildable (PROTOCOL 8, API of pages and
Datasette).

One table per declared record type, keyed (scope_no, rec) without rowid; `field_write` keeps every
write after the insert. Synchronous NORMAL: what a power cut takes from here is applied again.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from xueshi_sync.authority import CurrentRow
from xueshi_sync.body import CHECKED_FIELD, JUDGED_FIELD
from xueshi_sync.column import Value
from xueshi_sync.merge import DISPUTED, PENDING, Write, current_writes
from xueshi_sync.schema import Schema, Table
from xueshi_sync.sqlite_db import Transactions, connect_writer
from xueshi_sync.store import LedgerRow, WriteRow

# Raised when the layout below changes: the view is then built anew from the feeds.
LAYOUT: Final = 2

COMMON: Final = f"""
CREATE TABLE watermark (scope_no INTEGER PRIMARY KEY, pos INTEGER NOT NULL);
CREATE TABLE scope_key (scope_no INTEGER PRIMARY KEY, scope BLOB NOT NULL);
CREATE TABLE author_key (
    author INTEGER PRIMARY KEY, node BLOB NOT NULL, key BLOB NOT NULL, code TEXT, name TEXT,
    tier TEXT, UNIQUE (node, key));
CREATE TABLE field_write (
    scope_no INTEGER NOT NULL, tbl TEXT NOT NULL, rec INTEGER NOT NULL, field TEXT NOT NULL,
    dot INTEGER NOT NULL, value, preds BLOB NOT NULL, rank INTEGER NOT NULL,
    author INTEGER NOT NULL, actor TEXT NOT NULL, entered_at INTEGER NOT NULL, note TEXT NOT NULL,
    current INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (scope_no, tbl, rec, field, dot)) WITHOUT ROWID;
CREATE TABLE conflict (
    scope_no INTEGER NOT NULL, tbl TEXT NOT NULL, rec INTEGER NOT NULL, field TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (scope_no, tbl, rec, field)) WITHOUT ROWID;
CREATE TABLE unapplied (
    scope_no INTEGER NOT NULL, block_no INTEGER NOT NULL, code TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (scope_no, block_no, code)) WITHOUT ROWID;
CREATE VIEW judgement AS
    SELECT scope_no, dot, tbl, rec, value AS verdict, note AS reason, author, actor, entered_at,
           current FROM field_write WHERE field = '{JUDGED_FIELD}';
CREATE VIEW checking AS
    SELECT scope_no, dot, tbl, rec, value, note AS reason, author, actor, entered_at,
           current FROM field_write WHERE field = '{CHECKED_FIELD}';
CREATE VIEW scope AS
    SELECT k.scope_no, lower(hex(k.scope)) AS scope_id, s.code, s.name, s.kind
    FROM scope_key k LEFT JOIN _scope s
    ON s.scope_no = k.scope_no AND s.rec = (SELECT min(rec) FROM _scope WHERE scope_no =
    k.scope_no);
CREATE VIEW author AS
    SELECT a.author, lower(hex(a.node)) AS node_id, coalesce(n.code, a.code) AS code,
           coalesce(n.name, a.name) AS name, coalesce(n.tier, a.tier) AS tier
    FROM author_key a LEFT JOIN _node n ON n.node = a.node AND n.key = a.key
    AND (n.scope_no, n.rec) = (SELECT scope_no, rec FROM _node WHERE node = a.node AND key = a.key
                               ORDER BY scope_no, rec LIMIT 1);
CREATE INDEX node_of ON _node (node);
"""
_PER_SCOPE: Final = ("field_write", "conflict", "unapplied", "watermark")
SQL_TYPE: Final = {"text": "TEXT", "int": "INTEGER", "date": "TEXT", "bool": "INTEGER",
                    "bytes": "BLOB", "ref": "INTEGER"}  # fmt: skip
# Writes as the merge needs them; the name only orders equals and is not needed for own rows.
_UNNAMED: Final = b""


class SqliteView:
    """ViewStore over one SQLite file. `names` gives (code, name, tier) of nodes that no table
    names:
    the centre, and this node before it is enrolled."""

    def __init__(self, path: Path, names: Mapping[bytes, tuple[str, str, str]]) -> None:
        self.path = path
        self.db = connect_writer(path, synchronous="NORMAL")
        self._names = dict(names)
        self._tables: Mapping[str, Table] = {}
        self._authors: dict[tuple[bytes, bytes], int] = {}
        self.view_transaction = Transactions(self.db, self._authors.clear)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def know(self, node: bytes, code: str, name: str, tier: str) -> None:
        """Name a node that no table names; for blocks of its that are shown from now on."""
        self._names[node] = (code, name, tier)

    def prepare(self, schema: Schema, mark: bytes) -> bool:
        """Make the tables; True when the view is new, of another schema, or of another identity
        (`mark`) than this one, and must be built."""
        self._tables = schema.by_name
        wanted = view_fingerprint(schema, mark)
        have = self.db.execute("PRAGMA user_version").fetchone()[0]
        if have == wanted:
            return False
        with self.view_transaction():
            self._drop_all()
            for table in schema.by_name.values():
                for statement in table_sql(table):
                    self.db.execute(statement)
            for statement in COMMON.split(";\n"):
                self.db.execute(statement)
            self.db.execute(f"PRAGMA user_version = {wanted}")
        return True

    def _drop_all(self) -> None:
        self._authors.clear()
        kinds = self.db.execute(
            "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'table')"
            " AND name NOT LIKE 'sqlite_%' ORDER BY type DESC"
        ).fetchall()
        for kind, name in kinds:
            self.db.execute(f'DROP {kind} "{name}"')

    def watermark(self, scope_no: int) -> int:
        row = self.db.execute(
            "SELECT pos FROM watermark WHERE scope_no = ?", (scope_no,)
        ).fetchone()
        return 0 if row is None else row[0]

    def put_watermark(self, scope_no: int, pos: int) -> None:
        self.db.execute("INSERT OR REPLACE INTO watermark VALUES (?, ?)", (scope_no, pos))

    def clear_scope(self, scope_no: int) -> None:
        for table in (*_PER_SCOPE, *self._tables):
            self.db.execute(f'DELETE FROM "{table}" WHERE scope_no = ?', (scope_no,))

    def author(self, node: bytes, key: bytes) -> int:
        known = self._authors.get((node, key))
        if known is not None:
            return known
        code, name, tier = self._names.get(node, (None, None, None))
        self.db.execute(
            "INSERT OR IGNORE INTO author_key (node, key, code, name, tier) VALUES (?, ?, ?, ?, ?)",
            (node, key, code, name, tier),
        )
        number: int = self.db.execute(
            "SELECT author FROM author_key WHERE node = ? AND key = ?", (node, key)
        ).fetchone()[0]
        self._authors[node, key] = number
        return number

    def put_scope_name(self, scope_no: int, scope: bytes) -> None:
        self.db.execute("INSERT OR REPLACE INTO scope_key VALUES (?, ?)", (scope_no, scope))

    def insert_rows(self, table: Table, rows: Iterable[tuple[object, ...]]) -> None:
        columns = ("scope_no", "rec", *table.field_names, "author", "actor", "entered_at")
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        self.db.executemany(
            f'INSERT OR IGNORE INTO "{table.name}" ({names}) VALUES ({marks})', rows
        )

    def add_writes(self, scope_no: int, writes: Iterable[WriteRow]) -> None:
        self.db.executemany(
            "INSERT OR IGNORE INTO field_write VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (
                (scope_no, row.table, row.rec, row.field, row.dot, row.value,
                 msgspec.msgpack.encode(row.preds), row.rank, row.author, row.actor,
                 row.entered_at, row.note)
                for row in writes
            ),
        )  # fmt: skip

    def writes_of(self, scope_no: int, table: str, recs: Sequence[int]) -> list[WriteRow]:
        if not recs:
            return []
        rows = self.db.execute(
            "SELECT tbl, rec, field, dot, value, preds, rank, author, actor, entered_at, note"
            " FROM field_write WHERE scope_no = ? AND tbl = ?"
            " AND rec IN (SELECT value FROM json_each(?))",
            (scope_no, table, json.dumps(recs)),
        )
        return [
            WriteRow(tbl, rec, field, dot, value, tuple(msgspec.msgpack.decode(preds)), *rest)
            for tbl, rec, field, dot, value, preds, *rest in rows.fetchall()
        ]

    def written_recs(self, scope_no: int, table: str, low: int, high: int) -> list[int]:
        rows = self.db.execute(
            "SELECT DISTINCT rec FROM field_write WHERE scope_no = ? AND tbl = ?"
            " AND rec BETWEEN ? AND ?", (scope_no, table, low, high),
        )  # fmt: skip
        return [row[0] for row in rows.fetchall()]

    def correctors_of(self, table: Table, scope_no: int, low: int, high: int) -> list[int]:
        rows = self.db.execute(
            f'SELECT rec FROM "{table.name}" WHERE scope_no = ? AND "{table.corrects}"'
            f' BETWEEN ? AND ? AND "{table.corrects}" IS NOT NULL',
            (scope_no, low, high),
        )
        return [row[0] for row in rows.fetchall()]

    def show(
        self,
        table: Table,
        scope_no: int,
        rec: int,
        shown: dict[str, Value],
        conflicts: dict[str, int],
    ) -> None:
        values = {**shown, "conflicts": len(conflicts)}
        names = ", ".join(f'"{name}" = ?' for name in values)
        self.db.execute(
            f'UPDATE "{table.name}" SET {names} WHERE scope_no = ? AND rec = ?',
            (*values.values(), scope_no, rec),
        )
        self._put_conflicts(scope_no, table.name, rec, conflicts)

    def _put_conflicts(
        self, scope_no: int, table: str, rec: int, conflicts: Mapping[str, int]
    ) -> None:
        self.db.execute(
            "DELETE FROM conflict WHERE scope_no = ? AND tbl = ? AND rec = ?",
            (scope_no, table, rec),
        )
        self.db.executemany(
            "INSERT INTO conflict VALUES (?, ?, ?, ?, ?)",
            ((scope_no, table, rec, field, count) for field, count in conflicts.items()),
        )

    def ledger_rows(self, table: Table, scope_no: int, recs: Sequence[int]) -> list[LedgerRow]:
        corrects = f't."{table.corrects}"' if table.corrects else "NULL"
        amount = f't."{table.amount}"' if table.amount else "0"
        columns = f"t.rec, {corrects}, coalesce({amount}, 0)"
        # Joins from the few that are asked for: left to itself SQLite walks the whole scope.
        sql = (
            f'SELECT {columns} FROM json_each(?2) j CROSS JOIN "{table.name}" t'
            " ON t.scope_no = ?1 AND t.rec = j.value"
        )
        if table.corrects is not None:
            sql += (
                f' UNION SELECT {columns} FROM json_each(?2) j CROSS JOIN "{table.name}" t'
                f' INDEXED BY "{table.name}_corrects"'
                f" ON t.scope_no = ?1 AND {corrects} = j.value"
            )
        rows = self.db.execute(sql, (scope_no, json.dumps(recs)))
        return [LedgerRow(*row) for row in rows.fetchall()]

    def put_credit(self, table: Table, scope_no: int, rows: Iterable[tuple[int, str, int]]) -> None:
        rows = list(rows)
        self.db.executemany(
            f'UPDATE "{table.name}" SET state = ?, credited = ?, conflicts = ?'
            " WHERE scope_no = ? AND rec = ?",
            (
                (state, credited, int(state == DISPUTED), scope_no, rec)
                for rec, state, credited in rows
            ),
        )
        for rec, state, _ in rows:
            self._put_conflicts(
                scope_no, table.name, rec, {JUDGED_FIELD: 2} if state == DISPUTED else {}
            )

    def put_current(
        self, scope_no: int, table: str, recs: Sequence[int], dots: Sequence[int]
    ) -> None:
        self.db.execute(
            "UPDATE field_write SET current = dot IN (SELECT value FROM json_each(?))"
            " WHERE scope_no = ? AND tbl = ? AND rec IN (SELECT value FROM json_each(?))",
            (json.dumps(dots), scope_no, table, json.dumps(recs)),
        )

    def put_unapplied(self, scope_no: int, no: int, code: str, count: int) -> None:
        self.db.execute(
            "INSERT OR REPLACE INTO unapplied VALUES (?, ?, ?, ?)", (scope_no, no, code, count)
        )

    def scopes_of(self, node: bytes) -> list[int]:
        rows = self.db.execute("SELECT DISTINCT scope_no FROM _node WHERE node = ?", (node,))
        return [row[0] for row in rows.fetchall()]

    def is_named(self, scope_no: int, node: bytes, key: bytes) -> bool:
        row = self.db.execute(
            "SELECT 1 FROM _node WHERE node = ? AND key = ? AND scope_no = ?", (node, key, scope_no)
        ).fetchone()
        return row is not None

    def own_rows(self, table: Table, scope_no: int) -> list[CurrentRow]:
        names = ", ".join(f'"{name}"' for name in table.field_names)
        found = self.db.execute(
            f'SELECT rec, {names} FROM "{table.name}" WHERE scope_no = ? AND NOT deleted',
            (scope_no,),
        ).fetchall()
        writes: dict[tuple[int, str], list[Write]] = {}
        for row in self.writes_of(scope_no, table.name, [each[0] for each in found]):
            write = Write(row.dot, row.value, row.preds, row.rank, (_UNNAMED, row.dot))
            writes.setdefault((row.rec, row.field), []).append(write)
        return [
            {
                field.name: [
                    bool(value) if field.type == "bool" and value is not None else value
                    for value in _current_values(writes.get((rec, field.name)), shown)
                ]
                for field, shown in zip(table.fields, values, strict=True)
            }
            for rec, *values in found
        ]

    def digest_rows(
        self, table: Table, scope_no: int, low: int, high: int
    ) -> Iterable[tuple[object, ...]]:
        own = ("state", "credited") if table.kind == "ledger" else ("deleted",)
        columns = ("rec", *table.field_names, *own, "conflicts", "actor", "entered_at")
        names = ", ".join(f't."{name}"' for name in columns)
        return self.db.execute(
            f'SELECT {names}, a.node, a.key FROM "{table.name}" t JOIN author_key a'
            " ON a.author = t.author WHERE t.scope_no = ? AND t.rec BETWEEN ? AND ? ORDER BY t.rec",
            (scope_no, low, high),
        ).fetchall()

    def write_digest_rows(self, scope_no: int, low: int, high: int) -> Iterable[tuple[Any, ...]]:
        """Every later write whose dot lies in a block, for digests: rec, field, dot, value,
        preds…"""
        return self.db.execute(
            "SELECT tbl, rec, field, dot, value, preds, rank, actor, entered_at, note"
            " FROM field_write WHERE scope_no = ? AND dot BETWEEN ? AND ? ORDER BY dot, tbl, field",
            (scope_no, low, high),
        ).fetchall()


def _current_values(writes: list[Write] | None, shown: Value) -> list[Value]:
    return [shown] if not writes else [each.value for each in current_writes(writes)]


def view_fingerprint(schema: Schema, mark: bytes) -> int:
    """What a view's file says of the schema and the identity (`mark`) it was made for."""
    text = f"{LAYOUT} {COMMON} {list(schema.by_name.values())!r}"
    return int.from_bytes(hashlib.sha256(mark + text.encode()).digest()[:4], "big") >> 1 | 1


def table_sql(table: Table) -> Iterable[str]:
    """The statements that make a declared table: itself, then its indexes."""
    fields = ", ".join(f'"{each.name}" {SQL_TYPE[each.type]}' for each in table.fields)
    own = (
        f"state TEXT NOT NULL DEFAULT '{PENDING}', credited INTEGER NOT NULL DEFAULT 0"
        if table.kind == "ledger"
        else "deleted INTEGER NOT NULL DEFAULT 0"
    )
    yield (
        f'CREATE TABLE "{table.name}" (scope_no INTEGER NOT NULL, rec INTEGER NOT NULL, {fields},'
        " author INTEGER NOT NULL, actor TEXT NOT NULL, entered_at INTEGER NOT NULL,"
        f" {own}, conflicts INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (scope_no, rec)) WITHOUT ROWID"
    )
    for columns in table.indexes:
        names = ", ".join(f'"{name}"' for name in columns)
        index = "_".join((table.name, *columns))
        yield f'CREATE INDEX "{index}" ON "{table.name}" (scope_no, {names})'
    if table.corrects is not None:
        yield (
            f'CREATE INDEX "{table.name}_corrects" ON "{table.name}" (scope_no, "{table.corrects}")'
            f' WHERE "{table.corrects}" IS NOT NULL'
        )
