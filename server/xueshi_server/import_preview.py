"""What an import would make of each row, kept in a file for the page that shows it.

One line of JSON a row, written while the rows are planned; an index at the end says where each page
begins and which rows are new or have faults. A page of any file is read at once, and memory does
not grow with the file.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Literal

from xueshi_server.domain.cells import show_cell
from xueshi_server.domain.import_plan import RawRow, RowFault
from xueshi_server.domain.sealed import mask_text

# Rows of a page of the preview: some 30 KB.
PAGE_ROWS: Final = 50
_CELL_MOST: Final = 120

Standing = Literal["new", "known", "faulty"]
STANDINGS: Final[tuple[Standing, ...]] = ("faulty", "new", "known")


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A row as it was understood; a cell with a fault as it stands in the file."""

    row_no: int
    standing: Standing
    cells: Mapping[str, str]
    faults: tuple[RowFault, ...]


@dataclass
class PreviewWriter:
    """Writes a preview; `fields` are the columns that the file has, in its order."""

    path: Path
    fields: Sequence[str] = ()
    # Columns of which only the end is written down.
    sealed: Collection[str] = ()
    _file: BinaryIO | None = None
    _places: dict[Standing, array[int]] = field(
        default_factory=lambda: {each: array("q") for each in STANDINGS}
    )
    _all: array[int] = field(default_factory=lambda: array("q"))

    def __enter__(self) -> PreviewWriter:
        self._file = self.path.open("wb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._file is not None
        self._file.close()
        if kind is None:
            index = {"fields": list(self.fields), "all": self._all.tolist()}
            index |= {each: places.tolist() for each, places in self._places.items()}
            self.path.with_suffix(".index").write_text(json.dumps(index), "ascii")

    def add(
        self, row: RawRow, standing: Standing, shown: Mapping[str, str], faults: Sequence[RowFault]
    ) -> None:
        """Note one row; `shown` are the values that were understood, by column."""
        assert self._file is not None
        cells = {
            name: (shown.get(name) or self._as_given(name, row))[:_CELL_MOST]
            for name in self.fields
        }
        told = [(each.field, each.code, dict(each.details)) for each in faults]
        place = self._file.tell()
        line = json.dumps([row.row_no, standing, cells, told], ensure_ascii=False)
        # Halves of characters from broken files are shown as such.
        self._file.write(line.encode("utf-8", "replace") + b"\n")
        self._places[standing].append(place)
        self._all.append(place)

    def _as_given(self, name: str, row: RawRow) -> str:
        """A cell as it stands in the file; of a personal number its end."""
        text = show_cell(row.values.get(name))
        return mask_text(text) if text.strip() and name in self.sealed else text


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """A page of a preview, out of `pages`; `counts` has the rows of each standing."""

    fields: tuple[str, ...]
    rows: tuple[PreviewRow, ...]
    number: int
    pages: int
    counts: Mapping[str, int]


def read_preview(path: Path, *, number: int = 1, standing: str = "") -> PreviewPage:
    """One page, counted from 1; `standing` narrows it to those rows. Raises OSError."""
    index: dict[str, Any] = json.loads(path.with_suffix(".index").read_text("ascii"))
    places = index[standing if standing in STANDINGS else "all"]
    pages = max(1, -(-len(places) // PAGE_ROWS))
    number = min(max(number, 1), pages)
    rows = []
    with path.open("rb") as file:
        for place in places[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]:
            file.seek(place)
            rows.append(_read_row(file.readline()))
    counts = {str(each): len(index[each]) for each in STANDINGS}
    return PreviewPage(tuple(index["fields"]), tuple(rows), number, pages, counts)


def _read_row(line: bytes) -> PreviewRow:
    row_no, standing, cells, told = json.loads(line)
    faults = tuple(RowFault(row_no, name, code, details) for name, code, details in told)
    return PreviewRow(row_no, standing, cells, faults)
