"""Which records a ratio has no whole without."""

from collections.abc import Sequence

from xueshi_server.domain.packs.measures import (
    Attribute,
    Condition,
    Count,
    Coverage,
    Distinct,
    Greatest,
    Headcount,
    Length,
    Measure,
    Moment,
    Spread,
    Sum,
    Total,
)
from xueshi_server.domain.rules.catalogue import Catalogue
from xueshi_server.domain.rules.results import Lacking

_FACTS = (Count, Sum, Distinct, Greatest, Length, Moment)


def find_lacking(catalogue: Catalogue, measure: Measure, kind: str) -> tuple[Lacking, ...]:
    """The records that a measure is nought or empty without; `kind` of subject it is asked of."""
    if isinstance(measure, _FACTS):
        return (Lacking(measure.of, _codes(catalogue, measure.where)),)
    if isinstance(measure, Total):
        found = (find_lacking(catalogue, each, kind) for each in measure.parts)
        return tuple(dict.fromkeys(each for some in found for each in some))
    if isinstance(measure, Headcount | Coverage | Spread):
        declared = catalogue.pack.subjects.get(measure.of)
        if declared is None or declared.of is None:
            return ()
        return (Lacking(declared.of, _codes(catalogue, measure.who)),)
    if isinstance(measure, Attribute):
        own = catalogue.own_field(kind, measure.field)
        return () if own is None else (Lacking(own[0], (), own[1]),)
    return ()


def _codes(catalogue: Catalogue, where: Sequence[Condition]) -> tuple[tuple[str, str], ...]:
    """The fields that have to be one code each."""
    return tuple(
        (each.field, str(catalogue.plain(each.is_)))
        for each in where
        if each.is_ is not None and not isinstance(each.is_, bool)
    )
