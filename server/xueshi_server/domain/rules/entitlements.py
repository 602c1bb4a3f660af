"""Entitlements: who gets what, on the strength of which rule, and who pays which share.

A rule that looks at a window which still runs (the year of an assessment) decides by the window
before it until it is passed or failed itself. A veto that strikes a person takes what the person
has, but for what `stands`.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct

from xueshi_server.domain.packs.measures import Count
from xueshi_server.domain.packs.model import Entitlement, Window
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Interval, Number, tidy
from xueshi_server.domain.rules.calendar import outer_window
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.catalogue import Catalogue, NotSetError
from xueshi_server.domain.rules.facts import Facts, Key
from xueshi_server.domain.rules.judging import plan_named, plan_over
from xueshi_server.domain.rules.leaves import plan_amount
from xueshi_server.domain.rules.results import Outcome
from xueshi_server.domain.rules.spans import Span, add_days
from xueshi_server.domain.rules.strikes import Strikes, find_strikes
from xueshi_server.domain.rules.study import Judge, Study
from xueshi_server.domain.rules.units import unit_of_rule

Standing = Literal["granted", "refused", "open", "unknown", "vetoed"]
# What needs a decision comes last, what takes a right away next to it.
STANDINGS: Final[tuple[Standing, ...]] = ("granted", "open", "unknown", "refused", "vetoed")
_AS_OF: Final = Window(kind="as_of")
_STANDING: Final[Mapping[str, Standing]] = {
    "pass": "granted",
    "exempt": "granted",
    "fail": "refused",
    "vetoed": "refused",
    "on_track": "open",
    "at_risk": "open",
    "unknown": "unknown",
    "not_set": "unknown",
}
# Windows that follow one upon another.
_RECURRING: Final = frozenset(
    {"cycle", "cycle_year", "year", "school_year", "budget_year", "term", "month", "week"}
)


class Grant(Struct, frozen=True):
    """What one entitlement means for a subject.

    `open`: its rule may still be passed; `vetoed`: a veto (`vetoed_by`, with rules) took it.
    `span`: the window that decided. Money is in fen; `payers` are roles with their shares of the
    amount, exact.
    """

    entitlement: str
    version: str
    subject: Key
    name: str
    standing: Standing
    amount: Number | None = None
    per: str = ""
    payers: tuple[tuple[str, Number], ...] = ()
    rank: int | None = None
    outcome: Outcome | None = None
    source: tuple[tuple[str, str], ...] = ()
    scope: str | None = None
    span: Span | None = None
    unit: str = ""
    vetoed_by: tuple[str, ...] = ()


_Amount = Callable[[int], Interval]


@dataclass(slots=True)
class _Decided:
    """What the rule of an entitlement says of each case, and in which window."""

    latest: Judge
    spans: list[Span | None]
    before: Judge | None = None
    earlier: tuple[list[Span], dict[int, int]] = ([], {})
    unit: str = ""

    def read(self, case: int) -> tuple[Outcome | None, Span | None]:
        """The outcome that decides: of the window that runs, or while it is open of the one
        before, if that was passed."""
        outcome, span = self.latest(case), self.spans[case]
        spans, where = self.earlier
        if self.before is None or outcome is None or _STANDING[outcome.status] != "open":
            return outcome, span
        position = where.get(case)
        last = None if position is None else self.before(position)
        if position is None or last is None or _STANDING[last.status] != "granted":
            return outcome, span
        return last, spans[position]


@dataclass(slots=True)
class _Planned:
    entitlement: Entitlement
    cases: Cases
    decided: _Decided | None
    amount: _Amount | None
    strikes: Strikes


def list_grants(
    pack: Pack,
    facts: Facts,
    as_of: dt.date,
    *,
    on: dt.date | None = None,
    only: Mapping[str, Collection[Key]] | None = None,
    wanted: Collection[str] | None = None,
) -> list[Grant]:
    """Every entitlement of the pack (or the `wanted` ones) for everybody it is meant for, or for
    those of `only` by the kind of subject."""
    study = Study(Catalogue(pack), facts, as_of, on or as_of, plan_over)
    study.narrow = only is not None
    chosen = [each for each in pack.entitlements.values() if wanted is None or each.id in wanted]
    planned = [_plan(study, each, only) for each in chosen]
    study.fetch()
    return [_grant(study, plan, case) for plan in planned for case in range(len(plan.cases))]


def _plan(
    study: Study, entitlement: Entitlement, only: Mapping[str, Collection[Key]] | None
) -> _Planned:
    keys = None if only is None else only.get(entitlement.scope, ())
    subjects = study.populations.of(entitlement.scope, entitlement.who, keys)
    span = Span(dt.date.min, study.on, "", True)
    cases = Cases(entitlement.scope, subjects, [span] * len(subjects))
    decided = None if entitlement.rule is None else _plan_rule(study, entitlement.rule, cases)
    strikes = find_strikes(study, entitlement, subjects, narrow=only is not None)
    return _Planned(entitlement, cases, decided, _plan_amount(study, entitlement, cases), strikes)


def _plan_amount(study: Study, entitlement: Entitlement, cases: Cases) -> _Amount | None:
    if entitlement.amount is None:
        return None
    try:
        # An amount is a number, never a rank, so that any measure does for the words of ranks.
        return plan_amount(study, entitlement.amount, Count(of=""), cases, _AS_OF)
    except NotSetError:
        return None


def _plan_rule(study: Study, rule_id: str, cases: Cases) -> _Decided:
    rule = study.catalogue.rule(rule_id)
    now, window = plan_named(study, rule_id, cases), outer_window(rule.window)
    spans = study.place_each(window, cases)
    unit = unit_of_rule(study.catalogue, rule)
    if window.kind not in _RECURRING:
        return _Decided(now, spans, unit=unit)
    there = [number for number, span in enumerate(spans) if _has_before(span)]
    before = Cases(
        cases.kind,
        [cases.subjects[number] for number in there],
        [_until(spans[number]) for number in there],
    )
    placed = study.place_each(window, before)
    kept = [number for number, span in enumerate(placed) if span is not None]
    where = {there[number]: position for position, number in enumerate(kept)}
    inner = Cases(
        cases.kind,
        [before.subjects[number] for number in kept],
        [before.spans[number] for number in kept],
    )
    earlier = [span for span in placed if span is not None]
    return _Decided(now, spans, plan_named(study, rule_id, inner), (earlier, where), unit)


def _has_before(span: Span | None) -> bool:
    return span is not None and not span.open_start and span.first > dt.date.min


def _until(span: Span | None) -> Span:
    assert span is not None
    return Span(dt.date.min, add_days(span.first, -1), "", True)


def _grant(study: Study, plan: _Planned, case: int) -> Grant:
    entitlement, subject = plan.entitlement, plan.cases.subjects[case]
    outcome, span = (None, None) if plan.decided is None else plan.decided.read(case)
    standing: Standing = "granted" if plan.decided is None else "refused"
    if outcome is not None:
        standing = _STANDING[outcome.status]
    vetoed_by = plan.strikes.of(subject)
    value = None if plan.amount is None else plan.amount(case).exact
    payers: tuple[tuple[str, Number], ...] = ()
    if value is not None:
        catalogue = study.catalogue
        payers = tuple(
            (each.payer, tidy(value * catalogue.number(catalogue.plain(each.share))))
            for each in entitlement.payers
        )
    pack = study.catalogue.pack
    return Grant(
        entitlement.id, pack.version, subject.key, subject.name,
        "vetoed" if vetoed_by else standing, value, entitlement.per, payers, entitlement.rank,
        outcome, tuple(pack.quotes(entitlement.source)), subject.scope, span,
        "" if plan.decided is None else plan.decided.unit, vetoed_by,
    )  # fmt: skip
