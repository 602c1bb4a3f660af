"""An .xlsx workbook, read row by row in bounded memory.

Only what is there costs anything: a sheet that declares a million rows and has none, or one cell at
its far end, is read as what it holds. The parts are XML from anywhere: document types are refused,
so that no entity can unfold, and all that is unpacked is limited before it is read.

    book = Workbook(path)
    for row in book.rows(book.sheets[0]):
        row.cells  # column number from 0 to str, bool, SheetNumber or FailedCell
"""

import re
import zipfile
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal
from xml.parsers import expat

from xueshi_server.domain.cells import FailedCell, SheetNumber
from xueshi_server.errors import FileTooLargeError, UnreadableFileError
from xueshi_server.table_errors import (
    DamagedSheetError,
    OtherFormatError,
    ProtectedFileError,
    TooManyCellsError,
)

# What an xlsx may grow to when it is unpacked; the shared texts of it stand in memory.
UNPACKED_BYTES_MAX: Final = 256 << 20
CELLS_MAX: Final = 5_000_000
# The widest template has some sixty columns; what stands beyond is never a table of people.
COLUMNS_MAX: Final = 1000
_CHUNK_BYTES: Final = 1 << 16
_MERGES_MAX: Final = 100_000
# Formats by number that spreadsheets never write out, the Chinese ones among them.
_DAY_FORMATS: Final = {14, 15, 16, 17, 22, *range(27, 32), 36, *range(50, 55), 57, 58}
_TIME_FORMATS: Final = {18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56}
_NOT_SIGNS: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.')
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MERGE: Final = re.compile(
    rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})[\"']"
)
_PARTS: Final = {"word/": "docx", "ppt/": "pptx", "content.xml": "ods", "xl/workbook.bin": "xlsb"}

Kind = Literal["", "date", "time"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook."""

    name: str
    part: str
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row as the spreadsheet numbers it. `cells` has the value of a merged cell in each of its
    rows, `carried` the columns where it comes from above; `own` counts the cells filled here."""

    row_no: int
    cells: Mapping[int, object]
    own: int
    hidden: bool = False
    carried: Collection[int] = ()


@dataclass
class _Style:
    kind: Kind = ""
    zeros: int = 0


def column_letter(place: int) -> str:
    """The letter that a spreadsheet shows above a column."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@lru_cache(maxsize=4096)
def _column_of(letters: str) -> int:
    number = 0
    for each in letters:
        number = number * 26 + ord(each) - 64
    return number - 1


class Workbook:
    """An open workbook; close it, or use it in a `with`."""

    def __init__(self, path: Path) -> None:
        self._file = path.name
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise UnreadableFileError(file=self._file) from error
        try:
            self._check_parts()
            self.late = False
            self.sheets = self._read_sheets()
            self._styles = self._read_styles()
            self._texts = self._read_texts()
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> "Workbook":
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def _check_parts(self) -> None:
        parts = self._archive.infolist()
        if any(part.flag_bits & 1 for part in parts):
            raise ProtectedFileError(file=self._file)
        unpacked = sum(part.file_size for part in parts)
        if unpacked > UNPACKED_BYTES_MAX:
            raise FileTooLargeError(limit=UNPACKED_BYTES_MAX, actual=unpacked)
        names = {part.filename for part in parts}
        if "xl/workbook.xml" in names:
            return
        for start, kind in _PARTS.items():
            if any(name.startswith(start) for name in names):
                raise OtherFormatError(file=self._file, kind=kind)
        raise OtherFormatError(file=self._file, kind="zip")

    def _chunks(self, part: str) -> Iterator[bytes]:
        try:
            with self._archive.open(part) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    yield chunk
        except (KeyError, zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
            raise UnreadableFileError(file=self._file) from error
        except Exception as error:
            # zlib and lzma have errors of their own for a broken stream.
            if type(error).__module__ in ("zlib", "lzma", "_lzma"):
                raise UnreadableFileError(file=self._file) from error
            raise

    def _parse(self, part: str, start: "_Start", end: "_End", text: Callable[[str], None]) -> None:
        for _ in self._steps(part, start, end, text):
            pass

    def _steps(
        self, part: str, start: "_Start", end: "_End", text: Callable[[str], None]
    ) -> Iterator[None]:
        """Feed a part to the handlers, a chunk at each step."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.CharacterDataHandler = text

        def begin(name: str, given: dict[str, str]) -> None:
            """Prefixes are rare, and dear in the reading of each cell."""
            if ":" in name:
                parser.StartElementHandler = lambda name, given: start(_local(name), given)
                parser.EndElementHandler = lambda name: end(_local(name))
            else:
                parser.StartElementHandler, parser.EndElementHandler = start, end
            start(_local(name), given)

        def refuse(*_: object) -> None:
            raise UnreadableFileError(file=self._file)

        parser.StartElementHandler = begin
        parser.StartDoctypeDeclHandler = refuse
        try:
            for chunk in self._chunks(part):
                parser.Parse(chunk, False)
                yield
            parser.Parse(b"", True)
            yield
        except (expat.ExpatError, ValueError) as error:
            raise UnreadableFileError(file=self._file) from error

    def _read_sheets(self) -> list[Sheet]:
        targets = self._read_targets()
        found: list[Sheet] = []

        def start(name: str, given: dict[str, str]) -> None:
            if name == "sheet":
                mark = next((v for k, v in given.items() if k.rpartition(":")[2] == "id"), "")
                part, hidden = targets.get(mark, ""), given.get("state", "visible") != "visible"
                # A sheet of a chart alone has no rows.
                if "worksheets/" in part:
                    found.append(Sheet(given.get("name", ""), part, hidden))
            elif name == "workbookPr":
                self.late = given.get("date1904", "0") in ("1", "true")

        self._parse("xl/workbook.xml", start, _ignore, _ignore)
        return found

    def _read_targets(self) -> dict[str, str]:
        found: dict[str, str] = {}

        def start(name: str, given: dict[str, str]) -> None:
            if name == "Relationship":
                target = given.get("Target", "")
                found[given.get("Id", "")] = target.lstrip("/") if target[:1] == "/" else (
                    f"xl/{target.removeprefix('./')}"
                )  # fmt: skip

        self._parse("xl/_rels/workbook.xml.rels", start, _ignore, _ignore)
        return found

    def _has(self, part: str) -> bool:
        return part in self._archive.NameToInfo

    def _read_styles(self) -> list[_Style]:
        formats: dict[int, str] = {}
        numbers: list[int] = []
        within: list[str] = []

        def start(name: str, given: dict[str, str]) -> None:
            within.append(name)
            if name == "numFmt":
                formats[_whole(given.get("numFmtId"))] = given.get("formatCode", "")
            elif name == "xf" and "cellXfs" in within:
                numbers.append(_whole(given.get("numFmtId")))

        def end(_: str) -> None:
            within.pop()

        if self._has("xl/styles.xml"):
            self._parse("xl/styles.xml", start, end, _ignore)
        return [_style_of(number, formats.get(number)) for number in numbers]

    def _read_texts(self) -> list[str]:
        found: list[str] = []
        reader = _TextReader("si", found.append)
        if self._has("xl/sharedStrings.xml"):
            self._parse("xl/sharedStrings.xml", reader.start, reader.end, reader.text)
        return found

    def _merges(self, part: str) -> deque[tuple[int, int, int]]:
        """(first row, last row, column) of the cells merged over several rows, from the top."""
        found: set[tuple[int, int, int]] = set()
        rest = b""
        for chunk in self._chunks(part):
            rest += chunk
            for match in _MERGE.finditer(rest):
                first, last = int(match[2]), int(match[3])
                if last > first and len(found) < _MERGES_MAX:
                    found.add((first, last, _column_of(match[1].decode())))
            rest = rest[-200:]
        return deque(sorted(found))

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """Every row of a sheet that has a filled cell."""
        reader = _SheetReader(self._styles, self._texts, late=self.late)
        merges = _Merges(self._merges(sheet.part))
        last = 0
        try:
            for _ in self._steps(sheet.part, reader.start, reader.end, reader.text):
                while reader.done:
                    row = reader.done.popleft()
                    last = row.row_no
                    yield merges.fill(row)
        except UnreadableFileError as error:
            raise DamagedSheetError(file=self._file, row=str(last)) from error


_Start = Callable[[str, dict[str, str]], None]
_End = Callable[[str], None]


def _ignore(*_: object) -> None:
    return None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 8 else 0


def _style_of(number: int, code: str | None) -> _Style:
    if code is None:
        if number in _DAY_FORMATS:
            return _Style("date")
        return _Style("time" if number in _TIME_FORMATS else "")
    signs = _NOT_SIGNS.sub("", code.partition(";")[0]).lower()
    if "general" in signs:
        return _Style()
    if re.search("[yd]", signs) or signs.strip("/-. ") == "m":
        return _Style("date")
    if re.search("[hs]", signs) and "0" not in signs.partition(".")[0]:
        return _Style("time")
    return _Style(zeros=len(signs) if set(signs) == {"0"} else 0)


class _TextReader:
    """Texts with runs of their own type, without what is there for pronunciation."""

    def __init__(self, element: str, take: Callable[[str], None]) -> None:
        self._element, self._take = element, take
        self._pieces: list[str] = []
        self._in_text = False
        self._spoken = 0

    def start(self, name: str, _: dict[str, str]) -> None:
        if name == self._element:
            self._pieces = []
        elif name == "rPh":
            self._spoken += 1
        self._in_text = name == "t" and not self._spoken

    def end(self, name: str) -> None:
        self._in_text = False
        if name == "rPh":
            self._spoken -= 1
        elif name == self._element:
            self._take(_unescape("".join(self._pieces)))

    def text(self, text: str) -> None:
        if self._in_text:
            self._pieces.append(text)


def _unescape(text: str) -> str:
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


class _SheetReader:
    """Rows out of the elements of a sheet; whole ones stand in `done`."""

    def __init__(self, styles: list[_Style], texts: list[str], *, late: bool) -> None:
        self.styles, self.texts, self.late = styles, texts, late
        self.done: deque[SheetRow] = deque()
        self.row_no, self.place, self.seen, self.hidden = 0, -1, 0, False
        self._cells: dict[int, object] = {}
        self._given: dict[str, str] = {}
        self._value: list[str] = []
        self._taking = self._has_formula = False
        self._inline = _TextReader("is", self._take_inline)
        self._inline_text: str | None = None
        self._in_inline = False

    def start(self, name: str, given: dict[str, str]) -> None:
        if name == "c":
            self._start_cell(given)
        elif name == "v":
            self._taking = True
        elif name == "f":
            self._has_formula = True
        elif name == "row":
            self.row_no = _whole(given.get("r")) or self.row_no + 1
            self.hidden = given.get("hidden") in ("1", "true")
            self.place, self._cells = -1, {}
        elif name == "is":
            self._in_inline = True
            self._inline.start(name, given)
        elif self._in_inline:
            self._inline.start(name, given)

    def _start_cell(self, given: dict[str, str]) -> None:
        letters = given.get("r", "").rstrip("0123456789")
        self.place = _column_of(letters) if letters else self.place + 1
        self.seen += 1
        if self.seen > CELLS_MAX:
            raise TooManyCellsError(limit=CELLS_MAX)
        self._given, self._value = given, []
        self._taking = self._has_formula = False
        self._inline_text = None

    def text(self, text: str) -> None:
        if self._taking:
            self._value.append(text)
        elif self._in_inline:
            self._inline.text(text)

    def end(self, name: str) -> None:
        if name == "v":
            self._taking = False
        elif name == "c":
            value = self._read()
            if value is not None and 0 <= self.place < COLUMNS_MAX:
                self._cells[self.place] = value
        elif name == "row":
            own = sum(1 for each in self._cells.values() if each != "")
            if own:
                self.done.append(SheetRow(self.row_no, self._cells, own, self.hidden))
            self._cells = {}
        elif self._in_inline:
            self._inline.end(name)
            self._in_inline = name != "is"

    def _take_inline(self, text: str) -> None:
        self._inline_text = text

    def _read(self) -> object:
        kind, text = self._given.get("t", "n"), "".join(self._value)
        if kind == "inlineStr":
            return self._inline_text or None
        if not text:
            return FailedCell("") if self._has_formula and kind != "str" else None
        if kind == "s":
            return self.texts[int(text)] if text.isdecimal() and int(text) < len(self.texts) else ""
        if kind == "b":
            return text.strip() == "1"
        if kind == "e":
            return FailedCell(text)
        if kind != "n":
            return _unescape(text)
        return self._number(text.strip())

    def _number(self, text: str) -> object:
        style_no = _whole(self._given.get("s"))
        style = self.styles[style_no] if style_no < len(self.styles) else _Style()
        try:
            return SheetNumber(text, style.kind, zeros=style.zeros, late=self.late)
        except ValueError:
            return text


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
