"""Reads about scopes (schools) and what is open in them."""

from sqlite3 import Row

from xueshi_sync.node import Node


def list_schools(node: Node) -> list[Row]:
    """Schools and central schools held here: whoever writes hours."""
    return node.query(
        "SELECT scope_no, code, name FROM scope WHERE kind IN ('school', 'township')"
        " ORDER BY code, scope_no"
    )


def list_school_figures(node: Node) -> list[Row]:
    """Each school with its records, credited minutes and what waits for review."""
    return node.query(
        """
        SELECT s.scope_no, s.code, s.name, coalesce(f.records, 0) AS records,
          coalesce(f.credited, 0) AS credited, coalesce(f.pending, 0) AS pending, f.last_entered
        FROM scope s LEFT JOIN (
          SELECT scope_no, count(*) AS records, sum(credited) AS credited,
            sum(state = 'pending') AS pending, max(entered_at) AS last_entered
          FROM hour GROUP BY scope_no
        ) f USING (scope_no)
        WHERE s.kind IN ('school', 'township') ORDER BY s.code, s.scope_no
        """
    )


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
