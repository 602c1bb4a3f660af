"""Which entries of a ledger stand for their chain of corrections, so that none is handed in twice.

A county credits one entry of a chain at most (PROTOCOL 8.4). What is printed for review follows
the same rule before anybody judged: a correction takes the place of what it corrects as soon as it
is entered, and gives it back when it is rejected, returned, withdrawn or voided.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.rules.facts import Row
from xueshi_server.store.facts import SqlFacts

# States of entries that are handed in no more.
GONE: Final = ("rejected", "returned", "withdrawn", "void", "replaced")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that corrects another or is corrected."""

    rec: int
    corrects: int | None
    state: str
    credited: int
    entered_s: int


def without_corrected(facts: SqlFacts, declared: RecordType, rows: Sequence[Row]) -> list[Row]:
    """The rows without those for which another entry of their chain stands."""
    over = {
        scope: over_taken(_read_chained(facts, declared, scope))
        for scope in {str(row["scope"]) for row in rows}
    }
    return [row for row in rows if row["rec"] not in over[str(row["scope"])]]


def _read_chained(facts: SqlFacts, declared: RecordType, scope: str) -> list[Entry]:
    """What corrects or is corrected in a school; the index over what is corrected holds few."""
    found = facts.db.execute(
        f'WITH c AS MATERIALIZED (SELECT rec, "{declared.corrects}" AS older FROM "{declared.id}"'
        f' WHERE scope_no = ?1 AND "{declared.corrects}" >= 0)'
        f' SELECT rec, "{declared.corrects}", state, credited, entered_at FROM "{declared.id}"'
        " WHERE scope_no = ?1 AND rec IN (SELECT rec FROM c UNION SELECT older FROM c)",
        [facts.scope_nos.get(scope, -1)],
    )
    return [Entry(*row) for row in found]


def over_taken(entries: Collection[Entry]) -> set[int]:
    """The entries that do not stand for their chain."""
    over: set[int] = set()
    for chain in _chains(entries):
        alive = [each for each in chain if each.state not in GONE]
        over |= {each.rec for each in alive} - _standing(alive, chain)
    return over


def _chains(entries: Collection[Entry]) -> Iterable[list[Entry]]:
    """Entries joined by corrections; those of an entry that is not here are joined too."""
    above = {each.rec: each.corrects for each in entries}
    chains = defaultdict[int, list[Entry]](list)
    for each in entries:
        chains[_climb(above, each.rec)[-1]].append(each)
    return chains.values()


def _climb(above: Mapping[int, int | None], rec: int) -> list[int]:
    """An entry, what it corrects, what that corrects, and so on."""
    path = [rec]
    while (older := above.get(path[-1])) is not None and older not in path:
        path.append(older)
    return path


def _standing(alive: Sequence[Entry], chain: Sequence[Entry]) -> set[int]:
    """The newest of those that nothing alive corrects; where several do, what is credited now."""
    above = {each.rec: each.corrects for each in chain}
    corrected = {older for each in alive for older in _climb(above, each.rec)[1:]}
    last = [each for each in alive if each.rec not in corrected]
    credited = [each for each in alive if each.credited]
    if len(last) > 1 and credited:
        return {credited[0].rec}
    return {each.rec for each in sorted(last, key=lambda each: (each.entered_s, each.rec))[-1:]}
