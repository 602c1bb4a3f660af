"""Tables of any declared record type: which heading is which field, what a row means, what leaves.

Headings are field ids, labels of both languages, synonyms, and those of the pack's own sheets. A
row is planned whole before anything is written. A register row whose key is here already is left
as it is; a row of a ledger has an entry id made of its content, so that the same file adds nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Any, Final

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import Value, YesNo, number_of, parse_field, word_label
from xueshi_server.domain.import_plan import ImportPlan, RawRow
from xueshi_server.domain.packs.held import held_types
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.values import parse_staff_no
from xueshi_server.errors import UnknownTypeError
from xueshi_server.node_clock import today_of
from xueshi_server.store.packs import find_active
from xueshi_server.store.records import STEP, default_scope, name_row, naming_field
from xueshi_server.store.schools import list_schools
from xueshi_server.tabular import Headings, load_headings, plain_heading
from xueshi_server.words import LANGUAGES, word
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

# Columns beside the declared fields: the school that a record stands in, and its own name.
SCHOOL: Final = "school_code"
OWN_ID: Final = "id"
_BATCH_ROWS: Final = 5000
# States of a ledger that do not leave in a table.
_GONE: Final = ("replaced", "void")


@dataclass(frozen=True, slots=True)
class RowEntry:
    """One record ready to be written; `scope_no` None is this node's own."""

    entry_id: str
    scope_no: int | None
    values: Mapping[str, Value]


def find_declared(node: Node, type_name: str) -> tuple[Pack, RecordType]:
    """A type of the pack that counts today; raises UnknownTypeError."""
    pack = find_active(node, today_of(node)).pack
    declared = held_types(pack, node.role).get(type_name)
    if declared is None or type_name == STEP or type_name not in node.schema.by_name:
        raise UnknownTypeError(type=type_name)
    return pack, declared


def headings_of(node: Node, pack: Pack, declared: RecordType) -> Headings:
    """Every heading under which a field of a type may stand."""
    known: dict[str, str] = {}
    for each in declared.field:
        names = [each.id, each.label.zh, each.label.en, *each.synonyms]
        if each.to == "person":
            names += [
                heading
                for heading, name in load_headings()["person"].items()
                if name == "teacher_id"
            ]
        for name in names:
            known.setdefault(plain_heading(name), each.id)
    for sheet in pack.sheets.values():
        if sheet.of == declared.id:
            known |= {plain_heading(heading): name for heading, name in sheet.columns}
    for extra in (SCHOOL, OWN_ID):
        known.setdefault(plain_heading(extra), extra)
        for language in LANGUAGES:
            known.setdefault(plain_heading(word(f"column.{extra}", language)), extra)
    required = [each.id for each in declared.field if each.required]
    return Headings(known, (*required, *([SCHOOL] if says_school(node, declared) else ())))


def says_school(node: Node, declared: RecordType) -> bool:
    """Whether each row has to say in which school its record stands."""
    return node.role == "centre" and declared.place == "school"


@dataclass
class Lookup:
    """Who and what references mean: for each type and school the records by key and by name."""

    node: Node
    pack: Pack
    known: dict[tuple[str, int | None], dict[str, list[Row]]] = field(default_factory=dict)

    def find(self, each: FieldDeclaration, scope_no: int | None, text: str) -> Value:
        """The value that a reference stores; raises BadValueError."""
        target = self.pack.types[each.to or ""]
        by_key = each.type == "key"
        rows = self._rows(target, None if by_key else scope_no).get(text, [])
        if by_key and not rows:
            return text
        if len(rows) != 1 and not (by_key and len({row["typed"] for row in rows}) == 1):
            raise BadValueError("ref.several" if rows else "ref.unknown", seen=text[:40])
        return str(rows[0]["typed"]) if by_key else int(rows[0]["rec"])

    def _rows(self, target: RecordType, scope_no: int | None) -> dict[str, list[Row]]:
        mark = (target.id, scope_no)
        if mark not in self.known:
            naming = naming_field(target)
            alive = "1" if target.kind == "ledger" else "NOT deleted"
            scope = "1" if scope_no is None else f"scope_no = {int(scope_no)}"
            rows = self.node.query(
                f'SELECT rec, "{target.key or naming or "rec"}" AS typed,'
                f' "{naming or "rec"}" AS name FROM "{target.id}" WHERE {alive} AND {scope}'
                " ORDER BY scope_no, rec"
            )
            found: dict[str, list[Row]] = {}
            for row in rows:
                found.setdefault(str(row["typed"]), []).append(row)
            keys = set(found)
            for row in rows:
                if row["name"] and str(row["name"]) not in keys:
                    found.setdefault(str(row["name"]), []).append(row)
            self.known[mark] = found
        return self.known[mark]


def plan_rows(
    node: Node, pack: Pack, declared: RecordType, rows: Iterable[RawRow]
) -> ImportPlan[RowEntry]:
    """What an import of these rows would write."""
    plan: ImportPlan[RowEntry] = ImportPlan()
    reader = _RowReader(node, pack, declared, plan)
    for row in rows:
        reader.read(row)
    return plan


class _RowReader:
    def __init__(
        self, node: Node, pack: Pack, declared: RecordType, plan: ImportPlan[RowEntry]
    ) -> None:
        self._pack, self._declared, self._plan = pack, declared, plan
        self._lookup = Lookup(node, pack)
        self._yes_no = _yes_no_words()
        self._seen: Counter[bytes] = Counter()
        self._owned: dict[str, bytes] = {}
        self._by_school = says_school(node, declared)
        self._schools = {each["code"]: each["scope_no"] for each in list_schools(node)}
        self._home = default_scope(node, declared)

    def read(self, row: RawRow) -> None:
        """Plan one row, or note its faults."""
        count = self._plan.fault_count
        scope_no = self._place(row)
        values = {
            each.id: self._value(each, row, self._home if scope_no is None else scope_no)
            for each in self._declared.field
            if each.id != self._declared.corrects
        }
        if self._plan.fault_count > count:
            return
        try:
            entry_id = self._identify(str(row.values.get(OWN_ID) or "").strip(), scope_no, values)
        except BadValueError as error:
            self._plan.add_fault(row.row_no, OWN_ID, error)
            return
        if entry_id is not None:
            self._plan.entries.append(RowEntry(entry_id, scope_no, values))

    def _place(self, row: RawRow) -> int | None:
        if not self._by_school:
            return None
        code = str(row.values.get(SCHOOL) or "").strip()
        if code not in self._schools:
            error = BadValueError("ref.unknown", seen=code) if code else None
            self._plan.add_fault(row.row_no, SCHOOL, error or BadValueError("value.missing"))
            return None
        return int(self._schools[code])

    def _value(self, each: FieldDeclaration, row: RawRow, scope_no: int) -> Value:
        given = row.values.get(each.id)
        try:
            if each.type not in ("ref", "key"):
                codes = self._pack.codes.get(each.codes or "")
                return parse_field(each, codes, given, yes_no=self._yes_no)
            if given in (None, "") and not each.required:
                return None
            return self._lookup.find(each, scope_no, parse_staff_no(given))
        except BadValueError as error:
            self._plan.add_fault(row.row_no, each.id, error)
            return None

    def _identify(
        self, own_id: str, scope_no: int | None, values: Mapping[str, Value]
    ) -> str | None:
        """The entry id; None for a plain repetition of a row with its own id."""
        digest = hashlib.sha256(repr((scope_no, sorted(values.items()))).encode()).digest()[:16]
        if not own_id:
            self._seen[digest] += 1
            return f"{digest.hex()}-{self._seen[digest]}"
        known = self._owned.get(own_id)
        if known is not None and known != digest:
            raise BadValueError("row.id_reused", seen=own_id)
        self._owned[own_id] = digest
        return own_id if known is None else None


def _yes_no_words() -> YesNo:
    yes = frozenset(word("value_word.yes", each).lower() for each in LANGUAGES)
    return yes, frozenset(word("value_word.no", each).lower() for each in LANGUAGES)


# ---- what leaves


def export_fields(declared: RecordType) -> tuple[str, ...]:
    """The columns of an exported table."""
    names = [each.id for each in declared.field if each.id != declared.corrects]
    return (*names, SCHOOL, OWN_ID)


def export_titles(declared: RecordType, language: str) -> dict[str, str]:
    """Column to heading in a language; `import` reads either."""
    titles = {each.id: word_label(each.label, language) for each in declared.field}
    titles |= {extra: word(f"column.{extra}", language) for extra in (SCHOOL, OWN_ID)}
    counts = Counter(titles.values())
    return {name: title if counts[title] == 1 else name for name, title in titles.items()}


def read_records(node: Node, pack: Pack, declared: RecordType) -> Iterator[dict[str, Any]]:
    """Every record of a type as plain values, in a stable order."""
    targets: dict[tuple[str, int], dict[int, str]] = {}
    alive = "NOT deleted" if declared.kind == "register" else f"state NOT IN {_GONE!r}"
    sql = (
        f'SELECT r.*, s.code AS school_code FROM "{declared.id}" r LEFT JOIN scope s'
        f" USING (scope_no) WHERE (r.scope_no, r.rec) > (?, ?) AND {alive}"
        " ORDER BY r.scope_no, r.rec LIMIT ?"
    )
    after = (-1, -1)
    while rows := node.query(sql, [*after, _BATCH_ROWS]):
        for row in rows:
            record = {
                each.id: _plain(node, pack, each, row, targets)
                for each in declared.field
                if each.id != declared.corrects
            }
            key = RecordKey(row["scope_no"], row["rec"])
            yield record | {SCHOOL: row["school_code"] or "", OWN_ID: node.public_id(key)}
        after = (rows[-1]["scope_no"], rows[-1]["rec"])


def _plain(
    node: Node,
    pack: Pack,
    each: FieldDeclaration,
    row: Row,
    targets: dict[tuple[str, int], dict[int, str]],
) -> Any:
    value = row[each.id]
    if value is None:
        return ""
    if each.type == "bool":
        return 1 if value else 0
    if each.type != "ref":
        return number_of(each, value)
    target = pack.types[each.to or ""]
    mark = (target.id, int(row["scope_no"]))
    if mark not in targets:
        rows = node.query(f'SELECT * FROM "{target.id}" WHERE scope_no = ?', [mark[1]])
        targets[mark] = {
            int(other["rec"]): str(other[target.key])
            if target.key
            else name_row(pack, target, other, LANGUAGES[0])
            for other in rows
        }
    return targets[mark].get(int(value), "")
