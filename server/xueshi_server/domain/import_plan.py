"""Decide what an imported table means before anything is written.

All or nothing: a plan with faults is never carried out. Each fault names the row as the
spreadsheet numbers it, the field and a code, so that a person can mend the file. A row's entry id
is its own `id`, else a digest of its content and its ordinal among equal rows of the file; so the
same file planned twice gives the same ids, and the store writes nothing the second time.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from xueshi_server.domain.dates import parse_date
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import parse_hours
from xueshi_server.domain.values import parse_active, parse_staff_no, parse_text

# Enough to mend a file by; a wrong column gives one fault a row.
FAULTS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class RawRow:
    """One line of a table as read: its number in the file, and its cells by field name."""

    row_no: int
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class HourEntry:
    """One hour record ready to be written."""

    entry_id: str
    staff_no: str
    date: str
    form: str
    category: str
    title: str
    minutes: int
    note: str
    recorded_by: str


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """One person ready to be written."""

    staff_no: str
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row cannot be taken, and where to look."""

    row_no: int
    field: str
    code: str
    details: Mapping[str, str]


Entry = TypeVar("Entry")
Parsed = TypeVar("Parsed")


@dataclass
class ImportPlan(Generic[Entry]):
    """What an import would write. `fault_count` counts beyond the first few kept in `faults`."""

    entries: list[Entry] = field(default_factory=list)
    new_people: dict[str, str] = field(default_factory=dict)
    faults: list[RowFault] = field(default_factory=list)
    fault_count: int = 0

    def add_fault(self, row_no: int, name: str, error: BadValueError) -> None:
        """Note a fault; keep the first few of them in full."""
        self.fault_count += 1
        if len(self.faults) < FAULTS_SHOWN:
            self.faults.append(RowFault(row_no, name, error.value_code, error.details))


class _Reader:
    """Reads the cells of one row, collecting the faults of all of them."""

    def __init__(self, plan: "ImportPlan[Entry]", row: RawRow) -> None:
        self._plan = plan
        self._row = row
        self.clean = True

    def read(self, name: str, parse: Callable[[object], Parsed], fallback: Parsed) -> Parsed:
        """The parsed cell, or `fallback` after noting the fault."""
        try:
            return parse(self._row.values.get(name))
        except BadValueError as error:
            self.refuse(name, error)
            return fallback

    def text(self, name: str, *, required: bool = False) -> str:
        """A text cell. Equal texts share one string: columns repeat a few words."""
        return sys.intern(
            self.read(name, lambda value: parse_text(name, value, required=required), "")
        )

    def refuse(self, name: str, error: BadValueError) -> None:
        """Note a fault of this row."""
        self.clean = False
        self._plan.add_fault(self._row.row_no, name, error)


class _Identities:
    """Gives each row its entry id and refuses an `id` that two different rows carry."""

    def __init__(self) -> None:
        self._owned: dict[str, bytes] = {}
        self._equal: Counter[bytes] = Counter()

    def identify(self, own_id: str, content: tuple[object, ...]) -> str | None:
        """The entry id; None for a plain repetition of a row that has its own id."""
        digest = hashlib.sha256(repr(content).encode()).digest()[:16]
        if not own_id:
            self._equal[digest] += 1
            return f"{digest.hex()}-{self._equal[digest]}"
        known = self._owned.setdefault(own_id, digest)
        if known is not digest and known != digest:
            raise BadValueError("row.id_reused", seen=own_id)
        return own_id if known is digest else None


def _check_name(known: str | None, name: str, staff_no: str) -> None:
    if known is None and not name:
        raise BadValueError("value.missing")
    if known is not None and name and name != known:
        raise BadValueError("person.name_differs", teacher=staff_no, known=known, seen=name)


def plan_hour_import(rows: Iterable[RawRow], people: Mapping[str, str]) -> ImportPlan[HourEntry]:
    """Plan an import of hours; `people` maps the staff numbers already here to their names."""
    plan: ImportPlan[HourEntry] = ImportPlan()
    identities = _Identities()
    for row in rows:
        reader = _Reader(plan, row)
        staff_no = sys.intern(reader.read("teacher_id", parse_staff_no, ""))
        name = reader.text("teacher_name")
        day = sys.intern(reader.read("date", parse_date, ""))
        minutes = reader.read("hours", parse_hours, 0)
        form, category = reader.text("form"), reader.text("category")
        title, note = reader.text("title", required=True), reader.text("note")
        recorded_by, own_id = reader.text("recorded_by"), reader.text("id")
        content = (staff_no, day, form, category, title, minutes, note, recorded_by)
        try:
            _check_name(people.get(staff_no, plan.new_people.get(staff_no)), name, staff_no)
        except BadValueError as error:
            reader.refuse("teacher_name", error)
        if not reader.clean:
            continue
        try:
            entry_id = identities.identify(own_id, content)
        except BadValueError as error:
            reader.refuse("id", error)
            continue
        if staff_no not in people:
            plan.new_people.setdefault(staff_no, name)
        if entry_id is not None:
            plan.entries.append(HourEntry(entry_id, *content))
    return plan


def plan_person_import(
    rows: Iterable[RawRow], people: Mapping[str, str]
) -> ImportPlan[PersonEntry]:
    """Plan an import of people; those already here under the same name are left as they are."""
    plan: ImportPlan[PersonEntry] = ImportPlan()
    for row in rows:
        reader = _Reader(plan, row)
        staff_no = reader.read("teacher_id", parse_staff_no, "")
        name = reader.text("teacher_name", required=True)
        active = reader.read("active", parse_active, True)
        known = people.get(staff_no, plan.new_people.get(staff_no))
        try:
            _check_name(known, name, staff_no)
        except BadValueError as error:
            if name:
                reader.refuse("teacher_name", error)
        if reader.clean and known is None:
            plan.new_people[staff_no] = name
            plan.entries.append(PersonEntry(staff_no, name, active))
    return plan
