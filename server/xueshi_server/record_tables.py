"""Tables of any declared record type: what a row means.

A row is planned whole before anything is written. A register row whose key is here already is left
as it is; a row of a ledger has an entry id made of its content, so that the same file adds nothing.
People go by their number: a table of what counts for them brings those who are not here yet, by
number and name; one number under two names is refused in every table.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Final, NamedTuple

from xueshi_server.domain.cells import BadCellError, SheetNumber, read_cell, show_cell, tidy
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import Value, YesNo, parse_field, parse_sealed, seal_text
from xueshi_server.domain.identity import compare_facts
from xueshi_server.domain.import_plan import ImportPlan, RawRow, RowFault
from xueshi_server.domain.names import tidy_name
from xueshi_server.domain.packs.held import held_types
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.people import former_numbers
from xueshi_server.domain.sealed import mask_sealed
from xueshi_server.domain.values import parse_staff_no, parse_text
from xueshi_server.errors import UnknownTypeError
from xueshi_server.node_clock import today_of
from xueshi_server.record_columns import OWN_ID, PERSON, PERSON_NAME, SCHOOL, Columns, columns_of
from xueshi_server.sealing import ensure_seal_key, find_sealer
from xueshi_server.store.packs import find_active
from xueshi_server.store.records import BESIDE, default_scope, naming_field
from xueshi_server.store.schools import list_schools
from xueshi_server.table_header import Headings, load_table_words
from xueshi_server.words import LANGUAGES, word
from xueshi_sync.errors import SyncError
from xueshi_sync.node import Node

# What an empty cell means where it does not mean nothing.
_DEFAULTS: Final[Mapping[tuple[str, str], Value]] = {(PERSON, "active"): True}
# What is left out where it cannot be read.
_FORGIVEN: Final = frozenset({(PERSON, "roster_no")})
# So many people of one name are told in a message.
_TOLD_MOST: Final = 6
# What was read of so many cells of a column is kept: columns repeat a few words.
_REMEMBERED_MOST: Final = 2000
# A typed key, number, name or title of another record.
_NAME_MOST: Final = 200


class Pointer(NamedTuple):
    """Another record of the same school, by what it is called; `rec` None: it comes along."""

    name: str
    rec: int | None


Cell = Value | Pointer


@dataclass(frozen=True, slots=True)
class RowEntry:
    """One record ready to be written; `scope_no` None is this node's own; `cells` follow the
    fields of the plan."""

    entry_id: str
    scope_no: int | None
    cells: tuple[Cell, ...]


def held_by(node: Node, pack: Pack) -> dict[str, RecordType]:
    """The types of a pack that leave and enter this node as tables."""
    tables = node.schema.by_name
    held = held_types(pack, node.role)
    return {of: each for of, each in held.items() if of in tables and of not in BESIDE}


def find_declared(node: Node, type_name: str) -> tuple[Pack, RecordType]:
    """A type of the pack that counts today; raises UnknownTypeError."""
    pack = find_active(node, today_of(node)).pack
    held = held_by(node, pack)
    if type_name not in held:
        known = ", ".join(f"{of} ({each.label.zh})" for of, each in held.items())
        raise UnknownTypeError(type=type_name, pack=f"{pack.id}@{pack.version}", known=known)
    return pack, held[type_name]


def headings_of(node: Node, pack: Pack, declared: RecordType) -> Headings:
    """Every heading under which a column of a type may stand at this node."""
    return columns_of(pack, declared).headings(says_school=says_school(node, declared))


def says_school(node: Node, declared: RecordType) -> bool:
    """Whether each row has to say in which school its record stands."""
    return node.role == "centre" and declared.place == "school"


@dataclass
class Lookup:
    """Who and what references mean: for each type and school the records by key and by name."""

    node: Node
    pack: Pack
    known: dict[tuple[str, int | None], dict[str, list[Row]]] = field(default_factory=dict)
    pointers: dict[tuple[str, int], Pointer] = field(default_factory=dict)

    def find(self, each: FieldDeclaration, scope_no: int, text: str) -> Cell:
        """The value that a reference stores; raises BadValueError."""
        target = self.pack.types[each.to or ""]
        if each.type == "key":
            rows = self._called(target, None, text)
            if rows and len({row["typed"] for row in rows}) > 1:
                raise _several(target, rows, text)
            return str(rows[0]["typed"]) if rows else text
        rows = self._called(target, scope_no, text)
        # A key means one record: where two nodes made it, the older one.
        if rows and (len(rows) == 1 or (target.key and str(rows[0]["typed"]) == text)):
            return self._point(target, rows[0])
        found = None if rows else self._by_own_id(target, scope_no, text)
        if found is None:
            raise _several(target, rows, text)
        return found

    def _called(self, target: RecordType, scope_no: int | None, text: str) -> list[Row]:
        known = self.rows(target, scope_no)
        # A name has its dot written in one way here.
        return known.get(text) or (known.get(tidy_name(text), []) if target.id == PERSON else [])

    def rows(self, target: RecordType, scope_no: int | None) -> dict[str, list[Row]]:
        """Key or name to the records that have it, in one school or in all."""
        mark = (target.id, scope_no)
        if mark not in self.known:
            self.known[mark] = self._read(target, scope_no)
        return self.known[mark]

    def _read(self, target: RecordType, scope_no: int | None) -> dict[str, list[Row]]:
        naming = naming_field(target)
        alive = "1" if target.kind == "ledger" else "NOT deleted"
        scope = "1" if scope_no is None else f"scope_no = {int(scope_no)}"
        rows = self.node.query(
            f'SELECT scope_no, rec, "{target.key or naming or "rec"}" AS typed,'
            f' "{naming or "rec"}" AS name, {_telling(self.node, target)}'
            f' FROM "{target.id}" WHERE {alive} AND {scope}'
            " ORDER BY scope_no, rec"
        )
        found: dict[str, list[Row]] = {}
        for row in rows:
            if row["typed"] is not None:
                found.setdefault(str(row["typed"]), []).append(row)
        for row in rows:
            for number in former_numbers(row["former_no"]):
                if number not in found:
                    found[number] = [row]
        keys = set(found)
        for row in rows:
            if row["name"] and str(row["name"]) not in keys:
                found.setdefault(str(row["name"]), []).append(row)
        return found

    def _point(self, target: RecordType, row: Row) -> Pointer:
        mark = (target.id, int(row["rec"]))
        if mark not in self.pointers:
            self.pointers[mark] = Pointer(str(row["typed"]), mark[1])
        return self.pointers[mark]

    def _by_own_id(self, target: RecordType, scope_no: int, text: str) -> Pointer | None:
        """A record by its id: its own, or the one of the table that brought it."""
        key = self.node.feeds.entry(f"{target.id}-{text}")
        if key is None and "." in text:
            try:
                key = self.node.find_record(text)
            except SyncError:
                return None
        return None if key is None or key[0] != scope_no else Pointer(text, key[1])


def _telling(node: Node, target: RecordType) -> str:
    """What else tells people apart; nothing of other types."""
    known = node.schema.by_name[target.id].field_names if target.id == PERSON else ()
    return ", ".join(
        name if name in known else f"NULL AS {name}" for name in ("former_no", "born_on")
    )


def _several(target: RecordType, rows: Sequence[Row], text: str) -> BadValueError:
    """Nobody is called so, or several are: then their numbers and months of birth are told."""
    if rows and target.id == PERSON:
        known = [f"{row['typed']} ({(row['born_on'] or '?')[:7]})" for row in rows[:_TOLD_MOST]]
        return BadValueError("person.several", seen=text[:40], known=", ".join(known))
    return BadValueError("ref.several" if rows else "ref.unknown", seen=text[:40])


# What became of a row: its entry, or none for a repetition; or its faults.
Watch = Callable[[RawRow, RowEntry | None, Sequence[RowFault]], None]


def plan_rows(
    node: Node,
    pack: Pack,
    declared: RecordType,
    rows: Iterable[RawRow],
    *,
    watch: Watch | None = None,
) -> ImportPlan[RowEntry]:
    """What an import of these rows would write; `watch` is told of each."""
    plan: ImportPlan[RowEntry] = ImportPlan()
    reader = _RowReader(node, columns_of(pack, declared), plan)
    for row in rows:
        faults = plan.fault_count
        entry = reader.read(row)
        if watch is not None:
            watch(row, entry, plan.at_hand if plan.fault_count > faults else ())
    return plan


class _RowReader:
    def __init__(self, node: Node, columns: Columns, plan: ImportPlan[RowEntry]) -> None:
        self._columns, self._plan = columns, plan
        self._declared = columns.declared
        self._codes = columns.pack.codes
        self._lookup = Lookup(node, columns.pack)
        self._yes_no = _yes_no_words()
        self._seen: Counter[bytes] = Counter()
        self._owned: dict[str, bytes] = {}
        self._units = load_table_words()["units"]
        ensure_seal_key(node)
        self._sealer = find_sealer(node)
        self._remembered: dict[str, dict[object, Cell]] = {name: {} for name in columns.fields}
        self._numbers: dict[object, str] = {}
        self._names: dict[str, str] = {}
        # Field to the number in the row at hand: kept until its other fields were compared with it.
        self._plain: dict[str, str] = {}
        self._bare_of: tuple[int, int] | None = None
        self._bare: dict[str, list[str]] = {}
        self._by_school = says_school(node, self._declared)
        self._schools = {each["code"]: each["scope_no"] for each in list_schools(node)}
        self._home = default_scope(node, self._declared)
        self._number = next(
            (
                column
                for column, each in columns.fields.items()
                if each is columns.person or (columns.is_people and each.id == self._declared.key)
            ),
            None,
        )

    def read(self, row: RawRow) -> RowEntry | None:
        """Plan one row, or note its faults; None for those and for a plain repetition."""
        count = self._plan.fault_count
        school, scope_no = self._place(row)
        # Without its school nothing can be said of who and what a row names.
        place = scope_no if self._by_school else self._home
        if place is not None:
            self._give_zeros_back(row, place)
        newcomer = None if place is None else self._read_person(row, place)
        self._plain.clear()
        cells = tuple(
            self._cell(column, each, row, place) for column, each in self._columns.fields.items()
        )
        if self._plain and self._plan.fault_count == count:
            cells = self._compare(row, cells)
        if self._plan.fault_count > count:
            return None
        try:
            entry_id = self._identify(show_cell(row.values.get(OWN_ID)).strip(), school, cells)
        except BadValueError as error:
            self._plan.add_fault(row.row_no, OWN_ID, error)
            return None
        if newcomer is not None and place is not None:
            self._plan.new_people.setdefault((place, newcomer[0]), newcomer[1])
        if entry_id is None:
            return None
        entry = RowEntry(entry_id, scope_no, cells)
        self._plan.entries.append(entry)
        return entry

    def _give_zeros_back(self, row: RawRow, place: int) -> None:
        """A staff number that a spreadsheet made a number of: 123 is the 00123 of the roster, if
        that is the only one."""
        given = None if self._number is None else row.values.get(self._number)
        if self._number is None or not isinstance(given, float) or given < 0:
            return
        text = show_cell(given)
        known = self._lookup.rows(self._columns.pack.types[PERSON], place)
        if text in known or not text.isdecimal():
            return
        if (place, len(known)) != self._bare_of:
            self._bare_of = (place, len(known))
            self._bare = {}
            for number in known:
                self._bare.setdefault(number.lstrip("0"), []).append(number)
        found = self._bare.get(text.lstrip("0"), [])
        if len(found) == 1 and isinstance(row.values, dict):
            row.values[self._number] = found[0]

    def _place(self, row: RawRow) -> tuple[str, int | None]:
        if not self._by_school:
            return "", None
        code = show_cell(row.values.get(SCHOOL)).strip()
        if code not in self._schools:
            error = BadValueError("ref.unknown", seen=code) if code else None
            self._plan.add_fault(row.row_no, SCHOOL, error or BadValueError("value.missing"))
            return code, None
        return code, int(self._schools[code])

    def _read_person(self, row: RawRow, place: int) -> tuple[str, str] | None:
        """Number and name of a person who is not here yet; a known one has the name known here."""
        columns = self._columns
        if self._number is None:
            return None
        name = self._read_name(row)
        staff_no = self._read_number(self._number, row.values.get(self._number))
        if staff_no is None:
            return None
        known = self._name_of(place, staff_no)
        if known is not None:
            if name and tidy_name(name) not in map(tidy_name, known):
                self._refuse_name(row, staff_no, known[0], name)
            return None
        if columns.is_people or (columns.brings_people and name):
            return staff_no, name
        if columns.brings_people and PERSON_NAME in row.values:
            self._plan.add_fault(row.row_no, PERSON_NAME, BadValueError("value.missing"))
        return None

    def _read_number(self, column: str, given: object) -> str | None:
        """A staff number; None where the cell itself says what is wrong with it."""
        mark = _mark_of(given)
        if mark in self._numbers:
            return self._numbers[mark]
        try:
            staff_no = parse_staff_no(read_cell(self._columns.fields[column], given, key=True))
        except (BadValueError, BadCellError):
            return None
        if mark is not None and len(self._numbers) < _REMEMBERED_MOST:
            self._numbers[mark] = staff_no
        return staff_no

    def _read_name(self, row: RawRow) -> str:
        given = show_cell(row.values.get(PERSON_NAME))
        if given in self._names:
            return self._names[given]
        try:
            name = parse_text(PERSON_NAME, tidy_name(tidy(given)))
        except BadValueError as error:
            if not self._columns.is_people:
                self._plan.add_fault(row.row_no, PERSON_NAME, error)
            return ""
        if len(self._names) < _REMEMBERED_MOST:
            self._names[given] = name
        return name

    def _name_of(self, place: int, staff_no: str) -> tuple[str, ...] | None:
        """What the person with a number is called here or further up in the file."""
        coming = self._plan.new_people.get((place, staff_no))
        rows = self._lookup.rows(self._columns.pack.types[PERSON], place).get(staff_no, [])
        names = [str(row["name"] or "") for row in rows] + ([] if coming is None else [coming])
        return tuple(names) or None

    def _refuse_name(self, row: RawRow, staff_no: str, known: str, seen: str) -> None:
        error = BadValueError("person.name_differs", teacher=staff_no, known=known, seen=seen)
        self._plan.add_fault(row.row_no, PERSON_NAME, error)

    def _cell(self, column: str, each: FieldDeclaration, row: RawRow, place: int | None) -> Cell:
        mark = (place, _mark_of(row.values.get(column)))
        remembered = self._remembered[column]
        if mark in remembered:
            return remembered[mark]
        count = self._plan.fault_count
        cell = self._read_cell(column, each, row, place)
        is_plain = each.type != "sealed" and self._plan.fault_count == count
        if is_plain and mark[1] is not None and len(remembered) < _REMEMBERED_MOST:
            remembered[mark] = cell
        return cell

    def _read_cell(
        self, column: str, each: FieldDeclaration, row: RawRow, place: int | None
    ) -> Cell:
        key = column == self._number or each.id == self._declared.key
        try:
            given = read_cell(each, row.values.get(column), self._units, key=key)
            if self._columns.is_people and column == PERSON_NAME and isinstance(given, str):
                given = tidy_name(given)
            if each.type == "sealed":
                return self._seal(each, given)
            if each.type not in ("ref", "key"):
                codes = self._codes.get(each.codes or "")
                value = parse_field(each, codes, given, yes_no=self._yes_no)
                if value is None:
                    return _DEFAULTS.get((self._declared.id, each.id))
                # Equal texts share one string: columns repeat a few words.
                return sys.intern(value) if isinstance(value, str) else value
            if place is None or (given in (None, "") and not each.required):
                return None
            return self._find(each, row, place, _parse_reference(each, given))
        except (BadValueError, BadCellError) as error:
            # A place in the roster is no reason to refuse a table.
            if (self._declared.id, each.id) not in _FORGIVEN:
                self._plan.add_fault(row.row_no, column, error)
            return None

    def _seal(self, each: FieldDeclaration, given: object) -> bytes | None:
        text = parse_sealed(each, given)
        if text is None:
            return None
        if each.check == "id_number":
            self._plain[each.id] = text
        return seal_text(text, self._sealer)

    def _compare(self, row: RawRow, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
        """Fill in what an ID number says where the row says nothing; a fault where it says
        otherwise."""
        fields = {each.id: each for each in self._columns.fields.values()}
        said = dict(zip(fields, cells, strict=True))
        for number in self._plain.values():
            empty, differing = compare_facts(fields, number, said)
            said |= empty
            for column, each in self._columns.fields.items():
                if each.id in differing:
                    self._plan.add_fault(row.row_no, column, differing[each.id])
        return tuple(said.values())

    def _find(self, each: FieldDeclaration, row: RawRow, place: int, text: str) -> Cell:
        try:
            return self._lookup.find(each, place, text)
        except BadValueError as error:
            comes = each is self._columns.person and self._columns.brings_people
            named = PERSON_NAME in row.values or (place, text) in self._plan.new_people
            if comes and named and error.value_code == "ref.unknown":
                return Pointer(text, None)
            raise

    def _identify(self, own_id: str, school: str, cells: tuple[Cell, ...]) -> str | None:
        """The entry id; None for a plain repetition of a row with its own id."""
        parse_text("id", own_id)
        # By name, and what is not said left out: neither another node's numbers nor a field that
        # a pack adds later makes another record of the same row.
        said = [
            (each.id, _said(cell))
            for each, cell in zip(self._columns.fields.values(), cells, strict=True)
            if cell is not None
        ]
        digest = hashlib.sha256(repr((school, sorted(said))).encode()).digest()[:16]
        if not own_id:
            self._seen[digest] += 1
            return f"{digest.hex()}-{self._seen[digest]}"
        known = self._owned.get(own_id)
        if known is not None and known != digest:
            raise BadValueError("row.id_reused", seen=own_id)
        self._owned[own_id] = digest
        return own_id if known is None else None


def _mark_of(given: object) -> object:
    """What a cell is remembered by; None of a rare kind."""
    if isinstance(given, SheetNumber):
        return given.text, given.kind, given.zeros
    return given if isinstance(given, str) else None


def _said(cell: Cell) -> Value:
    """What a cell says, the same in every import; nothing is kept that a number is guessed from."""
    if isinstance(cell, Pointer):
        return cell.name
    return mask_sealed(cell) if isinstance(cell, bytes) else cell


def _parse_reference(each: FieldDeclaration, given: object) -> str:
    if each.to == PERSON or isinstance(given, float):
        return parse_staff_no(given)
    return parse_text(each.id, given, required=True, most=_NAME_MOST)


def _yes_no_words() -> YesNo:
    yes = frozenset(word("value_word.yes", each).lower() for each in LANGUAGES)
    return yes, frozenset(word("value_word.no", each).lower() for each in LANGUAGES)
