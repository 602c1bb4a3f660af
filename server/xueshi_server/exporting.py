"""Export of a record type as xlsx, csv or JSON lines; what `importing` reads, it writes.

Every text is a text cell, so that no spreadsheet turns a staff number into 1.1E+17 or runs a title
that starts with an equals sign. Rows leave in a stable order.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from sqlite3 import Row
from typing import Any, BinaryIO, Final

import xlsxwriter  # type: ignore[import-untyped]

from xueshi_server.domain.hours import hours_number
from xueshi_server.errors import UnknownFormatError
from xueshi_server.record_tables import (
    export_fields,
    export_titles,
    find_declared,
    read_records,
)
from xueshi_server.tabular import quote_formula
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

HOUR_FIELDS: Final = (
    "teacher_id",
    "teacher_name",
    "date",
    "form",
    "category",
    "title",
    "hours",
    "note",
    "recorded_by",
    "id",
)
PERSON_FIELDS: Final = ("teacher_id", "teacher_name", "active", "id")
FORMATS: Final = ("xlsx", "csv", "jsonl")
# One read of the database: small beside a page cache, large beside its overhead.
_BATCH_ROWS: Final = 5000
_PROGRESS_ROWS: Final = 1000
# Rows of xlsxwriter's own limit; a header takes one.
_SHEET_ROWS_MAX: Final = 1_048_575

Record = dict[str, Any]


def export_rows(
    node: Node,
    type_name: str,
    output: BinaryIO,
    *,
    format: str = "xlsx",
    progress: Callable[[int, int | None], None] | None = None,
    language: str = "",
) -> int:
    """Write all records of `type_name` that this node holds to `output`; return their number.

    Headings are field ids; with a `language`, of types that the pack declares, their labels.
    """
    if format not in _WRITERS:
        raise UnknownFormatError(format=format)
    if type_name in _READERS:
        fields, read = _READERS[type_name]
        return _WRITERS[format](output, fields, _watched(read(node), progress))
    pack, declared = find_declared(node, type_name)
    fields, records = export_fields(declared), read_records(node, pack, declared)
    if language:
        titles = export_titles(declared, language)
        fields = tuple(titles[name] for name in fields)
        records = ({titles[name]: value for name, value in each.items()} for each in records)
    return _WRITERS[format](output, fields, _watched(records, progress))


def _watched(
    records: Iterator[Record], progress: Callable[[int, int | None], None] | None
) -> Iterator[Record]:
    for done, record in enumerate(records, start=1):
        if progress is not None and done % _PROGRESS_ROWS == 0:
            progress(done, None)
        yield record


def _read_hours(node: Node) -> Iterator[Record]:
    for row in _pages(
        node,
        "SELECT h.*, p.staff_no, p.name FROM hour h LEFT JOIN person p"
        " ON p.scope_no = h.scope_no AND p.rec = h.person"
        " WHERE (h.scope_no, h.rec) > (?, ?) AND h.state NOT IN ('replaced', 'void')"
        " ORDER BY h.scope_no, h.rec LIMIT ?",
    ):
        yield {
            "teacher_id": row["staff_no"] or "",
            "teacher_name": row["name"] or "",
            "date": row["date"],
            "form": row["form"] or "",
            "category": row["category"] or "",
            "title": row["title"] or "",
            "hours": hours_number(row["minutes"] or 0),
            "note": row["note"] or "",
            "recorded_by": row["recorded_by"] or "",
            "id": node.public_id(RecordKey(row["scope_no"], row["rec"])),
        }


def _read_people(node: Node) -> Iterator[Record]:
    for row in _pages(
        node,
        "SELECT * FROM person WHERE (scope_no, rec) > (?, ?) AND NOT deleted"
        " ORDER BY scope_no, rec LIMIT ?",
    ):
        yield {
            "teacher_id": row["staff_no"] or "",
            "teacher_name": row["name"] or "",
            "active": 1 if row["active"] is None or row["active"] else 0,
            "id": node.public_id(RecordKey(row["scope_no"], row["rec"])),
        }


def _pages(node: Node, sql: str) -> Iterator[Row]:
    after = (-1, -1)
    while rows := node.query(sql, [*after, _BATCH_ROWS]):
        yield from rows
        after = (rows[-1]["scope_no"], rows[-1]["rec"])


def _write_json_lines(output: BinaryIO, _fields: Iterable[str], records: Iterable[Record]) -> int:
    count = 0
    for record in records:
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
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
    book = xlsxwriter.Workbook(
        output, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet("records")
    bold = book.add_format({"bold": True, "num_format": "@"})
    text = book.add_format({"num_format": "@"})
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


_READERS: Final[dict[str, tuple[tuple[str, ...], Callable[[Node], Iterator[Record]]]]] = {
    "hour": (HOUR_FIELDS, _read_hours),
    "person": (PERSON_FIELDS, _read_people),
}
_WRITERS: Final[dict[str, Callable[[BinaryIO, Iterable[str], Iterable[Record]], int]]] = {
    "xlsx": _write_sheet,
    "csv": _write_csv,
    "jsonl": _write_json_lines,
}
