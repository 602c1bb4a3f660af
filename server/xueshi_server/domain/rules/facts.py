"""What the rule engine asks of the data: rows of subjects, and tallies of facts by link key.

Evaluation first collects every tally of every rule (plan), asks `Facts.tally` once with all of
them, then judges without asking again. An implementation may answer all tallies of one fact type
in one pass: tallies of one type differ only in tests, link, aggregate and spans.

`RowFacts` (row_facts.py) is the reference; the SQL one must answer the same for the same rows.

Values. A row maps field ids to text, whole numbers, booleans (also 0 and 1) and None; a missing
key is None. Dates are ISO text and compare as text. Besides its fields a row has `scope` (the code
of the school it stands in), `rec` (its record in that school), and in ledgers `state` and
`credited`. Empty text is no value: it compares and counts like None.
Records that are deleted are never seen. States are tested by explicit tests of the tally.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Value = str | int | bool | None
Row = Mapping[str, Value]
Scope = str
# A record: the school it stands in, and its number there.
RecordKey = tuple[Scope, int | str]
# Values of the link columns of a fact; which subject has them is the engine's business.
Key = tuple[Value, ...]
# First and last day, both included, as ISO text. An empty first day has no beginning: then facts
# without a date belong to it too.
Days = tuple[str, str]
Periods = tuple[tuple[str, str], ...]
Answer = int | str | frozenset[Value] | Periods
LAST_DAY = "9999-12-31"
# In a row of somebody who was on another roll before: the first day on this one.
ROLL_SINCE = "roll_since"


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a fact, or of the record that a field of the fact points to.

    With `via` the fact's field `via` is followed to a record of type `to`: where `by` is "rec" it
    holds the record's number in the same school (a ref), else the value of field `by` of a record
    in any school (a key; of several the first by school and number). Nothing found: None.
    `many`: the field holds several values, separated by "|".
    """

    field: str
    via: str | None = None
    to: str | None = None
    by: str = "rec"
    many: bool = False


@dataclass(frozen=True, slots=True)
class Test:
    """One condition, ranks and parameters already looked up.

    in: one of `values`. not_in: none of them, also where there is no value. at_least, at_most:
    compares with values[0] (numbers with numbers, dates as text); no value meets neither.
    begins: a text begins with one of `values`; where that ends in a digit no other digit follows.
    present, absent: there is a value, or none. With a `many` column `in` holds when one of its
    values is there, `not_in` when none is.
    """

    column: Column
    op: Literal["in", "not_in", "begins", "at_least", "at_most", "present", "absent"]
    values: tuple[Value, ...] = ()


Tests = tuple[Test, ...]
Aggregate = Literal["count", "sum", "distinct", "greatest", "first", "last", "periods"]


@dataclass(frozen=True, slots=True)
class Tally:
    """One aggregate over the facts of a type, grouped by link key, for each of several spans.

    A record takes part when it meets all `tests`, does not meet all tests of any member of
    `unless`, no link column is without a value, and its date (column `when`) lies in the span;
    without `when` it lies in every span. Spans may overlap.

    `scopes`: only records that stand in these schools take part. The link then names the school,
    and `keys` no other one.

    `keys` names which link keys are wanted and for which spans (positions in `spans`); without it
    all keys for all spans are. It carries spans that differ by subject, and questions about a few
    subjects.

    aggregate   answer
    count       how many records
    sum         sum over records of value * times, each at most `cap` (after times); None is nought
    distinct    the set of values of `column` (a `many` column gives each of its values; no None)
    greatest    the greatest whole number, or with `ranks` the greatest rank of a value
    first, last least or greatest date of `column`
    periods     (`column`, `ends`) of each record, sorted; None in `column` leaves the record out,
                None in `ends` is LAST_DAY. Without `ends` both are `column`.
    """

    of: str
    link: tuple[Column, ...]
    aggregate: Aggregate
    spans: tuple[Days, ...]
    when: Column | None = None
    tests: Tests = ()
    unless: tuple[Tests, ...] = ()
    column: Column | None = None
    ends: Column | None = None
    times: int = 1
    cap: int | None = None
    ranks: tuple[tuple[str, int], ...] = ()
    keys: tuple[tuple[Key, tuple[int, ...]], ...] | None = None
    scopes: frozenset[Scope] | None = None


# For each span of a tally, in its order: link key to answer. Keys without records are left out.
Answers = Sequence[Mapping[Key, Answer]]


@dataclass(frozen=True, slots=True)
class School:
    """A school that is expected to send facts. `kind` is its tier: school or township."""

    scope: Scope
    name: str
    kind: str = "school"
    # The last day until which everything it wrote is here; None: never heard from.
    heard: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """Whose facts are here, and until when they are complete.

    `schools` are all that are expected here. `all_here` is False at a node that holds only some
    schools of the county: figures over all schools are then open. `county` tells until when the
    county's own records are here.
    """

    schools: Mapping[Scope, School] = field(default_factory=dict)
    county: dt.date | None = dt.date.max
    all_here: bool = True


class Facts(Protocol):
    """The facts of a node on one day."""

    @property
    def heard(self) -> Heard:
        """Whose facts are here."""
        ...

    def rows(
        self, of: str, tests: Tests = (), only: Collection[RecordKey] | None = None
    ) -> Sequence[Row]:
        """Records of a type that meet `tests`, ordered by (scope, rec), with `scope`, `rec` and
        all fields; of `only` these records if it is given."""
        ...

    def tally(self, tallies: Sequence[Tally]) -> Sequence[Answers]:
        """The answer to each tally, in order."""
        ...

    def evidence(self, tally: Tally, key: Key, span: int) -> Sequence[RecordKey]:
        """The records behind one answer, ordered by date (those without one first), scope, rec."""
        ...


class StandingFacts(Facts, Protocol):
    """Facts that tell in which schools anything changed since they were looked at before."""

    @property
    def standing(self) -> Mapping[Scope, object]:
        """For every school that has records something that differs once any of them does."""
        ...

    def digest(self, of: str, scope: Scope) -> object:
        """Something that differs once the records of a type in a school do; None: it has none."""
        ...
