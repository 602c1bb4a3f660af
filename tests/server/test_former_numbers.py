"""Who was named by a former number is found by rules and on paper."""

import sqlite3
from collections.abc import Iterator

import pytest

from tests.server.walks.shipped_county import SCHOOL, County, Record, make_county
from xueshi_server.record_types import SCHEMA
from xueshi_server.store.facts import open_facts
from xueshi_server.store.former_numbers import read_renamed

RULE, ON = "CQ-27", "2026-03-02"


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    with make_county(tmp_path_factory.mktemp("numbers"), "chongqing") as county:
        yield county


def enter_person(county: County, number: str, **more: object) -> Record:
    return county.enter("person", staff_no=number, name=number, active=True, **more)


def call(county: County, person: Record, number: str, former: str) -> None:
    """Give a person another number where the roster is kept."""
    school = county._turn(True)
    with school.write(actor="registrar") as action:
        values = {"staff_no": number, "former_no": former}
        action.set("person", school.find_record(person.name), values)
    school.replica.seal()


def test_a_rule_finds_whom_an_entry_names_by_a_former_number(county: County) -> None:
    lead = enter_person(county, "T1", backbone="national")
    mentees = [enter_person(county, each, backbone="province") for each in ("T2", "T3")]
    made = [
        county.enter("coaching", person=lead, mentee=each, date="2026-02-01", minutes=60)
        for each in mentees
    ]
    county.approve(*made)
    before = county.status(RULE, ON)
    call(county, mentees[0], "5001050002", "T2")
    assert (before, county.status(RULE, ON)) == ("pass", "pass")
    with open_facts(county.at_centre()) as facts:
        assert {row["mentee"] for row in facts.rows("coaching")} == {"5001050002", "T3"}
        assert {row["scope"] for row in facts.rows("coaching")} == {SCHOOL}
    # What was written stays as it was written.
    written = county.at_centre().query("SELECT mentee FROM coaching ORDER BY mentee")
    assert [row["mentee"] for row in written] == ["T2", "T3"]


@pytest.mark.parametrize(
    ("people", "found"),
    [
        pytest.param([("L1", "T1")], {"T1": "L1"}, id="one"),
        pytest.param([("L1", "T1|T2")], {"T1": "L1", "T2": "L1"}, id="twice"),
        pytest.param([("L1", "T1"), ("T1", "")], {}, id="somebody-has-it-today"),
        pytest.param([("L1", "T1"), ("L2", "T1")], {}, id="two-had-it"),
        pytest.param([("", "T1"), ("L2", None)], {}, id="no-number"),
    ],
)
def test_a_former_number_leads_to_one_person_or_to_nobody(
    people: list[tuple[str, str | None]], found: dict[str, str]
) -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE person (staff_no TEXT, former_no TEXT, deleted INT)")
    db.executemany("INSERT INTO person VALUES (?, ?, 0)", people)
    assert read_renamed(db, SCHEMA) == found
    db.close()
