"""Enter hours: one session for everyone ticked; and correct one record by a new one."""

import secrets
from collections.abc import Mapping
from sqlite3 import Row
from typing import Any

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.dates import parse_date
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import format_hours, parse_hours
from xueshi_server.domain.values import parse_text
from xueshi_server.store.hours import find_hour, list_words
from xueshi_server.store.people import list_roster
from xueshi_server.web.pages import find_key, go
from xueshi_server.web.site import home_scope_no, saving, this_node, whoami

blueprint = Blueprint("entry", __name__, url_prefix="/enter")
Page = str | tuple[str, int] | Response
_TEXTS = ("form", "category", "title", "note", "recorded_by")


@blueprint.get("/")
def new() -> Page:
    """The session form with the roster to tick; `?like=` copies the words of a record."""
    values: dict[str, Any] = {"entry_id": secrets.token_hex(16), "recorded_by": _own_name()}
    if request.args.get("like"):
        values |= _values_of(_find(request.args["like"]))
    return _show_form(values, {}, set())


@blueprint.post("/")
def create() -> Page:
    """Write the session's hours for everyone ticked, in one action."""
    values, faults = _read_form()
    scope_no = home_scope_no()
    roster = {str(row["rec"]): int(row["rec"]) for row in list_roster(this_node(), scope_no)}
    ticked = [roster[name] for name in request.form.getlist("person") if name in roster]
    if not ticked:
        faults["person"] = BadValueError("value.missing")
    if faults:
        return _show_form(request.form, faults, set(ticked)), 422
    form_id = request.form.get("entry_id", "")[:64] or secrets.token_hex(16)
    with saving() as action:
        for rec in ticked:
            action.insert("hour", {**values, "person": rec}, entry_id=f"form-{form_id}-{rec}")
    return go("hours.index", done="entered", n=len(ticked))


@blueprint.get("/correct/<name>")
def correct(name: str) -> Page:
    """The form for a correction, filled with what the record says now."""
    row = _find(name)
    return _show_correction(row, {**_values_of(row), "entry_id": secrets.token_hex(16)}, {})


@blueprint.post("/correct/<name>")
def create_correction(name: str) -> Page:
    """Write a new record that names the old one; the old one stays readable."""
    row = _find(name)
    values, faults = _read_form()
    if faults:
        return _show_correction(row, request.form, faults), 422
    form_id = request.form.get("entry_id", "")[:64] or secrets.token_hex(16)
    fields = {**values, "person": row["person"], "corrects": row["rec"]}
    with saving() as action:
        action.insert("hour", fields, entry_id=f"form-{form_id}")
    return go("hours.show", done="corrected", name=name)


def _find(name: str) -> Row:
    key = find_key(name)
    row = find_hour(this_node(), key.scope_no, key.rec)
    if row is None or key.scope_no != home_scope_no():
        abort(404)
    return row


def _own_name() -> str:
    account = whoami()
    return account.name if account else ""


def _values_of(row: Row) -> dict[str, Any]:
    fields = ("date", *_TEXTS)
    return {field: row[field] or "" for field in fields} | {"hours": format_hours(row["minutes"])}


def _read_form() -> tuple[dict[str, Any], dict[str, BadValueError]]:
    values: dict[str, Any] = {}
    faults: dict[str, BadValueError] = {}
    for field in ("date", "hours", *_TEXTS):
        given = request.form.get(field, "").replace("\r\n", "\n")
        try:
            if field == "date":
                values["date"] = parse_date(given)
            elif field == "hours":
                values["minutes"] = parse_hours(given)
            else:
                values[field] = parse_text(field, given, required=field == "title")
        except BadValueError as error:
            faults[field] = error
    return values, faults


def _show_form(
    values: Mapping[str, Any], faults: Mapping[str, BadValueError], ticked: set[int]
) -> str:
    roster = list_roster(this_node(), home_scope_no())
    return render_template(
        "enter.html", values=values, faults=faults, ticked=ticked, roster=roster, words=_words()
    )


def _show_correction(
    row: Row, values: Mapping[str, Any], faults: Mapping[str, BadValueError]
) -> str:
    return render_template("correct.html", row=row, values=values, faults=faults, words=_words())


def _words() -> dict[str, list[str]]:
    return {column: list_words(this_node(), column) for column in ("form", "category")}
