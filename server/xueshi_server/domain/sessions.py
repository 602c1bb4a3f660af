"""Sessions: what was held, who took part, and what deserves a second look before it is saved.

An hour belongs to the session that has its day and its title; it needs no reference and costs
nothing more. Times are minutes of the day. What is impossible in itself is refused beside its
field; everything else is only asked about, because either record may be the wrong one.
"""

import datetime as dt
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from hashlib import sha256
from typing import Final

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.packs.model import Calendar, Window
from xueshi_server.domain.rules.calendar import SchoolCalendar

DAY_MINUTES: Final = 24 * 60
# A training away from school lasts days or weeks; a month covers every one in the sources.
SPAN_DAYS_MAX: Final = 31
# An hour that counts is a lesson of 45 minutes at least, so two fit into an hour and a half.
_LESSON_OF_HOUR: Final = (3, 4)
# Two records of one day under titles this near are taken for the same session.
SAME_LEAST: Final = 0.8
# A claim this near to a session is offered as belonging to it.
CLAIM_LEAST: Final = 0.6
CLAIM_DAYS: Final = 3
# Days off of the whole country that lie on the same day each year (State Council, 2024 No. 795).
_PUBLIC_DAYS: Final = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
_YEAR_DAYS: Final = 366
_TIME: Final = re.compile(r"(\d{1,2})(?:\D{1,2}(\d{1,2}))?\D?")
_BARE_TIME: Final = re.compile(r"(\d{1,2})(\d{2})")
_NOT_WORDS: Final = re.compile(r"[\W_]+")
# A session entered later than this comes from a pile of papers.
_PILE_DAYS: Final = 14
# How much the title, the day and the organiser say about two records being the same.
_WEIGHTS: Final = (0.7, 0.2, 0.1)


@dataclass(frozen=True, slots=True)
class Session:
    """What was held. `until` is the last day of one that lasted several."""

    title: str
    date: dt.date
    minutes: int
    until: dt.date | None = None
    starts: int | None = None
    ends: int | None = None
    organiser: str = ""

    @property
    def last(self) -> dt.date:
        """Its last day."""
        return self.until or self.date

    @property
    def days(self) -> int:
        """How many days it lasted."""
        return (self.last - self.date).days + 1


@dataclass(frozen=True, slots=True)
class Part:
    """One person's part in a session."""

    person: int
    minutes: int
    given: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """Hours that a person has already, with what is known of their session.

    `known` says whether a session of that day and title is recorded; without one the hours may be
    the claim of a teacher.
    """

    rec: int
    person: int
    session: Session
    state: str
    known: bool = False

    @property
    def is_claim(self) -> bool:
        """Whether it waits and stands for no recorded session."""
        return self.state == "pending" and not self.known


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at before saving; `code` is worded by the catalogue."""

    code: str
    person: int | None = None
    # The record that it is about.
    rec: int | None = None
    details: Mapping[str, str] = field(default_factory=dict)


def parse_time(value: str) -> int | None:
    """Minutes of the day of a time as people type it: 14:00, 14.30, 1430, 9; None where empty."""
    text = unicodedata.normalize("NFKC", value).strip()
    if not text:
        return None
    match = _BARE_TIME.fullmatch(text) or _TIME.fullmatch(text)
    if match is None:
        raise BadValueError("time.unreadable", seen=text[:20])
    hours, minutes = int(match[1]), int(match[2] or 0)
    if hours > 23 or minutes > 59:
        raise BadValueError("time.unreadable", seen=text[:20])
    return hours * 60 + minutes


def format_time_of_day(minutes: int | None) -> str:
    """`14:05`; empty where unknown."""
    return "" if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}"


def check_session(session: Session) -> dict[str, BadValueError]:
    """What cannot be, by field."""
    faults = {}
    if session.last < session.date:
        faults["until"] = BadValueError("date.ends_first")
    elif session.days > SPAN_DAYS_MAX:
        faults["until"] = BadValueError("date.span_too_long", most=str(SPAN_DAYS_MAX))
    elif session.minutes > DAY_MINUTES * session.days:
        faults["minutes"] = BadValueError("hours.longer_than_day", days=str(session.days))
    if session.starts is not None and session.ends is not None and session.ends <= session.starts:
        faults["ends"] = BadValueError("time.ends_first")
    return faults


# ---- what to look at before saving


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the day is like: the date it is entered on, the county's calendar, what one day brings
    at most."""

    on: dt.date
    calendar: Calendar
    daily_minutes: int


def examine(
    session: Session, parts: Sequence[Part], entries: Iterable[Entry], around: Surroundings
) -> list[Finding]:
    """Everything to look at: of the session first, then person by person in the given order."""
    held: dict[int, list[Entry]] = {}
    for each in entries:
        held.setdefault(each.person, []).append(each)
    found = _examine_day(session, around)
    for part in parts:
        found += _examine_person(session, part, held.get(part.person, []), around)
    return found


def _examine_day(session: Session, around: Surroundings) -> list[Finding]:
    found = []
    if session.date > around.on:
        days = {"date": session.date.isoformat(), "day": around.on.isoformat()}
        found.append(Finding("future", details=days))
    holiday = find_holiday(around.calendar, session.date)
    if holiday:
        found.append(Finding(holiday, details={"date": session.date.isoformat()}))
    if session.starts is not None and session.ends is not None:
        lesson, hour = _LESSON_OF_HOUR
        if session.minutes * lesson > (session.ends - session.starts) * hour * session.days:
            found.append(Finding("longer_than_time"))
    return found


def find_holiday(calendar: Calendar, day: dt.date) -> str | None:
    """`holiday_summer` or `holiday_winter` where the county has declared its year,
    `holiday_term` for a day off in a term, `holiday_public` for one of the whole country."""
    if (day.month, day.day) in _PUBLIC_DAYS:
        return "holiday_public"
    free = (span for term in calendar.term for span in term.holidays)
    if any(first <= day <= last for first, last in free):
        return "holiday_term"
    begun = [each.starts_on for each in calendar.term]
    begun += [each.starts_on for each in calendar.holiday]
    if not any(abs((day - first).days) < _YEAR_DAYS for first in begun):
        # The standard terms are a guess; nobody is warned of a guess.
        return None
    known = SchoolCalendar(calendar)
    for season in ("summer", "winter"):
        span = known.current(Window(kind="holiday", season=season), day, {})
        if span is not None and span.first <= day <= span.last:
            return f"holiday_{season}"
    return None


def _examine_person(
    session: Session, part: Part, entries: Sequence[Entry], around: Surroundings
) -> list[Finding]:
    found: list[Finding] = []
    named: set[int] = set()
    for each in entries:
        code = _compare(session, each)
        if code:
            named.add(each.rec)
            found.append(Finding(code, part.person, each.rec, _tell(each.session)))
    total = _minutes_of_day(session.date, session, part, entries, named)
    if total > DAY_MINUTES:
        found.append(Finding("day_impossible", part.person, None, _tell_minutes(total)))
    elif total > around.daily_minutes:
        found.append(Finding("day_long", part.person, None, _tell_minutes(total)))
    return found


def _compare(session: Session, entry: Entry) -> str | None:
    other = entry.session
    alike = _titles_alike(session.title, other.title)
    if other.date == session.date and alike >= SAME_LEAST:
        return "claim" if entry.is_claim else "double"
    if overlaps(session, other):
        return "overlap"
    if entry.is_claim and match_claim(session, other) >= CLAIM_LEAST:
        return "claim"
    return None


def overlaps(one: Session, other: Session) -> bool:
    """Whether nobody can have been in both: their days meet, and their times where known.

    A session of one day without times says nothing; one of several days takes them whole.
    """
    if one.date > other.last or other.date > one.last:
        return False
    return all(_has_hours(each) for each in (one, other)) and (
        _starts(one) < _ends(other) and _starts(other) < _ends(one)
    )


def _has_hours(session: Session) -> bool:
    return session.starts is not None or session.days > 1


def _starts(session: Session) -> int:
    return session.starts or 0


def _ends(session: Session) -> int:
    if session.ends is not None:
        return session.ends
    if session.starts is None:
        return DAY_MINUTES
    lesson, hour = _LESSON_OF_HOUR
    return session.starts + session.minutes * lesson // hour // session.days


def _minutes_of_day(
    day: dt.date, session: Session, part: Part, entries: Sequence[Entry], but: set[int]
) -> int:
    """What a person would have on a day; hours of several days in equal shares."""
    total = part.minutes // session.days
    for each in entries:
        if each.session.date <= day <= each.session.last and each.rec not in but:
            share = each.session.minutes // each.session.days
            # More than a day in one record of unknown length: of several days, then.
            total += share if share <= DAY_MINUTES else 0
    return total


def _tell(session: Session) -> dict[str, str]:
    times = "-".join(
        format_time_of_day(each) for each in (session.starts, session.ends) if each is not None
    )
    minutes = str(session.minutes)
    when = f"{session.date} {times}".strip()
    return {"title": session.title, "when": when, "minutes": minutes}


def _tell_minutes(minutes: int) -> dict[str, str]:
    return {"minutes": str(minutes)}


def mark_finding(finding: Finding) -> str:
    """A short name of what was shown; whoever sends it back has seen it."""
    said = (finding.code, finding.person, finding.rec, sorted(finding.details.items()))
    return sha256(repr(said).encode()).hexdigest()[:10]


# ---- claims


@dataclass(frozen=True, slots=True)
class Match:
    """A claim and the recorded session that it is most like; `has_hours`: the person has hours
    of that session already, so one of the two records is too many."""

    claim: Entry
    session: Session
    likeness: float
    has_hours: bool = False


def match_claims(
    entries: Sequence[Entry], sessions: Sequence[Session], *, only: Collection[int] | None = None
) -> list[Match]:
    """Every claim that is like a recorded session, newest first; `sessions` are recorded ones.
    `only`: of these records alone."""
    having = {(each.person, _key(each.session)) for each in entries if each.known}
    near = _by_day(sessions)
    found = []
    for claim in entries:
        if not claim.is_claim or (only is not None and claim.rec not in only):
            continue
        some = [(match_claim(each, claim.session), each) for each in near[claim.session.date]]
        likeness, best = max(some, key=lambda pair: pair[0], default=(0.0, None))
        if best is not None and likeness >= CLAIM_LEAST:
            has_hours = (claim.person, _key(best)) in having
            found.append(Match(claim, best, likeness, has_hours))
    found.sort(key=lambda each: (each.claim.session.date, each.claim.rec), reverse=True)
    return found


def _by_day(sessions: Iterable[Session]) -> Mapping[dt.date, list[Session]]:
    """Sessions under every day on which a claim of them may lie."""
    days: defaultdict[dt.date, list[Session]] = defaultdict(list)
    for each in sessions:
        for offset in range(-CLAIM_DAYS, each.days + CLAIM_DAYS):
            days[each.date + dt.timedelta(days=offset)].append(each)
    return days


def _key(session: Session) -> tuple[dt.date, str]:
    return session.date, session.title


def match_claim(session: Session, claim: Session) -> float:
    """How much a claim is like a session, 0 to 1: by title, day, and organiser where both say."""
    outside = max((session.date - claim.date).days, (claim.date - session.last).days, 0)
    if outside > CLAIM_DAYS:
        return 0.0
    title, day, organiser = _WEIGHTS
    value = title * _titles_alike(session.title, claim.title)
    value += day * (1 - outside / (CLAIM_DAYS + 1))
    if session.organiser and claim.organiser:
        return value + organiser * _titles_alike(session.organiser, claim.organiser)
    return value / (title + day)


def _titles_alike(one: str, other: str) -> float:
    """Likeness of two texts, 0 to 1, whatever the width, the case, the marks and the order of
    their parts: by runs of characters or by pairs of them, whichever finds more."""
    first, second = _plain(one), _plain(other)
    if not first or not second:
        return 0.0
    if first == second:
        return 1.0
    runs = SequenceMatcher(None, first, second, autojunk=False).ratio()
    mine, theirs = _pairs(first), _pairs(second)
    pairs = 2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine and theirs else 0.0
    short, long = sorted((first, second), key=len)
    # A title that stands whole in the other, unless it is a word that stands in many.
    whole = 0.9 if len(short) >= 4 and short in long else 0.0
    return max(runs, pairs, whole)


def _plain(text: str) -> str:
    return _NOT_WORDS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _pairs(text: str) -> set[str]:
    return {text[place : place + 2] for place in range(len(text) - 1)}


# ---- copying


def offer_day(held: dt.date, entered: dt.date, today: dt.date) -> dt.date:
    """The day to offer for a session like one that was held: of the same weekday, today where
    there is none after it.

    It is the newest such day; but the next week where the other was entered late, because
    somebody works through a pile of them.
    """
    if (entered - held).days > _PILE_DAYS:
        day = held + dt.timedelta(days=7)
        return min(day, today)
    day = today - dt.timedelta(days=(today.weekday() - held.weekday()) % 7)
    return day if day > held else today
