"""What a rule reads beyond the school of a subject: what decides whom a change of records reaches.

It is found by planning a rule for nobody: planning walks through all of a rule whoever it is for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from xueshi_server.domain.rules.facts import Column, Tally


class WideError(Exception):
    """An evaluation of some schools came upon something that only all of them can answer."""


@dataclass
class Reach:
    """What a rule reads.

    `types`: record types of which a record in any school may matter to a subject of another, over
    which the county's own sums do not count (they are put together anew each time). `every_type`:
    all it reads. `hears_all`: a subject waits for every school. `wide`: its subjects, or those it
    compares them with, are of several schools: it is judged for all of them or not at all.
    """

    wide: bool = False
    hears_all: bool = False
    types: set[str] = field(default_factory=set)
    every_type: set[str] = field(default_factory=set)

    def note_tally(self, tally: Tally, kind: str, *, own: bool) -> None:
        """A tally for subjects of a kind; `own`: of records in the subject's own school."""
        seen = list(_columns(tally))
        targets = {each.to for each in seen if each.to is not None}
        by_key = {each.to for each in seen if each.to is not None and each.by != "rec"}
        self.every_type |= {tally.of, *targets}
        if kind != "county":
            self.types |= by_key if own else {tally.of, *targets}


def _columns(tally: Tally) -> Iterable[Column]:
    found = [*tally.link, tally.when, tally.column, tally.ends]
    found += [test.column for tests in (tally.tests, *tally.unless) for test in tests]
    return (each for each in found if each is not None)
