"""How a node becomes the county's: it proves its ticket, the centre writes who it is (7.3)."""

import msgspec

from xueshi_sync.frame import RequestHeader
from xueshi_sync.replica import Replica
from xueshi_sync.schema import NODE_TABLE, SCOPE_TABLE
from xueshi_sync.ticket import Ticket, is_valid_proof, ticket_proof


def is_enrolled(replica: Replica) -> bool:
    """Whether the centre's own word about this node has arrived here."""
    if replica.identity.genesis is None:
        return False
    if replica.is_centre:
        return True
    rows = replica.view.own_rows(NODE_TABLE, replica.home_scope_no)
    return any(replica.identity.node in row["node"] for row in rows)


def enrolment_proof(replica: Replica) -> bytes:
    """The ticket's proof, until the centre has spoken of this node."""
    secret = replica.feeds.meta("ticket")
    if secret is None or is_enrolled(replica):
        return b""
    return ticket_proof(secret, replica.identity.node, replica.key)


def enrol_bearer(replica: Replica, header: RequestHeader) -> None:
    """Write the node into its scope when it proves a ticket that the centre issued."""
    if not header.ticket or not replica.is_centre:
        return
    data = replica.feeds.meta(f"ticket/{header.node.hex()}")
    if data is None:
        return
    ticket = msgspec.msgpack.decode(data, type=Ticket)
    if not is_valid_proof(header.ticket, ticket.secret, header.node, header.key):
        return
    scope_no = replica.hold_scope(ticket.scope)
    with replica.lock:
        rows = replica.view.own_rows(NODE_TABLE, scope_no)
        if any(header.node in row["node"] for row in rows):
            return
        enrol_node(replica, scope_no, ticket, header.key)


def enrol_node(replica: Replica, scope_no: int, ticket: Ticket, key: bytes) -> None:
    """Write who the node is and that it may speak in its scope, and wherever the other computers
    of its school are guests."""
    row: dict[str, object] = {
        "node": ticket.node, "key": key, "tier": ticket.tier, "code": ticket.code,
        "name": ticket.name, "granted": True,
    }  # fmt: skip
    guests = _guest_places(replica, scope_no)
    with replica.write("centre") as action:
        if not replica.view.own_rows(SCOPE_TABLE, scope_no):
            action.insert("_scope", {"code": ticket.code, "name": ticket.name, "kind": ticket.tier},
                          scope_no=scope_no)  # fmt: skip
        action.insert("_node", row, scope_no=scope_no)
        for place, tier in sorted(guests.items()):
            action.insert("_node", row | {"tier": tier}, scope_no=place)
    replica.seal()


def _guest_places(replica: Replica, scope_no: int) -> dict[int, str]:
    """The scopes of other schools where a computer of this one speaks, and at which tier."""
    here = {
        bytes(each)
        for row in replica.view.own_rows(NODE_TABLE, scope_no)
        for each in row["node"]
        if isinstance(each, bytes)
    }
    codes = {code for row in replica.view.own_rows(SCOPE_TABLE, scope_no) for code in row["code"]}
    return {
        state.scope_no: str(row["tier"][0])
        for state in replica.feeds.scope_states()
        if state.scope_no != scope_no
        for row in replica.view.own_rows(NODE_TABLE, state.scope_no)
        if row["granted"] == [True]
        and row["tier"]
        and here.intersection(row["node"])
        and codes.issuperset(row["code"])
    }
