"""Entry pages of every record type, made from its declaration: new, edit, correct, remove."""

import secrets
from collections.abc import Mapping
from hashlib import sha256
from sqlite3 import Row
from typing import Final

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import Value, word_label
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.sealed import mask_sealed
from xueshi_server.errors import NoScopeError
from xueshi_server.store.contributions import CONTRIBUTION
from xueshi_server.store.records import default_scope, find_row
from xueshi_server.store.schools import list_open_schools
from xueshi_server.web import person_form
from xueshi_server.web.asked import row_number
from xueshi_server.web.declared_form import (
    Faults,
    check_key,
    form_fields,
    given_values,
    read_values,
    show_input,
    values_of,
)
from xueshi_server.web.packs import active_pack, find_type
from xueshi_server.web.pages import find_key, go, public_id
from xueshi_server.web.person_form import PERSON
from xueshi_server.web.record_view import Viewer
from xueshi_server.web.site import language, this_node
from xueshi_server.web.undoing import saving_with_undo
from xueshi_server.web.views.records import may_write
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("record_entry", __name__, url_prefix="/records")
Page = str | tuple[str, int] | Response
_PLACE: Final = "scope"


@blueprint.get("/<type_name>/new")
def new(type_name: str) -> Page:
    """An empty form; fields named in the address are filled in."""
    declared = _writable(type_name)
    if type_name == CONTRIBUTION:
        # It is handed in with its file.
        return redirect(url_for("contributions.new"))
    values = {each.id: request.args.get(each.id, "") for each in declared.field}
    return _show(declared, values, {}, None)


@blueprint.post("/<type_name>/new")
def create(type_name: str) -> Page:
    """Write a new record."""
    declared = _writable(type_name)
    scope_no, faults = _read_place(declared)
    values = read_values(form_fields(declared), scope_no, faults, key=declared.key)
    entry = entry_of(values)
    # A form that was sent twice comes to the same record.
    is_new = this_node().feeds.entry(entry) is None
    _check(declared, values, scope_no, faults, is_new=is_new)
    if _PLACE in faults:
        # Which records there are to refer to is known with the school.
        faults = {name: each for name, each in faults.items() if not _is_about_reference(each)}
    if faults:
        return _show(declared, given_values(declared), faults, None), 422
    with saving_with_undo() as action:
        if declared.id == PERSON:
            person_form.complete(values, scope_no)
        key = action.insert(type_name, values, scope_no=scope_no, entry_id=entry)
    return _go_to(declared, key)


@blueprint.get("/<type_name>/<name>/edit")
def edit(type_name: str, name: str) -> Page:
    """The form with what the record says now: a register is changed, a ledger corrected."""
    declared, row = _find(type_name, name)
    return _show(declared, values_of(declared, row), {}, row)


@blueprint.post("/<type_name>/<name>/edit")
def update(type_name: str, name: str) -> Page:
    """Set what changed in a register; in a ledger write a new record that names the old one."""
    declared, row = _find(type_name, name)
    faults: Faults = {}
    values = read_values(form_fields(declared), row["scope_no"], faults, key=declared.key, row=row)
    _check(declared, values, row["scope_no"], faults, row=row)
    if faults:
        return _show(declared, given_values(declared), faults, row), 422
    key = RecordKey(row["scope_no"], row["rec"])
    if declared.kind == "register":
        changed = {
            field: value for field, value in values.items() if _plain(row[field]) != _plain(value)
        }
        if changed:
            with saving_with_undo() as action:
                action.set(type_name, key, changed)
        if declared.id == PERSON and person_form.NUMBER in changed:
            number = str(changed[person_form.NUMBER])
            person_form.rename_account(key, str(row[person_form.NUMBER]), number)
        return _go_to(declared, key)
    values[str(declared.corrects)] = row["rec"]
    with saving_with_undo() as action:
        made = action.insert(type_name, values, scope_no=row["scope_no"], entry_id=entry_of(values))
    return go("records.show", done="corrected", type_name=type_name, name=public_id(*made))


@blueprint.post("/<type_name>/<name>/remove")
def remove(type_name: str, name: str) -> Page:
    """Take a record out of a register; a ledger keeps what was written."""
    declared, row = _find(type_name, name)
    if declared.kind != "register":
        abort(404)
    with saving_with_undo() as action:
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


def entry_of(values: Mapping[str, object]) -> str:
    """What this form with these values writes is written once: sent again it comes to the same
    record; changed after "back" it is another entry, and nothing that was typed is dropped."""
    form = request.form.get("entry_id", "")[:64] or secrets.token_hex(16)
    # The same number is never sealed alike, and nothing is kept that it could be guessed from.
    said = {
        name: mask_sealed(each) if isinstance(each, bytes) else each
        for name, each in values.items()
    }
    return f"form-{form}-{sha256(repr(sorted(said.items())).encode()).hexdigest()[:16]}"


def _go_to(declared: RecordType, key: RecordKey) -> Page:
    if declared.id == PERSON:
        return go("people.show", done="person", name=public_id(*key))
    return go("records.show", done="saved", type_name=declared.id, name=public_id(*key))


def _check(
    declared: RecordType,
    values: dict[str, Value],
    scope_no: int | None,
    faults: Faults,
    *,
    row: Row | None = None,
    is_new: bool = True,
) -> None:
    """Refuse a key that another record has; `row` is the record that is changed."""
    own = row["rec"] if row is not None else None
    if declared.id != PERSON:
        if is_new:
            check_key(declared, values, scope_no, faults, own=own)
        return
    person_form.tidy(values, faults, row)
    if is_new:
        person_form.check_number(values, scope_no, faults, own=own)


def _is_about_reference(error: BadValueError) -> bool:
    return error.value_code.startswith("ref.")


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
    wanted = request.form.get(_PLACE, type=row_number)
    if wanted in [each["scope_no"] for each in list_open_schools(this_node())]:
        return wanted, {}
    return None, {_PLACE: BadValueError("value.missing")}


def _show(declared: RecordType, values: Mapping[str, str], faults: Faults, row: Row | None) -> str:
    node, pack, spoken = this_node(), active_pack(), language()
    scope_no = None if _chooses_school(declared) else default_scope(node, declared)
    viewer = Viewer(pack, declared, spoken)
    if row is not None:
        viewer.read_names([row])
    fields = [
        show_input(each, values.get(each.id, ""), scope_no, row) for each in form_fields(declared)
    ]
    is_person = declared.id == PERSON
    fields, more = person_form.arrange(fields, is_new=row is None) if is_person else (fields, [])
    return render_template(
        "people_form.html" if is_person else "record_form.html",
        declared=declared,
        type_title=word_label(declared.label, spoken),
        row=row,
        id=public_id(row["scope_no"], row["rec"]) if row is not None else "",
        title=viewer.title(row) if row is not None else "",
        fields=fields,
        more=more,
        faults=faults,
        entry_id=request.form.get("entry_id") or secrets.token_hex(16),
        schools=list_open_schools(node) if row is None and _chooses_school(declared) else [],
        place=request.form.get(_PLACE, type=row_number),
    )
