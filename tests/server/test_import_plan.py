"""An import is decided before anything is written, and every fault names its place."""

from collections.abc import Mapping

import pytest

from xueshi_server.domain.credit import HourTotals, total_hours
from xueshi_server.domain.import_plan import (
    FAULTS_SHOWN,
    RawRow,
    plan_hour_import,
    plan_person_import,
)

GOOD = {
    "teacher_id": "T1",
    "teacher_name": "Li Ming",
    "date": "2026-03-01",
    "form": "seminar",
    "category": "ethics",
    "title": "Reading",
    "hours": 1.5,
    "note": "",
    "recorded_by": "R1",
}


def make_rows(*changes: Mapping[str, object]) -> list[RawRow]:
    return [RawRow(row_no, GOOD | dict(change)) for row_no, change in enumerate(changes, start=2)]


def test_a_row_is_planned_with_exact_minutes() -> None:
    plan = plan_hour_import(make_rows({}), {})
    assert [(entry.staff_no, entry.minutes) for entry in plan.entries] == [("T1", 90)]


def test_unknown_people_are_named_once() -> None:
    plan = plan_hour_import(make_rows({}, {"date": "2026-03-02"}), {})
    assert plan.new_people == {"T1": "Li Ming"}


def test_known_people_are_not_made_again() -> None:
    assert plan_hour_import(make_rows({}), {"T1": "Li Ming"}).new_people == {}


def test_the_same_file_gives_the_same_entry_ids() -> None:
    rows = make_rows({}, {}, {"title": "Other"})
    first, second = plan_hour_import(rows, {}), plan_hour_import(rows, {})
    assert [e.entry_id for e in first.entries] == [e.entry_id for e in second.entries]


def test_equal_rows_without_id_are_different_entries() -> None:
    plan = plan_hour_import(make_rows({}, {}), {})
    assert len({entry.entry_id for entry in plan.entries}) == 2


def test_a_repeated_row_with_its_own_id_is_one_entry() -> None:
    plan = plan_hour_import(make_rows({"id": "a"}, {"id": "a"}), {})
    assert [entry.entry_id for entry in plan.entries] == ["a"]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        pytest.param({"hours": "0.3"}, "hours", "hours.not_quarter", id="hours"),
        pytest.param({"date": "soon"}, "date", "date.unreadable", id="date"),
        pytest.param({"teacher_id": ""}, "teacher_id", "value.missing", id="no-teacher"),
        pytest.param({"teacher_id": 1.1e17}, "teacher_id", "person.id_as_number", id="number"),
        pytest.param(
            {"teacher_id": "T2", "teacher_name": ""},
            "teacher_name",
            "value.missing",
            id="new-without-name",
        ),
        pytest.param({"title": " "}, "title", "value.missing", id="no-title"),
        pytest.param({"note": "x" * 1001}, "note", "value.too_long", id="long-note"),
        pytest.param({"title": "a\x00"}, "title", "value.control", id="control-character"),
    ],
)
def test_a_bad_cell_is_named_by_row_field_and_rule(
    change: Mapping[str, object], field: str, code: str
) -> None:
    plan = plan_hour_import(make_rows({}, change), {})
    assert (3, field, code) in [(f.row_no, f.field, f.code) for f in plan.faults]


def test_one_staff_number_under_two_names_is_refused_with_both() -> None:
    plan = plan_hour_import(make_rows({"teacher_name": "Li Ning"}), {"T1": "Li Ming"})
    assert plan.faults[0].details == {"teacher": "T1", "known": "Li Ming", "seen": "Li Ning"}


def test_one_staff_number_under_two_names_within_the_file_is_refused() -> None:
    plan = plan_hour_import(make_rows({}, {"teacher_name": "Li Ning"}), {})
    assert plan.faults[0].code == "person.name_differs"


def test_one_id_for_two_different_rows_is_refused() -> None:
    plan = plan_hour_import(make_rows({"id": "a"}, {"id": "a", "title": "Other"}), {})
    assert [(f.row_no, f.field, f.code) for f in plan.faults] == [(3, "id", "row.id_reused")]


def test_all_faults_are_counted_and_only_the_first_are_kept() -> None:
    plan = plan_hour_import(make_rows(*[{"hours": "x"}] * 200), {})
    assert (plan.fault_count, len(plan.faults)) == (200, FAULTS_SHOWN)


def test_people_already_here_under_the_same_name_are_left_alone() -> None:
    rows = [RawRow(2, {"teacher_id": "T1", "teacher_name": "Li Ming"})]
    assert plan_person_import(rows, {"T1": "Li Ming"}).entries == []


def test_a_person_row_needs_a_name() -> None:
    plan = plan_person_import([RawRow(2, {"teacher_id": "T1", "teacher_name": ""})], {})
    assert [(f.field, f.code) for f in plan.faults] == [("teacher_name", "value.missing")]


def test_totals_keep_what_counts_apart_from_what_waits() -> None:
    rows = [("approved", 60, 60), ("pending", 90, 0), ("rejected", 30, 0), ("disputed", 120, 90)]
    assert total_hours([*rows, ("replaced", 45, 0)]) == HourTotals(60 + 90, 90, 30, 30)
