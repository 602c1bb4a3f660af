"""Targets, statistics with their groups and claims, entitlements with their payers."""

from fractions import Fraction
from typing import Any

import pytest

from tests.server.rules.county import facts_of, load
from tests.server.rules.engine_pack import PERSON, day, hour, make_pack
from xueshi_server.domain.rules.amounts import Interval, exactly
from xueshi_server.domain.rules.entitlements import Grant, list_grants
from xueshi_server.domain.rules.figures import Figure, agrees, judge_targets, measure_statistics
from xueshi_server.domain.rules.results import Result

TARGET = """
[[target]]
id = "T"
label = { zh = "目标", en = "Target" }
source = ["D.1"]
scope = "county"
measure = { kind = "headcount", of = "teacher", who = [{ field = "level", at_least = "county" }] }
need = { at_least = 2 }
by = 2026-12-31
"""
PEOPLE = [
    {**PERSON, "level": "county", "subject": "maths"},
    {**PERSON, "rec": 2, "staff_no": "T2", "level": "school", "subject": "music"},
    {**PERSON, "rec": 3, "staff_no": "T3"},
]


def target(as_of: str, **options: Any) -> Result:
    pack = make_pack(TARGET)
    facts = facts_of(pack, {"person": PEOPLE}, options.get("heard"))
    return judge_targets(pack, facts, day(as_of))[0]


def test_target_is_on_the_way_until_its_day() -> None:
    assert (target("2026-12-30").status, target("2026-12-30").missing) == ("on_track", 1)
    assert target("2026-12-31").status == "fail"


def test_target_quotes_its_clause() -> None:
    assert target("2026-06-01").source == (("D.1", "每年不少于二学时"),)


def statistic(measure: str, more: str = "", **rows: Any) -> list[Figure]:
    pack = make_pack(f"""
[[statistic]]
id = "S"
label = {{ zh = "统计", en = "Figure" }}
scope = "county"
measure = {{ {measure} }}
{more}
""")
    heard = rows.pop("heard", None)
    return measure_statistics(
        pack, facts_of(pack, {"person": PEOPLE, **rows}, heard), day("2026-12-31")
    )


def test_statistic_is_split_by_the_values_there_are() -> None:
    rows = [hour("2026-03-01", 45, kind=kind) for kind in ("a", "b", "a")]
    figures = statistic('kind = "sum", of = "hour"', 'group_by = ["kind"]', hour=rows)
    assert [(each.group, each.value) for each in figures] == [
        ((), exactly(135)),
        (("a",), exactly(90)),
        (("b",), exactly(45)),
    ]


def test_heads_are_split_by_their_own_fields_and_unnamed_ones_stay_in_the_total() -> None:
    figures = statistic('kind = "headcount", of = "teacher"', 'group_by = ["subject"]')
    assert [(each.group, each.value) for each in figures] == [
        ((), exactly(3)),
        (("maths",), exactly(1)),
        (("music",), exactly(1)),
    ]


SHARE = (
    'kind = "ratio", part = { kind = "headcount", of = "teacher",'
    ' who = [{ field = "level", is = "county" }] }, whole = { kind = "headcount", of = "teacher" }'
)


@pytest.mark.parametrize(
    ("claimed", "answer"), [("33%", True), ("34.3%", True), ("34.4%", False), ("34%", True)]
)
def test_claim_may_be_as_far_off_as_the_county_allows(claimed: str, answer: bool) -> None:
    figure = statistic(SHARE, f'claimed = "{claimed}"\ntolerance = "1%"')[0]
    assert figure.agrees is answer


@pytest.mark.parametrize(
    ("claimed", "answer"), [("33%", True), ("33.3%", True), ("1/3", True), ("34%", False)]
)
def test_claim_is_checked_as_exactly_as_it_is_written(claimed: str, answer: bool) -> None:
    figure = statistic(SHARE, f'claimed = "{claimed}"')[0]
    assert (figure.value, figure.agrees) == (exactly(Fraction(1, 3)), answer)
    assert figure.figures == (exactly(1), exactly(3))


def test_claim_of_the_sources_is_found_wrong() -> None:
    """S1.29: 3953 person-times of 3707 teachers are 106.6 %, not 124 %."""
    assert agrees(exactly(Fraction(3953, 3707)), "124%") is False
    assert agrees(exactly(Fraction(3953, 3707)), "106.6%") is True
    assert load("mianzhu").statistics["sent_times"].claimed == "124%"


def test_claim_about_what_was_not_heard_is_open_unless_out_of_bounds() -> None:
    assert agrees(Interval(Fraction(1, 2), None), "98%") is None
    assert agrees(Interval(Fraction(1, 2), None), "33%") is False


def test_statistic_of_schools_not_heard_from_has_bounds() -> None:
    rows = [hour("2026-03-01")]
    figure = statistic('kind = "count", of = "hour"', hour=rows, heard={"S1": "2026-12-30"})[0]
    assert (figure.value, figure.heard) == (Interval(1, None), (0, 1))


ENTITLEMENT = """
[[rule]]
id = "R"
scope = "teacher"
window = { kind = "year" }
measure = { kind = "count", of = "hour" }
need = { at_least = 1 }

[[entitlement]]
id = "E"
label = { zh = "津贴", en = "Allowance" }
scope = "teacher"
who = [{ field = "level", present = true }]
rule = "R"
amount = 8001
per = "month"
payers = [{ payer = "county", share = "1/2" }, { payer = "school", share = "50%" }]
"""


def grants(as_of: str) -> list[Grant]:
    pack = make_pack(ENTITLEMENT)
    return list_grants(
        pack, facts_of(pack, {"person": PEOPLE, "hour": [hour("2026-03-01")]}), day(as_of)
    )


def test_entitlement_goes_to_those_who_pass_its_rule() -> None:
    assert [each.standing for each in grants("2026-12-31")] == ["granted", "refused"]
    assert [each.standing for each in grants("2026-03-31")] == ["granted", "open"]


def test_payers_share_an_amount_exactly() -> None:
    grant = grants("2026-12-31")[0]
    half = Fraction(8001, 2)
    assert (grant.amount, grant.payers) == (8001, (("county", half), ("school", half)))


@pytest.mark.parametrize(
    "pack_id", ["township-primary", "mianzhu", "jiyuan", "chongqing", "qinggang"]
)
def test_every_figure_of_the_shipped_packs_can_be_taken(pack_id: str) -> None:
    pack = load(pack_id)
    facts = facts_of(pack, {"person": [{"staff_no": "1", "name": "安宁", "duty": "teacher"}]})
    statistics = measure_statistics(pack, facts, day("2020-06-30"))
    everywhere = {
        each.id for each in pack.statistics.values() if each.scope in ("school", "county")
    }
    assert everywhere <= {each.statistic for each in statistics}
    judge_targets(pack, facts, day("2020-06-30"))
    list_grants(pack, facts, day("2020-06-30"))
