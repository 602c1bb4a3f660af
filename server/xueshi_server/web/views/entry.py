"""Enter hours: one session for everyone ticked; and correct one record by a new one.

The fields are those that the pack declares for hours; only the person is ticked and not typed.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.packs.model import FieldDeclaration
from xueshi_server.store.hours import list_words
from xueshi_server.store.people import list_roster
from xueshi_server.store.records import find_row
from xueshi_server.web.declared_form import (
    Faults,
    form_fields,
    given_values,
    read_values,
    show_input,
    values_of,
)
from xueshi_server.web.packs import find_type
from xueshi_server.web.pages import find_key, go
from xueshi_server.web.site import home_scope_no, this_node, whoami
from xueshi_server.web.undoing import saving_with_undo
from xueshi_server.web.views import record_entry

blueprint = Blueprint("entry", __name__, url_prefix="/enter")
Page = str | tuple[str, int] | Response
_HOUR = "hour"
_TICKED = "person"
# Columns whose usual words are offered while somebody types.
_WORDED = ("form", "category")


@blueprint.get("/")
def new() -> Page:
    """The session form with the roster to tick; `?like=` copies the words of a record."""
    values: dict[str, str] = {"recorded_by": _own_name()}
    if request.args.get("like"):
        values |= _values_like(request.args["like"])
    return _show_form(values, {}, set())


@blueprint.post("/")
def create() -> Page:
    """Write the session's hours for everyone ticked, in one action."""
    scope_no, faults = home_scope_no(), Faults()
    values = read_values(_fields(), scope_no, faults)
    roster = {str(row["rec"]): int(row["rec"]) for row in list_roster(this_node(), scope_no)}
    ticked = [roster[name] for name in request.form.getlist(_TICKED) if name in roster]
    if not ticked:
        faults[_TICKED] = BadValueError("value.missing")
    if faults:
        return _show_form(given_values(find_type(_HOUR)), faults, set(ticked)), 422
    entry = record_entry.entry_of(values)
    with saving_with_undo() as action:
        for rec in ticked:
            action.insert(_HOUR, {**values, _TICKED: rec}, entry_id=f"{entry}-{rec}")
    return go("hours.index", done="entered", n=len(ticked))


@blueprint.get("/correct/<name>")
def correct(name: str) -> Page:
    """The form for a correction, filled with what the record says now."""
    _check_own(name)
    return record_entry.edit(_HOUR, name)


@blueprint.post("/correct/<name>")
def create_correction(name: str) -> Page:
    """Write a new record that names the old one; the old one stays readable."""
    _check_own(name)
    answer = record_entry.update(_HOUR, name)
    return go("hours.show", done="corrected", name=name) if isinstance(answer, Response) else answer


def _check_own(name: str) -> None:
    if find_key(name).scope_no != home_scope_no():
        abort(404)


def _own_name() -> str:
    account = whoami()
    return account.name if account else ""


def _values_like(name: str) -> dict[str, str]:
    _check_own(name)
    declared = find_type(_HOUR)
    row = find_row(this_node(), declared, *find_key(name))
    if row is None:
        abort(404)
    return values_of(declared, row)


def _fields() -> list[FieldDeclaration]:
    return [each for each in form_fields(find_type(_HOUR)) if each.id != _TICKED]


def _show_form(values: Mapping[str, str], faults: Faults, ticked: set[int]) -> str:
    scope_no = home_scope_no()
    return render_template(
        "enter.html",
        fields=[_show_field(each, values.get(each.id, ""), scope_no) for each in _fields()],
        entry_id=request.form.get("entry_id") or secrets.token_hex(16),
        faults=faults,
        ticked=ticked,
        roster=list_roster(this_node(), scope_no),
    )


def _show_field(each: FieldDeclaration, value: str, scope_no: int) -> dict[str, Any]:
    worded = each.id in _WORDED and each.type == "text"
    words = list_words(this_node(), each.id) if worded else []
    return show_input(each, value, scope_no) | {"words": words}
