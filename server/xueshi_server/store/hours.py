"""Reads of the ledger of hours."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Row
from typing import Final

from xueshi_server.store import totals
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
_PASSED: Final = """
  EXISTS (SELECT 1 FROM checking k WHERE k.scope_no = {0}.scope_no AND k.tbl = 'hour'
          AND k.rec = {0}.rec AND k.current AND k.value = 'pass')
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
    # Passed by its school (True), not passed (False), or either.
    passed: bool | None = None
    after: tuple[str, int, int] | None = None


def list_hours(node: Node, wanted: HourFilter, *, limit: int = PAGE_ROWS) -> list[Row]:
    """Records with person and school, newest date first."""
    if wanted.person is None and is_indexed(node, "hour", "date"):
        return _list_newest(node, wanted, limit)
    where, values = ["1"], list[object]()
    for column, value in (
        ("h.scope_no = ?", wanted.scope_no),
        ("h.person = ?", wanted.person),
        ("h.state = ?", wanted.state or None),
    ):
        if value is not None:
            where.append(column)
            values.append(value)
    where.append(_passed(wanted, "h"))
    if wanted.month:
        where.append("h.date BETWEEN ? AND ?")
        values += _days_of(wanted.month)
    if wanted.after is not None:
        where.append("(h.date, h.scope_no, h.rec) < (?, ?, ?)")
        values += wanted.after
    return node.query(
        f"""
        WITH page AS (
          SELECT h.scope_no, h.rec FROM hour h WHERE {" AND ".join(where)}
          ORDER BY h.date DESC, h.scope_no DESC, h.rec DESC LIMIT ?
        )
        SELECT {_COLUMNS} FROM page JOIN hour h USING (scope_no, rec) {_JOINS}
        ORDER BY h.date DESC, h.scope_no DESC, h.rec DESC
        """,
        [*values, limit],
    )


def _list_newest(node: Node, wanted: HourFilter, limit: int) -> list[Row]:
    days = _days_of(wanted.month) if wanted.month else None
    newest = Newest(
        "hour", "date", wanted.scope_no, wanted.state, days, wanted.after, _passed(wanted, "x")
    )
    page, values = newest.query(limit)
    return node.query(
        f"""
        WITH {page}
        SELECT {_COLUMNS} FROM page JOIN hour h USING (scope_no, rec) {_JOINS}
        ORDER BY h.date DESC, h.scope_no DESC, h.rec DESC
        """,
        values,
    )


def _passed(wanted: HourFilter, table: str) -> str:
    if wanted.passed is None:
        return "1"
    return ("" if wanted.passed else "NOT ") + _PASSED.format(table)


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


def list_passed(node: Node, rows: Iterable[Row]) -> set[tuple[int, int]]:
    """Those of some records that their schools passed."""
    wanted = json.dumps([(row["scope_no"], row["rec"]) for row in rows])
    found = node.query(
        "SELECT k.scope_no, k.rec FROM json_each(?) w JOIN checking k ON k.tbl = 'hour'"
        " AND k.scope_no = json_extract(w.value, '$[0]') AND k.rec = json_extract(w.value, '$[1]')"
        " WHERE k.current AND k.value = 'pass'",
        [wanted],
    )
    return {(row["scope_no"], row["rec"]) for row in found}


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
