"""An import is decided before anything is written, and every fault names its place."""

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.nodes import add_person, make_world
from xueshi_server.domain.credit import HourTotals, total_hours
from xueshi_server.domain.import_plan import FAULTS_SHOWN, ImportPlan, RawRow
from xueshi_server.record_tables import RowEntry, plan_rows
from xueshi_server.record_types import BASE_PACK
from xueshi_sync.node import Node

# T1 is here already; T7 comes with the table.
GOOD = {
    "teacher_id": "T7",
    "teacher_name": "Li Ming",
    "date": "2026-03-01",
    "form": "seminar",
    "category": "ethics",
    "title": "Reading",
    "hours": 1.5,
    "note": "",
    "recorded_by": "R1",
}
KNOWN = {"teacher_id": "T1", "teacher_name": "Wang Fang"}
CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()
FIELDS = ("teacher_id", "teacher_name", "date", "title", "hours", "note", "id")
ROWS = st.lists(st.dictionaries(st.sampled_from(FIELDS), CELLS), max_size=8)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A school that nothing is written to: these tests only plan."""
    with make_world(tmp_path_factory.mktemp("plan")) as world:
        node = world.make("school", "Hill School", "S1")
        add_person(node, "T1", "Wang Fang")
        yield node


def plan(
    node: Node, *changes: Mapping[str, object], of: str = "hour", row: Mapping[str, object] = GOOD
) -> ImportPlan[RowEntry]:
    rows = [RawRow(row_no, {**row, **change}) for row_no, change in enumerate(changes, start=2)]
    return plan_rows(node, BASE_PACK, BASE_PACK.types[of], rows)


def test_a_row_is_planned_with_exact_minutes(school: Node) -> None:
    fields = [each.id for each in BASE_PACK.types["hour"].field if each.id != "corrects"]
    (entry,) = plan(school, {}).entries
    assert entry.cells[fields.index("minutes")] == 90


def test_unknown_people_are_named_once(school: Node) -> None:
    found = plan(school, {}, {"date": "2026-03-02"}).new_people
    assert [(number, name) for (_, number), name in found.items()] == [("T7", "Li Ming")]


def test_known_people_are_not_made_again(school: Node) -> None:
    assert plan(school, KNOWN, {**KNOWN, "teacher_name": ""}).new_people == {}


def test_the_same_file_gives_the_same_entry_ids(school: Node) -> None:
    rows: list[dict[str, object]] = [{}, {}, {"title": "Other"}]
    first, second = plan(school, *rows), plan(school, *rows)
    assert [e.entry_id for e in first.entries] == [e.entry_id for e in second.entries]


def test_a_column_that_says_nothing_makes_no_other_record(school: Node) -> None:
    (bare,), (more,) = plan(school, {}).entries, plan(school, {"programme": ""}).entries
    assert bare.entry_id == more.entry_id


def test_equal_rows_without_id_are_different_entries(school: Node) -> None:
    assert len({entry.entry_id for entry in plan(school, {}, {}).entries}) == 2


def test_a_repeated_row_with_its_own_id_is_one_entry(school: Node) -> None:
    found = plan(school, {"id": "a"}, {"id": "a"})
    assert [entry.entry_id for entry in found.entries] == ["a"]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        pytest.param({"hours": "0.3"}, "hours", "hours.not_quarter", id="hours"),
        pytest.param({"date": "soon"}, "date", "date.unreadable", id="date"),
        pytest.param({"teacher_id": ""}, "teacher_id", "value.missing", id="no-teacher"),
        pytest.param({"teacher_id": 1.1e17}, "teacher_id", "person.id_as_number", id="number"),
        pytest.param({"teacher_name": ""}, "teacher_name", "value.missing", id="new-without-name"),
        pytest.param({"teacher_name": "x\x00"}, "teacher_name", "value.control", id="bad-name"),
        pytest.param({"title": " "}, "title", "value.missing", id="no-title"),
        pytest.param({"note": "x" * 1001}, "note", "value.too_long", id="long-note"),
        pytest.param({"title": "a\x00"}, "title", "value.control", id="control-character"),
        pytest.param({"id": "x" * 129}, "id", "value.too_long", id="long-id"),
        pytest.param({"level": "moon"}, "level", "value.not_a_code", id="no-code"),
    ],
)
def test_a_bad_cell_is_named_by_row_column_and_rule(
    school: Node, change: Mapping[str, object], field: str, code: str
) -> None:
    found = plan(school, KNOWN, change)
    assert (3, field, code) in [(f.row_no, f.field, f.code) for f in found.faults]


def test_a_number_without_a_column_of_names_has_to_be_known(school: Node) -> None:
    row = {name: value for name, value in GOOD.items() if name != "teacher_name"}
    (fault,) = plan(school, {}, row=row).faults
    assert (fault.field, fault.code) == ("teacher_id", "ref.unknown")


def test_one_staff_number_under_two_names_is_refused_with_both(school: Node) -> None:
    (fault,) = plan(school, {**KNOWN, "teacher_name": "Li Ning"}).faults
    assert fault.details == {"teacher": "T1", "known": "Wang Fang", "seen": "Li Ning"}


@pytest.mark.parametrize("of", ["hour", "person"])
def test_one_staff_number_under_two_names_within_the_file_is_refused(school: Node, of: str) -> None:
    found = plan(school, {}, {"teacher_name": "Li Ning"}, of=of)
    assert [(f.row_no, f.code) for f in found.faults] == [(3, "person.name_differs")]


def test_one_id_for_two_different_rows_is_refused(school: Node) -> None:
    found = plan(school, {"id": "a"}, {"id": "a", "title": "Other"})
    assert [(f.row_no, f.field, f.code) for f in found.faults] == [(3, "id", "row.id_reused")]


def test_all_faults_are_counted_and_only_the_first_are_kept(school: Node) -> None:
    found = plan(school, *[{"hours": "x"}] * 200)
    assert (found.fault_count, len(found.faults)) == (200, FAULTS_SHOWN)


def test_a_person_row_needs_a_name(school: Node) -> None:
    found = plan(school, {"teacher_name": ""}, of="person")
    assert [(f.field, f.code) for f in found.faults] == [("teacher_name", "value.missing")]


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_a_plan_is_the_same_each_time_and_each_row_is_taken_or_faulted(
    school: Node, cells: list[dict[str, object]]
) -> None:
    first, second = plan(school, *cells, row={}), plan(school, *cells, row={})
    assert first.entries == second.entries
    faulted = {fault.row_no for fault in first.faults}
    assert len(first.entries) + len(faulted) <= len(cells)


def test_totals_keep_what_counts_apart_from_what_waits() -> None:
    rows = [("approved", 60, 60), ("pending", 90, 0), ("rejected", 30, 0), ("disputed", 120, 90)]
    assert total_hours([*rows, ("replaced", 45, 0)]) == HourTotals(60 + 90, 90, 30, 30)
