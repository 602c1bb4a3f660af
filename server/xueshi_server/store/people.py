"""Reads of the register of people."""

from dataclasses import dataclass
from sqlite3 import Row
from typing import Final

from xueshi_sync.node import Node

PAGE_ROWS: Final = 60
# Up to here one pass over the table is faster than the index and a look-up for each record
# (100,000 records: 80 against 230 ms); beyond it the index reads only the people of the page.
SCAN_ROWS_MAX: Final = 200_000


@dataclass(frozen=True, slots=True)
class PersonFilter:
    """Which people to list. `after` is the (staff number, scope, record) of the last one seen."""

    scope_no: int | None = None
    text: str = ""
    after: tuple[str, int, int] | None = None


def list_people(node: Node, wanted: PersonFilter, *, limit: int = PAGE_ROWS) -> list[Row]:
    """People with their school, credited and pending minutes, by staff number."""
    where, values = ["NOT p.deleted"], list[object]()
    if wanted.scope_no is not None:
        where.append("p.scope_no = ?")
        values.append(wanted.scope_no)
    if wanted.text:
        where.append("(instr(p.name, ?) OR instr(lower(p.staff_no), lower(?)))")
        values += [wanted.text, wanted.text]
    if wanted.after is not None:
        where.append("(p.staff_no, p.scope_no, p.rec) > (?, ?, ?)")
        values += wanted.after
    return node.query(
        f"""
        WITH page AS (
          SELECT p.* FROM person p WHERE {" AND ".join(where)}
          ORDER BY p.staff_no, p.scope_no, p.rec LIMIT ?
        )
        SELECT page.*, s.name AS school, coalesce(f.credited, 0) AS credited,
          coalesce(f.pending, 0) AS pending
        FROM page
        LEFT JOIN scope s ON s.scope_no = page.scope_no
        LEFT JOIN ({_totals_query(node)}) f ON f.scope_no = page.scope_no AND f.person = page.rec
        ORDER BY page.staff_no, page.scope_no, page.rec
        """,
        [*values, limit],
    )


def _totals_query(node: Node) -> str:
    """Sums for each person. The plus signs hide the index: see SCAN_ROWS_MAX."""
    count = int(node.query("SELECT count(*) AS n FROM hour")[0]["n"])
    sums = """
        SELECT h.scope_no, h.person, sum(h.credited) AS credited,
          sum(iif(h.state = 'pending', h.minutes, 0)) AS pending FROM hour h"""
    if count <= SCAN_ROWS_MAX:
        return f"{sums} GROUP BY +h.scope_no, +h.person"
    return f"""{sums} WHERE (h.scope_no, h.person) IN (SELECT scope_no, rec FROM page)
        GROUP BY h.scope_no, h.person"""


def list_roster(node: Node, scope_no: int) -> list[Row]:
    """The people of one school who are there now, in roster order."""
    return node.query(
        "SELECT scope_no, rec, staff_no, name FROM person"
        " WHERE scope_no = ? AND NOT deleted AND coalesce(active, 1) ORDER BY staff_no, rec",
        [scope_no],
    )


def find_person(node: Node, scope_no: int, rec: int) -> Row | None:
    """One person, deleted or not."""
    rows = node.query(
        "SELECT p.*, s.name AS school, a.name AS node_name FROM person p"
        " LEFT JOIN scope s USING (scope_no) LEFT JOIN author a USING (author)"
        " WHERE scope_no = ? AND rec = ?",
        [scope_no, rec],
    )
    return rows[0] if rows else None


def load_people(node: Node, scope_no: int) -> dict[str, tuple[int, str]]:
    """Staff number to (record, name) for a whole school."""
    rows = node.query(
        "SELECT staff_no, rec, name FROM person WHERE scope_no = ? AND NOT deleted"
        " ORDER BY rec DESC",
        [scope_no],
    )
    return {str(row["staff_no"]): (int(row["rec"]), str(row["name"])) for row in rows}


def list_hours_of(node: Node, scope_no: int, rec: int) -> list[tuple[str, int, int]]:
    """(state, minutes, credited) of every record of one person."""
    rows = node.query(
        "SELECT state, minutes, credited FROM hour WHERE scope_no = ? AND person = ?",
        [scope_no, rec],
    )
    return [(row["state"], row["minutes"], row["credited"]) for row in rows]
