"""What is required of a person, a school or the county, how far they are, and by which clause.

Only the subject of the page is judged, so that the page is as quick in a county as in a school.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.evaluate import Evaluation
from xueshi_server.domain.rules.facts import Key
from xueshi_server.domain.rules.results import Result
from xueshi_server.store.people import PAGE_ROWS, PersonFilter, find_person, list_people
from xueshi_server.store.records import find_row
from xueshi_server.store.requirements import Requirements
from xueshi_server.store.schools import list_schools
from xueshi_server.web.packs import active_pack, asked_day, listed_types
from xueshi_server.web.pages import find_key, read_cursor, write_cursor
from xueshi_server.web.record_view import Viewer, link_to
from xueshi_server.web.result_view import STATUSES, show_results
from xueshi_server.web.site import language, this_node
from xueshi_sync.writer import RecordKey as LocalKey

blueprint = Blueprint("requirements", __name__, url_prefix="/requirements")
Page = str | tuple[str, int] | Response
COUNTY: Final = "county"
# More evidence than a person reads; the lists of records have all of it.
_EVIDENCE_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class About:
    """Whom a page is about."""

    name: str
    title: str
    hint: str
    person: LocalKey | None = None


@blueprint.get("/")
def index() -> Page:
    """People to choose from; the schools; the county."""
    node = this_node()
    schools = [each for each in list_schools(node) if each["code"]]
    wanted = PersonFilter(
        scope_no=request.args.get("school", type=int),
        text=request.args.get("q", "").strip()[:60],
        after=read_cursor(request.args.get("after", "")),
    )
    rows = list_people(node, wanted, limit=PAGE_ROWS + 1)
    more = write_cursor("staff_no", rows[PAGE_ROWS - 1]) if len(rows) > PAGE_ROWS else None
    pack = active_pack()
    return render_template(
        "requirements.html",
        rows=rows[:PAGE_ROWS],
        more=more,
        wanted=wanted,
        schools=schools,
        is_centre=node.role == "centre",
        pack=pack,
        title=word_label(pack.about.label, language()),
    )


@blueprint.get("/<name>")
def show(name: str) -> Page:
    """All results of one person, school or of the county."""
    about, pack, day = _find(name), active_pack(), asked_day()
    with Requirements.open(this_node()) as requirements:
        evaluation = _judge(requirements, pack, about)
        own = _key_of(requirements, about)
    shown = show_results(pack, evaluation.results, language(), of=own)
    counts = Counter(each.status for each in shown)
    return render_template(
        "requirements_of.html",
        about=about,
        results=shown,
        counts=[(status, counts[status]) for status in STATUSES if counts[status]],
        faults=[word_label(pack.rules[rule].label, language()) for rule, _ in evaluation.faults],
        pack=pack,
        title=word_label(pack.about.label, language()),
        day=day,
    )


@blueprint.get("/<name>/<rule_id>")
def evidence(name: str, rule_id: str) -> Page:
    """One result with the records that count in it."""
    about, pack = _find(name), active_pack()
    if rule_id not in pack.rules:
        abort(404)
    with Requirements.open(this_node()) as requirements:
        evaluation = _judge(requirements, pack, about, rule_id)
        number = request.args.get("no", 0, type=int)
        if not 0 <= number < len(evaluation.results):
            abort(404)
        result: Result = evaluation.results[number]
        keys = evaluation.evidence(result.rule, result.subject)
        numbers, own = requirements.facts.scope_nos, _key_of(requirements, about)
    return render_template(
        "requirements_evidence.html",
        about=about,
        result=show_results(pack, [result], language(), of=own)[0],
        groups=_list_records(pack, [(numbers[scope], int(rec)) for scope, rec in keys]),
        count=len(keys),
        most=_EVIDENCE_MAX,
        day=asked_day(),
    )


def _find(name: str) -> About:
    if name == COUNTY:
        return About(COUNTY, "", "")
    for each in list_schools(this_node()):
        if each["code"] and each["code"] == name:
            return About(name, each["name"] or name, name)
    key = find_key(name)
    person = find_person(this_node(), key.scope_no, key.rec)
    if person is None:
        abort(404)
    hint = " · ".join(each for each in (person["staff_no"], person["school"]) if each)
    return About(name, person["name"] or "?", hint, key)


def _judge(
    requirements: Requirements, pack: Pack, about: About, rule_id: str | None = None
) -> Evaluation:
    subjects: dict[str, list[Key]]
    key = _key_of(requirements, about)
    if about.person is not None:
        scope, rec = key
        subjects = requirements.subjects_of(pack, (str(scope), int(str(rec))))
    elif about.name == COUNTY:
        subjects = requirements.subjects_of_county(pack)
    else:
        subjects = requirements.subjects_in(pack, about.name)
    rules = None if rule_id is None else [rule_id]
    return requirements.judge(pack, asked_day(), rules=rules, subjects=subjects)


def _key_of(requirements: Requirements, about: About) -> Key:
    if about.person is not None:
        return (requirements.facts.scopes.get(about.person.scope_no, ""), about.person.rec)
    return () if about.name == COUNTY else (about.name,)


def _list_records(pack: Pack, keys: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """The records behind a result, type by type: numbers are unique over all types."""
    node, spoken, left = this_node(), language(), list(keys[:_EVIDENCE_MAX])
    groups = []
    for declared in listed_types():
        rows = [
            row for key in left if (row := find_row(node, declared, *key)) is not None
        ]  # fmt: skip
        if not rows:
            continue
        found = {(row["scope_no"], row["rec"]) for row in rows}
        left = [key for key in left if key not in found]
        viewer = Viewer(pack, declared, spoken)
        groups.append(
            {
                "declared": declared,
                "label": word_label(declared.label, spoken),
                "heads": [viewer.label(name) for name in viewer.columns()],
                "lines": viewer.lines(rows),
                "links": [link_to(declared.id, row["scope_no"], row["rec"]) for row in rows],
            }
        )
    return groups
