"""Tables as people keep them (xlsx, csv, JSON lines), read row by row under stated limits.

A row keeps the number that the spreadsheet shows. Title rows above the header, columns in any
order, Chinese or English headings and extra columns are all usual; what is needed is a header row
that names the required columns. Nothing is decided about the values here.
"""

import csv
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from xueshi_server.domain.import_plan import RawRow
from xueshi_server.errors import (
    FileTooLargeError,
    MissingHeaderError,
    UnreadableFileError,
)

# A county's year of hours is about a million rows; one file is one school's or one cluster's.
ROWS_MAX: Final = 200_000
FILE_BYTES_MAX: Final = 64 << 20
# A sheet is unpacked in memory: what an xlsx may grow to, and how much a byte may hide.
UNPACKED_BYTES_MAX: Final = 256 << 20
# Title, subtitle, school and period stand above the header in the county's templates.
HEADER_SEARCH_ROWS: Final = 15


@dataclass(frozen=True, slots=True)
class Headings:
    """How the columns of a table are found: plain heading to field, and the fields it must have."""

    fields: Mapping[str, str]
    required: tuple[str, ...]

    def field_of(self, heading: object) -> str | None:
        """The field under a heading."""
        return self.fields.get(plain_heading(heading))


# Signs that a spreadsheet takes for a formula; written with a quote before them in csv.
FORMULA_SIGNS: Final = "=+-@\t\r"


@cache
def load_headings() -> dict[str, dict[str, str]]:
    """Record type to (heading without spaces and case, to column): what county sheets are used
    to, beside what a pack declares."""
    text = resources.files("xueshi_server").joinpath("columns.json").read_text("utf-8")
    return {
        type_name: {
            plain_heading(heading): field
            for field, headings in fields.items()
            for heading in (field, *headings)
        }
        for type_name, fields in json.loads(text).items()
    }


def plain_heading(heading: object) -> str:
    """A heading without spaces, brackets, marks and case."""
    return re.sub(r"[\s*()（）:：]", "", str(heading)).lower()


def read_table(path: Path, headings: Headings) -> Iterator[RawRow]:
    """Yield the rows of a file by the fields of its headings; empty lines are passed over."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableFileError(file=path.name) from error
    if size > FILE_BYTES_MAX:
        raise FileTooLargeError(limit=FILE_BYTES_MAX, actual=size)
    for count, row in enumerate(_choose_reader(path)(path, headings), start=1):
        if count > ROWS_MAX:
            raise FileTooLargeError(limit=ROWS_MAX, actual=count)
        yield row


def _choose_reader(path: Path) -> Any:
    readers = {".jsonl": _read_json_lines, ".ndjson": _read_json_lines, ".csv": _read_csv}
    readers |= {".txt": _read_csv, ".tsv": _read_csv}
    return readers.get(path.suffix.lower(), _read_sheet)


def _read_json_lines(path: Path, headings: Headings) -> Iterator[RawRow]:
    with path.open(encoding="utf-8-sig") as lines:
        try:
            for row_no, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                values = json.loads(line)
                if not isinstance(values, dict):
                    raise UnreadableFileError(file=path.name, row=row_no)
                known = {
                    field: value
                    for name, value in values.items()
                    if (field := headings.field_of(name)) is not None
                }
                if row_no == 1:
                    _demand_columns(known, headings)
                yield RawRow(row_no, known)
        except (ValueError, RecursionError) as error:
            raise UnreadableFileError(file=path.name) from error


def _demand_columns(fields: Mapping[str, object], headings: Headings) -> None:
    missing = [name for name in headings.required if name not in fields]
    if missing:
        raise MissingHeaderError(missing=", ".join(missing))


def _read_csv(path: Path, headings: Headings) -> Iterator[RawRow]:
    encoding = _find_encoding(path)
    with path.open(encoding=encoding, newline="") as lines:
        sample = lines.readline()
        lines.seek(0)
        delimiter = max(",\t;", key=sample.count)
        reader = csv.reader(lines, delimiter=delimiter)
        try:
            numbered = ((reader.line_num, [_unquote(c) for c in cells]) for cells in reader)
            yield from _match_header(numbered, headings)
        except csv.Error as error:
            raise UnreadableFileError(file=path.name) from error


def _find_encoding(path: Path) -> str:
    # Spreadsheets on Chinese Windows save csv as GB 18030 unless told otherwise.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            with path.open(encoding=encoding) as lines:
                while lines.read(1 << 16):
                    pass
        except UnicodeError:
            continue
        return encoding
    raise UnreadableFileError(file=path.name)


def _unquote(cell: str) -> str:
    if cell.startswith("'") and cell.lstrip("'")[:1] in FORMULA_SIGNS and cell.strip("'"):
        return cell[1:]
    return cell


def quote_formula(text: str) -> str:
    """`text` so that no spreadsheet runs it when it opens the csv; `read_table` undoes it."""
    start = text.lstrip("'")[:1]
    return f"'{text}" if start and start in FORMULA_SIGNS else text


def _read_sheet(path: Path, headings: Headings) -> Iterator[RawRow]:
    _refuse_bomb(path)
    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        numbered = enumerate(sheet.iter_rows(), start=1)
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise UnreadableFileError(file=path.name) from error
    yield from _match_header(numbered, headings)


def _refuse_bomb(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise UnreadableFileError(file=path.name) from error
    if unpacked > UNPACKED_BYTES_MAX:
        raise FileTooLargeError(limit=UNPACKED_BYTES_MAX, actual=unpacked)


def _match_header(
    numbered: Iterator[tuple[int, Sequence[Any]]], headings: Headings
) -> Iterator[RawRow]:
    columns = _find_columns(islice(numbered, HEADER_SEARCH_ROWS), headings)
    for row_no, cells in numbered:
        values = {field: cells[place] for field, place in columns.items() if place < len(cells)}
        if any(value not in ("", None) for value in values.values()):
            yield RawRow(row_no, values)


def _find_columns(
    numbered: Iterator[tuple[int, Sequence[Any]]], headings: Headings
) -> Mapping[str, int]:
    """Field to column place, read from the first row that names all that is required."""
    best: Mapping[str, int] = {}
    for _, cells in numbered:
        columns: dict[str, int] = {}
        for place, cell in enumerate(cells):
            field = headings.field_of(cell)
            if field is not None:
                columns.setdefault(field, place)
        if all(name in columns for name in headings.required):
            return columns
        best = max(best, columns, key=len)
    missing = [name for name in headings.required if name not in best]
    raise MissingHeaderError(missing=", ".join(missing))
