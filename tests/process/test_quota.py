"""A broken or hostile school that pushes without end is put off; nobody else notices."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.nodes import (
    check_forms,
    check_level,
    exchange,
    level,
    make_centre,
    make_school,
    open_at,
    save_form,
    scratch,
)
from xueshi_sync import peers
from xueshi_sync.node import Node

DAY_MS = 86_400_000
NOON_MS = 20_000 * DAY_MS + DAY_MS // 2
QUOTA_BLOCKS = 4


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(peers, "NODE_DAY_BLOCKS", QUOTA_BLOCKS)
    with scratch() as path:
        make_centre(path / "centre").close()
        yield path


def _school(folder: Path, code: str, centre: Node) -> Node:
    school = make_school(folder / code, code)
    school.join(centre.invite(code, f"school {code}"))
    return school


def _save_blocks(school: Node, count: int) -> set[str]:
    """Save forms, each in a block of its own."""
    saved = set()
    for number in range(count):
        saved.add(save_form(school, f"{school.code}-{number}"))
        school.publish_barrier()
    return saved


def test_what_is_beyond_the_quota_of_a_day_comes_the_next_day(folder: Path) -> None:
    now_ms = NOON_MS
    with (
        open_at(folder / "centre", "centre", lambda: now_ms) as centre,
        _school(folder, "S1", centre) as school,
    ):
        saved = _save_blocks(school, 3 * QUOTA_BLOCKS)
        for day in range(1, 5):
            for _ in range(3):
                exchange(school, centre)
            held = centre.feeds.db.execute(
                "SELECT count(*) FROM block JOIN feed USING (feed) WHERE node = ?",
                (bytes.fromhex(school.node_id),),
            ).fetchone()[0]
            assert held == min(day * QUOTA_BLOCKS, 3 * QUOTA_BLOCKS + 1)
            now_ms += DAY_MS
        check_forms(centre, saved)
        check_level(school, centre)


def test_a_school_beyond_its_quota_keeps_nobody_else_out(folder: Path) -> None:
    with (
        open_at(folder / "centre", "centre", lambda: NOON_MS) as centre,
        _school(folder, "S1", centre) as greedy,
        _school(folder, "S2", centre) as other,
    ):
        _save_blocks(greedy, 3 * QUOTA_BLOCKS)
        exchange(greedy, centre)
        saved = _save_blocks(other, QUOTA_BLOCKS - 1)
        level(other, centre)
        check_level(other, centre)
        assert {row[0] for row in other.query("SELECT name FROM person")} == {
            f"teacher {form}" for form in saved
        }


def test_a_receipt_covers_no_block_beyond_the_quota(folder: Path) -> None:
    with (
        open_at(folder / "centre", "centre", lambda: NOON_MS) as centre,
        _school(folder, "S1", centre) as school,
    ):
        _save_blocks(school, 3 * QUOTA_BLOCKS)
        for _ in range(3):
            exchange(school, centre)
        assert school.status()["unsent_blocks"] == 2 * QUOTA_BLOCKS + 1
