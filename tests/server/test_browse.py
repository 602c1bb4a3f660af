"""Datasette over the merged data: readable, level with the node, and read-only."""

import importlib.util
import json
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xueshi_server
from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from xueshi_server.browse import TABLES, copy_records, datasette_command, make_metadata
from xueshi_sync.writer import RecordKey

WAIT_S = 30


@pytest.fixture
def copied(county: County) -> tuple[Path, Path]:
    """The centre's view with one approved hour, and its copy."""
    add_hour(county.school, add_person(county.school))
    county.carry_both_ways()
    key = county.centre.find_record(county.school.public_id(first_hour(county)))
    with county.centre.write(actor="officer") as action:
        action.judge("hour", key, "approve", reason="seen")
    source, target = county.centre.home / "data" / "view.db", county.world.folder / "county.db"
    copy_records(source, target, "en")
    return source, target


def first_hour(county: County) -> RecordKey:
    return RecordKey(*county.school.query("SELECT scope_no, rec FROM hour")[0])


def read(target: Path, sql: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(target)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def test_records_stand_with_names_and_states_in_words(copied: tuple[Path, Path]) -> None:
    rows = read(copied[1], "SELECT School, Name, Title, Hours, Credited, State FROM hours")
    assert rows == [("Hill School", "Li Ming", "Reading", 1.5, 1.5, "Approved")]


def test_verdicts_and_totals_are_there_too(copied: tuple[Path, Path]) -> None:
    assert read(copied[1], "SELECT Verdict, Reason FROM verdicts") == [("Approved", "seen")]
    assert read(copied[1], "SELECT Name, Records, Credited FROM people") == [("Li Ming", 1, 1.5)]
    assert read(copied[1], 'SELECT "School name", People FROM schools') == [("Hill School", 1)]


def test_copying_again_gives_the_new_state_and_no_second_row(
    county: County, copied: tuple[Path, Path]
) -> None:
    person = add_person(county.school, "T2", "Wang Fang")
    add_hour(county.school, person, title="More")
    county.carry_both_ways()
    assert copy_records(*copied, "en")["hours"] == 2


def test_the_nodes_own_file_is_not_written(county: County, copied: tuple[Path, Path]) -> None:
    before = copied[0].read_bytes()
    copy_records(*copied, "en")
    assert copied[0].read_bytes() == before


@pytest.mark.parametrize("language", ["zh", "en"])
def test_tables_sort_by_unique_columns_only(language: str) -> None:
    tables = make_metadata(language)["databases"]["county"]["tables"]
    keys = {table.get("sort") or table["sort_desc"] for table in tables.values()}
    assert [tables[name]["sortable_columns"] for name in TABLES] == [list(keys)] * len(TABLES)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_headings_are_worded_and_unique_in_a_table(language: str) -> None:
    metadata = json.dumps(make_metadata(language), ensure_ascii=False)
    assert "browse." not in metadata


@pytest.fixture
def address(county: County, copied: tuple[Path, Path]) -> Iterator[str]:
    """Datasette over the centre's records."""
    pytest.importorskip("datasette", reason="the extra `centre` is not installed")
    command = datasette_command(county.centre.home, 0, language="en")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield read_address(process.stderr)
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()


def read_address(lines: Iterator[str] | Any) -> str:
    for line in lines:
        if "running on" in line:
            return str(line.split("running on ")[1].split()[0])
    raise AssertionError("Datasette did not start")


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.process
def test_datasette_shows_the_records_and_runs_no_sql_of_strangers(address: str) -> None:
    status, html = fetch(f"{address}/county/hours")
    assert (status, "Li Ming" in html, 'lang="en"' in html) == (200, True, True)
    assert [link for link in ("datasette.io", "https://") if link in html] == []
    assert fetch(f"{address}/county?sql=select+1")[0] == 403
    assert fetch(f"{address}/county.db")[0] == 403


@pytest.mark.process
def test_datasette_gives_every_row_when_it_pages(county: County, address: str) -> None:
    person = add_person(county.school, "T2", "Wang Fang")
    for number in range(150):
        add_hour(county.school, person, title=f"No. {number}")
    county.carry_both_ways()
    copy_records(county.centre.home / "data" / "view.db",
                 county.centre.home / "browse" / "county.db", "en")  # fmt: skip
    seen, url = [], f"{address}/county/hours.json?_shape=objects&_size=40"
    while url:
        page = json.loads(fetch(url)[1])
        seen += [row["Key"] for row in page["rows"]]
        url = page["next_url"]
    assert (len(seen), len(set(seen))) == (151, 151)


def test_the_copy_follows_the_node_while_datasette_runs(
    county: County, copied: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasette", reason="the extra `centre` is not installed")
    plugin = load_plugin()
    monkeypatch.setattr(plugin, "REFRESH_S", 0.05)
    source, target = copied
    thread = plugin.start({"source": str(source), "target": str(target), "language": "en"})
    add_hour(county.school, add_person(county.school, "T3", "Zhao"), title="Late")
    county.carry_both_ways()
    ends = time.monotonic() + WAIT_S
    late = False
    while not late and time.monotonic() < ends:
        late = ("Late",) in read(target, "SELECT Title FROM hours")
        time.sleep(0.05)
    plugin.stop()
    thread.join(WAIT_S)
    assert late


def load_plugin() -> Any:
    path = Path(xueshi_server.__file__).parent / "datasette" / "plugins" / "xueshi_refresh.py"
    spec = importlib.util.spec_from_file_location("xueshi_refresh", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["xueshi_refresh"] = module
    spec.loader.exec_module(module)
    return module
