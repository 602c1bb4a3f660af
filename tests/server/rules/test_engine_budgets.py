"""Budgets: what was set apart and spent in one year, and who pays which share."""

from fractions import Fraction
from typing import Any

import pytest

from tests.server.rules.county import facts_of, load
from tests.server.rules.engine_pack import day
from xueshi_server.domain.packs.model import Budget
from xueshi_server.domain.rules.amounts import Interval, exactly
from xueshi_server.domain.rules.budgets import Account, held_elsewhere, list_accounts

PACKS = ("township-primary", "mianzhu", "chongqing", "jiyuan", "qinggang")


def accounts(pack_id: str, as_of: str, heard: Any = None, **rows: Any) -> dict[str, Account]:
    pack = load(pack_id)
    found = list_accounts(pack, facts_of(pack, rows, heard), day(as_of))
    return {each.budget: each for each in found}


def expense(
    amount: int, purpose: str = "travel", on: str = "2025-03-01", **more: Any
) -> dict[str, Any]:
    return {"person": 1, "purpose": purpose, "date": on, "amount": amount, **more}


def money(item: str, basis: str, amount: int, **more: Any) -> dict[str, Any]:
    return {"date": "2015-02-01", "item": item, "basis": basis, "amount": amount, **more}


def test_travel_is_paid_half_by_the_district_and_half_by_the_school() -> None:
    travel = accounts("chongqing", "2025-12-31", expense=[expense(10001), expense(4000)])["travel"]
    half = Fraction(14001, 2)
    assert travel.spent == exactly(14001)
    assert [(each.payer, each.share, each.spent) for each in travel.payers] == [
        ("district_bureau", Fraction(1, 2), exactly(half)),
        ("school", Fraction(1, 2), exactly(half)),
    ]
    assert travel.source[0][0] == "S2.42"


def test_other_years_and_other_purposes_do_not_count() -> None:
    rows = [expense(100), expense(200, on="2024-12-31"), expense(400, "necessary")]
    found = accounts("chongqing", "2025-12-31", expense=rows)
    assert found["travel"].spent == exactly(100)
    assert found["school_costs"].spent == exactly(400)


def test_the_committee_is_paid_by_the_city_alone() -> None:
    fund = {"owner": "city", "date": "2025-01-10", "amount": 50000, "scope": "C1"}
    rows = [{**fund, "purpose": "committee_work"}, {**fund, "purpose": "training"}]
    work = accounts("chongqing", "2025-12-31", fund=rows)["committee_work"]
    assert work.planned == exactly(50000)
    assert [(each.payer, each.planned) for each in work.payers] == [
        ("city_commission", exactly(50000))
    ]


def test_what_an_earmarked_fund_gave_to_another_purpose_is_shown() -> None:
    fund = {"owner": "district", "date": "2025-01-10", "scope": "C1"}
    rows = [
        {**fund, "purpose": "training", "amount": 300},
        {**fund, "purpose": "travel", "amount": 70},
    ]
    district = accounts("chongqing", "2025-12-31", fund=rows)["district_fund"]
    assert (district.planned, district.outside) == (exactly(370), exactly(70))


def test_the_share_that_must_be_set_apart_has_numerator_and_denominator() -> None:
    rows = [money("running_costs", "budget", 1000000), money("training", "budget", 45000)]
    account = accounts("township-primary", "2015-12-31", money=rows)["training_money"]
    assert account.result is not None
    assert account.result.status == "fail"
    assert account.result.outcome.figures == (exactly(45000), exactly(1000000))
    assert account.planned == exactly(45000)


def test_money_of_a_school_not_heard_from_is_open_upwards() -> None:
    account = accounts("chongqing", "2025-12-31", {"S1": "2025-06-30"}, expense=[expense(100)])
    assert account["travel"].spent == Interval(100, None)
    assert account["travel"].heard == (0, 1)
    assert account["travel"].payers[0].spent == Interval(50, None)


def test_donations_are_told_apart_by_who_gave_them() -> None:
    row = {"date": "2012-03-01", "scope": "C1"}
    rows = [
        {**row, "from": "foundation", "amount": 700},
        {**row, "from": "company", "amount": 50},
        {**row, "from": "budget", "amount": 9000},
    ]
    given = accounts("mianzhu", "2012-12-31", money=rows)["donations"]
    assert given.planned == exactly(750)
    assert given.groups == (("company", exactly(50)), ("foundation", exactly(700)))


@pytest.mark.parametrize("pack_id", PACKS)
def test_every_budget_of_the_shipped_packs_reads_a_ledger(pack_id: str) -> None:
    pack = load(pack_id)
    assert [
        each.id for each in pack.budgets.values() if each.planned is None and each.spent is None
    ] == []
    facts = facts_of(pack, {})
    assert {each.budget for each in list_accounts(pack, facts, day("2020-06-30"))} == {
        *pack.budgets
    }


@pytest.mark.parametrize(
    ("budget", "role", "held"),
    [("city_fund", "school", True), ("city_fund", "centre", False), ("travel", "school", False)],
)
def test_books_that_only_the_centre_keeps_are_not_held_at_a_school(
    budget: str, role: str, held: bool
) -> None:
    pack = load("chongqing")
    declared: Budget = pack.budgets[budget]
    assert held_elsewhere(pack, declared, role) is held
