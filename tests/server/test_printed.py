"""Papers against records: which lines changed, in the order of the paper."""

import pytest

from xueshi_server.domain.forms import Cell, Document, Opinion, RuleLine, Section
from xueshi_server.domain.printed import (
    Change,
    Line,
    Paper,
    compare_papers,
    decode_paper,
    encode_paper,
    needs_stamp,
    paper_of,
)

FIELDS = Section("fields", "Person", cells=(Cell("Name", "Li Ming"), Cell("Post", "Teacher")))
TABLE = Section(
    "table",
    "Hours",
    head=("Day", "Hours"),
    rows=(("2026-03-01", "2"), ("2026-03-08", "3")),
    total=("Hours", "5"),
)


def document(*sections: Section) -> Document:
    return Document("f", "Form", "p/f", "1", "2026-03-02", sections)


def paper(*lines: tuple[str, str, str]) -> Paper:
    return Paper("Form", "1", "en", tuple(Line(*each) for each in lines))


def test_every_part_of_a_form_is_a_line() -> None:
    rules = Section("rules", "Rules", rules=(RuleLine("Hours", "72", "5", "fail", "§1"),))
    steps = Section("steps", "Steps", opinions=(Opinion("Approve", "Head", "fine", "2026-03-01"),))
    text = Section("text", "", text="As recorded.")
    lines = paper_of(document(FIELDS, TABLE, rules, steps, text), "en").lines
    assert [(each.label, each.text) for each in lines] == [
        ("Name", "Li Ming"),
        ("Post", "Teacher"),
        ("", "2026-03-01 | 2"),
        ("", "2026-03-08 | 3"),
        ("Hours", "5"),
        ("Hours", "5 | 72 | not met"),
        ("Approve", "Head | fine | 2026-03-01"),
        ("", "As recorded."),
    ]


def test_a_paper_comes_back_from_its_bytes() -> None:
    made = paper_of(document(FIELDS, TABLE), "zh")
    assert decode_paper(encode_paper(made)) == made


@pytest.mark.parametrize("data", [b"", b"{}", b"[1,2]", b'["a","b","c",[["x"]]]', b"\xff"])
def test_other_bytes_are_no_paper(data: bytes) -> None:
    assert decode_paper(data) is None


def test_equal_papers_have_no_changes() -> None:
    made = paper_of(document(FIELDS, TABLE), "en")
    assert compare_papers(made, made) == []


def test_a_changed_value_shows_both() -> None:
    old, new = paper(("P", "Post", "Teacher")), paper(("P", "Post", "Head"))
    assert compare_papers(old, new) == [Change("P", "Post", "Teacher", "Head")]


def test_an_added_line_moves_no_other() -> None:
    rows = [("H", "", "1"), ("H", "", "3")]
    found = compare_papers(paper(*rows), paper(rows[0], ("H", "", "2"), rows[1]))
    assert found == [Change("H", "", None, "2")]


def test_a_line_that_went_shows_what_stood_there() -> None:
    found = compare_papers(paper(("H", "", "1"), ("H", "", "2")), paper(("H", "", "2")))
    assert found == [Change("H", "", "1", None)]


def test_changes_stand_in_the_order_of_the_paper() -> None:
    old = paper(("P", "Name", "a"), ("H", "", "1"), ("H", "Sum", "1"))
    new = paper(("P", "Name", "b"), ("X", "", "new"), ("H", "", "2"), ("H", "Sum", "2"))
    assert compare_papers(old, new) == [
        Change("P", "Name", "a", "b"),
        Change("X", "", None, "new"),
        Change("H", "", "1", "2"),
        Change("H", "Sum", "1", "2"),
    ]


@pytest.mark.parametrize(
    ("kind", "wanted"), [("signatures", True), ("steps", True), ("text", False)]
)
def test_a_form_with_a_place_for_it_waits_for_a_stamp(kind: str, wanted: bool) -> None:
    assert needs_stamp(document(FIELDS, Section(kind))) is wanted
