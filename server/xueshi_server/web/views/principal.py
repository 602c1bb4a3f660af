"""A principal's page: who is behind, what is owed, what came back, what the county has."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, render_template

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.results import Result
from xueshi_server.store.checking import read_unchecked
from xueshi_server.store.hours import (
    HourFilter,
    count_states,
    list_hours,
    list_judgements,
)
from xueshi_server.store.objections import count_open, list_objections
from xueshi_server.store.owed import OwedStep, list_owed, read_received
from xueshi_server.store.people import find_person, staff_numbers
from xueshi_server.store.records import count_states_of
from xueshi_server.store.requirements import PERSON, Requirements
from xueshi_server.web.packs import active_pack, asked_day, listed_forms, listed_types
from xueshi_server.web.pages import may, public_id
from xueshi_server.web.record_view import Viewer
from xueshi_server.web.result_view import ShownResult, show_results
from xueshi_server.web.roster import call_person, mark_rows
from xueshi_server.web.site import language, this_node, this_site
from xueshi_server.web.sync_state import read_sync_state
from xueshi_server.web.views.objections import show_objection

blueprint = Blueprint("principal", __name__, url_prefix="/principal")
_BEHIND: Final = ("vetoed", "fail", "at_risk")
_OWING: Final = ("fail", "at_risk", "on_track")
# What is due in a month is due soon.
_SOON: Final = dt.timedelta(days=31)
# Read at a glance; the lists behind the links have everybody.
_SHOWN_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class Behind:
    """A person who does not meet a requirement."""

    name: str
    title: str
    staff_no: str
    results: list[ShownResult]


@dataclass(frozen=True, slots=True)
class Duty:
    """A step that is due, in words; `late`: its day is over."""

    title: str
    type: str
    type_name: str
    name: str
    state: str
    step: str
    papers: list[str]
    due: dt.date
    late: bool


@blueprint.get("/")
def show() -> str:
    """Everything a principal looks at before signing."""
    node, pack = this_node(), active_pack()
    behind, behind_count, owed = _judge(pack)
    returned = list_hours(node, HourFilter(state="rejected"), limit=_SHOWN_MAX)
    return render_template(
        "principal.html",
        behind=behind,
        behind_count=behind_count,
        owed=owed,
        steps=(steps := _owed_steps(pack))[:_SHOWN_MAX],
        steps_count=len(steps),
        late_count=sum(each.late for each in steps),
        received=_received(),
        returned_count=count_states(node).get("rejected", 0),
        returned=[(row, public_id(row["scope_no"], row["rec"]), _why(row)) for row in returned],
        unchecked=read_unchecked(node) if this_site().can_check else None,
        queues=_queues() if may("records.queue") else [],
        objections=_objections(),
        objections_count=count_open(node),
        forms=[(of, word_label(form.label, language())) for of, form in listed_forms().items()],
        sync=read_sync_state(this_site()),
        day=asked_day(),
    )


def _judge(pack: Pack) -> tuple[list[Behind], int, list[ShownResult]]:
    """Who is furthest behind, and how many are; and what the schools here owe within a month."""
    day = asked_day()
    with Requirements.open(this_node()) as requirements:
        results = requirements.judge(pack, day).results
        numbers = requirements.facts.scope_nos
    by_person: dict[tuple[int, int], list[Result]] = {}
    owed = []
    for each in results:
        kind = pack.subjects.get(each.kind)
        if kind is not None and kind.of == PERSON and len(each.subject) == 2:
            if each.status in _BEHIND:
                scope, rec = each.subject
                by_person.setdefault((numbers[str(scope)], int(str(rec))), []).append(each)
        elif each.status in _OWING and _is_soon(each, day) and each.kind != "county":
            owed.append(each)
    numbers_of = staff_numbers(this_node())
    ordered = sorted(by_person, key=lambda key: (-len(by_person[key]), numbers_of.get(key, "")))
    shown = _people(pack, {key: by_person[key] for key in ordered[:_SHOWN_MAX]})
    owed_shown = show_results(pack, owed[:_SHOWN_MAX], language())
    return shown, len(by_person), owed_shown


def _objections() -> list[dict[str, Any]]:
    """The newest of those that wait for an answer, which come first."""
    found = list_objections(this_node(), limit=_SHOWN_MAX)
    return [show_objection(each) for each in found if each.is_open]


def _owed_steps(pack: Pack) -> list[Duty]:
    """The steps of records that are due within a month, or were."""
    day = asked_day()
    return [_duty(pack, each, day) for each in list_owed(this_node(), pack, day, day + _SOON)]


def _duty(pack: Pack, each: OwedStep, day: dt.date) -> Duty:
    spoken = language()
    viewer = Viewer(pack, each.declared, spoken)
    viewer.read_names([each.row])
    state = next(one for one in each.workflow.state if one.id == each.state)
    return Duty(
        title=viewer.title(each.row),
        type=word_label(each.declared.label, spoken),
        type_name=each.declared.id,
        name=each.name,
        state=word_label(state.label, spoken),
        step=word_label(each.move.label, spoken),
        papers=[
            word_label(pack.papers[paper].label, spoken)
            for paper in each.move.papers
            if paper in pack.papers
        ],
        due=each.due,
        late=each.due < day,
    )


def _received() -> dict[str, Any] | None:
    """What the county has of this school's hours; None at the centre, which is the county."""
    node = this_node()
    if node.role == "centre":
        return None
    found = read_received(node, "hour", sum(count_states(node).values()))
    return {
        "got": found.total - found.missing,
        "missing": found.missing,
        "oldest": public_id(*found.oldest) if found.oldest else "",
        "since": found.oldest_entered_s,
        "is_least": found.is_least,
    }


def _is_soon(result: Result, today: dt.date) -> bool:
    asked = result.need.by if result.need is not None else None
    days = [day for day in (asked, result.outcome.impossible_after, result.span.last) if day]
    return any(today <= day <= today + _SOON for day in days)


def _people(pack: Pack, by_person: dict[tuple[int, int], list[Result]]) -> list[Behind]:
    rows = {key: find_person(this_node(), *key) for key in by_person}
    marks = mark_rows(row for row in rows.values() if row)
    return [
        Behind(
            public_id(*key),
            call_person(row, marks) if (row := rows[key]) else "?",
            str(row["staff_no"]) if row else "",
            show_results(pack, found, language()),
        )
        for key, found in by_person.items()
    ]


def _why(row: Any) -> str:
    said = list_judgements(this_node(), row["scope_no"], row["rec"])
    return str(said[-1]["reason"] or "") if said else ""


def _queues() -> list[tuple[str, str, int]]:
    """(type, label, how many wait) of what is judged here, many at once."""
    node, found = this_node(), []
    for each in listed_types():
        waiting = count_states_of(node, each).get("pending", 0) if node.role in each.judges else 0
        if waiting:
            found.append((each.id, word_label(each.label, language()), waiting))
    return found
