"""What is required of a person, a school or the county, how far they are, and by which clause.

Only the subject of the page is judged, so that the page is as quick in a county as in a school.
"""

from collections import Counter
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.evaluate import Evaluation
from xueshi_server.domain.rules.facts import Key
from xueshi_server.domain.rules.results import Result
from xueshi_server.store.people import PAGE_ROWS, PersonFilter, find_person, list_people
from xueshi_server.store.records import RecordFilter, find_row, list_records, name_row
from xueshi_server.store.requirements import PERSON, Requirements
from xueshi_server.store.schools import list_schools
from xueshi_server.web.asked import row_number
from xueshi_server.web.packs import active_pack, asked_day, listed_types
from xueshi_server.web.pages import find_key, public_id, read_cursor, write_cursor
from xueshi_server.web.record_view import Viewer, link_to
from xueshi_server.web.result_view import STATUSES, show_results
from xueshi_server.web.site import language, this_node
from xueshi_sync.writer import RecordKey as LocalKey

blueprint = Blueprint("requirements", __name__, url_prefix="/requirements")
Page = str | tuple[str, int] | Response
COUNTY: Final = "county"
# A school is judged by each of its projects, groups and units too.
_RESULTS_MAX: Final = 40
# More evidence than a person reads; the lists of records have all of it.
_EVIDENCE_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class About:
    """What a page is about: a record of a type, or a school or the county by its name."""

    name: str
    title: str
    hint: str
    of: str = ""
    key: LocalKey | None = None

    @property
    def is_person(self) -> bool:
        """Whether it is a person."""
        return self.of == PERSON


@blueprint.get("/")
def index() -> Page:
    """People to choose from; the schools; the county."""
    node = this_node()
    others = _other_types(active_pack())
    chosen = next((each for each in others if each.id == request.args.get("of")), None)
    if chosen is not None:
        return _list_others(chosen, others)
    schools = [each for each in list_schools(node) if each["code"]]
    wanted = PersonFilter(
        scope_no=request.args.get("school", type=row_number),
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
        tabs=_tabs(others),
    )


def _other_types(pack: Pack) -> list[RecordType]:
    """The types whose records are judged by themselves and are no person's."""
    judged = {each.scope for each in pack.rules.values()}
    kinds = [each for each in pack.subjects.values() if each.id in judged and not each.per]
    types = {each.of for each in kinds}
    return [
        each
        for each in listed_types()
        if each.id in types
        and each.id != PERSON
        and not any(field.to == PERSON for field in each.field)
    ]


def _tabs(others: list[RecordType]) -> list[tuple[str, str]]:
    return [(each.id, word_label(each.label, language())) for each in others]


def _list_others(declared: RecordType, others: list[RecordType]) -> Page:
    """Records of a type with where they stand."""
    node, pack = this_node(), active_pack()
    wanted = RecordFilter(
        text=request.args.get("q", "").strip()[:60],
        after=read_cursor(request.args.get("after", "")),
    )
    rows = list_records(node, declared, wanted, limit=PAGE_ROWS + 1)
    more = write_cursor("sort_value", rows[PAGE_ROWS - 1]) if len(rows) > PAGE_ROWS else None
    return render_template(
        "requirements_others.html",
        current=declared.id,
        tabs=_tabs(others),
        lines=_standing(pack, declared, rows[:PAGE_ROWS]),
        more=more,
        wanted=wanted,
        pack=pack,
        title=word_label(pack.about.label, language()),
    )


def _standing(
    pack: Pack, declared: RecordType, rows: list[Row]
) -> list[tuple[str, str, str, list[tuple[str, int]]]]:
    """Name, title, school and the counted statuses of each record; all are judged at once."""
    kinds = [each.id for each in pack.subjects.values() if each.of == declared.id and not each.per]
    with Requirements.open(this_node()) as requirements:
        scopes = requirements.facts.scopes
        keys: list[Key] = [(scopes[row["scope_no"]], row["rec"]) for row in rows]
        evaluation = requirements.judge(
            pack, asked_day(), subjects={kind: keys for kind in kinds if keys}
        )
    counts: dict[Key, Counter[str]] = {key: Counter() for key in keys}
    for each in evaluation.results:
        counts[each.subject][each.status] += 1
    return [
        (
            public_id(row["scope_no"], row["rec"]),
            name_row(pack, declared, row, language()),
            (row["school"] or "") if declared.place == "school" else "",
            [(status, counts[key][status]) for status in STATUSES if counts[key][status]],
        )
        for key, row in zip(keys, rows, strict=True)
    ]


@blueprint.get("/<name>")
def show(name: str) -> Page:
    """All results of one person, school or of the county."""
    about, pack, day = _find(name), active_pack(), asked_day()
    with Requirements.open(this_node()) as requirements:
        evaluation = _judge(requirements, pack, about)
        own = _key_of(requirements, about)
    start = max(request.args.get("from", 0, type=row_number), 0)
    results, end = evaluation.results, start + _RESULTS_MAX
    shown = show_results(pack, results, language(), of=own, some=slice(start, end))
    counts = Counter(each.status for each in results)
    return render_template(
        "requirements_of.html",
        about=about,
        results=shown,
        start=start,
        more=end if end < len(results) else None,
        before=max(start - _RESULTS_MAX, 0) if start else None,
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
        number = request.args.get("no", 0, type=row_number)
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
    node, key = this_node(), find_key(name)
    person = find_person(node, key.scope_no, key.rec)
    if person is not None:
        hint = " · ".join(each for each in (person["staff_no"], person["school"]) if each)
        return About(name, person["name"] or "?", hint, PERSON, key)
    for declared in _other_types(active_pack()):
        row = find_row(node, declared, *key)
        if row is not None:
            title = name_row(active_pack(), declared, row, language())
            return About(name, title, word_label(declared.label, language()), declared.id, key)
    abort(404)


def _judge(
    requirements: Requirements, pack: Pack, about: About, rule_id: str | None = None
) -> Evaluation:
    subjects: dict[str, list[Key]]
    key = _key_of(requirements, about)
    if about.key is not None:
        scope, rec = key
        subjects = requirements.subjects_of(pack, (str(scope), int(str(rec))), about.of)
    elif about.name == COUNTY:
        subjects = requirements.subjects_of_county(pack)
    else:
        subjects = requirements.subjects_in(pack, about.name)
    rules = None if rule_id is None else [rule_id]
    return requirements.judge(pack, asked_day(), rules=rules, subjects=subjects)


def _key_of(requirements: Requirements, about: About) -> Key:
    if about.key is not None:
        return (requirements.facts.scopes.get(about.key.scope_no, ""), about.key.rec)
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
