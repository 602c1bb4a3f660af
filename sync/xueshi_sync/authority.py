"""Who may write what in a scope: a pure function of the scope's own tables (PROTOCOL 7).

The centre named in the genesis writes the `_` tables; everything else follows from them. Concurrent
values combine restrictively (a denial beats a grant, cuts intersect), so that two copies of the
centre converge without a duel. Nothing here looks at clocks or arrival.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from xueshi_sync.body import CHECK, DELETE, INSERT, JUDGE, RESOLVE, SET
from xueshi_sync.column import Value
from xueshi_sync.identity import TIERS, Genesis
from xueshi_sync.schema import Table

Speaker = tuple[bytes, bytes]
# Every current value of every field of one record: one value, or several where edits conflict.
CurrentRow = Mapping[str, Sequence[Value]]

RANK: Final = {tier: rank for rank, tier in enumerate(TIERS)}
BID_BYTES: Final = 32


@dataclass(frozen=True)
class Authority:
    """What each speaker (node, key) may do in one scope, and what revocations leave of it."""

    tiers: Mapping[Speaker, str]
    cuts: Mapping[bytes, tuple[frozenset[bytes], ...]] = field(default_factory=dict)
    admitted: frozenset[bytes] = frozenset()

    def tier(self, node: bytes, key: bytes) -> str | None:
        """The tier of a speaker here, or None when it has no grant."""
        return self.tiers.get((node, key))

    def is_cut_head(self, bid: bytes) -> bool:
        """Whether a revocation names this block, so that its arrival settles older ones."""
        return any(bid in heads for cuts in self.cuts.values() for heads in cuts)


def may(table: Table, kind: int, tier: str) -> bool:
    """Whether a tier may do this kind of op on this table; kinds that are not known are not
    applied."""
    if kind == INSERT:
        return tier in table.writers
    if kind in (SET, DELETE):
        return table.kind == "register" and tier in table.writers
    if kind == JUDGE:
        return table.kind == "ledger" and tier in table.judges
    if kind == CHECK:
        return table.kind == "ledger" and tier in table.writers
    if kind == RESOLVE:
        return tier in (table.judges if table.kind == "ledger" else table.writers)
    return False


def scope_authority(
    genesis: Genesis,
    nodes: Iterable[CurrentRow],
    cuts: Iterable[CurrentRow],
    admits: Iterable[CurrentRow],
) -> Authority:
    """Combine the current values of the tables `_node`, `_cut` and `_admit`."""
    tiers: dict[Speaker, str] = {}
    denied: set[Speaker] = set()
    for row in nodes:
        speaker = _speaker(row)
        if speaker is None:
            continue
        known = [each for each in row["tier"] if each in RANK]
        if not known or not all(each is True for each in row["granted"]):
            denied.add(speaker)
            continue
        lowest = min((str(each) for each in known), key=lambda each: RANK[each])
        tiers[speaker] = min(tiers.get(speaker, lowest), lowest, key=lambda each: RANK[each])
    for speaker in denied:
        tiers.pop(speaker, None)
    tiers[(genesis.centre_node, genesis.centre_key)] = "centre"
    return Authority(tiers, _combined_cuts(genesis, cuts), _admitted(admits))


def _speaker(row: CurrentRow) -> Speaker | None:
    node, key = row["node"], row["key"]
    if len(node) != 1 or len(key) != 1:
        return None
    if not isinstance(node[0], bytes) or not isinstance(key[0], bytes):
        return None
    return node[0], key[0]


def _combined_cuts(
    genesis: Genesis, rows: Iterable[CurrentRow]
) -> dict[bytes, tuple[frozenset[bytes], ...]]:
    cuts: dict[bytes, tuple[frozenset[bytes], ...]] = {}
    for row in rows:
        lifted = all(each is True for each in row["lifted"])
        for node in row["node"]:
            if lifted or not isinstance(node, bytes) or node == genesis.centre_node:
                continue
            heads = tuple(_bids(each) for each in row["heads"])
            cuts[node] = cuts.get(node, ()) + heads
    return cuts


def _admitted(rows: Iterable[CurrentRow]) -> frozenset[bytes]:
    return frozenset(
        bid for row in rows if len(row["blocks"]) == 1 for bid in _bids(row["blocks"][0])
    )


def _bids(joined: Value) -> frozenset[bytes]:
    data = joined if isinstance(joined, bytes) else b""
    return frozenset(data[at : at + BID_BYTES] for at in range(0, len(data), BID_BYTES))
