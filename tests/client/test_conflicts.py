"""A conflict made at two nodes is listed, shown and resolved by the command line of either."""

from pathlib import Path

import pytest

from tests.client.console_run import make_node, xueshi
from tests.client.test_commands import ROWS, by_file, joined, write_rows
from xueshi_server.record_types import SCHEMA
from xueshi_sync.context import Context
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey


def rename(home: Path, name: str) -> None:
    """Somebody at this node changes the first person's name."""
    context = Context(home.with_name(home.name + "-state"))
    with Node.open(home, schema=SCHEMA, context=context) as node:
        row = node.query("SELECT scope_no, rec FROM person WHERE staff_no = 'T001'")[0]
        with node.write(actor="clerk") as action:
            action.set("person", RecordKey(row["scope_no"], row["rec"]), {"name": name})


def exchange(school: Path, centre: Path) -> None:
    """A file there and a file back."""
    assert by_file(school, centre).status == 0
    assert by_file(centre, school, to="S1").status == 0


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A school and its centre, which renamed the same person apart from each other."""
    school, centre = tmp_path / "school", tmp_path / "centre"
    make_node(school, "school", "S1")
    make_node(centre, "centre", "C1")
    rows = write_rows(tmp_path / "rows.jsonl", ROWS)
    assert xueshi(school, "import", "hour", str(rows)).status == 0
    joined(school, centre)
    rename(school, "by the school")
    rename(centre, "by the centre")
    exchange(school, centre)
    return school, centre


def test_both_sides_list_the_same_conflict(pair: tuple[Path, Path]) -> None:
    listed = [xueshi(home, "conflicts", "--json").data["conflicts"] for home in pair]
    names = [(each[0]["shown"], [other["value"] for other in each[0]["others"]]) for each in listed]
    assert names[0] == names[1]
    assert {names[0][0], *names[0][1]} == {"by the school", "by the centre"}


def test_a_resolution_reaches_the_other_side(pair: tuple[Path, Path]) -> None:
    school, centre = pair
    record = xueshi(centre, "conflicts", "--json").data["conflicts"][0]["record"]
    done = xueshi(centre, "conflicts", "resolve", record, "name", "--value", "agreed", "--json")
    assert (done.status, done.data["value"]) == (0, "agreed")
    exchange(school, centre)
    assert [xueshi(home, "conflicts", "--json").data["count"] for home in pair] == [0, 0]
    assert '"agreed"' in xueshi(school, "export", "person", "--format", "jsonl").out


def test_keeping_what_is_shown_resolves_it(pair: tuple[Path, Path]) -> None:
    school, _ = pair
    found = xueshi(school, "conflicts", "--json").data["conflicts"][0]
    shown = xueshi(school, "conflicts", "show", found["record"], "--json").data["conflicts"]
    assert shown == [found]
    done = xueshi(school, "conflicts", "resolve", found["record"], "name", "--keep", "--json")
    assert done.data["value"] == found["shown"]
    assert xueshi(school, "conflicts", "--json").data["count"] == 0
