"""The ledger of hours: the list, and one record with its passport."""

import re
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Row
from typing import Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.credit import STATES
from xueshi_server.domain.dates import flag_odd_dates
from xueshi_server.domain.errors import BadValueError
from xueshi_server.formats import day_of
from xueshi_server.store.checking import Check, read_checks
from xueshi_server.store.hours import (
    PAGE_ROWS,
    HourFilter,
    find_hour,
    list_checkings,
    list_corrections,
    list_hours,
    list_judgements,
)
from xueshi_server.store.people import find_person
from xueshi_server.store.schools import list_schools
from xueshi_server.web.asked import row_number
from xueshi_server.web.granting import FIELD as GRANTED
from xueshi_server.web.granting import find_offer, taken_over
from xueshi_server.web.packs import active_pack, find_type
from xueshi_server.web.pages import find_key, go, may, public_id, read_cursor, typed, write_cursor
from xueshi_server.web.passport import read_printed, read_stages
from xueshi_server.web.reasons import USUAL
from xueshi_server.web.record_view import Viewer
from xueshi_server.web.site import home_scope_no, language, saving, this_node, this_site
from xueshi_server.web.versions import Stale, changes_of, marks_of
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("hours", __name__, url_prefix="/hours")
Page = str | tuple[str, int] | Response
HOUR = "hour"
# What judges, and what the heads of schools say of an entry.
VERDICTS: Final = ("approve", "reject", "void")
CHECKS: Final = ("pass", "return", "back")
# States that a school gives; lists say beside them who did and why.
_OF_SCHOOL: Final = ("returned", "withdrawn")
# What the page shows in its own way; every other field as the pack declares it.
_SHOWN_FIRST = ("person", "minutes", "title")


@blueprint.get("/")
def index() -> Page:
    """Records, newest date first."""
    node = this_node()
    wanted, person = _read_filter()
    rows = list_hours(node, wanted, limit=PAGE_ROWS + 1)
    more = write_cursor("date", rows[PAGE_ROWS - 1]) if len(rows) > PAGE_ROWS else None
    return render_template(
        "hours.html",
        rows=rows[:PAGE_ROWS],
        more=more,
        wanted=wanted,
        person=person,
        states=STATES,
        schools=list_schools(node),
        checks=checks_of(each for each in rows if each["state"] in _OF_SCHOOL),
    )


def checks_of(rows: Iterable[Row]) -> dict[str, Check]:
    """Public name to how a record stands with its school."""
    return {public_id(*key): said for key, said in read_checks(this_node(), rows).items()}


def _read_filter() -> tuple[HourFilter, object]:
    month = request.args.get("month", "")
    state = request.args.get("state", "")
    scope_no, rec, person = request.args.get("school", type=row_number), None, None
    if request.args.get("person"):
        scope_no, rec = find_key(request.args["person"])
        person = find_person(this_node(), scope_no, rec)
    wanted = HourFilter(
        scope_no=scope_no,
        person=rec,
        month=month if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month) else "",
        state=state if state in STATES else "",
        after=read_cursor(request.args.get("after", "")),
    )
    return wanted, person


@blueprint.get("/<name>")
def show(
    name: str,
    error: BadValueError | None = None,
    *,
    stale: Sequence[Stale] = (),
    less: Mapping[str, BadValueError] | None = None,
) -> str:
    """One record: its content, where it is, who judged it, what replaced it; `error` is what the
    reason of a verdict lacks, `less` what is wrong with hours to be granted, `stale` what changed
    since the page was made."""
    key = find_key(name)
    node = this_node()
    row = find_hour(node, key.scope_no, key.rec)
    if row is None:
        abort(404)
    stages, received_s = read_stages(node, key, row["entered_at"])
    declared = find_type(HOUR)
    viewer = Viewer(active_pack(), declared, language())
    newer = list_corrections(node, key.scope_no, key.rec)
    older = find_hour(node, key.scope_no, row["corrects"]) if row["corrects"] else None
    check = read_checks(node, [row])[key]
    return render_template(
        "hour.html",
        row=row,
        facts=[each for each in viewer.facts(row) if each.id not in _SHOWN_FIRST],
        older=older,
        newer=newer,
        stale=stale,
        marks=marks_of(declared, [row]),
        changes=changes_of(declared, [row, *newer]),
        judgements=list_judgements(node, key.scope_no, key.rec),
        checkings=list_checkings(node, key.scope_no, key.rec),
        check=check,
        words=_may_say(str(row["state"]), check.said),
        usual=USUAL,
        chosen=request.form.getlist("usual"),
        stages=stages,
        printed=read_printed(node, key, row["person"], (row["date"], row["title"])),
        flags=flag_odd_dates(row["date"], day_of(row["entered_at"]), day_of(received_s)),
        offer=find_offer(row) if _may_accept(key) else None,
        error=error,
        less=less or {},
        granted=typed(GRANTED),
        reason=typed("reason"),
    )


@blueprint.post("/<name>/accept")
def accept(name: str) -> Page:
    """Write the correction that a county asked for when it returned a record."""
    key = find_key(name)
    row = find_hour(this_node(), *key)
    offer = find_offer(row) if row is not None and _may_accept(key) else None
    if row is None or offer is None:
        abort(404)
    values = taken_over(find_type(HOUR), row, *offer)
    with saving() as action:
        newer = action.insert(HOUR, values, entry_id=f"accept-{name}-{offer[0]}")
    return go("hours.show", done="corrected", name=public_id(*newer))


def _may_accept(key: RecordKey) -> bool:
    return may("hours.accept") and this_site().can_enter and key.scope_no == home_scope_no()


def _may_say(state: str, said: str) -> tuple[str, ...]:
    """What whoever is logged in may say of a record that stands so and of which its school said
    something."""
    if not may("review.judge"):
        return ()
    if not this_site().can_check:
        return VERDICTS if state not in ("replaced", *_OF_SCHOOL) else ()
    if state == "returned":
        return ("pass", "back")
    if state != "pending":
        return ()
    return ("back", "return") if said == "pass" else ("pass", "return")
