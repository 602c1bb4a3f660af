"""The cells of one sheet out of its XML: numbers by their styles, texts, merged cells."""

import re
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from xueshi_server.domain.cells import FailedCell, SheetNumber
from xueshi_server.table_errors import TooManyCellsError

CELLS_MAX: Final = 5_000_000
# The widest template has some sixty columns; what stands beyond is never a table of people.
COLUMNS_MAX: Final = 1000
# Formats by number that spreadsheets never write out, the Chinese ones among them.
_DAY_FORMATS: Final = {14, 15, 16, 17, 22, *range(27, 32), 36, *range(50, 55), 57, 58}
_TIME_FORMATS: Final = {18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56}
_NOT_SIGNS: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.')
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")

Kind = Literal["", "date", "time"]


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
class Style:
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
def column_of(letters: str) -> int:
    number = 0
    for each in letters:
        number = number * 26 + ord(each) - 64
    return number - 1


def whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 8 else 0


def style_of(number: int, code: str | None) -> Style:
    if code is None:
        if number in _DAY_FORMATS:
            return Style("date")
        return Style("time" if number in _TIME_FORMATS else "")
    signs = _NOT_SIGNS.sub("", code.partition(";")[0]).lower()
    if "general" in signs:
        return Style()
    if re.search("[yd]", signs) or signs.strip("/-. ") == "m":
        return Style("date")
    if re.search("[hs]", signs) and "0" not in signs.partition(".")[0]:
        return Style("time")
    return Style(zeros=len(signs) if set(signs) == {"0"} else 0)


class TextReader:
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
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    # Two halves make a character, a single half is none.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class SheetReader:
    """Rows out of the elements of a sheet; whole ones stand in `done`."""

    def __init__(self, styles: list[Style], texts: list[str], *, late: bool) -> None:
        self.styles, self.texts, self.late = styles, texts, late
        self.done: deque[SheetRow] = deque()
        self.row_no, self.place, self.seen, self.hidden = 0, -1, 0, False
        self._cells: dict[int, object] = {}
        self._given: dict[str, str] = {}
        self._value: list[str] = []
        self._taking = self._has_formula = False
        self._inline = TextReader("is", self._take_inline)
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
            self.row_no = whole(given.get("r")) or self.row_no + 1
            self.hidden = given.get("hidden") in ("1", "true")
            self.place, self._cells = -1, {}
        elif name == "is":
            self._in_inline = True
            self._inline.start(name, given)
        elif self._in_inline:
            self._inline.start(name, given)

    def _start_cell(self, given: dict[str, str]) -> None:
        letters = given.get("r", "").rstrip("0123456789")
        self.place = column_of(letters) if letters else self.place + 1
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
        style_no = whole(self._given.get("s"))
        style = self.styles[style_no] if style_no < len(self.styles) else Style()
        try:
            return SheetNumber(text, style.kind, zeros=style.zeros, late=self.late)
        except ValueError:
            return text


class Merges:
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
