"""What deserves a second look about hours on record: overlaps, doubles, impossible days."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Row
from typing import Final

from xueshi_server.domain.hours import format_hours
from xueshi_server.domain.sessions import Entry, Finding, Part, Surroundings, examine
from xueshi_server.store.sessions import read_around
from xueshi_server.web.packs import active_pack, today
from xueshi_server.web.pages import public_id
from xueshi_server.web.site import language, this_node
from xueshi_server.words import word

# Entries this long after a day may still tell of it.
_DAYS_AFTER: Final = dt.timedelta(days=3)
# Beside one record; who sees three looks at the day.
_TOLD_MAX: Final = 3
# Worded otherwise than before saving; one session may stand on record twice under either code.
_DOUBLE: Final = ("claim", "double")


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence beside a record, and the other record that it is about."""

    text: str
    other: str


def find_warnings(rows: Iterable[Row]) -> dict[str, list[Notice]]:
    """Public name to what to look at, of those hours that have anything."""
    days: defaultdict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["date"] and row["person"]:
            days[int(row["scope_no"]), str(row["date"])].append(row)
    found: dict[str, list[Notice]] = {}
    for (scope_no, date), some in days.items():
        first = dt.date.fromisoformat(date)
        people = sorted({int(row["person"]) for row in some})
        around = read_around(this_node(), scope_no, people, first, first + _DAYS_AFTER)
        for row in some:
            if warnings := _of_row(row, around.entries):
                found[public_id(scope_no, int(row["rec"]))] = warnings
    return found


def _of_row(row: Row, entries: Iterable[Entry]) -> list[Notice]:
    held = [each for each in entries if each.person == row["person"]]
    own = next((each for each in held if each.rec == row["rec"]), None)
    if own is None:
        return []
    others = [each for each in held if each is not own and each.rec != row["corrects"]]
    part = Part(own.person, own.session.minutes)
    findings = examine(own.session, [part], others, surroundings())
    scope_no = int(row["scope_no"])
    told = [each for each in findings if _is_told(each, own)]
    return [_word(scope_no, each) for each in told[:_TOLD_MAX]]


def _is_told(finding: Finding, own: Entry) -> bool:
    """A claim like another of the days around is a series more often than a double."""
    return finding.code != "claim" or finding.details["when"].startswith(
        own.session.date.isoformat()
    )


def _word(scope_no: int, finding: Finding) -> Notice:
    details = dict(finding.details)
    if "minutes" in details:
        details["hours"] = format_hours(int(details.pop("minutes")))
    key = "check.double" if finding.code in _DOUBLE else f"session.finding.{finding.code}"
    other = "" if finding.rec is None else public_id(scope_no, finding.rec)
    return Notice(word(key, language(), **details), other)


def surroundings() -> Surroundings:
    """The day of whoever looks, the county's calendar, and the hours that a day brings at most."""
    pack = active_pack()
    daily = pack.parameters.get("daily_hours")
    hours = daily.value if daily is not None and isinstance(daily.value, int) else 24
    return Surroundings(today(), pack.calendar, hours * 60)
