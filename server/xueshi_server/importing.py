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
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.errors import NoScopeError
from xueshi_server.record_tables import RowEntry, find_declared, headings_of, plan_rows
from xueshi_server.record_types import HOUR
from xueshi_server.store.hours import find_hour
from xueshi_server.store.people import load_people
from xueshi_server.store.records import default_scope, find_row
from xueshi_server.tabular import read_rows, read_table
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
    if type_name not in _PLANNERS:
        return _import_declared(node, type_name, path, _Run(dry_run, actor, progress))
    if node.role not in HOUR.writers:
        raise NoScopeError
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


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a plan is written to."""

    node: Node
    action: Action
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class _Run:
    """How an import is run."""

    dry_run: bool
    actor: str
    progress: Progress | None


def _import_declared(node: Node, type_name: str, path: Path, run: _Run) -> ImportReport:
    """Import records of any type that the pack declares."""
    pack, declared = find_declared(node, type_name)
    if node.role not in declared.writers:
        raise NoScopeError
    rows = _Counted(read_table(path, headings_of(node, pack, declared)), run.progress)
    plan = plan_rows(node, pack, declared, rows)
    added = 0
    if not (run.dry_run or plan.fault_count):
        with node.write(actor=run.actor) as action:
            added = _write_declared(_Target(node, action, run.progress), declared, plan)
    return ImportReport(
        type=type_name,
        rows=rows.count,
        added=added,
        known=0 if run.dry_run or plan.fault_count else rows.count - added,
        new_people=(),
        faults=tuple(plan.faults),
        fault_count=plan.fault_count,
        dry_run=run.dry_run,
    )


def _write_declared(target: _Target, declared: RecordType, plan: ImportPlan[RowEntry]) -> int:
    here = _keys_here(target.node, declared)
    added = 0
    for done, entry in enumerate(plan.entries, start=1):
        scope_no = default_scope(target.node, declared, entry.scope_no)
        mark = (scope_no, entry.values.get(declared.key or ""))
        if mark not in here and not _is_here(target.node, declared, entry):
            before = len(target.action.ops)
            target.action.insert(
                declared.id,
                entry.values,
                scope_no=entry.scope_no,
                entry_id=f"{declared.id}-{entry.entry_id}",
            )
            added += len(target.action.ops) > before
            if declared.kind == "register" and declared.key:
                here.add(mark)
        if target.progress is not None and done % _PROGRESS_ROWS == 0:
            target.progress(done, len(plan.entries))
    return added


def _keys_here(node: Node, declared: RecordType) -> set[tuple[int, object]]:
    """School and key of the records of a register; they are left as they are."""
    if declared.kind != "register" or declared.key is None:
        return set()
    rows = node.query(f'SELECT scope_no, "{declared.key}" AS k FROM "{declared.id}"')
    return {(row["scope_no"], row["k"]) for row in rows}


def _is_here(node: Node, declared: RecordType, entry: RowEntry) -> bool:
    """Whether a row with its own id is an export of an equal record that comes back."""
    if "." not in entry.entry_id:
        return False
    try:
        key = node.find_record(entry.entry_id)
    except SyncError:
        return False
    row = find_row(node, declared, key.scope_no, key.rec)
    return row is not None and all(
        (row[name] if row[name] != "" else None) == (None if value == "" else value)
        for name, value in entry.values.items()
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


def _people_here(node: Node) -> dict[str, tuple[int, str]]:
    return load_people(node, node.home_scope_no)


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
