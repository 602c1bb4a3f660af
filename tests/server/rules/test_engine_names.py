"""What subjects are called: a reference by its record's name, in every school its own."""

from typing import Any

import pytest

from tests.server.rules.county import evaluate_case
from tests.server.rules.engine_pack import hour, run

END = "2026-12-31"
LABEL = "label = { zh = '象', en = 'Subject' }"
ASKED = """
[[rule]]
id = "R"
scope = "{kind}"
window = {{ kind = "year" }}
measure = {{ kind = "count", of = "{of}" }}
need = {{ at_least = 1 }}
"""


def names(subject: str, of: str, **rows: Any) -> list[str]:
    kind = "named"
    text = f"[[subject]]\nid = 'named'\n{LABEL}\n{subject}\n" + ASKED.format(kind=kind, of=of)
    return [each.name for each in run(text, rows, END).results]


PEOPLE = [
    {"scope": "S1", "rec": 1, "staff_no": "T1", "name": "安宁"},
    {"scope": "S2", "rec": 1, "staff_no": "T2", "name": "白桦"},
]


@pytest.mark.parametrize("more", ['per = ["scope", "person"]', ""])
def test_a_reference_is_called_by_the_name_of_its_record_in_the_same_school(more: str) -> None:
    hours = [hour("2026-03-01", scope="S1"), hour("2026-03-01", scope="S2")]
    subject = f"of = 'hour'\nname = ['person', 'place']\n{more}"
    found = names(subject, "hour", person=PEOPLE, hour=[{**each, "place": "甲"} for each in hours])
    assert found == ["安宁 甲", "白桦 甲"]


def test_a_key_is_a_name_itself() -> None:
    papers = [{"scope": "S1", "author": each, "date": END} for each in ("T2", "T9")]
    subject = "of = 'paper'\nname = ['author']\nper = ['author']"
    assert names(subject, "paper", person=PEOPLE, paper=papers) == ["T2", "T9"]


def test_a_record_that_is_not_there_leaves_its_number() -> None:
    subject = "of = 'hour'\nname = ['person']"
    assert names(subject, "hour", person=[], hour=[hour("2026-03-01")]) == ["1"]


def test_a_summer_trainee_is_called_by_name_and_project() -> None:
    rows: dict[str, Any] = {
        "person": [{"staff_no": "T1", "name": "唐小雨", "active": True}],
        "project": [
            {"number": "B", "name": "暑期远程", "mode": "distance", "starts_on": "2012-07-10",
             "ends_on": "2012-08-20"}
        ],
        "enrolment": [{"person": 1, "project": "B", "date": "2012-07-20", "minutes": 60}],
    }  # fmt: skip
    (result,) = evaluate_case("mianzhu", "MZ-SUMMER-DONE", rows, "2012-08-31").values()
    assert result.name == "唐小雨 T1 B 暑期远程"
