"""Exact numbers: amounts as packs write them, and intervals between which a value lies.

A value is known exactly, or only from below and above while facts may still be on their way.
Dates are day numbers (`date.toordinal`). No binary floats anywhere.
"""

from fractions import Fraction
from typing import Final, Literal, NamedTuple

from xueshi_server.domain.errors import DomainError
from xueshi_server.domain.packs.amounts import read_fraction

Number = int | Fraction


class RuleError(DomainError):
    """A rule that cannot be evaluated as it is declared; `rule_code` says why."""

    code = "domain.bad_rule"

    def __init__(self, rule_code: str, **details: str) -> None:
        super().__init__(f"{rule_code} {details}")
        self.rule_code = rule_code
        self.details = details


class Interval(NamedTuple):
    """A value between two bounds, both included; None is no bound."""

    low: Number | None
    high: Number | None

    @property
    def exact(self) -> Number | None:
        """The value where both bounds are the same."""
        return self.low if self.low == self.high else None


UNKNOWN: Final = Interval(None, None)


def parse_number(text: str) -> Number | None:
    """Read an amount as packs write them; None if it is none."""
    value = read_fraction(text)
    return None if value is None else tidy(value)


def tidy(number: Number) -> Number:
    """A whole number as int, any other as it is."""
    if isinstance(number, Fraction) and number.denominator == 1:
        return number.numerator
    return number


def exactly(number: Number) -> Interval:
    """The interval of one number."""
    return Interval(number, number)


def add(one: Interval, other: Interval) -> Interval:
    """Sum of two intervals."""
    low = None if one.low is None or other.low is None else one.low + other.low
    high = None if one.high is None or other.high is None else one.high + other.high
    return Interval(low, high)


def subtract(one: Interval, other: Interval) -> Interval:
    """Difference of two intervals."""
    low = None if one.low is None or other.high is None else one.low - other.high
    high = None if one.high is None or other.low is None else one.high - other.low
    return Interval(low, high)


def divide(part: Interval, whole: Interval) -> Interval:
    """Quotient of two intervals that are not negative; unknown where the whole is nought."""
    if part.low is None or whole.low is None or whole.high == 0:
        return UNKNOWN
    low: Number = 0 if whole.high is None else tidy(Fraction(part.low) / Fraction(whole.high))
    if part.high is None or whole.low == 0:
        return Interval(low, None)
    return Interval(low, tidy(Fraction(part.high) / Fraction(whole.low)))


def divide_whole(value: Interval, per: int, rounding: Literal["up", "down"]) -> Interval:
    """Quotient rounded up or down to whole units."""
    sign = -1 if rounding == "up" else 1
    return Interval(
        None if value.low is None else sign * (sign * value.low // per),
        None if value.high is None else sign * (sign * value.high // per),
    )
