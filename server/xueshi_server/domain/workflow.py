"""How a record moves through a workflow: from the steps that were recorded to where it stands.

Pure. Steps come in any order and from anywhere. Each names the steps it follows, so where a record
stands depends on the set of steps alone: no clock decides. Two steps that follow the same one are
contested; the record stays where both left it until a step follows both.
A step that does not fit (a state it may not leave) is kept and shown, and moves nothing.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from xueshi_server.domain.packs.model import (
    Deadline,
    RecordType,
    Transition,
    Window,
    Workflow,
)
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.calendar import SchoolCalendar
from xueshi_server.domain.rules.spans import Span, in_year

Verdict = Literal["approve", "reject", ""]

# Which node acts for which tier of a role.
_ACTS: Final[Mapping[str, str]] = {
    "person": "school",
    "school": "school",
    "township": "township",
    "centre": "centre",
    "above": "centre",
    "outside": "centre",
}

# What a step can be refused with; the catalogue has a text for each as "step.<reason>".
REFUSALS: Final = (
    "wrong_state",
    "wrong_role",
    "papers_missing",
    "reason_missing",
    "late",
    "late_without_reason",
    "publicity_running",
    "quota_used_up",
    "gate_closed",
    "gate_unknown",
)


@dataclass(frozen=True, slots=True)
class TakenStep:
    """A recorded step. `after` holds the ids of the steps it follows; none at the start."""

    id: str
    step: str
    on: dt.date
    role: str = ""
    opinion: str = ""
    papers: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stands: its state, the steps that led there, and what could not be followed.

    `contested` are steps of which only one can be meant; `stray` fit nowhere.
    """

    state: str
    trail: tuple[TakenStep, ...]
    contested: tuple[TakenStep, ...] = ()
    stray: tuple[TakenStep, ...] = ()

    @property
    def heads(self) -> frozenset[str]:
        """What the next step has to follow."""
        if self.contested:
            return frozenset(step.id for step in self.contested)
        return frozenset({self.trail[-1].id}) if self.trail else frozenset()


@dataclass(frozen=True, slots=True)
class Wish:
    """A step somebody wants to take. `record` gives the date fields that deadlines look at,
    `period` the year that the record belongs to.

    `gates` maps rule ids to passed (True), not passed (False) or not known yet (None).
    """

    step: str
    role: str
    on: dt.date
    opinion: str = ""
    papers: frozenset[str] = frozenset()
    record: Mapping[str, dt.date | None] | None = None
    gates: Mapping[str, bool | None] | None = None
    quota: int | None = None
    quota_used: int = 0
    period: Span | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step may not be taken: a reason of REFUSALS and what it is about."""

    reason: str
    about: str = ""


def place_record(workflow: Workflow, taken: Iterable[TakenStep]) -> Position:
    """Follow the recorded steps from the first state; the same for every order of `taken`."""
    by_id = {step.id: step for step in taken}
    moves = {each.id: each for each in workflow.step}
    state = workflow.state[0].id
    trail: list[TakenStep] = []
    here: frozenset[str] = frozenset()
    contested: tuple[TakenStep, ...] = ()
    left = dict(sorted(by_id.items()))
    while True:
        fitting = [
            each
            for each in left.values()
            if each.after == here and each.step in moves and state in moves[each.step].from_
        ]
        if len(fitting) == 1:
            trail.append(fitting[0])
            state = moves[fitting[0].step].to
            here = frozenset({fitting[0].id})
        elif len(fitting) > 1:
            here = frozenset(each.id for each in fitting)
            contested = tuple(fitting)
        else:
            break
        for each in fitting:
            del left[each.id]
        contested = contested if len(fitting) > 1 else ()
    return Position(state, tuple(trail), contested, tuple(left.values()))


def open_steps(workflow: Workflow, position: Position) -> list[Transition]:
    """The steps that leave the state a record stands in."""
    return [each for each in workflow.step if position.state in each.from_]


def judge_wish(workflow: Workflow, position: Position, wish: Wish) -> list[Refusal]:
    """Say everything that stands against a step; empty where it may be taken."""
    move = next((each for each in workflow.step if each.id == wish.step), None)
    if move is None or position.state not in move.from_:
        return [Refusal("wrong_state", position.state)]
    found = []
    if wish.role != move.role:
        found.append(Refusal("wrong_role", move.role))
    missing = [paper for paper in move.papers if paper not in wish.papers]
    found += [Refusal("papers_missing", paper) for paper in missing]
    if move.reason and not wish.opinion.strip():
        found.append(Refusal("reason_missing"))
    found += _judge_time(workflow, position, move, wish)
    if wish.quota is not None and wish.quota_used >= wish.quota:
        found.append(Refusal("quota_used_up", str(wish.quota)))
    return found + _judge_gates(move.gate, wish.gates or {})


def _judge_time(
    workflow: Workflow, position: Position, move: Transition, wish: Wish
) -> list[Refusal]:
    found = []
    last_day = day_of(move.deadline, wish.on, wish.record or {}, wish.period)
    if last_day is not None and wish.on > last_day:
        if move.late == "reject":
            found.append(Refusal("late", last_day.isoformat()))
        elif move.late == "with_reason" and not wish.opinion.strip():
            found.append(Refusal("late_without_reason", last_day.isoformat()))
    until = publicity_until(workflow, position)
    if until is not None and not move.back and wish.on <= until:
        found.append(Refusal("publicity_running", until.isoformat()))
    return found


def _judge_gates(gates: Collection[str], results: Mapping[str, bool | None]) -> list[Refusal]:
    found = []
    for gate in gates:
        passed = results.get(gate)
        if passed is None:
            found.append(Refusal("gate_unknown", gate))
        elif not passed:
            found.append(Refusal("gate_closed", gate))
    return found


def acting_tier(pack: Pack, declared: RecordType, move: Transition) -> str:
    """The tier at whose node a step is taken; what only the centre holds moves there, whoever said
    so on paper."""
    if declared.place == "centre":
        return "centre"
    role = pack.roles.get(move.role)
    return _ACTS["school" if role is None else role.tier]


def verdict_of(workflow: Workflow, declared: RecordType, move: Transition) -> Verdict:
    """What the state that a step leads to says of the entry: a good one approves it, an end that
    is not good rejects it. Only entries that are judged have a verdict."""
    if declared.kind != "ledger" or not declared.judges:
        return ""
    state = next(each for each in workflow.state if each.id == move.to)
    if state.good:
        return "approve"
    return "reject" if state.final else ""


def list_unjudged_ends(pack: Pack) -> list[tuple[Workflow, Transition]]:
    """Steps that lead to a verdict but are taken where nobody may give it: there the record waits
    for review all the same."""
    return [
        (workflow, move)
        for workflow in pack.workflows.values()
        for move in workflow.step
        if (declared := pack.types.get(workflow.of)) is not None
        and verdict_of(workflow, declared, move)
        and acting_tier(pack, declared, move) not in declared.judges
    ]


def day_of(
    deadline: Deadline | None,
    on: dt.date,
    record: Mapping[str, dt.date | None],
    period: Span | None = None,
) -> dt.date | None:
    """The last day of a deadline: month and day in the record's period (else in the year of `on`),
    or days from a date field.

    A deadline that hangs on a date nobody has given yet binds nobody.
    """
    if deadline is None:
        return None
    if deadline.on is not None:
        year = on.year if period is None else period.first.year
        day = in_year(deadline.on, year)
        return day if period is None or day >= period.first else in_year(deadline.on, year + 1)
    day_of_field = record.get(deadline.field or "")
    return None if day_of_field is None else day_of_field + dt.timedelta(days=deadline.days)


def period_of(
    calendar: SchoolCalendar, workflow: Workflow, move: Transition, record: dt.date | None
) -> Span | None:
    """The year that a record belongs to by its own date. None: it has no date, or the step leads
    back to where it is taken, year after year."""
    if record is None or move.to in move.from_:
        return None
    return calendar.current(Window(kind=workflow.period), record, {})


def holds_place(workflow: Workflow, position: Position, step: str) -> bool:
    """Whether a record stands beyond a step: has taken it, was not sent back before it, and has
    not come to a bad end."""
    moves = {each.id: each for each in workflow.step}
    before = _states_before(workflow, moves[step])
    held = False
    for each in position.trail:
        move = moves[each.step]
        held = each.step == step or (held and not (move.back and move.to in before))
    state = next(each for each in workflow.state if each.id == position.state)
    return held and (state.good or not state.final)


def _states_before(workflow: Workflow, move: Transition) -> frozenset[str]:
    """The states from which a step still lies ahead, without going back."""
    found, waiting = set[str](), list(move.from_)
    while waiting:
        state = waiting.pop()
        if state not in found:
            found.add(state)
            for each in workflow.step:
                if each.to == state and not each.back:
                    waiting += each.from_
    return frozenset(found)


def publicity_until(workflow: Workflow, position: Position) -> dt.date | None:
    """The last day of the publicity period (公示) that the last step began, if it began one."""
    if not position.trail:
        return None
    last = position.trail[-1]
    move = next(each for each in workflow.step if each.id == last.step)
    if not move.publicity_days:
        return None
    return last.on + dt.timedelta(days=move.publicity_days)
