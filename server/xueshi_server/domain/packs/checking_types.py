"""Checks of what records look like: record types, code lists, conversions, sheets."""

import re
from collections import Counter
from itertools import pairwise
from typing import Final

from xueshi_server.domain.packs.checker import WHOLE, Checker, fields_of
from xueshi_server.domain.packs.checking_conditions import check_amount, check_hours, check_where
from xueshi_server.domain.packs.model import (
    CodeList,
    Conversion,
    ConversionRow,
    FieldDeclaration,
    RecordType,
    Sheet,
)
from xueshi_server.domain.packs.pack import Spot

# Names become tables and columns; SQL does not mind case, so neither may they.
_PLAIN: Final = re.compile(r"^[a-z][a-z0-9_]{0,47}$")
# Tables and columns of a node's own (record_types.py keeps the same list for the core).
RESERVED_TABLES: Final = frozenset(
    {"author", "author_key", "checking", "conflict", "field_write", "judgement", "pack_file"}
    | {"pack_release", "scope", "scope_key", "seal_key", "unapplied", "watermark"}
)
RESERVED_FIELDS: Final = frozenset(
    {"actor", "author", "conflicts", "credited", "deleted", "entered_at", "rec", "scope"}
    | {"scope_no", "state"}
)

# Types whose half-filled forms are kept as drafts.
_DRAFTED: Final = ("session",)
_ROW_AMOUNTS: Final = ("minutes", "item_cap", "window_cap")


def check_types(checker: Checker) -> None:
    """Check every record type."""
    for type_id, declared in checker.pack.types.items():
        spot = ("type", type_id)
        _check_name(checker, type_id, RESERVED_TABLES, (*spot, "id"))
        if type_id.startswith("sqlite_"):
            checker.fault("name_reserved", (*spot, "id"), name=type_id)
        _check_fields(checker, declared, spot)
        _check_named_fields(checker, declared, spot)
        _check_writers(checker, declared, spot)
        _check_place(checker, declared, spot)
        for position, paper in enumerate(declared.evidence):
            checker.paper(paper, (*spot, "evidence", position))


def _check_name(checker: Checker, name: str, reserved: frozenset[str], spot: Spot) -> None:
    if not _PLAIN.match(name):
        checker.fault("name_not_plain", spot, name=name)
    elif name in reserved:
        checker.fault("name_reserved", spot, name=name)


def _check_fields(checker: Checker, declared: RecordType, spot: Spot) -> None:
    if not declared.field:
        checker.fault("type_empty", spot, id=declared.id)
    names: set[str] = set()
    for position, field in enumerate(declared.field):
        here = (*spot, "field", position)
        _check_name(checker, field.id, RESERVED_FIELDS, (*here, "id"))
        if field.id.lower() in names:
            checker.fault("field_twice", (*here, "id"), field=field.id, of=declared.id)
        names.add(field.id.lower())
        _check_field(checker, field, here)
        _check_sealed(checker, declared, field, here)


def _check_field(checker: Checker, field: FieldDeclaration, spot: Spot) -> None:
    if field.type == "code" and field.codes is None:
        checker.fault("codes_missing", spot, field=field.id)
    elif field.codes is not None and field.type != "code":
        checker.fault("codes_unused", (*spot, "codes"), field=field.id, type=field.type)
    elif field.codes is not None:
        checker.known("codes_unknown", field.codes, checker.pack.codes, (*spot, "codes"))
    if field.many and field.type != "code":
        checker.fault("many_without_codes", (*spot, "many"), field=field.id)
    if field.max is not None and field.max < 1:
        checker.fault("max_not_positive", (*spot, "max"), field=field.id)
    if field.type in ("ref", "key"):
        _check_reference(checker, field, spot)
    elif field.to is not None:
        checker.fault("to_unused", (*spot, "to"), field=field.id, type=field.type)


def _check_sealed(
    checker: Checker, declared: RecordType, field: FieldDeclaration, spot: Spot
) -> None:
    """What is sealed is sealed again under every new key of the county, so it stands where values
    are set, with one school; and no draft of it is kept."""
    if field.type != "sealed":
        if field.check is not None:
            checker.fault("check_unused", (*spot, "check"), field=field.id, type=field.type)
        return
    if field.check is None:
        checker.fault("check_missing", spot, field=field.id)
    if declared.kind != "register" or declared.place == "county" or declared.id in _DRAFTED:
        checker.fault("sealed_misplaced", (*spot, "type"), field=field.id, of=declared.id)
    if "centre" not in declared.writers:
        checker.fault("sealed_for_good", (*spot, "type"), field=field.id, of=declared.id)


def _check_reference(checker: Checker, field: FieldDeclaration, spot: Spot) -> None:
    if field.to is None:
        checker.fault("to_missing", spot, field=field.id, type=field.type)
        return
    target = checker.type_of(field.to, (*spot, "to"))
    if target is not None and field.type == "key" and target.key is None:
        checker.fault("key_without_key", (*spot, "to"), field=field.id, to=field.to)


def _check_named_fields(checker: Checker, declared: RecordType, spot: Spot) -> None:
    """The fields a type names beside declaring them."""
    fields = {each.id: each for each in declared.field}
    if declared.when is not None:
        checker.date_field(fields, declared.when, (*spot, "when"), declared.id)
    if declared.key is not None:
        checker.field(fields, declared.key, (*spot, "key"), declared.id)
    for position, columns in enumerate(declared.index):
        for place, column in enumerate(columns):
            here = (*spot, "index", position, place)
            checker.field(fields_of(declared), column, here, declared.id)
    if declared.amount is not None:
        found = checker.field(fields, declared.amount, (*spot, "amount"), declared.id)
        if found is not None and found.type not in WHOLE:
            checker.fault("amount_not_whole", (*spot, "amount"), field=found.id, type=found.type)
    if declared.corrects is not None:
        found = checker.field(fields, declared.corrects, (*spot, "corrects"), declared.id)
        if found is not None and (found.type, found.to) != ("ref", declared.id):
            checker.fault("corrects_not_self", (*spot, "corrects"), field=found.id, of=declared.id)


def _check_writers(checker: Checker, declared: RecordType, spot: Spot) -> None:
    if declared.kind == "register":
        for key in ("judges", "amount", "corrects"):
            if getattr(declared, key):
                checker.fault("ledger_only", (*spot, key), name=key, of=declared.id)
    if declared.owner not in declared.writers:
        writers = ", ".join(declared.writers)
        values = {"owner": declared.owner, "writers": writers, "of": declared.id}
        checker.fault("owner_cannot_write", (*spot, "writers"), **values)


def _check_place(checker: Checker, declared: RecordType, spot: Spot) -> None:
    """References find a record where they look for it, and what only the centre holds is its."""
    for position, field in enumerate(declared.field):
        target = checker.pack.types.get(field.to or "")
        here = (*spot, "field", position)
        values = {"field": field.id, "of": declared.id, "to": field.to or ""}
        if target is None or target.place == declared.place:
            continue
        if field.type == "ref":
            places = {"place": declared.place, "other": target.place}
            checker.fault("ref_other_place", (*here, "type"), **values, **places)
        elif field.type == "key" and target.place == "centre":
            checker.fault("key_to_centre", (*here, "to"), **values)
    if declared.place == "centre":
        said = {"owner": (declared.owner,), "writers": declared.writers, "judges": declared.judges}
        for name, tiers in said.items():
            others = [each for each in tiers if each != "centre"]
            if others:
                seen = {"of": declared.id, "name": name, "tiers": ", ".join(others)}
                checker.fault("not_centre_only", (*spot, name), **seen)


def check_codes(checker: Checker) -> None:
    """Check every code list."""
    for list_id, listed in checker.pack.codes.items():
        spot = ("codes", list_id)
        if not listed.value:
            checker.fault("codes_empty", spot, id=list_id)
        for name, count in Counter(each.id for each in listed.value).items():
            if count > 1:
                last = max(no for no, each in enumerate(listed.value) if each.id == name)
                checker.fault("code_twice", (*spot, "value", last), id=name, codes=list_id)
        _check_ranks(checker, listed, spot)


def _check_ranks(checker: Checker, listed: CodeList, spot: Spot) -> None:
    seen: dict[int, str] = {}
    for position, code in enumerate(listed.value):
        here = (*spot, "value", position)
        values = {"id": code.id, "codes": listed.id}
        if not listed.ordinal:
            if code.rank is not None:
                checker.fault("rank_unused", (*here, "rank"), **values)
        elif code.rank is None:
            checker.fault("rank_missing", here, **values)
        elif code.rank in seen:
            checker.fault("rank_twice", (*here, "rank"), other=seen[code.rank], **values)
        else:
            seen[code.rank] = code.id


def check_parameters(checker: Checker) -> None:
    """Check that the value of every parameter is one of its choices."""
    for name, parameter in checker.pack.parameters.items():
        fits = [
            type(each) is type(parameter.value) and each == parameter.value
            for each in parameter.choices
        ]
        if fits and not any(fits):
            choices = ", ".join(repr(each) for each in parameter.choices)
            values = {"id": name, "value": repr(parameter.value), "choices": choices}
            checker.fault("value_not_a_choice", ("parameter", name, "value"), **values)


def check_conversions(checker: Checker) -> None:
    """Check every conversion table."""
    for table_id, table in checker.pack.conversions.items():
        _check_conversion(checker, table, ("conversion", table_id))


def _check_conversion(checker: Checker, table: Conversion, spot: Spot) -> None:
    declared = checker.type_of(table.of, (*spot, "of"))
    if not table.row:
        checker.fault("conversion_empty", spot, id=table.id)
    if table.cap is not None:
        check_amount(checker, table.cap, (*spot, "cap"))
    if declared is not None:
        _check_hours_of(checker, table, declared, spot)
    for position, row in enumerate(table.row):
        _check_row(checker, row, (*spot, "row", position), declared)
    for earlier, later in pairwise(range(len(table.row))):
        if not table.row[earlier].where:
            checker.fault("row_never_reached", (*spot, "row", later), id=table.id)
            break


def _check_hours_of(checker: Checker, table: Conversion, declared: RecordType, spot: Spot) -> None:
    """A table that takes hours over as they are is in hours; its other amounts say so."""
    hours = {each.id for each in declared.field if each.type == "hours"}
    if all(row.per not in hours for row in table.row):
        return
    amounts = [(table.cap, (*spot, "cap"))]
    for position, row in enumerate(table.row):
        keys = ("item_cap", "window_cap") if row.per in hours else _ROW_AMOUNTS
        amounts += [(getattr(row, key), (*spot, "row", position, key)) for key in keys]
    for amount, here in amounts:
        if amount is not None:
            check_hours(checker, amount, here)


def _check_row(
    checker: Checker, row: ConversionRow, spot: Spot, declared: RecordType | None
) -> None:
    for key in _ROW_AMOUNTS:
        amount = getattr(row, key)
        if amount is not None:
            check_amount(checker, amount, (*spot, key))
    if row.proof is not None:
        checker.paper(row.proof, (*spot, "proof"))
    if declared is not None:
        check_where(checker, row.where, (*spot, "where"), declared)
        if row.per is not None:
            checker.whole_field(fields_of(declared), row.per, (*spot, "per"), declared.id)


def check_sheets(checker: Checker) -> None:
    """Check every spreadsheet mapping."""
    for sheet_id, sheet in checker.pack.sheets.items():
        _check_sheet(checker, sheet, ("sheet", sheet_id))


def _check_sheet(checker: Checker, sheet: Sheet, spot: Spot) -> None:
    declared = checker.type_of(sheet.of, (*spot, "of"))
    headings: set[str] = set()
    names: set[str] = set()
    for position, (heading, name) in enumerate(sheet.columns):
        here = (*spot, "columns", position)
        if heading in headings:
            checker.fault("heading_twice", (*here, 0), heading=heading)
        if name in names:
            checker.fault("column_twice", (*here, 1), field=name)
        headings.add(heading)
        names.add(name)
        if declared is not None:
            checker.field(fields_of(declared), name, (*here, 1), declared.id, shown=True)
    missing = [
        each.id
        for each in (declared.field if declared else [])
        if each.required and each.id not in {name.partition(".")[0] for name in names}
    ]
    if missing and sheet.columns:
        checker.fault("column_missing", (*spot, "columns"), fields=", ".join(missing))
