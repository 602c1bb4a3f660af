"""Import of a table: planned whole, then written in one action, or not at all.

Idempotent: every row has an entry id that the same file gives again (see `domain.import_plan`), so
a second import of a file adds nothing. Memory is bounded by the limits in `tabular`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from xueshi_server.domain.import_plan import (
    HourEntry,
    ImportPlan,
    PersonEntry,
    RawRow,
    RowFault,
    plan_hour_import,
    plan_person_import,
)
from xueshi_server.errors import NoScopeError, UnknownTypeError
from xueshi_server.record_types import HOUR
from xueshi_server.store.hours import find_hour
from xueshi_server.store.people import load_people
from xueshi_server.tabular import read_rows
from xueshi_sync.errors import SyncError
from xueshi_sync.node import Node
from xueshi_sync.writer import Action

# progress(rows done, rows in all or None while that is unknown)
Progress = Callable[[int, int | None], None]
_PROGRESS_ROWS = 1000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do (`dry_run`). With faults nothing was written."""

    type: str
    rows: int
    added: int
    known: int
    new_people: tuple[tuple[str, str], ...]
    faults: tuple[RowFault, ...]
    fault_count: int
    dry_run: bool

    @property
    def refused(self) -> bool:
        """Whether the file has to be mended first."""
        return self.fault_count > 0


def import_rows(
    node: Node,
    type_name: str,
    path: Path,
    *,
    dry_run: bool = False,
    actor: str = "",
    progress: Progress | None = None,
) -> ImportReport:
    """Import the file `path` (xlsx, csv, jsonl) of record type `type_name` into `node`."""
    if node.role not in HOUR.writers:
        raise NoScopeError
    if type_name not in _PLANNERS:
        raise UnknownTypeError(type=type_name)
    names = {staff_no: name for staff_no, (_, name) in _people_here(node).items()}
    rows = _Counted(read_rows(path, type_name), progress)
    plan: ImportPlan[Any]
    plan = _PLANNERS[type_name](rows, names)
    added = 0
    if not (dry_run or plan.fault_count):
        with node.write(actor=actor) as action:
            added = _WRITERS[type_name](_Target(node, action, progress), plan)
    return ImportReport(
        type=type_name,
        rows=rows.count,
        added=added,
        known=0 if dry_run or plan.fault_count else rows.count - added,
        new_people=tuple(plan.new_people.items()),
        faults=tuple(plan.faults),
        fault_count=plan.fault_count,
        dry_run=dry_run,
    )


class _Counted:
    """Rows as they are read, counted, with progress told now and then."""

    def __init__(self, rows: Iterator[RawRow], progress: Progress | None) -> None:
        self._rows = rows
        self._progress = progress
        self.count = 0

    def __iter__(self) -> Iterator[RawRow]:
        for row in self._rows:
            self.count += 1
            if self._progress is not None and self.count % _PROGRESS_ROWS == 0:
                self._progress(self.count, None)
            yield row


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a plan is written to."""

    node: Node
    action: Action
    progress: Progress | None


def _people_here(node: Node) -> dict[str, tuple[int, str]]:
    return load_people(node, node.replica.home_scope_no)


def _write_people(target: _Target, plan: ImportPlan[PersonEntry]) -> int:
    here = _people_here(target.node)
    missing = [entry for entry in plan.entries if entry.staff_no not in here]
    for entry in missing:
        _add_person(target.action, entry.staff_no, entry.name, entry.active)
    return len(missing)


def _add_person(action: Action, staff_no: str, name: str, active: bool) -> int:
    return action.insert("person", {"staff_no": staff_no, "name": name, "active": active}).rec


def _write_hours(target: _Target, plan: ImportPlan[HourEntry]) -> int:
    # Asked again under the write lock: another import may have made the same people.
    recs = {staff_no: rec for staff_no, (rec, _) in _people_here(target.node).items()}
    for staff_no, name in plan.new_people.items():
        if staff_no not in recs:
            recs[staff_no] = _add_person(target.action, staff_no, name, True)
    for done, entry in enumerate(plan.entries, start=1):
        fields = _fields_of(entry, recs)
        if not _is_exported_from_here(target.node, entry.entry_id, fields):
            target.action.insert("hour", fields, entry_id=f"hour-{entry.entry_id}")
        if target.progress is not None and done % _PROGRESS_ROWS == 0:
            target.progress(done, len(plan.entries))
    return len(target.action.entries)


def _is_exported_from_here(node: Node, own_id: str, fields: Mapping[str, object]) -> bool:
    """Whether a row with that `id` is an export of an equal record that comes back."""
    if "." not in own_id:
        return False
    try:
        key = node.find_record(own_id)
    except SyncError:
        return False
    row = find_hour(node, key.scope_no, key.rec)
    return row is not None and all(row[name] == value for name, value in fields.items())


def _fields_of(entry: HourEntry, recs: dict[str, int]) -> dict[str, object]:
    return {
        "person": recs[entry.staff_no],
        "date": entry.date,
        "form": entry.form,
        "category": entry.category,
        "title": entry.title,
        "minutes": entry.minutes,
        "note": entry.note,
        "recorded_by": entry.recorded_by,
    }


_PLANNERS: Final[Mapping[str, Callable[..., ImportPlan[Any]]]] = {
    "hour": plan_hour_import,
    "person": plan_person_import,
}
_WRITERS: Final[Mapping[str, Callable[..., int]]] = {"hour": _write_hours, "person": _write_people}
