"""The roster: list, one person with their hours. The forms are those of every record type."""

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.credit import total_hours
from xueshi_server.record_columns import PERSON
from xueshi_server.store.hours import HourFilter, list_hours
from xueshi_server.store.people import (
    PAGE_ROWS,
    PersonFilter,
    find_person,
    list_hours_of,
    list_people,
)
from xueshi_server.store.schools import list_schools
from xueshi_server.web.asked import row_number
from xueshi_server.web.packs import active_pack, find_type
from xueshi_server.web.pages import find_key, go, read_cursor, write_cursor
from xueshi_server.web.record_view import Viewer
from xueshi_server.web.site import language, this_node
from xueshi_server.web.views import record_entry

blueprint = Blueprint("people", __name__, url_prefix="/people")
Page = str | tuple[str, int] | Response
# What the head of a person's page says already.
_IN_HEAD = ("staff_no", "name")


@blueprint.get("/")
def index() -> Page:
    """The roster, by staff number."""
    node = this_node()
    schools = list_schools(node)
    wanted = PersonFilter(
        scope_no=request.args.get("school", type=row_number),
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
    facts = Viewer(active_pack(), find_type(PERSON), language()).facts(person)
    return render_template(
        "person.html",
        person=person,
        facts=[each for each in facts if each.id not in _IN_HEAD],
        totals=totals,
        rows=rows,
    )


@blueprint.get("/new")
def new() -> Page:
    """The form for a new person."""
    return record_entry.new(PERSON)


@blueprint.post("/new")
def create() -> Page:
    """Add a person to the school's roster."""
    answer = record_entry.create(PERSON)
    return go("people.index", done="person") if isinstance(answer, Response) else answer


@blueprint.get("/<name>/edit")
def edit(name: str) -> Page:
    """The form with what is known of a person."""
    return record_entry.edit(PERSON, name)


@blueprint.post("/<name>/edit")
def update(name: str) -> Page:
    """Set what changed; what somebody else changes meanwhile is kept beside it."""
    answer = record_entry.update(PERSON, name)
    return go("people.show", done="person", name=name) if isinstance(answer, Response) else answer
