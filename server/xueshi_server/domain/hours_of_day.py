"""Hours of the day in which something may happen, also over midnight."""

import datetime as dt
import re
import unicodedata
from typing import Final

from xueshi_server.domain.errors import BadValueError

_WINDOW: Final = re.compile(r"^(\d{1,2}):(\d{2})\s*[-–—~]\s*(\d{1,2}):(\d{2})$")


def parse_hours_of_day(text: str) -> str:
    """A window as it is kept, "22:00-06:00"; empty for none. Raises BadValueError."""
    if not text.strip():
        return ""
    found = _WINDOW.match(unicodedata.normalize("NFKC", text.strip()))
    if found is None:
        raise BadValueError("time.unreadable", seen=text[:20])
    hours = [int(each) for each in found.groups()]
    try:
        start, end = dt.time(hours[0], hours[1]), dt.time(hours[2], hours[3])
    except ValueError as error:
        raise BadValueError("time.unreadable", seen=text[:20]) from error
    return f"{start:%H:%M}-{end:%H:%M}"


def is_within(window: str, now: dt.time) -> bool:
    """Whether a moment lies in a kept window; in none lies every moment."""
    if not window:
        return True
    start, end = (dt.time.fromisoformat(each) for each in window.split("-"))
    if start <= end:
        return start <= now < end
    return now >= start or now < end
