"""What rules came to, in words: figures in their unit, members, vetoes, ranges, reasons."""

import datetime as dt
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest

from tests.server.rules.county import evaluate_case, load
from tests.server.rules.engine_pack import COUNT, STREAK, hour, judge, make_pack, rule
from xueshi_server.domain.rules.amounts import Interval, exactly
from xueshi_server.domain.rules.results import Needed, Result
from xueshi_server.domain.rules.spans import Span
from xueshi_server.result_words import Figures, ResultWords

DAY = dt.date(2020, 12, 31)
END = "2026-12-31"
PLAIN = ResultWords(make_pack(rule("at_least = 1")), "zh")


def say(pack_id: str, rule_id: str, rows: Any, as_of: str, language: str = "zh") -> list[Figures]:
    """The figures of the first result of a rule, and of its members."""
    result = next(iter(evaluate_case(pack_id, rule_id, rows, as_of).values()))
    return figures(ResultWords(load(pack_id), language), result)


def figures(words: ResultWords, result: Result) -> list[Figures]:
    return [words.figures(result), *(words.part(result.rule, each) for each in result.parts)]


def three(said: Sequence[Figures]) -> list[tuple[str, str, str]]:
    return [(each.value, each.need, each.missing) for each in said]


@pytest.mark.parametrize(
    ("interval", "unit", "shown"),
    [
        (Interval(3, 3), "item", "3 项"),
        (Interval(3, 5), "item", "3—5 项"),
        (Interval(3, None), "item", "≥ 3 项"),
        (Interval(None, 5), "item", "≤ 5 项"),
        (Interval(None, None), "item", ""),
        (Interval(8050, 8050), "yuan", "80.50 元"),
        (Interval(2, 2), "rank:person.level", "市级"),
    ],
)
def test_a_value_that_is_not_known_shows_its_bounds(
    interval: Interval, unit: str, shown: str
) -> None:
    assert PLAIN.interval(interval, unit) == shown


@pytest.mark.parametrize(
    ("need", "unit", "shown"),
    [
        (Needed("at_least", exactly(2)), "item", "≥ 2 项"),
        (Needed("at_least", exactly(Fraction(1, 3))), "percent", "≥ 1/3"),
        (Needed("at_least", exactly(2)), "rank:person.level", "≥ 市级"),
        (Needed("between", exactly(1), exactly(2)), "item", "1—2 项"),
        (Needed("present", exactly(1), by=DAY), "item", "不晚于 2020-12-31"),
        (Needed("at_least", exactly(1), by=DAY), "item", "≥ 1 项，不晚于 2020-12-31"),
        (Needed("about", exactly(Fraction(13, 100)), exactly(Fraction(17, 100))), "percent",
         "15%±2%（13%—17%）"),
        (Needed("about", exactly(3), exactly(4)), "month", "3.5 个月±0.5 个月（3—4 个月）"),
        (Needed("about", exactly(3), exactly(3)), "month", "= 3 个月"),
    ],
)  # fmt: skip
def test_a_need_is_shown_in_signs(need: Needed, unit: str, shown: str) -> None:
    assert PLAIN.need(need, unit) == shown


def test_english_has_one_thing_and_many_things() -> None:
    words = ResultWords(make_pack(rule("at_least = 1")), "en")
    assert [words.amount(each, "item") for each in (1, 2)] == ["1 item", "2 items"]


@pytest.mark.parametrize(
    ("span", "zh", "en"),
    [
        (Span(dt.date(2009, 9, 1), dt.date(2010, 1, 10), "2009-autumn"),
         "2009 年秋季学期", "autumn term 2009"),
        (Span(dt.date(2009, 9, 7), dt.date(2009, 9, 13), "2009-autumn-w02"),
         "2009 年秋季学期第 2 周", "week 2, autumn term 2009"),
        (Span(dt.date(2009, 7, 11), dt.date(2009, 8, 31), "2009-summer"),
         "2009 年暑假", "summer holiday 2009"),
        (Span(dt.date(2019, 1, 1), dt.date(2019, 12, 31), "2019"), "2019 年", "2019"),
        (Span(dt.date(2018, 9, 1), dt.date(2019, 8, 31), "2018-2019"),
         "2018—2019 学年", "school year 2018–2019"),
        (Span(dt.date(2016, 1, 1), dt.date(2020, 12, 31), "2016-2020"),
         "2016—2020 年", "2016–2020"),
        (Span(dt.date(2019, 2, 1), dt.date(2019, 2, 28), "2019-02"), "2019 年 2 月", "2019-02"),
        (Span(dt.date(2019, 2, 3), dt.date(2019, 5, 4), "2019-02-03"),
         "2019-02-03—2019-05-04", "2019-02-03–2019-05-04"),
        (Span(dt.date(2019, 2, 3), dt.date.max, "2019-02-03"), "2019-02-03 起", "since 2019-02-03"),
        (Span(dt.date.min, dt.date(2019, 2, 3), "", True), "", ""),
    ],
)  # fmt: skip
def test_the_time_that_is_judged_is_called_by_its_name(span: Span, zh: str, en: str) -> None:
    pack = make_pack(rule("at_least = 1"))
    assert [ResultWords(pack, language).window(span) for language in ("zh", "en")] == [zh, en]


# ---- what is composed


CLASS: Mapping[str, Any] = {
    "training_class": [
        {"no": "1", "title": "t", "level": "national", "starts_on": "2024-04-01",
         "ends_on": "2024-05-15"}
    ],
    "course": [{"no": "c", "training_class": 1, "title": "x", "part": "theory", "minutes": 600}],
}  # fmt: skip
TRAINEE: Mapping[str, Any] = {
    "person": [{"staff_no": "T1", "name": "a", "active": True, "backbone": "province"}],
    "trainee": [
        {"no": "1", "person": "T1", "name": "a", "level": "national", "starts_on": "2024-03-01",
         "ends_on": "2025-02-28"}
    ],
    "training_phase": [
        {"trainee": "1", "kind": "concentrated", "starts_on": "2024-03-01", "ends_on": "2024-04-30"}
    ],
}  # fmt: skip


def test_a_class_of_ten_hours_and_six_weeks_says_each_in_its_unit() -> None:
    assert three(say("chongqing", "ZZ-53", CLASS, "2024-12-31")) == [
        ("2 项要求中做到 0 项", "全部 2 项", "2 项"),
        ("10 学时", "≥ 260 学时", "250 学时"),
        ("1.48 个月", "= 2 个月", "0.52 个月"),
    ]


def test_the_months_of_a_training_are_those_of_each_phase() -> None:
    assert three(say("chongqing", "CQ-10", TRAINEE, "2025-03-10")) == [
        ("2 项要求中做到 0 项", "全部 2 项", "2 项"),
        ("2 个月", "≥ 3 个月", "1 个月"),
        ("0 个月", "≥ 9 个月", "9 个月"),
    ]


def test_the_same_in_english() -> None:
    assert three(say("chongqing", "CQ-10", TRAINEE, "2025-03-10", "en"))[:2] == [
        ("0 of 2 requirements met", "all 2", "2 items"),
        ("2 months", "≥ 3 months", "1 month"),
    ]


def test_steps_are_counted_as_steps() -> None:
    person = {"staff_no": "T1", "name": "a", "active": True, "hired_on": "2019-09-01"}
    course = {"person": 1, "date": "2019-09-10", "programme": "pre_service", "minutes": 60}
    rows = {"person": [person], "hour": [course]}
    assert three(say("jiyuan", "JY-NEW", rows, "2022-12-31")) == [
        ("2 步中完成 1 步", "2 步依次完成", "1 步"),
        ("1 项", "≥ 1 项", ""),
        ("0 个月", "≥ 12 个月", "12 个月"),
    ]


def test_shares_of_people_say_of_how_many() -> None:
    rows = {
        "person": [
            {"rec": each, "staff_no": f"T{each}", "name": "a", "active": True, "duty": "teacher",
             "subject": "maths"}
            for each in (1, 2)
        ],
        "unit": [{"code": "S1", "name": "S1", "what": "central", "rural": False}],
        "polished_lesson": [
            {"person": 1, "date": "2009-11-01", "name": "x", "subject": "maths", "level": "school"}
        ],
    }  # fmt: skip
    said = three(say("qinggang", "QG-MOKE", rows, "2010-01-31"))
    assert said[0][:2] == ("3 项要求中做到 0 项", "全部 3 项")
    assert said[1] == ("50%（1 / 2）", "≥ 100%", "50 个百分点")


def test_a_streak_counts_years_in_a_row() -> None:
    rows = {"hour": [hour("2026-03-01", kind="a")]}
    words = ResultWords(make_pack(STREAK), "zh")
    said = words.figures(judge(STREAK, rows, END))
    assert (said.value, said.need, said.missing) == ("连续 1 年", "连续 3 年", "2 年")


def test_windows_of_several_are_counted_as_such() -> None:
    text = rule("at_least = 1", window='kind = "month", each = true, within = "year"')
    words = ResultWords(make_pack(text), "zh")
    said = figures(words, judge(text, {"hour": [hour("2026-03-01")]}, "2026-04-30"))
    assert three(said[:1]) == [("做到 1 / 4 个月", "至少 12 个月", "3 个月")]
    assert said[1].value == "0 项"


def test_a_comparison_with_the_time_before_says_both() -> None:
    measure = f'kind = "trend", measure = {{ {COUNT} }}'
    text = rule("at_least = 0", measure=measure)
    rows = {"hour": [hour("2025-03-01"), hour("2025-04-01"), hour("2026-04-01")]}
    said = ResultWords(make_pack(text), "zh").figures(judge(text, rows, END))
    assert (said.value, said.need) == ("1 项（上次 2 项）", "不低于上次")


def test_a_subject_of_teaching_is_called_by_its_label() -> None:
    person = {"staff_no": "T1", "name": "a", "active": True, "duty": "teacher", "subject": "maths"}
    rows: Any = {"person": [person]}
    (result,) = evaluate_case("qinggang", "QG-MOKE-SUBJECT", rows, "2010-01-10").values()
    assert ResultWords(load("qinggang"), "zh").name(result) == "数学"
    assert ResultWords(load("qinggang"), "en").name(result).lower().startswith("math")


# ---- vetoes, limits, reasons


PERSON: Mapping[str, Any] = {"staff_no": "T1", "name": "a", "active": True}
FRAUD: Mapping[str, Any] = {"person": "T1", "kind": "fraud", "date": "2024-01-01"}


def test_a_veto_asks_for_no_such_record() -> None:
    backbone = {**PERSON, "backbone": "province"}
    for found, value in (([], "没有"), ([FRAUD], "1 项")):
        rows = {"person": [backbone], "misconduct": found}
        said = say("chongqing", "CQ-38", rows, "2024-12-31")[0]
        assert (said.value, said.need, said.need_word) == (value, "没有此类记录", "need")


def test_a_veto_found_by_dates_says_whether_there_is_such_a_record() -> None:
    for grade, value in (("failed", "有"), ("excellent", "没有")):
        rows = {"person": [PERSON], "ethics": [{"person": 1, "date": "2018-12-20", "grade": grade}]}
        said = say("jiyuan", "JY-ETHICS-VETO", rows, "2019-06-01")[0]
        assert (said.value, said.need, said.need_word, said.reason) == (
            value, "没有此类记录", "need", "",
        )  # fmt: skip


def test_a_veto_with_a_limit_says_where_it_strikes() -> None:
    rows = {
        **CLASS,
        "enrolment": [{"no": "e", "training_class": 1, "name": "n"}],
        "attendance": [
            {"enrolment": 1, "course": 1, "date": "2024-04-05", "presence": "absent",
             "minutes": 200}
        ],
    }  # fmt: skip
    said = say("chongqing", "ZZ-69", rows, "2024-12-31")[0]
    assert (said.need, said.need_word, said.missing) == ("≥ 1/3", "veto_at", "")


def test_what_is_over_a_limit_is_not_missing() -> None:
    text = rule("at_most = 1")
    said = ResultWords(make_pack(text), "zh").figures(
        judge(text, {"hour": [hour("2026-03-01")] * 3}, END)
    )
    assert (said.missing, said.missing_word) == ("2 项", "too_much")


def test_a_veto_that_does_not_strike_is_not_called_met() -> None:
    backbone = {**PERSON, "backbone": "province"}
    for found, status in (([], "无此情形"), ([FRAUD], "一票否决")):
        rows: Any = {"person": [backbone], "misconduct": found}
        (result,) = evaluate_case("chongqing", "CQ-38", rows, "2024-12-31").values()
        assert ResultWords(load("chongqing"), "zh").status(result) == status


def test_a_field_that_is_empty_is_named() -> None:
    rows = {"person": [{**PERSON, "backbone": "province"}]}
    said = say("chongqing", "CQ-37", rows, "2024-12-31")
    assert said[-1].reason == "教师的「学历」还没有填。"


def test_levels_are_called_by_their_labels_and_have_no_distance() -> None:
    rows: Any = {
        "person": [{"staff_no": "T1", "name": "a", "active": True}],
        "project": [
            {"number": "c", "line": "L", "name": "c", "level": "county",
             "applied_on": "2009-09-15", "head": 1, "result": "running"}
        ],
    }  # fmt: skip
    said = three(say("qinggang", "QG-ROLLING", rows, "2010-01-10"))
    assert said[1] == ("县级", "≤ 校级", "")


def test_a_share_without_a_whole_says_which_records_are_missing() -> None:
    said = say("township-primary", "TP-MONEY-5", {"person": [PERSON]}, "2015-06-01")[0]
    assert said.reason.startswith("尚未登记")
    assert "公用经费" in said.reason


def test_what_the_county_has_not_set_asks_nothing() -> None:
    said = say("township-primary", "TP-ETHICS", {"person": [PERSON]}, "2015-12-31")[0]
    assert (said.value, said.need, said.reason) == ("0 学时", "", "县里还没有设定这项数值。")
