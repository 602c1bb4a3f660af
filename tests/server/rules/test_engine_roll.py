"""Who is judged for a window is who was on the roll on its last day, whoever is there now."""

import datetime as dt
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import pytest

from tests.server.rules.county import facts_of
from tests.server.rules.engine_pack import BASE, COVERAGE, PERSON, hour, rule
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.packs.reading import load_pack
from xueshi_server.domain.rules.again import judge_again
from xueshi_server.domain.rules.amounts import Interval, Number, exactly
from xueshi_server.domain.rules.evaluate import Question, evaluate
from xueshi_server.domain.rules.results import Result

ROLLED: Final = BASE.replace(
    'of = "person"\nwhere = [{ field = "active", is_not = false }]',
    'of = "person"\non_roll = ["hired_on", "left_on"]\n'
    'present = [{ field = "active", is_not = false }]',
)
YEAR_ENDS: Final = dt.date(2025, 12, 31)
LATER: Final = dt.date(2026, 6, 30)
People = Sequence[Mapping[str, Any]]


def pack_of(rules: str) -> Pack:
    text = ROLLED + "\n" + rules.replace("[[rule]]", "[[rule]]\nlabel = { zh = '则', en = 'Rule' }")
    return load_pack({"toy": {"pack.toml": text.encode()}}, "toy")


def person(rec: int, **more: Any) -> dict[str, Any]:
    return {**PERSON, "rec": rec, "staff_no": f"T{rec}", **more}


def results(rules: str, people: People, **more: Any) -> list[Result]:
    """Results of R for 2025, by what is known in the middle of 2026."""
    pack = pack_of(rules)
    facts = facts_of(pack, {"person": people, **more})
    found = evaluate(pack, facts, LATER, on=YEAR_ENDS)
    assert found.faults == ()
    return [each for each in found.results if each.rule == "R"]


def judged(people: People) -> list[object]:
    """Whom a rule of 2025 judges."""
    return [each.subject[1] for each in results(rule("at_least = 1"), people)]


@pytest.mark.parametrize(
    ("row", "there"),
    [
        ({}, True),
        ({"active": True}, True),
        ({"active": False}, False),
        ({"hired_on": "2025-12-31"}, True),
        ({"hired_on": "2026-01-01"}, False),
        ({"hired_on": "2026-01-01", "active": True}, False),
        ({"hired_on": "2020-01-01", "active": False}, False),
        ({"left_on": "2025-12-31", "active": False}, True),
        ({"left_on": "2025-12-30", "active": True}, False),
        ({"left_on": "2026-02-01", "active": False}, True),
    ],
)
def test_a_year_is_judged_for_who_was_there_when_it_ended(
    row: Mapping[str, Any], there: bool
) -> None:
    assert judged([person(1, **row)]) == ([1] if there else [])


def test_while_a_window_runs_the_roll_of_the_day_decides() -> None:
    pack = pack_of(rule("at_least = 1"))
    people = [person(1, hired_on="2026-07-01"), person(2, left_on="2026-06-29"), person(3)]
    found = evaluate(pack, facts_of(pack, {"person": people}), LATER)
    assert [each.subject[1] for each in found.results] == [3]


@pytest.mark.parametrize(
    ("more", "value"),
    [({"hired_on": "2026-02-01"}, 1), ({"left_on": "2026-02-01"}, "1/2"), ({}, "1/2")],
)
def test_a_coverage_counts_who_was_there_when_the_year_ended(
    more: Mapping[str, Any], value: int | str
) -> None:
    people = [person(1), person(2, **more)]
    (found,) = results(COVERAGE, people, hour=[hour("2025-05-01")])
    assert str(found.value and found.value.exact) == str(value)


BY_MONTHS = COVERAGE.replace('rule = "ONE" }', 'rule = "ONE", weight = "months" }')


@pytest.mark.parametrize(
    ("more", "value"),
    [
        pytest.param({}, "1/2", id="both all the year"),
        pytest.param({"hired_on": "2025-07-01"}, "2/3", id="the other half a year"),
        pytest.param({"left_on": "2025-06-30"}, "2/3", id="the other left in the middle"),
        pytest.param({"hired_on": "2025-12-02"}, "1", id="not a full month"),
        pytest.param({"hired_on": "2026-01-01"}, "1", id="came later"),
    ],
)
def test_a_coverage_by_months_weighs_everybody_by_the_roll(
    more: Mapping[str, Any], value: str
) -> None:
    (found,) = results(BY_MONTHS, [person(1), person(2, **more)], hour=[hour("2025-05-01")])
    assert str(found.value and found.value.exact) == value


HEADS = """
[[rule]]
id = "R"
scope = "county"
window = { kind = "year" }
measure = { kind = "headcount", of = "teacher" }
need = { at_least = 1 }
"""


def test_a_headcount_is_of_the_last_day() -> None:
    people = [person(1), person(2, hired_on="2026-01-01"), person(3, left_on="2026-01-01")]
    (found,) = results(HEADS, people)
    assert found.value == exactly(2)


TREND = COVERAGE.replace(
    'measure = { kind = "coverage", of = "teacher", rule = "ONE" }\nneed = { at_least = "90%" }',
    'measure = { kind = "trend", measure = { kind = "coverage", of = "teacher", rule = "ONE" } }\n'
    "need = { at_least = 0 }",
)
BOTH_YEARS = [hour("2024-05-01"), hour("2025-05-01")]


@pytest.mark.parametrize(
    ("hired_on", "status", "value"),
    [("2025-03-01", "fail", "-1/2"), ("2020-01-01", "pass", "0")],
)
def test_a_trend_looks_at_the_roll_of_each_window(hired_on: str, status: str, value: str) -> None:
    people = [person(1), person(2, hired_on=hired_on)]
    (found,) = results(TREND, people, hour=BOTH_YEARS)
    assert (found.status, str(found.value and found.value.exact)) == (status, value)


EVER = TREND.replace(
    'scope = "teacher"\nwindow = { kind = "year" }',
    """scope = "teacher"
window = { kind = "any" }""",
)


@pytest.mark.parametrize(
    ("hired_on", "status", "value"), [("2025-03-01", "fail", "-1/2"), ("2020-01-01", "pass", "0")]
)
def test_what_was_reached_before_counts_in_each_window(
    hired_on: str, status: str, value: str
) -> None:
    """A rule over everything is judged by what there was until the end of each year."""
    people = [person(1), person(2, hired_on=hired_on)]
    (found,) = results(EVER, people, hour=[hour("2011-05-01")])
    assert (found.status, str(found.value and found.value.exact)) == (status, value)


def test_what_is_reached_later_does_not_count_in_the_window_before() -> None:
    people = [person(1), person(2)]
    (found,) = results(EVER, people, hour=[hour("2011-05-01"), hour("2025-05-01", person=2)])
    assert str(found.value and found.value.exact) == "1/2"


PAIRS = """
[[rule]]
id = "R"
scope = "trainee_course"
window = { kind = "year" }
measure = { kind = "count", of = "absence" }
need = { at_most = 3 }
"""


def test_a_pair_is_there_while_both_sides_are() -> None:
    people = [person(1), person(2, left_on="2025-06-30"), person(3, hired_on="2026-01-01")]
    found = results(PAIRS, people, course=[{"number": "C1"}])
    assert [each.subject[1] for each in found] == [1]


def test_a_streak_is_not_asked_who_came_before_it_began() -> None:
    """Windows before the first day count as they were: nothing was passed in them."""
    text = COVERAGE.partition("\n\n")[0] + (
        '\n\n[[rule]]\nid = "R"\nscope = "teacher"\nwindow = { kind = "year" }\n'
        'streak = { rule = "ONE", length = 2 }\n'
    )
    (found,) = results(text, [person(1, hired_on="2025-01-01")], hour=[hour("2025-05-01")])
    assert (found.status, found.value) == ("fail", Interval(1, 1))


SETS = """
[[subject]]
id = "team"
label = { zh = "学科", en = "Subject" }
of = "person"
per = ["subject"]
on_roll = ["hired_on", "left_on"]
present = [{ field = "active", is_not = false }]

[[rule]]
id = "R"
scope = "team"
window = { kind = "year" }
measure = { kind = "count", of = "absence" }
need = { at_least = 1 }
"""


def test_a_set_is_there_while_one_of_its_people_is() -> None:
    people = [
        person(1, subject="maths", left_on="2025-06-30"),
        person(2, subject="maths", hired_on="2025-09-01"),
        person(3, subject="music", left_on="2025-06-30"),
        person(4, subject="music", hired_on="2026-01-01"),
        person(5, subject="art", active=False),
        person(6, subject="sport"),
    ]
    assert [each.subject for each in results(SETS, people)] == [("maths",), ("sport",)]


UNITS = """
[[type]]
id = "unit"
label = { zh = "学校情况", en = "The school" }
kind = "register"
field = [{ id = "size", type = "int", label = { zh = "人数", en = "Size" } }]

[[subject]]
id = "school_unit"
label = { zh = "学校", en = "School" }
of = "unit"
every_school = true

[[rule]]
id = "SMALL"
scope = "school_unit"
window = { kind = "year" }
measure = { kind = "attribute", field = "size" }
need = { at_most = 100 }

[[rule]]
id = "R"
scope = "county"
window = { kind = "year" }
measure = { kind = "coverage", of = "school_unit", rule = "SMALL" }
need = { at_least = "100%" }
"""


def test_a_school_without_its_record_leaves_a_full_coverage_open() -> None:
    pack = pack_of(UNITS)
    options: dict[str, Any] = {"kinds": {"S1": "school", "S2": "school", "T1": "township"}}
    question = Question(pack, LATER, YEAR_ENDS)
    kept = None
    for units, status, value in (
        (["S1"], "unknown", Interval(Fraction(1, 2), 1)),
        (["S1", "S2"], "pass", exactly(1)),
        (["S2"], "unknown", Interval(Fraction(1, 2), 1)),
    ):
        rows = {"unit": [{"scope": scope, "rec": 1, "size": 80} for scope in units]}
        facts = facts_of(pack, rows, **options)
        kept = judge_again(question, facts, kept)
        assert kept.results == evaluate(pack, facts, LATER, on=YEAR_ENDS).results
        (found,) = [each for each in kept.results if each.rule == "R"]
        assert (found.status, found.value) == (status, value)


def test_judging_again_after_somebody_left_is_judging_anew() -> None:
    pack = pack_of(COVERAGE)
    schools = {"S1": "school", "S2": "school"}

    def rows(left_on: str | None) -> dict[str, People]:
        return {
            "person": [person(1), person(2, scope="S2"), person(3, scope="S2", left_on=left_on)],
            "hour": [hour("2025-05-01")],
        }

    question = Question(pack, LATER, YEAR_ENDS)
    kept = judge_again(question, facts_of(pack, rows(None), kinds=schools))
    shares: list[Number | None] = []
    for left_on in (None, "2025-11-30", "2025-12-31"):
        facts = facts_of(pack, rows(left_on), kinds=schools)
        kept = judge_again(question, facts, kept)
        assert kept.results == evaluate(pack, facts, LATER, on=YEAR_ENDS).results
        county = next(each for each in kept.results if each.rule == "R")
        shares.append(None if county.value is None else county.value.exact)
    assert [str(each) for each in shares] == ["1/3", "1/2", "1/3"]
