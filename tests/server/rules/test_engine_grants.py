"""Entitlements: by which window they are decided, what a veto takes, who is asked about."""

from typing import Any

import pytest

from tests.server.rules.county import facts_of, load
from tests.server.rules.engine_pack import day
from xueshi_server.domain.rules.entitlements import Grant, list_grants

TEACHER = {"duty": "teacher", "active": True, "hired_on": "2010-09-01"}
BACKBONE = [
    {**TEACHER, "staff_no": "C1", "name": "安宁", "backbone": "national"},
    {**TEACHER, "staff_no": "C2", "name": "柏青", "backbone": "province"},
    {**TEACHER, "staff_no": "C3", "name": "岑立", "backbone": "province", "scope": "S2"},
    {**TEACHER, "staff_no": "C4", "name": "丁一", "backbone": "school"},
]


def conclusion(person: int, year: int, result: str = "qualified") -> dict[str, Any]:
    return {"person": person, "year_end": f"{year}-12-31", "result": result}


def misconduct(staff_no: str, **more: Any) -> dict[str, Any]:
    return {"scope": "C1", "person": staff_no, "kind": "fraud", "date": "2025-02-01", **more}


def chongqing(as_of: str, wanted: str = "allowance_city", /, **rows: Any) -> dict[str, Grant]:
    pack = load("chongqing")
    only = rows.pop("only", None)
    facts = facts_of(pack, {"person": BACKBONE, **rows})
    found = list_grants(pack, facts, day(as_of), wanted=[wanted], only=only)
    return {each.name.split()[0]: each for each in found}


def test_last_years_assessment_grants_while_this_years_is_still_to_come() -> None:
    grants = chongqing("2025-06-30", conclusion=[conclusion(2, 2024)])
    assert grants["柏青"].standing == "granted"
    assert grants["柏青"].span is not None
    assert grants["柏青"].span.label == "2024"


def test_nobody_is_granted_on_an_assessment_that_nobody_passed() -> None:
    assert chongqing("2025-06-30")["柏青"].standing == "open"
    assert chongqing("2025-12-31")["柏青"].standing == "refused"


def test_an_assessment_two_years_ago_grants_nothing() -> None:
    grants = chongqing("2025-06-30", conclusion=[conclusion(2, 2023)])
    assert grants["柏青"].standing == "open"


@pytest.mark.parametrize(
    ("wanted", "name", "fen"),
    [("allowance_national", "安宁", 8000), ("allowance_city", "柏青", 5000)],
)
def test_the_allowance_is_the_one_of_the_level_and_the_school_pays(
    wanted: str, name: str, fen: int
) -> None:
    grants = chongqing("2025-06-30", wanted)
    assert name in grants
    assert "丁一" not in grants
    assert (grants[name].amount, grants[name].per) == (fen, "month")
    assert grants[name].payers == (("school", fen),)
    assert grants[name].source[0][0] == "S2.46"


def test_fraud_takes_what_was_granted() -> None:
    rows: dict[str, Any] = {
        "conclusion": [conclusion(2, 2024)],
        "misconduct": [misconduct("C2")],
    }
    grant = chongqing("2025-06-30", **rows)["柏青"]
    assert (grant.standing, grant.vetoed_by) == ("vetoed", ("CQ-38",))


def test_a_veto_that_was_lifted_takes_nothing() -> None:
    rows: dict[str, Any] = {
        "conclusion": [conclusion(2, 2024)],
        "misconduct": [misconduct("C2", lifted_on="2025-05-01")],
    }
    assert chongqing("2025-06-30", **rows)["柏青"].standing == "granted"


def test_the_veto_strikes_where_only_one_person_is_asked_about() -> None:
    rows: dict[str, Any] = {"misconduct": [misconduct("C2")], "only": {"backbone": [("S1", 2)]}}
    grants = chongqing("2025-06-30", "lighter_load", **rows)
    assert {name: each.standing for name, each in grants.items()} == {"柏青": "vetoed"}


def test_a_veto_on_a_person_strikes_the_letter_of_appointment_that_names_it() -> None:
    pack = load("jiyuan")
    rows = {
        "person": [{**TEACHER, "staff_no": "J1", "name": "卢建设"}],
        "trainer": [{"scope": "S1", "number": "P1", "person": 1, "appointed_on": "2018-09-01"}],
        "ethics": [{"person": 1, "date": "2019-01-10", "grade": "failed"}],
    }
    grants = list_grants(pack, facts_of(pack, rows), day("2019-06-30"))
    assert [(each.standing, each.vetoed_by) for each in grants] == [("vetoed", ("JY-ETHICS-VETO",))]


def test_the_right_to_object_stands() -> None:
    assert load("township-primary").entitlements["own_rights"].stands


def test_only_the_entitlements_that_are_wanted_are_listed() -> None:
    grants = chongqing("2025-06-30", "workload")
    assert {each.entitlement for each in grants.values()} == {"workload"}
    assert {each.scope for each in grants.values()} == {"S1", "S2"}
