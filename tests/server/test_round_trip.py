"""Every type of every shipped pack leaves as a table and comes back on an empty node, equal."""

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from openpyxl import load_workbook

from tests.server.every_type import fill_county, in_order
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.sealed import is_mask
from xueshi_server.exporting import export_rows
from xueshi_server.importing import ImportReport, import_rows
from xueshi_server.pack_files import list_shipped, read_shipped
from xueshi_server.record_tables import held_by
from xueshi_server.sheet_forms import export_sheet
from xueshi_server.store.packs import load_files
from xueshi_server.store.records import BESIDE
from xueshi_sync.node import Node

COUNT: Final = 3
PACKS: Final = tuple(each for each in list_shipped() if each != "base")
SHEETS: Final = tuple(
    (pack_id, sheet)
    for pack_id in PACKS
    for sheet in load_files(read_shipped(pack_id), pack_id).sheets
)
# Kind of a field, of the cell, and how the spreadsheet shows it: "@" is text as it was typed.
KINDS: Final = {
    *((kind, "str", "@") for kind in ("text", "long", "code", "bool", "ref", "key", "sealed")),
    *(
        (kind, number, "General")
        for kind in ("hours", "int", "money")
        for number in ("int", "float")
    ),
    ("date", "datetime", "yyyy-mm-dd"),
}
TYPES: Final = tuple(
    (pack_id, of)
    for pack_id in PACKS
    for of in load_files(read_shipped(pack_id), pack_id).types
    if of not in BESIDE
)


@dataclass
class Trip:
    """A county and an empty one under the same pack, and what each type came to."""

    first: County
    second: County
    before: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reports: dict[str, list[ImportReport]] = field(default_factory=dict)

    def node(self, county: County, declared: RecordType) -> Node:
        """The node that writes records of a type, with all that the other one wrote."""
        at_school = "school" in declared.writers and declared.place == "school"
        return county._turn(at_school)


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Trip]]:
    """Made when a pack is first asked for, closed at the end."""
    with ExitStack() as stack:

        class Made(dict[str, Trip]):
            def __missing__(self, pack_id: str) -> Trip:
                folder = tmp_path_factory.mktemp(pack_id)
                (folder / "first").mkdir()
                (folder / "second").mkdir()
                counties = [
                    stack.enter_context(make_county(folder / name, pack_id))
                    for name in ("first", "second")
                ]
                self[pack_id] = trip = Trip(counties[0], counties[1])
                take_all(trip, folder)
                return trip

        yield Made()


def take_all(trip: Trip, folder: Path) -> None:
    """Export every type and import it, twice, after those that it refers to."""
    types = trip.first.pack.types
    fill_county(trip.first, COUNT)
    for of in in_order(types):
        path = folder / f"{of}.csv"
        with path.open("wb") as file:
            export_rows(trip.node(trip.first, types[of]), of, file, format="csv")
        trip.before[of] = read_all(trip.node(trip.first, types[of]), of)
        target = trip.node(trip.second, types[of])
        trip.reports[of] = [import_rows(target, of, path) for _ in range(2)]


def read_all(node: Node, of: str) -> list[dict[str, Any]]:
    """The records of a type; of personal numbers, whose end alone leaves, nothing comes back."""
    output = io.BytesIO()
    export_rows(node, of, output, format="jsonl")
    rows = [json.loads(line) for line in output.getvalue().splitlines()]
    return [
        {name: "" if is_mask(str(value)) else value for name, value in row.items() if name != "id"}
        for row in rows
    ]


@pytest.mark.parametrize(("pack_id", "of"), TYPES)
def test_a_type_comes_back_equal_on_an_empty_node(
    trips: dict[str, Trip], pack_id: str, of: str
) -> None:
    trip = trips[pack_id]
    assert (trip.reports[of][0].faults, trip.reports[of][0].added) == ((), COUNT)
    after = read_all(trip.node(trip.second, trip.first.pack.types[of]), of)
    assert (after, len(after)) == (trip.before[of], COUNT)


@pytest.mark.parametrize(("pack_id", "of"), TYPES)
def test_the_same_table_of_a_type_twice_adds_nothing(
    trips: dict[str, Trip], pack_id: str, of: str
) -> None:
    again = trips[pack_id].reports[of][1]
    assert (again.faults, again.added, again.known) == ((), 0, COUNT)


@pytest.mark.parametrize("pack_id", PACKS)
def test_every_type_but_what_stands_beside_others_is_offered_at_the_centre(
    trips: dict[str, Trip], pack_id: str
) -> None:
    trip = trips[pack_id]
    assert set(held_by(trip.first.centre, trip.first.pack)) == {
        of for pack, of in TYPES if pack == pack_id
    }


@pytest.mark.parametrize("pack_id", PACKS)
def test_a_bad_cell_of_any_type_is_named_by_row_and_column(
    trips: dict[str, Trip], pack_id: str, tmp_path: Path
) -> None:
    trip, tried = trips[pack_id], 0
    for of, declared in trip.first.pack.types.items():
        if of in BESIDE or declared.when is None:
            continue
        rows = [dict(row) for row in trip.before[of]]
        rows[1][declared.when] = "soon"
        path = tmp_path / f"{of}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        report = import_rows(trip.node(trip.second, declared), of, path)
        found = [(each.row_no, each.field, each.code) for each in report.faults]
        assert found == [(2, declared.when, "date.unreadable")], of
        tried += 1
    assert tried


# ---- the county's own sheets


def write_sheet(trip: Trip, sheet: str, folder: Path) -> tuple[Node, Path]:
    """A filled sheet of the first county, and the node that wrote it."""
    pack = trip.first.pack
    node, path = trip.node(trip.first, pack.types[pack.sheets[sheet].of]), folder / f"{sheet}.xlsx"
    with path.open("wb") as file:
        assert export_sheet(node, pack.sheets[sheet].of, file, sheet=sheet) == COUNT
    return node, path


@pytest.mark.parametrize(("pack_id", "sheet"), SHEETS)
def test_the_county_s_sheet_has_every_cell_in_its_place_and_kind(
    trips: dict[str, Trip], pack_id: str, sheet: str, tmp_path: Path
) -> None:
    trip = trips[pack_id]
    declared = trip.first.pack.sheets[sheet]
    fields = {each.id: each for each in trip.first.pack.types[declared.of].field}
    _, path = write_sheet(trip, sheet, tmp_path)
    page = load_workbook(path).worksheets[0]
    head = 2 if declared.title else 1
    assert declared.title is None or page.cell(1, 1).value == declared.title.zh
    assert [cell.value for cell in page[head]] == [heading for heading, _ in declared.columns]
    filled = [row for row in page.iter_rows(min_row=head + 1, max_row=head + COUNT)]
    seen = {
        (fields[name].type, type(row[place].value).__name__, row[place].number_format)
        for row in filled
        for place, (_, name) in enumerate(declared.columns)
        if row[place].value is not None
    }
    assert seen <= KINDS
    written = [cell.value for row in page.iter_rows(min_row=head + COUNT + 1) for cell in row]
    assert [text for text in written if text] == declared.footer


@pytest.mark.parametrize(("pack_id", "sheet"), SHEETS)
def test_the_county_s_sheet_comes_back_and_adds_nothing(
    trips: dict[str, Trip], pack_id: str, sheet: str, tmp_path: Path
) -> None:
    node, path = write_sheet(trips[pack_id], sheet, tmp_path)
    of = trips[pack_id].first.pack.sheets[sheet].of
    report = import_rows(node, of, path)
    assert (report.faults, report.added, report.known) == ((), 0, COUNT)


def test_a_sheet_of_any_type_with_a_new_row_brings_that_row_alone(
    trips: dict[str, Trip], tmp_path: Path
) -> None:
    node, path = write_sheet(trips["chongqing"], "duty_sheet", tmp_path)
    book = load_workbook(path)
    page = book.worksheets[0]
    # The footer stands below the records, with an empty row between: the new one goes there.
    for old, new in zip(page[3], page[3 + COUNT], strict=True):
        new.value = old.value
    page.cell(3 + COUNT, 4).value = "新的一条"
    book.save(path)
    report = import_rows(node, "duty_record", path, dry_run=True)
    assert (report.faults, report.would_add) == ((), 1)
