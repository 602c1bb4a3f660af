"""Drafts that survive, and reads that do not grow with the ledger."""

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path
from sqlite3 import Row
from typing import Final

import pytest

from tests.server.nodes import add_hour, add_person
from xueshi_server.store import sessions
from xueshi_server.store.sessions import (
    DRAFT_BYTES_MAX,
    DRAFTS_MAX,
    Drafts,
    find_session_of,
    list_attendance,
    list_hours_between,
    list_recent,
    list_sessions,
    read_around,
)
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

TODAY: Final = dt.date(2026, 3, 2)


# ---- drafts


def test_a_draft_comes_back_as_it_was_left(tmp_path: Path) -> None:
    Drafts(tmp_path, 1).save("f1", "title=one", 5)
    Drafts(tmp_path, 1).save("f1", "title=two", 6)
    (draft,) = Drafts(tmp_path, 1).list_open()
    assert (draft.form_id, draft.body, draft.saved_at_s) == ("f1", "title=two", 6)


def test_a_draft_is_its_accounts_own(tmp_path: Path) -> None:
    Drafts(tmp_path, 1).save("f1", "title=one", 5)
    assert Drafts(tmp_path, 2).list_open() == []


def test_a_draft_that_was_dropped_can_be_taken_back(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, 1)
    drafts.save("f1", "title=one", 5)
    drafts.mark("f1", "dropped")
    assert drafts.list_open() == []
    drafts.mark("f1", "open")
    assert [each.body for each in drafts.list_open()] == ["title=one"]


def test_a_draft_that_comes_after_its_form_was_saved_is_not_kept(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, 1)
    drafts.save("f1", "title=one", 5)
    drafts.mark("f1", "done", "title=all", 6)
    assert drafts.save("f1", "title=late", 7) is False
    drafts.mark("f1", "open")
    assert drafts.list_open() == []


def test_only_the_newest_drafts_are_kept(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, 1)
    for number in range(DRAFTS_MAX + 3):
        drafts.save(f"f{number:02}", "x=1", number)
    kept = [each.form_id for each in drafts.list_open()]
    assert kept == [f"f{number:02}" for number in reversed(range(3, DRAFTS_MAX + 3))]


def test_a_form_of_no_sane_size_is_not_kept(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, 1)
    assert drafts.save("f1", "x" * (DRAFT_BYTES_MAX + 1), 1) is False
    assert drafts.list_open() == []


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    Drafts(tmp_path, 1).save("f1", "title=one", 5)
    assert (tmp_path / sessions.FILE_NAME).stat().st_mode & 0o077 == 0


_WRITER: Final = """
import sys
from pathlib import Path
from sqlite3 import Row
from xueshi_server.store.sessions import Drafts
drafts = Drafts(Path(sys.argv[1]), 1)
for number in range(10**6):
    drafts.save("f1", f"title={number}", number)
    print(number, flush=True)
"""


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    (draft,) = Drafts(tmp_path, 1).list_open()
    acknowledged = [int(line) for line in said if line.endswith("\n")]
    assert draft.saved_at_s >= acknowledged[-1]


# ---- reads


def fill(school: Node, people: int = 3) -> list[int]:
    """Three people with a session each week for five weeks, one with a claim."""
    keys = [add_person(school, f"T{number}", f"Teacher {number}") for number in range(people)]
    for week in range(5):
        day = (dt.date(2026, 1, 28) + dt.timedelta(days=7 * week)).isoformat()
        with school.write(actor="admin") as action:
            action.insert("session", {"title": f"Week {week}", "date": day, "minutes": 120})
        for key in keys:
            add_hour(school, key, title=f"Week {week}", date=day, minutes=120)
    add_hour(school, keys[0], title="Claim", date="2026-02-27")
    return [key.rec for key in keys]


def test_recent_sessions_are_those_of_several_people_newest_first(school: Node) -> None:
    people = fill(school)
    scope_no = school.home_scope_no
    found = list_recent(school, scope_no, people, TODAY, limit=3)
    assert [(each.hour["title"], each.people) for each in found] == [
        ("Week 4", 3),
        ("Week 3", 3),
        ("Week 2", 3),
    ]


def test_a_day_that_is_yet_to_come_is_no_recent_session(school: Node) -> None:
    keys = [add_person(school, f"T{number}") for number in range(2)]
    for key in keys:
        add_hour(school, key, date="2030-01-01")
    people = [key.rec for key in keys]
    assert list_recent(school, school.home_scope_no, people, TODAY) == []


def test_hours_belong_to_the_session_of_their_day_and_title(school: Node) -> None:
    people = fill(school)
    around = read_around(
        school, school.home_scope_no, people, dt.date(2026, 2, 25), dt.date(2026, 2, 28)
    )
    known = {(each.session.title, each.known) for each in around.entries}
    assert ("Week 4", True) in known
    assert ("Claim", False) in known


def test_a_record_that_was_corrected_counts_once(school: Node) -> None:
    person = add_person(school)
    first = add_hour(school, person)
    add_hour(school, person, corrects=first.rec, minutes=60)
    rows = list_hours_between(
        school, school.home_scope_no, [person.rec], "2026-03-01", "2026-03-01"
    )
    assert [row["minutes"] for row in rows] == [60]


def test_attendance_holds_those_who_have_left(school: Node) -> None:
    people = fill(school)
    with school.write(actor="admin") as action:
        action.set("person", RecordKey(school.home_scope_no, people[0]), {"active": False})
    rows = list_attendance(school, school.home_scope_no, "2026-02-25", "Week 4")
    assert {row["person"] for row in rows} == set(people)


def test_a_session_is_found_by_its_day_and_title(school: Node) -> None:
    fill(school)
    assert find_session_of(school, school.home_scope_no, "2026-02-25", "Week 4") is not None
    assert find_session_of(school, school.home_scope_no, "2026-02-25", "Week 3") is None


# ---- how much is read


def test_no_read_goes_through_the_ledger(school: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement of this page reads by an index over person and date, or by a key."""
    people, scope_no = fill(school), school.home_scope_no
    asked: list[tuple[str, list[object]]] = []
    plain = Node.query

    def note(node: Node, sql: str, values: list[object] | None = None) -> list[Row]:
        asked.append((sql, list(values or [])))
        return plain(node, sql, values or [])

    monkeypatch.setattr(Node, "query", note)
    read_around(school, scope_no, people, TODAY, TODAY)
    list_recent(school, scope_no, people, TODAY)
    list_attendance(school, scope_no, "2026-02-25", "Week 4")
    list_sessions(school, scope_no, "2026-01-01", "2026-03-01")
    monkeypatch.undo()
    assert len(asked) >= 7
    for sql, values in asked:
        plan = [str(row["detail"]) for row in school.query(f"EXPLAIN QUERY PLAN {sql}", values)]
        reads = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
        assert reads, sql
        assert all(step.startswith("SEARCH") for step in reads), plan
        hours = [step for step in reads if step.split()[1] in ("h", "hour")]
        assert all("person=?" in step and "date" in step for step in hours), plan
        held = [step for step in reads if step.split()[1] == "session"]
        assert all("(scope_no=? AND date>? AND date<?)" in step for step in held), plan
