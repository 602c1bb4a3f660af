"""What can be measured and what can be needed: the part of the pack format that rules compute.

Measures are a tagged union on `kind`. Facts are records of a type whose date (the type's `when`
field) lies in the window and that belong to the subject (its `link`); ledger records count when
`state` is approved unless `where` names another `state`.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct
from msgspec import field as named

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
Scalar = bool | int | str


class Term(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Root of the parts of a measure."""


class Formula(Term, frozen=True, kw_only=True):
    """An amount that is looked up: a parameter, a measure of the same subject and window, or its
    quotient by `per`, rounded up (or down) to whole units."""

    param: Name | None = None
    measure: "Measure | None" = None
    per: "Settled | int | None" = None
    round: "Settled | Literal['up', 'down']" = "up"


if TYPE_CHECKING:
    # A place where `{ param = "..." }` may be written; `settling` puts the value there before
    # anybody looks, so that what reads a pack need not know.
    from typing import Never

    Settled = Never
else:
    Settled = Formula

Amount = int | str | Formula
"""A whole number, an exact fraction as text ("1/3", "5%", "1.5"), or a formula."""


class Condition(Term, frozen=True, kw_only=True):
    """One condition on a field of a record; all conditions of a list must hold.

    `field` may go one reference on ("person.subject"). Ordinal codes compare by rank, dates as
    dates. `same_as` compares with a field of the subject ("scope" is its school). A field with
    `many` values meets `is` and `in` when one of them does. `begins`: a text begins with one of
    these; where one ends in a digit the number ends there too ("1" begins "1班", not "10班").
    `when` switches the condition: it counts only while that parameter is true.
    """

    field: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")]
    is_: "Scalar | Formula | None" = named(name="is", default=None)
    in_: list[Scalar] = named(name="in", default_factory=list)
    is_not: Scalar | None = None
    not_in: list[Scalar] = []
    begins: list[Annotated[str, Meta(min_length=1)]] = []
    at_least: Amount | None = None
    at_most: Amount | None = None
    present: bool | None = None
    same_as: str | None = None
    when: Settled | bool = True


class _Fact(Term, frozen=True, kw_only=True):
    of: Name
    where: list[Condition] = []


class Count(_Fact, frozen=True, kw_only=True, tag="count", tag_field="kind"):
    """How many records."""


class Sum(_Fact, frozen=True, kw_only=True, tag="sum", tag_field="kind"):
    """Sum of a whole-number field. With `convert` records are worth what that table says.

    `item_floor`: smaller records do not count. `caps` limit what categories may contribute."""

    field: Name | None = None
    convert: Name | None = None
    item_floor: int | None = None
    caps: list["Cap"] = []


class Cap(Term, frozen=True, kw_only=True):
    """At most so much of the records where `where` holds counts in one window."""

    where: list[Condition]
    at_most: Amount


class Distinct(_Fact, frozen=True, kw_only=True, tag="distinct", tag_field="kind"):
    """How many different values of a field."""

    field: Name


class Greatest(_Fact, frozen=True, kw_only=True, tag="greatest", tag_field="kind"):
    """The greatest value of an ordinal code (its rank) or whole-number field."""

    field: Name


class Length(_Fact, frozen=True, kw_only=True, tag="length", tag_field="kind"):
    """Time covered by records, each from `starts` to `ends`, both days included, added up.

    Months are counted from day to day, the rest as a fraction of the month it lies in."""

    starts: Name
    ends: Name
    unit: Literal["day", "month"]


class Moment(_Fact, frozen=True, kw_only=True, tag="moment", tag_field="kind"):
    """The first or last day of a date field (the type's `when` if not named)."""

    pick: Literal["first", "last"] = "first"
    field: Name | None = None


class Attribute(Term, frozen=True, kw_only=True, tag="attribute", tag_field="kind"):
    """A number, date or rank in the subject's own row."""

    field: Name


class Total(Term, frozen=True, kw_only=True, tag="total", tag_field="kind"):
    """Measures of the same unit added up (hours attended and hours converted)."""

    parts: "list[Measure]"


class Ratio(Term, frozen=True, kw_only=True, tag="ratio", tag_field="kind"):
    """An exact quotient; unknown where the whole is nought."""

    part: "Measure"
    whole: "Measure"


class Headcount(Term, frozen=True, kw_only=True, tag="headcount", tag_field="kind"):
    """How many subjects of a kind belong to this one (a school's teachers, the county's schools).

    Judged as of the last day of the window."""

    of: Name
    who: list[Condition] = []


class Coverage(Term, frozen=True, kw_only=True, tag="coverage", tag_field="kind"):
    """The share of those subjects that pass `rule` in the same window, exempt ones left out.

    `weight`: of those on the roll on the window's last day each counts as one; by `months`
    everybody who was on it counts for the share of the window's full months."""

    of: Name
    rule: Name
    who: list[Condition] = []
    weight: "Settled | Literal['heads', 'months']" = "heads"


class Trend(Term, frozen=True, kw_only=True, tag="trend", tag_field="kind"):
    """A measure of this window less the same of the window before; of runs: of the run before
    with the same `series` field."""

    measure: "Measure"
    series: Name | None = None


class Lag(Term, frozen=True, kw_only=True, tag="lag", tag_field="kind"):
    """Time from one moment to another, in whole units; `before` and `after` are moments or
    attributes."""

    before: "Moment | Attribute"
    after: "Moment | Attribute"
    unit: Literal["day", "month", "year", "school_year"]


class Spread(Term, frozen=True, kw_only=True, tag="spread", tag_field="kind"):
    """Greatest less least of a measure over the subjects of a kind."""

    of: Name
    measure: "Measure"
    who: list[Condition] = []


Measure = (
    Count | Sum | Distinct | Greatest | Length | Moment | Attribute | Total | Ratio
    | Headcount | Coverage | Trend | Lag | Spread
)  # fmt: skip


class By(Term, frozen=True, kw_only=True):
    """A last day: month and day of the window's year, days from a date field of the subject, or
    within so many days (`after_start`) from the window's first."""

    on: Annotated[str, Meta(pattern=r"^\d\d-\d\d$")] | None = None
    field: Name | None = None
    days: int = 0
    after_start: Settled | int | None = None


class Need(Term, frozen=True, kw_only=True):
    """What the value must be; exactly one key besides `tolerance`.

    `about` means within `tolerance` of it, both ends included (「左右」)."""

    at_least: Amount | None = None
    more_than: Amount | None = None
    at_most: Amount | None = None
    less_than: Amount | None = None
    equals: Amount | None = None
    between: tuple[Amount, Amount] | None = None
    about: Amount | None = None
    tolerance: Amount | None = None
    by: By | None = None
