"""Who may stand in the rosters twice, side by side, and what was said of it: at the county's node
and at those of townships."""

from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.sealed import mask_sealed
from xueshi_server.domain.values import parse_text
from xueshi_server.store.duplicates import search_duplicates
from xueshi_server.store.people import find_person
from xueshi_server.store.person_links import (
    KINDS,
    PersonLink,
    can_link,
    find_link,
    list_links,
    read_people,
    say_of_pair,
    withdraw,
)
from xueshi_server.web.asked import row_number
from xueshi_server.web.declared_form import Faults
from xueshi_server.web.packs import active_pack, find_type, today
from xueshi_server.web.pages import find_key, go, typed
from xueshi_server.web.person_parts import sums_of
from xueshi_server.web.record_view import Viewer
from xueshi_server.web.site import language, saving, this_node
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("duplicates", __name__, url_prefix="/people/duplicates")
Page = str | tuple[str, int] | Response
PAGE_ROWS: Final = 20
# What speaks against it; every other reason speaks for it.
_AGAINST: Final = frozenset({"id_differs", "born_differs", "sex_differs"})
_COMPARED: Final = ("staff_no", "sex", "born_on", "id_number", "subject", "hired_on", "left_on")


@blueprint.get("/")
def index() -> Page:
    """Pairs to look at, or what was said of pairs."""
    _check_tier()
    return _show_said({}) if request.args.get("at") == "said" else _show({})


@blueprint.post("/")
def decide() -> Page:
    """Say that two records are one person, or are not."""
    _check_tier()
    node, faults = this_node(), dict[str, BadValueError]()
    one, other = (find_key(request.form.get(name, "")) for name in ("one", "other"))
    kind = request.form.get("kind", "")
    people = [find_person(node, *each) for each in (one, other)]
    if (
        kind not in KINDS
        or one == other
        or not all(each and not each["deleted"] for each in people)
    ):
        abort(404)
    reason = _reason(faults)
    if faults:
        return _show(faults), 422
    with saving() as action:
        say_of_pair(node, action, (one, other), kind=kind, reason=reason, day=today())
    start = request.form.get("from", 0, type=row_number)
    done = "sameperson" if kind == "same" else "notsame"
    return go("duplicates.index", done=done, **({"from": start} if start else {}))


@blueprint.post("/<name>/undo")
def undo(name: str) -> Page:
    """Take back what was said of a pair."""
    _check_tier()
    link, faults = find_link(this_node(), find_key(name)), dict[str, BadValueError]()
    if link is None:
        abort(404)
    reason = _reason(faults)
    if faults:
        return _show_said(faults, name), 422
    with saving() as action:
        withdraw(action, link, reason=reason, day=today())
    person = request.form.get("person", "")
    if person:
        return go("people.show", done="linkgone", name=person)
    return go("duplicates.index", done="linkgone", at="said")


def _check_tier() -> None:
    if not can_link(this_node()):
        abort(404)


def _reason(faults: Faults) -> str:
    try:
        return parse_text("note", request.form.get("reason", ""), most=1000)
    except BadValueError as error:
        faults["reason"] = error
        return ""


def _show(faults: Faults) -> str:
    found = search_duplicates(this_node())
    asked = request.form if faults else request.args
    start = min(max(asked.get("from", 0, type=row_number), 0), max(len(found) - 1, 0))
    start -= start % PAGE_ROWS
    return render_template(
        "duplicates.html",
        pairs=[_pair(each) for each in found[start : start + PAGE_ROWS]],
        count=len(found),
        start=start,
        more=start + PAGE_ROWS if start + PAGE_ROWS < len(found) else None,
        before=max(start - PAGE_ROWS, 0) if start else None,
        said_count=len(list_links(this_node())),
        faults=faults,
        wrong=(request.form.get("one"), request.form.get("other")) if faults else None,
        reason=typed("reason"),
    )


def _pair(candidate: Any) -> dict[str, Any]:
    keys = [this_node().find_record(each.key) for each in (candidate.one, candidate.other)]
    sides = [_side(each) for each in keys]
    return {
        "one": candidate.one.key,
        "other": candidate.other.key,
        "sides": sides,
        "rows": [row for row in _rows(sides) if any(row["cells"])],
        "reasons": [(each, each in _AGAINST) for each in candidate.reasons],
    }


def _side(key: RecordKey) -> dict[str, Any]:
    """One of two records: who it is, what is known of them, what they have."""
    person = find_person(this_node(), *key)
    assert person is not None, "a person that was found is there"
    shown = {each.id: each.text for each in _viewer().facts(person)}
    if "id_number" in person.keys() and person["id_number"]:  # noqa: SIM118 - a row of SQLite
        shown["id_number"] = mask_sealed(bytes(person["id_number"]))
    return {"row": person, "facts": shown, "sums": sums_of(key)}


def _viewer() -> Viewer:
    return Viewer(active_pack(), find_type("person"), language())


def _rows(sides: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fields of both, one a line."""
    labels = {each.id: getattr(each.label, language()) for each in find_type("person").field}
    found = []
    for name in _COMPARED:
        if name in labels:
            cells = [str(each["facts"].get(name) or "") for each in sides]
            differs = all(cells) and cells[0] != cells[1]
            found.append({"label": labels[name], "cells": cells, "differs": differs})
    return found


# ---- what was said


def _show_said(faults: Faults, wrong: str = "") -> str:
    links = list_links(this_node())
    start = max(request.args.get("from", 0, type=row_number), 0)
    conflicts = read_people(this_node()).settled.conflicts
    lines = [_said(each) for each in links[start : start + PAGE_ROWS]]
    return render_template(
        "duplicates_said.html",
        lines=lines,
        count=len(search_duplicates(this_node())),
        said_count=len(links),
        conflicts=conflicts,
        more=start + PAGE_ROWS if start + PAGE_ROWS < len(links) else None,
        before=max(start - PAGE_ROWS, 0) if start else None,
        faults=faults,
        wrong=wrong,
        reason=typed("reason"),
    )


def _said(link: PersonLink) -> dict[str, Any]:
    node = this_node()
    people = [find_person(node, *key) if key else None for key in (link.one, link.other)]
    names = (node.public_id(link.one), link.other_name)
    return {"it": link, "people": people, "pair": tuple(sorted(names))}
