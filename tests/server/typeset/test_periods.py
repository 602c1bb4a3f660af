"""What the period of a form is called."""

import datetime as dt

import msgspec
import pytest

from tests.server.typeset.filling import sheet_of
from xueshi_server.domain.packs.model import Calendar, Term, Window
from xueshi_server.typeset.arrange import Sheet, arrange
from xueshi_server.typeset.periods import Period, find_period

DAY = dt.date(2026, 3, 2)
NAMED = [
    ("school_year", "zh", "2025—2026学年度"),
    ("school_year", "en", "school year 2025–2026"),
    ("year", "zh", "2026年度"),
    ("budget_year", "zh", "2026预算年度"),
    ("term", "zh", "2026年春季学期"),
    ("cycle", "zh", "2026—2030年周期"),
    ("cycle", "en", "cycle 2026–2030"),
    ("month", "zh", "2026年3月"),
]


def name(window: Window, calendar: Calendar | None = None, language: str = "zh") -> str | None:
    found = find_period(calendar or Calendar(), window, DAY, {}, language=language)
    return None if found is None else found.name


@pytest.mark.parametrize(("kind", "language", "said"), NAMED)
def test_a_period_has_the_name_by_which_people_file_it(kind: str, language: str, said: str) -> None:
    assert name(msgspec.convert({"kind": kind}, Window), language=language) == said


def test_a_budget_year_across_two_years_names_both() -> None:
    calendar = Calendar(budget_year_from="07-01")
    assert name(Window(kind="budget_year"), calendar) == "2025—2026预算年度"


def test_a_term_with_an_id_of_its_own_is_named_by_its_days_alone() -> None:
    term = Term(id="T2", starts_on=dt.date(2026, 2, 23), ends_on=dt.date(2026, 7, 3))
    found = find_period(Calendar(term=[term]), Window(kind="term"), DAY, {}, language="zh")
    assert found == Period(dt.date(2026, 2, 23), dt.date(2026, 7, 3), "")


def test_what_covers_everything_has_no_period() -> None:
    assert find_period(Calendar(), Window(kind="any"), DAY, {}, language="zh") is None
    assert find_period(Calendar(), None, DAY, {}, language="zh") is None


def test_the_review_form_of_a_school_year_names_the_year_and_its_days() -> None:
    sheet: Sheet = sheet_of("mianzhu", "hour_review")
    assert arrange(sheet, "zh")["period"] == (
        "期间：2025—2026学年度（2025年9月1日至2026年8月31日）"
    )
