"""What the doctor says about a machine, check by check."""

import sqlite3
from pathlib import Path

import pytest

from xueshi_client import doctor
from xueshi_client.doctor import BUILD_MS, check_clock, check_databases, check_disk, check_port
from xueshi_client.words import find_word

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("now_ms", "receipt_ms", "code"),
    [
        pytest.param(BUILD_MS + DAY_MS, None, "clock", id="right"),
        pytest.param(978_307_200_000, None, "clock_behind", id="2001"),
        pytest.param(4_070_908_800_000, None, "clock_ahead", id="2099"),
        pytest.param(BUILD_MS + DAY_MS, BUILD_MS + 9 * DAY_MS, "clock_before_receipt", id="behind"),
        pytest.param(BUILD_MS + DAY_MS, BUILD_MS + DAY_MS + 1, "clock", id="a-moment-apart"),
    ],
)
def test_the_clock_is_judged(now_ms: int, receipt_ms: int | None, code: str) -> None:
    assert [each.code for each in check_clock(now_ms, receipt_ms)] == [code]


@pytest.mark.parametrize(
    ("free", "level"), [(10**10, "ok"), (300_000_000, "look"), (1_000_000, "bad")]
)
def test_a_full_disk_is_seen(free: int, level: str) -> None:
    assert [each.level for each in check_disk(free)] == [level]


def _make_databases(home: Path) -> None:
    (home / "data").mkdir()
    for name in doctor.DATABASES:
        database = sqlite3.connect(home / name)
        database.execute("CREATE TABLE t (x)")
        database.executemany("INSERT INTO t VALUES (?)", [("word" * 100,)] * 200)
        database.commit()
        database.close()


def test_sound_databases_are_told_from_a_damaged_one(tmp_path: Path) -> None:
    _make_databases(tmp_path)
    data = bytearray((tmp_path / "data" / "view.db").read_bytes())
    data[4096:8192] = b"\xff" * 4096
    (tmp_path / "data" / "view.db").write_bytes(data)
    assert [each.code for each in check_databases(tmp_path)] == ["database", "view_damaged"]


def test_a_missing_node_is_said(tmp_path: Path) -> None:
    assert [each.code for each in check_databases(tmp_path)] == ["no_node"]


def test_a_free_port_is_found_free(tmp_path: Path) -> None:
    assert [each.code for each in check_port(tmp_path, 1)] == ["port_free"]


def test_an_unreachable_centre_is_no_fault_of_the_machine() -> None:
    found = list(doctor.check_centres(["http://127.0.0.1:1"]))
    assert [(each.level, each.code) for each in found] == [("look", "centre_not_listening")]


def test_without_a_centre_the_file_is_named() -> None:
    assert [each.code for each in doctor.check_centres([])] == ["no_centre"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_finding_has_its_words(language: str) -> None:
    codes = ["clock", "clock_behind", "clock_ahead", "clock_before_receipt", "disk", "disk_low"]
    codes += ["no_node", "database", "feed_damaged", "view_damaged", "serving", "port_free"]
    codes += ["port_taken", "firewall_windows", "firewall_other", "no_centre", "centre_reached"]
    codes += ["centre_unknown_name", "centre_unreachable", "certificate", "certificate_ending"]
    codes += ["centre_not_listening", "centre_silent"]
    codes += ["certificate_wrong"]
    assert [each for each in codes if find_word(f"doctor.{each}", language) is None] == []
