"""From verified blocks to tables, written from sync/PROTOCOL.md alone (sections 7 and 8)."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.sync.independent.decoder import (
    Block,
    Dot,
    Feed,
    Genesis,
    Op,
    read_ops,
    read_refs,
    ref_value,
)
from tests.sync.independent.msgpack import RefusedError, Value, pack

INSERT, SET, DELETE, JUDGE, RESOLVE, CHECK = 1, 2, 3, 4, 5, 7
TIERS = ("school", "township", "centre")
VERDICTS = {"approve": "approved", "reject": "rejected", "void": "void"}


@dataclass(frozen=True)
class Declared:
    """A declared table."""

    name: str
    kind: str
    types: Mapping[str, str]
    writers: tuple[str, ...]
    judges: tuple[str, ...] = ()
    amount: str | None = None
    corrects: str | None = None


def _own(name: str, /, **types: str) -> Declared:
    return Declared(name, "register", types, ("centre",))


# Section 7.1
OWN_TABLES = (
    _own("_scope", code="text", name="text", kind="text"),
    _own("_node", node="bytes", key="bytes", tier="text", code="text", name="text", granted="bool"),
    _own("_cut", node="bytes", heads="bytes", reason="text", lifted="bool"),
    _own("_admit", blocks="bytes"),
)

Cell = Value | Dot


@dataclass(frozen=True)
class Write:
    """What one op says of one field of one record."""

    dot: Dot
    value: Cell
    preds: tuple[Dot, ...]
    rank: int
    actor: str
    time: int
    note: str


@dataclass(frozen=True)
class Insert:
    """A record as it was entered."""

    values: Mapping[str, Cell]
    actor: str
    time: int
    node: bytes
    key: bytes


@dataclass
class Scope:
    """The applied ops of one scope, and the tables they make."""

    genesis: Genesis
    tables: Mapping[str, Declared]
    blocks: Sequence[tuple[Block, Feed]]
    inserts: dict[str, dict[Dot, Insert]] = field(default_factory=lambda: defaultdict(dict))
    writes: dict[tuple[str, Dot, str], dict[Dot, Write]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    @classmethod
    def project(
        cls, genesis: Genesis, declared: Iterable[Declared], blocks: Sequence[tuple[Block, Feed]]
    ) -> "Scope":
        """Apply every op that section 7.2 lets count."""
        tables = {each.name: each for each in (*OWN_TABLES, *declared)}
        scope = cls(genesis, tables, blocks)
        decoded = [(block, feed, *_decode(block)) for block, feed in blocks if block.kind == 0]
        for block, feed, ops, refs in decoded:
            for op in ops:
                if op.table.startswith("_") and scope.is_centre(feed):
                    scope.apply(op, block, feed, refs, tier="centre")
        tiers, cuts, admitted = scope.authority()
        for block, feed, ops, refs in decoded:
            tier = tiers.get((feed.node, feed.key))
            if tier is None or not scope.stands(block, cuts.get(feed.node, []), admitted):
                continue
            for op in ops:
                if not op.table.startswith("_"):
                    scope.apply(op, block, feed, refs, tier=tier)
        return scope

    def is_centre(self, feed: Feed) -> bool:
        return (feed.node, feed.key) == (self.genesis.centre_node, self.genesis.centre_key)

    def stands(self, block: Block, cuts: list[set[bytes]], admitted: set[bytes]) -> bool:
        """Whether a block is at or before the heads of every cut, or admitted."""
        if not cuts or block.bid in admitted:
            return True
        parents = {each.short: each.prev[:16] for each, _ in self.blocks}
        for heads in cuts:
            covered: set[bytes] = set()
            for head in heads:
                at = head[:16]
                while at in parents and at not in covered:
                    covered.add(at)
                    at = parents[at]
            if block.short not in covered:
                return False
        return True

    # Section 7.1

    def authority(
        self,
    ) -> tuple[dict[tuple[bytes, bytes], str], dict[bytes, list[set[bytes]]], set[bytes]]:
        tiers = self._tiers()
        tiers[self.genesis.centre_node, self.genesis.centre_key] = "centre"
        cuts: dict[bytes, list[set[bytes]]] = defaultdict(list)
        for rec in self._living("_cut"):
            if all(each is True for each in self._every("_cut", rec, "lifted")):
                continue
            for node in self._every("_cut", rec, "node"):
                if isinstance(node, bytes) and node != self.genesis.centre_node:
                    cuts[node] += [_ids(each) for each in self._every("_cut", rec, "heads")]
        admitted: set[bytes] = set()
        for rec in self._living("_admit"):
            values = self._every("_admit", rec, "blocks")
            if len(values) == 1:
                admitted |= _ids(values[0])
        return tiers, cuts, admitted

    def _tiers(self) -> dict[tuple[bytes, bytes], str]:
        found: dict[tuple[bytes, bytes], list[str | None]] = defaultdict(list)
        for rec in self._living("_node"):
            match self._every("_node", rec, "node"), self._every("_node", rec, "key"):
                case [[bytes(node)], [bytes(key)]]:
                    pass
                case _:
                    continue
            known = [each for each in self._every("_node", rec, "tier") if each in TIERS]
            granted = all(each is True for each in self._every("_node", rec, "granted"))
            lowest = min(map(str, known), key=TIERS.index) if known and granted else None
            found[node, key].append(lowest)
        return {
            speaker: min((str(each) for each in tiers), key=TIERS.index)
            for speaker, tiers in found.items()
            if None not in tiers
        }

    def _living(self, table: str) -> list[Dot]:
        return [rec for rec in self.inserts[table] if not self.is_deleted(table, rec)]

    def _every(self, table: str, rec: Dot, name: str) -> list[Cell]:
        current = self.current(table, rec, name)
        return [each.value for each in current] or [self.inserts[table][rec].values.get(name)]

    # Section 7.2

    def apply(self, op: Op, block: Block, feed: Feed, refs: list[bytes], *, tier: str) -> None:
        """Apply one op, if the tier has the right."""
        table = self.tables.get(op.table)
        if table is None or not _may(table, op.kind, tier):
            return
        cells = {
            name: _cell(value, table.types.get(name), block, refs)
            for name, value in op.values.items()
        }
        if op.kind == INSERT:
            target = cells.get(table.corrects or "")
            if isinstance(target, tuple) and target[0] == op.dot[0] and target[1] >= op.dot[1]:
                cells[table.corrects or ""] = None
            self.inserts[op.table][op.dot] = Insert(
                {name: cell for name, cell in cells.items() if name in table.types},
                op.actor, op.time, feed.node, feed.key,
            )  # fmt: skip
            return
        assert op.rec is not None
        reason = op.values.get("_reason")
        note = reason if op.kind in (JUDGE, CHECK) and isinstance(reason, str) else ""
        for name in _writable(table, op.kind):
            if name in cells:
                self.writes[op.table, op.rec, name][op.dot] = Write(
                    op.dot, cells[name], tuple(op.preds[name]), TIERS.index(tier), op.actor,
                    op.time, note,
                )  # fmt: skip

    # Section 8.1

    def current(self, table: str, rec: Dot, name: str) -> list[Write]:
        """Current writes, the one shown first."""
        return _current(self.writes.get((table, rec, name), {}))

    def shown(self, table: str, rec: Dot, name: str) -> Cell:
        """Section 8.2."""
        current = self.current(table, rec, name)
        return current[0].value if current else self.inserts[table][rec].values.get(name)

    # Section 8.3

    def is_deleted(self, table: str, rec: Dot) -> bool:
        marks = self.current(table, rec, "_deleted")
        seen = {pred for mark in marks for pred in mark.preds}
        return (
            bool(marks)
            and all(mark.value for mark in marks)
            and all(
                write.dot in seen
                for name in self.tables[table].types
                for write in self.current(table, rec, name)
            )
        )

    def conflicts(self, table: str, rec: Dot) -> list[str]:
        """Fields in conflict of a register record."""
        names = [
            name for name in self.tables[table].types if len(self.current(table, rec, name)) > 1
        ]
        marked = any(mark.value for mark in self.current(table, rec, "_deleted"))
        return names + ["_deleted"] * (marked and not self.is_deleted(table, rec))

    # Section 8.4

    def standing(self, table: str, rec: Dot) -> tuple[str, str]:
        """(state, settled) of one entry's verdicts."""
        every = self.writes.get((table, rec, "_judged"), {})
        current = _current(every)
        disputed = len({pack(_plain(each.value)) for each in current}) > 1
        while len({pack(_plain(each.value)) for each in current}) > 1:
            shared = set.intersection(*(_ancestors(every, each.dot) for each in current))
            current = _current({dot: every[dot] for dot in shared})
        settled = VERDICTS.get(str(current[0].value), "pending") if current else "pending"
        if disputed:
            return "disputed", settled
        said = {pack(_plain(each.value)) for each in self.current(table, rec, "_checked")}
        if settled == "pending" and pack("withdraw") in said:
            return "withdrawn", settled
        if settled == "pending" and pack("return") in said:
            return "returned", settled
        return settled, settled

    def credits(self, table: str) -> dict[Dot, tuple[str, int]]:
        """State and credited amount of every entry of a ledger."""
        declared, entries = self.tables[table], self.inserts[table]
        corrects: dict[Dot, Dot | None] = {}
        for rec, entry in entries.items():
            target = entry.values.get(declared.corrects) if declared.corrects else None
            corrects[rec] = target if isinstance(target, tuple) else None
        standings = {rec: self.standing(table, rec) for rec in entries}
        result: dict[Dot, tuple[str, int]] = {}
        for chain in _chains(corrects):
            credited, rivals, replaced = _judge_chain(chain, corrects, standings)
            for rec in chain:
                state = standings[rec][0]
                if len(rivals) > 1 and rec in rivals:
                    state = "disputed"
                elif state == "approved" and rec in replaced and rec != credited:
                    state = "replaced"
                amount = entries[rec].values.get(declared.amount or "")
                minutes = max(amount, 0) if isinstance(amount, int) else 0
                result[rec] = (state, minutes if rec == credited else 0)
        return result

    # Section 8.5

    def digests(self) -> dict[str, str]:
        """Digest of every table and of all writes."""
        result = {name: _digest(self._rows(each)) for name, each in self.tables.items()}
        result["field_write"] = _digest(self._write_rows())
        return result

    def _rows(self, table: Declared) -> Iterable[list[object]]:
        credits = self.credits(table.name) if table.kind == "ledger" else {}
        for rec, entry in sorted(self.inserts[table.name].items()):
            fields = [_plain(self.shown(table.name, rec, name)) for name in table.types]
            if table.kind == "ledger":
                state, credited = credits[rec]
                own = [state, credited, int(state == "disputed")]
            else:
                deleted = int(self.is_deleted(table.name, rec))
                own = [deleted, len(self.conflicts(table.name, rec))]
            yield [rec, *fields, *own, entry.actor, entry.time, entry.node, entry.key]

    def _write_rows(self) -> Iterable[list[object]]:
        rows = [
            (write.dot, table, name, rec, write)
            for (table, rec, name), writes in self.writes.items()
            for write in writes.values()
        ]
        for dot, table, name, rec, write in sorted(rows, key=lambda each: each[:3]):
            yield [
                table, rec, name, dot, _plain(write.value), sorted(write.preds), write.rank,
                write.actor, write.time, write.note,
            ]  # fmt: skip


def _decode(block: Block) -> tuple[list[Op], list[bytes]]:
    try:
        return read_ops(block), read_refs(block)
    except RefusedError:
        return [], []


def _may(table: Declared, kind: int, tier: str) -> bool:
    if table.kind == "register":
        return kind in (INSERT, SET, DELETE, RESOLVE) and tier in table.writers
    if kind in (INSERT, CHECK):
        return tier in table.writers
    return kind in (JUDGE, RESOLVE) and tier in table.judges


def _writable(table: Declared, kind: int) -> tuple[str, ...]:
    if table.kind == "ledger":
        return ("_checked",) if kind == CHECK else ("_judged",)
    return ("_deleted",) if kind == DELETE else (*table.types, "_deleted")


def _cell(value: Value, declared: str | None, block: Block, refs: list[bytes]) -> Cell:
    """Section 8.1: a value of another type than declared is empty."""
    wanted = {"text": str, "int": int, "date": int, "bool": bool, "bytes": bytes}
    if declared is None or value is None:
        return value
    if declared == "ref":
        return ref_value(block, refs, value)
    if type(value) is not wanted[declared]:
        return None
    if declared == "date":
        assert isinstance(value, int)
        try:
            return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
        except OverflowError:
            return None
    return value


def _plain(cell: Cell) -> Value | tuple[bytes, int]:
    return int(cell) if isinstance(cell, bool) else cell


def _ids(joined: Cell) -> set[bytes]:
    data = joined if isinstance(joined, bytes) else b""
    return {data[at : at + 32] for at in range(0, len(data), 32)}


def _current(every: Mapping[Dot, Write]) -> list[Write]:
    named = {pred for write in every.values() for pred in write.preds}
    depths: dict[Dot, int] = {}

    def depth(dot: Dot) -> int:
        if dot not in depths:
            below = [depth(pred) for pred in every[dot].preds if pred in every]
            depths[dot] = 1 + max(below, default=0)
        return depths[dot]

    current = [write for dot, write in every.items() if dot not in named]
    return sorted(current, key=lambda each: (each.rank, depth(each.dot), each.dot), reverse=True)


def _ancestors(every: Mapping[Dot, Write], dot: Dot) -> set[Dot]:
    found: set[Dot] = set()
    waiting = [dot]
    while waiting:
        preds = [pred for pred in every[waiting.pop()].preds if pred in every]
        waiting += [pred for pred in preds if pred not in found]
        found.update(preds)
    return found


def _chains(corrects: Mapping[Dot, Dot | None]) -> Iterable[list[Dot]]:
    """Sets of entries connected by corrections, through absent records too."""
    links: dict[Dot, set[Dot]] = defaultdict(set)
    for rec, target in corrects.items():
        links[rec].add(rec)
        if target is not None:
            links[rec].add(target)
            links[target].add(rec)
    seen: set[Dot] = set()
    for start in corrects:
        if start in seen:
            continue
        chain, waiting = {start}, [start]
        while waiting:
            new = links[waiting.pop()] - chain
            chain |= new
            waiting += new
        seen |= chain
        yield [rec for rec in chain if rec in corrects]


def _judge_chain(
    chain: list[Dot],
    corrects: Mapping[Dot, Dot | None],
    standings: Mapping[Dot, tuple[str, str]],
) -> tuple[Dot | None, list[Dot], set[Dot]]:
    """(entry credited, rivals, entries above an approved one)."""

    def above(rec: Dot) -> list[Dot]:
        path: list[Dot] = []
        at = corrects[rec]
        while at is not None and at in corrects and at != rec and at not in path:
            path.append(at)
            at = corrects[at]
        return path

    approved = [rec for rec in chain if standings[rec][1] == "approved"]
    replaced = {each for rec in approved for each in above(rec)}
    rivals = [rec for rec in approved if rec not in replaced]
    if len(rivals) == 1:
        return rivals[0], rivals, replaced
    for each in above(rivals[0]) if rivals else []:
        if each in approved and all(each in above(rival) for rival in rivals):
            return each, rivals, replaced
    return None, rivals, replaced


def _digest(rows: Iterable[list[object]]) -> str:
    return hashlib.sha256(b"".join(map(pack, rows))).hexdigest()
