"""What teachers said against hours about them: the list, and the answers of school and county."""

from collections.abc import Mapping
from sqlite3 import Row
from typing import Any

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.values import parse_text
from xueshi_server.store.hours import find_hour
from xueshi_server.store.objections import (
    OUTCOMES,
    PAGE_ROWS,
    Objection,
    answer_objection,
    count_open,
    find_objection,
    list_objections,
    list_open,
)
from xueshi_server.store.people import find_person
from xueshi_server.web.asked import row_number
from xueshi_server.web.packs import today
from xueshi_server.web.pages import find_key, go, public_id, typed
from xueshi_server.web.roster import call_person, mark_rows
from xueshi_server.web.site import saving, this_node, this_site
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("objections", __name__, url_prefix="/objections")
Page = str | tuple[str, int] | Response


@blueprint.app_context_processor
def _beside_hours() -> dict[str, Any]:
    """What pages of hours show beside them."""
    node = this_node()
    return {
        "objections_to": lambda row: list_objections(
            node, hour=RecordKey(row["scope_no"], row["rec"])
        ),
        "open_objections": lambda rows: list_open(node, rows),
        "count_open_objections": lambda: count_open(node),
    }


@blueprint.get("/")
def index() -> Page:
    """Every objection, those that wait for an answer first."""
    return _show()


@blueprint.post("/<name>")
def answer(name: str) -> Page:
    """Answer one; the teacher reads it."""
    found = find_objection(this_node(), find_key(name))
    row = find_hour(this_node(), *found.hour) if found is not None else None
    if found is None or row is None:
        abort(404)
    if not found.is_open or not may_answer(row):
        return go("objections.index", done="answeredbefore")
    faults: dict[str, BadValueError] = {}
    outcome, text = request.form.get("outcome", ""), ""
    if outcome not in OUTCOMES:
        faults["outcome"] = BadValueError("value.missing")
    try:
        text = parse_text("note", request.form.get("answer", ""), required=True)
    except BadValueError as error:
        faults["answer"] = error
    if faults:
        return _show(name, faults), 422
    with saving() as action:
        answer_objection(action, found, text, outcome=outcome, day=today())
    return go("objections.index", done="answered")


def may_answer(hour: Row) -> bool:
    """Whether this node answers what is said against hours: their school always, the county once
    somebody has judged them."""
    return this_site().can_enter or hour["state"] != "pending"


def show_objection(each: Objection) -> dict[str, Any]:
    """An objection with its hours and the name of who objects."""
    node = this_node()
    row, person = find_hour(node, *each.hour), find_person(node, *each.person)
    marks = mark_rows([person] if person else [])
    return {
        "it": each,
        "row": row,
        "hour": public_id(*each.hour),
        "name": call_person(person, marks) if person else "?",
        "may_answer": row is not None and each.is_open and may_answer(row),
    }


def _show(wrong: str = "", faults: Mapping[str, BadValueError] | None = None) -> str:
    """A page of them; first, wherever it would stand, the one that is asked for or was answered
    wrongly."""
    start = max(request.args.get("from", 0, type=row_number), 0)
    found = list_objections(this_node(), start=start, limit=PAGE_ROWS + 1)
    rows, wanted = found[:PAGE_ROWS], wrong or request.args.get("one", "")
    if wanted and all(each.name != wanted for each in rows):
        one = find_objection(this_node(), find_key(wanted))
        rows = [one, *rows] if one is not None else rows
    return render_template(
        "objections.html",
        rows=[show_objection(each) for each in rows],
        more=start + PAGE_ROWS if len(found) > PAGE_ROWS else None,
        before=max(start - PAGE_ROWS, 0) if start else None,
        wrong=wrong,
        faults=faults or {},
        answer=typed("answer"),
        outcome=request.form.get("outcome", ""),
        outcomes=OUTCOMES,
        at_centre=not this_site().can_enter,
    )
