"""What a cell of a spreadsheet means for a field: pure, before the field itself reads the value.

A spreadsheet changes what people type: 00123 becomes 123, an ID number 1.10105E+17, a date the
number of a day, a formula nothing at all. What can be told for certain is put right here; what is
lost is refused, because nobody finds a wrong digit later.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from stdnum.cn import ric

from xueshi_server.domain.errors import BadValueError, DomainError
from xueshi_server.domain.packs.model import FieldDeclaration

# Every code a cell can be refused with beside those of the values; the catalogue has a text each.
CELL_CODES: Final = frozenset(
    {
        "cell.formula_failed",
        "cell.not_computed",
        "cell.digits_lost",
        "cell.zeros_at_end",
        "cell.time_only",
    }
)
# A spreadsheet keeps 15 digits of a number.
EXACT_DIGITS: Final = 15
_LOST: Final = 10**EXACT_DIGITS
# The days of the two calendars of spreadsheets; the second one is of old Macintoshes.
_DAY_ZERO: Final = {False: dt.datetime(1899, 12, 30), True: dt.datetime(1904, 1, 1)}
_DAYS_MAX: Final = 150_000
# Serial days from 1927 on: a smaller number in a plain cell is a year, a count, anything.
_SERIAL: Final = range(10_000, 100_000)
_MARKS: Final = re.compile("[\u200b-\u200f\u2060\ufeff]")
_POWER: Final = re.compile(r"\d(\.\d+)?E\+?\d{2}", re.IGNORECASE)
_ZEROS_AT_END: Final = re.compile(rf"\d{{{EXACT_DIGITS}}}00+")
_CLOCK: Final = re.compile(r"[T ]\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(AM|PM)?$", re.IGNORECASE)
_BRACKETED_END: Final = re.compile(r"\s*\([^()\d]*\)$")
_UNIT: Final = re.compile(r"([-+]?[\d,]*\.?\d+)\s*([^\d\s.,]+)")
_LIKE_TEXT: Final = ("text", "ref", "key")


class BadCellError(DomainError):
    """A cell that cannot be taken as it stands; worded as a bad value is."""

    code = "domain.bad_cell"

    def __init__(self, value_code: str, **details: str) -> None:
        assert value_code in CELL_CODES, value_code
        super().__init__(f"{value_code} {details}")
        self.value_code = value_code
        self.details = details


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row as the spreadsheet numbers it. `cells` has the value of a merged cell in each of its
    rows, `carried` the columns where it comes from above; `own` counts the cells filled here."""

    row_no: int
    cells: Mapping[int, object]
    own: int
    hidden: bool = False
    carried: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class FailedCell:
    """A cell whose formula gave an error (`text` is what stands there), or was never computed."""

    text: str

    def __str__(self) -> str:
        return self.text


class SheetNumber(float):
    """A number of a spreadsheet: as it is written in the file, and how the cell shows it.

    `zeros` digits at least are shown; `late` is the calendar that starts in 1904.
    """

    __slots__ = ("kind", "late", "text", "zeros")

    text: str
    kind: Literal["", "date", "time"]
    zeros: int
    late: bool

    def __new__(
        cls,
        text: str,
        kind: Literal["", "date", "time"] = "",
        *,
        zeros: int = 0,
        late: bool = False,
    ) -> "SheetNumber":
        made = super().__new__(cls, text)
        made.text, made.kind, made.zeros, made.late = text, kind, zeros, late
        return made

    def day(self) -> dt.date | None:
        """The day that the number counts; None outside the calendar."""
        if not 0 < self < _DAYS_MAX:
            return None
        return (_DAY_ZERO[self.late] + dt.timedelta(days=float(self))).date()

    def shown(self) -> str:
        """Much as the cell shows it: a date as ISO text, a number with its leading zeros."""
        if self.kind == "date" and (day := self.day()) is not None:
            return day.isoformat()
        if self.kind == "time" and 0 <= self < 1:
            return (dt.datetime.min + dt.timedelta(seconds=round(self * 86_400))).strftime("%H:%M")
        if self.is_integer() and abs(self) < _LOST:
            return str(int(self)).zfill(self.zeros)
        return self.text if abs(self) >= _LOST else f"{round(float(self), 9):.15g}"


def show_cell(value: object) -> str:
    """A cell as text, for a person who looks for it."""
    if isinstance(value, SheetNumber):
        return value.shown()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def is_blank(value: object) -> bool:
    """Whether there is nothing to see in a cell."""
    if isinstance(value, str) and value[:1].isalnum():
        # Said first, as it is so of nearly every cell.
        return False
    return value is None or (isinstance(value, str) and not _MARKS.sub("", value).strip())


def read_cell(
    declared: FieldDeclaration, value: object, units: Collection[str] = (), *, key: bool = False
) -> Any:
    """`value` as its field reads it; `key`: records go by this field.

    Raises BadCellError for what the spreadsheet lost, BadValueError for a date that is none.
    """
    if isinstance(value, FailedCell):
        raise BadCellError("cell.formula_failed" if value.text else "cell.not_computed",
                           seen=value.text)  # fmt: skip
    if isinstance(value, SheetNumber):
        return _read_number(declared, value)
    if isinstance(value, str):
        return _read_text(declared, value, units, key=key)
    return value


def _read_number(declared: FieldDeclaration, value: SheetNumber) -> Any:
    if declared.type == "date":
        return _read_day(value)
    if declared.type in ("hours", "int", "money"):
        # A formula leaves 1.4999999999999998 where people see 1.5.
        rounded = round(float(value), 6)
        return int(rounded) if rounded.is_integer() else rounded
    if declared.type in _LIKE_TEXT and abs(value) >= _LOST:
        raise BadCellError("cell.digits_lost", seen=value.text)
    if declared.type == "sealed" and abs(value) >= _LOST:
        # Not as it stands there: most of a personal number may be left of it.
        raise BadCellError("cell.digits_lost", seen=f"{value:.1E}")
    return value.shown()


def _read_day(value: SheetNumber) -> Any:
    if value.kind == "time" and value < 1:
        raise BadCellError("cell.time_only", seen=value.shown())
    if value.kind or (value.is_integer() and int(value) in _SERIAL):
        day = value.day()
        if day is None:
            raise BadValueError("date.unreadable", seen=value.text)
        return day
    return str(int(value)) if value.is_integer() else value.text


def narrow_text(declared: FieldDeclaration, value: str, *, key: bool = False) -> str:
    """What was typed for a field without invisible marks, numbers and dates in narrow signs."""
    text = tidy(value)
    if declared.type in ("long", "code") or (declared.type == "text" and not key):
        return text
    narrow = unicodedata.normalize("NFKC", text).strip()
    # Of names only a number is put into narrow signs: they stay as they are.
    return text if declared.type in _LIKE_TEXT and not narrow.isascii() else narrow


def _read_text(declared: FieldDeclaration, value: str, units: Collection[str], *, key: bool) -> str:
    text = narrow_text(declared, value, key=key)
    if declared.type in ("long", "code"):
        return text
    if declared.type in _LIKE_TEXT:
        _refuse_lost(text)
        return text
    if declared.type == "date":
        return _BRACKETED_END.sub("", _CLOCK.sub("", text)).strip()
    if declared.type in ("hours", "int", "money"):
        found = _UNIT.fullmatch(text)
        if found is not None and found[2].lower() in units:
            return found[1]
    return text


def tidy(text: str) -> str:
    """A text without the invisible marks that come with copying, tabs as spaces."""
    return _MARKS.sub("", text).replace("\r\n", "\n").replace("\t", " ").strip()


def _refuse_lost(text: str) -> None:
    if _POWER.fullmatch(text):
        raise BadCellError("cell.digits_lost", seen=text)
    if _ZEROS_AT_END.fullmatch(text) and not is_id_number(text):
        raise BadCellError("cell.zeros_at_end", seen=text, digits=str(EXACT_DIGITS))


def is_id_number(text: str) -> bool:
    """Whether the check digit of an ID number is right (GB 11643)."""
    number = text.upper()
    is_shaped = re.fullmatch(r"[0-9]{17}[0-9X]", number) is not None
    return is_shaped and ric.calc_check_digit(number) == number[-1]
