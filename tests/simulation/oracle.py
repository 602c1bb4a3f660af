"""What the data must mean, worked out a second time: plainly, slowly, and from blocks alone.

Shares with the core only the decoding of bodies and the conversion of single values. Everything has
public names: a dot is (block id[:16], k). Nothing here knows of numbers, arrival or watermarks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from xueshi_sync.block import DATA, Feed, decode_data, parse_block
from xueshi_sync.body import CHECK, DELETE, INSERT, JUDGE, RESOLVE, SET, Op
from xueshi_sync.errors import SyncError
from xueshi_sync.identity import Genesis
from xueshi_sync.projection import to_view
from xueshi_sync.schema import Schema, Table

Dot = tuple[bytes, int]
Speaker = tuple[bytes, bytes]
TIERS: Final = ("school", "township", "centre")


@dataclass(frozen=True)
class Held:
    """A block as some disk holds it."""

    bid: bytes
    feed: Feed
    prev: bytes
    kind: int
    data: bytes


@dataclass(frozen=True)
class Fact:
    """A write of one field: what it says, what it names, and the tier it was made with."""

    value: Any
    preds: frozenset[Dot]
    rank: int


@dataclass
class Meaning:
    """Rows by (table, record), and all applied later writes by (table, record, field)."""

    rows: dict[tuple[str, Dot], dict[str, Any]] = field(default_factory=dict)
    facts: dict[tuple[str, Dot, str], dict[Dot, Fact]] = field(default_factory=dict)


def meaning_of(
    blocks: Iterable[Held], genesis: Genesis, schema: Schema, me: tuple[Speaker, str] | None
) -> Meaning:
    """Return what one scope's blocks mean. `me` speaks with its own tier until it is spoken of."""
    held = {each.bid: each for each in blocks}
    centre = (genesis.centre_node, genesis.centre_key)
    decoded = {bid: _ops_of(each, schema) for bid, each in held.items()}
    rules = Meaning()
    for bid, each in held.items():
        if (each.feed.node, each.feed.key) == centre:
            _apply(rules, schema, decoded[bid], "centre", own=True)
    _settle(rules, schema)
    nodes, cuts, admitted = _rights(rules, centre)
    spoken = {value for row in _current_rows(rules, "_node") for value in row["node"]}
    if me is not None and me[0] not in nodes and me[0][0] not in spoken:
        nodes[me[0]] = me[1]
    whole = Meaning(dict(rules.rows), {key: dict(each) for key, each in rules.facts.items()})
    for bid, each in held.items():
        tier = nodes.get((each.feed.node, each.feed.key))
        if tier is not None and _counts(held, each, cuts, admitted):
            _apply(whole, schema, decoded[bid], tier, own=False)
    _settle(whole, schema)
    return whole


def _ops_of(block: Held, schema: Schema) -> list[tuple[Dot, Dot | None, list[set[Dot]], Op]]:
    if block.kind != DATA:
        return []
    try:
        body = decode_data(parse_block(block.data))
    except SyncError:
        return []
    names = [block.bid[:16], *body.refs]

    def dot(number: int) -> Dot:
        return names[number >> 12], number & 4095

    found = []
    for group in body.groups:
        types = schema.by_name[group.table].field_types if group.table in schema.by_name else {}
        for op in group.ops():
            values = tuple(
                (dot(value) if 0 <= value >> 12 < len(names) else None)
                if types.get(name) == "ref" and type(value) is int
                else None if types.get(name) == "ref"
                else to_view(value, types.get(name))
                for name, value in zip(op.names, op.values, strict=True)
            )  # fmt: skip
            preds = [{dot(each) for each in named} for named in op.preds or ()]
            clean = Op(op.k, op.kind, op.table, op.names, values)  # type: ignore[arg-type]
            rec = None if op.rec is None else dot(op.rec)
            found.append(((block.bid[:16], op.k), rec, preds, clean))
    return found


def _apply(
    into: Meaning,
    schema: Schema,
    ops: list[tuple[Dot, Dot | None, list[set[Dot]], Op]],
    tier: str,
    *,
    own: bool,
) -> None:
    for at, rec, preds, op in ops:
        table = schema.by_name.get(op.table)
        if table is None or op.table.startswith("_") != own or not _allowed(table, op.kind, tier):
            continue
        if op.kind == INSERT:
            blank = dict.fromkeys(table.field_names)
            given = dict(zip(op.names, op.values, strict=True))
            target = given.get(table.corrects or "")
            if isinstance(target, tuple) and target[0] == at[0] and target >= at:
                given[str(table.corrects)] = None  # no entry corrects a later one of its own block
            into.rows[op.table, at] = blank | {k: v for k, v in given.items() if k in blank}
            continue
        assert rec is not None, "every kind but insert names a record"
        for name, value, named in zip(op.names, op.values, preds, strict=True):
            if name in _fields_written(table, op.kind):
                fact = Fact(value, frozenset(named - {at}), TIERS.index(tier))
                into.facts.setdefault((op.table, rec, name), {}).setdefault(at, fact)


def _allowed(table: Table, kind: int, tier: str) -> bool:
    ledger = table.kind == "ledger"
    rights = {
        INSERT: table.writers,
        SET: () if ledger else table.writers,
        DELETE: () if ledger else table.writers,
        JUDGE: table.judges if ledger else (),
        CHECK: table.writers if ledger else (),
        RESOLVE: table.judges if ledger else table.writers,
    }
    return tier in rights.get(kind, ())


def _fields_written(table: Table, kind: int) -> tuple[str, ...]:
    if kind == CHECK:
        return ("_checked",)
    if table.kind == "ledger" or kind == JUDGE:
        return ("_judged",)
    return ("_deleted",) if kind == DELETE else (*table.field_names, "_deleted")


def current(facts: Mapping[Dot, Fact]) -> list[Dot]:
    """The facts that no other names, the one to show first."""
    named = {dot for fact in facts.values() for dot in fact.preds}
    depth: dict[Dot, int] = {}
    for dot in sorted(facts):
        _depth(facts, dot, depth)
    free = [dot for dot in facts if dot not in named]
    return sorted(free, key=lambda dot: (facts[dot].rank, depth[dot], dot), reverse=True)


def _depth(facts: Mapping[Dot, Fact], dot: Dot, depth: dict[Dot, int]) -> int:
    if dot not in depth:
        depth[dot] = 0
        below = [_depth(facts, each, depth) for each in facts[dot].preds if each in facts]
        depth[dot] = 1 + max(below, default=0)
    return depth[dot]


def _settle(into: Meaning, schema: Schema) -> None:
    """Let later writes show in the rows of registers, and verdicts in the credit of ledgers."""
    for (table, rec), row in into.rows.items():
        if schema.by_name[table].kind == "register":
            heads = {}
            for name in schema.by_name[table].field_names:
                facts = into.facts.get((table, rec, name), {})
                heads[name] = current(facts)
                if heads[name]:
                    row[name] = facts[heads[name][0]].value
            row["deleted"] = _deleted(into, table, rec, heads)
    for name, declared in schema.by_name.items():
        if declared.kind == "ledger":
            _credit(into, declared, name)


def _deleted(into: Meaning, table: str, rec: Dot, heads: Mapping[str, list[Dot]]) -> bool:
    marks = into.facts.get((table, rec, "_deleted"), {})
    last = current(marks)
    if not last or not all(marks[dot].value for dot in last):
        return False
    seen = {each for dot in last for each in marks[dot].preds}
    return all(dot in seen for dots in heads.values() for dot in dots)


def _credit(into: Meaning, table: Table, name: str) -> None:
    """The rule of SYNC 3.9: one entry of a chain at most, and no dispute may raise the sum."""
    recs = [rec for at, rec in into.rows if at == name]
    corrects = {rec: into.rows[name, rec].get(table.corrects or "") for rec in recs}
    approved = {
        rec for rec in recs if settled(into.facts.get((name, rec, "_judged"), {})) == "approve"
    }
    above = {rec: _line(corrects, rec) for rec in recs}
    for rec in recs:
        into.rows[name, rec]["credited"] = 0
    covered = {each for rec in approved for each in above[rec]}
    groups: dict[Dot, list[Dot]] = {}
    for rec in sorted(approved):
        groups.setdefault(_root(corrects, rec), []).append(rec)
    for members in groups.values():
        tops = [rec for rec in members if rec not in covered]
        shared = [rec for rec in approved if tops and all(rec in above[top] for top in tops)]
        best = tops if len(tops) == 1 else sorted(shared, key=lambda rec: -len(above[rec]))
        if best:
            amount = into.rows[name, best[0]].get(table.amount or "") or 0
            into.rows[name, best[0]]["credited"] = max(amount, 0)


def settled(facts: Mapping[Dot, Fact]) -> str:
    """The verdict that all current ones agree on, or the last before they parted."""
    while facts:
        heads = current(facts)
        if len({facts[dot].value for dot in heads}) == 1:
            return str(facts[heads[0]].value)
        common = set.intersection(*(_before(facts, dot) for dot in heads)) if heads else set()
        facts = {dot: facts[dot] for dot in common}
    return ""


def _before(facts: Mapping[Dot, Fact], dot: Dot) -> set[Dot]:
    found: set[Dot] = set()
    todo = set(facts[dot].preds)
    while todo:
        each = todo.pop()
        if each in facts and each not in found:
            found.add(each)
            todo |= facts[each].preds
    return found


def _line(corrects: Mapping[Dot, Any], rec: Dot) -> list[Dot]:
    found: list[Dot] = []
    at = corrects.get(rec)
    while at is not None and at in corrects and at not in found and at != rec:
        found.append(at)
        at = corrects.get(at)
    return found


def _root(corrects: Mapping[Dot, Any], rec: Dot) -> Dot:
    line = [rec, *_line(corrects, rec)]
    beyond = corrects.get(line[-1])
    return beyond if beyond is not None and beyond not in line else line[-1]


def _current_rows(rules: Meaning, table: str) -> list[dict[str, list[Any]]]:
    found = []
    for (at, rec), row in rules.rows.items():
        if at != table or row["deleted"]:
            continue
        lists = {}
        for name, value in row.items():
            facts = rules.facts.get((table, rec, name), {})
            lists[name] = [facts[dot].value for dot in current(facts)] if facts else [value]
        found.append(lists)
    return found


def _rights(
    rules: Meaning, centre: Speaker
) -> tuple[dict[Speaker, str], dict[bytes, list[set[bytes]]], set[bytes]]:
    """Concurrent words of the centre combine to the least that any of them allows."""
    nodes: dict[Speaker, list[str]] = {}
    for row in _current_rows(rules, "_node"):
        if len(row["node"]) == len(row["key"]) == 1:
            tiers = [each for each in row["tier"] if each in TIERS]
            granted = all(each is True or each == 1 for each in row["granted"]) and tiers
            speaker = (row["node"][0], row["key"][0])
            nodes.setdefault(speaker, []).append(min(tiers, key=TIERS.index) if granted else "")
    rights = {
        who: min(all_of, key=TIERS.index) for who, all_of in nodes.items() if "" not in all_of
    }
    rights[centre] = "centre"
    cuts: dict[bytes, list[set[bytes]]] = {}
    for row in _current_rows(rules, "_cut"):
        if not all(each is True or each == 1 for each in row["lifted"]):
            for node in row["node"]:
                for heads in row["heads"]:
                    cuts.setdefault(node, []).append(_bids(heads))
    cuts.pop(centre[0], None)
    admits = [row["blocks"] for row in _current_rows(rules, "_admit")]
    admitted = {bid for blocks in admits if len(blocks) == 1 for bid in _bids(blocks[0])}
    return rights, cuts, admitted


def _bids(joined: bytes) -> set[bytes]:
    return {joined[at : at + 32] for at in range(0, len(joined), 32)}


def _counts(
    held: Mapping[bytes, Held],
    block: Held,
    cuts: Mapping[bytes, list[set[bytes]]],
    admitted: set[bytes],
) -> bool:
    if block.bid in admitted:
        return True
    for heads in cuts.get(block.feed.node, []):
        inside = set()
        for head in heads:
            at = held.get(head)
            while at is not None:
                inside.add(at.bid)
                at = held.get(at.prev)
        if block.bid not in inside:
            return False
    return True
