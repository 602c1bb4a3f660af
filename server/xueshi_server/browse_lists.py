"""Record types of a pack as tables that people read in Datasette: references by the names of what
they mean, codes and states in words, hours and money in their units.

What is planned from the pack is plain data, so that the process that keeps the copy level needs no
pack. The names are those of the node at the time of copying.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from xueshi_server.browse_pack import show_end
from xueshi_server.domain.credit import STATES
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.store.records import naming_field
from xueshi_server.words import word

# In front of the type's own name, which its plain table has.
PREFIX: Final = "list_"
# Shown for a reference whose record is not here.
NOT_HERE: Final = "—"
# Tables with people and schools by name: their type, how its rows are called in their queries, and
# the fields they show in a way of their own.
READABLE: Final = {
    "hours": (
        "hour",
        "h",
        ("person", "date", "title", "form", "category", "minutes", "note", "recorded_by"),
    ),
    "people": ("person", "p", ("staff_no", "name", "active")),
}
_PER_UNIT: Final = {"hours": 60.0, "money": 100.0}
_WHOLE: Final = ("int",)

Plan = dict[str, Any]


def plan_lists(pack: Pack, types: Iterable[str], language: str) -> Plan:
    """The tables of `types`: their columns, how they are filled, and the words they need."""
    listed = list(types)
    readable = [of for of, _, _ in READABLE.values() if of in pack.types]
    pointing = [*listed, *(of for of in readable if of not in listed)]
    return {
        "words": _words(pack, language),
        "names": [[of, _name_query(pack, of, language)] for of in _targets(pack, pointing)],
        "lists": {PREFIX + of: _plan_list(pack, pack.types[of], language) for of in listed},
        "added": {
            table: _plan_added(pack.types[of], alias, shown, language)
            for table, (of, alias, shown) in READABLE.items()
            if of in pack.types
        },
    }


def _plan_added(
    declared: RecordType, alias: str, shown: Collection[str], language: str
) -> dict[str, Any]:
    """What a readable table lacks of the fields of its type: expressions for codes that it would
    show as they are, and further columns (label, name, kind, expression)."""
    fields = [(each, _shown(each, alias)) for each in declared.field]
    return {
        "told": {f'{alias}.{each.id}': text for each, text in fields
                 if each.id in shown and each.type == "code"},
        "more": [[word_label(each.label, language), each.id, _kind(each), text]
                 for each, text in fields if each.id not in shown],
    }  # fmt: skip


def list_metadata(pack: Pack, of: str, language: str) -> dict[str, Any]:
    """Title and order of a list; newest first where records have a day."""
    declared = pack.types[of]
    key = word("browse.column.key", language)
    return {
        "title": word_label(declared.label, language),
        "sortable_columns": [key],
        "sort_desc" if declared.when else "sort": key,
    }


def put_names(link: sqlite3.Connection, plan: Mapping[str, Any]) -> None:
    """Make the words of a plan and the names of what is referred to ready for its expressions;
    `drop_names` ends that."""
    words = plan["words"]
    link.create_function("in_words", 2, lambda kind, value: _in_words(words, kind, value))
    link.execute(
        "CREATE TEMP TABLE called (of_type TEXT, scope_no INT, rec INT, key, name TEXT,"
        " PRIMARY KEY (of_type, scope_no, rec)) WITHOUT ROWID"
    )
    link.execute("CREATE INDEX temp.called_by_key ON called (of_type, key)")
    here = {row[0] for row in link.execute("SELECT name FROM node.sqlite_master")}
    for of, query in plan["names"]:
        if of in here:
            link.execute(f"INSERT INTO called {query}", [of])


def drop_names(link: sqlite3.Connection) -> None:
    """Forget what `put_names` made."""
    link.execute("DROP TABLE called")


def copy_lists(link: sqlite3.Connection, plan: Mapping[str, Any]) -> dict[str, int]:
    """Fill the planned tables from the attached database `node`; the rows of each."""
    here = {row[0] for row in link.execute("SELECT name FROM node.sqlite_master")}
    return {
        name: _copy_list(link, name, each)
        for name, each in plan["lists"].items()
        if name.removeprefix(PREFIX) in here
    }


def _copy_list(link: sqlite3.Connection, name: str, planned: Mapping[str, Any]) -> int:
    columns = planned["columns"]
    held = [row[1] for row in link.execute(f'PRAGMA main.table_info("{name}")')]
    if held != [heading for heading, _ in columns]:
        link.execute(f'DROP TABLE IF EXISTS main."{name}"')
        declared = ", ".join(f"{_quote(heading)} {kind}" for heading, kind in columns)
        first = _quote(columns[0][0])
        link.execute(f'CREATE TABLE main."{name}" ({declared}, PRIMARY KEY ({first}))')
    link.execute(f'DELETE FROM main."{name}"')
    return link.execute(f'INSERT INTO main."{name}" {planned["query"]}').rowcount


# ---- words


def _words(pack: Pack, language: str) -> dict[str, Any]:
    """Codes, states and yes or no in words."""
    found: dict[str, Any] = {
        f"code.{name}": {each.id: word_label(each.label, language) for each in codes.value}
        for name, codes in pack.codes.items()
    }
    found["state"] = {state: word(f"state.{state}", language) for state in STATES}
    found["bool"] = {
        "1": word("value_word.yes", language),
        "0": word("value_word.no", language),
    }
    found["joint"] = ", " if language == "en" else "、"
    return found


def _in_words(words: Mapping[str, Any], kind: str, value: object) -> str | None:
    """One or several codes in words; an unknown one as it is."""
    if value is None or value == "":
        return None
    known = words.get(kind, {})
    return str(words["joint"]).join(known.get(each, each) for each in str(value).split("|"))


# ---- what references are called


def _targets(pack: Pack, listed: Iterable[str]) -> list[str]:
    """Types that something refers to, each after those that it takes its own name from."""
    wanted = {each.to for of in listed for each in pack.types[of].field if each.to in pack.types}
    ordered: list[str] = []

    def put(of: str, above: tuple[str, ...] = ()) -> None:
        if of in ordered or of in above:
            return
        pointing = _named_by(pack.types[of])
        if pointing is not None and pointing.to in pack.types:
            put(str(pointing.to), (*above, of))
        ordered.append(of)

    for of in pack.types:
        if of in wanted:
            put(of)
    return ordered


def _named_by(declared: RecordType) -> FieldDeclaration | None:
    """The reference that a record without a name of its own is called by."""
    if naming_field(declared) not in (None, declared.key):
        return None
    return next((each for each in declared.field if each.to and each.to != declared.id), None)


def _name_query(pack: Pack, of: str, language: str) -> str:
    """Selects type, scope, record, key and name of every record; the type is its parameter."""
    declared = pack.types[of]
    fields = {each.id: each for each in declared.field}
    naming = naming_field(declared)
    shown = [_shown(fields[naming])] if naming in fields else []
    pointing = _named_by(declared)
    if pointing is not None:
        shown.insert(0, f"nullif({_shown(pointing)}, {_text(NOT_HERE)})")
    if declared.when:
        shown.append(f't."{declared.when}"')
    shown.append(_text(word_label(declared.label, language)))
    name = f"coalesce({', '.join(_unless_empty(each) for each in shown)})"
    key = f't."{declared.key}"' if declared.key else "NULL"
    if declared.key and naming != declared.key:
        name = f"{name} || coalesce(' (' || nullif({key}, '') || ')', '')"
    return f'SELECT ?1, t.scope_no, t.rec, {key}, {name} FROM node."{of}" t'


# ---- columns


def _plan_list(pack: Pack, declared: RecordType, language: str) -> Plan:
    ordered = "printf('%04d.%012d', t.scope_no, t.rec)"
    key = f"coalesce(t.\"{declared.when}\" || '.', '') || {ordered}" if declared.when else ordered
    columns = [("key", "TEXT", key)]
    if declared.place == "school":
        columns.append(("school", "TEXT", "coalesce(s.name, s.code)"))
    headings = [word(f"browse.column.{name}", language) for name, _, _ in columns]
    for each in declared.field:
        columns.append((each.id, _kind(each), _shown(each)))
        headings.append(heading_of(word_label(each.label, language), each.id, headings))
    rest = [("entered", "TEXT", "datetime(t.entered_at, 'unixepoch', 'localtime')")]
    if declared.kind == "ledger":
        rest.insert(0, ("state", "TEXT", "in_words('state', t.state)"))
    for name, kind, shown in rest:
        columns.append((name, kind, shown))
        headings.append(heading_of(word(f"browse.column.{name}", language), name, headings))
    where = "" if declared.kind == "ledger" else " WHERE NOT t.deleted"
    return {
        "columns": [
            [heading, kind] for heading, (_, kind, _) in zip(headings, columns, strict=True)
        ],
        "query": f"SELECT {', '.join(shown for _, _, shown in columns)}"
        f' FROM node."{declared.id}" t LEFT JOIN node.scope s ON s.scope_no = t.scope_no{where}',
    }


def heading_of(label: str, name: str, taken: Sequence[str]) -> str:
    """A label that no other column has: SQLite holds letters of either case for one."""
    known = {each.casefold() for each in taken}
    return f"{label} ({name})" if label.casefold() in known else label


def _kind(field: FieldDeclaration) -> str:
    if field.type in _PER_UNIT:
        return "FLOAT"
    return "INTEGER" if field.type in _WHOLE else "TEXT"


def _shown(field: FieldDeclaration, of: str = "t") -> str:
    """The expression that shows a field of the row `of`."""
    value = f'{of}."{field.id}"'
    if field.to:
        return _called(field, value, of)
    if field.type == "code":
        return f"in_words({_text(f'code.{field.codes}')}, {value})"
    if field.type == "bool":
        return f"in_words('bool', {value})"
    if field.type in _PER_UNIT:
        return f"{value} / {_PER_UNIT[field.type]}"
    return show_end(value) if field.type == "sealed" else value


def _called(field: FieldDeclaration, value: str, row: str) -> str:
    """What a reference means: a record of its own school by number, or one by its key."""
    of = f"c.of_type = {_text(str(field.to))}"
    if field.type == "key":
        found = f"SELECT c.name FROM called c WHERE {of} AND c.key = {value} LIMIT 1"
        return f"coalesce(({found}), {value})"
    found = (
        f"SELECT c.name FROM called c"
        f" WHERE {of} AND c.scope_no = {row}.scope_no AND c.rec = {value}"
    )
    return f"CASE WHEN {value} IS NOT NULL THEN coalesce(({found}), {_text(NOT_HERE)}) END"


def _unless_empty(expression: str) -> str:
    return f"nullif({expression}, '')"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
