"""Checks of what budgets and shelves are read from: ledgers and records."""

from xueshi_server.domain.packs.checker import Checker, fields_of
from xueshi_server.domain.packs.checking_conditions import check_where
from xueshi_server.domain.packs.checking_measures import MeasureCheck
from xueshi_server.domain.packs.measures import Measure, Sum
from xueshi_server.domain.packs.model import Budget, Window
from xueshi_server.domain.packs.pack import Spot

YEAR = Window(kind="budget_year")


def check_ledgers(checker: Checker) -> None:
    """Check what every budget measures, and by which field it is split."""
    for budget in checker.pack.budgets.values():
        spot = ("budget", budget.id)
        if budget.scope not in checker.pack.subjects and budget.scope not in ("school", "county"):
            continue
        check = MeasureCheck(checker, budget.scope, YEAR)
        for key in ("planned", "spent"):
            measure: Measure | None = getattr(budget, key)
            if measure is not None:
                check.check(measure, (*spot, key))
        _check_split(checker, budget, spot)


def _check_split(checker: Checker, budget: Budget, spot: Spot) -> None:
    if budget.split is None:
        return
    measures = [each for each in (budget.planned, budget.spent) if isinstance(each, Sum)]
    for measure in measures:
        declared = checker.pack.types.get(measure.of)
        if declared is not None:
            checker.field(fields_of(declared), budget.split, (*spot, "split"), declared.id)
    if not measures:
        checker.fault("block_incomplete", (*spot, "split"), kind="budget", name="planned")


def check_shelves(checker: Checker) -> None:
    """Check which records stand on every shelf."""
    for shelf in checker.pack.shelves.values():
        spot = ("shelf", shelf.id)
        if shelf.of is None:
            continue
        declared = checker.type_of(shelf.of, (*spot, "of"))
        if declared is None:
            continue
        check_where(checker, shelf.where, (*spot, "where"), declared)
        for position, field in enumerate(shelf.fields):
            checker.field(fields_of(declared), field, (*spot, "fields", position), declared.id)
