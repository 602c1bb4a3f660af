"""In which unit a value stands: what the rule or clause says, else what is measured.

A unit is one of the pack's, or "rank:type.field" for the ranks of an ordinal code. What
counts members, windows or steps has none (`results.shown_unit`).
"""

from typing import Final

from xueshi_server.domain.packs.measures import (
    Attribute,
    Count,
    Coverage,
    Distinct,
    Greatest,
    Headcount,
    Lag,
    Length,
    Measure,
    Moment,
    Ratio,
    Spread,
    Sum,
    Total,
    Trend,
)
from xueshi_server.domain.packs.model import Clause, Rule, Target
from xueshi_server.domain.rules.catalogue import Catalogue

RANK: Final = "rank:"
_OF_FIELDS: Final = {"hours": "hour", "money": "yuan", "date": "date"}
_OF_TIMES: Final = {"day": "day", "month": "month", "year": "year", "school_year": "year"}


def unit_of_rule(catalogue: Catalogue, rule: Rule) -> str:
    """The unit of a rule's values."""
    if rule.unit or rule.measure is None:
        return rule.unit
    return unit_of_measure(catalogue, rule.measure, rule.scope) or _counted(rule.measure)


def unit_of_target(catalogue: Catalogue, target: Target) -> str:
    """The unit of how far a target is."""
    return unit_of_measure(catalogue, target.measure, target.scope) or _counted(target.measure)


def unit_of_clause(catalogue: Catalogue, rule: Rule, clause: Clause) -> str:
    """The unit of a member's values: its own, what it measures, or that of the whole rule."""
    if clause.rule is not None:
        return unit_of_rule(catalogue, catalogue.rule(clause.rule))
    if clause.unit is not None or clause.measure is None:
        return clause.unit or ""
    measured = unit_of_measure(catalogue, clause.measure, rule.scope)
    return measured or rule.unit or _counted(clause.measure)


def unit_of_measure(catalogue: Catalogue, measure: Measure, kind: str) -> str:
    """The unit that a measure brings along; empty where it counts things or says nothing."""
    match measure:
        case Coverage():
            return "percent"
        case Ratio():
            return "percent" if _is_share(catalogue, measure, kind) else ""
        case Total():
            return unit_of_measure(catalogue, measure.parts[0], kind) if measure.parts else ""
        case Trend():
            return unit_of_measure(catalogue, measure.measure, kind)
        case Spread():
            return unit_of_measure(catalogue, measure.measure, measure.of)
    return _unit_of_fact(catalogue, measure, kind)


def _unit_of_fact(catalogue: Catalogue, measure: Measure, kind: str) -> str:
    match measure:
        case Length() | Lag():
            return _OF_TIMES[measure.unit]
        case Moment():
            return "date"
        case Sum() if measure.convert is not None:
            return "hour"
        case Sum():
            name = measure.field or catalogue.type_of(measure.of).amount or ""
            return _unit_of_field(catalogue, measure.of, name)
        case Greatest():
            return _unit_of_field(catalogue, measure.of, measure.field)
        case Attribute():
            own = catalogue.own_field(kind, measure.field)
            return "" if own is None else _unit_of_field(catalogue, *own)
    return ""


def _is_share(catalogue: Catalogue, measure: Ratio, kind: str) -> bool:
    """Whether part and whole are of one kind: things, or the same unit."""
    part, whole = (
        unit_of_measure(catalogue, each, kind) or bool(_counted(each))
        for each in (measure.part, measure.whole)
    )
    return part == whole and part is not False


def _unit_of_field(catalogue: Catalogue, of: str, name: str) -> str:
    declared = catalogue.field(of, name) if name else None
    if declared is None:
        return ""
    if catalogue.ranks(of, name):
        return f"{RANK}{of}.{name}"
    return _OF_FIELDS.get(declared.type, "")


def _counted(measure: Measure) -> str:
    if isinstance(measure, Trend | Spread):
        return _counted(measure.measure)
    if isinstance(measure, Headcount):
        return "person"
    return "item" if isinstance(measure, Count | Distinct) else ""
