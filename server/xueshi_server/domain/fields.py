"""Values of declared fields: read from what people type or import, shown as people read them.

Stored: text, whole numbers (minutes for hours, fen for money), ISO dates, booleans, and code ids,
several of them joined by "|". What comes in as a label in either language is kept as its id.
A sealed value is bytes, of which only the end is ever shown.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from xueshi_server.domain.dates import parse_date
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import format_hours, hours_number, parse_hours
from xueshi_server.domain.identity import CHECKS
from xueshi_server.domain.packs.model import CodeList, FieldDeclaration, Label
from xueshi_server.domain.sealed import is_mask, mask_sealed
from xueshi_server.domain.values import parse_staff_no, parse_text, parse_yes_no

Value = str | int | bool | bytes | None
# Seals a checked text to the county's key.
Seal = Callable[[str], bytes]

TEXT_MOST: Final = 200
LONG_MOST: Final = 1000
# Whole numbers beyond this are slips of the keyboard: SQLite and spreadsheets keep them exactly.
NUMBER_MOST: Final = 10**12
# How people part several values in one cell.
_PARTS: Final = re.compile(r"[|、,,;;/\n]+")
# A sign before or a word behind an amount, in whatever script.
_CURRENCY: Final = re.compile(r"^\s*[^\s\w.,+-]?\s*|\s*[^\x00-\x7f]?\s*$")
_GROUPED: Final = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
# The words for yes and for no in both languages, in small letters.
YesNo = tuple[frozenset[str], frozenset[str]]
NO_WORDS: Final[YesNo] = (frozenset(), frozenset())


def word_label(label: Label, language: str) -> str:
    """A label in one language."""
    return label.en if language == "en" else label.zh


def parse_field(
    declared: FieldDeclaration,
    codes: CodeList | None,
    value: object,
    *,
    yes_no: YesNo = NO_WORDS,
    seal: Seal | None = None,
) -> Value:
    """Read one value as its field is declared; None where it is empty and may be.

    `ref` and `key` come out as the text that names the other record. Without `seal` a field that
    is sealed takes no value. Raises BadValueError.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        if declared.required:
            raise BadValueError("value.missing")
        return None
    if declared.type == "code":
        return _parse_codes(declared, codes, value)
    if declared.type == "bool":
        return parse_yes_no(value, *yes_no)
    if declared.type == "sealed":
        text = parse_sealed(declared, value)
        return None if text is None else seal_text(text, seal)
    return _PARSERS[declared.type](declared, value)


def parse_sealed(declared: FieldDeclaration, value: object) -> str | None:
    """The checked text of a field that is sealed, not sealed yet; None where there is none.

    What a table shows of a sealed value says nothing when it comes back.
    """
    text = "" if value is None else _plain(value)
    if not text or is_mask(text):
        if declared.required:
            raise BadValueError("value.missing")
        return None
    assert declared.check is not None, "a pack that was checked names the check of a sealed field"
    return CHECKS[declared.check](text)


def seal_text(text: str, seal: Seal | None) -> bytes:
    """Seal a checked text; raises BadValueError where the county's key is not known here."""
    if seal is None:
        raise BadValueError("sealed.no_key")
    return seal(text)


def _parse_codes(declared: FieldDeclaration, codes: CodeList | None, value: object) -> str:
    assert codes is not None, "a pack that was checked names the list of every code field"
    known = {other.strip().lower(): code.id for code in codes.value for other in code.synonyms}
    for code in codes.value:
        for name in (code.id, code.label.zh, code.label.en):
            known[name.strip().lower()] = code.id
    text = _plain(value)
    if text.lower() in known:
        return known[text.lower()]
    parts = [each.strip() for each in _PARTS.split(text) if each.strip()] if declared.many else []
    wrong = [each for each in parts or [text] if each.lower() not in known]
    if wrong:
        offered = ", ".join(code.label.zh for code in codes.value[:8])
        raise BadValueError("value.not_a_code", seen=wrong[0][:40], choices=offered)
    return "|".join(dict.fromkeys(known[each.lower()] for each in parts))


def _plain(value: object) -> str:
    # A spreadsheet gives the code 1 as 1.0.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _parse_text(declared: FieldDeclaration, value: object) -> str:
    most = declared.max or (LONG_MOST if declared.type == "long" else TEXT_MOST)
    return parse_text(declared.id, _plain(value), required=declared.required, most=most)


def _parse_whole(declared: FieldDeclaration, value: object) -> int:
    number = _parse_decimal(value)
    if number != number.to_integral_value():
        raise BadValueError("value.not_whole", seen=str(value)[:20])
    most = declared.max or NUMBER_MOST
    if not 0 <= number <= most:
        raise BadValueError("value.out_of_range", seen=str(value)[:20], most=str(most))
    return int(number)


def _parse_money(declared: FieldDeclaration, value: object) -> int:
    fen = _parse_decimal(_CURRENCY.sub("", str(value))) * 100
    if fen != fen.to_integral_value():
        raise BadValueError("value.not_fen", seen=str(value)[:20])
    most = declared.max or NUMBER_MOST
    if not 0 <= fen <= most:
        raise BadValueError("value.out_of_range", seen=str(value)[:20], most=str(most))
    return int(fen)


def _parse_decimal(value: object) -> Decimal:
    text = "" if isinstance(value, bool) else _ungrouped(str(value).strip())
    try:
        number = Decimal(text) if len(text) <= 20 and "_" not in text else Decimal("NaN")
    except InvalidOperation as error:
        raise BadValueError("value.no_number", seen=text[:20]) from error
    if not number.is_finite():
        raise BadValueError("value.no_number", seen=text[:20])
    return number


def _ungrouped(text: str) -> str:
    """A number without the commas between its thousands; any other comma may be a point."""
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


_PARSERS: Final[Mapping[str, Callable[[FieldDeclaration, object], Value]]] = {
    "text": _parse_text,
    "long": _parse_text,
    "int": _parse_whole,
    "money": _parse_money,
    "hours": lambda _, value: parse_hours(value),
    "date": lambda _, value: parse_date(value),
    "ref": lambda _, value: parse_staff_no(value),
    "key": lambda _, value: parse_staff_no(value),
}


def show_field(
    declared: FieldDeclaration, codes: CodeList | None, value: Value, language: str
) -> str:
    """A stored value as people read it; empty where there is none."""
    if value is None or value == "":
        return ""
    if declared.type == "code":
        return show_codes(codes, str(value), language)
    if declared.type == "hours":
        return format_hours(int(value))
    if declared.type == "money":
        return format_money(int(value))
    return mask_sealed(value) if isinstance(value, bytes) else str(value)


def show_codes(codes: CodeList | None, value: str, language: str) -> str:
    """The labels of one or several codes; an unknown code is shown as it is."""
    known = {code.id: code for code in codes.value} if codes else {}
    joint = ", " if language == "en" else "、"
    return joint.join(
        word_label(known[each].label, language) if each in known else each
        for each in value.split("|")
    )


def format_money(fen: int) -> str:
    """Yuan with two places."""
    return f"{Decimal(fen) / 100:,.2f}"


def number_of(declared: FieldDeclaration, value: Value) -> Value | float:
    """A stored value as a spreadsheet or JSON has it: hours and yuan as numbers."""
    if declared.type == "hours" and isinstance(value, int):
        return hours_number(value)
    if declared.type == "money" and isinstance(value, int):
        return value // 100 if value % 100 == 0 else value / 100
    return mask_sealed(value) if isinstance(value, bytes) else value
