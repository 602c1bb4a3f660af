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
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.parsers import expat

from xueshi_server.errors import FileTooLargeError, UnreadableFileError
from xueshi_server.sheet_xml import (
    Merges,
    SheetReader,
    SheetRow,
    Style,
    TextReader,
    column_of,
    style_of,
    whole,
)
from xueshi_server.table_errors import (
    DamagedSheetError,
    OtherFormatError,
    ProtectedFileError,
)

# What an xlsx may grow to when it is unpacked; the shared texts of it stand in memory.
UNPACKED_BYTES_MAX: Final = 256 << 20
_CHUNK_BYTES: Final = 1 << 16
_MERGES_MAX: Final = 100_000
_MERGE: Final = re.compile(
    rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})[\"']"
)
_PARTS: Final = {"word/": "docx", "ppt/": "pptx", "content.xml": "ods", "xl/workbook.bin": "xlsb"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook."""

    name: str
    part: str
    hidden: bool = False


class Workbook:
    """An open workbook; close it, or use it in a `with`."""

    def __init__(self, path: Path) -> None:
        self._file = path.name
        # Parts that are read to their end later or never.
        self._open = ExitStack()
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
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
        self._open.close()
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
                self._open.callback(stream.close)
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

    def _read_styles(self) -> list[Style]:
        formats: dict[int, str] = {}
        numbers: list[int] = []
        within: list[str] = []

        def start(name: str, given: dict[str, str]) -> None:
            within.append(name)
            if name == "numFmt":
                formats[whole(given.get("numFmtId"))] = given.get("formatCode", "")
            elif name == "xf" and "cellXfs" in within:
                numbers.append(whole(given.get("numFmtId")))

        def end(_: str) -> None:
            within.pop()

        if self._has("xl/styles.xml"):
            self._parse("xl/styles.xml", start, end, _ignore)
        return [style_of(number, formats.get(number)) for number in numbers]

    def _read_texts(self) -> list[str]:
        found: list[str] = []
        reader = TextReader("si", found.append)
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
                    found.add((first, last, column_of(match[1].decode())))
            rest = rest[-200:]
        return deque(sorted(found))

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """Every row of a sheet that has a filled cell."""
        reader = SheetReader(self._styles, self._texts, late=self.late)
        merges = Merges(self._merges(sheet.part))
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
