"""Dates as people type them, kept as ISO 8601 text; and dates that deserve a second look.

Nothing is refused for being early or late: a claimed date that looks odd beside the time of
receipt is flagged for a person, because either clock may be wrong.
"""

import datetime as dt
import re
from typing import Final

from xueshi_server.domain.errors import BadValueError

FIRST_YEAR: Final = 1950
LAST_YEAR: Final = 2149
# A PC clock outside these years is a dead battery or a slip, not a date.
CLOCK_FIRST_YEAR: Final = 2020
CLOCK_LAST_YEAR: Final = 2090
# A claim may be entered at the end of the school year after the one it belongs to.
LATE_DAYS: Final = 2 * 366

# Day one of the spreadsheet calendar that xlsx and xls use.
_SHEET_EPOCH: Final = dt.date(1899, 12, 30)
# No letter stands between the parts of a date, and nothing that cannot be seen.
_BETWEEN: Final = r"[^\dA-Za-z\x00-\x1f\x7f\u2028-\u202e]"
_PARTED: Final = re.compile(
    rf"(\d{{4}}){_BETWEEN}{{1,3}}(\d{{1,2}}){_BETWEEN}{{1,3}}(\d{{1,2}}){_BETWEEN}{{0,2}}"
)
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\.0)?")
_SHEET_DAY: Final = re.compile(r"(\d{5})(?:\.0+)?")


def parse_date(value: object) -> str:
    """Return the ISO text of a date cell or of a date typed year first."""
    if isinstance(value, dt.datetime):
        return _in_range(value.date())
    if isinstance(value, dt.date):
        return _in_range(value)
    text = "" if value is None else str(value).strip()
    if not text:
        raise BadValueError("value.missing")
    if match := _SHEET_DAY.fullmatch(text):
        return _in_range(_SHEET_EPOCH + dt.timedelta(days=int(match[1])))
    day_part = text.split("T")[0].split(" 00:00")[0]
    match = _PARTED.fullmatch(day_part) or _COMPACT.fullmatch(day_part)
    if match is None:
        raise BadValueError("date.unreadable", seen=text[:40])
    try:
        return _in_range(dt.date(int(match[1]), int(match[2]), int(match[3])))
    except ValueError as error:
        raise BadValueError("date.impossible", seen=text[:40]) from error


def _in_range(day: dt.date) -> str:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadValueError(
            "date.out_of_range", seen=day.isoformat(), first=str(FIRST_YEAR), last=str(LAST_YEAR)
        )
    return day.isoformat()


def flag_odd_dates(claimed: str, entered: dt.date | None, received: dt.date | None) -> list[str]:
    """Name what is odd about a claim: `entered` is the PC's clock, `received` the receiver's.

    Codes: date.future, date.long_ago, clock.behind, clock.ahead. An unknown day is None.
    """
    flags = []
    if entered is not None and entered.year < CLOCK_FIRST_YEAR:
        flags.append("clock.behind")
    if entered is not None and entered.year > CLOCK_LAST_YEAR:
        flags.append("clock.ahead")
    trusted = received if received is not None else None if flags else entered
    if trusted is None:
        return flags
    day = dt.date.fromisoformat(claimed)
    if day > trusted:
        flags.append("date.future")
    if (trusted - day).days > LATE_DAYS:
        flags.append("date.long_ago")
    return flags
