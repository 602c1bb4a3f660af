"""What the view asks of SQLite must grow with the change, never with the table."""

from pathlib import Path

import pytest

from xueshi_sync.schema import Field, Schema, Table
from xueshi_sync.sqlite_view import SqliteView

ENTRY = Table(
    "entry", "ledger", (Field("minutes", "int"), Field("corrects", "ref")), ("school",),
    judges=("centre",), amount="minutes", corrects="corrects",
)  # fmt: skip
PLAIN = Table("plain", "ledger", (Field("title"),), ("school",), judges=("centre",))


@pytest.fixture
def view(tmp_path: Path) -> SqliteView:
    made = SqliteView(tmp_path / "view.db", {})
    made.prepare(Schema(1, (ENTRY, PLAIN)), b"mark")
    with made.view_transaction():
        rows = [(1, rec, 30, rec - 1 if rec == 2050 else None, 1, "", 0) for rec in range(1, 3000)]
        made.insert_rows(ENTRY, rows)
        made.insert_rows(PLAIN, [(1, 1, "title", 1, "", 0)])
    return made


def test_looking_up_a_chain_walks_no_scope(view: SqliteView) -> None:
    asked: list[str] = []
    view.db.set_trace_callback(asked.append)
    view.ledger_rows(ENTRY, 1, [2049])
    view.db.set_trace_callback(None)
    plan = [row[3] for row in view.db.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()]
    searches = [step for step in plan if step.startswith("SEARCH t ")]
    assert len(searches) == 2
    assert all("rec=?" in step or "corrects=?" in step for step in searches)


def test_a_chain_is_the_entry_and_what_corrects_it(view: SqliteView) -> None:
    rows = view.ledger_rows(ENTRY, 1, [2049])
    assert [(row.rec, row.corrects, row.amount) for row in rows] == [
        (2049, None, 30),
        (2050, 2049, 30),
    ]


def test_a_ledger_without_amount_or_corrections_has_single_entries(view: SqliteView) -> None:
    assert [(row.rec, row.amount) for row in view.ledger_rows(PLAIN, 1, [1])] == [(1, 0)]
