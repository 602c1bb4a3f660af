"""The rows of one sheet of a workbook, out of its XML as it comes: only what is there costs.

expat tells of each element, so that no tree of cells is built; a county's table has a quarter of a
million of them. What the elements mean: ECMA-376, part 1, 18.3.1. Declared entities are refused:
some unfold without end.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import IO, Any, Final, NamedTuple
from xml.parsers import expat

from openpyxl.utils import column_index_from_string
from openpyxl.utils.datetime import from_ISO8601
from openpyxl.xml.constants import SHEET_MAIN_NS

from xueshi_server.domain.cells import FailedCell

_CHUNK_BYTES: Final = 64 * 1024
_C, _V, _F, _T, _IS, _RPH, _ROW, _MERGE = (
    f"{SHEET_MAIN_NS} {name}" for name in ("c", "v", "f", "t", "is", "rPh", "row", "mergeCell")
)
_FLOAT_SIGNS: Final = frozenset(".Ee")


class Written(NamedTuple):
    """A number as it stands in the file, and by which style it is shown."""

    text: str
    style: int


class XmlRow(NamedTuple):
    """One row: (column from 0, what stands there) of each cell that has a value; `cells_count`
    counts the empty ones too."""

    row_no: int
    hidden: bool
    cells: list[tuple[int, object]]
    cells_count: int


class EndlessRowError(ValueError):
    """More XML than one row may have, and no end of it."""


class SheetXml:
    """Reads rows; `strings` are the texts that cells of the workbook share."""

    def __init__(self, stream: IO[bytes], strings: Sequence[str]) -> None:
        self._stream, self._strings = stream, strings
        self._parser = _make_parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._take
        self._ready: list[XmlRow] = []
        self._row_no, self._column, self._hidden = 0, 0, False
        self._cells: list[tuple[int, object]] = []
        self._cells_count = 0
        self._kind, self._style, self._has_formula = "n", 0, False
        # Text is taken inside of a value, or of the texts of a cell that has its own.
        self._taking, self._inline, self._phonetic = False, False, False
        self._parts: list[str] = []
        self._text: str | None = None

    def rows(self, row_bytes_max: int) -> Iterator[XmlRow]:
        """Every row; raises EndlessRowError, ExpatError, ValueError and LookupError at the first
        that makes no sense, after those before it."""
        unseen, data = 0, b"."
        while data:
            data = self._stream.read(_CHUNK_BYTES)
            unseen += len(data)
            if unseen > row_bytes_max:
                raise EndlessRowError
            fault: Exception | None = None
            try:
                self._parser.Parse(data, not data)
            except (expat.ExpatError, ValueError, LookupError) as error:
                fault = error
            ready, self._ready = self._ready, []
            for row in ready:
                unseen = 0
                yield row
            if fault is not None:
                raise fault

    def _start(self, name: str, given: Mapping[str, str]) -> None:
        if name == _C:
            self._kind = given.get("t", "n")
            self._style = int(given.get("s", 0))
            place = given.get("r")
            self._column = self._column + 1 if place is None else _column_of(place)
            self._has_formula, self._text = False, None
            self._cells_count += 1
        elif name == _V:
            self._taking, self._parts = True, []
        elif name == _T:
            self._taking = self._inline and not self._phonetic
        elif name == _F:
            self._has_formula = True
        elif name == _IS:
            self._inline, self._parts = True, []
        elif name == _RPH:
            self._phonetic = True
        elif name == _ROW:
            self._start_row(given)

    def _start_row(self, given: Mapping[str, str]) -> None:
        told = given.get("r")
        self._row_no = self._row_no + 1 if told is None else _whole(told)
        self._hidden = given.get("hidden") in ("1", "true")
        self._column, self._cells, self._cells_count = 0, [], 0

    def _take(self, text: str) -> None:
        if self._taking:
            self._parts.append(text)

    def _end(self, name: str) -> None:
        if name == _C:
            value = self._value()
            if value is not None:
                self._cells.append((self._column - 1, value))
        elif name == _V:
            self._taking = False
            if self._kind != "inlineStr":
                self._text = "".join(self._parts) or None
        elif name == _T:
            self._taking = False
        elif name == _RPH:
            self._phonetic = False
        elif name == _IS:
            self._inline = False
            if self._kind == "inlineStr":
                self._text = "".join(self._parts)
        elif name == _ROW:
            row = XmlRow(self._row_no, self._hidden, self._cells, self._cells_count)
            self._ready.append(row)

    def _value(self) -> object:
        text, kind = self._text, self._kind
        if text is None:
            # A formula that was never computed; one that gave no text is empty.
            return FailedCell("") if self._has_formula and kind != "str" else None
        if kind == "s":
            return self._strings[int(text)]
        if kind == "n":
            return Written(_number(text), self._style)
        if kind == "b":
            return bool(int(text))
        if kind == "e":
            return FailedCell(text)
        if kind == "d":
            return str(from_ISO8601(text))  # type: ignore[no-untyped-call]
        return text


def read_merges(stream: IO[bytes]) -> list[str]:
    """The ranges of merged cells; they stand behind all rows. Of broken XML those before."""
    found: list[str] = []

    def start(name: str, given: Mapping[str, str]) -> None:
        if name == _MERGE:
            found.append(given.get("ref", ""))

    parser = _make_parser()
    parser.StartElementHandler = start
    data = b"."
    try:
        while data:
            data = stream.read(_CHUNK_BYTES)
            parser.Parse(data, not data)
    except expat.ExpatError:
        # Told with its row when the cells are read.
        return []
    return found


def _make_parser() -> Any:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.EntityDeclHandler = _refuse_entity
    return parser


def _refuse_entity(*_: object) -> None:
    raise expat.ExpatError("an entity is declared")


@lru_cache(maxsize=4096)
def _letters(letters: str) -> int:
    return column_index_from_string(letters)


def _column_of(place: str) -> int:
    """The column, counted from 1, of a cell by its name; raises ValueError."""
    letters = place.rstrip("0123456789")
    if letters == place:
        raise ValueError(f"no cell is called {place}")
    return _letters(letters)


def _number(text: str) -> str:
    """A number as Python writes it, so that 1E3 and 1000.0 are the same."""
    return str(int(text) if _FLOAT_SIGNS.isdisjoint(text) else float(text))


def _whole(text: str) -> int:
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"no row has the number {text}")
    return int(number)
