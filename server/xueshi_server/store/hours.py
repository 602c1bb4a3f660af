"""Reads of the ledger of hours."""

from dataclasses import dataclass
from sqlite3 import Row
from typing import Final

from xueshi_sync.node import Node

PAGE_ROWS: Final = 50

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
    after: tuple[str, int, int] | None = None


def list_hours(node: Node, wanted: HourFilter, *, limit: int = PAGE_ROWS) -> list[Row]:
    """Records with person and school, newest date first."""
    where, values = ["1"], list[object]()
    for column, value in (
        ("h.scope_no = ?", wanted.scope_no),
        ("h.person = ?", wanted.person),
        ("h.state = ?", wanted.state or None),
    ):
        if value is not None:
            where.append(column)
            values.append(value)
    if wanted.month:
        where.append("h.date BETWEEN ? AND ?")
        values += [f"{wanted.month}-01", f"{wanted.month}-31"]
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


def list_latest(node: Node, limit: int) -> list[Row]:
    """The records entered last."""
    return node.query(
        f"""
        WITH page AS (
          SELECT scope_no, rec FROM hour ORDER BY entered_at DESC, rec DESC LIMIT ?
        )
        SELECT {_COLUMNS} FROM page JOIN hour h USING (scope_no, rec) {_JOINS}
        ORDER BY h.entered_at DESC, h.rec DESC
        """,
        [limit],
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
        f"SELECT {_COLUMNS} FROM hour h {_JOINS}"
        " WHERE h.scope_no = ? AND h.corrects = ? ORDER BY h.rec",
        [scope_no, rec],
    )


def list_judgements(node: Node, scope_no: int, rec: int) -> list[Row]:
    """Verdicts on a record, first to last."""
    return node.query(
        "SELECT j.*, a.name AS node_name FROM judgement j LEFT JOIN author a USING (author)"
        " WHERE j.scope_no = ? AND j.tbl = 'hour' AND j.rec = ? ORDER BY j.entered_at, j.dot",
        [scope_no, rec],
    )


def count_states(node: Node) -> dict[str, int]:
    """State to number of records."""
    rows = node.query("SELECT state, count(*) AS n FROM hour GROUP BY state")
    return {str(row["state"]): int(row["n"]) for row in rows}


def sum_all(node: Node) -> tuple[int, int]:
    """(credited, pending) minutes of everything here."""
    row = node.query(
        "SELECT coalesce(sum(credited), 0) AS credited,"
        " coalesce(sum(minutes) FILTER (WHERE state = 'pending'), 0) AS pending FROM hour"
    )[0]
    return int(row["credited"]), int(row["pending"])


def list_words(node: Node, column: str) -> list[str]:
    """The values used most in `form` or `category`, to offer when typing."""
    assert column in ("form", "category")
    rows = node.query(
        f"SELECT {column} AS word FROM (SELECT {column} FROM hour LIMIT 5000)"
        f" WHERE {column} <> '' GROUP BY 1 ORDER BY count(*) DESC LIMIT 12"
    )
    return [str(row["word"]) for row in rows]
