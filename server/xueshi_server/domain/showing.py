"""Exact values of rules as people read them. Nothing is rounded that a decision hangs on."""

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

from xueshi_server.domain.fields import format_money
from xueshi_server.domain.hours import format_hours
from xueshi_server.domain.rules.amounts import Number

_PLACES: Final = Decimal("0.01")


def show_number(value: Number, unit: str) -> str:
    """One exact value in its unit: minutes as hours, shares as per cent, fen as yuan."""
    if unit == "date":
        return dt.date.fromordinal(int(value)).isoformat()
    if unit == "percent":
        return f"{_decimal(Fraction(value) * 100)}%"
    if unit == "yuan":
        return format_money(int(value))
    if unit == "hour":
        whole = Fraction(value)
        return format_hours(int(whole)) if whole.denominator == 1 else _decimal(whole / 60)
    return _decimal(Fraction(value))


def _decimal(value: Fraction) -> str:
    """At most two places; a thing just short of whole is never rounded up to it."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    rounded = exact.quantize(_PLACES, ROUND_HALF_UP)
    if rounded == rounded.to_integral_value() and Fraction(rounded) != value:
        text = f"{rounded:.2f}"
        return ("<" if Fraction(rounded) > value else ">") + text.removesuffix(".00")
    text = f"{rounded:.2f}"
    return text.rstrip("0").rstrip(".")
