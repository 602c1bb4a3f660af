"""The format of a pack as types: TOML is read into them, and the JSON Schema comes from them.

Every struct refuses unknown keys. `PACKS.md` explains each; `checking` says what types cannot.
Numbers that are not whole are written as text ("1/3", "5%", "1.5") and kept as exact fractions.
"""

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec import field as named

from xueshi_server.domain.packs.measures import Amount, Condition, Measure, Need, Settled

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
# A cell of a spreadsheet, several as one, and how many characters wide a column is.
Address = Annotated[str, Meta(pattern=r"^[A-Z]{1,2}[1-9][0-9]{0,3}$")]
Addresses = Annotated[str, Meta(pattern=r"^[A-Z]{1,2}[1-9][0-9]{0,3}:[A-Z]{1,2}[1-9][0-9]{0,3}$")]
Width = Annotated[int, Meta(ge=1, le=200)]
Tier = Literal["school", "township", "centre"]
ShownUnit = Literal[
    "hour", "credit", "item", "person", "percent", "month", "day", "year", "age", "yuan", "date",
    "",
]  # fmt: skip


class Part(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Root of every declaration table: unknown keys are refused."""


class Label(Part, frozen=True, kw_only=True):
    """A text in both languages; Chinese is shown first."""

    zh: Annotated[str, Meta(min_length=1)]
    en: Annotated[str, Meta(min_length=1)]


class Declared(Part, frozen=True, kw_only=True):
    """What every named declaration has: an id, a label, the statements it rests on."""

    id: Id
    label: Label
    source: list[str] = []


class About(Part, frozen=True, kw_only=True):
    """The pack itself. `extends` names packs whose declarations it takes over and may override."""

    id: Id
    version: Annotated[str, Meta(min_length=1, max_length=20)]
    label: Label
    extends: list[Id] = []
    # Which versions of an extended pack fit: "2" (that one), "2-4", "2-", "-4".
    versions: dict[Id, str] = {}
    valid_from: dt.date
    valid_to: dt.date | None = None
    # GB/T 2260 code of the region it is for; empty for packs that others build on.
    region: Annotated[str, Meta(pattern=r"^([0-9]{6})?$")] = ""


class Source(Declared, frozen=True, kw_only=True):
    """A document that statements are quoted from. `file` is its text beside the pack, where it may
    be shipped; `sha256` is the digest of the text a checker must be given otherwise."""

    file: str | None = None
    sha256: str | None = None


class Statement(Part, frozen=True, kw_only=True):
    """One inventoried statement: an exact quotation, its class, and why nothing carries it if so.

    Classes: A activity, R rule, W workflow, F form, E entitlement, S statistic, B budget,
    L resource, O organisation, T target, P parameter, Q cannot be checked by a machine.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]+\.[0-9]+$")]
    cls: Literal["A", "R", "W", "F", "E", "S", "B", "L", "O", "T", "P", "Q"] = named(name="class")
    quote: Annotated[str, Meta(min_length=2)]
    why_not: Label | None = None


class Parameter(Declared, frozen=True, kw_only=True):
    """A value a county may set; rules name it instead of a number. `choices` limits it.

    `own`: the county chose it; the statements it names leave it open.
    """

    value: bool | int | str
    choices: list[bool | int | str] = []
    own: bool = False


class Code(Declared, frozen=True, kw_only=True):
    """One value of a code list. `rank` orders ordinal lists; `synonyms` are what else people and
    papers call it."""

    rank: int | None = None
    weak: bool = False
    synonyms: list[str] = []


class CodeList(Declared, frozen=True, kw_only=True):
    """A code list. In an ordinal list every value has a rank, higher ranks are more."""

    ordinal: bool = False
    value: list[Code]


class Level(Declared, frozen=True, kw_only=True):
    """A local word for an absolute level of the state: 市级 is not the same level everywhere."""

    absolute: Literal["national", "province", "prefecture", "county", "township", "school", "group"]


class Term(Part, frozen=True, kw_only=True):
    """One term of one school year, with its teaching weeks counted from Monday to Sunday."""

    id: Id
    starts_on: dt.date
    ends_on: dt.date
    holidays: list[tuple[dt.date, dt.date]] = []


class Holiday(Part, frozen=True, kw_only=True):
    """A long holiday."""

    season: Literal["summer", "winter"]
    starts_on: dt.date
    ends_on: dt.date


class Calendar(Part, frozen=True, kw_only=True):
    """The county's calendar. Years without declared terms use the standard ones of PACKS.md."""

    cycle_years: int = 5
    cycle_from: dt.date | None = None
    school_year_from: Annotated[str, Meta(pattern=r"^\d\d-\d\d$")] = "09-01"
    budget_year_from: Annotated[str, Meta(pattern=r"^\d\d-\d\d$")] = "01-01"
    term: list[Term] = []
    holiday: list[Holiday] = []


_Plain = Literal["text", "code", "int", "hours", "money", "date", "bool", "ref", "key", "long"]
FieldKind = _Plain | Literal["sealed"]
SealedCheck = Literal["id_number", "phone"]


class FieldDeclaration(Declared, frozen=True, kw_only=True):
    """A field of a record type.

    `hours` are whole minutes, `money` whole fen. `code` takes values of the list `codes`; with
    `many` several, separated by "|". `ref` names a record of `to` in the same scope, `key` a
    record of `to` anywhere by its key. `sealed` is a personal number, tested by `check`.
    """

    type: FieldKind = "text"
    required: bool = False
    codes: Id | None = None
    many: bool = False
    to: Id | None = None
    max: int | None = None
    check: SealedCheck | None = None
    # Headings under which spreadsheets bring it, beside the label and the id.
    synonyms: list[str] = []


class RecordType(Declared, frozen=True, kw_only=True):
    """A record type: a table, its pages, its import and export, its review queue.

    `when` is the date field that windows look at, `key` the field that names a record for people,
    `owner` the tier whose fact it is, `evidence` the kinds of proof a reviewer must see.
    """

    kind: Literal["ledger", "register"]
    field: list[FieldDeclaration]
    owner: Tier = "school"
    writers: tuple[Tier, ...] = ("school", "township")
    judges: tuple[Tier, ...] = ()
    when: Id | None = None
    key: Id | None = None
    amount: Id | None = None
    corrects: Id | None = None
    index: list[list[Id]] = []
    evidence: list[Id] = []
    # Where records of this type stand: with the school; once for the county, where every school
    # reads them; or with the centre, which alone holds them.
    place: Literal["school", "county", "centre"] = "school"


class Subject(Declared, frozen=True, kw_only=True):
    """A kind of subject that rules judge.

    Every record of `of` (where `where` holds) is one, or with `per` every set of values of those
    fields; `across` pairs subjects of two kinds. `school` and `county` are built in.
    `link` says which field of a fact type holds which field of the subject where it is not the
    one reference to it: {hour = {person = "rec"}}; "scope" is the school of either.
    `on_roll` names the fields for the first and the last day on the roll: windows are judged for
    those who are on it on the window's last day (today while it runs). Where no last day is
    recorded, `present` says who is still there. With `every_school` each school is expected to have
    one: a coverage does not know of a school that has none.
    """

    of: Id | None = None
    where: list[Condition] = []
    per: list[Id] = []
    across: list[Id] = []
    name: list[Id] = []
    link: dict[Id, dict[Id, Id]] = {}
    on_roll: tuple[Id, Id] | None = None
    present: list[Condition] = []
    every_school: bool = False


class Window(Part, frozen=True, kw_only=True):
    """The time a rule looks at.

    `each` asks that the measure holds in every window of `kind` inside `within`.
    `cycle_year` is a year from the day of the cycle, `year` a calendar year.
    `run` takes its days from fields of the subject, `since` from one field and `months`; it opens
    `lead_months` before that day.
    """

    kind: Settled | Literal[
        "cycle", "cycle_year", "year", "school_year", "budget_year", "term", "month", "week",
        "holiday", "run", "since", "as_of", "any",
    ]  # fmt: skip
    years: int | None = None
    # Own anchor of each subject: the cycle starts on this field's day.
    anchor: Id | None = None
    starts: Id | None = None
    ends: Id | None = None
    months: Settled | int | None = None
    lead_months: Settled | int = 0
    season: Literal["summer", "winter"] | None = None
    each: bool = False
    within: Literal["cycle", "year", "school_year", "term"] | None = None
    allow_miss: Amount = 0
    prorate: Literal["none", "months", "years"] = "none"
    # Fields of the subject that say since and until when it is on the roll, for `prorate`.
    on_roll: tuple[Id, Id] | None = None
    carry_over: Amount | None = None
    only_if_present: int = 0


class Clause(Part, frozen=True, kw_only=True):
    """A member of a combination: another rule by id, or a measure with its need.

    `unit` says how its value is shown where the measure does not tell and the rule's is not meant.
    """

    rule: Id | None = None
    label: Label | None = None
    window: Window | None = None
    measure: Measure | None = None
    need: Need | None = None
    unit: ShownUnit | None = None


class Some(Part, frozen=True, kw_only=True):
    """At least `count` of the members."""

    count: Amount
    of: list[Clause]


class Streak(Part, frozen=True, kw_only=True):
    """A rule passed in `length` windows in a row.

    Windows that were not passed but in which a record of `pause` (approved leave) lies are passed
    over and neither count nor break. Leave lasts from the `when` of its type until the field
    `pause_ends`. A window with a record of `judged_by` was judged, and leave does not undo that.
    Nothing is passed over where the parameter `pause_when` is false.
    """

    rule: Id
    length: Amount
    pause: Id | None = None
    pause_where: list[Condition] = []
    pause_ends: Id | None = None
    pause_when: Settled | bool = True
    judged_by: Id | None = None


class Step(Part, frozen=True, kw_only=True):
    """A step of a sequence: records that must be there, after the step before has ended."""

    label: Label
    of: Id
    where: list[Condition] = []
    starts: Id | None = None
    ends: Id | None = None
    months: Amount | None = None


class Veto(Part, frozen=True, kw_only=True):
    """What meeting the need destroys, until when, and which role lifts it."""

    target: list[Literal["course", "class", "title", "award", "assessment", "nomination", "all"]]
    until: Literal["window_end", "lifted", "ever"] = "lifted"
    lift_by: Id | None = None


class Exemption(Part, frozen=True, kw_only=True):
    """Exempt while `rule` passes; the exempt window counts as `credit_as` in the unit of the rule;
    where it does not pass, `fallback` is judged in its place. Nobody is exempt where the parameter
    `when` is false."""

    rule: Id
    when: Settled | bool = True
    credit_as: Amount | None = None
    fallback: Id | None = None


class Effect(Part, frozen=True, kw_only=True):
    """What a pass (or a veto) leads to."""

    kind: Literal[
        "may_apply", "auto_select", "gate", "entitle", "credit", "priority", "publish", "cancel",
        "fail", "revoke", "register",
    ]  # fmt: skip
    target: str


class Rule(Declared, frozen=True, kw_only=True):
    """One requirement: who, when, what is measured, what is needed, and what follows.

    Exactly one of `measure` with `need`, `all_of`, `any_of`, `some_of`, `none_of`, `streak`,
    `sequence` says what is asked. An `inner` rule only serves others that name it: it asks nothing
    of anybody itself.
    """

    scope: Id
    window: Window
    who: list[Condition] = []
    measure: Measure | None = None
    need: Need | None = None
    all_of: list[Clause] = []
    any_of: list[Clause] = []
    some_of: Some | None = None
    none_of: list[Clause] = []
    streak: Streak | None = None
    sequence: list[Step] = []
    veto: Veto | None = None
    exempt: Exemption | None = None
    effect: list[Effect] = []
    severity: Literal["must", "should", "encourage"] = "must"
    late: Literal["reject", "accept", "with_reason"] = "reject"
    inner: bool = False
    # How the value is shown: minutes as class hours, fractions as per cent, ...
    unit: ShownUnit = ""
    # What would fill the gap, in words.
    fill: Label | None = None
    # Facts of the whole cluster count for a member (small schools).
    cluster: Id | None = None
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    system: str = ""


class ConversionRow(Part, frozen=True, kw_only=True):
    """One row: records where `where` holds are worth `minutes` each, or per unit of `per`."""

    label: Label
    where: list[Condition]
    minutes: Amount
    per: Id | None = None
    item_cap: Amount | None = None
    window_cap: Amount | None = None
    proof: Id | None = None


class Conversion(Declared, frozen=True, kw_only=True):
    """A conversion table: what does not come in hours, expressed in minutes; the first
    row that fits holds."""

    of: Id
    row: list[ConversionRow]
    cap: Amount | None = None


class State(Declared, frozen=True, kw_only=True):
    """A state of a workflow; `final` has no way out, `good` is the one that grants."""

    final: bool = False
    good: bool = False


class Deadline(Part, frozen=True, kw_only=True):
    """Month and day, or days before or after a date field of the record."""

    on: Annotated[str, Meta(pattern=r"^\d\d-\d\d$")] | None = None
    field: Id | None = None
    days: int = 0


class Transition(Declared, frozen=True, kw_only=True):
    """A step of a workflow: who acts, on which papers, until when, behind which gates."""

    from_: list[Id] = named(name="from")
    to: Id
    role: Id
    papers: list[Id] = []
    deadline: Deadline | None = None
    late: Literal["reject", "accept", "with_reason"] = "accept"
    sign: bool = False
    stamp: bool = False
    reason: bool = False
    back: bool = False
    publicity_days: int = 0
    quota: Amount | None = None
    gate: list[Id] = []


class Workflow(Declared, frozen=True, kw_only=True):
    """How records of a type move: states and steps; begins in the first state.

    `period` is the year of a record that its places and its deadlines by month and day look at.
    """

    of: Id
    period: Literal["year", "school_year", "budget_year"] = "year"
    state: list[State]
    step: list[Transition]


class Paper(Declared, frozen=True, kw_only=True):
    """A kind of proof or paper that goes with a record or a step."""


class Payer(Part, frozen=True, kw_only=True):
    """Who pays which share."""

    payer: Id
    share: Amount


class Entitlement(Declared, frozen=True, kw_only=True):
    """What somebody gets: an amount or a right, while a rule passes. Amounts of money in fen.

    `rank` is the place in the order of priority. A veto that strikes a person takes it, unless it
    `stands` (the right to object).
    """

    scope: Id
    amount: Amount | None = None
    per: Literal["month", "year", "once", ""] = ""
    payers: list[Payer] = []
    rule: Id | None = None
    who: list[Condition] = []
    rank: int | None = None
    stands: bool = False


class Budget(Declared, frozen=True, kw_only=True):
    """A pot of money in one budget year: its ledgers, what is asked of it, purposes and payers.

    `planned` measures what was set apart (or came in), `spent` what was spent. `split` is the field
    of their records that says whose money it is. `earmarked`: nothing may go to another purpose.
    """

    scope: Id
    rule: Id | None = None
    planned: Measure | None = None
    spent: Measure | None = None
    split: Id | None = None
    payers: list[Payer] = []
    purposes: list[Id] = []
    earmarked: bool = False
    funders: list[str] = []


class Target(Declared, frozen=True, kw_only=True):
    """A figure to be reached by a day."""

    scope: Id
    who: list[Condition] = []
    measure: Measure
    need: Need
    by: Settled | dt.date | None = None
    baseline: int | None = None


class Statistic(Declared, frozen=True, kw_only=True):
    """A figure that is shown with its parts. `claimed` is what a report says, to be checked: to
    the last digit that it writes, or within `tolerance` where that is more."""

    scope: Id
    measure: Measure
    window: Window | None = None
    group_by: list[Id] = []
    claimed: str | None = None
    tolerance: Amount | None = None
    unit: Literal["hour", "item", "person", "percent", "month", "day", "yuan", ""] = ""


class Block(Part, frozen=True, kw_only=True):
    """A block of a printed form, from top to bottom.

    A block of rules has those named, or with `every` all that are asked of whom the form is about;
    one of grants lists who has which of the `entitlements`, and why.
    """

    kind: Literal["fields", "table", "rules", "grants", "steps", "text", "signatures", "photo"]
    label: Label | None = None
    fields: list[Id] = []
    of: Id | None = None
    where: list[Condition] = []
    rules: list[Id] = []
    every: bool = False
    entitlements: list[Id] = []
    text: Label | None = None
    total: Id | None = None
    lines: int = 0


class Form(Declared, frozen=True, kw_only=True):
    """A printed form over one subject or record: A4, numbered, signed and stamped by hand.

    `layout` is how it stands on paper: a framed sheet; a certificate; a label, many on a page; a
    list with empty columns that people sign by hand.
    """

    scope: Id
    block: list[Block]
    window: Window | None = None
    copies: int = 1
    landscape: bool = False
    layout: Literal["sheet", "certificate", "labels", "signing"] = "sheet"


class Sheet(Declared, frozen=True, kw_only=True):
    """A spreadsheet as the county has it: title rows, headings, and which field each one is.

    Where the county's file has more than a title above its headings, `cells` say what stands in
    which cell ("A2"; {school}, {code}, {date} and {year} are filled in), `merged` what is one cell
    ("A1:H1"), `header_row` where the headings stand, `widths` how wide the columns are.
    """

    of: Id
    columns: list[tuple[str, Id]]
    title: Label | None = None
    footer: list[str] = []
    cells: list[tuple[Address, str]] = []
    merged: list[Addresses] = []
    widths: list[Width] = []
    header_row: Annotated[int, Meta(ge=0, le=200)] = 0
    # Heading of a first column that numbers the rows; none where it is empty.
    serial: str = ""


class Query(Declared, frozen=True, kw_only=True):
    """A named query for Datasette over the tables of the pack."""

    sql: str


class Role(Declared, frozen=True, kw_only=True):
    """Somebody or some body that acts: where it stands, what it answers for."""

    tier: Literal["person", "school", "township", "centre", "above", "outside"]
    duties: list[Label] = []


class Shelf(Declared, frozen=True, kw_only=True):
    """A shelf of the library: the records of a type that stand on it, shown by these fields."""

    kind: Literal["resource", "catalogue", "facility", "journal"] = "resource"
    of: Id | None = None
    where: list[Condition] = []
    fields: list[Id] = []


class PackFile(Part, frozen=True, kw_only=True):
    """One TOML file of a pack folder: any of these tables; `pack` in exactly one file."""

    pack: About | None = None
    calendar: Calendar | None = None
    document: list[Source] = []
    statement: list[Statement] = []
    parameter: list[Parameter] = []
    set: dict[Id, bool | int | str] = {}
    codes: list[CodeList] = []
    level: list[Level] = []
    type: list[RecordType] = []
    subject: list[Subject] = []
    rule: list[Rule] = []
    conversion: list[Conversion] = []
    paper: list[Paper] = []
    workflow: list[Workflow] = []
    entitlement: list[Entitlement] = []
    budget: list[Budget] = []
    target: list[Target] = []
    statistic: list[Statistic] = []
    form: list[Form] = []
    sheet: list[Sheet] = []
    query: list[Query] = []
    role: list[Role] = []
    shelf: list[Shelf] = []
    # Ids of inherited declarations that this pack does without, as "rule:JY-360".
    drop: list[str] = []
