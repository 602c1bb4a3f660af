"""The county's public keys for personal numbers: written by the centre, read by every node."""

from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.sealed import GENERATION_MOST
from xueshi_server.store.packs import public_scope_no
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

TABLE: Final = "seal_key"
KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SealKey:
    """One generation: its public half, and since when it counts (ISO day)."""

    generation: int
    key: bytes
    valid_from: str
    entered_at_s: int


def list_seal_keys(node: Node) -> list[SealKey]:
    """Every generation that the centre published, the newest first; none before the first sync."""
    scope_no = public_scope_no(node)
    if scope_no is None or TABLE not in node.schema.by_name:
        return []
    rows = node.query(
        "SELECT generation, key, valid_from, entered_at FROM seal_key"
        " WHERE scope_no = ? AND NOT deleted AND generation BETWEEN 1 AND ? AND length(key) = ?"
        " ORDER BY generation DESC, key",
        [scope_no, GENERATION_MOST, KEY_BYTES],
    )
    return [
        SealKey(row["generation"], bytes(row["key"]), row["valid_from"] or "", row["entered_at"])
        for row in rows
    ]


def publish_seal_key(node: Node, generation: int, key: bytes, day: str, *, actor: str) -> RecordKey:
    """Write a generation into the county's public scope (centre only)."""
    scope_no = public_scope_no(node)
    assert scope_no is not None, "a centre has its county's public scope"
    fields = {"generation": generation, "key": key, "valid_from": day}
    with node.write(actor=actor) as action:
        return action.insert(TABLE, fields, scope_no=scope_no)
