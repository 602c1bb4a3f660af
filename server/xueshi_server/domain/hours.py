"""Hours as whole minutes: exact quarters of an hour come in, no binary fraction is ever summed."""

from decimal import Decimal, InvalidOperation
from typing import Final

from xueshi_server.domain.errors import BadValueError

QUARTER_MINUTES: Final = 15
# One entry is one training: twenty full days of twelve hours is more than any programme in the
# source documents gives at once.
HOURS_MAX: Final = 240
# Longer texts are no number of hours; Decimal would spend time on their exponents.
_TEXT_MAX: Final = 12


def parse_hours(value: object) -> int:
    """Return the minutes of `value`, a number of hours that is an exact multiple of a quarter."""
    hours = _read_decimal(value)
    if not 0 < hours <= HOURS_MAX:
        raise BadValueError("hours.out_of_range", seen=str(value), most=str(HOURS_MAX))
    minutes = hours * 60
    if minutes % QUARTER_MINUTES:
        raise BadValueError("hours.not_quarter", seen=str(value))
    return int(minutes)


def _read_decimal(value: object) -> Decimal:
    # A float is read by its shortest text: what the person saw in the cell, not its binary tail.
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    if not text:
        raise BadValueError(
            "value.missing" if value in (None, "") else "hours.unreadable", seen=text
        )
    try:
        fits = len(text) <= _TEXT_MAX and "_" not in text
        hours = Decimal(text) if fits else Decimal("NaN")
    except InvalidOperation as error:
        raise BadValueError("hours.unreadable", seen=text) from error
    if not hours.is_finite():
        raise BadValueError("hours.unreadable", seen=text[:_TEXT_MAX])
    return hours


def format_hours(minutes: int) -> str:
    """The hours of `minutes` without needless zeros: 90 is `1.5`, 120 is `2`."""
    text = f"{Decimal(minutes) / 60:.2f}"
    return text.rstrip("0").rstrip(".")


def hours_number(minutes: int) -> int | float:
    """The hours as a number for a spreadsheet or JSON; quarters are exact in binary."""
    return minutes // 60 if minutes % 60 == 0 else minutes / 60
