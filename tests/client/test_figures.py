"""`xueshi figures`: statistics with their parts, targets, claims, and who was not heard from."""

import datetime as dt
from pathlib import Path

import pytest

from tests.client.test_rules import Console
from xueshi_server.node_clock import today_of
from xueshi_server.node_home import open_node
from xueshi_sync.writer import RecordKey

# Nine person-times sent away, of eight teachers: 112.5 %, and the report says 124 %.
TEACHERS = 8
SENT = 9


@pytest.fixture
def county(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A centre and a school under Mianzhu's pack; all that the school wrote is at the centre."""
    monkeypatch.setenv("XUESHI_STATE_DIR", str(tmp_path / "state"))
    console = Console(tmp_path)
    console.ok("centre", "init", "--role", "centre", "--name", "County", "--code", "510683")
    console.ok("school", "init", "--role", "school", "--name", "Hanwang", "--code", "S1")
    invited = console.ok("centre", "invite", "--code", "S1", "--name", "Hanwang")
    console.ok("school", "join", invited["invitation"])
    console.carry("school", "centre")
    console.ok("centre", "pack-publish", "mianzhu", "--activate")
    console.carry("centre", "school", "--to", "S1")
    with open_node(tmp_path / "school") as node, node.write(actor="registrar") as action:
        people = [
            action.insert("person", {"staff_no": f"T{n}", "name": f"教师{n}", "full_time": True})
            for n in range(TEACHERS)
        ]
        for number in range(SENT):
            person = people[number % TEACHERS].rec
            row = {"person": person, "project": "P", "date": "2012-05-02", "level": "national"}
            action.insert("enrolment", row)
    console.carry("school", "centre")
    _approve_all(tmp_path)
    return console


def _approve_all(folder: Path) -> None:
    with open_node(folder / "centre") as centre, centre.write(actor="clerk") as action:
        for row in centre.query("SELECT scope_no, rec FROM enrolment"):
            action.judge("enrolment", RecordKey(row["scope_no"], row["rec"]), "approve")


def test_a_figure_has_its_parts_and_a_wrong_claim_what_it_would_need(county: Console) -> None:
    data = county.ok("centre", "figures", "--as-of", "2012-12-31")
    sent = next(each for each in data["statistics"] if each["statistic"] == "sent_times")
    assert (sent["value"], sent["figures"]) == (["9/8", "9/8"], [[9, 9], [8, 8]])
    assert sent["heard"] == [1, 1]
    assert sent["claim"] == {
        "claimed": "124%", "agrees": False, "part": 9, "whole": 8, "part_needed": 10,
        "whole_needed": 7,
    }  # fmt: skip
    assert sent["source"][0][0] == "S1.29"


def test_people_read_parts_claims_and_groups_in_words(county: Console) -> None:
    status, text, _ = county.run("centre", "figures", "--as-of", "2012-12-31")
    assert status == 0
    assert "112.5% = 9 / 8" in text
    assert "the report says 124%: that is not so" in text
    assert "9 would be 124% of about 7" in text


def test_a_claim_about_nobody_is_not_called_wrong(county: Console) -> None:
    _, text, _ = county.run("centre", "figures", "--as-of", "2012-12-31")
    assert "the report says 98%: there is nothing here to compare it with" in text


def test_a_school_that_was_not_heard_from_is_named_with_its_last_day(county: Console) -> None:
    with open_node(county.folder / "centre") as centre:
        later = today_of(centre) + dt.timedelta(days=400)
    status, text, _ = county.run("centre", "figures", "--as-of", later.isoformat())
    assert status == 0
    assert "Not everything is here from Hanwang" in text
    data = county.ok("centre", "figures", "--as-of", later.isoformat())
    teachers = next(each for each in data["statistics"] if each["statistic"] == "teachers")
    assert teachers["heard"] == [0, 1]


def test_targets_of_another_pack_are_judged_on_their_day(county: Console) -> None:
    data = county.ok(
        "centre", "figures", "--pack", "township-primary@2011.1", "--as-of", "2016-03-02"
    )
    assert data["pack"] == "township-primary"
    assert {each["rule"] for each in data["targets"]} >= {"titles_city", "special_master"}
