"""Whether the named queries of a pack can run over the tables of its types, and only read."""

import re
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from xueshi_server.domain.packs.pack import Fault, Pack
from xueshi_server.errors import PackUnreadableError
from xueshi_server.record_types import schema_of
from xueshi_sync.sqlite_view import SqliteView

_READING: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_PLACE: Final = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")


def check_queries(pack: Pack) -> list[Fault]:
    """The faults of the queries; none are looked for where the types make no tables."""
    if not pack.queries:
        return []
    try:
        schema = schema_of(pack)
    except PackUnreadableError:
        return []
    with tempfile.TemporaryDirectory() as folder:
        view = SqliteView(Path(folder) / "view.db", {})
        try:
            view.prepare(schema, b"")
            view.db.set_authorizer(_allow)
            return [
                Fault(code, ("query", query_id, "sql"), {"id": query_id, "why": why}, origin)
                for query_id, query in pack.queries.items()
                for origin in [pack.origins[f"query:{query_id}"]]
                for code, why in [_explain(view.db, query.sql)]
                if code
            ]
        finally:
            view.db.set_authorizer(None)
            view.close()


def _allow(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _explain(db: sqlite3.Connection, sql: str) -> tuple[str, str]:
    """Code and reason of what is wrong with a query; empty where nothing is."""
    places = dict.fromkeys(_PLACE.findall(sql))
    try:
        db.execute(f"EXPLAIN {sql}", places).close()
    except (sqlite3.Error, sqlite3.Warning) as error:
        denied = "not authorized" in str(error) or "prohibited" in str(error)
        return ("query_writes" if denied else "query_faulty"), str(error)
    return "", ""
