"""Import of a table: planned whole, then written in one action, or not at all.

Idempotent: a row has an entry id that the same file gives again, or a key that is here already
(see `record_tables`), so a second import of a file adds nothing. Memory is bounded by the limits
in `tabular`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from xueshi_server.domain.fields import Value, show_field
from xueshi_server.domain.import_plan import ImportPlan, RawRow, RowFault
from xueshi_server.domain.packs.model import FieldDeclaration
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.errors import MissingHeaderError, NoScopeError
from xueshi_server.import_preview import PreviewWriter, Standing
from xueshi_server.locked_file import TableFile
from xueshi_server.record_columns import PERSON, columns_of
from xueshi_server.record_tables import (
    Cell,
    Pointer,
    RowEntry,
    find_declared,
    headings_of,
    plan_rows,
)
from xueshi_server.records_here import RecordsHere
from xueshi_server.store.people import load_people
from xueshi_server.store.records import default_scope
from xueshi_server.tabular import Table, open_table
from xueshi_sync.node import Node
from xueshi_sync.writer import Action

# progress(rows done, rows in all or None while that is unknown)
Progress = Callable[[int, int | None], None]
_PROGRESS_ROWS = 1000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do (`dry_run`). With faults nothing was written.

    `columns` maps each column found to its letter and heading; `left_out` are the first of the
    `left_out_count` rows that are totals, notes or signatures, with how they begin.
    """

    type: str
    rows: int
    added: int
    known: int
    new_people: tuple[tuple[str, str], ...]
    faults: tuple[RowFault, ...]
    fault_count: int
    dry_run: bool
    # Rows that a dry run would have added.
    would_add: int = 0
    sheet: str = ""
    header_row: int = 0
    columns: Mapping[str, tuple[str, str]] | None = None
    not_taken: tuple[str, ...] = ()
    left_out: tuple[tuple[int, str], ...] = ()
    left_out_count: int = 0
    hidden_rows: int = 0
    # Rows that say what a record says that came another way.
    twins: int = 0

    @property
    def refused(self) -> bool:
        """Whether the file has to be mended first."""
        return self.fault_count > 0

    def letter(self, name: str) -> str:
        """The letter of the column of a field; empty where the file has no letters."""
        return (self.columns or {}).get(name, ("", ""))[0]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read: which of its sheets, and in which language a preview of it is kept."""

    sheet: str = ""
    preview: Path | None = None
    language: str = "zh"


def import_rows(
    node: Node,
    type_name: str,
    path: TableFile,
    *,
    dry_run: bool = False,
    actor: str = "",
    progress: Progress | None = None,
    reading: Reading | None = None,
) -> ImportReport:
    """Import the file `path` (xlsx, csv, jsonl) of record type `type_name` into `node`.

    Raises UnknownTypeError, NoScopeError, and what `tabular` refuses a file with.
    """
    pack, declared = find_declared(node, type_name)
    if node.role not in declared.writers:
        raise NoScopeError
    reading = reading or Reading()
    with ExitStack() as stack:
        headings = headings_of(node, pack, declared)
        table = stack.enter_context(open_table(path, headings, sheet=reading.sheet))
        rows = _Counted(table.rows, progress)
        fields = columns_of(pack, declared).fields
        said = {fields[name].id for name in table.columns or fields if name in fields}
        # Row by row only what is checked is held against the records here, or what was refused.
        watch = None
        if dry_run:
            watch = _Watch(node, pack, RecordsHere(node, declared, said), reading.language)
            if reading.preview is not None:
                watch.writer = stack.enter_context(_preview(reading.preview, table, fields))
        plan = plan_rows(node, pack, declared, rows, watch=watch)
    if plan.fault_count and not dry_run and reading.preview is not None:
        report = import_rows(node, type_name, path, dry_run=True, actor=actor, reading=reading)
        return replace(report, dry_run=False)
    outcome = _Outcome(rows.count, 0, 0, 0, dry_run)
    if watch is not None:
        outcome = outcome._replace(would_add=watch.added, twins=watch.twins)
    elif not plan.fault_count:
        with node.write(actor=actor) as action:
            here = RecordsHere(node, declared, said)
            added = _Writing(node, action, here, progress).write(plan)
        outcome = outcome._replace(added=added, twins=here.twins)
    return _report(type_name, table, plan, outcome)


def _preview(path: Path, table: Table, fields: Mapping[str, FieldDeclaration]) -> PreviewWriter:
    sealed = [name for name, each in fields.items() if each.type == "sealed"]
    return PreviewWriter(path, tuple(table.columns) or tuple(fields), sealed)


def name_missing(error: MissingHeaderError, labels: Mapping[str, str]) -> None:
    """Put what people call the missing columns into the error."""
    names = str(error.fields["missing"]).split(", ")
    error.fields["missing"] = ", ".join(labels.get(name, name) for name in names)


class Say(Protocol):
    """Words a key in the language of whoever reads."""

    def __call__(self, key: str, **values: object) -> str: ...


def word_notes(report: ImportReport, say: Say) -> list[str]:
    """What else a person should know of how a file was read, in sentences."""
    notes = []
    if report.sheet:
        notes.append(say("files.note.sheet", sheet=report.sheet, row=report.header_row))
    elif report.header_row > 1:
        notes.append(say("files.note.header", row=report.header_row))
    if report.not_taken:
        notes.append(say("files.note.not_taken", columns=", ".join(report.not_taken)))
    if report.left_out:
        rows = "; ".join(
            say("files.note.left_out_row", row=row, text=text) for row, text in report.left_out[:5]
        ) + (" ..." if report.left_out_count > 5 else "")
        notes.append(say("files.note.left_out", n=report.left_out_count, rows=rows))
    if report.twins:
        notes.append(say("files.note.twins", n=report.twins))
    if report.hidden_rows:
        notes.append(say("files.note.hidden", n=report.hidden_rows))
    return notes


class _Outcome(NamedTuple):
    rows: int
    added: int
    would_add: int
    twins: int
    dry_run: bool


def _report(
    type_name: str, table: Table, plan: ImportPlan[RowEntry], outcome: _Outcome
) -> ImportReport:
    dry_run, rows = outcome.dry_run, outcome.rows
    return ImportReport(
        type=type_name,
        rows=rows,
        added=outcome.added,
        known=0 if dry_run or plan.fault_count else rows - outcome.added,
        new_people=tuple((number, name) for (_, number), name in plan.new_people.items()),
        faults=tuple(plan.faults),
        fault_count=plan.fault_count,
        dry_run=dry_run,
        would_add=outcome.would_add if dry_run and not plan.fault_count else 0,
        sheet=table.sheet,
        header_row=table.header_row,
        columns=table.columns,
        not_taken=table.not_taken,
        left_out=tuple(table.left_out),
        left_out_count=table.left_out_count,
        hidden_rows=table.hidden_rows,
        twins=outcome.twins,
    )


class _Watch:
    """Counts what an import would add, and writes the preview where one is wanted."""

    def __init__(self, node: Node, pack: Pack, here: RecordsHere, language: str) -> None:
        self._node, self._pack, self._here = node, pack, here
        self._declared = declared = here.declared
        self._language = language
        self._said: dict[int, dict[object, str]] = {}
        self.columns = columns_of(pack, declared).fields
        self.writer: PreviewWriter | None = None
        self.added = 0

    @property
    def twins(self) -> int:
        """Rows whose record came another way."""
        return self._here.twins

    def __call__(self, row: RawRow, entry: RowEntry | None, faults: Sequence[RowFault]) -> None:
        """Note what became of a row."""
        standing: Standing = "faulty"
        if not faults:
            standing = "new" if entry is not None and self._is_new(entry) else "known"
        self.added += standing == "new"
        if self.writer is not None:
            shown = {} if entry is None else self._show(entry)
            self.writer.add(row, standing, shown, faults)

    def _is_new(self, entry: RowEntry) -> bool:
        scope_no = default_scope(self._node, self._declared, entry.scope_no)
        values: dict[str, Value] = {}
        for each, cell in zip(self._here.fields, entry.cells, strict=True):
            if not isinstance(cell, Pointer):
                values[each.id] = cell
            elif cell.rec is not None:
                values[each.id] = cell.rec
            else:
                return True
        return not self._here.is_known(entry, scope_no, values)

    def _show(self, entry: RowEntry) -> dict[str, str]:
        shown = {}
        for place, ((name, each), cell) in enumerate(
            zip(self.columns.items(), entry.cells, strict=True)
        ):
            if isinstance(cell, Pointer):
                shown[name] = cell.name
                continue
            said = self._said.setdefault(place, {})
            if cell not in said and len(said) < _PROGRESS_ROWS:
                said[cell] = self._say(each, cell)
            shown[name] = said[cell] if cell in said else self._say(each, cell)
        return shown

    def _say(self, each: FieldDeclaration, cell: Value) -> str:
        codes = self._pack.codes.get(each.codes or "")
        return show_field(each, codes, cell, self._language)


class _Writing:
    """Writes a plan in an action, under the write lock: another import may have been first."""

    def __init__(
        self, node: Node, action: Action, here: RecordsHere, progress: Progress | None
    ) -> None:
        self._node, self._action, self._here = node, action, here
        self._declared = here.declared
        self._progress = progress
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
            for each, cell in zip(self._here.fields, entry.cells, strict=True)
        }
        if self._here.is_known(entry, scope_no, values):
            return False
        before = len(self._action.ops)
        # What goes by its key alone has no entry id: a record that was removed may come again.
        by_key = self._here.goes_by_key(values)
        entry_id = None if by_key else f"{declared.id}-{entry.entry_id}"
        self._action.insert(declared.id, values, scope_no=entry.scope_no, entry_id=entry_id)
        return len(self._action.ops) > before

    def _value(self, scope_no: int, cell: Cell) -> Value:
        if not isinstance(cell, Pointer):
            return cell
        return self._people[scope_no, cell.name] if cell.rec is None else cell.rec


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
