"""Records of every type that the pack declares: lists, one record, its review and its steps."""

from collections.abc import Sequence
from sqlite3 import Row
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.credit import STATES
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.values import parse_text
from xueshi_server.domain.workflow import Refusal, Wish
from xueshi_server.errors import ForbiddenError
from xueshi_server.store.material import type_of_form
from xueshi_server.store.records import (
    PAGE_ROWS,
    RecordFilter,
    count_by_type,
    count_states_of,
    fields_of,
    find_row,
    is_astray,
    list_newer,
    list_records,
    list_verdicts,
)
from xueshi_server.store.schools import list_schools
from xueshi_server.store.steps import (
    Moving,
    corrected_by,
    list_open,
    plan_closings,
    read_moving,
    take_step,
    write_step,
)
from xueshi_server.web.access import is_allowed
from xueshi_server.web.asked import row_number
from xueshi_server.web.packs import active_pack, find_type, listed_forms, listed_types, today
from xueshi_server.web.pages import find_key, go, public_id, read_cursor, typed, write_cursor
from xueshi_server.web.passport import read_printed, read_stages
from xueshi_server.web.record_view import Viewer, word_refusal
from xueshi_server.web.site import actor, language, this_node, this_site, whoami
from xueshi_server.web.undoing import saving_with_undo
from xueshi_server.web.versions import Stale, changes_of, marks_of, read_stale
from xueshi_server.words import word
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("records", __name__, url_prefix="/records")
Page = str | tuple[str, int] | Response
_VERDICTS: Final = ("approve", "reject", "void")
_QUEUES: Final = ("pending", "disputed")
# Refusals that are about one input of a step.
_ABOUT_OPINION: Final = ("reason_missing", "late_without_reason")
_ABOUT_PAPERS: Final = ("papers_missing",)
# Codes that a list can be narrowed by; more would be a wall of boxes.
_FILTERS_MAX: Final = 2
_REVIEW: Final = "records_review.html"


def may_write(declared: RecordType) -> bool:
    """Whether whoever is logged in may write records of a type at this node."""
    return this_node().role in declared.writers and is_allowed("record_entry.new", whoami())


def may_judge(declared: RecordType) -> bool:
    """Whether whoever is logged in may judge records of a type at this node."""
    return this_node().role in declared.judges and is_allowed("records.judge", whoami())


@blueprint.get("/")
def index() -> Page:
    """The record types of the pack, with how many records there are."""
    types, spoken = listed_types(), language()
    counts = count_by_type(this_node(), types)
    lines = [
        (each, word_label(each.label, spoken), *counts[each.id], may_judge(each)) for each in types
    ]
    pack = active_pack()
    return render_template(
        "records.html", lines=lines, pack=pack, title=word_label(pack.about.label, spoken)
    )


@blueprint.get("/<type_name>/")
def list_all(type_name: str) -> Page:
    """The records of a type."""
    declared = find_type(type_name)
    wanted = _read_filter(declared, request.args.get("state", ""))
    return _show_list(declared, wanted, "records_type.html")


@blueprint.get("/<type_name>/review")
def queue(type_name: str) -> Page:
    """What waits for a verdict."""
    return _show_queue(find_type(type_name))


@blueprint.post("/<type_name>/review")
def judge(type_name: str) -> Page:
    """Give one verdict on everything ticked, in one action."""
    declared = find_type(type_name)
    if not may_judge(declared):
        raise ForbiddenError
    verdict, names = request.form.get("verdict", ""), request.form.getlist("record")
    keys = [find_key(name) for name in names]
    if verdict not in _VERDICTS:
        abort(400)
    try:
        reason = parse_text("note", request.form.get("reason", ""), required=verdict != "approve")
    except BadValueError as error:
        if request.form.get("from") == "record" and keys:
            return _show_record(*_find(type_name, names[0]), error=error), 422
        return _show_queue(declared, error, no_record=not keys), 422
    if not keys:
        return _show_queue(declared, no_record=True), 422
    if any(find_row(this_node(), declared, *key) is None for key in keys):
        # A verdict on what is not here could never be sealed.
        abort(404)
    if stale := read_stale(declared, keys):
        # Nothing is judged that is not what the reviewer looked at.
        if request.form.get("from") == "record":
            return _show_record(*_find(type_name, names[0]), stale=stale), 409
        return _show_queue(declared, stale=stale), 409
    _give(declared, keys, verdict, reason)
    if request.form.get("from") == "record":
        return go("records.show", done=verdict, n=len(keys), type_name=type_name, name=names[0])
    return go("records.queue", done=verdict, n=len(keys), type_name=type_name)


def _give(declared: RecordType, keys: list[RecordKey], verdict: str, reason: str) -> None:
    wish = Wish("", "", today(), reason)
    closings = plan_closings(this_node(), active_pack(), declared, keys, verdict, wish)
    with saving_with_undo() as action:
        for key in keys:
            if key in closings:
                write_step(this_node(), action, *closings[key])
            else:
                action.judge(declared.id, key, verdict, reason=reason)
        if verdict == "approve":
            for older in _corrected_by(declared, keys):
                corrected = word("review.corrected", language())
                action.judge(declared.id, older, "void", reason=corrected)


@blueprint.get("/<type_name>/<name>")
def show(type_name: str, name: str) -> Page:
    """One record: its content, where it is, who judged it, how it moves."""
    return _show_record(*_find(type_name, name))


@blueprint.post("/<type_name>/<name>/step")
def step(type_name: str, name: str) -> Page:
    """Take a step of the record's workflow; refusals are said in words."""
    declared, row = _find(type_name, name)
    moving = read_moving(this_node(), active_pack(), declared, row)
    if moving is None:
        abort(404)
    try:
        opinion = parse_text("note", request.form.get("opinion", ""))
    except BadValueError as error:
        return _show_record(declared, row, opinion_error=error), 422
    wanted = {
        "step": request.form.get("step", ""),
        "opinion": opinion,
        "papers": request.form.getlist("paper"),
        "judges": may_judge(declared),
        "corrected": word("review.corrected", language()),
    }
    refusals = take_step(this_node(), moving, wanted, on=today(), actor=actor())
    if refusals:
        return _show_record(declared, row, refusals=refusals), 422
    agent = this_site().agent
    if agent is not None:
        agent.poke()
    return go("records.show", done="stepped", type_name=type_name, name=_name(row))


def _find(type_name: str, name: str) -> tuple[RecordType, Row]:
    declared, key = find_type(type_name), find_key(name)
    row = find_row(this_node(), declared, key.scope_no, key.rec)
    if row is None:
        abort(404)
    return declared, row


def _name(row: Row) -> str:
    return public_id(row["scope_no"], row["rec"])


def _read_filter(declared: RecordType, state: str) -> RecordFilter:
    known = fields_of(declared)
    return RecordFilter(
        scope_no=request.args.get("school", type=row_number),
        text=request.args.get("q", "").strip()[:60],
        state=state if state in STATES else "",
        equal={
            name.removeprefix("f."): value[:64]
            for name, value in request.args.items()
            if name.startswith("f.") and value and name.removeprefix("f.") in known
        },
        after=read_cursor(request.args.get("after", "")),
    )


def _show_list(
    declared: RecordType, wanted: RecordFilter, template: str, **more_values: Any
) -> str:
    node, pack, spoken = this_node(), active_pack(), language()
    rows = list_records(node, declared, wanted, limit=PAGE_ROWS + 1)
    more = write_cursor("sort_value", rows[PAGE_ROWS - 1]) if len(rows) > PAGE_ROWS else None
    viewer = Viewer(pack, declared, spoken)
    filters = [
        (each, word_label(each.label, spoken), _choices(each.codes or "", spoken))
        for each in declared.field
        if each.type == "code" and not each.many and each.codes in pack.codes
    ]
    kept = {f"f.{name}": value for name, value in wanted.equal.items()}
    kept |= {"q": wanted.text, "school": wanted.scope_no, "state": wanted.state}
    return render_template(
        template,
        declared=declared,
        title=word_label(declared.label, spoken),
        lines=viewer.lines(rows[:PAGE_ROWS]),
        marks=marks_of(declared, rows[:PAGE_ROWS]) if template == _REVIEW else {},
        changes=changes_of(declared, rows[:PAGE_ROWS]),
        heads=[viewer.label(name) for name in viewer.columns()],
        more=more,
        kept={"type_name": declared.id} | {name: value for name, value in kept.items() if value},
        wanted=wanted,
        filters=filters[:_FILTERS_MAX],
        states=STATES if declared.kind == "ledger" and declared.judges else (),
        schools=list_schools(node),
        writable=may_write(declared),
        judged=may_judge(declared),
        **more_values,
    )


def _choices(codes: str, spoken: str) -> list[tuple[str, str]]:
    return [(each.id, word_label(each.label, spoken)) for each in active_pack().codes[codes].value]


def _show_queue(
    declared: RecordType,
    error: BadValueError | None = None,
    *,
    no_record: bool = False,
    stale: Sequence[Stale] = (),
) -> str:
    """The queue; `error` is what the reason given lacks, `stale` what changed meanwhile."""
    if not may_judge(declared):
        raise ForbiddenError
    state = request.args.get("state", "pending")
    wanted = _read_filter(declared, state if state in _QUEUES else "pending")
    return _show_list(
        declared,
        wanted,
        _REVIEW,
        queues=_QUEUES,
        counts=count_states_of(this_node(), declared),
        evidence=_papers(declared),
        error=error,
        no_record=no_record,
        stale=stale,
        ticked=set(request.form.getlist("record")),
        reason=typed("reason"),
    )


def _papers(declared: RecordType) -> list[str]:
    """The kinds of proof that a reviewer must see."""
    papers, spoken = active_pack().papers, language()
    return [
        word_label(papers[each].label, spoken) if each in papers else each
        for each in declared.evidence
    ]


def _corrected_by(declared: RecordType, keys: list[RecordKey]) -> list[RecordKey]:
    """The records still waiting that the approved ones take the place of."""
    rows = [find_row(this_node(), declared, *key) for key in keys if declared.corrects]
    found = [corrected_by(this_node(), declared, row) for row in rows if row is not None]
    return [key for key in found if key is not None and key not in keys]


def _show_record(
    declared: RecordType,
    row: Row,
    *,
    refusals: Sequence[Refusal] = (),
    error: BadValueError | None = None,
    opinion_error: BadValueError | None = None,
    stale: Sequence[Stale] = (),
) -> str:
    """The record; `error` is what the reason of a verdict lacks, `stale` what changed since the
    page was made, the others are about a step."""
    node, pack, spoken = this_node(), active_pack(), language()
    key = RecordKey(row["scope_no"], row["rec"])
    viewer = Viewer(pack, declared, spoken)
    stages, _ = read_stages(node, key, row["entered_at"], declared.id)
    ledger = declared.kind == "ledger"
    forms = [each for each in listed_forms().values() if type_of_form(pack, each) == declared.id]
    older = row[declared.corrects] if declared.corrects else None
    facts, newer = viewer.facts(row), list_newer(node, declared, *key)
    return render_template(
        "record.html",
        declared=declared,
        type_title=word_label(declared.label, spoken),
        row=row,
        id=_name(row),
        title=viewer.title(row),
        facts=facts,
        stages=stages,
        printed=read_printed(node, key, None, ()),
        ledger=ledger,
        older=public_id(key.scope_no, older) if older else "",
        newer=[_name(each) for each in newer],
        stale=stale,
        marks=marks_of(declared, [row]) if ledger else {},
        changes=changes_of(declared, [row, *newer]),
        judgements=list_verdicts(node, declared.id, *key) if ledger else [],
        evidence=_papers(declared),
        moving=_show_moving(read_moving(node, pack, declared, row), refusals, opinion_error),
        error=error,
        reason=typed("reason"),
        forms=[(each.id, word_label(each.label, spoken)) for each in forms],
        writable=may_write(declared),
        astray=is_astray(node, declared, key.scope_no),
        judged=may_judge(declared),
    )


def _show_moving(
    moving: Moving | None, refusals: Sequence[Refusal], error: BadValueError | None
) -> dict[str, Any] | None:
    """Where the record stands, what was done, and what can be done next, in words."""
    if moving is None:
        return None
    pack, spoken = moving.pack, language()
    states = {each.id: each for each in moving.workflow.state}
    moves = {each.id: word_label(each.label, spoken) for each in moving.workflow.step}
    may_step = is_allowed("records.step", whoami())
    state = states[moving.position.state]
    return {
        "title": word_label(moving.workflow.label, spoken),
        "state": word_label(state.label, spoken),
        "good": state.good,
        "final": state.final,
        "trail": [
            (moves[each.step], _role(each.role), each.on, each.opinion)
            for each in moving.position.trail
        ],
        "contested": [moves[each.step] for each in moving.position.contested],
        "stray": [moves.get(each.step, each.step) for each in moving.position.stray],
        "refusals": [word_refusal(pack, each, spoken) for each in refusals],
        "open": [
            {
                "id": each.move.id,
                "label": moves[each.move.id],
                "role": _role(each.move.role),
                "here": each.here and may_step,
                "reason": each.move.reason,
                "verdict": each.verdict if may_judge(moving.declared) else "",
                "papers": [
                    (paper, word_label(pack.papers[paper].label, spoken))
                    for paper in each.move.papers
                    if paper in pack.papers
                ],
                "against": [word_refusal(pack, one, spoken) for one in each.refusals],
                **_typed_of(pack, each.move.id, refusals, error),
            }
            for each in list_open(this_node(), moving, today())
        ],
    }


def _typed_of(
    pack: Pack, step: str, refusals: Sequence[Refusal], error: BadValueError | None
) -> dict[str, Any]:
    """What was typed for a step that was refused, and what is said beside its inputs."""
    if request.form.get("step") != step:
        return {"opinion": "", "ticked": (), "bad_opinion": "", "bad_papers": ""}
    spoken = language()
    about = {
        wanted: [word_refusal(pack, each, spoken) for each in refusals if each.reason in wanted]
        for wanted in (_ABOUT_OPINION, _ABOUT_PAPERS)
    }
    if error is not None:
        about[_ABOUT_OPINION] = [word(f"value.{error.value_code}", spoken, **error.details)]
    return {
        "opinion": typed("opinion"),
        "ticked": request.form.getlist("paper"),
        "bad_opinion": " ".join(about[_ABOUT_OPINION]),
        "bad_papers": " ".join(about[_ABOUT_PAPERS]),
    }


def _role(role: str) -> str:
    known = active_pack().roles.get(role)
    return word_label(known.label, language()) if known else role
