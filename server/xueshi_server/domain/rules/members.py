"""Which subjects belong to which: whom a headcount, a coverage or a spread counts."""

import datetime as dt
from collections.abc import Sequence
from fractions import Fraction

from xueshi_server.domain.packs.measures import Condition
from xueshi_server.domain.rules.amounts import Number, tidy
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.spans import Span, add_days, whole_months
from xueshi_server.domain.rules.study import Study
from xueshi_server.domain.rules.subjects import Subject, who_is_there


def list_members(
    study: Study, cases: Cases, kind: str, who: Sequence[Condition], *, any_day: bool = False
) -> list[list[Subject]]:
    """Subjects of a kind that belong to each case and are on the roll on the last day of its span,
    or on any day of it."""
    populations = study.populations
    population = populations.ever(kind, who)
    owned = populations.owners(cases.kind, population, kind)
    members = [owned.get(populations.owner_key(each, kind), []) for each in cases.subjects]
    pairs = zip(members, cases.spans, strict=True)
    if not any_day:
        return [who_is_there(some, study.roll_day(span)) for some, span in pairs]
    days = {span: (str(span.first), str(study.roll_day(span))) for span in set(cases.spans)}
    return [[each for each in some if each.was_there(*days[span])] for some, span in pairs]


def weigh(subject: Subject, first: dt.date, last: dt.date) -> Number:
    """The share of the full months between two days in which a subject was on the roll."""
    after = add_days(last, 1)
    whole = whole_months(first, after)
    if subject.roll is None or whole == 0 or first == dt.date.min:
        return 1
    there = 0
    for since, until in subject.roll:
        begins = max(first, dt.date.fromisoformat(since)) if since else first
        there += whole_months(begins, min(after, add_days(dt.date.fromisoformat(until), 1)))
    return tidy(Fraction(min(there, whole), whole))


def list_missing(study: Study, cases: Cases, kind: str) -> list[list[Subject]]:
    """For each case stand-ins for the schools that have no subject of a kind of which every school
    is expected to have one."""
    declared = study.catalogue.pack.subjects.get(kind)
    if declared is None or not declared.every_school or cases.kind != "county":
        return [[] for _ in cases.subjects]
    there = {each.scope for each in study.populations.ever(kind)}
    schools = [each for each in study.populations.of("school") if each.row["kind"] == "school"]
    missing = [
        Subject(kind, (each.scope, ""), each.name, {"scope": each.scope}, each.scope)
        for each in schools
        if each.scope not in there
    ]
    return [missing for _ in cases.subjects]


def flatten(cases: Cases, kind: str, members: list[list[Subject]]) -> Cases:
    """Members of all cases as cases of their own, one case after the other."""
    subjects: list[Subject] = []
    spans: list[Span] = []
    for span, some in zip(cases.spans, members, strict=True):
        subjects += some
        spans += [span] * len(some)
    return Cases(kind, subjects, spans)
