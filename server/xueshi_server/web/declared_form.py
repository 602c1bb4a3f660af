"""The form of a record type: its fields as pages show them, and what is read from them."""

from collections.abc import Iterable, Mapping
from sqlite3 import Row
from typing import Any, Final

from flask import request

from xueshi_server.domain.cells import narrow_text
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import LONG_MOST, Value, parse_field, word_label
from xueshi_server.domain.packs.model import CodeList, FieldDeclaration, RecordType
from xueshi_server.domain.values import parse_text
from xueshi_server.store.records import (
    find_named,
    find_row,
    list_choices,
    name_row,
    naming_field,
)
from xueshi_server.web.packs import active_pack
from xueshi_server.web.record_view import typed_value
from xueshi_server.web.sealed_form import read_sealed, show_sealed
from xueshi_server.web.site import language, this_node

Faults = dict[str, BadValueError]
# A name typed for a reference: a person's name and number, or a title.
_NAME_MOST: Final = 200
# What a record with a file says of it, and which other record it mends.
_OF_FILE: Final = frozenset({"file", "bytes", "media", "file_name", "follows"})


def form_fields(declared: RecordType) -> list[FieldDeclaration]:
    """What is asked for; which record a correction replaces is known, and what a file says of
    itself is filled in where the file is taken."""
    of_file = _OF_FILE if ["file"] in declared.index else frozenset()
    known = of_file | {declared.corrects}
    return [each for each in declared.field if each.id not in known]


def given_values(declared: RecordType) -> dict[str, str]:
    """What was typed, as the fields hold it; of what is far too long the beginning."""
    return {each.id: _given(each)[: shown_most(each)] for each in form_fields(declared)}


def shown_most(each: FieldDeclaration) -> int:
    """So many characters of a field are shown again: more than may be kept, but no whole book."""
    return 2 * max(each.max or 0, LONG_MOST)


def _given(each: FieldDeclaration) -> str:
    return "|".join(value for value in request.form.getlist(each.id) if value)


def read_values(
    fields: Iterable[FieldDeclaration],
    scope_no: int | None,
    faults: Faults,
    *,
    key: str | None = None,
    row: Row | None = None,
) -> dict[str, Value]:
    """The values typed; what cannot be taken goes into `faults`. Records go by the field `key`;
    `row` is the record that is changed."""
    values, asked = dict[str, Value](), {each.id: each for each in fields}
    for each in asked.values():
        if each.type == "sealed":
            continue
        given = narrow_text(each, _given(each), key=each.id == key)
        codes = active_pack().codes.get(each.codes or "")
        try:
            if each.type in ("ref", "key"):
                values[each.id] = _read_reference(each, scope_no, given)
            else:
                values[each.id] = parse_field(each, codes, given)
        except BadValueError as error:
            faults[each.id] = _with_choices(error, codes)
    read_sealed(asked, values, faults, row)
    return values


def _with_choices(error: BadValueError, codes: CodeList | None) -> BadValueError:
    """The same with the choices in the language of the page."""
    if codes is not None and "choices" in error.details:
        labels = [word_label(code.label, language()) for code in codes.value[:8]]
        error.details["choices"] = (", " if language() == "en" else "、").join(labels)
    return error


def _read_reference(each: FieldDeclaration, scope_no: int | None, given: str) -> Value:
    """The record that a typed number, key or name means; a key may name one that is not here."""
    text = parse_text(each.id, given, required=each.required, most=_NAME_MOST)
    target = active_pack().types.get(each.to or "")
    if not text or target is None:
        return None
    node = this_node()
    if each.type == "ref":
        home = node.replica.home_scope_no if scope_no is None else scope_no
        rows = find_named(node, target, home, text)
    else:
        rows = find_named(node, target, None, text)
        if not rows:
            return text
        if len({_key_of(target, row) for row in rows}) == 1:
            return _key_of(target, rows[0])
    if len(rows) != 1:
        raise BadValueError("ref.several" if rows else "ref.unknown", seen=text[:40])
    return int(rows[0]["rec"]) if each.type == "ref" else _key_of(target, rows[0])


def _key_of(target: RecordType, row: Row) -> str:
    return str(row[target.key or "rec"])


def values_of(declared: RecordType, row: Row) -> dict[str, str]:
    """What a record says, as the form's fields hold it; a reference as its key or name."""
    values = {each.id: typed_value(each, row[each.id]) for each in form_fields(declared)}
    for each in form_fields(declared):
        target = active_pack().types.get(each.to or "")
        if each.type != "ref" or target is None or row[each.id] is None:
            continue
        other = find_row(this_node(), target, row["scope_no"], row[each.id])
        name = target.key or naming_field(target)
        values[each.id] = str(other[name]) if other is not None and name else ""
    return values


def check_key(
    declared: RecordType,
    values: Mapping[str, Value],
    scope_no: int | None,
    faults: Faults,
    *,
    own: int | None = None,
) -> None:
    """Refuse a key that another record of the school has; `own` is the record that is changed."""
    if declared.kind != "register" or declared.key is None or declared.key in faults:
        return
    value, node = str(values.get(declared.key) or ""), this_node()
    place = node.home_scope_no if scope_no is None else scope_no
    for other in find_named(node, declared, place, value) if value else []:
        if str(other[declared.key]) == value and other["rec"] != own:
            known = name_row(active_pack(), declared, other, language())
            faults[declared.key] = BadValueError("record.key_taken", seen=value, known=known)


def show_input(
    each: FieldDeclaration, value: str, scope_no: int | None, row: Row | None = None
) -> dict[str, Any]:
    """A field as the form shows it, with the codes or records to choose from; `row` is the record
    that is changed."""
    pack, spoken = active_pack(), language()
    codes = pack.codes.get(each.codes or "")
    target = pack.types.get(each.to or "")
    choices = []
    if each.type in ("ref", "key") and target is not None:
        choices = list_choices(this_node(), target, scope_no if each.type == "ref" else None)
    return {
        "id": each.id,
        "type": each.type,
        "label": word_label(each.label, spoken),
        "required": each.required,
        "many": each.many,
        "value": value,
        "chosen": set(value.split("|")) if value else set(),
        "max": each.max,
        "codes": [(one.id, word_label(one.label, spoken)) for one in codes.value] if codes else [],
        "choices": choices,
        "to": word_label(target.label, spoken) if target else "",
        **(show_sealed(each, value, row) if each.type == "sealed" else {}),
    }
