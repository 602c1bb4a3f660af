"""Objections of teachers to hours about them, and the answers: records of type `hour_objection`.

An answer is a record that names the objection. Both stand in the scope of the hours, so that the
school and the county hold them and nobody else. Either may answer; nothing is ever changed: the
hours are put right by a correction. An objection is open until somebody has answered it.
"""

import datetime as dt
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row
from typing import Final

from xueshi_server.store.hours import find_hour
from xueshi_server.store.people import find_person
from xueshi_server.store.records import OBJECTION
from xueshi_sync.errors import NodeStateError
from xueshi_sync.node import Node
from xueshi_sync.writer import Action, RecordKey

UPHELD: Final = "upheld"
OUTCOMES: Final = (UPHELD, "not_upheld")
# Read on one page; what waits comes first.
PAGE_ROWS: Final = 30
# Of one person, or to one record.
LISTED_MOST: Final = 500
# Where nodes kept objections before they were records; what was carried over keeps the other name.
FORMER_FILE: Final = "objections.db"
CARRIED_FILE: Final = "objections-carried.db"
_SELECT: Final = (
    f"SELECT o.*, a.name AS node_name, a.tier FROM {OBJECTION} o LEFT JOIN author a USING (author)"
)
_IS_OPEN: Final = (
    f"NOT EXISTS (SELECT 1 FROM {OBJECTION} n WHERE n.scope_no = o.scope_no AND n.answers = o.rec)"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said: who, at which node, on which day. An answer may have an outcome."""

    by: str
    node_name: str
    tier: str
    on: str
    text: str
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Objection:
    """What was said against hours, and every answer, first to last."""

    key: RecordKey
    name: str
    hour: RecordKey
    person: RecordKey
    said: Said
    answers: tuple[Said, ...]

    @property
    def is_open(self) -> bool:
        return not self.answers


def can_object(node: Node) -> bool:
    """Whether the tables of this node have a place for objections."""
    return OBJECTION in node.schema.by_name


# ---- writing


def object_to(node: Node, action: Action, hour: Row, text: str, day: dt.date) -> bool:
    """Write an objection to hours; not a second one while one waits for its answer."""
    key = RecordKey(hour["scope_no"], hour["rec"])
    before = list_objections(node, hour=key)
    if any(each.is_open for each in before):
        return False
    fields = {"hour": key.rec, "person": hour["person"], "date": day.isoformat(), "text": text}
    mark = f"objection-{key.scope_no}.{key.rec}-{len(before)}"
    action.insert(OBJECTION, fields, scope_no=key.scope_no, entry_id=mark)
    return True


def answer_objection(
    action: Action, objection: Objection, text: str, *, outcome: str, day: dt.date
) -> None:
    """Write an answer; the same node answers an objection once."""
    key = objection.key
    fields = {
        "hour": objection.hour.rec,
        "person": objection.person.rec,
        "date": day.isoformat(),
        "text": text,
        "answers": key.rec,
        "outcome": outcome or None,
    }
    mark = f"objection-answer-{key.scope_no}.{key.rec}"
    action.insert(OBJECTION, fields, scope_no=key.scope_no, entry_id=mark)


# ---- reading


def list_objections(
    node: Node,
    *,
    hour: RecordKey | None = None,
    person: RecordKey | None = None,
    start: int = 0,
    limit: int = LISTED_MOST,
) -> list[Objection]:
    """What waits for an answer first, then the newest; to hours, of a person, or all."""
    if not can_object(node):
        return []
    where, values = ["o.answers IS NULL"], list[int]()
    for name, key in (("hour", hour), ("person", person)):
        if key is not None:
            where.append(f"o.scope_no = ? AND o.{name} = ?")
            values += key
    rows = node.query(
        f"{_SELECT} WHERE {' AND '.join(where)}"
        f" ORDER BY {_IS_OPEN} DESC, o.date DESC, o.scope_no, o.rec DESC LIMIT ? OFFSET ?",
        [*values, limit, start],
    )
    return [_objection(node, each) for each in rows]


def find_objection(node: Node, key: RecordKey) -> Objection | None:
    """An objection by its key; None for an answer and for anything else."""
    if not can_object(node):
        return None
    rows = node.query(f"{_SELECT} WHERE o.scope_no = ? AND o.rec = ? AND o.answers IS NULL", [*key])
    return _objection(node, rows[0]) if rows else None


def list_open(node: Node, hours: Iterable[Row]) -> dict[RecordKey, Objection]:
    """The open objection to each of some hours, looked up by each of them."""
    keys = {RecordKey(each["scope_no"], each["rec"]) for each in hours}
    if not keys or not can_object(node):
        return {}
    places = ", ".join(["(?, ?)"] * len(keys))
    rows = node.query(
        f"SELECT o.*, a.name AS node_name, a.tier FROM (VALUES {places}) k"
        f" CROSS JOIN {OBJECTION} o ON o.scope_no = k.column1 AND o.hour = k.column2"
        f" LEFT JOIN author a USING (author) WHERE o.answers IS NULL AND {_IS_OPEN}",
        [value for key in keys for value in key],
    )
    return {RecordKey(each["scope_no"], each["hour"]): _objection(node, each) for each in rows}


def count_open(node: Node) -> int:
    """How many objections wait for an answer."""
    if not can_object(node):
        return 0
    sql = f"SELECT count(*) FROM {OBJECTION} o WHERE o.answers IS NULL AND {_IS_OPEN}"
    return int(node.query(sql)[0][0])


def _objection(node: Node, row: Row) -> Objection:
    scope_no = row["scope_no"]
    key = RecordKey(scope_no, row["rec"])
    answers = node.query(
        f"{_SELECT} WHERE o.scope_no = ? AND o.answers = ? ORDER BY o.date, o.entered_at, o.rec",
        [*key],
    )
    return Objection(
        key,
        node.public_id(key),
        RecordKey(scope_no, row["hour"] or 0),
        RecordKey(scope_no, row["person"] or 0),
        _said(row),
        tuple(_said(each) for each in answers),
    )


def _said(row: Row) -> Said:
    return Said(
        row["actor"] or "",
        row["node_name"] or "",
        row["tier"] or "",
        row["date"] or "",
        row["text"] or "",
        row["outcome"] or "",
    )


# ---- what nodes kept before


def carry_over(node: Node) -> int:
    """Write what a file of this node still keeps as records, once, and put the file aside under
    its other name; how many were carried. Cut short it goes on at the next call."""
    path = node.home / FORMER_FILE
    if not can_object(node) or not path.exists():
        return 0
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as db:
        db.row_factory = sqlite3.Row
        rows = db.execute("SELECT * FROM objection ORDER BY objection_id").fetchall()
        carried = sum(_carry(node, each) for each in rows)
        db.execute("PRAGMA journal_mode=DELETE")
    path.replace(_free_name(node.home))
    return carried


def _carry(node: Node, row: Row) -> bool:
    """One objection with its answer, under the days and the names it had; False when its hours
    are not here."""
    try:
        hour = find_hour(node, *node.find_record(row["record"]))
    except NodeStateError:
        return False
    person = find_person(node, hour["scope_no"], hour["person"]) if hour else None
    if hour is None or person is None:
        return False
    mark = f"objection-kept-{hour['scope_no']}.{hour['rec']}-{row['said_at_s']}"
    fields = {"hour": hour["rec"], "person": hour["person"]}
    said = {"date": _day(row["said_at_s"]), "text": row["reason"]}
    scope_no = hour["scope_no"]
    with node.write(actor=str(person["staff_no"] or "").lower()) as action:
        key = action.insert(OBJECTION, fields | said, scope_no=scope_no, entry_id=mark)
    if row["answer"]:
        answer = {"date": _day(row["answered_at_s"]), "text": row["answer"], "answers": key.rec}
        with node.write(actor=row["answered_by"]) as action:
            action.insert(OBJECTION, fields | answer, scope_no=scope_no, entry_id=f"{mark}-answer")
    return True


def _day(at_s: int) -> str:
    return dt.datetime.fromtimestamp(at_s).date().isoformat()


def _free_name(home: Path) -> Path:
    path, count = home / CARRIED_FILE, 1
    while path.exists():
        count += 1
        path = home / f"{Path(CARRIED_FILE).stem}-{count}.db"
    return path
