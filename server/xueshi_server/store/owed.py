"""What records here have yet to do by a day that a pack sets, and what the county has received.

Neither grows with what is kept: of each type that moves the records are looked at up to a limit,
and receipts are asked for from the newest entries back.
"""

import datetime as dt
from dataclasses import dataclass
from sqlite3 import Row
from typing import Final

from xueshi_server.domain.credit import GONE_STATES
from xueshi_server.domain.packs.model import RecordType, Transition, Workflow
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.calendar import SchoolCalendar
from xueshi_server.domain.workflow import Position, day_of, open_steps, period_of
from xueshi_server.store.steps import may_act, read_positions
from xueshi_sync.body import K_BITS
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

# Records of a type that are looked at, and entries whose receipt is asked for.
LOOKED_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class OwedStep:
    """A step that a record has to take here by a day."""

    declared: RecordType
    workflow: Workflow
    row: Row
    name: str
    state: str
    move: Transition
    due: dt.date


@dataclass(frozen=True, slots=True)
class Received:
    """Of the entries looked at, from the newest back: how many the county has not received, the
    oldest of those, and whether there may be more; `total` are all entries."""

    total: int
    missing: int
    oldest: RecordKey | None
    oldest_entered_s: int
    is_least: bool


def list_owed(node: Node, pack: Pack, on: dt.date, until: dt.date) -> list[OwedStep]:
    """The steps to be taken here that are due by `until`, the most urgent first."""
    calendar, found = SchoolCalendar(pack.calendar), list[OwedStep]()
    for workflow in pack.workflows.values():
        declared = pack.types.get(workflow.of)
        moves = [each for each in workflow.step if each.deadline and not each.back]
        if declared is None or declared.id not in node.schema.by_name:
            continue
        if not any(may_act(node, pack, declared, each) for each in moves):
            continue
        alive = [row for row in _newest(node, declared) if _is_alive(declared, row)]
        names = [node.public_id(RecordKey(row["scope_no"], row["rec"])) for row in alive]
        positions = read_positions(node, workflow, names)
        for row, name in zip(alive, names, strict=True):
            here = positions[name]
            for move in open_steps(workflow, here):
                if move in moves and may_act(node, pack, declared, move):
                    due = _due(calendar, (workflow, declared, move), (row, here), on)
                    if due is not None and due <= until:
                        found.append(OwedStep(declared, workflow, row, name, here.state, move, due))
    return sorted(found, key=lambda each: (each.due, each.workflow.id, each.name))


def _newest(node: Node, declared: RecordType) -> list[Row]:
    """The records of each school that came here last, by the key of the table."""
    return node.query(
        f"""
        SELECT r.* FROM scope_key lane CROSS JOIN "{declared.id}" r
          ON r.scope_no = lane.scope_no AND r.rec IN (
            SELECT x.rec FROM "{declared.id}" x WHERE x.scope_no = lane.scope_no
            ORDER BY x.rec DESC LIMIT ?1
          )
        LIMIT ?1""",
        [LOOKED_MAX],
    )


def _is_alive(declared: RecordType, row: Row) -> bool:
    return row["state"] not in GONE_STATES if declared.kind == "ledger" else not row["deleted"]


def _due(
    calendar: SchoolCalendar,
    about: tuple[Workflow, RecordType, Transition],
    where: tuple[Row, Position],
    on: dt.date,
) -> dt.date | None:
    (workflow, declared, move), (row, position) = about, where
    dates = {
        each.id: dt.date.fromisoformat(row[each.id])
        for each in declared.field
        if each.type == "date" and row[each.id]
    }
    period = period_of(calendar, workflow, move, dates.get(declared.when or ""))
    due = day_of(move.deadline, on, dates, period)
    if move.to in move.from_ and due is not None:
        # Taken year after year: owed until it was taken in the year of the day.
        taken = [each.on.year for each in position.trail if each.step == move.id]
        return None if due.year in taken else due
    return due


def read_received(node: Node, of: str, total: int) -> Received:
    """What the county has of the entries of a type that stand at home, by its receipts."""
    rows = node.query(
        f'SELECT rec, entered_at FROM "{of}" WHERE scope_no = ? ORDER BY rec DESC LIMIT ?',
        [node.home_scope_no, LOOKED_MAX],
    )
    stages, missing = dict[int, str](), list[Row]()
    for row in rows:
        block = int(row["rec"]) >> K_BITS
        if block not in stages:
            stages[block] = node.passport(of, RecordKey(node.home_scope_no, row["rec"])).stage
        if stages[block] in ("here", "packed"):
            missing.append(row)
    oldest = missing[-1] if missing else None
    return Received(
        total,
        len(missing),
        RecordKey(node.home_scope_no, oldest["rec"]) if oldest else None,
        int(oldest["entered_at"]) if oldest else 0,
        len(missing) == LOOKED_MAX,
    )
