"""The page of a session: what its form is filled with, the roster, and findings in words."""

import datetime as dt
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from werkzeug.datastructures import MultiDict

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import format_hours
from xueshi_server.domain.names import NameKeys
from xueshi_server.domain.sessions import Finding, offer_day
from xueshi_server.formats import day_of
from xueshi_server.store.name_keys import find_keys
from xueshi_server.store.people import ROSTER_ORDERS, find_person, list_roster
from xueshi_server.store.sessions import find_session_of, list_attendance
from xueshi_server.web.declared_form import Faults, values_of
from xueshi_server.web.packs import find_type, today
from xueshi_server.web.pages import public_id
from xueshi_server.web.roster import call_person, chosen_order, mark_rows
from xueshi_server.web.session_form import (
    GIVEN,
    HOUR,
    LECTURER_HOURS,
    SessionForm,
    hour_fields,
    list_able,
    own_fields,
    own_name,
)
from xueshi_server.web.site import language, this_node, whoami
from xueshi_server.words import word

Form = MultiDict[str, str]


def empty_form() -> Form:
    """A new session: today, entered by whoever asks."""
    account = whoami()
    return MultiDict(
        {
            "entry_id": secrets.token_hex(16),
            "date": today().isoformat(),
            "recorded_by": account.name if account else "",
        }
    )


def form_like(hour: Row) -> Form:
    """A session like the one that an hour belongs to: its words, its people, their hours."""
    scope_no, form = int(hour["scope_no"]), empty_form()
    rows = list_attendance(this_node(), scope_no, hour["date"], hour["title"])
    taught = [int(row["minutes"]) for row in rows if not is_given(row)] or [int(hour["minutes"])]
    usual = Counter(taught).most_common(1)[0][0]
    values = values_of(find_type(HOUR), next((r for r in rows if r["minutes"] == usual), hour))
    for each in hour_fields():
        if each.id not in ("recorded_by", "note") and values.get(each.id):
            form[each.id] = values[each.id]
    form["minutes"] = format_hours(usual)
    held = dt.date.fromisoformat(hour["date"])
    form["date"] = offer_day(held, day_of(hour["entered_at"]) or today(), today()).isoformat()
    _fill_own(form, find_session_of(this_node(), scope_no, hour["date"], hour["title"]))
    _fill_people(form, rows, usual)
    return form


def is_given(row: Row) -> bool:
    """Whether the hours were taught."""
    return "role" in row.keys() and row["role"] == GIVEN  # noqa: SIM118


def _fill_own(form: Form, held: Row | None) -> None:
    if held is None:
        return
    for each in own_fields():
        if each.id not in ("until", "lecturer") and held[each.id]:
            form[own_name(each.id)] = str(held[each.id])
    if held["until"] and held["until"] > held["date"]:
        length = dt.date.fromisoformat(held["until"]) - dt.date.fromisoformat(held["date"])
        form["date"] = today().isoformat()
        form[own_name("until")] = (today() + length).isoformat()


def _fill_people(form: Form, rows: Sequence[Row], usual: int) -> None:
    lectures = {int(row["minutes"]) for row in rows if is_given(row)}
    if len(lectures) == 1 and lectures != {usual}:
        form[LECTURER_HOURS] = format_hours(lectures.pop())
    for row in rows:
        form.add("person", str(row["person"]))
        if is_given(row):
            form[f"given-{row['person']}"] = "1"
        # Who came late last time is not late again.


# ---- what the page shows


@dataclass(frozen=True, slots=True)
class Seat:
    """One line of the roster."""

    rec: int
    name: str
    staff_no: str
    here: bool
    hours: str
    given: bool
    # What tells namesakes apart; what the name sounds like; its places in the three orders.
    mark: str
    reading: str
    places: tuple[int, int, int]
    fault: BadValueError | None = None


def seats(form: Form, roster: Sequence[Row], faults: Faults) -> list[Seat]:
    """The roster with what was typed beside each name, in the order chosen last."""
    ticked, marks = set(form.getlist("person")), mark_rows(roster)
    keys = find_keys(this_node(), [str(row["name"]) for row in roster])
    places = _places([keys[str(row["name"])] for row in roster])
    found = [
        Seat(
            rec=int(row["rec"]),
            name=str(row["name"]),
            staff_no=str(row["staff_no"]),
            here=str(row["rec"]) in ticked,
            hours=form.get(f"hours-{row['rec']}", ""),
            given=bool(form.get(f"given-{row['rec']}")),
            mark=marks.get((row["scope_no"], row["rec"]), ""),
            reading=keys[str(row["name"])].reading,
            places=place,
            fault=faults.get(f"hours-{row['rec']}"),
        )
        for row, place in zip(roster, places, strict=True)
    ]
    order = ROSTER_ORDERS.index(chosen_order())
    return sorted(found, key=lambda each: each.places[order])


def _places(keys: Sequence[NameKeys]) -> list[tuple[int, int, int]]:
    """The place of each line of the roster in it, by strokes and by pinyin."""
    lines = range(len(keys))
    strokes = sorted(lines, key=lambda at: (keys[at].strokes, keys[at].pinyin, at))
    pinyin = sorted(lines, key=lambda at: (keys[at].pinyin, at))
    by_strokes, by_pinyin = ({at: no for no, at in enumerate(some)} for some in (strokes, pinyin))
    return [(at, by_strokes[at], by_pinyin[at]) for at in lines]


@dataclass(frozen=True, slots=True)
class Said:
    """A finding in words, and everybody it is about."""

    code: str
    text: str
    people: tuple[int, ...]
    names: tuple[str, ...]
    # The record it is about, where it is one.
    record: str | None


def word_findings(form: SessionForm) -> list[Said]:
    """The findings of a form, one sentence for all whom the same is said about."""
    roster = list_able(form.scope_no)
    marks = mark_rows(roster)
    names = {int(row["rec"]): call_person(row, marks) for row in roster}
    alike: dict[tuple[str, str], list[Finding]] = {}
    for each in form.findings:
        alike.setdefault((each.code, _word_finding(each)), []).append(each)
    return [_say(form, code, text, some, names) for (code, text), some in alike.items()]


def _say(
    form: SessionForm, code: str, text: str, some: Sequence[Finding], names: Mapping[int, str]
) -> Said:
    people = tuple(each.person for each in some if each.person is not None)
    only = some[0].rec if len(some) == 1 else None
    return Said(
        code,
        text,
        people,
        tuple(names.get(each, "?") for each in people),
        public_id(form.scope_no, only) if only is not None else None,
    )


def _word_finding(finding: Finding) -> str:
    details = dict(finding.details)
    if "minutes" in details:
        details["hours"] = format_hours(int(details.pop("minutes")))
    return word(f"session.finding.{finding.code}", language(), **details)


# ---- a session that was saved


def list_present(hour: Row) -> tuple[list[dict[str, Any]], list[str]]:
    """(who has hours of the session that `hour` belongs to, who of today's roster has none)."""
    node, scope_no = this_node(), int(hour["scope_no"])
    rows = list_attendance(node, scope_no, hour["date"], hour["title"])
    roster = list_roster(node, scope_no)
    places = {int(row["rec"]): place for place, row in enumerate(roster)}
    rows.sort(key=lambda row: (places.get(row["person"], len(places)), row["rec"]))
    names = {int(row["rec"]): row for row in roster}
    # Who left since has hours of the session too.
    people = {
        rec: names.get(rec) or find_person(node, scope_no, rec)
        for rec in dict.fromkeys(row["person"] for row in rows)
    }
    marks = mark_rows([*roster, *(each for each in people.values() if each is not None)])
    present = []
    for row in rows:
        person = people[row["person"]]
        present.append(
            {
                "id": public_id(scope_no, row["rec"]),
                "name": str(person["name"]) if person else "?",
                "staff_no": str(person["staff_no"]) if person else "",
                "mark": marks.get((scope_no, row["person"]), ""),
                "minutes": int(row["minutes"]),
                "given": is_given(row),
                "state": row["state"],
            }
        )
    there = {row["person"] for row in rows}
    return present, [call_person(row, marks) for row in roster if row["rec"] not in there]
