"""Steps of workflows: where a record stands, which steps it may take, and taking one.

A step is a record of the type `step`; where a record stands follows from all its steps. A step
names the record by its public name, so the record is sealed first.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from sqlite3 import Row
from typing import Any, Final

from xueshi_server.domain.credit import GONE_STATES
from xueshi_server.domain.packs.amounts import read_fraction
from xueshi_server.domain.packs.measures import Formula
from xueshi_server.domain.packs.model import RecordType, Transition, Workflow
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.calendar import SchoolCalendar
from xueshi_server.domain.rules.facts import Facts, Key, RecordKey
from xueshi_server.domain.rules.results import Result
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.workflow import (
    Position,
    Refusal,
    TakenStep,
    Verdict,
    Wish,
    acting_tier,
    holds_place,
    judge_wish,
    open_steps,
    period_of,
    place_record,
    verdict_of,
)
from xueshi_server.store.records import STEP, find_row, is_astray
from xueshi_server.store.requirements import Requirements
from xueshi_sync.node import Node
from xueshi_sync.writer import Action
from xueshi_sync.writer import RecordKey as LocalKey

_PARAMETERS_MAX: Final = 500
_GATE: Final[Mapping[str, bool]] = {
    "pass": True,
    "exempt": True,
    "not_set": True,
    "fail": False,
    "vetoed": False,
    "at_risk": False,
    "on_track": False,
}


@dataclass(frozen=True, slots=True)
class Moving:
    """A record on its way: its workflow, where it stands."""

    pack: Pack
    workflow: Workflow
    declared: RecordType
    row: Row
    position: Position


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that leaves the present state, and what stands against it before anything is said."""

    move: Transition
    here: bool
    refusals: tuple[Refusal, ...]
    verdict: Verdict = ""


def workflow_of(pack: Pack, of: str) -> Workflow | None:
    """The workflow of a record type."""
    return next((each for each in pack.workflows.values() if each.of == of), None)


def read_position(node: Node, workflow: Workflow, name: str) -> Position:
    """Where the record of a public name stands."""
    return read_positions(node, workflow, [name])[name]


def read_positions(node: Node, workflow: Workflow, names: Sequence[str]) -> dict[str, Position]:
    """Where each record of some public names stands."""
    taken: dict[str, list[TakenStep]] = {name: [] for name in names}
    for start in range(0, len(names), _PARAMETERS_MAX):
        some = names[start : start + _PARAMETERS_MAX]
        rows = node.query(
            f"SELECT * FROM {STEP} WHERE record IN ({', '.join('?' * len(some))})"
            f" AND workflow = ? AND state NOT IN {GONE_STATES!r}",
            [*some, workflow.id],
        )
        for row in rows:
            taken[row["record"]].append(_taken(node, row))
    return {name: place_record(workflow, steps) for name, steps in taken.items()}


def _taken(node: Node, row: Row) -> TakenStep:
    return TakenStep(
        node.public_id(LocalKey(row["scope_no"], row["rec"])),
        row["step"],
        dt.date.fromisoformat(row["date"]),
        row["role"] or "",
        row["opinion"] or "",
        _names(row["papers"]),
        _names(row["after"]),
    )


def _names(text: str | None) -> frozenset[str]:
    return frozenset(text.split("|")) if text else frozenset()


def read_moving(node: Node, pack: Pack, declared: RecordType, row: Row) -> Moving | None:
    """A record with its workflow; None where its type has none."""
    workflow = workflow_of(pack, declared.id)
    if workflow is None:
        return None
    name = node.public_id(LocalKey(row["scope_no"], row["rec"]))
    return Moving(pack, workflow, declared, row, read_position(node, workflow, name))


def may_act(node: Node, pack: Pack, declared: RecordType, move: Transition) -> bool:
    """Whether the role of a step acts at this node."""
    acts = acting_tier(pack, declared, move)
    return acts == node.role or (acts == "township" and node.role == "centre")


def verdict_with(node: Node, moving: Moving, move: Transition) -> Verdict:
    """The verdict that a step gives by leading to its state: only where this node may judge the
    type, and where the entry does not stand so already."""
    verdict = verdict_of(moving.workflow, moving.declared, move)
    if not verdict or node.role not in moving.declared.judges:
        return ""
    stands = {"approve": ("approved", "replaced", "void"), "reject": ("rejected", "void")}
    astray = is_astray(node, moving.declared, moving.row["scope_no"])
    return "" if astray or moving.row["state"] in stands[verdict] else verdict


def list_open(node: Node, moving: Moving, on: dt.date) -> list[OpenStep]:
    """The steps that leave the state a record stands in, with what closed gates say."""
    found = []
    moves = open_steps(moving.workflow, moving.position)
    gates = read_gates(node, moving, [gate for each in moves for gate in each.gate], on)
    for move in moves:
        wish = _wish(node, moving, move, on, opinion="-", papers=frozenset(move.papers))
        wish = replace(wish, gates=gates)
        refusals = judge_wish(moving.workflow, moving.position, wish)
        here = may_act(node, moving.pack, moving.declared, move)
        verdict = verdict_with(node, moving, move) if here else ""
        found.append(OpenStep(move, here, tuple(refusals), verdict))
    return found


def take_step(
    node: Node,
    moving: Moving,
    wanted: Mapping[str, Any],
    *,
    on: dt.date,
    actor: str,
) -> list[Refusal]:
    """Take a step (`step`, `opinion`, `papers` of `wanted`) and, where it leads to a good or a bad
    end, give the verdict with it; what is refused writes nothing.

    Whoever may take steps but not judge sets `judges` of `wanted` to False; `corrected` is the
    reason noted on an entry that the approved one takes the place of.
    """
    move = next((each for each in moving.workflow.step if each.id == wanted["step"]), None)
    if move is None:
        return [Refusal("wrong_state", moving.position.state)]
    refusals, wish = _judge_step(node, moving, move, wanted, on)
    if not refusals:
        node.replica.seal()
        with node.write(actor=actor) as action:
            judges = wanted.get("judges", True)
            older = corrected_by(node, moving.declared, moving.row)
            if write_step(node, action, moving, wish, judges=judges) == "approve" and older:
                of = moving.declared.id
                action.judge(of, older, "void", reason=wanted.get("corrected", ""))
        node.replica.seal()
    return refusals


def _judge_step(
    node: Node, moving: Moving, move: Transition, wanted: Mapping[str, Any], on: dt.date
) -> tuple[list[Refusal], Wish]:
    wish = _wish(
        node, moving, move, on, opinion=wanted["opinion"], papers=frozenset(wanted["papers"])
    )
    if not may_act(node, moving.pack, moving.declared, move):
        return [Refusal("wrong_role", move.role)], wish
    wish = replace(wish, gates=read_gates(node, moving, move.gate, on))
    return judge_wish(moving.workflow, moving.position, wish), wish


def plan_closings(
    node: Node, pack: Pack, declared: RecordType, keys: Iterable[LocalKey], verdict: str, said: Wish
) -> dict[LocalKey, tuple[Moving, Wish]]:
    """The steps that a verdict on records takes with it, where their type moves at all; `said` has
    the day and the reason."""
    if workflow_of(pack, declared.id) is None:
        return {}
    # A step names its record by the public name.
    node.replica.seal()
    found = {}
    for key in keys:
        row = find_row(node, declared, *key)
        moving = None if row is None else read_moving(node, pack, declared, row)
        wish = None if moving is None else _closing_wish(node, moving, verdict, said)
        if moving is not None and wish is not None:
            found[key] = (moving, wish)
    return found


def _closing_wish(node: Node, moving: Moving, verdict: str, said: Wish) -> Wish | None:
    """The one step that leads to a verdict from where the record stands, acts here, needs no paper
    and no place, and that nothing stands against."""
    moves = [
        move
        for move in open_steps(moving.workflow, moving.position)
        if not move.papers
        and move.quota is None
        and may_act(node, moving.pack, moving.declared, move)
        and verdict_with(node, moving, move) == verdict
    ]
    if len(moves) != 1:
        return None
    wanted = {"opinion": said.opinion, "papers": ()}
    refusals, wish = _judge_step(node, moving, moves[0], wanted, said.on)
    return None if refusals else wish


def write_step(
    node: Node, action: Action, moving: Moving, wish: Wish, *, judges: bool = True
) -> Verdict:
    """Write a step and the verdict that it gives into one action, and return this; the record is
    sealed. A step that stands already writes nothing."""
    key = LocalKey(moving.row["scope_no"], moving.row["rec"])
    name = node.public_id(key)
    fields = {
        "record": name,
        "workflow": moving.workflow.id,
        "step": wish.step,
        "date": wish.on.isoformat(),
        "role": wish.role,
        "opinion": wish.opinion,
        "papers": "|".join(sorted(wish.papers)),
        "after": "|".join(sorted(moving.position.heads)),
    }
    # A school may not write beside the county's own records: its steps stay with it.
    scope_no = key.scope_no if node.role == "centre" else None
    entry_id = f"step-{name}-{wish.step}-{fields['after']}"[:200]
    is_new = action.feeds.entry(entry_id) is None
    action.insert(STEP, fields, scope_no=scope_no, entry_id=entry_id)
    move = next(each for each in moving.workflow.step if each.id == wish.step)
    verdict = verdict_with(node, moving, move) if judges and is_new else ""
    if verdict:
        action.judge(moving.declared.id, key, verdict, reason=wish.opinion)
    return verdict


def corrected_by(node: Node, declared: RecordType, row: Row) -> LocalKey | None:
    """The entry still waiting that an approved one takes the place of."""
    rec = row[declared.corrects] if declared.corrects else None
    if not rec:
        return None
    older = find_row(node, declared, row["scope_no"], rec)
    waits = older is not None and older["state"] == "pending"
    return LocalKey(row["scope_no"], rec) if waits else None


def _wish(
    node: Node,
    moving: Moving,
    move: Transition,
    on: dt.date,
    *,
    opinion: str,
    papers: frozenset[str],
) -> Wish:
    declared, row = moving.declared, moving.row
    dates = {each.id: _day(row[each.id]) for each in declared.field if each.type == "date"}
    calendar = SchoolCalendar(moving.pack.calendar)
    period = period_of(calendar, moving.workflow, move, dates.get(declared.when or ""))
    places = _places(moving.pack, move)
    used = 0 if places is None else _count_places_taken(node, moving, move, period)
    return Wish(
        move.id, move.role, on, opinion, papers, dates,
        quota=places, quota_used=used, period=period,
    )  # fmt: skip


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _places(pack: Pack, move: Transition) -> int | None:
    """How many places a step has; None: as many as want it, or nobody has said."""
    quota, per = move.quota, 1
    if isinstance(quota, Formula):
        known = pack.parameters.get(quota.param or "")
        per = quota.per or 1
        quota = str(known.value) if known else None
    exact = None if quota is None else read_fraction(str(quota))
    return None if exact is None else (int(exact) if per == 1 else ceil(exact / per))


def _count_places_taken(node: Node, moving: Moving, move: Transition, period: Span | None) -> int:
    """How many other records of the period stand beyond a step: of the same school where the
    school takes the step, else of all that are here."""
    declared, own = moving.declared, LocalKey(moving.row["scope_no"], moving.row["rec"])
    alive = f"state NOT IN {GONE_STATES!r}"
    where, values = [alive if declared.kind == "ledger" else "NOT deleted"], list[Any]()
    if period is not None:
        where.append(f'"{declared.when}" BETWEEN ? AND ?')
        values += period.days()
    if acting_tier(moving.pack, declared, move) == "school":
        where.append("scope_no = ?")
        values.append(own.scope_no)
    sql = f'SELECT scope_no, rec FROM "{declared.id}" WHERE {" AND ".join(where)}'
    keys = (LocalKey(row["scope_no"], row["rec"]) for row in node.query(sql, values))
    names = [node.public_id(key) for key in keys if key != own]
    positions = read_positions(node, moving.workflow, names)
    return sum(holds_place(moving.workflow, each, move.id) for each in positions.values())


def read_gates(node: Node, moving: Moving, gates: list[str], on: dt.date) -> dict[str, bool | None]:
    """Each gate: open, closed, or not known yet."""
    if not gates:
        return {}
    with Requirements.open(node) as requirements:
        facts = requirements.facts
        key = (facts.scopes[moving.row["scope_no"]], int(moving.row["rec"]))
        results = judge_for(requirements, moving.pack, moving.declared.id, key, set(gates), on)
    return {each: _GATE.get(results[each].status) if each in results else None for each in gates}


def judge_for(
    requirements: Requirements,
    pack: Pack,
    of: str,
    key: RecordKey,
    rules: set[str],
    on: dt.date,
) -> dict[str, Result]:
    """What rules say of the subjects that one record is, or is about."""
    row = next(iter(requirements.facts.rows(of, (), [key])), None)
    if row is None:
        return {}
    kinds = {pack.rules[each].scope for each in rules if each in pack.rules}
    subjects = {kind: subject_keys(pack, requirements.facts, kind, of, dict(row)) for kind in kinds}
    asked = {kind: keys for kind, keys in subjects.items() if keys}
    evaluation = requirements.judge(pack, on, rules=rules, subjects=asked)
    found: dict[str, Result] = {}
    for each in evaluation.results:
        found.setdefault(each.rule, each)
    return found


def subject_keys(pack: Pack, facts: Facts, kind: str, of: str, row: Mapping[str, Any]) -> list[Key]:
    """The keys of the subjects of a kind that a record is, or that it names."""
    if kind in ("school", "county"):
        return [(row["scope"],)] if kind == "school" else [()]
    declared = pack.subjects.get(kind)
    if declared is None or declared.of is None:
        return []
    if declared.per:
        key = tuple(row.get(each) for each in declared.per)
        return [] if None in key else [key]
    if declared.of == of:
        return [(row["scope"], row["rec"])]
    found = _named_by(pack, facts, declared.of, of, row)
    if found or "person" in (of, declared.of):
        return found
    # Two steps away: a registration names a title, whose holder a rule judges.
    return [
        far
        for each in pack.types[of].field
        if each.to and each.to != declared.of and each.to in pack.types
        for near in _named_by(pack, facts, each.to, of, row)
        for target in facts.rows(each.to, (), [_pair(near)])
        for far in _named_by(pack, facts, declared.of, each.to, target)
    ][:1]


def _named_by(pack: Pack, facts: Facts, wanted: str, of: str, row: Mapping[str, Any]) -> list[Key]:
    for each in pack.types[of].field:
        value = row.get(each.id)
        if each.to != wanted or value in (None, ""):
            continue
        if each.type == "ref":
            return [(row["scope"], value)]
        key = pack.types[wanted].key
        for other in facts.rows(wanted):
            if key and other.get(key) == value:
                return [(other["scope"], other["rec"])]
    return []


def _pair(key: Key) -> RecordKey:
    scope, rec = key
    return str(scope), int(str(rec))
