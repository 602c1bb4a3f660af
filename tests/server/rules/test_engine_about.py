"""Which subjects a page is about: of a person, a school, the county."""

from typing import Any

import pytest

from tests.server.rules.county import evaluate_rows, facts_of, load
from xueshi_server.domain.rules.about import subjects_about, subjects_in, subjects_of_county

SUMMER: dict[str, Any] = {
    "person": [
        {"scope": "S1", "rec": 1, "staff_no": "T1", "name": "唐小雨", "active": True},
        {"scope": "S1", "rec": 2, "staff_no": "T2", "name": "罗小满", "active": True},
        {"scope": "S2", "rec": 1, "staff_no": "T3", "name": "易小冬", "active": True},
    ],
    "project": [
        {"number": "B", "name": "暑期远程", "mode": "distance", "starts_on": "2012-07-10",
         "ends_on": "2012-08-20"},
        {"number": "C", "name": "集中", "mode": "class", "starts_on": "2012-07-10",
         "ends_on": "2012-08-20"},
    ],
    "enrolment": [
        {"scope": scope, "rec": rec, "person": person, "project": project, "date": "2012-07-20",
         "minutes": 60}
        for scope, rec, person, project in (
            ("S1", 1, 1, "B"), ("S1", 2, 1, "C"), ("S1", 3, 2, "B"), ("S2", 1, 1, "B"),
        )
    ],
}  # fmt: skip


def test_a_person_is_the_sets_and_pairs_that_name_them() -> None:
    pack = load("mianzhu")
    found = subjects_about(pack, facts_of(pack, SUMMER), "person", ("S1", 1), "person")
    assert found["teacher"] == [("S1", 1)]
    assert found["trainee"] == [("S1", 1, "B"), ("S1", 1, "C")]
    assert [key[:3] for key in found["summer_trainee"]] == [("S1", 1, "B")]


def test_few_pairs_are_judged_as_they_are_among_all() -> None:
    pack = load("mianzhu")
    asked = subjects_about(pack, facts_of(pack, SUMMER), "person", ("S1", 1), "person")
    rules = ["MZ-SUMMER-DONE"]
    whole = evaluate_rows(pack, SUMMER, "2012-08-31", rules=rules).results
    few = evaluate_rows(pack, SUMMER, "2012-08-31", rules=rules, subjects=asked).results
    assert len(whole) == 3
    assert few == [each for each in whole if each.subject in asked["summer_trainee"]]


CLASS: dict[str, Any] = {
    "person": [{"staff_no": "T1", "name": "唐小雨", "active": True}],
    "training_class": [
        {"no": "1", "title": "t", "level": "national", "starts_on": "2024-04-01",
         "ends_on": "2024-05-31"}
    ],
    "course": [{"no": "c", "training_class": 1, "title": "x", "part": "theory", "minutes": 600}],
    "enrolment": [
        {"no": each, "training_class": 1, "name": "n", "person": person}
        for each, person in (("e1", "T1"), ("e2", "T9"))
    ],
    "attendance": [
        {"enrolment": each, "course": "c", "date": "2024-04-05", "presence": "absent",
         "minutes": 45}
        for each in ("e1", "e2")
    ],
}  # fmt: skip


def test_a_person_is_also_the_sets_that_their_records_are_part_of() -> None:
    pack = load("chongqing")
    found = subjects_about(pack, facts_of(pack, CLASS), "person", ("S1", 1), "person")
    assert found["trainee_course"] == [("e1", "c")]
    assert len(found["class_trainee"]) == 1


def test_a_class_is_itself_and_not_everybody_in_it() -> None:
    pack = load("chongqing")
    found = subjects_about(pack, facts_of(pack, CLASS), "training_class", ("C1", 1), "person")
    assert found == {"class_run": [("C1", 1)]}


UNITS: dict[str, Any] = {
    "person": [
        {"scope": scope, "staff_no": f"T{scope}", "name": "a", "active": True, "subject": "maths",
         "duty": "teacher"}
        for scope in ("S1", "S2")
    ],
    "unit": [
        {"scope": scope, "code": scope, "name": scope, "what": "central", "rural": False}
        for scope in ("S1", "S2")
    ],
    "bulletin": [{"number": "2009-3", "date": "2009-10-20"}],
}  # fmt: skip


def test_a_school_is_its_units_and_what_it_owes_as_one_of_several() -> None:
    pack = load("qinggang")
    found = subjects_in(pack, facts_of(pack, UNITS), "S2", "person")
    assert found["school"] == [("S2",)]
    assert [key[0] for key in found["school_unit"]] == ["S2"]
    assert found["subject_school"] == [("S2", "maths")]
    assert [key[-1] for key in found["issue_school"]] == ["S2"]
    assert "teacher" not in found
    assert "project" not in found


def test_the_county_is_its_subjects_of_teaching() -> None:
    pack = load("qinggang")
    found = subjects_of_county(pack, facts_of(pack, UNITS))
    assert found == {"county": [()], "subject_county": [("maths",)]}


@pytest.mark.parametrize("pack_id", ["chongqing", "jiyuan", "township-primary"])
def test_nothing_is_found_where_nothing_is(pack_id: str) -> None:
    pack = load(pack_id)
    assert subjects_about(pack, facts_of(pack, {}), "person", ("S1", 1), "person") == {}
    assert subjects_in(pack, facts_of(pack, {}), "S1", "person") == {"school": [("S1",)]}
    assert subjects_of_county(pack, facts_of(pack, {})) == {"county": [()]}
