"""Another schema in a view's file: tables, columns and indexes made or dropped (PROTOCOL 9.4)."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from xueshi_sync.schema import Schema
from xueshi_sync.schema_change import Change
from xueshi_sync.sqlite_view import SQL_TYPE, SqliteView, table_sql, view_fingerprint

if TYPE_CHECKING:
    import sqlite3


def change_tables(
    view: SqliteView, change: Change, schema: Schema, mark: bytes, *, fill: Collection[str] = ()
) -> None:
    """Bring a level view of the old schema to the new one; inside a transaction of it.

    The tables in `fill` begin empty, without their writes: the caller projects them.
    """
    anew = {*fill, *(table.name for table in (*change.made, *change.remade))}
    for name in (*change.gone, *sorted(anew)):
        view.db.execute(f'DROP TABLE IF EXISTS "{name}"')
        for kept in ("field_write", "conflict"):
            _forget_table(view.db, kept, name)
    for name in sorted(anew):
        for statement in table_sql(schema.by_name[name]):
            view.db.execute(statement)
    for name, added in change.extended.items():
        for each in added if name not in anew else ():
            view.db.execute(f'ALTER TABLE "{name}" ADD COLUMN "{each.name}" {SQL_TYPE[each.type]}')
    for name in change.reindexed:
        if name not in anew:
            _make_indexes(view.db, name, tuple(table_sql(schema.by_name[name]))[1:])
    view.db.execute(f"PRAGMA user_version = {view_fingerprint(schema, mark)}")


def is_made_for(view: SqliteView, schema: Schema, mark: bytes) -> bool:
    """Whether a view's file was made for this schema and identity."""
    have = view.db.execute("PRAGMA user_version").fetchone()[0]
    return bool(have == view_fingerprint(schema, mark))


def put_denied(view: SqliteView, scope_no: int, block_no: int, count: int) -> None:
    """Say how many ops of a block its author had no right to, none included."""
    view.db.execute(
        "DELETE FROM unapplied WHERE scope_no = ? AND block_no = ? AND code = 'no_right'",
        (scope_no, block_no),
    )
    if count:
        view.put_unapplied(scope_no, block_no, "no_right", count)


def _forget_table(db: "sqlite3.Connection", kept: str, name: str) -> None:
    """Scope by scope: the key begins with it, so that nothing else is walked."""
    for (scope_no,) in db.execute("SELECT scope_no FROM watermark").fetchall():
        db.execute(f"DELETE FROM {kept} WHERE scope_no = ? AND tbl = ?", (scope_no, name))


def _make_indexes(db: "sqlite3.Connection", name: str, statements: tuple[str, ...]) -> None:
    old = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
        (name,),
    ).fetchall()
    for (index,) in old:
        db.execute(f'DROP INDEX "{index}"')
    for statement in statements:
        db.execute(statement)
