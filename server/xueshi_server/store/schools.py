"""Reads about scopes (schools) and what is open in them."""

from sqlite3 import Row
from typing import Any

from xueshi_server.store.totals import hours_by_school
from xueshi_sync.node import Node
from xueshi_sync.standing import CLOSED


def list_schools(node: Node) -> list[Row]:
    """Schools and central schools held here, closed ones too: whoever writes hours, or wrote."""
    return node.query(
        "SELECT scope_no, code, name FROM scope WHERE kind IN ('school', 'township', ?)"
        " ORDER BY code, scope_no",
        [CLOSED],
    )


def list_open_schools(node: Node) -> list[Row]:
    """Those of them from which something new is expected."""
    return node.query(
        "SELECT scope_no, code, name FROM scope WHERE kind IN ('school', 'township')"
        " ORDER BY code, scope_no"
    )


def list_school_figures(node: Node) -> list[dict[str, Any]]:
    """Each school with its records, credited minutes and what waits for review."""
    parts = hours_by_school(node)
    return [
        {
            **dict(school),
            "records": parts[school["scope_no"]].records,
            "credited": parts[school["scope_no"]].credited,
            "pending": parts[school["scope_no"]].pending_count,
            "last_entered": parts[school["scope_no"]].last_entered,
        }
        for school in list_schools(node)
    ]


def count_conflicts(node: Node) -> int:
    """Fields that hold more than one concurrent value."""
    return int(node.query("SELECT count(*) AS n FROM conflict")[0]["n"])


def count_unapplied(node: Node) -> dict[str, int]:
    """Why stored ops are not in the tables, and how many."""
    rows = node.query("SELECT code, sum(count) AS n FROM unapplied GROUP BY code ORDER BY code")
    return {str(row["code"]): int(row["n"]) for row in rows}


def count_people(node: Node) -> int:
    """People who are there now."""
    rows = node.query("SELECT count(*) AS n FROM person WHERE NOT deleted AND coalesce(active, 1)")
    return int(rows[0]["n"])
