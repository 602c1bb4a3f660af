"""Who belongs to the county: its schools, their computers, when each was last heard, and how much
may not be here yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Final

from xueshi_server.store.totals import LATELY_S, by_school, hours_by_school, people_by_school
from xueshi_sync.block import parse_block
from xueshi_sync.node import Node
from xueshi_sync.standing import CLOSED
from xueshi_sync.store import PeerState

_DAY_S: Final = 86400
# A clock that is ahead of ours by less tells nothing.
_CLOCK_S: Final = 600


@dataclass(frozen=True, slots=True)
class Computer:
    """A node of a school. `contact_ms` None: never heard; `is_cut`: what it says since it was shut
    out, for `reason`, does not count; `ahead_s`: how far its clock was ahead when it was heard."""

    node_id: str
    code: str
    name: str
    tier: str
    is_cut: bool
    reason: str
    contact_ms: int | None
    carrier: str
    software: str
    ahead_s: int


@dataclass(frozen=True, slots=True)
class Guest:
    """A school whose computers speak in another one's place: a central school that acts for it, or
    the school that took it over."""

    scope_id: str
    name: str
    tier: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class School:
    """A school as the centre knows it; `rhythm` are its records a day, of late."""

    scope_no: int
    scope_id: str
    code: str
    name: str
    kind: str
    computers: tuple[Computer, ...]
    guests: tuple[Guest, ...]
    people: int
    records: int
    pending: int
    conflicts: int
    rhythm: float

    @property
    def is_closed(self) -> bool:
        """Whether nobody waits to hear from it."""
        return self.kind == CLOSED

    @property
    def heard(self) -> Computer | None:
        """The computer that was heard last, of those that are not shut out."""
        at_work = [each for each in self.computers if not each.is_cut]
        return max(at_work, key=lambda each: each.contact_ms or -1, default=None)

    def missing(self, now_ms: float) -> int:
        """About how many records are not here yet, if it went on as before."""
        heard = self.heard
        if self.is_closed or heard is None or heard.contact_ms is None:
            return 0
        return int(self.rhythm * max(0.0, now_ms - heard.contact_ms) / 1000 / _DAY_S)


def list_members(node: Node) -> list[School]:
    """Every school, by code, with its computers and who acts for it."""
    scopes = node.query(
        "SELECT scope_no, scope_id, coalesce(code, '') AS code, coalesce(name, '') AS name, kind"
        " FROM scope WHERE kind IS NOT NULL ORDER BY code, scope_no"
    )
    homes = {row["code"]: row for row in scopes}
    peers = {each.node: each for each in node.feeds.peers()}
    clocks = by_school(node, "node", "clock", lambda scope_no: _clocks(node, scope_no))
    computers: dict[int, list[Computer]] = {}
    guests: dict[int, dict[str, list[Row]]] = {}
    for row in _speakers(node):
        if row["code"] == row["home"]:
            found = computers.setdefault(row["scope_no"], [])
            ahead_s = clocks[row["scope_no"]].get(bytes(row["node"]), 0)
            found.append(_computer(row, peers.get(bytes(row["node"])), ahead_s))
        elif row["granted"] and row["code"] in homes:
            guests.setdefault(row["scope_no"], {}).setdefault(row["code"], []).append(row)
    hours, people = hours_by_school(node), people_by_school(node)
    conflicts = _conflicts(node)
    return [
        School(
            row["scope_no"],
            row["scope_id"],
            row["code"],
            row["name"],
            row["kind"],
            tuple(computers.get(row["scope_no"], ())),
            tuple(
                _guest(homes[code], rows) for code, rows in guests.get(row["scope_no"], {}).items()
            ),
            people.get(row["scope_no"], 0),
            hours[row["scope_no"]].records,
            hours[row["scope_no"]].pending_count,
            conflicts.get(row["scope_no"], 0),
            hours[row["scope_no"]].lately * _DAY_S / LATELY_S,
        )
        for row in scopes
    ]


def _speakers(node: Node) -> list[Row]:
    return node.query(
        "SELECT n.scope_no, n.node, n.tier, n.code, n.name, n.granted,"
        " coalesce(s.code, '') AS home,"
        " (SELECT coalesce(max(c.reason), '') FROM _cut c WHERE c.scope_no = n.scope_no AND"
        " c.node = n.node AND NOT c.deleted AND NOT coalesce(c.lifted, 0) HAVING count(*)) AS cut"
        " FROM _node n JOIN scope s USING (scope_no) WHERE NOT n.deleted AND n.tier <> 'centre'"
        " ORDER BY n.scope_no, n.rec"
    )


def _computer(row: Row, peer: PeerState | None, ahead_s: int) -> Computer:
    return Computer(
        bytes(row["node"]).hex(),
        row["code"],
        row["name"] or "",
        row["tier"] or "",
        row["cut"] is not None or not row["granted"],
        row["cut"] or "",
        peer.contact_ms or None if peer else None,
        peer.carrier or "" if peer else "",
        peer.software or "" if peer else "",
        ahead_s,
    )


def _clocks(node: Node, scope_no: int) -> dict[bytes, int]:
    """Seconds by which each computer's clock was ahead of ours when its newest block came, where
    that tells anything; a clock that is behind cannot be told from a stick that lay about."""
    found: dict[bytes, int] = {}
    for feed in node.feeds.feeds(scope_no):
        for short, _ in node.feeds.heads_of(feed.feed):
            if (stored := node.feeds.block(short)) is not None:
                header = parse_block(node.feeds.block_data(scope_no, stored.no)).header
                ahead_s = (header.wall_ms - stored.arrived_ms) // 1000
                if ahead_s >= _CLOCK_S:
                    found[feed.node] = max(ahead_s, found.get(feed.node, 0))
    return found


def _guest(home: Row, rows: list[Row]) -> Guest:
    nodes = tuple(bytes(row["node"]).hex() for row in rows)
    return Guest(home["scope_id"], home["name"], rows[0]["tier"] or "", nodes)


def _conflicts(node: Node) -> Mapping[int, int]:
    rows = node.query("SELECT scope_no, count(*) AS n FROM conflict GROUP BY scope_no")
    return {row["scope_no"]: row["n"] for row in rows}
