"""What subjects are called: the fields that name them, a reference by the name of its record."""

from collections.abc import Callable, Collection, Mapping, Sequence

from xueshi_server.domain.rules.catalogue import Catalogue
from xueshi_server.domain.rules.facts import RecordKey, Row, Tests, Value
from xueshi_server.domain.rules.row_facts import clean

Rows = Callable[[str, Tests, Collection[RecordKey] | None], Sequence[Row]]
_Names = Mapping[tuple[Value, Value], str]
# More records than that are read as a whole.
_FEW_RECORDS = 500


def name_rows(
    catalogue: Catalogue, read: Rows, of: str, fields: Sequence[str], rows: Sequence[Row]
) -> Callable[[Row], str]:
    """How records of a type are called by some of their fields; `read` reads others."""
    known = {each: _referred(catalogue, read, of, each, rows) for each in fields}

    def name(row: Row) -> str:
        return " ".join(_show(row, each, known[each]) for each in fields)

    return name


def _show(row: Row, field: str, names: _Names) -> str:
    value = clean(row.get(field))
    return names.get((clean(row.get("scope")), value)) or str(value or "")


def _referred(catalogue: Catalogue, read: Rows, of: str, field: str, rows: Sequence[Row]) -> _Names:
    """The names of the records that a reference leads to, empty for other fields. A key may lead
    to another school, whose records nobody reads for a name: it is a name itself."""
    declared = catalogue.field(of, field)
    if declared is None or declared.type != "ref" or declared.to is None:
        return {}
    keys = {(str(row["scope"]), clean(row.get(field))) for row in rows}
    records = {(scope, rec) for scope, rec in keys if isinstance(rec, int | str)}
    if not records:
        return {}
    found = read(declared.to, (), records if len(records) <= _FEW_RECORDS else None)
    fields = _names_of(catalogue, declared.to)
    return {
        (clean(row["scope"]), clean(row["rec"])): " ".join(
            str(row.get(each) or "") for each in fields
        ).strip()
        for row in found
    }


def _names_of(catalogue: Catalogue, of: str) -> Sequence[str]:
    """The fields that name a record: those of the first kind of subject that it is, or its key."""
    for declared in catalogue.pack.subjects.values():
        if declared.of == of and declared.name and not declared.per:
            return declared.name
    key = catalogue.type_of(of).key
    return ["rec"] if key is None else [key]
