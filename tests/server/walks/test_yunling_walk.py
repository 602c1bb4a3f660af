"""The sixth pack, a folder and no Python: published, carried, entered, claimed, judged, printed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.test_rules import Console
from tests.server.walks.shipped_county import (
    SCHOOL,
    County,
    Record,
    make_county,
    opinions,
    rule_lines,
)
from tests.server.walks.yunling import FOLDER, load_yunling
from xueshi_server.importing import import_rows
from xueshi_server.node_home import open_node
from xueshi_server.pack_files import read_closure
from xueshi_sync.writer import RecordKey

END = "2024-02-29"
# What the school brings: date, category, source, content, credits.
CLAIMS = (
    ("2021-06-10", "ethics", "course", "师德专题", 10),
    ("2021-11-03", "practice", "course", "课堂诊断工作坊", 12),
    ("2022-04-15", "practice", "course", "送教下乡", 20),
    ("2022-07-20", "theory", "course", "县级暑期研修", 14),
    ("2023-03-08", "practice", "open_lesson", "公开课《草原》", 3),
    ("2023-05-20", "theory", "paper", "牧区识字教学札记", 6),
    ("2023-07-18", "self_study", "course", "网络自主研修", 24),
)


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    with make_county(tmp_path, "yunling", read_closure(FOLDER)) as county:
        yield county


def add_person(county: County, staff_no: str, name: str) -> Record:
    return county.enter(
        "person", staff_no=staff_no, name=name, active=True, subject="chinese",
        registered_on="2021-03-01",
    )  # fmt: skip


def claim(county: County, person: Record, row: tuple[str, str, str, str, int]) -> Record:
    names = ("date", "category", "kind", "title", "credits")
    return county.enter("credit", person=person, **dict(zip(names, row, strict=True)))


def write_sheet(county: County) -> str:
    """The county's own sheet: its title, its headings, the labels of codes."""
    sheet = county.pack.sheets["credit_sheet"]
    assert sheet.title is not None
    words = {
        code.id: code.label.zh
        for codes in ("credit_category", "credit_kind")
        for code in county.pack.codes[codes].value
    }
    lines = [sheet.title.zh, ",".join(heading for heading, _ in sheet.columns)]
    for date, category, kind, title, credits in CLAIMS:
        lines.append(f"YL001,{date},{words[category]},{words[kind]},{title},{credits}")
    return "\n".join(lines) + "\n"


def take_sheet(county: County, folder: Path, text: str) -> list[Record]:
    """Import a sheet at the school; the records by day, twice the same file adds nothing."""
    path, node = folder / "claims.csv", county.school
    path.write_text(text, "utf-8")
    first, again = (import_rows(node, "credit", path, actor="registrar") for _ in range(2))
    assert (first.faults, first.added, again.added) == ((), len(CLAIMS), 0)
    node.replica.seal()
    rows = node.query("SELECT scope_no, rec FROM credit ORDER BY date")
    return [
        Record("credit", node.public_id(RecordKey(row["scope_no"], row["rec"]))) for row in rows
    ]


def test_a_claim_is_returned_with_a_reason_and_recognised(county: County) -> None:
    record = claim(county, add_person(county, "YL001", "扎西央宗"), CLAIMS[0])
    assert county.act(record, "verify", "2021-06-12", without=("certificate",)) == [
        "papers_missing"
    ]
    county.walk(record, ("verify", "2021-06-12"))
    assert county.act(record, "return", "2021-06-20") == ["reason_missing"]
    states = county.tour(
        record, ("return", "2021-06-20"), ("verify", "2021-06-25"), ("recognise", "2021-07-01")
    )
    assert {*states} | {"claimed"} == county.states("credit")


def test_from_the_sheet_of_three_years_to_the_printed_statement(
    county: County, tmp_path: Path
) -> None:
    person = add_person(county, "YL001", "扎西央宗")
    records = take_sheet(county, tmp_path, write_sheet(county))
    assert len(records) == len(CLAIMS)
    waiting = county.results("YL-90", END)[0]
    assert waiting.status == "fail", "nothing counts before it is recognised"
    for record in records:
        county.walk(record, ("verify", "2024-01-10"), ("recognise", "2024-01-20"))
    county.approve(*records)
    result = county.results("YL-90", END)[0]
    assert (result.status, result.value, result.missing) == ("fail", (85, 85), 5)
    county.approve(claim(county, person, ("2024-02-20", "theory", "course", "寒假集中研修", 5)))
    assert county.status("YL-90", END) == "pass"
    assert county.status("YL-FLOORS", END) == "pass"
    assert county.status("YL-YEAR", END) == "pass"
    paper = county.print("credit_statement", END, person)
    assert paper.copies == 2
    assert paper.sections[0].cells[0].text == "扎西央宗"
    assert len(paper.sections[1].rows) == len(CLAIMS) + 1
    assert [line.status for line in rule_lines(paper)] == ["pass", "pass"]
    assert "每一周期应取得不少于90学分" in rule_lines(paper)[0].clause
    assert opinions(paper) == []


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A centre and a school of the command line; the pack is published at the centre."""
    monkeypatch.setenv("XUESHI_STATE_DIR", str(tmp_path / "state"))
    found = Console(tmp_path)
    found.ok("centre", "init", "--role", "centre", "--name", "County", "--code", "539999")
    found.ok("school", "init", "--role", "school", "--name", "School", "--code", SCHOOL)
    invited = found.ok("centre", "invite", "--code", SCHOOL, "--name", "School")
    found.ok("school", "join", invited["invitation"])
    found.carry("school", "centre")
    published = found.ok("centre", "pack-publish", str(FOLDER), "--activate")
    assert (published["pack"], published["activated"]) == ("yunling", True)
    return found


def test_the_published_folder_reaches_the_school_and_judges_there(console: Console) -> None:
    console.carry("centre", "school", "--to", SCHOOL)
    assert console.ok("school", "pack-list")["active"] == "yunling@1"
    row: dict[str, Any] = {"staff_no": "YL001", "name": "扎西央宗", "registered_on": "2021-03-01"}
    with open_node(console.folder / "school") as node, node.write(actor="registrar") as action:
        person = action.insert("person", row | {"active": True})
        action.insert(
            "credit",
            {"person": person.rec, "date": "2021-06-10", "category": "ethics", "kind": "course",
             "title": "师德专题", "credits": 10},
        )  # fmt: skip
    found = console.ok("school", "rules", "--as-of", END)
    assert (found["pack"], found["version"]) == ("yunling", "1")
    names = {each["rule"]: each["outcome"]["pending"] for each in found["results"]}
    assert names["YL-90"] == 10, "it waits for the centre"
    assert json.dumps(found["rules"]["YL-YEAR"], ensure_ascii=False).count("自然年度") >= 1


def test_the_folder_is_a_sound_pack(console: Console) -> None:
    assert console.ok("centre", "pack-check", str(FOLDER))["clean"] is True
    assert not list(FOLDER.rglob("*.py"))
    assert set(load_yunling().rules) == {"YL-90", "YL-FLOORS", "YL-YEAR"}
