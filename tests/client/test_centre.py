"""What only a centre does, and what is built beside a node: revoke, site, Datasette."""

import importlib.util
import json
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.client.console_run import TIMEOUT_S, command, environment, make_node, xueshi
from tests.client.test_commands import ROWS, by_file, joined, write_rows

LATER = [{**row, "title": f"later {row['title']}"} for row in ROWS]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A school that delivered five records to its centre."""
    school, centre = tmp_path / "school", tmp_path / "centre"
    make_node(school, "school", "S1")
    make_node(centre, "centre", "C1")
    rows = write_rows(tmp_path / "rows.jsonl", ROWS)
    assert xueshi(school, "import", "hour", str(rows)).status == 0
    joined(school, centre)
    return school, centre


def count_records(home: Path) -> int:
    return len(xueshi(home, "export", "hour", "--format", "jsonl").out.splitlines())


def test_a_revoked_nodes_later_records_do_not_count(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    school, centre = pair
    node_id = xueshi(school, "status", "--json").data["node"]
    assert xueshi(centre, "revoke", node_id, "--reason", "stolen", "--json").data["scopes"] == 1
    rows = write_rows(tmp_path / "later.jsonl", LATER)
    assert xueshi(school, "import", "hour", str(rows), "--json").data["added"] == 5
    by_file(school, centre)
    assert count_records(centre) == 5


def test_a_node_id_that_is_none_is_wrong_usage(pair: tuple[Path, Path]) -> None:
    assert xueshi(pair[1], "revoke", "S1").code == "usage"


def test_an_unknown_node_is_not_revoked(pair: tuple[Path, Path]) -> None:
    assert xueshi(pair[1], "revoke", "0" * 32).code == "client.no_such_node"


@pytest.mark.skipif(importlib.util.find_spec("material") is None, reason="no mkdocs-material")
def test_the_training_site_is_built_with_the_nodes_totals(pair: tuple[Path, Path]) -> None:
    done = xueshi(pair[1], "site", "build", "--json")
    assert done.status == 0, done.err
    folder = Path(done.data["folder"])
    assert (folder / "index.html").is_file()
    assert "node S1" in (folder / "zh" / "records.html").read_text("utf-8")


@pytest.mark.process
@pytest.mark.skipif(importlib.util.find_spec("datasette") is None, reason="no datasette")
def test_datasette_shows_the_merged_records_read_only(pair: tuple[Path, Path]) -> None:
    process = subprocess.Popen(
        [*command(), "browse", "--json"],
        env=environment(pair[1]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        url = json.loads(process.stdout.readline())["url"]
        with urllib.request.urlopen(f"{url}county/hours.json?_shape=array", timeout=30) as page:
            assert len(json.load(page)) == 5
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{url}county.json?sql=select+1", timeout=30)
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
