"""What several outcomes come to together. Outcomes are combined without looking at their values:

all_of   one that fails makes it fail, then unknown, at risk, on track; exempt members are left out.
any_of   one that passes (or is exempt) is enough; else the best of the others.
some_of  so many must pass.
none_of  one that holds makes it fail. A veto that does not strike holds not.
A member that does not apply to the subject, or asks nothing, is left out of all of them.
"""

import datetime as dt
from collections.abc import Sequence

from xueshi_server.domain.rules.amounts import Interval, Number, exactly
from xueshi_server.domain.rules.results import Needed, Outcome, Part, Status

_OPEN = ("on_track", "at_risk")
_GOOD = ("pass", "exempt")
# The worst first: what one member makes of the whole.
_WORST: tuple[Status, ...] = ("fail", "vetoed", "unknown", "at_risk", "on_track", "pass", "exempt")
# The best first: what the others leave of the whole where one is enough.
_BEST: tuple[Status, ...] = ("pass", "exempt", "on_track", "at_risk", "unknown", "fail", "vetoed")


def all_of(parts: Sequence[Part]) -> Outcome:
    """All members are needed."""
    if nothing := _asks_nothing(parts):
        return nothing
    parts = _asked(parts)
    statuses = [part.outcome.status for part in parts]
    status: Status = next((each for each in _WORST if each in statuses), "exempt")
    if status == "vetoed":
        status = "fail"
    good, maybe = _counts(parts)
    free = statuses.count("exempt")
    needed = Needed("all_of", exactly(len(parts) - free))
    last = [day for part in parts if (day := _last(part)) is not None]
    return _outcome(status, needed, good - free, maybe, parts, min(last, default=None))


def any_of(parts: Sequence[Part]) -> Outcome:
    """One member is enough."""
    return some_of(parts, 1, "any_of")


def some_of(parts: Sequence[Part], count: Number, op: str = "some_of") -> Outcome:
    """So many members are needed."""
    if nothing := _asks_nothing(parts):
        return nothing
    if len(asked := _asked(parts)) < len(parts):
        parts, count = asked, min(count, len(asked))
    statuses = [part.outcome.status for part in parts]
    good, maybe = _counts(parts)
    unknown = statuses.count("unknown")
    still = sum(each in _OPEN for each in statuses)
    last = [day for part in parts if (day := _last(part)) is not None]
    status: Status
    if good >= count:
        status = "pass"
    elif good + unknown + still < count:
        status = "fail"
    elif good + still >= count:
        sure = good + statuses.count("on_track")
        status = "on_track" if sure >= count else "at_risk"
    else:
        status = "unknown"
    needed = Needed("any_of" if op == "any_of" else "some_of", exactly(count))
    return _outcome(status, needed, good, maybe, parts, max(last, default=None))


def none_of(parts: Sequence[Part]) -> Outcome:
    """No member may hold."""
    if nothing := _asks_nothing(parts):
        return nothing
    parts = _asked(parts)
    known = [_holds(part.outcome) for part in parts]
    still = any(part.outcome.status in _OPEN for part in parts)
    status: Status
    if True in known:
        status = "fail"
    elif None in known:
        status = "unknown"
    else:
        status = "on_track" if still else "pass"
    count = known.count(True)
    needed = Needed("none_of", None, exactly(0))
    outcome = _outcome(status, needed, count, known.count(None), parts, None)
    return outcome


def each_of(parts: Sequence[Part], total: int, allowed: Number, *, more: bool) -> Outcome:
    """Every window of several, `allowed` of them excepted; `more`: some have not begun yet."""
    if total == 0:
        return Outcome("exempt", reason="nothing_to_judge")
    if nothing := _asks_nothing(parts):
        return nothing
    statuses = [part.outcome.status for part in parts]
    good, maybe = _counts(parts)
    misses = sum(each in ("fail", "vetoed") for each in statuses)
    running = [part for part in parts if part.outcome.status in _OPEN]
    status: Status
    if misses > allowed:
        status = "fail"
    elif misses + statuses.count("unknown") > allowed:
        status = "unknown"
    elif running or more:
        late = "at_risk" in statuses or (0 < allowed == misses)
        status = "at_risk" if late else "on_track"
    else:
        status = "pass"
    needed = Needed("each", exactly(total - allowed))
    last = [day for part in running if (day := _last(part)) is not None]
    return Outcome(
        status, _met(status), Interval(good, good + maybe), needed,
        misses - allowed if misses > allowed else None,
        sum((part.outcome.pending for part in parts), start=0),
        min(last, default=None) if misses >= allowed else None,
        parts=tuple(parts),
    )  # fmt: skip


def _asks_nothing(parts: Sequence[Part]) -> Outcome | None:
    """What it comes to where no member asks anything."""
    if parts and not _asked(parts):
        return parts[0].outcome
    return None


def _asked(parts: Sequence[Part]) -> Sequence[Part]:
    return [part for part in parts if part.outcome.status != "not_set"]


def _outcome(
    status: Status,
    needed: Needed,
    good: int,
    maybe: int,
    parts: Sequence[Part],
    last: dt.date | None,
) -> Outcome:
    missing: Number | None = None
    if status not in _GOOD and needed.low is not None and needed.low.low is not None:
        missing = max(needed.low.low - good, 0)
    if needed.op == "none_of" and status == "fail":
        missing = good
    running = status in _OPEN
    return Outcome(
        status, _met(status), Interval(good, good + maybe), needed, missing,
        impossible_after=last if running else None,
        late=status == "pass" and any(part.outcome.late for part in parts),
        parts=tuple(parts),
    )  # fmt: skip


def _met(status: Status) -> bool | None:
    return None if status == "unknown" else status in _GOOD


def _counts(parts: Sequence[Part]) -> tuple[int, int]:
    """How many are good for sure, and how many more may be by facts that have not arrived."""
    good = sum(part.outcome.status in _GOOD for part in parts)
    return good, sum(may_be_good(part.outcome) for part in parts)


def may_be_good(outcome: Outcome) -> bool:
    """Whether facts that have not arrived may have met the need already."""
    return outcome.met is None and outcome.status not in (*_GOOD, "not_set")


def _holds(outcome: Outcome) -> bool | None:
    if outcome.status == "exempt":
        return False
    return outcome.met


def _last(part: Part) -> dt.date | None:
    return part.outcome.impossible_after if part.outcome.status in _OPEN else None
