"""Claims of teachers beside the sessions on record: what looks like one of them is taken over.

The routes stand in `session`.
"""

import datetime as dt
import secrets
from sqlite3 import Row
from typing import Any, Final

from flask import render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.sessions import Match, match_claims
from xueshi_server.store.hours import find_hour
from xueshi_server.store.people import list_roster
from xueshi_server.store.sessions import list_claimants, read_around
from xueshi_server.web.packs import find_type, today
from xueshi_server.web.pages import find_key, go, public_id
from xueshi_server.web.roster import mark_rows
from xueshi_server.web.session_form import HOUR
from xueshi_server.web.site import home_scope_no, saving, this_node

Page = str | tuple[str, int] | Response
# A term and its holiday: older claims are for the reviewer.
_DAYS: Final = 200


def claims() -> Page:
    """Claims of the last half year that look like a recorded session, newest first."""
    scope_no = home_scope_no()
    roster = {int(row["rec"]): row for row in list_roster(this_node(), scope_no)}
    found = _find_matches(scope_no, list(roster))
    marks = mark_rows(roster[each.claim.person] for each in found)
    matches = [_show(each, scope_no, roster, marks) for each in found]
    open_count = sum(not each["has_hours"] for each in matches)
    return render_template("session_claims.html", matches=matches, open_count=open_count)


def take_claims() -> Page:
    """Write for each ticked claim a correction that says what the session says."""
    scope_no = home_scope_no()
    ticked = {find_key(name).rec for name in request.form.getlist("record")}
    people = [int(row["rec"]) for row in list_roster(this_node(), scope_no)]
    chosen = [
        each
        for each in _find_matches(scope_no, people)
        if each.claim.rec in ticked and not each.has_hours
    ]
    if not chosen:
        return go("session.claims")
    form_id = request.form.get("entry_id", "")[:64] or secrets.token_hex(16)
    with saving() as action:
        for each in chosen:
            entry_id = f"claim-{form_id}-{each.claim.rec}"
            action.insert(HOUR, _taken_over(each, scope_no), entry_id=entry_id)
    return go("session.claims", done="linked", n=len(chosen))


def _find_matches(scope_no: int, people: list[int]) -> list[Match]:
    last = today() + dt.timedelta(days=1)
    first = last - dt.timedelta(days=_DAYS)
    claiming = list_claimants(this_node(), scope_no, first, last)
    people = [each for each in people if each in claiming]
    around = read_around(this_node(), scope_no, people, first, last)
    return match_claims(around.entries, around.sessions)


def _taken_over(match: Match, scope_no: int) -> dict[str, Any]:
    """The claim with the day, the title and the hours of the session."""
    declared = find_type(HOUR)
    row = find_hour(this_node(), scope_no, match.claim.rec)
    assert row is not None, "matches are made of records that are here"
    values = {each.id: row[each.id] for each in declared.field}
    values["date"] = match.session.date.isoformat()
    values["title"] = match.session.title
    values["minutes"] = match.session.minutes or match.claim.session.minutes
    if declared.corrects:
        values[declared.corrects] = match.claim.rec
    return values


def _show(
    match: Match, scope_no: int, roster: dict[int, Row], marks: dict[tuple[int, int], str]
) -> dict[str, Any]:
    person = roster[match.claim.person]
    return {
        "id": public_id(scope_no, match.claim.rec),
        "name": person["name"],
        "mark": marks.get((scope_no, match.claim.person), ""),
        "staff_no": person["staff_no"],
        "claim": match.claim.session,
        "session": match.session,
        "percent": round(match.likeness * 100),
        "has_hours": match.has_hours,
    }
