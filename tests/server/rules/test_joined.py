"""Who stands in several rosters is answered as one person, by any facts."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from xueshi_server.domain.rules.facts import ROLL_SINCE, Column, Heard, RecordKey, Row, Tally
from xueshi_server.domain.rules.joined import Joined
from xueshi_server.domain.rules.row_facts import RowFacts

ONE, TWO, THREE, ALONE = ("S1", 1), ("S2", 1), ("S3", 2), ("S1", 2)
REFS = {"hour": ["person"]}
LINK = (Column("scope"), Column("person"))
SPANS = (("", "9999-12-31"), ("2026-01-01", "2026-06-30"))
JOINED = Joined.of([[(THREE, "2025-09-01"), (ONE, "2010-09-01"), (TWO, "2020-09-01")]], REFS)
AGGREGATES: dict[str, dict[str, Any]] = {
    "count": {},
    "sum": {"column": Column("minutes")},
    "distinct": {"column": Column("form")},
    "greatest": {"column": Column("minutes")},
    "first": {"column": Column("date")},
    "last": {"column": Column("date")},
    "periods": {"column": Column("date")},
}
HOURS = st.lists(
    st.fixed_dictionaries(
        {
            "person": st.sampled_from((1, 2)),
            "scope": st.sampled_from(("S1", "S2", "S3")),
            "date": st.sampled_from(("2025-05-05", "2026-02-02", "2026-08-08")),
            "minutes": st.sampled_from((45, 90)),
            "form": st.sampled_from(("a", "b")),
        }
    ),
    max_size=12,
)


def asked(**more: Any) -> list[Tally]:
    return [
        Tally("hour", LINK, name, SPANS, Column("date"), **fields, **more)  # type: ignore[arg-type]
        for name, fields in AGGREGATES.items()
    ]


def key_of(row: dict[str, Any]) -> RecordKey:
    return (row["scope"], row["person"])


@settings(max_examples=60)
@given(HOURS)
def test_each_record_of_a_person_is_answered_with_the_hours_of_all(
    rows: list[dict[str, Any]],
) -> None:
    """As if every hour had been entered under the leading record."""
    hours = [{**row, "rec": number} for number, row in enumerate(rows)]
    moved = [
        {**row, "scope": THREE[0], "person": THREE[1]} if key_of(row) in JOINED.ends else row
        for row in hours
    ]
    told = JOINED.tally(asked(), RowFacts({"hour": hours}, Heard()).tally)
    plain = RowFacts({"hour": moved}, Heard()).tally(asked())
    for mine, whole in zip(told, plain, strict=True):
        for answer, expected in zip(mine, whole, strict=True):
            for key in (ONE, TWO, THREE):
                assert answer.get(key) == expected.get(THREE)
            assert answer.get(ALONE) == expected.get(ALONE)


@settings(max_examples=30)
@given(HOURS, st.sampled_from((ONE, TWO, THREE, ALONE)))
def test_asked_for_one_record_the_others_are_looked_up_too(
    rows: list[dict[str, Any]], key: RecordKey
) -> None:
    facts = RowFacts({"hour": [{**row, "rec": no} for no, row in enumerate(rows)]}, Heard())
    every = JOINED.tally(asked(), facts.tally)
    for more in (
        {"keys": ((key, (0, 1)),)},
        {"keys": ((key, (0, 1)),), "scopes": frozenset({str(key[0])})},
    ):
        for some, whole in zip(JOINED.tally(asked(**more), facts.tally), every, strict=True):
            assert [dict(each) for each in some] == [
                {key: each[key]} if key in each else {} for each in whole
            ]


def test_other_facts_are_left_as_they_are() -> None:
    by_school = Tally("hour", (Column("scope"),), "count", SPANS)
    other_type = Tally("visit", LINK, "count", SPANS)
    rows: list[Row] = [{"scope": "S1", "rec": 1, "person": 1}]
    facts = RowFacts({"hour": rows, "visit": rows}, Heard())
    assert JOINED.tally([by_school, other_type], facts.tally) == facts.tally(
        [by_school, other_type]
    )
    assert JOINED.keys(by_school, ("S1",)) == [("S1",)]
    assert JOINED.keys(Tally("hour", LINK[::-1], "count", SPANS), (1, "S1")) == [
        (2, "S3"), (1, "S2"), (1, "S1"),
    ]  # fmt: skip


def test_a_person_is_on_one_roll_a_day() -> None:
    rows: list[Row] = [
        {"scope": "S1", "rec": 1, "hired_on": "2010-09-01", "left_on": "2019-07-31"},
        {"scope": "S2", "rec": 1, "hired_on": "2020-09-01", "left_on": None},
        {"scope": "S3", "rec": 2, "hired_on": "2025-09-01", "left_on": ""},
        {"scope": "S1", "rec": 2, "hired_on": "2015-09-01", "left_on": None},
    ]
    found = {(row["scope"], row["rec"]): row for row in JOINED.people(rows)}
    assert [found[key]["left_on"] for key in (ONE, TWO, THREE)] == ["2019-07-31", "2025-08-31", ""]
    # What the person owes goes by the first day of all; this roll begins later.
    assert (found[THREE]["hired_on"], found[THREE][ROLL_SINCE]) == ("2010-09-01", "2025-09-01")
    assert found[ALONE] == rows[3]


def test_without_a_first_day_the_leading_record_alone_is_on_the_roll() -> None:
    joined = Joined.of([[(TWO, ""), (ONE, "2010-09-01")]], REFS)
    rows: list[Row] = [{"scope": "S1", "rec": 1}, {"scope": "S2", "rec": 1}]
    assert joined.people(rows) == rows[1:]


def test_a_school_is_judged_again_when_another_one_of_its_people_changed() -> None:
    before = {"S1": 1, "S2": 1, "S3": 1, "S4": 1}
    marks = JOINED.standing(before)
    changed = JOINED.standing({**before, "S2": 2})
    assert {code for code in before if marks[code] != changed[code]} == {"S1", "S2", "S3"}
    assert Joined().standing(before) == before
    assert JOINED.partners(["S1"]) == {"S1", "S2", "S3"}
    assert JOINED.group(ALONE) == (ALONE,)
