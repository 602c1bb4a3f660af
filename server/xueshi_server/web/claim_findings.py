"""What deserves a second look about a teacher's claim before it is sent: a session that the school
recorded already, hours at the same time, a day with more than it holds."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import request

from xueshi_server.domain.hours import format_hours
from xueshi_server.domain.sessions import (
    CLAIM_DAYS,
    Entry,
    Finding,
    Part,
    Session,
    examine,
    mark_finding,
    match_claims,
)
from xueshi_server.store.sessions import find_session_of, read_around, read_session
from xueshi_server.web.findings import surroundings
from xueshi_server.web.site import language, this_node
from xueshi_server.words import word
from xueshi_sync.writer import RecordKey

SEEN: Final = "seen"
# The button that fills in what a recorded session says: its day and its title.
LIKE: Final = "like"
# The claim itself among the entries; records count from 1.
_CLAIM: Final = 0
# Said to the teacher in other words than to the registrar.
_OWN_WORDS: Final = ("claim", "double", "like", "like_had")


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, the mark by which the form says that it was seen, and the session whose words
    may be taken."""

    text: str
    mark: str
    like: str = ""


def look_over(
    person: RecordKey, values: Mapping[str, Any], corrected: RecordKey | None
) -> list[Notice]:
    """What to look at in a claim whose fields are right; empty where all of it was seen."""
    day = dt.date.fromisoformat(str(values["date"]))
    session = Session(
        str(values.get("title") or ""),
        day,
        int(values.get("minutes") or 0),
        organiser=str(values.get("organiser") or ""),
    )
    near = dt.timedelta(days=CLAIM_DAYS)
    around = read_around(this_node(), person.scope_no, [person.rec], day - near, day + near)
    entries = [each for each in around.entries if not (corrected and each.rec == corrected.rec)]
    claim = Entry(_CLAIM, person.rec, session, "pending")
    matches = [
        each
        for each in match_claims([claim, *entries], around.sessions)
        if each.claim.rec == _CLAIM
    ]
    found = examine(session, [Part(person.rec, session.minutes)], entries, surroundings())
    notices = [_word(each) for each in found]
    # A double tells of the same session already, and a claim in its very words belongs to it.
    if not any(each.code == "double" for each in found):
        notices += [
            _word_match(each.session, has_hours=each.has_hours)
            for each in matches
            if (each.session.date, each.session.title) != (session.date, session.title)
        ]
    seen = set(request.form.get(SEEN, "").split())
    return [] if {each.mark for each in notices} <= seen else notices


def like_session(scope_no: int) -> dict[str, str]:
    """What the session says whose words are to be taken, as it is typed; empty for none."""
    date, _, title = request.form.get(LIKE, "").partition(" ")
    row = find_session_of(this_node(), scope_no, date, title) if title else None
    session = read_session(row) if row is not None else None
    if session is None:
        return {}
    hours = {"minutes": format_hours(session.minutes)} if session.minutes else {}
    return {"date": date, "title": title, **hours}


def _word_match(session: Session, *, has_hours: bool) -> Notice:
    day = session.date.isoformat()
    details = {"when": day, "title": session.title, "minutes": str(session.minutes)}
    return _word(
        Finding("like_had" if has_hours else "like", details=details),
        like="" if has_hours else f"{day} {session.title}",
    )


def _word(finding: Finding, like: str = "") -> Notice:
    details = dict(finding.details)
    if "minutes" in details:
        details["hours"] = format_hours(int(details.pop("minutes")))
    of = "mine" if finding.code in _OWN_WORDS else "session"
    return Notice(
        word(f"{of}.finding.{finding.code}", language(), **details), mark_finding(finding), like
    )
