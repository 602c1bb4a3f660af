"""The review queue, one by one or many at once: a centre or township approves or returns; the head
of a school passes or returns what nobody judged yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.workflow import Wish
from xueshi_server.errors import ForbiddenError
from xueshi_server.store.checking import Wanted, read_unchecked
from xueshi_server.store.hours import (
    PAGE_ROWS,
    HourFilter,
    count_states,
    find_hour,
    list_hours,
    list_keyed,
)
from xueshi_server.store.schools import list_schools
from xueshi_server.store.steps import plan_closings, write_step
from xueshi_server.web.asked import row_number
from xueshi_server.web.findings import find_warnings
from xueshi_server.web.granting import FIELD as GRANTED
from xueshi_server.web.granting import read_granted, word_grant
from xueshi_server.web.packs import active_pack, today
from xueshi_server.web.pages import find_key, go, public_id, read_cursor, typed, write_cursor
from xueshi_server.web.reasons import USUAL, read_reason
from xueshi_server.web.site import language, this_node, this_site
from xueshi_server.web.undoing import saving_with_undo
from xueshi_server.web.versions import SEEN, Stale, changes_of, marks_of, read_stale
from xueshi_server.web.views import hours
from xueshi_server.words import word
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("review", __name__, url_prefix="/review")
Page = str | tuple[str, int] | Response


@dataclass(frozen=True, slots=True)
class Queue:
    """What is listed, part after part, and what may be said of it in one click."""

    state: str
    words: tuple[str, ...]
    parts: tuple[Wanted, ...] = ("",)


# Claims that no school stands behind come after everything else.
_JUDGE: Final = {
    "pending": Queue("pending", ("approve", "reject"), ("not_claim", "claim")),
    "passed": Queue("pending", ("approve", "reject"), ("passed",)),
    "entry": Queue("pending", ("approve", "reject"), ("entry",)),
    "claim": Queue("pending", ("approve", "reject"), ("claim",)),
    "disputed": Queue("disputed", ("approve", "reject")),
}
_HEAD: Final = {
    "unchecked": Queue("pending", ("pass", "return"), ("claim", "to_check")),
    "sent": Queue("pending", ("back", "return"), ("passed",)),
    "returned": Queue("returned", ("pass", "back")),
}
# What a head of a school says, as it is kept (PROTOCOL 8.4), and of which states.
_CHECKS: Final = {"pass": "pass", "return": "return", "back": ""}
_OPEN: Final = ("pending", "returned")
# Returned with the hours that would be granted.
LESS: Final = "less"
_NO_REASON: Final = ("approve", "pass", "back")


def these_queues() -> Mapping[str, Queue]:
    """What this node looks at; raises ForbiddenError where hours are neither judged nor checked."""
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
    """Say one thing of everything ticked, or of the one row whose button it was."""
    is_head = these_queues() is _HEAD
    verdict, names = _read_said()
    if verdict == LESS and not is_head:
        return _return_with_hours(names[0] if names else "")
    keys = [find_key(name) for name in names]
    if verdict not in (hours.CHECKS if is_head else hours.VERDICTS):
        abort(400)
    try:
        reason = read_reason(required=verdict not in _NO_REASON)
    except BadValueError as error:
        if request.form.get("from") == "record" and keys:
            return hours.show(names[0], error), 422
        return _show_queue(error, no_record=not keys, ticked=names), 422
    if not keys:
        return _show_queue(no_record=True), 422
    if any(find_hour(this_node(), *key) is None for key in keys):
        # A verdict on what is not here could never be sealed.
        abort(404)
    if stale := _read_stale(keys, is_head=is_head):
        # Nothing is judged that is not what the reviewer looked at.
        if request.form.get("from") == "record":
            return hours.show(names[0], stale=stale), 409
        return _show_queue(stale=stale, ticked=names), 409
    (_check if is_head else _give)(keys, verdict, reason)
    if request.form.get("from") == "record":
        return go("hours.show", done=verdict, n=len(keys), name=names[0])
    return go("review.index", done=verdict, n=len(keys), **_kept_filter())


def _return_with_hours(name: str) -> Page:
    """Return one record with the hours that would be granted."""
    key, faults = find_key(name), dict[str, BadValueError]()
    row = find_hour(this_node(), *key)
    if row is None:
        abort(404)
    minutes, why = 0, ""
    try:
        minutes = read_granted(row)
    except BadValueError as error:
        faults[GRANTED] = error
    try:
        why = read_reason(required=True)
    except BadValueError as error:
        faults["reason"] = error
    if faults:
        return hours.show(name, less=faults), 422
    if stale := _read_stale([key], is_head=False):
        return hours.show(name, stale=stale), 409
    _give([key], "reject", word_grant(row, minutes, why))
    return go("hours.show", done="less", name=name)


def _read_said() -> tuple[str, list[str]]:
    """What was said and of which records."""
    verdict, _, name = request.form.get("one", "").partition(":")
    if name:
        return verdict, [name]
    return request.form.get("verdict", ""), request.form.getlist("record")


def _read_stale(keys: list[RecordKey], *, is_head: bool) -> list[Stale]:
    """What is not as it was looked at; a school says nothing of what was not shown to it, nor of
    what was judged meanwhile."""
    declared = active_pack().types["hour"]
    stale = read_stale(declared, keys)
    if not is_head:
        return stale
    told = {each.id for each in stale}
    seen = {each.partition(":")[0] for each in request.form.getlist(SEEN)}
    for key in keys:
        row = find_hour(this_node(), *key)
        name = public_id(*key)
        if row is not None and name not in told and (name not in seen or row["state"] not in _OPEN):
            stale.append(Stale(name, str(row["title"]), str(row["state"]), ()))
    return stale


def _check(keys: list[RecordKey], said: str, reason: str) -> None:
    with saving_with_undo() as action:
        for key in keys:
            action.check("hour", key, _CHECKS[said], reason=reason)


def _give(keys: list[RecordKey], verdict: str, reason: str) -> None:
    pack, wish = active_pack(), Wish("", "", today(), reason)
    closings = plan_closings(this_node(), pack, pack.types["hour"], keys, verdict, wish)
    with saving_with_undo() as action:
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


def _list_rows(queue: Queue) -> tuple[list[Row], dict[str, Any] | None]:
    """A page of a queue, part after part, and what a link to the next page says."""
    node, after = this_node(), read_cursor(request.args.get("after", ""))
    scope_no = request.args.get("school", type=row_number)
    start = min(request.args.get("part", 0, type=int), len(queue.parts) - 1)
    rows: list[Row] = []
    starts: list[int] = []
    for at in range(max(start, 0), len(queue.parts)):
        starts.append(len(rows))
        room, checked = PAGE_ROWS + 1 - len(rows), queue.parts[at]
        if not room:
            break
        if checked == "claim" and queue is _HEAD["unchecked"]:
            recs = _from(read_unchecked(node).claims, after, room)
            rows += list_keyed(node, node.home_scope_no, recs, after=after, limit=room)
        else:
            wanted = HourFilter(scope_no, state=queue.state, checked=checked, after=after)
            rows += list_hours(node, wanted, limit=room)
        after = None
    if len(rows) <= PAGE_ROWS:
        return rows, None
    last = max(at for at, first in enumerate(starts) if first < PAGE_ROWS) + max(start, 0)
    return rows[:PAGE_ROWS], {"after": write_cursor("date", rows[PAGE_ROWS - 1]), "part": last}


def _from(recs: Sequence[int], after: tuple[str, int, int] | None, room: int) -> Sequence[int]:
    """The claims of the next page; all where the one seen last is no longer among them."""
    if after is None:
        return recs[:room]
    if after[2] not in recs:
        return recs
    start = recs.index(after[2]) + 1
    return recs[start : start + room]


def _count(queues: Mapping[str, Queue]) -> dict[str, int | None]:
    """How many are in each queue; not of those that are cut out of one: that would read it all."""
    states = count_states(this_node())
    if queues is _HEAD:
        found = read_unchecked(this_node())
        waiting = len(found.claims) + found.entries
        return {"unchecked": waiting, "sent": found.passed, "returned": found.returned}
    return {
        name: states.get(each.state, 0) if name == each.state else None
        for name, each in queues.items()
    }


def _show_queue(
    error: BadValueError | None = None,
    *,
    no_record: bool = False,
    stale: Sequence[Stale] = (),
    ticked: Sequence[str] = (),
) -> str:
    """The queue; `error` is what the reason given lacks, `stale` what changed meanwhile."""
    queues, node, declared = these_queues(), this_node(), active_pack().types["hour"]
    name = request.args.get("state", "")
    name = name if name in queues else next(iter(queues))
    rows, more = _list_rows(queues[name])
    counts = _count(queues)
    return render_template(
        "review.html",
        rows=rows,
        marks=marks_of(declared, rows),
        changes=changes_of(declared, rows),
        checks=hours.checks_of(rows),
        warnings=find_warnings(rows) if queues is _HEAD else {},
        stale=stale,
        more=more,
        school=request.args.get("school", type=row_number),
        queue=name,
        queues=[(each, counts[each]) for each in queues],
        words=queues[name].words,
        is_head=queues is _HEAD,
        schools=list_schools(node),
        error=error,
        no_record=no_record,
        ticked=set(ticked),
        usual=USUAL,
        chosen=request.form.getlist("usual"),
        reason=typed("reason"),
    )
