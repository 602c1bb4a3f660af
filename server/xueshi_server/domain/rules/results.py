"""What a rule says about a subject, with all that a person needs to understand it."""

import datetime as dt
from typing import Final, Literal

from msgspec import Struct

from xueshi_server.domain.rules.amounts import Interval, Number
from xueshi_server.domain.rules.facts import Key
from xueshi_server.domain.rules.spans import Span

Status = Literal["pass", "fail", "on_track", "at_risk", "exempt", "vetoed", "unknown", "not_set"]
Op = Literal[
    "at_least", "more_than", "at_most", "less_than", "equals", "between", "about", "present",
    "all_of", "any_of", "some_of", "none_of", "streak", "sequence", "each",
]  # fmt: skip


# What is counted are members, windows or steps, whatever these are measured in.
COUNTED: Final[tuple[Op, ...]] = (
    "all_of", "any_of", "some_of", "none_of", "streak", "sequence", "each",
)  # fmt: skip


class Needed(Struct, frozen=True):
    """What is asked, without words: the amounts as looked up for this subject (scaled where the
    window is prorated), and the last day if it is not the window's."""

    op: Op
    low: Interval | None = None
    high: Interval | None = None
    by: dt.date | None = None


class Lacking(Struct, frozen=True):
    """Records that a value cannot be worked out without: of which type, with which fields at which
    values, and which field of them is empty or nought."""

    type: str
    where: tuple[tuple[str, str], ...] = ()
    field: str = ""


class Outcome(Struct, frozen=True):
    """What a rule or one of its members came to.

    `met`: whether the need itself holds (None: not known yet), which for a veto is the bad case.
    `missing`: how much is missing, or of a limit how much is too much. `pending`: what waits for a
    review and would count. `impossible_after`: after this day the rest cannot be done any more.
    `reason`: why there is no plain answer (a code). `figures`: part and whole of a ratio.
    `lacking`: the records without which a ratio has no whole.

    `not_set`: the county has left the amount open, or at nought: nothing is asked.
    """

    status: Status
    met: bool | None = None
    value: Interval | None = None
    need: Needed | None = None
    missing: Number | None = None
    pending: Number = 0
    impossible_after: dt.date | None = None
    late: bool = False
    reason: str = ""
    figures: tuple[Interval, Interval] | None = None
    parts: tuple["Part", ...] = ()
    lacking: tuple[Lacking, ...] = ()


class Part(Struct, frozen=True):
    """The result of a member: of a combination, of a window of several, of a step, of a figure."""

    outcome: Outcome
    label: tuple[str, str] | None = None
    rule: str = ""
    span: Span | None = None
    unit: str = ""


def shown_unit(outcome: Outcome, unit: str) -> str:
    """The unit of an outcome's figures: none where they count members, windows or steps."""
    return "" if outcome.need is not None and outcome.need.op in COUNTED else unit


class Result(Struct, frozen=True):
    """One rule for one subject in one window. `version` is the pack's, `source` has statement ids
    with their exact quotations, `heard` says from how many of how many schools all is here.
    `owners` are the records (type and key) that the subject's own record refers to, of the types
    that vetoes strike: what strikes the person reaches the person's title."""

    rule: str
    version: str
    kind: str
    subject: Key
    name: str
    scope: str | None
    span: Span
    outcome: Outcome
    effects: tuple[tuple[str, str], ...] = ()
    source: tuple[tuple[str, str], ...] = ()
    heard: tuple[int, int] = (0, 0)
    severity: str = "must"
    unit: str = ""
    vetoed_by: str = ""
    owners: tuple[tuple[str, Key], ...] = ()

    @property
    def status(self) -> Status:
        """The status; a veto of another rule overrides it."""
        return "vetoed" if self.vetoed_by else self.outcome.status

    @property
    def value(self) -> Interval | None:
        """The value between its bounds."""
        return self.outcome.value

    @property
    def need(self) -> Needed | None:
        """What is asked."""
        return self.outcome.need

    @property
    def missing(self) -> Number | None:
        """How much is missing."""
        return self.outcome.missing

    @property
    def pending(self) -> Number:
        """What waits for a review and would count."""
        return self.outcome.pending

    @property
    def impossible_after(self) -> dt.date | None:
        """The day after which the rest cannot be done any more."""
        return self.outcome.impossible_after

    @property
    def parts(self) -> tuple[Part, ...]:
        """Results of members."""
        return self.outcome.parts

    @property
    def reason(self) -> str:
        """Why there is no plain answer."""
        return self.outcome.reason

    @property
    def late(self) -> bool:
        """Whether it was done after its last day, and accepted."""
        return self.outcome.late
