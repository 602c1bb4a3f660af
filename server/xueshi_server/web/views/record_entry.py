"""Entry pages of every record type, made from its declaration: new, edit, correct, remove."""

import secrets
from collections.abc import Mapping
from sqlite3 import Row
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import Value, parse_field, word_label
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.values import parse_text
from xueshi_server.errors import NoScopeError
from xueshi_server.store.records import (
    default_scope,
    find_named,
    find_row,
    list_choices,
    naming_field,
)
from xueshi_server.store.schools import list_schools
from xueshi_server.web.packs import active_pack, find_type
from xueshi_server.web.pages import find_key, go, public_id
from xueshi_server.web.record_view import Viewer, typed_value
from xueshi_server.web.site import language, saving, this_node
from xueshi_server.web.views.records import may_write
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("record_entry", __name__, url_prefix="/records")
Page = str | tuple[str, int] | Response
Faults = dict[str, BadValueError]
# A name typed for a reference: a person's name and number, or a title.
_NAME_MOST: Final = 200
_PLACE: Final = "scope"


@blueprint.get("/<type_name>/new")
def new(type_name: str) -> Page:
    """An empty form; fields named in the address are filled in."""
    declared = _writable(type_name)
    values = {each.id: request.args.get(each.id, "") for each in declared.field}
    return _show(declared, values, {}, None)


@blueprint.post("/<type_name>/new")
def create(type_name: str) -> Page:
    """Write a new record."""
    declared = _writable(type_name)
    scope_no, faults = _read_place(declared)
    values = _read(declared, scope_no, faults)
    if faults:
        return _show(declared, _given(declared), faults, None), 422
    with saving() as action:
        key = action.insert(type_name, values, scope_no=scope_no, entry_id=f"form-{_entry_id()}")
    return go("records.show", done="saved", type_name=type_name, name=public_id(*key))


@blueprint.get("/<type_name>/<name>/edit")
def edit(type_name: str, name: str) -> Page:
    """The form with what the record says now: a register is changed, a ledger corrected."""
    declared, row = _find(type_name, name)
    return _show(declared, _values_of(declared, row), {}, row)


@blueprint.post("/<type_name>/<name>/edit")
def update(type_name: str, name: str) -> Page:
    """Set what changed in a register; in a ledger write a new record that names the old one."""
    declared, row = _find(type_name, name)
    faults: Faults = {}
    values = _read(declared, row["scope_no"], faults)
    if faults:
        return _show(declared, _given(declared), faults, row), 422
    key = RecordKey(row["scope_no"], row["rec"])
    if declared.kind == "register":
        changed = {
            field: value for field, value in values.items() if _plain(row[field]) != _plain(value)
        }
        if changed:
            with saving() as action:
                action.set(type_name, key, changed)
        return go("records.show", done="saved", type_name=type_name, name=public_id(*key))
    with saving() as action:
        made = action.insert(
            type_name,
            {**values, str(declared.corrects): row["rec"]},
            scope_no=row["scope_no"],
            entry_id=f"form-{_entry_id()}",
        )
    return go("records.show", done="corrected", type_name=type_name, name=public_id(*made))


@blueprint.post("/<type_name>/<name>/remove")
def remove(type_name: str, name: str) -> Page:
    """Take a record out of a register; a ledger keeps what was written."""
    declared, row = _find(type_name, name)
    if declared.kind != "register":
        abort(404)
    with saving() as action:
        action.delete(type_name, RecordKey(row["scope_no"], row["rec"]))
    return go("records.list_all", done="removed", type_name=type_name)


def _writable(type_name: str) -> RecordType:
    declared = find_type(type_name)
    if not may_write(declared):
        raise NoScopeError
    return declared


def _find(type_name: str, name: str) -> tuple[RecordType, Row]:
    declared, key = _writable(type_name), find_key(name)
    row = find_row(this_node(), declared, key.scope_no, key.rec)
    if row is None or (declared.kind == "ledger" and declared.corrects is None):
        abort(404)
    return declared, row


def _entry_id() -> str:
    return request.form.get("entry_id", "")[:64] or secrets.token_hex(16)


def _plain(value: object) -> object:
    """Empty text and no value are the same; SQLite keeps yes and no as numbers."""
    if isinstance(value, bool):
        return int(value)
    return None if value == "" else value


def _chooses_school(declared: RecordType) -> bool:
    """Whether the school that a new record stands in has to be said."""
    return this_node().role == "centre" and declared.place == "school"


def _read_place(declared: RecordType) -> tuple[int | None, Faults]:
    if not _chooses_school(declared):
        node = this_node()
        return default_scope(node, declared), {}
    wanted = request.form.get(_PLACE, type=int)
    if wanted in [each["scope_no"] for each in list_schools(this_node())]:
        return wanted, {}
    return None, {_PLACE: BadValueError("value.missing")}


def _fields(declared: RecordType) -> list[FieldDeclaration]:
    return [each for each in declared.field if each.id != declared.corrects]


def _given(declared: RecordType) -> dict[str, str]:
    """What was typed, as the fields hold it."""
    return {
        each.id: "|".join(value for value in request.form.getlist(each.id) if value)
        for each in _fields(declared)
    }


def _read(declared: RecordType, scope_no: int | None, faults: Faults) -> dict[str, Value]:
    pack, values = active_pack(), dict[str, Value]()
    for each in _fields(declared):
        given = _given(declared)[each.id].replace("\r\n", "\n")
        try:
            if each.type in ("ref", "key"):
                values[each.id] = _read_reference(each, scope_no, given)
            else:
                values[each.id] = parse_field(each, pack.codes.get(each.codes or ""), given)
        except BadValueError as error:
            faults[each.id] = error
    return values


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


def _values_of(declared: RecordType, row: Row) -> dict[str, str]:
    """What a record says, as the form's fields hold it; a reference as its key or name."""
    values = {each.id: typed_value(each, row[each.id]) for each in _fields(declared)}
    for each in _fields(declared):
        target = active_pack().types.get(each.to or "")
        if each.type != "ref" or target is None or row[each.id] is None:
            continue
        other = find_row(this_node(), target, row["scope_no"], row[each.id])
        name = target.key or naming_field(target)
        values[each.id] = str(other[name]) if other is not None and name else ""
    return values


def _show(declared: RecordType, values: Mapping[str, str], faults: Faults, row: Row | None) -> str:
    node, pack, spoken = this_node(), active_pack(), language()
    scope_no = None if _chooses_school(declared) else default_scope(node, declared)
    viewer = Viewer(pack, declared, spoken)
    if row is not None:
        viewer.read_names([row])
    return render_template(
        "record_form.html",
        declared=declared,
        type_title=word_label(declared.label, spoken),
        row=row,
        id=public_id(row["scope_no"], row["rec"]) if row is not None else "",
        title=viewer.title(row) if row is not None else "",
        fields=[_field(each, values.get(each.id, ""), scope_no) for each in _fields(declared)],
        faults=faults,
        entry_id=request.form.get("entry_id") or secrets.token_hex(16),
        schools=list_schools(node) if row is None and _chooses_school(declared) else [],
        place=request.form.get(_PLACE, type=int),
    )


def _field(each: FieldDeclaration, value: str, scope_no: int | None) -> dict[str, Any]:
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
    }
