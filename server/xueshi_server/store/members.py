"""Who belongs to the county: every node with a grant, when it was last heard, and what waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from xueshi_server.store.schools import list_school_figures
from xueshi_sync.node import Node
from xueshi_sync.store import PeerState


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the county. `contact_ms` None: never heard; `is_cut`: what it says since it was
    shut out does not count."""

    node_id: str
    scope_no: int
    tier: str
    code: str
    name: str
    is_cut: bool
    contact_ms: int | None
    carrier: str
    software: str
    records: int
    pending: int
    conflicts: int


def list_members(node: Node) -> list[Member]:
    """Every node but the centre, by code; a school with a second PC has two lines."""
    heard = {each.node.hex(): each for each in node.feeds.peers()}
    figures = {each["scope_no"]: each for each in list_school_figures(node)}
    conflicts = {
        row["scope_no"]: row["n"]
        for row in node.query("SELECT scope_no, count(*) AS n FROM conflict GROUP BY scope_no")
    }
    rows = node.query(
        "SELECT lower(hex(n.node)) AS node_id, n.scope_no, n.tier, n.code, n.name,"
        " NOT n.granted OR EXISTS (SELECT 1 FROM _cut c WHERE c.scope_no = n.scope_no"
        " AND c.node = n.node AND NOT c.deleted AND NOT coalesce(c.lifted, 0)) AS is_cut"
        " FROM _node n WHERE NOT n.deleted AND n.tier <> 'centre' ORDER BY n.code, n.rec"
    )
    return [_member(row, heard, figures, conflicts) for row in rows]


def _member(
    row: Row,
    heard: Mapping[str, PeerState],
    figures: Mapping[int, Mapping[str, Any]],
    conflicts: Mapping[int, int],
) -> Member:
    peer, figure = heard.get(row["node_id"]), figures.get(row["scope_no"], {})
    return Member(
        row["node_id"],
        int(row["scope_no"]),
        str(row["tier"] or ""),
        str(row["code"] or ""),
        str(row["name"] or ""),
        bool(row["is_cut"]),
        peer.contact_ms or None if peer else None,
        peer.carrier or "" if peer else "",
        peer.software or "" if peer else "",
        int(figure.get("records") or 0),
        int(figure.get("pending") or 0),
        int(conflicts.get(row["scope_no"], 0)),
    )
