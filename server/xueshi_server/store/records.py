"""Reads of records of any declared type, and what a record is called where another names it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Any, Final

from xueshi_server.domain.fields import show_field, word_label
from xueshi_server.domain.names import tidy_name
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.people import former_numbers
from xueshi_server.domain.rules.facts import Value
from xueshi_server.store import totals
from xueshi_server.store.newest import Newest, is_indexed
from xueshi_server.store.person_links import LINK
from xueshi_sync.node import Node

PAGE_ROWS: Final = 50
# Records offered while somebody types a name; beyond it the number or the key is typed in full.
# Some 60 bytes each: a form that names people stays within 100 KB.
CHOICES_MAX: Final = 1000
PERSON: Final = "person"
# Where a person's earlier numbers stand.
FORMER: Final = "former_no"
# Steps of workflows and attachments are shown with the record that they belong to.
STEP: Final = "step"
ATTACHMENT: Final = "attachment"
# Made by answering, never entered by hand.
QUIZ_RESULT: Final = "quiz_result"
# What is said against hours, shown with them.
OBJECTION: Final = "hour_objection"
BESIDE: Final = frozenset({STEP, ATTACHMENT, QUIZ_RESULT, OBJECTION, LINK})
# Fields that call a record by a name, best first.
_NAMING: Final = ("name", "title", "topic", "subject_matter")
_PARAMETERS_MAX: Final = 500

# A reference: the type, the school it stands in (None: by key, in any school), and its value.
Reference = tuple[str, int | None, Value]


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records to list. `after` is the (sort value, scope, record) of the last one seen."""

    scope_no: int | None = None
    text: str = ""
    state: str = ""
    equal: Mapping[str, Value] = field(default_factory=dict)
    after: tuple[str, int, int] | None = None


def fields_of(declared: RecordType) -> dict[str, FieldDeclaration]:
    """The fields of a type by id."""
    return {each.id: each for each in declared.field}


def default_scope(node: Node, declared: RecordType, chosen: int | None = None) -> int:
    """Where a new record of a type stands: where it was chosen to, else with the centre alone or
    at home, as its type says."""
    if chosen is None and declared.place == "centre" and node.centre_scope_no is not None:
        return node.centre_scope_no
    return node.home_scope_no if chosen is None else chosen


def is_astray(node: Node, declared: RecordType, scope_no: int) -> bool:
    """Whether a record stands where schools read it, from before only the centre held its type."""
    return declared.place == "centre" and scope_no != node.centre_scope_no


def naming_field(declared: RecordType) -> str | None:
    """The field that a record is called by."""
    known = fields_of(declared)
    for name in (*_NAMING, declared.key):
        if name in known:
            return name
    return next((each.id for each in declared.field if each.type == "text"), None)


def sort_column(declared: RecordType) -> tuple[str, bool]:
    """What lists are sorted by, and whether the newest stand first."""
    if declared.kind == "ledger":
        return declared.when or "entered_at", True
    return declared.key or naming_field(declared) or "entered_at", False


def list_records(
    node: Node, declared: RecordType, wanted: RecordFilter, *, limit: int = PAGE_ROWS
) -> list[Row]:
    """Records with the name of their school and their sort value, in the order of the list."""
    column, newest = sort_column(declared)
    plainly = not (wanted.text or wanted.equal)
    if plainly and declared.kind == "ledger" and is_indexed(node, declared.id, declared.when):
        return _list_newest(node, declared, wanted, limit)
    kind = fields_of(declared).get(column)
    plain = kind is not None and kind.type in ("text", "date", "code", "key", "long")
    sort = f"coalesce(r.\"{column}\", '')" if plain else f'CAST(r."{column}" AS TEXT)'
    where, values = _conditions(declared, wanted)
    if wanted.after is not None:
        where.append(f"({sort}, r.scope_no, r.rec) {'<' if newest else '>'} (?, ?, ?)")
        values += wanted.after
    way = "DESC" if newest else "ASC"
    # Sorted by key and place alone: whole rows would be carried through the sorter.
    return node.query(
        f"""
        WITH page AS (
          SELECT r.scope_no, r.rec, {sort} AS sort_value FROM "{declared.id}" r
          WHERE {" AND ".join(where)}
          ORDER BY 3 {way}, r.scope_no {way}, r.rec {way} LIMIT ?
        )
        SELECT r.*, page.sort_value, s.name AS school, s.code AS school_code
        FROM page JOIN "{declared.id}" r USING (scope_no, rec)
        LEFT JOIN scope s ON s.scope_no = page.scope_no
        ORDER BY page.sort_value {way}, page.scope_no {way}, page.rec {way}
        """,
        [*values, limit],
    )


def _list_newest(node: Node, declared: RecordType, wanted: RecordFilter, limit: int) -> list[Row]:
    newest = Newest(
        declared.id, declared.when or "", wanted.scope_no, wanted.state, after=wanted.after
    )
    page, values = newest.query(limit)
    return node.query(
        f"""
        WITH {page}
        SELECT r.*, page.sort_value, s.name AS school, s.code AS school_code
        FROM page JOIN "{declared.id}" r USING (scope_no, rec)
        LEFT JOIN scope s ON s.scope_no = page.scope_no
        ORDER BY page.sort_value DESC, page.scope_no DESC, page.rec DESC
        """,
        values,
    )


def _conditions(declared: RecordType, wanted: RecordFilter) -> tuple[list[str], list[Any]]:
    where, values = ["1" if declared.kind == "ledger" else "NOT r.deleted"], list[Any]()
    if wanted.scope_no is not None:
        where.append("r.scope_no = ?")
        values.append(wanted.scope_no)
    if wanted.state and declared.kind == "ledger":
        where.append("r.state = ?")
        values.append(wanted.state)
    known = fields_of(declared)
    for name, value in wanted.equal.items():
        if name in known:
            where.append(f'r."{name}" = ?')
            values.append(value)
    if wanted.text:
        texts = [each.id for each in declared.field if each.type in ("text", "long", "key")]
        # LIKE knows small and large letters without making small ones of every text it reads.
        found = [f"r.\"{name}\" LIKE ? ESCAPE '\\'" for name in texts]
        values += [_like(wanted.text)] * len(found)
        for each in declared.field:
            if each.type == "ref" and each.to == "person":
                found.append(
                    f'(r.scope_no, r."{each.id}") IN (SELECT q.scope_no, q.rec FROM person q'
                    " WHERE instr(q.name, ?) OR q.staff_no = ?)"
                )
                values += [wanted.text, wanted.text]
        where.append(f"({' OR '.join(found) or '0'})")
    return where, values


def _like(text: str) -> str:
    """The pattern of what holds a text."""
    for mark in "\\%_":
        text = text.replace(mark, f"\\{mark}")
    return f"%{text}%"


def find_row(node: Node, declared: RecordType, scope_no: int, rec: int) -> Row | None:
    """One record with its school and author, deleted or not."""
    rows = node.query(
        "SELECT r.*, s.name AS school, s.code AS school_code, a.name AS node_name"
        f' FROM "{declared.id}" r LEFT JOIN scope s USING (scope_no)'
        " LEFT JOIN author a USING (author) WHERE r.scope_no = ? AND r.rec = ?",
        [scope_no, rec],
    )
    return rows[0] if rows else None


def list_verdicts(node: Node, of: str, scope_no: int, rec: int) -> list[Row]:
    """Verdicts on a record, first to last."""
    return node.query(
        "SELECT j.*, a.name AS node_name FROM judgement j LEFT JOIN author a USING (author)"
        " WHERE j.scope_no = ? AND j.tbl = ? AND j.rec = ? ORDER BY j.entered_at, j.dot",
        [scope_no, of, rec],
    )


def list_newer(node: Node, declared: RecordType, scope_no: int, rec: int) -> list[Row]:
    """The records that correct this one."""
    if declared.corrects is None:
        return []
    return node.query(
        # The inner query is answered by the index over what is corrected, which holds few.
        f'SELECT * FROM "{declared.id}" WHERE scope_no = ?1 AND rec IN (SELECT rec'
        f' FROM "{declared.id}" WHERE scope_no = ?1 AND "{declared.corrects}" = ?2) ORDER BY rec',
        [scope_no, rec],
    )


def count_by_type(node: Node, types: Iterable[RecordType]) -> dict[str, tuple[int, int]]:
    """Type to (records, those that wait for a review)."""
    found = {}
    for each in types:
        if each.kind == "ledger":
            states = totals.count_states(node, each.id)
            waiting = states.get("pending", 0) if each.judges else 0
            found[each.id] = (sum(states.values()), waiting)
        else:
            found[each.id] = (totals.count_alive(node, each.id), 0)
    return found


def count_states_of(node: Node, declared: RecordType) -> dict[str, int]:
    """State to number of records of a ledger type."""
    if declared.kind != "ledger":
        return {}
    return totals.count_states(node, declared.id)


# ---- what a reference shows


def references_of(declared: RecordType, rows: Iterable[Mapping[str, Any] | Row]) -> set[Reference]:
    """All that the rows of a type refer to; rows need `scope_no`."""
    found: set[Reference] = set()
    pointing = [each for each in declared.field if each.type in ("ref", "key") and each.to]
    for row in rows:
        for each in pointing:
            value = row[each.id]
            if value not in (None, ""):
                scope_no = row["scope_no"] if each.type == "ref" else None
                found.add((each.to or "", scope_no, value))
    return found


def load_names(
    node: Node, pack: Pack, wanted: Collection[Reference], language: str
) -> dict[Reference, str]:
    """What each reference shows; those that mean nothing here are left out."""
    found: dict[Reference, str] = {}
    by_type: dict[tuple[str, bool], list[Reference]] = {}
    for each in wanted:
        by_type.setdefault((each[0], each[1] is None), []).append(each)
    for (of, by_key), some in by_type.items():
        declared = pack.types.get(of)
        if declared is None or (by_key and declared.key is None):
            continue
        for start in range(0, len(some), _PARAMETERS_MAX):
            rows = _read_named(node, declared, by_key, some[start : start + _PARAMETERS_MAX])
            for row in rows:
                mark = (of, None, row["k"]) if by_key else (of, row["scope_no"], row["rec"])
                found.setdefault(mark, name_row(pack, declared, row, language))
        for mark in some if by_key else ():
            if mark not in found and (former := _find_former(node, declared, "1", str(mark[2]))):
                found[mark] = name_row(pack, declared, former[0], language)
    return found


def _read_named(
    node: Node, declared: RecordType, by_key: bool, some: Sequence[Reference]
) -> list[Row]:
    if by_key:
        places = ", ".join("?" * len(some))
        return node.query(
            f'SELECT *, "{declared.key}" AS k FROM "{declared.id}"'
            f' WHERE "{declared.key}" IN ({places}) ORDER BY scope_no, rec',
            [each[2] for each in some],
        )
    places = ", ".join(["(?, ?)"] * len(some))
    values = [value for each in some for value in (each[1], each[2])]
    return node.query(
        # A list of pairs after IN would be compared with every row.
        f'SELECT t.*, NULL AS k FROM (VALUES {places}) v CROSS JOIN "{declared.id}" t'
        " ON t.scope_no = v.column1 AND t.rec = v.column2",
        values,
    )


def name_row(pack: Pack, declared: RecordType, row: Mapping[str, Any] | Row, language: str) -> str:
    """What a record is called; its date where it has no name."""
    name = naming_field(declared)
    known = fields_of(declared).get(name or "")
    text = row[name] if name else None
    if known is not None and text not in (None, ""):
        return show_field(known, pack.codes.get(known.codes or ""), text, language)
    if declared.when and row[declared.when]:
        return str(row[declared.when])
    return word_label(declared.label, language)


def list_choices(node: Node, declared: RecordType, scope_no: int | None) -> list[tuple[str, str]]:
    """(what is typed, what it means) of the records that a field may name; `scope_no` None: of any
    school. People go by staff number, others by their key; a type without one by its own number."""
    naming = naming_field(declared)
    typed = declared.key or naming
    if typed is None:
        return []
    where = ["1" if declared.kind == "ledger" else "NOT deleted"]
    if scope_no is not None:
        where.append(f"scope_no = {int(scope_no)}")
    rows = node.query(
        f'SELECT "{typed}" AS typed, "{naming}" AS name FROM "{declared.id}"'
        f' WHERE {" AND ".join(where)} AND "{typed}" <> \'\' ORDER BY "{typed}" LIMIT {CHOICES_MAX}'
    )
    return [(str(row["typed"]), str(row["name"] or "")) for row in rows]


def find_named(node: Node, declared: RecordType, scope_no: int | None, text: str) -> list[Row]:
    """The records (at most two) that a typed text names: by key, by a former one, else by name."""
    naming, wanted = naming_field(declared), text.strip()
    if declared.id == PERSON:
        wanted = tidy_name(wanted)
    alive = "1" if declared.kind == "ledger" else "NOT deleted"
    scope = "1" if scope_no is None else f"scope_no = {int(scope_no)}"
    for name in dict.fromkeys(each for each in (declared.key, naming) if each):
        rows = node.query(
            f'SELECT * FROM "{declared.id}" WHERE {alive} AND {scope} AND "{name}" = ?'
            " ORDER BY scope_no, rec LIMIT 2",
            [wanted],
        )
        if not rows and name == declared.key:
            rows = _find_former(node, declared, f"{alive} AND {scope}", wanted)
        if rows:
            return rows
    return []


def _find_former(node: Node, declared: RecordType, where: str, number: str) -> list[Row]:
    """Who had a number before."""
    if declared.id != PERSON or FORMER not in node.schema.by_name[PERSON].field_names:
        return []
    rows = node.query(
        f'SELECT * FROM "{PERSON}" WHERE {where} AND instr({FORMER}, ?) ORDER BY scope_no, rec',
        [number],
    )
    return [row for row in rows if number in former_numbers(row[FORMER])][:2]
