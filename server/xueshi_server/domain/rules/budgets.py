"""Budgets of one year: what was set apart, what was spent, who pays which share of it.

A budget is read from the ledgers that its pack names. What it is worth is an interval while some
schools have not been heard from. Money that only the centre keeps the books of is not `held`
elsewhere.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from xueshi_server.domain.packs.held import types_in
from xueshi_server.domain.packs.measures import Condition, Measure, Sum
from xueshi_server.domain.packs.model import Budget, Statistic, Window
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Interval, Number, RuleError, tidy
from xueshi_server.domain.rules.catalogue import Catalogue
from xueshi_server.domain.rules.evaluate import evaluate
from xueshi_server.domain.rules.facts import Facts, Key, Value
from xueshi_server.domain.rules.figures import Figure, measure_statistics
from xueshi_server.domain.rules.results import Result
from xueshi_server.domain.rules.spans import Span

YEAR: Final = Window(kind="budget_year")
_SIDES: Final = ("planned", "spent", "outside")


class Paid(Struct, frozen=True):
    """The share of one payer (a role), and what it comes to. Money is in fen."""

    payer: str
    share: Number
    planned: Interval | None = None
    spent: Interval | None = None


class Account(Struct, frozen=True):
    """One budget of one subject in one year.

    `outside`: what an earmarked budget spent on other purposes. `groups`: what was set apart by
    whose money it is. `results`: what its rule came to.
    """

    budget: str
    version: str
    subject: Key
    name: str
    span: Span | None
    planned: Interval | None = None
    spent: Interval | None = None
    outside: Interval | None = None
    payers: tuple[Paid, ...] = ()
    groups: tuple[tuple[Value, Interval], ...] = ()
    result: Result | None = None
    heard: tuple[int, int] = (0, 0)
    source: tuple[tuple[str, str], ...] = ()


def list_accounts(
    pack: Pack, facts: Facts, as_of: dt.date, *, on: dt.date | None = None
) -> list[Account]:
    """Every budget of the pack in the budget year of `on`, subject by subject."""
    figures = _measure(pack, facts, as_of, on)
    results = _judge(pack, facts, as_of, on)
    return [
        account
        for budget in pack.budgets.values()
        for account in _accounts(pack, budget, figures.get(budget.id, []), results)
    ]


def held_elsewhere(pack: Pack, budget: Budget, role: str) -> bool:
    """Whether a node of a role has none of the books of a budget."""
    if role == "centre":
        return False
    names = types_in(budget.planned, budget.spent) & pack.types.keys()
    return bool(names) and all(pack.types[each].place == "centre" for each in names)


# ---- measuring


def _measure(
    pack: Pack, facts: Facts, as_of: dt.date, on: dt.date | None
) -> dict[str, list[tuple[str, Figure]]]:
    """The sides of every budget as figures: measured as statistics are."""
    asked: dict[str, Statistic] = {}
    for budget in pack.budgets.values():
        for side, measure in _sides(pack, budget):
            name = f"{budget.id}:{side}"
            asked[name] = Statistic(
                id=name, label=budget.label, source=budget.source, scope=budget.scope,
                measure=measure, window=YEAR,
                group_by=[budget.split] if budget.split and side == "planned" else [],
            )  # fmt: skip
    found: dict[str, list[tuple[str, Figure]]] = defaultdict(list)
    for figure in measure_statistics(replace(pack, statistics=asked), facts, as_of, on=on):
        budget_id, _, side = figure.statistic.rpartition(":")
        found[budget_id].append((side, figure))
    return found


def _sides(pack: Pack, budget: Budget) -> list[tuple[str, Measure]]:
    found = []
    if budget.planned is not None:
        found.append(("planned", budget.planned))
    if budget.spent is not None:
        found.append(("spent", budget.spent))
    outside = _outside(pack, budget)
    if outside is not None:
        found.append(("outside", outside))
    return found


def _outside(pack: Pack, budget: Budget) -> Measure | None:
    """What an earmarked budget spent beside its purposes, where its records name a purpose."""
    measure = budget.spent or budget.planned
    if not budget.earmarked or not budget.purposes or not isinstance(measure, Sum):
        return None
    catalogue = Catalogue(pack)
    for declared in catalogue.type_of(measure.of).field:
        codes = pack.codes.get(declared.codes or "")
        known = {each.id for each in codes.value} if codes is not None else set()
        tested = any(each.field == declared.id for each in measure.where)
        if known.issuperset(budget.purposes) and not tested:
            beside = Condition(field=declared.id, not_in=list(budget.purposes))
            named = Condition(field=declared.id, present=True)
            return replace(measure, where=[*measure.where, named, beside])
    return None


def _judge(
    pack: Pack, facts: Facts, as_of: dt.date, on: dt.date | None
) -> dict[tuple[str, Key], Result]:
    rules = {each.rule for each in pack.budgets.values() if each.rule is not None}
    if not rules:
        return {}
    results = evaluate(pack, facts, as_of, on=on, rules=rules).results
    return {(each.rule, each.subject): each for each in results}


# ---- putting together


def _accounts(
    pack: Pack,
    budget: Budget,
    figures: Sequence[tuple[str, Figure]],
    results: dict[tuple[str, Key], Result],
) -> list[Account]:
    by_subject: dict[Key, list[tuple[str, Figure]]] = defaultdict(list)
    for side, figure in figures:
        by_subject[figure.subject].append((side, figure))
    if not by_subject:
        # A budget without a ledger is shown with what its rule says.
        bare = [key for rule, key in results if rule == budget.rule]
        by_subject = defaultdict(list, {key: [] for key in bare or [()]})
    return [_account(pack, budget, key, some, results) for key, some in by_subject.items()]


def _account(
    pack: Pack,
    budget: Budget,
    key: Key,
    figures: Sequence[tuple[str, Figure]],
    results: dict[tuple[str, Key], Result],
) -> Account:
    totals = {side: figure for side, figure in figures if not figure.group}
    sides = {side: figure.value for side, figure in totals.items()}
    result = results.get((budget.rule or "", key))
    first = next(iter(totals.values()), None)
    groups = tuple(
        (figure.group[0], figure.value)
        for _, figure in figures
        if figure.group and figure.value is not None
    )
    heard = first.heard if first is not None else result.heard if result is not None else (0, 0)
    return Account(
        budget.id,
        pack.version,
        key,
        first.name if first is not None else "" if result is None else result.name,
        first.span if first is not None else None if result is None else result.span,
        sides.get("planned"),
        sides.get("spent"),
        sides.get("outside"),
        _payers(pack, budget, sides.get("planned"), sides.get("spent")),
        groups,
        result,
        heard,
        tuple(pack.quotes(budget.source)),
    )


def _payers(
    pack: Pack, budget: Budget, planned: Interval | None, spent: Interval | None
) -> tuple[Paid, ...]:
    catalogue = Catalogue(pack)
    found = []
    for each in budget.payers:
        try:
            share = catalogue.number(catalogue.plain(each.share))
        except RuleError:
            continue
        found.append(Paid(each.payer, share, share_of(planned, share), share_of(spent, share)))
    return tuple(found)


def share_of(value: Interval | None, share: Number) -> Interval | None:
    """A share of an amount between its bounds."""
    if value is None:
        return None
    low, high = value
    return Interval(
        None if low is None else tidy(low * share), None if high is None else tidy(high * share)
    )
