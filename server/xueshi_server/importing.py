"""Import of a table: planned whole, then written in one action, or not at all.

Idempotent: a row has an entry id that the same file gives again, or a key that is here already
(see `record_tables`), so a second import of a file adds nothing. Memory is bounded by the limits
in `tabular`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xueshi_server.domain.fields import Value
from xueshi_server.domain.import_plan import ImportPlan, RawRow, RowFault
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.errors import NoScopeError
from xueshi_server.record_columns import PERSON
from xueshi_server.record_tables import (
    Cell,
    Pointer,
    RowEntry,
    find_declared,
    headings_of,
    plan_rows,
)
from xueshi_server.store.people import load_people
from xueshi_server.store.records import default_scope, find_row
from xueshi_server.tabular import read_table
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
    """Import the file `path` (xlsx, csv, jsonl) of record type `type_name` into `node`.

    Raises UnknownTypeError, NoScopeError, and what `tabular` refuses a file with.
    """
    pack, declared = find_declared(node, type_name)
    if node.role not in declared.writers:
        raise NoScopeError
    rows = _Counted(read_table(path, headings_of(node, pack, declared)), progress)
    plan = plan_rows(node, pack, declared, rows)
    added = 0
    if not (dry_run or plan.fault_count):
        with node.write(actor=actor) as action:
            added = _Writing(node, action, declared, progress).write(plan)
    return ImportReport(
        type=type_name,
        rows=rows.count,
        added=added,
        known=0 if dry_run or plan.fault_count else rows.count - added,
        new_people=tuple((number, name) for (_, number), name in plan.new_people.items()),
        faults=tuple(plan.faults),
        fault_count=plan.fault_count,
        dry_run=dry_run,
    )


class _Writing:
    """Writes a plan in an action, under the write lock: another import may have been first."""

    def __init__(
        self, node: Node, action: Action, declared: RecordType, progress: Progress | None
    ) -> None:
        self._node, self._action, self._declared = node, action, declared
        self._progress = progress
        self._fields = [each for each in declared.field if each.id != declared.corrects]
        self._keyed = declared.key if declared.kind == "register" else None
        self._keys = self._keys_here()
        self._people: dict[tuple[int, str], int] = {}

    def write(self, plan: ImportPlan[RowEntry]) -> int:
        """Write the people who come along, then every record; the number of new records."""
        if self._declared.id != PERSON:
            self._write_people(plan.new_people)
        added = 0
        for done, entry in enumerate(plan.entries, start=1):
            added += self._write_entry(entry)
            if self._progress is not None and done % _PROGRESS_ROWS == 0:
                self._progress(done, len(plan.entries))
        return added

    def _write_people(self, coming: Mapping[tuple[int, str], str]) -> None:
        here = {scope_no: load_people(self._node, scope_no) for scope_no, _ in coming}
        for (scope_no, number), name in coming.items():
            known = here[scope_no].get(number)
            values = {"staff_no": number, "name": name, "active": True}
            self._people[scope_no, number] = (
                self._action.insert(PERSON, values, scope_no=scope_no).rec
                if known is None
                else known[0]
            )

    def _write_entry(self, entry: RowEntry) -> bool:
        declared = self._declared
        scope_no = default_scope(self._node, declared, entry.scope_no)
        values = {
            each.id: self._value(scope_no, cell)
            for each, cell in zip(self._fields, entry.cells, strict=True)
        }
        key = values.get(self._keyed) if self._keyed else None
        if key is not None:
            if (scope_no, key) in self._keys:
                return False
            self._keys.add((scope_no, key))
            # What is here goes by its key alone: a record that was removed may come again.
            self._action.insert(declared.id, values, scope_no=entry.scope_no)
            return True
        if self._is_here(entry, values):
            return False
        before = len(self._action.ops)
        entry_id = f"{declared.id}-{entry.entry_id}"
        self._action.insert(declared.id, values, scope_no=entry.scope_no, entry_id=entry_id)
        return len(self._action.ops) > before

    def _value(self, scope_no: int, cell: Cell) -> Value:
        if not isinstance(cell, Pointer):
            return cell
        return self._people[scope_no, cell.name] if cell.rec is None else cell.rec

    def _keys_here(self) -> set[tuple[int, object]]:
        """School and key of the records of a register; they are left as they are."""
        if self._keyed is None:
            return set()
        rows = self._node.query(
            f'SELECT scope_no, "{self._keyed}" AS k FROM "{self._declared.id}" WHERE NOT deleted'
        )
        return {(row["scope_no"], row["k"]) for row in rows}

    def _is_here(self, entry: RowEntry, values: Mapping[str, Value]) -> bool:
        """Whether a row with its own id is an export of an equal record that comes back."""
        if "." not in entry.entry_id:
            return False
        try:
            key = self._node.find_record(entry.entry_id)
        except SyncError:
            return False
        row = find_row(self._node, self._declared, key.scope_no, key.rec)
        return row is not None and all(
            (row[name] if row[name] != "" else None) == (None if value == "" else value)
            for name, value in values.items()
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
