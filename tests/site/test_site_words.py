"""What the site says of a rule: thresholds in their unit, ranges, vetoes, what is not set."""

import pytest

from tests.server.rules.county import load
from xueshi_server.site_pages_words import Teller


@pytest.mark.parametrize(
    ("pack", "rule", "threshold"),
    [
        ("jiyuan", "JY-SHARE-15", "15%±2%（13%—17%）（“15%左右”的允许偏差）"),
        ("jiyuan", "JY-BUDGET-CITY", "1.5%—2.5%"),
        ("jiyuan", "JY-ETHICS-VETO", "没有此类记录"),
        ("chongqing", "CQ-38", "没有此类记录"),
        ("chongqing", "ZZ-69", "≥ 1/3（缺勤达到即取消成绩或按不及格处理的份额）"),
        ("township-primary", "TP-ETHICS", "师德类学时下限（县里还没有定）"),
        ("qinggang", "QG-VISITS", "教研员每学期下校听课次数（县里还没有定）"),
        ("township-primary", "TP-SATISFACTION", "不低于上次"),
    ],
)
def test_a_threshold_is_told_as_it_is_judged(pack: str, rule: str, threshold: str) -> None:
    assert Teller(load(pack), "zh").threshold(load(pack).rules[rule]) == threshold


@pytest.mark.parametrize(
    ("pack", "rule", "place", "end"),
    [
        ("chongqing", "ZZ-53", 1, "≥ 260 学时"),
        ("chongqing", "ZZ-53", 2, "= 2 个月"),
        ("chongqing", "CQ-37", 2, "≤ 50 岁（直接确定为培训对象的最高年龄(原文未定)）"),
        ("chongqing", "CQ-37", 3, "≥ 本科（直接确定为培训对象的最低学历(原文未定)）"),
        ("qinggang", "QG-ROLLING", 1, "≤ 校级"),
        ("qinggang", "QG-RATES", 1, "，不低于上次"),
        ("jiyuan", "JY-NEW", 2, "（12 个月（新教师工作室研修月数））"),
    ],
)
def test_every_part_is_told_in_its_unit(pack: str, rule: str, place: int, end: str) -> None:
    assert Teller(load(pack), "zh").asked(load(pack).rules[rule])[place].endswith(end)


def test_a_veto_with_a_limit_names_the_limit() -> None:
    pack = load("chongqing")
    teller = Teller(pack, "zh")
    assert [teller.has_limit(pack.rules[each]) for each in ("ZZ-69", "CQ-38", "CQ-9")] == [
        True, False, False,
    ]  # fmt: skip
