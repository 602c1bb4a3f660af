"""Checks of the pack table and the calendar: days in their order, terms in their school year."""

import datetime as dt
from itertools import pairwise

from xueshi_server.domain.packs.checker import Checker
from xueshi_server.domain.packs.checking_measures import check_month_day
from xueshi_server.domain.packs.model import Calendar, Term


def check_about(checker: Checker) -> None:
    """Check the pack table."""
    about = checker.pack.about
    if about.valid_to is not None and about.valid_to < about.valid_from:
        checker.fault("valid_reversed", ("pack", "", "valid_to"), id=about.id)
    for name in about.versions:
        spot = ("pack", "", "versions", name)
        checker.known("version_unused", name, about.extends, spot)


def check_calendar(checker: Checker) -> None:
    """Check the calendar that holds."""
    calendar = checker.pack.calendar
    if calendar.cycle_years < 1:
        checker.fault("cycle_without_years", ("calendar", "", "cycle_years"))
    for key in ("school_year_from", "budget_year_from"):
        check_month_day(checker, getattr(calendar, key), ("calendar", "", key))
    for position, term in enumerate(calendar.term):
        _check_term(checker, calendar, term, position)
    ordered = sorted(enumerate(calendar.term), key=lambda each: each[1].starts_on)
    for (_, earlier), (position, later) in pairwise(ordered):
        if later.starts_on <= earlier.ends_on:
            values = {"earlier": earlier.id, "later": later.id}
            checker.fault("terms_overlap", ("calendar", "", "term", position), **values)
    for position, holiday in enumerate(calendar.holiday):
        if holiday.ends_on < holiday.starts_on:
            spot = ("calendar", "", "holiday", position)
            checker.fault("days_reversed", spot, id=holiday.season)


def _check_term(checker: Checker, calendar: Calendar, term: Term, position: int) -> None:
    spot = ("calendar", "", "term", position)
    if term.ends_on < term.starts_on:
        checker.fault("days_reversed", spot, id=term.id)
    elif _school_year(calendar, term.starts_on) != _school_year(calendar, term.ends_on):
        checker.fault("term_outside_year", spot, id=term.id, day=calendar.school_year_from)
    for number, (first, last) in enumerate(term.holidays):
        here = (*spot, "holidays", number)
        if last < first:
            checker.fault("days_reversed", here, id=term.id)
        elif first < term.starts_on or last > term.ends_on:
            checker.fault("holiday_outside_term", here, id=term.id)


def _school_year(calendar: Calendar, day: dt.date) -> int:
    """The year in which the school year of a day begins."""
    return day.year if f"{day:%m-%d}" >= calendar.school_year_from else day.year - 1
