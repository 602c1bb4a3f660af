"""How numbers and times are shown, in one place for both languages."""

import datetime as dt
from typing import Final

from xueshi_server.domain.hours import format_hours
from xueshi_server.words import word

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


def format_time(seconds: int | None) -> str:
    """Local time to the minute; empty when unknown or beyond what a clock can mean."""
    try:
        return dt.datetime.fromtimestamp(seconds or 0).strftime("%Y-%m-%d %H:%M") if seconds else ""
    except (OverflowError, OSError, ValueError):
        return ""


def day_of(seconds: int | None) -> dt.date | None:
    """The local day of a time; None when unknown."""
    try:
        return dt.date.fromtimestamp(seconds) if seconds else None
    except (OverflowError, OSError, ValueError):
        return None


def format_age(seconds: float, language: str) -> str:
    """How long ago, in the largest unit that fits."""
    if seconds < _MINUTE:
        return word("time.now", language)
    for unit_s, key in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds >= unit_s:
            return word(f"time.{key}", language, n=int(seconds // unit_s))
    raise AssertionError(seconds)


def format_bytes(count: int) -> str:
    """Bytes in the unit a person reads."""
    size = float(count)
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def format_count(count: int) -> str:
    """A whole number with thousands kept apart, as the command line and the site do."""
    return f"{count:,}"


def format_sum(minutes: int) -> str:
    """Hours to be read, thousands kept apart; a form takes `format_hours`."""
    whole, point, quarters = format_hours(minutes).partition(".")
    return f"{int(whole):,}{point}{quarters}"
