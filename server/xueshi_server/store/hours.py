"""Reads of the ledger of hours."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Row
from typing import Final

from xueshi_server.store import totals
from xueshi_server.store.checking import Wanted, condition
from xueshi_server.store.newest import Newest, is_indexed
from xueshi_sync.node import Node

PAGE_ROWS: Final = 50
# Records of a school that came last are looked at for those entered last, times those shown: what
# one of its PCs entered long ago may come after what another did today.
_ARRIVED_EACH: Final = 8
# Records whose words are counted to offer them again.
_WORD_ROWS: Final = 300

_COLUMNS: Final = """
  h.*, p.name AS person_name, p.staff_no AS staff_no, s.name AS school
"""
_JOINS: Final = """
  LEFT JOIN person p ON p.scope_no = h.scope_no AND p.rec = h.person
  LEFT JOIN scope s ON s.scope_no = h.scope_no
"""


@dataclass(frozen=True, slots=True)
class HourFilter:
    """Which records to list. `after` is the (date, scope, record) of the last one seen."""

    scope_no: int | None = None
    person: int | None = None
    month: str = ""
    state: str = ""
    # How they stand with their school.
    checked: Wanted = ""
    after: tuple[str, int, int] | None = None


def list_hours(node: Node, wanted: HourFilter, *, limit: int = PAGE_ROWS) -> list[Row]:
    """Records with person and school, newest date first."""
    if wanted.person is None and is_indexed(node, "hour", "date"):
        return _list_newest(node, wanted, limit)
    where, values = [condition(node, wanted.checked)], list[object]()
    for column, value in (
        ("x.scope_no = ?", wanted.scope_no),
        ("x.person = ?", wanted.person),
        ("x.state = ?", wanted.state or None),
    ):
        if value is not None:
            where.append(column)
            values.append(value)
    if wanted.month:
        where.append("x.date BETWEEN ? AND ?")
        values += _days_of(wanted.month)
    if wanted.after is not None:
        where.append("(x.date, x.scope_no, x.rec) < (?, ?, ?)")
        values += wanted.after
    return node.query(
        f"""
        WITH page AS (
          SELECT x.scope_no, x.rec FROM hour x WHERE {" AND ".join(where)}
          ORDER BY x.date DESC, x.scope_no DESC, x.rec DESC LIMIT ?
        )
        SELECT {_COLUMNS} FROM page JOIN hour h USING (scope_no, rec) {_JOINS}
        ORDER BY h.date DESC, h.scope_no DESC, h.rec DESC
        """,
        [*values, limit],
    )


def _list_newest(node: Node, wanted: HourFilter, limit: int) -> list[Row]:
    days = _days_of(wanted.month) if wanted.month else None
    also = condition(node, wanted.checked)
    newest = Newest("hour", "date", wanted.scope_no, wanted.state, days, wanted.after, also)
    page, values = newest.query(limit)
    return node.query(
        f"""
        WITH {page}
        SELECT {_COLUMNS} FROM page JOIN hour h USING (scope_no, rec) {_JOINS}
        ORDER BY h.date DESC, h.scope_no DESC, h.rec DESC
        """,
        values,
    )


def list_keyed(
    node: Node,
    scope_no: int,
    recs: Sequence[int],
    *,
    after: tuple[str, int, int] | None,
    limit: int,
) -> list[Row]:
    """Some records of a school, newest date first."""
    day, _, rec = after or ("9999", 0, 0)
    return node.query(
        f"SELECT {_COLUMNS} FROM hour h {_JOINS} WHERE h.scope_no = ? AND h.rec IN"
        " (SELECT value FROM json_each(?)) AND (h.date, h.rec) < (?, ?)"
        " ORDER BY h.date DESC, h.rec DESC LIMIT ?",
        [scope_no, json.dumps(recs), day, rec, limit],
    )


def _days_of(month: str) -> tuple[str, str]:
    return f"{month}-01", f"{month}-31"


def list_latest(node: Node, limit: int) -> list[Row]:
    """The records entered last, of those of each school that came here last."""
    return node.query(
        f"""
        WITH lane AS MATERIALIZED (SELECT scope_no FROM scope_key), page AS (
          SELECT h.scope_no, h.rec FROM lane CROSS JOIN hour h ON h.scope_no = lane.scope_no
          AND h.rec IN (
            SELECT x.rec FROM hour x WHERE x.scope_no = lane.scope_no ORDER BY x.rec DESC LIMIT ?
          )
          ORDER BY h.entered_at DESC, h.rec DESC LIMIT ?
        )
        SELECT {_COLUMNS} FROM page JOIN hour h USING (scope_no, rec) {_JOINS}
        ORDER BY h.entered_at DESC, h.rec DESC
        """,
        [limit * _ARRIVED_EACH, limit],
    )


def find_hour(node: Node, scope_no: int, rec: int) -> Row | None:
    """One record with its person, school and author."""
    rows = node.query(
        f"SELECT {_COLUMNS}, a.name AS node_name FROM hour h {_JOINS}"
        " LEFT JOIN author a ON a.author = h.author WHERE h.scope_no = ? AND h.rec = ?",
        [scope_no, rec],
    )
    return rows[0] if rows else None


def list_corrections(node: Node, scope_no: int, rec: int) -> list[Row]:
    """The records that correct this one."""
    return node.query(
        # The inner query is answered by the index over what is corrected, which holds few.
        f"SELECT {_COLUMNS} FROM hour h {_JOINS} WHERE h.scope_no = ?1 AND h.rec IN"
        " (SELECT rec FROM hour WHERE scope_no = ?1 AND corrects = ?2) ORDER BY h.rec",
        [scope_no, rec],
    )


def list_judgements(node: Node, scope_no: int, rec: int) -> list[Row]:
    """Verdicts on a record, first to last."""
    return node.query(
        "SELECT j.*, a.name AS node_name FROM judgement j LEFT JOIN author a USING (author)"
        " WHERE j.scope_no = ? AND j.tbl = 'hour' AND j.rec = ? ORDER BY j.entered_at, j.dot",
        [scope_no, rec],
    )


def list_checkings(node: Node, scope_no: int, rec: int) -> list[Row]:
    """What the school said of a record before anybody judged it, first to last; `value` is
    `pass`, `return`, `withdraw`, or empty where that was taken back (PROTOCOL 8.4)."""
    return node.query(
        "SELECT c.*, a.name AS node_name FROM checking c LEFT JOIN author a USING (author)"
        " WHERE c.scope_no = ? AND c.tbl = 'hour' AND c.rec = ? ORDER BY c.entered_at, c.dot",
        [scope_no, rec],
    )


def count_states(node: Node) -> dict[str, int]:
    """State to number of records."""
    return totals.count_states(node, "hour")


def sum_all(node: Node) -> tuple[int, int]:
    """(credited, pending) minutes of everything here."""
    parts = totals.hours_by_school(node).values()
    return sum(each.credited for each in parts), sum(each.pending for each in parts)


def list_words(node: Node, column: str) -> list[str]:
    """The values used most in `form` or `category`, to offer when typing."""
    assert column in ("form", "category")
    rows = node.query(
        f"SELECT {column} AS word FROM (SELECT {column} FROM hour LIMIT {_WORD_ROWS})"
        f" WHERE {column} <> '' GROUP BY 1 ORDER BY count(*) DESC LIMIT 12"
    )
    return [str(row["word"]) for row in rows]
