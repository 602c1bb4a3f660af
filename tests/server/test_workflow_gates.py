"""Gates of steps: open where a rule passes or asks nothing, shut where it does not pass yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.server.walks.shipped_county import County, Record, make_county
from xueshi_server.pack_files import read_shipped

RECOGNISE: Final = 'id = "recognise", '


@contextmanager
def county_with_gate(folder: Path, rule: str) -> Iterator[tuple[County, Record, Record]]:
    """Qinggang, where a polished lesson is recognised behind one more gate; a
    lesson and its teacher."""
    files = read_shipped("qinggang")
    name = next(each for each in files if each.endswith("qinggang/workflows.toml"))
    text = files[name].decode()
    assert text.count(RECOGNISE) == 1
    files[name] = text.replace(RECOGNISE, f'{RECOGNISE}gate = ["{rule}"], ').encode()
    with make_county(folder, "qinggang", files) as county:
        person = county.enter(
            "person", staff_no="Q1", name="邢丽华", active=True, duty="teacher", subject="chinese",
            stage="primary",
        )  # fmt: skip
        lesson = county.enter(
            "polished_lesson", person=person, date="2009-11-18", name="草船借箭",
            subject="chinese", level="school", rounds=3,
        )  # fmt: skip
        county.walk(lesson, ("polish", "2009-11-20"))
        yield county, lesson, person


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        pytest.param("QG-MOKE-SUBJECT-SCHOOL", [], id="nothing-is-asked"),
        pytest.param("QG-CASE", ["gate_closed"], id="not-passed-yet"),
    ],
)
def test_a_gate_says_whether_a_step_may_be_taken(
    tmp_path: Path, rule: str, refused: list[str]
) -> None:
    with county_with_gate(tmp_path, rule) as (county, lesson, _):
        assert county.act(lesson, "recognise", "2009-12-04") == refused


def test_a_gate_opens_once_its_rule_passes(tmp_path: Path) -> None:
    with county_with_gate(tmp_path, "QG-CASE") as (county, lesson, person):
        county.enter("teaching_case", person=person, date="2009-11-05", name="一次错题讨论")
        assert county.act(lesson, "recognise", "2009-12-04") == []
