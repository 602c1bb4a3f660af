"""The roster: list, one person with their hours, new people, mended names."""

import secrets

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.credit import total_hours
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.values import parse_staff_no, parse_text
from xueshi_server.store.hours import HourFilter, list_hours
from xueshi_server.store.people import (
    PAGE_ROWS,
    PersonFilter,
    find_person,
    list_hours_of,
    list_people,
    load_people,
)
from xueshi_server.store.schools import list_schools
from xueshi_server.web.pages import find_key, go, public_id, read_cursor, write_cursor
from xueshi_server.web.site import home_scope_no, saving, this_node

blueprint = Blueprint("people", __name__, url_prefix="/people")
Page = str | tuple[str, int] | Response


@blueprint.get("/")
def index() -> Page:
    """The roster, by staff number."""
    node = this_node()
    schools = list_schools(node)
    wanted = PersonFilter(
        scope_no=request.args.get("school", type=int),
        text=request.args.get("q", "").strip()[:60],
        after=read_cursor(request.args.get("after", "")),
    )
    rows = list_people(node, wanted, limit=PAGE_ROWS + 1)
    more = write_cursor("staff_no", rows[PAGE_ROWS - 1]) if len(rows) > PAGE_ROWS else None
    return render_template(
        "people.html", rows=rows[:PAGE_ROWS], more=more, wanted=wanted, schools=schools
    )


@blueprint.get("/<name>")
def show(name: str) -> Page:
    """One person: totals, and the latest records."""
    key = find_key(name)
    node = this_node()
    person = find_person(node, key.scope_no, key.rec)
    if person is None:
        abort(404)
    totals = total_hours(list_hours_of(node, key.scope_no, key.rec))
    rows = list_hours(node, HourFilter(scope_no=key.scope_no, person=key.rec), limit=20)
    return render_template("person.html", person=person, totals=totals, rows=rows)


@blueprint.get("/new")
def new() -> Page:
    """The form for a new person."""
    return render_template(
        "person_form.html", values={"entry_id": secrets.token_hex(16)}, faults={}
    )


@blueprint.post("/new")
def create() -> Page:
    """Add a person to the school's roster."""
    values, faults = _read_form()
    scope_no = home_scope_no()
    known = load_people(this_node(), scope_no).get(values["teacher_id"])
    if known is not None and not faults:
        faults["teacher_id"] = BadValueError(
            "person.name_differs",
            teacher=values["teacher_id"],
            known=known[1],
            seen=values["teacher_name"],
        )
    if faults:
        return render_template("person_form.html", values=request.form, faults=faults), 422
    with saving() as action:
        action.insert(
            "person",
            {
                "staff_no": values["teacher_id"],
                "name": values["teacher_name"],
                "active": True,
            },
            entry_id=f"form-{request.form.get('entry_id', '')[:64]}",
        )
    return go("people.index", done="person")


@blueprint.get("/<name>/edit")
def edit(name: str) -> Page:
    """The form for a person's name and whether they are still there."""
    key = find_key(name)
    person = find_person(this_node(), key.scope_no, key.rec)
    if person is None:
        abort(404)
    values = {
        "teacher_id": person["staff_no"],
        "teacher_name": person["name"],
        "active": "1" if person["active"] else "",
    }
    return render_template("person_form.html", person=person, values=values, faults={})


@blueprint.post("/<name>/edit")
def update(name: str) -> Page:
    """Set what changed; what somebody else changes meanwhile is kept beside it."""
    key = find_key(name)
    person = find_person(this_node(), key.scope_no, key.rec)
    if person is None:
        abort(404)
    values, faults = _read_form()
    if faults:
        page = render_template(
            "person_form.html", person=person, values=request.form, faults=faults
        )
        return page, 422
    wanted = {
        "staff_no": values["teacher_id"],
        "name": values["teacher_name"],
        "active": bool(request.form.get("active")),
    }
    changed = {field: value for field, value in wanted.items() if person[field] != value}
    if changed:
        with saving() as action:
            action.set("person", key, changed)
    return go("people.show", done="person", name=public_id(key.scope_no, key.rec))


def _read_form() -> tuple[dict[str, str], dict[str, BadValueError]]:
    values: dict[str, str] = {"teacher_id": "", "teacher_name": ""}
    faults: dict[str, BadValueError] = {}
    for field in values:
        try:
            given = request.form.get(field, "")
            values[field] = (
                parse_staff_no(given)
                if field == "teacher_id"
                else parse_text(field, given, required=True)
            )
        except BadValueError as error:
            faults[field] = error
    return values, faults
