"""Export of a record type as xlsx, csv or JSON lines; what `importing` reads, it writes.

Every text is a text cell, so that no spreadsheet turns a staff number into 1.1E+17 or runs a title
that starts with an equals sign. Rows leave in a stable order.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Final

from xueshi_server.errors import UnknownFormatError
from xueshi_server.record_columns import columns_of
from xueshi_server.record_rows import read_records
from xueshi_server.record_tables import find_declared
from xueshi_server.sealing import Opener
from xueshi_server.tabular import quote_formula
from xueshi_sync.node import Node

FORMATS: Final = ("xlsx", "csv", "jsonl")
_PROGRESS_ROWS: Final = 1000
# Rows of xlsxwriter's own limit; a header takes one.
_SHEET_ROWS_MAX: Final = 1_048_575

# The spreadsheet's own number of the format Text.
TEXT_FORMAT: Final = 49

Record = dict[str, Any]


def export_rows(
    node: Node,
    type_name: str,
    output: BinaryIO,
    *,
    format: str = "xlsx",
    progress: Callable[[int, int | None], None] | None = None,
    language: str = "",
    opener: Opener | None = None,
) -> int:
    """Write all records of `type_name` that this node holds to `output`; return their number.

    Headings are the names of the columns; with a `language`, what people call them. Of personal
    numbers the end is written, all of them only with an `opener`.
    """
    if format not in _WRITERS:
        raise UnknownFormatError(format=format)
    pack, declared = find_declared(node, type_name)
    columns = columns_of(pack, declared)
    records = read_records(node, pack, declared, opener=opener)
    names = columns.names()
    titles = columns.titles(language) if language else {}
    heads = [titles.get(name, name) for name in names]
    if titles:
        records = ({titles[name]: each[name] for name in names} for each in records)
    return _WRITERS[format](output, heads, _watched(records, progress))


def _watched(
    records: Iterator[Record], progress: Callable[[int, int | None], None] | None
) -> Iterator[Record]:
    for done, record in enumerate(records, start=1):
        if progress is not None and done % _PROGRESS_ROWS == 0:
            progress(done, None)
        yield record


def _write_json_lines(output: BinaryIO, fields: Iterable[str], records: Iterable[Record]) -> int:
    names = tuple(fields)
    count = 0
    for record in records:
        shown = {name: record[name] for name in names}
        line = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
        output.write(line.encode() + b"\n")
        count += 1
    return count


def _write_csv(output: BinaryIO, fields: Iterable[str], records: Iterable[Record]) -> int:
    # The mark at the start makes spreadsheets on Chinese Windows read UTF-8.
    text = io.TextIOWrapper(output, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(fields)
    count = 0
    for record in records:
        writer.writerow([_csv_cell(record[field]) for field in fields])
        count += 1
    text.detach()
    return count


def _csv_cell(value: object) -> object:
    return quote_formula(value) if isinstance(value, str) else value


def _write_sheet(output: BinaryIO, fields: Iterable[str], records: Iterable[Record]) -> int:
    # Loaded by the first workbook: a node at rest does without.
    import xlsxwriter  # type: ignore[import-untyped]

    book = xlsxwriter.Workbook(
        output, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet("records")
    bold = book.add_format({"bold": True, "num_format": TEXT_FORMAT})
    text = book.add_format({"num_format": TEXT_FORMAT})
    names = list(fields)
    sheet.write_row(0, 0, names, bold)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(names) - 1, 16)
    count = 0
    for count, record in enumerate(records, start=1):
        if count > _SHEET_ROWS_MAX:
            raise UnknownFormatError("more rows than a sheet holds", format="xlsx")
        for column, name in enumerate(names):
            value = record[name]
            if isinstance(value, str):
                sheet.write_string(count, column, value, text)
            else:
                sheet.write_number(count, column, value)
    book.close()
    return count


_WRITERS: Final[dict[str, Callable[[BinaryIO, Iterable[str], Iterable[Record]], int]]] = {
    "xlsx": _write_sheet,
    "csv": _write_csv,
    "jsonl": _write_json_lines,
}
