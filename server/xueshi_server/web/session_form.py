"""The form of a session as it was sent: read, looked over, and turned into records."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Any, Final

from flask import request

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.fields import Value, parse_field
from xueshi_server.domain.hours import format_hours, parse_hours
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.sessions import (
    DAY_MINUTES,
    Entry,
    Finding,
    Part,
    Session,
    check_session,
    examine,
    format_time_of_day,
    parse_time,
)
from xueshi_server.store.people import list_left, list_roster
from xueshi_server.store.sessions import SESSION, read_around
from xueshi_server.web.declared_form import Faults, form_fields, read_values
from xueshi_server.web.findings import surroundings
from xueshi_server.web.packs import active_pack, find_type, today
from xueshi_server.web.site import home_scope_no, language, this_node
from xueshi_server.words import word

HOUR: Final = "hour"
# What the page asks for in its own way; a pack whose hours lack one of them has the plain form.
NEEDED: Final = ("person", "title", "date", "minutes")
# Shown at once; every other field that the pack declares stands behind "more".
SHOWN: Final = ("form", "category")
# What the session says beyond its hours: input to field of the session.
OWN: Final = ("until", "starts", "ends", "organiser", "place", "lecturer")
# The roles of those who teach and of those who are taught.
GIVEN, RECEIVED = "given", "received"
LECTURER_HOURS: Final = "lecturer_hours"
# Who left longer ago is no longer offered for a session.
_LEFT_SINCE: Final = dt.timedelta(days=365)


def own_name(name: str) -> str:
    """The input of a field of the session."""
    return f"session_{name}"


@dataclass
class SessionForm:
    """A form that was sent. `session` is None while there are faults."""

    scope_no: int
    values: dict[str, Value]
    faults: Faults
    own: dict[str, str] = field(default_factory=dict)
    session: Session | None = None
    parts: list[Part] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    entries: dict[int, Entry] = field(default_factory=dict)

    def leave_out(self, codes: Sequence[str]) -> None:
        """Take those out whom such a finding is about."""
        out = {each.person for each in self.findings if each.code in codes}
        self.parts = [each for each in self.parts if each.person not in out]
        self.findings = [each for each in self.findings if each.person not in out]

    def claim_of(self, person: int) -> int | None:
        """The person's own record that this session takes the place of."""
        some = (each for each in self.findings if each.code == "claim" and each.person == person)
        return next((each.rec for each in some), None)


def hour_fields() -> list[FieldDeclaration]:
    """The fields of hours that are the same for everyone."""
    hour = find_type(HOUR)
    taken = {"person", "role"} if knows_roles(hour) else {"person"}
    return [each for each in form_fields(hour) if each.id not in taken]


def knows_roles(hour: RecordType) -> bool:
    """Whether hours tell those who teach from those who are taught."""
    codes = next((each.codes for each in hour.field if each.id == "role"), None)
    known = active_pack().codes.get(codes or "")
    return known is not None and {GIVEN, RECEIVED} <= {each.id for each in known.value}


def own_fields() -> list[FieldDeclaration]:
    """What the page asks about the session beyond its hours; none where the pack has no sessions,
    and none that hours have themselves."""
    declared = active_pack().types.get(SESSION)
    if declared is None or SESSION not in this_node().schema.by_name:
        return []
    of_hours = {each.id for each in find_type(HOUR).field}
    return [each for each in declared.field if each.id in OWN and each.id not in of_hours]


def is_enterable() -> bool:
    """Whether this page can enter the hours of the pack."""
    known = {each.id for each in find_type(HOUR).field}
    return set(NEEDED) <= known


# ---- what was sent


def read_form() -> SessionForm:
    """The form of this request, looked over as far as it can be read."""
    scope_no, faults = home_scope_no(), Faults()
    form = SessionForm(scope_no, read_values(hour_fields(), scope_no, faults), faults)
    form.own = _read_own(faults)
    minutes = form.values.get("minutes")
    form.parts = _read_parts(scope_no, minutes if isinstance(minutes, int) else None, faults)
    if not form.parts and "person" not in faults:
        faults["person"] = BadValueError("value.missing")
    session = _read_session(form)
    if session is not None:
        faults |= {_input_of(name): error for name, error in check_session(session).items()}
        _check_longest(session, form.parts, faults)
    if not faults:
        form.session = session
        _look_over(form)
    return form


def _input_of(name: str) -> str:
    return name if name == "minutes" else own_name(name)


def _read_own(faults: Faults) -> dict[str, str]:
    found = {}
    for each in own_fields():
        given = request.form.get(own_name(each.id), "")
        try:
            if each.id in ("starts", "ends"):
                found[each.id] = format_time_of_day(parse_time(given))
            else:
                found[each.id] = str(parse_field(each, None, given) or "")
        except BadValueError as error:
            faults[own_name(each.id)] = error
    return found


def list_able(scope_no: int) -> list[Row]:
    """Whom a session may name: the roster, then who left it within a year and may have been there
    when it was held."""
    return [*list_roster(this_node(), scope_no), *list_lately_left(scope_no)]


def list_lately_left(scope_no: int) -> list[Row]:
    """Who left within a year, the last one first."""
    return list_left(this_node(), scope_no, today() - _LEFT_SINCE)


def _read_parts(scope_no: int, minutes: int | None, faults: Faults) -> list[Part]:
    """Everybody ticked in roster order with the hours that count for them."""
    ticked = set(request.form.getlist("person"))
    people = [int(row["rec"]) for row in list_able(scope_no)]
    there = {rec: bool(request.form.get(f"given-{rec}")) for rec in people if str(rec) in ticked}
    lecture = _read_minutes(LECTURER_HOURS, faults) if any(there.values()) else None
    parts = []
    for rec, given in there.items():
        own = _read_minutes(f"hours-{rec}", faults)
        usual = lecture if given and lecture is not None else minutes
        parts.append(Part(rec, (usual or 0) if own is None else own, given))
    return parts


def _read_minutes(name: str, faults: Faults) -> int | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        return parse_hours(text)
    except BadValueError as error:
        faults[name] = error
        return None


def _read_session(form: SessionForm) -> Session | None:
    """The session as far as the day, the hours and the title can be read."""
    title, date, minutes = (form.values.get(name) for name in ("title", "date", "minutes"))
    if not (isinstance(title, str) and isinstance(date, str) and isinstance(minutes, int)):
        return None
    organiser = form.values.get("organiser") or form.own.get("organiser")
    until = form.own.get("until")
    return Session(
        title=title,
        date=dt.date.fromisoformat(date),
        minutes=minutes,
        until=dt.date.fromisoformat(until) if until else None,
        starts=parse_time(form.own.get("starts", "")),
        ends=parse_time(form.own.get("ends", "")),
        organiser=str(organiser or ""),
    )


def _check_longest(session: Session, parts: Sequence[Part], faults: Faults) -> None:
    """Nobody gets more than a session's days have."""
    for each in parts:
        if each.minutes > DAY_MINUTES * session.days > 0 and "minutes" not in faults:
            name = LECTURER_HOURS if each.given else "minutes"
            if request.form.get(f"hours-{each.person}", "").strip():
                name = f"hours-{each.person}"
            faults[name] = BadValueError("hours.longer_than_day", days=str(session.days))


def _look_over(form: SessionForm) -> None:
    assert form.session is not None
    people = [each.person for each in form.parts]
    around = read_around(
        this_node(), form.scope_no, people, form.session.date, _days_after(form.session.last, 3)
    )
    form.entries = {each.rec: each for each in around.entries}
    form.findings = examine(form.session, form.parts, around.entries, surroundings())
    left = {int(row["rec"]): str(row["left_on"]) for row in list_lately_left(form.scope_no)}
    day = form.session.date.isoformat()
    form.findings += [
        Finding("gone", each.person, details={"when": left[each.person]})
        for each in form.parts
        if left.get(each.person, "9") <= day
    ]


def _days_after(day: dt.date, count: int) -> dt.date:
    return day + dt.timedelta(days=count)


def session_values(form: SessionForm) -> dict[str, Any]:
    """The session as it is written; what hours say too is taken from them."""
    declared = active_pack().types[SESSION]
    known = {each.id for each in declared.field}
    values: dict[str, Any] = {**form.values, **form.own}
    values["expected"] = len(list_roster(this_node(), form.scope_no))
    if not values.get("lecturer"):
        values["lecturer"] = _name_lecturers(form)
    return {name: value for name, value in values.items() if name in known and value}


def _name_lecturers(form: SessionForm) -> str:
    given = {each.person for each in form.parts if each.given}
    rows = list_able(form.scope_no)
    joint = word("session.joint", language())
    return joint.join(str(row["name"]) for row in rows if row["rec"] in given)[:200]


def hour_values(form: SessionForm, part: Part) -> dict[str, Value]:
    """The hours of one person as they are written."""
    assert form.session is not None
    values = {**form.values, "person": part.person, "minutes": part.minutes}
    hour = find_type(HOUR)
    if knows_roles(hour):
        values["role"] = GIVEN if part.given else RECEIVED
    notes = any(each.id == "note" for each in hour.field)
    if notes and not values.get("note") and not part.given and part.minutes < form.session.minutes:
        hours, whole = format_hours(part.minutes), format_hours(form.session.minutes)
        values["note"] = word("session.part_of", language(), hours=hours, whole=whole)
    return values
