"""Tables as people keep them (xlsx, csv, JSON lines), read row by row under stated limits.

The kind of a file is told by what is in it, not by its name: files are renamed, and systems write
web pages that are called .xls. A row keeps the number that the spreadsheet shows. Title rows above
the header, columns in any order, Chinese or English headings, several sheets and extra columns are
all usual; what is needed is a header that names the required columns. Nothing is decided about the
values here.
"""

import csv
import io
import json
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING, Final

from xueshi_server.domain.cells import SheetRow, is_blank, show_cell
from xueshi_server.domain.import_plan import RawRow
from xueshi_server.errors import (
    FileTooLargeError,
    MissingHeaderError,
    UnreadableFileError,
)
from xueshi_server.locked_file import TableFile
from xueshi_server.table_errors import (
    NoSuchSheetError,
    OldFormatError,
    OtherFormatError,
    ProtectedFileError,
    WebPageFileError,
    WhichSheetError,
)
from xueshi_server.table_header import Header, Headings, find_header, is_record, plain_heading

if TYPE_CHECKING:
    from xueshi_server.workbook import Workbook

# A county's year of hours is about a million rows; one file is one school's or one cluster's.
ROWS_MAX: Final = 200_000
FILE_BYTES_MAX: Final = 64 << 20
# Rows that are no record are named in the report, the first of them.
_LEFT_OUT_SHOWN: Final = 20
_OLD_OFFICE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED: Final = tuple(
    name.encode("utf-16-le") for name in ("EncryptedPackage", "EncryptionInfo")
)
_STARTS: Final = {b"%PDF": "pdf", b"{\\rtf": "rtf", b"Rar!": "rar", b"7z\xbc\xaf": "7z"}
_MARKUP: Final = re.compile(rb"^[\s\xef\xbb\xbf\xff\xfe\x00]*(<|MIME-Version)", re.IGNORECASE)
_JSON_SUFFIXES: Final = (".jsonl", ".ndjson")
_TEXT_SUFFIXES: Final = (".csv", ".txt", ".tsv")
_SNIFF_BYTES: Final = 8192

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


@dataclass
class Table:
    """A table in a file. `rows` are read once; what is noted on the way is there after them."""

    rows: Iterator[RawRow]
    sheet: str = ""
    header_row: int = 0
    # Field to (letter of the column, heading).
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    not_taken: tuple[str, ...] = ()
    # Rows that are no record: number and first words; of `left_out_count` the first.
    left_out: list[tuple[int, str]] = field(default_factory=list)
    left_out_count: int = 0
    hidden_rows: int = 0


@contextmanager
def open_table(path: TableFile, headings: Headings, *, sheet: str = "") -> Iterator[Table]:
    """The table in a file, in its sheet `sheet` where there are several."""
    try:
        with path.open("rb") as file:
            start = file.read(_SNIFF_BYTES)
            size = file.seek(0, io.SEEK_END)
    except OSError as error:
        raise UnreadableFileError(file=path.name) from error
    if size > FILE_BYTES_MAX:
        raise FileTooLargeError(limit=FILE_BYTES_MAX, actual=size)
    with ExitStack() as stack:
        kind = _kind_of(path, start)
        if kind == "xlsx":
            # The reader of workbooks takes 20 MB: a node at rest does without.
            from xueshi_server.workbook import Workbook

            book = stack.enter_context(Workbook(path))
            table = _choose_sheet(book, headings, sheet, path.name)
        elif kind == "jsonl":
            lines = stack.enter_context(closing(_read_json_lines(path, headings)))
            table = Table(lines)
        else:
            rows = stack.enter_context(closing(_read_csv(path)))
            table = _make_table(rows, headings, "")
        table.rows = _limited(table.rows)
        yield table


def read_table(path: TableFile, headings: Headings) -> Iterator[RawRow]:
    """Yield the rows of a file by the fields of its headings; empty lines are passed over."""
    with open_table(path, headings) as table:
        yield from table.rows


def _limited(rows: Iterator[RawRow]) -> Iterator[RawRow]:
    for count, row in enumerate(rows, start=1):
        if count > ROWS_MAX:
            raise FileTooLargeError(limit=ROWS_MAX, actual=count)
        yield row


def _kind_of(path: TableFile, start: bytes) -> str:
    """xlsx, jsonl or csv; anything else is refused with what to do."""
    suffix = path.suffix.lower()
    if start[:4] == b"PK\x03\x04":
        return "xlsx"
    if start[:8] == _OLD_OFFICE:
        with path.open("rb") as file:
            whole = file.read()
        locked = any(mark in whole for mark in _ENCRYPTED)
        raise (ProtectedFileError if locked else OldFormatError)(file=path.name)
    for sign, other in _STARTS.items():
        if start.startswith(sign):
            raise OtherFormatError(file=path.name, kind=other)
    if _MARKUP.match(start):
        raise WebPageFileError(file=path.name)
    if suffix in _JSON_SUFFIXES:
        return "jsonl"
    if suffix not in _TEXT_SUFFIXES and not _looks_like_csv(start):
        raise UnreadableFileError(file=path.name)
    return "csv"


def _looks_like_csv(start: bytes) -> bool:
    """Whether a file with another name may be text with columns."""
    wide = start[:2] in (b"\xff\xfe", b"\xfe\xff")
    return wide or (
        b"\x00" not in start and b"\n" in start and re.search(rb"[,\t;]", start) is not None
    )


# ---- workbooks


def _choose_sheet(book: "Workbook", headings: Headings, wanted: str, file: str) -> Table:
    """The one sheet that has the header and records; raises WhichSheetError where several do."""
    names = ", ".join(each.name for each in book.sheets)
    shown = [each for each in book.sheets if not each.hidden] or book.sheets
    if wanted:
        chosen = [each for each in book.sheets if each.name.strip() == wanted.strip()]
        if not chosen:
            raise NoSuchSheetError(sheet=wanted, sheets=names)
        return _make_table(book.rows(chosen[0]), headings, chosen[0].name)
    empty: list[Table] = []
    filled: list[Table] = []
    faults: list[MissingHeaderError] = []
    for each in shown:
        try:
            table = _make_table(book.rows(each), headings, each.name)
        except MissingHeaderError as error:
            faults.append(error)
            continue
        first = next(table.rows, None)
        (empty if first is None else filled).append(table)
        table.rows = table.rows if first is None else chain([first], table.rows)
    if len(filled) > 1:
        known = [each.sheet for each in filled]
        raise WhichSheetError(sheets=", ".join(known), names=known)
    if filled or empty:
        return (filled or empty)[0]
    if not faults:
        raise UnreadableFileError(file=file)
    raise max(faults, key=lambda error: len(str(error.fields["seen"])))


def _make_table(rows: Iterator[SheetRow], headings: Headings, sheet: str) -> Table:
    header, below = find_header(rows, headings, sheet)
    letters = header.letters()
    table = Table(
        iter(()),
        sheet,
        header.row_no,
        {name: (letters[name], header.headings[place]) for name, place in header.places.items()},
        header.not_taken,
    )
    table.rows = _records(table, below, header, headings)
    return table


def _records(
    table: Table, rows: Iterator[SheetRow], header: Header, headings: Headings
) -> Iterator[RawRow]:
    for row in rows:
        values = {name: row.cells.get(place, "") for name, place in header.places.items()}
        own = (values[name] for name, at in header.places.items() if at not in row.carried)
        if all(is_blank(value) for value in own):
            continue
        # Notes go on below the first of them.
        is_note = table.left_out_count and row.own == 1 and len(headings.required) > 1
        if is_note or not is_record(row, header, headings):
            table.left_out_count += 1
            if len(table.left_out) < _LEFT_OUT_SHOWN:
                text = next(show_cell(each) for each in row.cells.values() if show_cell(each))
                table.left_out.append((row.row_no, text.strip()[:60]))
            continue
        table.hidden_rows += row.hidden
        yield RawRow(row.row_no, values)


# ---- text


def _read_json_lines(path: TableFile, headings: Headings) -> Generator[RawRow, None, None]:
    with path.open("r", encoding="utf-8-sig") as lines:
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
                    _demand_columns(values, known, headings)
                yield RawRow(row_no, known)
        except (ValueError, RecursionError) as error:
            raise UnreadableFileError(file=path.name) from error


def _demand_columns(
    given: Mapping[str, object], fields: Mapping[str, object], headings: Headings
) -> None:
    missing = [name for name in headings.required if name not in fields]
    if missing:
        seen = ", ".join(given)[:200]
        raise MissingHeaderError(missing=", ".join(missing), row="1", seen=seen, sheet="")


def _read_csv(path: TableFile) -> Generator[SheetRow, None, None]:
    encoding = _find_encoding(path)
    with path.open("r", encoding=encoding, newline="") as lines:
        sample = lines.read(_SNIFF_BYTES)
        lines.seek(0)
        reader = csv.reader(lines, delimiter=max(",\t;", key=sample.count))
        try:
            for cells in reader:
                found = {place: _unquote(text) for place, text in enumerate(cells) if text}
                if found:
                    yield SheetRow(reader.line_num, found, len(found))
        except csv.Error as error:
            raise UnreadableFileError(file=path.name) from error


def _find_encoding(path: TableFile) -> str:
    # Spreadsheets on Chinese Windows save csv as GB 18030 unless told otherwise, and "Unicode
    # text" as UTF-16 with its mark.
    with path.open("rb") as file:
        marked = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            with path.open("r", encoding=encoding) as lines:
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
