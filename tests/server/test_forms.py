"""Printed forms and exact figures on paper."""

import datetime as dt
from fractions import Fraction
from typing import Any

import pytest

from tests.server.rules.county import evaluate_case, load
from xueshi_server.domain.forms import Document, Material, Section, compose_form
from xueshi_server.domain.packs.model import Block, Form, Label
from xueshi_server.domain.rules.facts import Row
from xueshi_server.domain.showing import show_number
from xueshi_server.domain.workflow import TakenStep, place_record

PACK = load("jiyuan")
DAY = dt.date(2020, 12, 31)
PERSON: Row = {"scope": "S1", "rec": 1, "staff_no": "T1", "name": "Lin", "subject": "art"}
HOURS: list[Row] = [
    {"scope": "S1", "rec": 1, "person": 1, "date": "2020-03-01", "title": "A", "minutes": 90},
    {"scope": "S1", "rec": 2, "person": 1, "date": "2020-04-01", "title": "B", "minutes": 60},
]


def _label(text: str) -> Label:
    return Label(zh=text, en=text)


def _compose(*blocks: Block, **material: Any) -> Document:
    form = Form(id="f", label=_label("Form"), scope="teacher", block=list(blocks))
    return compose_form(PACK, form, Material("person", PERSON, DAY, **material), "en")


def _only(document: Document) -> Section:
    (section,) = document.sections
    return section


def test_fields_show_labels_instead_of_codes() -> None:
    section = _only(_compose(Block(kind="fields", fields=["name", "subject"])))
    assert [(each.label, each.text) for each in section.cells] == [
        ("Name", "Lin"),
        ("Subject", "Art"),
    ]


def test_a_table_has_its_records_and_their_exact_total() -> None:
    block = Block(kind="table", of="hour", fields=["date", "minutes"], total="minutes")
    section = _only(_compose(block, tables={0: HOURS}))
    assert section.rows == (("2020-03-01", "1.5"), ("2020-04-01", "1"))
    assert section.total == ("Hours", "2.5")


def test_a_reference_shows_whom_it_means() -> None:
    block = Block(kind="table", of="hour", fields=["person"])
    section = _only(_compose(block, tables={0: HOURS[:1]}, names={("person", 1): "Lin"}))
    assert section.rows == (("Lin",),)


def test_a_requirement_is_printed_with_need_value_status_and_clause() -> None:
    rows = {"person": [PERSON], "hour": HOURS}
    result = evaluate_case("jiyuan", "JY-360", rows, "2020-12-31")["S1", 1]
    section = _only(_compose(Block(kind="rules", rules=["JY-360"]), results={"JY-360": result}))
    (line,) = section.rules
    assert (line.value, line.status) == ("2.5 hours", "fail")
    assert "S3.37" in line.clause
    assert line.need.startswith("≥")


def test_a_requirement_nobody_judged_says_so() -> None:
    (line,) = _only(_compose(Block(kind="rules", rules=["JY-360"]))).rules
    assert line.status == "not_asked"


def test_decisions_are_printed_and_the_coming_ones_left_empty() -> None:
    workflow = PACK.workflows["model_teacher"]
    taken = TakenStep("a", "announce", DAY, "school", "agreed")
    position = place_record(workflow, [taken])
    section = _only(_compose(Block(kind="steps"), workflow=workflow, position=position))
    assert [each.text for each in section.opinions] == ["agreed", "", ""]
    assert all(each.sign or each.stamp for each in section.opinions[1:])


def _opinions(pack_id: str, workflow_id: str, *steps: str) -> list[str]:
    """The labels of the steps block over a record that took `steps`, one after the other."""
    pack = load(pack_id)
    workflow = pack.workflows[workflow_id]
    taken = [
        TakenStep(
            step, step, DAY, after=frozenset(steps[place - 1 : place]) if place else frozenset()
        )
        for place, step in enumerate(steps)
    ]
    position = place_record(workflow, taken)
    assert [each.step for each in position.trail] == list(steps)
    material = Material(workflow.of, {}, DAY, workflow=workflow, position=position)
    form = Form(id="f", label=_label("Form"), scope=workflow.of, block=[Block(kind="steps")])
    return [each.label for each in _only(compose_form(pack, form, material, "zh")).opinions]


def test_two_outcomes_of_one_decision_have_one_place() -> None:
    labels = _opinions("chongqing", "annual_assessment")
    assert labels[-1] == "市教委审批合格 / 市教委审批不合格"
    assert len(labels) == 4


def test_a_way_that_was_not_taken_has_no_place_left() -> None:
    labels = _opinions("chongqing", "promotion", "pass_city")
    assert labels == ["市级基地考核合格", "报市教委", "市教委审批确定"]


def test_the_digest_changes_with_what_is_printed_and_with_nothing_else() -> None:
    block = Block(kind="table", of="hour", fields=["title"])
    first = _compose(block, tables={0: HOURS})
    assert _compose(block, tables={0: list(HOURS)}).digest == first.digest
    assert _compose(block, tables={0: HOURS[:1]}).digest != first.digest


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (21600, "hour", "360"),
        (21599, "hour", "359.98"),
        (Fraction(21600, 7), "hour", "51.43"),
        (Fraction(3953, 3707), "percent", "106.64%"),
        (Fraction(29999999, 30000000), "percent", "<100%"),
        (Fraction(30000001, 30000000), "percent", ">100%"),
        (Fraction(3, 2), "month", "1.5"),
        (8050, "yuan", "80.50"),
        (DAY.toordinal(), "date", "2020-12-31"),
        (13, "person", "13"),
    ],
)
def test_a_value_is_never_rounded_across_a_whole(value: Any, unit: str, shown: str) -> None:
    assert show_number(value, unit) == shown
