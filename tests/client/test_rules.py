"""`xueshi rules` and `xueshi pack-publish`: a rule of the county judged where the records are."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from xueshi_client.console import run
from xueshi_client.main import cli
from xueshi_client.state import State

ABOUT = """
[pack]
id = "valley"
version = "{version}"
label = {{ zh = "谷地", en = "Valley" }}
extends = ["base"]
valid_from = 2026-01-01

[[document]]
id = "V"
label = {{ zh = "办法", en = "Measures" }}
file = "measures.txt"

[[statement]]
id = "V.1"
class = "R"
quote = "每人每年不少于{hours}学时"
"""
RULE = """
[[rule]]
id = "V-YEAR"
label = {{ zh = "年度学时", en = "Hours of a year" }}
source = ["V.1"]
scope = "teacher"
window = {{ kind = "year" }}
measure = {{ kind = "sum", of = "hour" }}
need = {{ at_least = "{hours}h" }}
unit = "hour"
"""


class Console:
    """Runs commands in this process, each on the node of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, home: str, *argv: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        environ = {"XUESHI_LANG": "en"}
        state = State(
            list(argv), self.folder, out, err, home_option=str(self.folder / home), environ=environ
        )
        status = run(cli, state)
        return status, out.getvalue(), err.getvalue()

    def ok(self, home: str, *argv: str) -> dict[str, Any]:
        status, out, err = self.run(home, *argv, "--json")
        assert status == 0, err
        found = json.loads(out)
        assert isinstance(found, dict)
        return found

    def carry(self, source: str, target: str, *to: str) -> None:
        bundle = str(self.folder / "carried.xueshi")
        self.ok(source, "pack", bundle, *to)
        self.ok(target, "unpack", bundle)


def write_pack(folder: Path, version: str, hours: int) -> Path:
    """A pack with one rule."""
    home = folder / f"valley-{version}"
    home.mkdir()
    (home / "measures.txt").write_text(f"每人每年不少于{hours}学时\n", "utf-8")
    (home / "pack.toml").write_text(ABOUT.format(version=version, hours=hours), "utf-8")
    (home / "rules.toml").write_text(RULE.format(hours=hours), "utf-8")
    return home


@pytest.fixture
def county(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A centre and a school with two teachers: Li has 3 hours approved, Wang waits for 1.5."""
    monkeypatch.setenv("XUESHI_STATE_DIR", str(tmp_path / "state"))
    console = Console(tmp_path)
    console.ok("centre", "init", "--role", "centre", "--name", "County", "--code", "510683")
    console.ok("school", "init", "--role", "school", "--name", "School", "--code", "S1")
    invited = console.ok("centre", "invite", "--code", "S1", "--name", "School")
    console.ok("school", "join", invited["invitation"])
    rows = [
        {"teacher_id": who, "teacher_name": name, "date": "2026-03-01", "title": "Reading",
         "hours": 1.5, "form": "seminar", "category": "ethics", "note": "", "recorded_by": "R"}
        for who, name in (("T1", "Li"), ("T1", "Li"), ("T2", "Wang"))
    ]  # fmt: skip
    table = tmp_path / "rows.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    console.ok("school", "import", "hour", str(table))
    console.carry("school", "centre")
    console.carry("centre", "school", "--to", "S1")
    _approve_all_of(console, "T1")
    return console


def _approve_all_of(console: Console, staff_no: str) -> None:
    from xueshi_server.node_home import open_node
    from xueshi_sync.writer import RecordKey

    with open_node(console.folder / "centre") as centre, centre.write(actor="clerk") as action:
        for row in centre.query(
            "SELECT h.scope_no, h.rec FROM hour h JOIN person p ON p.scope_no = h.scope_no"
            " AND p.rec = h.person WHERE p.staff_no = ?",
            [staff_no],
        ):
            action.judge("hour", RecordKey(row["scope_no"], row["rec"]), "approve")


def _statuses(data: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["status"] for each in data["results"]}


def test_without_a_pack_there_are_no_results(county: Console) -> None:
    data = county.ok("centre", "rules")
    assert (data["pack"], data["results"]) == ("base", [])


def test_a_rule_of_the_active_pack_judges_every_teacher(county: Console) -> None:
    county.ok("centre", "pack-publish", str(write_pack(county.folder, "1", 3)), "--activate")
    data = county.ok("centre", "rules", "--as-of", "2026-12-31")
    assert (data["pack"], data["version"]) == ("valley", "1")
    assert _statuses(data)["Li T1"] == "pass"
    assert data["rules"]["V-YEAR"]["source"] == [{"id": "V.1", "quote": "每人每年不少于3学时"}]


def test_a_result_names_the_records_and_what_is_missing(county: Console) -> None:
    pack = write_pack(county.folder, "1", 6)
    county.ok("centre", "pack-publish", str(pack), "--activate")
    data = county.ok("centre", "rules", "--person", "T1", "--as-of", "2026-06-01")
    (result,) = data["results"]
    assert result["outcome"]["missing"] == 180
    assert len(result["evidence"]) == 2
    _, text, _ = county.run("centre", "rules", "--person", "T1", "--as-of", "2026-06-01")
    assert "missing 3 h" in text
    assert "每人每年不少于6学时" in text
    assert result["evidence"][0] in text


TWO = """
[[rule]]
id = "V-TWO"
label = { zh = "两项", en = "Both" }
source = ["V.1"]
scope = "teacher"
window = { kind = "year" }
unit = "percent"

[[rule.all_of]]
label = { zh = "学时", en = "Hours" }
measure = { kind = "sum", of = "hour" }
need = { at_least = "6h" }

[[rule.all_of]]
label = { zh = "次数", en = "Times" }
measure = { kind = "count", of = "hour" }
need = { at_least = 0 }

[[rule.all_of]]
label = { zh = "形式", en = "Forms" }
measure = { kind = "distinct", of = "hour", field = "form" }
need = { at_least = 1 }
unit = "item"
"""


def _publish_two(county: Console) -> None:
    pack = write_pack(county.folder, "1", 6)
    (pack / "two.toml").write_text(TWO, "utf-8")
    county.ok("centre", "pack-publish", str(pack), "--activate")


def test_a_requirement_of_parts_counts_them_and_each_says_its_figures(county: Console) -> None:
    _publish_two(county)
    _, text, _ = county.run("centre", "rules", "--person", "T1", "--as-of", "2026-06-01")
    assert "now 1 of 2 requirements met; needed all 2; missing 1 item" in text
    assert "of it: [on track] Hours: now 3 hours; needed ≥ 6 hours; missing 3 hours" in text
    assert "of it: [passed] Forms: now 1 item; needed ≥ 1 item" in text
    assert "Times" not in text


def test_programs_read_the_unit_of_every_part(county: Console) -> None:
    _publish_two(county)
    data = county.ok("centre", "rules", "--person", "T1", "--as-of", "2026-06-01")
    result = next(each for each in data["results"] if each["rule"] == "V-TWO")
    assert (result["unit"], result["outcome"]["value"]) == ("", [1, 1])
    assert [part["unit"] for part in result["outcome"]["parts"]] == ["hour", "item"]
    assert result["outcome"]["parts"][0]["outcome"]["missing"] == 180


def test_what_if_names_both_sides_in_their_figures(county: Console) -> None:
    _publish_two(county)
    other = write_pack(county.folder, "2", 3)
    (other / "two.toml").write_text(TWO.replace('"6h"', '"3h"'), "utf-8")
    _, text, _ = county.run("centre", "rules", "--what-if", str(other), "--as-of", "2026-06-01")
    assert "on track 1 of 2 requirements met → passed 2 of 2 requirements met" in text


def test_a_changed_rule_reaches_an_offline_school_and_the_old_one_stays(county: Console) -> None:
    county.ok("centre", "pack-publish", str(write_pack(county.folder, "1", 3)), "--activate")
    county.carry("centre", "school", "--to", "S1")
    before = county.ok("school", "rules", "--as-of", "2026-12-31")
    county.ok("centre", "pack-publish", str(write_pack(county.folder, "2", 5)), "--activate")
    county.carry("centre", "school", "--to", "S1")
    after = county.ok("school", "rules", "--as-of", "2026-12-31")
    old = county.ok("school", "rules", "--as-of", "2026-12-31", "--pack", "valley@1")
    assert (before["version"], after["version"], old["version"]) == ("1", "2", "1")
    assert _statuses(before)["Li T1"] == _statuses(old)["Li T1"] == "pass"
    assert _statuses(after)["Li T1"] != "pass"


def test_what_if_lists_only_those_whose_result_changes(county: Console) -> None:
    county.ok("centre", "pack-publish", str(write_pack(county.folder, "1", 3)), "--activate")
    other = write_pack(county.folder, "2", 5)
    data = county.ok("centre", "rules", "--what-if", str(other), "--as-of", "2026-12-31")
    changed = {each["before"]["name"] for each in data["changes"]}
    assert data["what_if"] == {"pack": "valley", "version": "2"}
    assert "Li T1" in changed
    assert county.ok("centre", "rules")["version"] == "1"


def test_publishing_twice_changes_nothing(county: Console) -> None:
    pack = str(write_pack(county.folder, "1", 3))
    first = county.ok("centre", "pack-publish", pack, "--activate")
    again = county.ok("centre", "pack-publish", pack, "--activate")
    assert (first["new"], again["new"], again["added_files"]) == (True, False, 0)


def test_a_faulty_pack_is_not_published(county: Console) -> None:
    pack = write_pack(county.folder, "1", 3)
    (pack / "rules.toml").write_text('[[rule]]\nid = "X"\n', "utf-8")
    status, _, err = county.run("centre", "pack-publish", str(pack))
    assert (status, "pack.faulty" in err) == (1, True)


def test_a_school_does_not_publish(county: Console) -> None:
    status, _, err = county.run("school", "pack-publish", str(write_pack(county.folder, "1", 3)))
    assert (status, "client.wrong_role" in err) == (1, True)


def test_an_unknown_person_is_refused(county: Console) -> None:
    status, _, err = county.run("centre", "rules", "--person", "T9")
    assert (status, "rules.no_such_person" in err) == (1, True)


def test_a_shipped_pack_is_published_by_its_id(county: Console) -> None:
    data = county.ok("centre", "pack-publish", "mianzhu", "--activate")
    listed = county.ok("centre", "pack-list")
    assert listed["active"] == f"mianzhu@{data['version']}"
    assert "mianzhu" in listed["shipped"]


def test_what_if_compares_with_another_published_version(county: Console) -> None:
    county.ok("centre", "pack-publish", str(write_pack(county.folder, "1", 3)), "--activate")
    county.ok("centre", "pack-publish", str(write_pack(county.folder, "2", 5)))
    data = county.ok("centre", "rules", "--what-if", "valley@2", "--as-of", "2026-12-31")
    assert "Li T1" in {each["before"]["name"] for each in data["changes"]}
