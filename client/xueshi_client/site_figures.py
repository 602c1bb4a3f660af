"""The totals on the training site's records page, read from one node; no person is named."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xueshi_server.site_build import BuiltSite, RecordFigures, build_site
from xueshi_sync.node import Node

# A replaced or void entry is no longer part of what a school reports.
_COUNTED = "state NOT IN ('replaced', 'void')"


def build_node_site(node: Node, folder: Path) -> BuiltSite:
    """Build the training site with this node's totals and put it into `folder`."""
    return build_site(folder, read_figures(node))


def read_figures(node: Node) -> RecordFigures:
    """What the records page shows about everything this node holds."""
    totals = node.query(
        "SELECT count(*) AS records, coalesce(sum(minutes), 0) AS minutes,"
        f" coalesce(sum(credited), 0) AS credited FROM hour WHERE {_COUNTED}"
    )[0]
    teachers = node.query("SELECT count(*) AS people FROM person WHERE NOT deleted")[0]["people"]
    return RecordFigures(
        name=node.name,
        as_of=dt.date.today(),
        teachers=teachers,
        hour_records=totals["records"],
        minutes=totals["minutes"],
        approved_minutes=totals["credited"],
        by_form=_group(node, "form", "3 DESC"),
        by_month=_group(node, "substr(date, 1, 7)", "1"),
        by_school=_list_schools(node) if node.role != "school" else (),
    )


def _group(node: Node, expression: str, order: str) -> list[tuple[str, int, int]]:
    rows = node.query(
        f"SELECT coalesce({expression}, '') AS label, count(*) AS records, sum(minutes) AS minutes"
        f" FROM hour WHERE {_COUNTED} GROUP BY 1 ORDER BY {order} LIMIT 24"
    )
    return [(row["label"], row["records"], row["minutes"]) for row in rows]


def _list_schools(node: Node) -> Sequence[tuple[str, int, int, dt.date | None]]:
    peers: Any = node.status()["peers"]
    heard = {
        peer["name"]: dt.date.fromtimestamp(peer["last_contact_ms"] / 1000)
        for peer in peers
        if peer["last_contact_ms"]
    }
    rows = node.query(
        "SELECT s.name, count(h.rec) AS records, coalesce(sum(h.minutes), 0) AS minutes"
        f" FROM scope s LEFT JOIN hour h ON h.scope_no = s.scope_no AND h.{_COUNTED}"
        " WHERE s.kind = 'school' GROUP BY s.scope_no ORDER BY s.code"
    )
    return [(row["name"], row["records"], row["minutes"], heard.get(row["name"])) for row in rows]
