"""Entitlements: who gets what, on the strength of which rule, and who pays which share."""

import datetime as dt
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from xueshi_server.domain.packs.measures import Count
from xueshi_server.domain.packs.model import Entitlement, Window
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Interval, Number, tidy
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.catalogue import Catalogue
from xueshi_server.domain.rules.facts import Facts, Key
from xueshi_server.domain.rules.judging import plan_named, plan_over
from xueshi_server.domain.rules.leaves import plan_amount
from xueshi_server.domain.rules.results import Outcome
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.rules.study import Judge, Study

Standing = Literal["granted", "refused", "open", "unknown"]
_AS_OF = Window(kind="as_of")
_STANDING: dict[str, Standing] = {
    "pass": "granted",
    "exempt": "granted",
    "fail": "refused",
    "vetoed": "refused",
    "on_track": "open",
    "at_risk": "open",
    "unknown": "unknown",
    "not_set": "unknown",
}


class Grant(Struct, frozen=True):
    """What one entitlement means for a subject. `open`: its rule may still be passed. Money is in
    fen; `payers` are roles with their shares of the amount, exact."""

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


def list_grants(
    pack: Pack, facts: Facts, as_of: dt.date, *, on: dt.date | None = None
) -> list[Grant]:
    """Every entitlement of the pack for everybody it is meant for."""
    study = Study(Catalogue(pack), facts, as_of, on or as_of, plan_over)
    planned = [_plan(study, each) for each in pack.entitlements.values()]
    study.fetch()
    return [
        _grant(study, entitlement, cases, case, judge, amount)
        for entitlement, cases, judge, amount in planned
        for case in range(len(cases))
    ]


_Amount = Callable[[int], Interval]


def _plan(
    study: Study, entitlement: Entitlement
) -> tuple[Entitlement, Cases, Judge | None, _Amount | None]:
    subjects = study.populations.of(entitlement.scope, entitlement.who)
    span = Span(dt.date.min, study.on, "", True)
    cases = Cases(entitlement.scope, subjects, [span] * len(subjects))
    judge = None if entitlement.rule is None else plan_named(study, entitlement.rule, cases)
    amount = None
    if entitlement.amount is not None:
        # An amount is a number, never a rank, so that any measure does for the words of ranks.
        words = Count(of="")
        amount = plan_amount(study, entitlement.amount, words, cases, _AS_OF)
    return entitlement, cases, judge, amount


def _grant(
    study: Study,
    entitlement: Entitlement,
    cases: Cases,
    case: int,
    judge: Judge | None,
    amount: _Amount | None,
) -> Grant:
    pack, subject = study.catalogue.pack, cases.subjects[case]
    outcome = None if judge is None else judge(case)
    standing: Standing = "granted" if judge is None else "refused"
    if outcome is not None:
        standing = _STANDING[outcome.status]
    value = None if amount is None else amount(case).exact
    payers: tuple[tuple[str, Number], ...] = ()
    if value is not None:
        payers = tuple(
            (each.payer, tidy(value * study.catalogue.number(study.catalogue.plain(each.share))))
            for each in entitlement.payers
        )
    return Grant(
        entitlement.id, pack.version, subject.key, subject.name, standing, value,
        entitlement.per, payers, entitlement.rank, outcome,
        tuple(pack.quotes(entitlement.source)),
    )  # fmt: skip
