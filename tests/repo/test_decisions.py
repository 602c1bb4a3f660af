"""Decision records have their parts, and every dependency has its reason."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.repo.tracked import ROOT

RECORDS: Final = sorted((ROOT / "site/docs/en/adr").glob("[0-9]*.md"))
PARTS: Final = ["Context", "Options", "Decision", "Costs"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem[:4])
def test_a_decision_record_has_its_four_parts_in_order(record: Path) -> None:
    assert re.findall(r"^## (.+)$", record.read_text("utf-8"), re.M) == PARTS


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem[:4])
def test_a_decision_record_is_numbered_and_dated(record: Path) -> None:
    title, _, dated = record.read_text("utf-8").splitlines()[:3]
    assert title.startswith(f"# {int(record.stem[:4])}. ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d · (accepted|superseded by \[?record \d+.*)", dated)


def test_decision_records_are_numbered_without_gaps() -> None:
    assert [int(record.stem[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[\s\[<>=!;~]", line)[0] for lines in lists for line in lines} - {"xueshi"}
    reasons = (ROOT / "site/docs/en/adr/0010-dependencies.md").read_text("utf-8")
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", reasons)} == set()
