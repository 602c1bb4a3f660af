"""Records in the county's own spreadsheet, cell by cell, and the same empty to be filled in.

A pack declares the form (`Sheet` in its model): title, cells above the headings, what is merged,
widths, headings and footer. Where it declares none for a type, the empty form is made of the
type's own columns. Every text is a text cell, also of an empty form: no staff number that is typed
there loses its zeros. Dates are dates, hours and money numbers.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Final

from xueshi_server.domain.fields import show_field, word_label
from xueshi_server.domain.packs.model import CodeList, FieldDeclaration, Sheet
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.exporting import TEXT_FORMAT
from xueshi_server.node_clock import today_of
from xueshi_server.record_columns import PERSON_NAME, SCHOOL, Columns, columns_of
from xueshi_server.record_rows import find_field, read_records
from xueshi_server.record_tables import find_declared, says_school
from xueshi_server.sealing import Opener
from xueshi_server.table_errors import UnknownSheetFormError
from xueshi_server.words import word
from xueshi_sync.node import Node

# What an empty form offers room for; more is filled in below.
EMPTY_ROWS: Final = 40
_ROWS_MAX: Final = 200_000
_WIDTHS: Final = {"date": 13, "hours": 8, "int": 9, "money": 11, "bool": 8, "code": 13, "long": 30,
                  "sealed": 21}  # fmt: skip
_NUMBERS: Final = ("hours", "int", "money")
# A list of choices in a cell holds 255 characters.
_CHOICES_MOST: Final = 255
_PAPER_A4: Final = 9
# A day as the county writes it; the program of the spreadsheet sorts and filters it as one.
_DATE_FORMAT: Final = "yyyy-mm-dd"


@dataclass(frozen=True, slots=True)
class SheetForm:
    """A form that a pack declares, by what people call it."""

    id: str
    of: str
    label: str


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    name: str | None
    field: FieldDeclaration | None
    width: float


def list_sheets(pack: Pack, language: str) -> list[SheetForm]:
    """Every form of a pack."""
    return [
        SheetForm(sheet_id, sheet.of, word_label(sheet.label, language))
        for sheet_id, sheet in pack.sheets.items()
    ]


def export_sheet(
    node: Node,
    type_name: str,
    output: BinaryIO,
    *,
    sheet: str = "",
    empty: bool = False,
    language: str = "zh",
    opener: Opener | None = None,
) -> int:
    """Write the form `sheet` of a type, filled or empty, to `output`; return its records.

    Without `sheet`: the type's own columns. Raises UnknownTypeError, UnknownSheetFormError.
    """
    pack, declared = find_declared(node, type_name)
    columns = columns_of(pack, declared)
    known = {name: each for name, each in pack.sheets.items() if each.of == type_name}
    if sheet and sheet not in known:
        names = ", ".join(f"{name} ({each.label.zh})" for name, each in known.items())
        raise UnknownSheetFormError(sheet=sheet, known=names)
    form = known[sheet] if sheet else _own_form(node, columns, language)
    writing = _Writing(output, form, columns, _filled_in(node), language)
    further = [name for _, name in form.columns if "." in name and not columns.column_of(name)]
    if empty:
        return writing.write(iter(()))
    return writing.write(read_records(node, pack, declared, further, opener=opener))


def _own_form(node: Node, columns: Columns, language: str) -> Sheet:
    """The columns of a type as a form: what must be filled in has a star."""
    labels = columns.titles(language)
    names = [name for name in columns.names() if name in columns.fields or name == PERSON_NAME]
    if says_school(node, columns.declared):
        names.insert(0, SCHOOL)
    wanted = {name for name, each in columns.fields.items() if each.required} | {SCHOOL}
    heads = [(labels[name] + ("*" if name in wanted else ""), name) for name in names]
    declared = columns.declared
    return Sheet(id=declared.id, label=declared.label, of=declared.id, columns=heads)


def _filled_in(node: Node) -> dict[str, str]:
    today = today_of(node)
    status = node.status()
    return {
        "school": str(status["name"]),
        "code": str(status["code"]),
        "date": today.isoformat(),
        "year": str(today.year),
    }


class _Writing:
    """One form being written, from the top down: only a few rows stand in memory."""

    def __init__(
        self,
        output: BinaryIO,
        form: Sheet,
        columns: Columns,
        filled_in: dict[str, str],
        language: str,
    ) -> None:
        # Loaded by the first workbook: a node at rest does without.
        import xlsxwriter  # type: ignore[import-untyped]

        self._form, self._pack, self._language = form, columns.pack, language
        self._filled_in = filled_in
        settings = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(output, settings)
        self._page = self._book.add_worksheet()
        self._columns = list(_columns_of(form, columns))
        look = {"num_format": TEXT_FORMAT, "border": 1, "text_wrap": True, "valign": "vcenter"}
        self._texts = self._book.add_format(look)
        self._dates = self._book.add_format(look | {"num_format": _DATE_FORMAT, "align": "center"})
        self._numbers = self._book.add_format({"border": 1, "valign": "vcenter"})

    def write(self, records: Iterator[dict[str, Any]]) -> int:
        """Write everything; the number of records."""
        self._set_page()
        header_row = self._write_top()
        self._write_header(header_row)
        count, row = 0, header_row + 1
        for count, record in enumerate(islice(records, _ROWS_MAX), start=1):
            self._write_record(row, count, record)
            row += 1
        if not count:
            row = self._write_empty(row)
        self._write_footer(row + 1)
        self._book.close()
        return count

    def _set_page(self) -> None:
        for place, column in enumerate(self._columns):
            self._page.set_column(place, place, column.width)
        self._page.set_paper(_PAPER_A4)
        self._page.fit_to_pages(1, 0)
        if sum(each.width for each in self._columns) > 95:
            self._page.set_landscape()
        self._page.set_footer("&C&P / &N")

    def _write_top(self) -> int:
        """The title and what else stands above the headings; the row of the headings."""
        from xlsxwriter.utility import xl_cell_to_rowcol  # type: ignore[import-untyped]

        form, last = self._form, len(self._columns) - 1
        cells = {xl_cell_to_rowcol(at): self._fill(text) for at, text in form.cells}
        merged = [tuple(map(xl_cell_to_rowcol, each.split(":"))) for each in form.merged]
        if form.title is not None and (0, 0) not in cells:
            cells[0, 0] = word_label(form.title, self._language)
            if last and all(start != (0, 0) for start, _ in merged):
                merged.append(((0, 0), (0, last)))
        header_row = form.header_row - 1
        below = [end[0] for _, end in merged if header_row < 0 or end[0] < header_row]
        rows = [row for row, _ in cells if header_row < 0 or row < header_row]
        if header_row < 0:
            header_row = max([*rows, *below], default=-1) + 1
        ends = dict(merged)
        for (row, place), text in sorted(cells.items()):
            if row < header_row:
                self._write_cell((row, place), ends.get((row, place)), text)
        return header_row

    def _fill(self, text: str) -> str:
        for name, value in self._filled_in.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _write_cell(self, start: tuple[int, int], end: tuple[int, int] | None, text: str) -> None:
        title = start == (0, 0)
        look = {"bold": title, "font_size": 16 if title else 11, "num_format": TEXT_FORMAT,
                "align": "center" if title else "left", "valign": "vcenter"}  # fmt: skip
        form = self._book.add_format(look)
        if title:
            self._page.set_row(0, 30)
        if end is not None and end != start:
            self._page.merge_range(*start, *end, "", form)
        self._page.write_string(*start, text, form)

    def _write_header(self, row: int) -> None:
        look = {"bold": True, "num_format": TEXT_FORMAT, "border": 1, "text_wrap": True}
        head = self._book.add_format(look | {"align": "center", "valign": "vcenter"})
        for place, column in enumerate(self._columns):
            self._page.write_string(row, place, column.heading, head)
        self._page.freeze_panes(row + 1, 0)
        self._page.repeat_rows(row)

    def _write_record(self, row: int, number: int, record: dict[str, Any]) -> None:
        for place, column in enumerate(self._columns):
            if column.name is None:
                self._page.write_number(row, place, number, self._numbers)
                continue
            value = record.get(column.name, "")
            if column.field is not None and column.field.type in ("code", "bool"):
                value = self._say(column.field, value)
            if value and column.field is not None and column.field.type == "date":
                self._page.write_datetime(row, place, dt.date.fromisoformat(value), self._dates)
            elif isinstance(value, str):
                self._page.write_string(row, place, value, self._texts)
            else:
                self._page.write_number(row, place, value, self._numbers)

    def _format_of(self, column: _Column) -> Any:
        """How an empty cell of a column takes what is typed: a number, a date, else as text."""
        kind = column.field.type if column.field is not None else "text"
        if kind in _NUMBERS:
            return self._numbers
        return self._dates if kind == "date" else self._texts

    def _say(self, field: FieldDeclaration, value: Any) -> str:
        if field.type == "bool":
            return "" if value == "" else word(f"value_word.{'yes' if value else 'no'}",
                                               self._language)  # fmt: skip
        return show_field(field, self._codes(field), value, self._language)

    def _codes(self, field: FieldDeclaration) -> CodeList | None:
        return self._pack.codes.get(field.codes or "")

    def _write_empty(self, first: int) -> int:
        """Framed rows to fill in, with the choices where a column has few; the row after them."""
        for row in range(first, first + EMPTY_ROWS):
            for place, column in enumerate(self._columns):
                if column.name is None:
                    self._page.write_number(row, place, row - first + 1, self._numbers)
                else:
                    self._page.write_blank(row, place, None, self._format_of(column))
        for place, column in enumerate(self._columns):
            codes = self._codes(column.field) if column.field is not None else None
            if codes is not None and column.field is not None and not column.field.many:
                self._offer(
                    place, first, [word_label(e.label, self._language) for e in codes.value]
                )
        return first + EMPTY_ROWS

    def _offer(self, place: int, first: int, choices: Sequence[str]) -> None:
        if len(",".join(choices)) > _CHOICES_MOST:
            return
        rule = {"validate": "list", "source": list(choices), "error_type": "warning"}
        self._page.data_validation(first, place, first + EMPTY_ROWS - 1, place, rule)

    def _write_footer(self, row: int) -> None:
        if not self._form.footer:
            return
        step = max(1, len(self._columns) // len(self._form.footer))
        for number, text in enumerate(self._form.footer):
            place = number * step
            if place >= len(self._columns):
                row, place = row + 1, 0
            self._page.write_string(row, place, text)


def _columns_of(form: Sheet, columns: Columns) -> Iterable[_Column]:
    widths = iter(form.widths)
    if form.serial:
        yield _Column(form.serial, None, None, next(widths, 6))
    for heading, name in form.columns:
        column = columns.column_of(name) or name
        field = columns.fields.get(column) or _field_of_other(columns, name)
        usual = _WIDTHS.get(field.type, 16) if field is not None else 12
        usual = 26 if field is not None and field.id in ("title", "name") else usual
        yield _Column(heading, column, field, next(widths, max(usual, _seen_width(heading))))


def _field_of_other(columns: Columns, name: str) -> FieldDeclaration | None:
    first, _, second = name.partition(".")
    each = find_field(columns.declared, first)
    target = columns.pack.types.get(each.to or "") if each is not None else None
    return find_field(target, second) if target is not None and second else None


def _seen_width(text: str) -> int:
    """Columns of type that a heading takes: wide characters count twice."""
    return min(30, sum(2 if ord(each) > 0x2E7F else 1 for each in text) + 2)
