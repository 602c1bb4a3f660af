"""Claims of teachers beside the sessions on record: what looks like one of them is taken over.

The routes stand in `session`.
"""

import datetime as dt
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any, Final

from flask import render_template, request
from werkzeug.wrappers import Response

from xueshi_server.domain.sessions import CLAIM_DAYS, SPAN_DAYS_MAX, Match, match_claims
from xueshi_server.store.hours import find_hour
from xueshi_server.store.people import list_roster
from xueshi_server.store.sessions import list_claims, names_of_sessions, read_around
from xueshi_server.web.packs import find_type, today
from xueshi_server.web.pages import find_key, go, public_id, read_cursor
from xueshi_server.web.roster import mark_rows
from xueshi_server.web.session_form import HOUR
from xueshi_server.web.site import home_scope_no, saving, this_node

Page = str | tuple[str, int] | Response
# A term and its holiday: older claims are for the reviewer.
_DAYS: Final = 200
# Claims on one page, compared at a time, and at most for one page.
_PAGE: Final = 40
_LOOKED: Final = 100
_LOOKED_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class _Found:
    """Claims that are like a session, and where the next page begins: (date, record)."""

    matches: list[Match]
    after: tuple[str, int] | None


def claims() -> Page:
    """Claims of the last half year that look like a recorded session, newest first."""
    scope_no = home_scope_no()
    roster = {int(row["rec"]): row for row in list_roster(this_node(), scope_no)}
    cursor = read_cursor(request.args.get("after", ""))
    found = _find_page(scope_no, roster.keys(), (cursor[0], cursor[2]) if cursor else None)
    marks = mark_rows(roster[each.claim.person] for each in found.matches)
    matches = [_show(each, scope_no, roster, marks) for each in found.matches]
    open_count = sum(not each["has_hours"] for each in matches)
    more = f"{found.after[0]}~{scope_no}~{found.after[1]}" if found.after else None
    return render_template(
        "session_claims.html",
        matches=matches,
        open_count=open_count,
        more=more,
    )


def take_claims() -> Page:
    """Write for each ticked claim a correction that says what the session says."""
    scope_no = home_scope_no()
    ticked = {find_key(name).rec for name in request.form.getlist("record")}
    people = {int(row["rec"]) for row in list_roster(this_node(), scope_no)}
    rows = [row for rec in ticked if (row := find_hour(this_node(), scope_no, rec)) is not None]
    first, last = (day.isoformat() for day in _span())
    rows = [row for row in rows if row["person"] in people and first <= row["date"] <= last]
    chosen = [each for each in _match(scope_no, rows) if not each.has_hours]
    if not chosen:
        return go("session.claims")
    form_id = request.form.get("entry_id", "")[:64] or secrets.token_hex(16)
    with saving() as action:
        for each in chosen:
            entry_id = f"claim-{form_id}-{each.claim.rec}"
            action.insert(HOUR, _taken_over(each, scope_no), entry_id=entry_id)
    return go("session.claims", done="linked", n=len(chosen))


def _span() -> tuple[dt.date, dt.date]:
    last = today() + dt.timedelta(days=1)
    return last - dt.timedelta(days=_DAYS), last


def _find_page(scope_no: int, people: Collection[int], after: tuple[str, int] | None) -> _Found:
    """A page of matches. Claims are looked at some at a time until it is full, and so many at most:
    where few of very many are like a session, the rest stands on the next page."""
    first, last = (day.isoformat() for day in _span())
    # A claim lies near its session, and sessions may be long.
    since = (_span()[0] - dt.timedelta(days=SPAN_DAYS_MAX)).isoformat()
    known = names_of_sessions(this_node(), scope_no, since, last)
    matches: list[Match] = []
    for _ in range(_LOOKED_MOST // _LOOKED):
        rows = list_claims(this_node(), scope_no, first, last, after=after, limit=_LOOKED)
        own = [row for row in rows if row["person"] in people]
        claimed = [row for row in own if (row["date"], row["title"]) not in known]
        matches += _match(scope_no, claimed)
        if len(matches) > _PAGE:
            at = matches[_PAGE - 1].claim
            return _Found(matches[:_PAGE], (at.session.date.isoformat(), at.rec))
        if len(rows) < _LOOKED:
            return _Found(matches, None)
        after = str(rows[-1]["date"]), int(rows[-1]["rec"])
    return _Found(matches, after)


def _match(scope_no: int, rows: Sequence[Row]) -> list[Match]:
    """Which of some claims are like a recorded session, newest first."""
    if not rows:
        return []
    days = [dt.date.fromisoformat(row["date"]) for row in rows]
    near = dt.timedelta(days=CLAIM_DAYS)
    people = sorted({int(row["person"]) for row in rows})
    around = read_around(this_node(), scope_no, people, min(days) - near, max(days) + near)
    return match_claims(around.entries, around.sessions, only={int(row["rec"]) for row in rows})


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
