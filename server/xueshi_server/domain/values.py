"""Text fields of a record: what is trimmed, what is refused, how long each may be."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from xueshi_server.domain.errors import BadValueError

# Characters; the longest cell of the county's own templates fits twice.
TEXT_MAX: Final[Mapping[str, int]] = MappingProxyType(
    {
        "teacher_id": 40,
        "teacher_name": 60,
        "form": 40,
        "category": 40,
        "title": 200,
        "note": 1000,
        "recorded_by": 60,
        "id": 128,
    }
)
# A spreadsheet keeps 15 digits of a number; from 12 on it shows 1.1E+11 and hides the loss.
_EXACT_ID_MAX: Final = 10**11
# Control characters other than a line break, marks that turn the direction of what follows, halves
# of characters and signs for lost ones from broken files: spreadsheets and paper take none of them.
_UNWRITABLE: Final = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffd-\uffff\ud800-\udfff]"
)
_YES: Final = frozenset({"1", "1.0", "true", "yes", "y"})
_NO: Final = frozenset({"0", "0.0", "false", "no", "n"})


def parse_text(
    field: str, value: object, *, required: bool = False, most: int | None = None
) -> str:
    """Return `value` trimmed; refuse control characters, too long texts, missing ones if needed.

    `most` is the limit of a field that has no entry in TEXT_MAX.
    """
    text = "" if value is None else str(value).strip()
    if required and not text:
        raise BadValueError("value.missing")
    most = most or TEXT_MAX[field]
    if len(text) > most:
        raise BadValueError("value.too_long", most=str(most))
    if _UNWRITABLE.search(text):
        raise BadValueError("value.control")
    return text


def parse_staff_no(value: object) -> str:
    """Return a staff number as text; a long one kept as a number has lost digits already."""
    if isinstance(value, float):
        if not value.is_integer() or abs(value) >= _EXACT_ID_MAX:
            raise BadValueError("person.id_as_number", seen=str(value))
        value = int(value)
    return parse_text("teacher_id", value, required=True)


def parse_active(value: object) -> bool:
    """Return yes or no; an empty cell means yes."""
    text = "" if value is None else str(value).strip()
    return True if not text else parse_yes_no(text)


def parse_yes_no(
    value: object, yes: frozenset[str] = frozenset(), no: frozenset[str] = frozenset()
) -> bool:
    """Return yes or no; `yes` and `no` are the words of the languages, in small letters."""
    text = str(value).strip().lower()
    if text in _YES | yes:
        return True
    if text in _NO | no:
        return False
    raise BadValueError("value.not_yes_or_no", seen=text[:20])
