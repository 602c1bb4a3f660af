"""Which budget year is meant, and which records stand on a shelf."""

import datetime as dt
from typing import Final

from xueshi_server.domain.credit import GONE_STATES
from xueshi_server.domain.packs.model import Shelf, Window
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.calendar import SchoolCalendar
from xueshi_server.domain.rules.catalogue import Catalogue, names_state
from xueshi_server.domain.rules.facts import Column, Test
from xueshi_server.store.facts import SqlFacts

# The newest records of a shelf; all of them are in the list of their type.
SHELF_ROWS: Final = 20
YEAR: Final = Window(kind="budget_year")
_GONE: Final = Test(Column("state"), "not_in", GONE_STATES)


def year_of(pack: Pack, day: dt.date, year: int | None = None) -> tuple[dt.date, dt.date, int]:
    """The day that picks the budget year, the day as of which it is read, and the year's number.

    A year that is over is read by what is known on `day`.
    """
    calendar = SchoolCalendar(pack.calendar)
    span = calendar.current(YEAR, day, {})
    assert span is not None
    if year is None or year == span.first.year:
        return day, day, span.first.year
    month, first = (int(part) for part in pack.calendar.budget_year_from.split("-"))
    return dt.date(year, month, first), day, year


def list_shelf(pack: Pack, facts: SqlFacts, shelf: Shelf) -> tuple[list[tuple[int, int]], int]:
    """The newest records of a shelf, and how many there are."""
    assert shelf.of is not None
    catalogue = Catalogue(pack)
    declared = catalogue.type_of(shelf.of)
    tests = catalogue.tests(shelf.of, shelf.where)
    if declared.kind == "ledger" and not names_state(shelf.where):
        tests = (*tests, _GONE)
    rows = list(facts.rows(shelf.of, tests))
    if declared.when is not None:
        when = declared.when
        rows.sort(key=lambda row: str(row.get(when) or ""), reverse=True)
    keys = [(facts.scope_nos[str(row["scope"])], int(row["rec"] or 0)) for row in rows[:SHELF_ROWS]]
    return keys, len(rows)
