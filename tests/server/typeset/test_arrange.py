"""How a filled form is arranged for the setter."""

import pytest

from tests.server.typeset.filling import sheet_of
from xueshi_server.domain.forms import Document, Section
from xueshi_server.typeset.arrange import Sheet, arrange, find_parties, group_digest
from xueshi_server.typeset.columns import plan_columns

WIDTH = 150.0


@pytest.mark.parametrize(
    ("label", "lines", "parties"),
    [
        pytest.param("本人    学校(盖章)", 0, [("本人", False), ("学校", True)], id="in-brackets"),
        pytest.param("学校盖章;中心审核", 0, [("学校盖章", True), ("中心审核", False)], id="words"),
        pytest.param("", 1, [("单位负责人", True)], id="nobody-named-one"),
        pytest.param("", 2, [("填表人", False), ("单位负责人", True)], id="nobody-named-two"),
        pytest.param(
            "", 3, [("填表人", False), ("审核人", False), ("单位负责人", True)], id="three"
        ),
    ],
)
def test_who_signs_and_who_stamps_follows_from_the_label(
    label: str, lines: int, parties: list[tuple[str, bool]]
) -> None:
    assert find_parties(label, lines, "zh") == parties


def test_a_digest_is_shown_in_groups() -> None:
    assert group_digest("3f2a91bc") == "3f2a 91bc"


def test_columns_fill_the_width_whatever_stands_in_them() -> None:
    for text in ("甲", "甲" * 30, "甲" * 300):
        columns = plan_columns(["日期", "内容", "学时"], [["2025-09-01", text, "1.5"]], WIDTH)
        assert sum(each.mm for each in columns) == pytest.approx(WIDTH, abs=0.5)


def test_a_date_is_never_broken_because_another_column_is_long() -> None:
    head = ["日期", "内容", "项目", "形式", "级别", "学时"]
    row = ["2025-09-01", "甲" * 90, "乙" * 12, "丙" * 12, "教研组", "0.75"]
    date, content, project, *_ = plan_columns(head, [row], WIDTH)
    assert date.mm >= 21
    assert content.mm > project.mm
    assert (date.middle, content.middle) == (True, False)


def section(sheet: Sheet, kind: str) -> dict[str, object]:
    sections = arrange(sheet, "zh")["sections"]
    return next(each for each in sections if each["kind"] == kind)


def document(*sections: Section) -> Sheet:
    return Sheet(Document("f", "表", "p/f", "1", "2026-03-02", sections, digest="3f2a91bc"))


def test_a_photo_stands_beside_the_fields_before_it_else_after_it() -> None:
    fields = Section("fields", cells=sheet_of("base", "file_label").document.sections[0].cells)
    for order in ([fields, Section("photo")], [Section("photo"), fields]):
        placed = arrange(document(*order), "zh")["sections"]
        assert [(each["kind"], each["photo"]) for each in placed] == [("grid", True)]


def test_an_empty_table_leaves_no_row_to_add_by_hand_unless_the_form_asks() -> None:
    plain = section(document(Section("table", head=("日期",))), "table")
    asked = section(document(Section("table", head=("日期",), lines=4)), "table")
    assert (plain["empty"], plain["none"]) == (0, "（无）")
    assert (asked["empty"], asked["none"]) == (4, "")


@pytest.mark.parametrize(("title", "decided"), [("学校考核意见", True), ("打磨过程", False)])
def test_a_box_for_an_opinion_ends_with_a_signature(title: str, decided: bool) -> None:
    assert section(document(Section("text", title, lines=4)), "box")["decided"] is decided


def test_a_certificate_says_who_what_when_and_how_much() -> None:
    said = arrange(sheet_of("base", "hours_certificate", rows=4), "zh")["statement"]
    for part in ("教师编号：LH002", "自2025年9月1日至2026年8月31日", "学时合计 7.5"):
        assert part in said
