"""The review queue, one by one or many at once: a centre or township approves or returns; the head
of a school passes or returns what nobody judged yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.values import parse_text
from xueshi_server.domain.workflow import Wish
from xueshi_server.errors import ForbiddenError
from xueshi_server.store.hours import (
    PAGE_ROWS,
    HourFilter,
    count_states,
    find_hour,
    list_hours,
    list_passed,
)
from xueshi_server.store.schools import list_schools
from xueshi_server.store.steps import plan_closings, write_step
from xueshi_server.web.asked import row_number
from xueshi_server.web.packs import active_pack, today
from xueshi_server.web.pages import find_key, go, read_cursor, typed, write_cursor
from xueshi_server.web.site import language, saving, this_node, this_site
from xueshi_server.web.versions import Stale, changes_of, marks_of, read_stale
from xueshi_server.web.views import hours
from xueshi_server.words import word
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("review", __name__, url_prefix="/review")
Page = str | tuple[str, int] | Response


@dataclass(frozen=True, slots=True)
class Desk:
    """What is done here: queues (state, passed by the school or not) and what may be said, the
    first of it without a reason."""

    queues: Mapping[str, tuple[str, bool | None]]
    words: tuple[str, ...]


_JUDGE: Final = Desk(
    {"pending": ("pending", None), "passed": ("pending", True), "disputed": ("disputed", None)},
    hours.VERDICTS,
)
_HEAD: Final = Desk(
    {"unchecked": ("pending", False), "sent": ("pending", True), "returned": ("returned", None)},
    hours.CHECKS,
)


def this_desk() -> Desk:
    """The desk of this node; raises ForbiddenError where hours are neither judged nor checked."""
    site = this_site()
    if not (site.can_review or site.can_check):
        raise ForbiddenError
    return _JUDGE if site.can_review else _HEAD


@blueprint.get("/")
def index() -> Page:
    """What waits to be looked at."""
    return _show_queue()


@blueprint.post("/")
def judge() -> Page:
    """Say one thing of everything ticked, in one action."""
    desk = this_desk()
    verdict = request.form.get("verdict", "")
    names = request.form.getlist("record")
    keys = [find_key(name) for name in names]
    if verdict not in desk.words:
        abort(400)
    needed = verdict != desk.words[0]
    try:
        reason = parse_text("note", request.form.get("reason", ""), required=needed)
    except BadValueError as error:
        if request.form.get("from") == "record" and keys:
            return hours.show(names[0], error), 422
        return _show_queue(error, no_record=not keys), 422
    if not keys:
        return _show_queue(no_record=True), 422
    if any(find_hour(this_node(), *key) is None for key in keys):
        # A verdict on what is not here could never be sealed.
        abort(404)
    if stale := read_stale(active_pack().types["hour"], keys):
        # Nothing is judged that is not what the reviewer looked at.
        if request.form.get("from") == "record":
            return hours.show(names[0], stale=stale), 409
        return _show_queue(stale=stale), 409
    if desk is _HEAD:
        _check(keys, verdict, reason)
    else:
        _give(keys, verdict, reason)
    if request.form.get("from") == "record":
        return go("hours.show", done=verdict, n=len(keys), name=names[0])
    return go("review.index", done=verdict, n=len(keys), **_kept_filter())


def _check(keys: list[RecordKey], word: str, reason: str) -> None:
    with saving() as action:
        for key in keys:
            action.check("hour", key, word, reason=reason)


def _give(keys: list[RecordKey], verdict: str, reason: str) -> None:
    pack, wish = active_pack(), Wish("", "", today(), reason)
    closings = plan_closings(this_node(), pack, pack.types["hour"], keys, verdict, wish)
    with saving() as action:
        for key in keys:
            if key in closings:
                write_step(this_node(), action, *closings[key])
            else:
                action.judge("hour", key, verdict, reason=reason)
        if verdict == "approve":
            for older in _corrected_by(keys):
                action.judge("hour", older, "void", reason=word("review.corrected", language()))


def _corrected_by(keys: list[RecordKey]) -> list[RecordKey]:
    """The records still waiting that the approved ones take the place of."""
    found = []
    for key in keys:
        row = find_hour(this_node(), key.scope_no, key.rec)
        older = find_hour(this_node(), key.scope_no, row["corrects"] or -1) if row else None
        if older is not None and older["state"] == "pending":
            found.append(RecordKey(older["scope_no"], older["rec"]))
    return [key for key in found if key not in keys]


def _kept_filter() -> dict[str, str]:
    return {name: request.args[name] for name in ("school", "state") if request.args.get(name)}


def _show_queue(
    error: BadValueError | None = None,
    *,
    no_record: bool = False,
    stale: Sequence[Stale] = (),
) -> str:
    """The queue; `error` is what the reason given lacks, `stale` what changed meanwhile."""
    desk, node, declared = this_desk(), this_node(), active_pack().types["hour"]
    queue = request.args.get("state", "")
    queue = queue if queue in desk.queues else next(iter(desk.queues))
    state, passed = desk.queues[queue]
    wanted = HourFilter(
        scope_no=request.args.get("school", type=row_number),
        state=state,
        passed=passed,
        after=read_cursor(request.args.get("after", "")),
    )
    rows = list_hours(node, wanted, limit=PAGE_ROWS + 1)
    more = write_cursor("date", rows[PAGE_ROWS - 1]) if len(rows) > PAGE_ROWS else None
    counts = count_states(node)
    return render_template(
        "review.html",
        rows=rows[:PAGE_ROWS],
        marks=marks_of(declared, rows[:PAGE_ROWS]),
        changes=changes_of(declared, rows[:PAGE_ROWS]),
        stale=stale,
        more=more,
        wanted=wanted,
        queue=queue,
        # How many of a state the school passed is not counted: that would read them all.
        queues=[
            (name, None if said is not None else counts.get(each, 0))
            for name, (each, said) in desk.queues.items()
        ],
        words=desk.words,
        passed=list_passed(node, rows),
        schools=list_schools(node),
        error=error,
        no_record=no_record,
        ticked=set(request.form.getlist("record")),
        reason=typed("reason"),
    )
