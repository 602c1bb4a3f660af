"""The roster: list, one person with their hours and staff changes. The forms are those of every
record type; `people_changes` has what changes about somebody who is here."""

import secrets
from dataclasses import replace
from sqlite3 import Row
from typing import Any, Final

from flask import Blueprint, abort, make_response, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.names import tidy_name
from xueshi_server.domain.people import former_numbers, is_temporary
from xueshi_server.record_columns import PERSON
from xueshi_server.store.hours import HourFilter, list_hours
from xueshi_server.store.people import (
    PAGE_ROWS,
    ROSTER_ORDERS,
    PersonFilter,
    count_people,
    find_person,
    list_people,
)
from xueshi_server.store.person_links import read_people
from xueshi_server.store.schools import list_schools
from xueshi_server.web.asked import row_number
from xueshi_server.web.declared_form import Faults
from xueshi_server.web.packs import active_pack, find_type, today
from xueshi_server.web.pages import find_key, go, read_cursor, write_cursor
from xueshi_server.web.person_parts import join_lines, show_parts, sums_of
from xueshi_server.web.record_view import Viewer
from xueshi_server.web.roster import ORDER_COOKIE, chosen_order, mark_rows, standing
from xueshi_server.web.site import language, this_node
from xueshi_server.web.views import people_changes, record_entry
from xueshi_server.web.views.records import may_write
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("people", __name__, url_prefix="/people")
Page = str | tuple[str, int] | Response
# What the head of a person's page says already.
_IN_HEAD: Final = ("staff_no", "name", "active", "former_no")
_TEXT_MOST: Final = 60


@blueprint.get("/")
def index() -> Page:
    """The roster: who is at work, or who is not; by place, strokes or pinyin."""
    node, schools = this_node(), list_schools(this_node())
    wanted = PersonFilter(
        scope_no=request.args.get("school", type=row_number),
        text=tidy_name(request.args.get("q", ""))[:_TEXT_MOST],
        after=read_cursor(request.args.get("after", "")),
        order=chosen_order(),
        standing="gone" if request.args.get("at") == "gone" else "here",
    )
    if not (wanted.text or wanted.scope_no):
        wanted = replace(wanted, without=_second_records())
    rows = list_people(node, wanted, limit=PAGE_ROWS + 1)
    more = write_cursor("sort_value", rows[PAGE_ROWS - 1]) if len(rows) > PAGE_ROWS else None
    rows = rows[:PAGE_ROWS]
    answer = make_response(
        render_template(
            "people.html",
            lines=[_line(row) for row in rows],
            marks=mark_rows(rows),
            joins=join_lines(rows),
            more=more,
            wanted=wanted,
            counts=count_people(node, wanted),
            orders=ROSTER_ORDERS,
            schools=schools,
        )
    )
    if request.args.get("order") in ROSTER_ORDERS:
        answer.set_cookie(ORDER_COOKIE, wanted.order, max_age=10**8, samesite="Lax", path="/")
    return answer


def _second_records() -> tuple[tuple[int, int], ...]:
    """Records of people who are listed by another one."""
    groups = read_people(this_node()).groups
    return tuple(key for group in groups for key in group[1:])


def _line(row: Row) -> dict[str, Any]:
    """A person as the list shows them."""
    codes = active_pack().codes.get("person_move")
    labels = {each.id: getattr(each.label, language()) for each in codes.value} if codes else {}
    where = standing(row)
    return {
        "row": row,
        "standing": where,
        "left": labels.get(row["move_kind"], "") if where in ("away", "left") else "",
        "is_temporary": is_temporary(str(row["staff_no"])),
    }


@blueprint.get("/<name>")
def show(name: str) -> Page:
    """One person: totals, staff changes, and the latest records."""
    key = find_key(name)
    person = find_person(this_node(), key.scope_no, key.rec)
    if person is None:
        abort(404)
    return _show(person, {})


def _show(person: Row, faults: Faults) -> str:
    node, key = this_node(), (person["scope_no"], person["rec"])
    rows = list_hours(node, HourFilter(scope_no=key[0], person=key[1]), limit=20)
    facts = Viewer(active_pack(), find_type(PERSON), language()).facts(person)
    return render_template(
        "person.html",
        person=person,
        mark=mark_rows([person]).get(key, ""),
        facts=[each for each in facts if each.id not in _IN_HEAD],
        totals=sums_of(RecordKey(*key), whole=True),
        parts=show_parts(RecordKey(*key)),
        rows=rows,
        moves=people_changes.read_moves(person),
        is_temporary=is_temporary(str(person["staff_no"])),
        former=former_numbers(person["former_no"]),
        behind_count=people_changes.count_behind(person),
        writable=not person["deleted"] and may_write(find_type(PERSON)),
        faults=faults,
        entry_id=request.form.get("entry_id") or secrets.token_hex(16),
        today=today().isoformat(),
    )


@blueprint.get("/new")
def new() -> Page:
    """The form for a new person."""
    return record_entry.new(PERSON)


@blueprint.post("/new")
def create() -> Page:
    """Add a person to the school's roster."""
    return record_entry.create(PERSON)


@blueprint.get("/<name>/edit")
def edit(name: str) -> Page:
    """The form with what is known of a person."""
    return record_entry.edit(PERSON, name)


@blueprint.post("/<name>/edit")
def update(name: str) -> Page:
    """Set what changed; what somebody else changes meanwhile is kept beside it."""
    return record_entry.update(PERSON, name)


@blueprint.post("/<name>/moves")
def move(name: str) -> Page:
    """Record that a person leaves, comes back, retires ..."""
    person = people_changes.find_writable(name)
    faults = people_changes.record_move(person)
    return (_show(person, faults), 422) if faults else go("people.show", done="move", name=name)


@blueprint.post("/<name>/moves/<move_name>/undo")
def undo_move(name: str, move_name: str) -> Page:
    """Take back the last staff change."""
    person = people_changes.find_writable(name)
    done = people_changes.undo_move(person, move_name)
    return go("people.show", done="moveundone" if done else "", name=name)


@blueprint.post("/<name>/number")
def give_number(name: str) -> Page:
    """Put the lifelong number in place of a temporary one."""
    person = people_changes.find_writable(name)
    faults = people_changes.set_number(person)
    return (_show(person, faults), 422) if faults else go("people.show", done="number", name=name)


@blueprint.post("/<name>/references")
def lead_on(name: str) -> Page:
    """Let records that name a person by a former number name the one of today."""
    count = people_changes.lead_on(people_changes.find_writable(name))
    return go("people.show", done="ledon", n=count, name=name)


@blueprint.get("/order")
def order() -> Page:
    """The places in the roster, to type."""
    return people_changes.show_order()


@blueprint.post("/order")
def set_order() -> Page:
    """Keep the places in the roster."""
    return people_changes.set_order()
