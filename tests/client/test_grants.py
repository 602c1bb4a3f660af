"""`xueshi grants` and `xueshi budgets`: who gets what and what money went where, at the console."""

from pathlib import Path

import pytest

from tests.client.test_rules import Console
from xueshi_server.node_home import open_node
from xueshi_sync.writer import RecordKey

DAY = "2025-06-30"


@pytest.fixture
def district(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A centre and a school under Chongqing's pack: one passed, one cheated, travel was paid."""
    monkeypatch.setenv("XUESHI_STATE_DIR", str(tmp_path / "state"))
    console = Console(tmp_path)
    console.ok("centre", "init", "--role", "centre", "--name", "District", "--code", "500101")
    console.ok("school", "init", "--role", "school", "--name", "Shaping", "--code", "S1")
    invited = console.ok("centre", "invite", "--code", "S1", "--name", "Shaping")
    console.ok("school", "join", invited["invitation"])
    console.carry("school", "centre")
    console.ok("centre", "pack-publish", "chongqing", "--activate")
    console.carry("centre", "school", "--to", "S1")
    with open_node(tmp_path / "school") as node, node.write(actor="registrar") as action:
        for number, name in enumerate(("安宁", "柏青"), 1):
            fields = {"staff_no": f"C{number}", "name": name, "backbone": "province"}
            person = action.insert("person", {**fields, "active": True}).rec
            claim = {"purpose": "travel", "date": "2025-03-01", "amount": 10001}
            action.insert("expense", {"person": person, **claim})
    console.carry("school", "centre")
    _judge(tmp_path)
    return console


def _judge(folder: Path) -> None:
    """The centre concludes last year's assessments, approves the claims, finds a fraud."""
    with open_node(folder / "centre") as centre, centre.write(actor="clerk") as action:
        for row in centre.query("SELECT scope_no, rec FROM person"):
            passed = {"person": row["rec"], "year_end": "2024-12-31", "result": "qualified"}
            key = action.insert("conclusion", passed, scope_no=row["scope_no"])
            action.judge("conclusion", key, "approve")
        for row in centre.query("SELECT scope_no, rec FROM expense"):
            action.judge("expense", RecordKey(row["scope_no"], row["rec"]), "approve")
        action.insert("misconduct", {"person": "C2", "kind": "fraud", "date": "2025-02-01"})


def test_grants_name_amount_payers_and_clause(district: Console) -> None:
    data = district.ok("centre", "grants", "--as-of", DAY)
    own = {each["name"].split()[0]: each for each in data["grants"]
           if each["entitlement"] == "allowance_city"}  # fmt: skip
    assert own["安宁"]["standing"] == "granted"
    assert (own["安宁"]["amount"], own["安宁"]["payers"]) == (5000, [["school", 5000]])
    assert (own["柏青"]["standing"], own["柏青"]["vetoed_by"]) == ("vetoed", ["CQ-38"])
    declared = next(each for each in data["entitlements"] if each["id"] == "allowance_city")
    assert declared["source"][0]["id"] == "S2.46"


def test_people_read_who_has_it_and_why_not(district: Console) -> None:
    status, text, _ = district.run("centre", "grants", "--as-of", DAY, "--school", "S1")
    assert status == 0
    assert "[granted] 安宁 C1 (S1) Annual assessment passed: 2024" in text
    assert "[revoked] 柏青" in text
    assert "S2.38" in text
    assert "50 yuan a month" in text


def test_an_unknown_school_is_refused(district: Console) -> None:
    status, _, error = district.run("centre", "grants", "--school", "S9")
    assert status == 2
    assert "S9" in error


def test_budgets_say_what_each_payer_bears(district: Console) -> None:
    data = district.ok("centre", "budgets", "--year", "2025", "--as-of", DAY)
    travel = next(each for each in data["budgets"] if each["budget"] == "travel")
    assert travel["spent"] == [20002, 20002]
    assert [(each["payer"], each["share"], each["spent"]) for each in travel["payers"]] == [
        ("district_bureau", "1/2", [10001, 10001]),
        ("school", "1/2", [10001, 10001]),
    ]
    assert data["year"] == 2025


def test_people_read_the_money_of_a_year(district: Console) -> None:
    status, text, _ = district.run("centre", "budgets", "--year", "2025", "--as-of", DAY)
    assert status == 0
    assert "bears 50%: 100.01 yuan" in text
    _, before, _ = district.run("centre", "budgets", "--year", "2024", "--as-of", DAY)
    assert "bears 50%: 0 yuan" in before


def test_a_school_is_told_where_the_books_are(district: Console) -> None:
    _, text, _ = district.run("school", "budgets", "--as-of", DAY)
    assert "only the centre keeps these books" in text
