"""An .xlsx workbook, row by row in bounded memory: the book by openpyxl, its rows as they come.

Only what is there costs anything: a sheet that declares a million rows and has none, or one cell
at its far end, is read as what it holds. That is why the rows come from the XML (`sheet_xml`) and
not from openpyxl's read-only worksheet, which fills all gaps and knows neither merged cells nor
hidden rows, and takes ten times as long. Sizes are checked before; entities that unfold are
refused, by defusedxml in the parts that openpyxl reads.

    book = Workbook(path)
    for row in book.rows(book.sheets[0]):
        row.cells  # column number from 0 to str, bool, SheetNumber or FailedCell
"""

import re
import warnings
import zipfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from openpyxl import load_workbook
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.styles.numbers import is_date_format, is_datetime
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.datetime import MAC_EPOCH
from openpyxl.utils.escape import unescape

from xueshi_server.domain.cells import SheetNumber, SheetRow
from xueshi_server.errors import FileTooLargeError, ServerError, UnreadableFileError
from xueshi_server.locked_file import TableFile
from xueshi_server.sheet_xml import EndlessRowError, SheetXml, Written, read_merges
from xueshi_server.table_errors import (
    DamagedSheetError,
    OtherFormatError,
    ProtectedFileError,
    TooManyCellsError,
)

# What an xlsx may grow to when it is unpacked, and what of it may be other XML than sheets: texts,
# styles and names stand in memory.
UNPACKED_BYTES_MAX: Final = 256 << 20
BOOK_BYTES_MAX: Final = 64 << 20
CELLS_MAX: Final = 5_000_000
# The XML of one row, or of all that follows the rows.
ROW_BYTES_MAX: Final = 16 << 20
ROW_NO_MAX: Final = 1 << 20
# The widest template has some sixty columns; what stands beyond is never a table of people.
COLUMNS_MAX: Final = 1000
_MERGES_MAX: Final = 100_000
_PARTS: Final = {"word/": "docx", "ppt/": "pptx", "content.xml": "ods", "xl/workbook.bin": "xlsb"}
# Formats of Chinese spreadsheets that no file spells out and openpyxl has no list of.
_CHINESE_DAYS: Final = {*range(27, 32), 36, *range(50, 55), 57, 58}
# It says what it would not write again; nothing is written here.
warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook."""

    name: str
    hidden: bool
    source: Any


class Workbook:
    """An open workbook; close it, or use it in a `with`."""

    def __init__(self, path: TableFile) -> None:
        self._file = path.name
        with ExitStack() as opened:
            try:
                _check_parts(path)
                # Not the path: openpyxl goes by the suffix, and files are renamed.
                file = opened.enter_context(path.open("rb"))
                self._book: Any = load_workbook(
                    file, read_only=True, data_only=True, keep_links=False
                )
            except ServerError:
                raise
            except Exception as error:
                # openpyxl has no error of its own for what a part is missing or says.
                if isinstance(error.__cause__ or error, ParseError | DefusedXmlException):
                    raise DamagedSheetError(file=self._file, row="0") from error
                raise UnreadableFileError(file=self._file) from error
            opened.callback(self._book.close)
            self._open = opened.pop_all()
        self.late = self._book.epoch == MAC_EPOCH
        self.sheets = [
            Sheet(each.title, each.sheet_state != "visible", each) for each in self._book.worksheets
        ]
        self._styles: dict[int, tuple[Any, int]] = {}

    def __enter__(self) -> "Workbook":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """Every row of a sheet that has a filled cell."""
        last = 0
        try:
            merges = _Merges(self._merges(sheet))
            for row in self._read(sheet):
                last = row.row_no
                if row.own:
                    yield merges.fill(row)
        except ServerError:
            raise
        except Exception as error:
            raise DamagedSheetError(file=self._file, row=str(last)) from error

    def _merges(self, sheet: Sheet) -> deque[tuple[int, int, int]]:
        """(first row, last row, column) of the cells merged over several rows, from the top."""
        with sheet.source._get_source() as stream:
            ranges = read_merges(stream)
        spans = set()
        for text in ranges[:_MERGES_MAX]:
            column, first, _, last = range_boundaries(text)
            if column and first and last and last > first:
                spans.add((first, last, column - 1))
        return deque(sorted(spans))

    def _read(self, sheet: Sheet) -> Iterator[SheetRow]:
        stream = self._open.enter_context(sheet.source._get_source())
        seen = 0
        try:
            for row in SheetXml(stream, sheet.source._shared_strings).rows(ROW_BYTES_MAX):
                seen += row.cells_count
                if seen > CELLS_MAX or row.row_no > ROW_NO_MAX:
                    raise TooManyCellsError(limit=CELLS_MAX)
                cells = {
                    place: self._value(sheet, value)
                    for place, value in row.cells
                    if place < COLUMNS_MAX
                }
                own = len(cells) - sum(each == "" for each in cells.values())
                yield SheetRow(row.row_no, cells, own, row.hidden)
        except EndlessRowError as error:
            raise TooManyCellsError(limit=CELLS_MAX) from error

    def _value(self, sheet: Sheet, value: object) -> object:
        if isinstance(value, Written):
            kind, zeros = self._styles.get(value.style) or self._style(sheet, value.style)
            return SheetNumber(value.text, kind, zeros=zeros, late=self.late)
        if not isinstance(value, str) or "_x" not in value:
            return value
        # Two halves make a character, a single half is none.
        return unescape(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _style(self, sheet: Sheet, style_id: int) -> tuple[Any, int]:
        """What a number shows, a day, a time or nothing of them, and how many digits at least."""
        shown = ReadOnlyCell(sheet.source, 1, 1, 0, style_id=style_id)
        code = shown.number_format.partition(";")[0].lower()
        kind = ""
        if shown.style_array.numFmtId in _CHINESE_DAYS:
            kind = "date"
        elif is_date_format(code):
            kind = "time" if is_datetime(code) == "time" and re.search("[hs]", code) else "date"
        self._styles[style_id] = kind, len(code) if set(code) == {"0"} else 0
        return self._styles[style_id]


def _check_parts(path: TableFile) -> None:
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise ProtectedFileError(file=path.name)
    unpacked = sum(part.file_size for part in parts)
    if unpacked > UNPACKED_BYTES_MAX:
        raise FileTooLargeError(limit=UNPACKED_BYTES_MAX, actual=unpacked)
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        kinds = (kind for start, kind in _PARTS.items() if any(n.startswith(start) for n in names))
        raise OtherFormatError(file=path.name, kind=next(kinds, "zip"))
    book = sum(
        part.file_size
        for part in parts
        if not part.filename.startswith(("xl/worksheets/", "xl/media/"))
    )
    if book > BOOK_BYTES_MAX:
        raise FileTooLargeError(limit=BOOK_BYTES_MAX, actual=book)


class _Merges:
    """Gives the rows below the top of a merged cell its value."""

    def __init__(self, coming: deque[tuple[int, int, int]]) -> None:
        self._coming = coming
        # Column to (last row, value).
        self._open: dict[int, tuple[int, object]] = {}

    def fill(self, row: SheetRow) -> SheetRow:
        """The row with the values that reach into it from above."""
        filled = {place: value for place, (last, value) in self._open.items() if row.row_no <= last}
        self._open = {place: self._open[place] for place in filled}
        while self._coming and self._coming[0][0] <= row.row_no:
            first, last, place = self._coming.popleft()
            if first == row.row_no and place in row.cells:
                self._open[place] = (last, row.cells[place])
        if not filled:
            return row
        cells = {**filled, **row.cells}
        return SheetRow(row.row_no, cells, row.own, row.hidden, filled.keys() - row.cells.keys())
