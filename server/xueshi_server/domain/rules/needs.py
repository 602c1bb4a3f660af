"""Whether a value meets its need, and if not, whether it still can.

Bounds are compared as intervals: a need holds, does not hold, or is not known yet. While the
window is open an unmet need is on track or at risk:

- at risk when the share that is missing (without what waits for a review) is greater than the
  share of the window that is left by more than a tenth; for a need of few whole things by more
  than half of one of them (one case a term is at risk from the middle of the term);
- lost when the days left cannot bring it, where one day can bring only so much.

A limit (`at_most`) that is kept is only on track until the window ends, if facts still come.
"""

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from xueshi_server.domain.rules.amounts import Interval, Number, tidy
from xueshi_server.domain.rules.results import Needed, Outcome, Status
from xueshi_server.domain.rules.spans import Span, add_days

_SLACK: Final = Fraction(1, 10)
_RISING: Final = ("at_least", "more_than", "present")


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of a judgement: the day, the window, and whether facts of it can still happen."""

    as_of: dt.date
    span: Span
    open: bool
    grows: bool = True
    daily: Number | None = None


def holds(value: Interval, need: Needed) -> bool | None:
    """Whether a value meets a need; None while the bounds leave it open."""
    low, high = need.low or Interval(None, None), need.high or Interval(None, None)
    if need.op == "at_least" or need.op == "present":
        return _reaches(value, low)
    if need.op == "more_than":
        return _not(_stays(value, low))
    if need.op == "at_most":
        return _stays(value, high)
    if need.op == "less_than":
        return _not(_reaches(value, high))
    above, below = _reaches(value, low), _stays(value, high)
    if above is False or below is False:
        return False
    return True if above and below else None


def judge(value: Interval, need: Needed, waiting: Number, moment: Moment) -> Outcome:
    """The outcome for one value."""
    met = holds(value, need)
    missing = None if met else _missing(value, need)
    if need.op in _RISING:
        status, last = _rising(value, need, met, waiting, moment)
    else:
        status, last = _bounded(value, need, met, moment)
    return Outcome(status, met, value, need, missing, waiting, last)


def _rising(
    value: Interval, need: Needed, met: bool | None, waiting: Number, moment: Moment
) -> tuple[Status, dt.date | None]:
    if met:
        return "pass", None
    goal = None if need.low is None else need.low.high
    if not moment.open or goal is None or value.low is None:
        return ("unknown" if met is None else "fail"), None
    lacking = goal - value.low
    last = last_chance(lacking, moment.daily, moment.span)
    if moment.as_of > last:
        return ("unknown" if met is None else "fail"), last
    pace: Status = "at_risk" if _behind(goal, lacking - waiting, moment) else "on_track"
    return ("unknown" if met is None and pace == "at_risk" else pace), last


def _bounded(
    value: Interval, need: Needed, met: bool | None, moment: Moment
) -> tuple[Status, dt.date | None]:
    if met is None:
        return "unknown", None
    if met:
        waits = need.op in ("at_most", "less_than") and moment.grows and moment.open
        return "on_track" if waits else "pass", None
    if not moment.open:
        return "fail", None
    if not moment.grows:
        # It may go up and down until the window ends.
        return "at_risk", moment.span.last
    goal = None if need.low is None else need.low.low
    if goal is None or value.high is None or value.high >= goal:
        return "fail", None
    lacking = goal - value.high
    last = last_chance(lacking, moment.daily, moment.span)
    if moment.as_of > last:
        return "fail", last
    return "at_risk" if _behind(goal, lacking, moment) else "on_track", last


def last_chance(lacking: Number, daily: Number | None, span: Span) -> dt.date:
    """The last day on which so much can still be done; that day itself is taken as over."""
    if daily is None or daily <= 0:
        return span.last
    return add_days(span.last, int(-(-lacking // daily)) * -1)


def _behind(goal: Number, lacking: Number, moment: Moment) -> bool:
    """Whether more is missing than the time that is left brings at an even pace."""
    span = moment.span
    if goal <= 0 or lacking <= 0 or span.open_start:
        return False
    gone = (moment.as_of - span.first).days + 1
    left = 1 - Fraction(max(gone, 0), span.day_count)
    slack = _SLACK if moment.daily is not None else max(_SLACK, 1 / Fraction(goal) / 2)
    return Fraction(lacking) / Fraction(goal) > left + slack


def _missing(value: Interval, need: Needed) -> Number | None:
    """How much more is needed, or how much is too much, by what is known."""
    floor = None if need.low is None else need.low.high
    ceiling = None if need.high is None else need.high.low
    if floor is not None and value.low is not None and value.low <= floor:
        strict = need.op == "more_than" and isinstance(floor, int) and isinstance(value.low, int)
        return tidy(floor - value.low + strict)
    if ceiling is not None and value.low is not None and value.low >= ceiling:
        return tidy(value.low - ceiling)
    return None


def _reaches(value: Interval, bound: Interval) -> bool | None:
    if value.low is not None and bound.high is not None and value.low >= bound.high:
        return True
    if value.high is not None and bound.low is not None and value.high < bound.low:
        return False
    return None


def _stays(value: Interval, bound: Interval) -> bool | None:
    if value.high is not None and bound.low is not None and value.high <= bound.low:
        return True
    if value.low is not None and bound.high is not None and value.low > bound.high:
        return False
    return None


def _not(known: bool | None) -> bool | None:
    return None if known is None else not known
