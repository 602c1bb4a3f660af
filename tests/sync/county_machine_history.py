"""What people said, and what a reader of some of it must be shown (PROTOCOL 7.2 and 8).

A model that knows neither blocks nor tables nor the core: a saying is an op as its author meant it,
with the sayings it named because they were current where it was said. A `Reading` works the rest
out from the document alone, slowly and anew each time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from tests.sync.craft import SCHEMA

CENTRE: Final = "centre"
TIERS: Final = ("school", "township", "centre")
DELETED: Final = "_deleted"
JUDGED: Final = "_judged"
CHECKED: Final = "_checked"
# What no block holds yet has no public name; its author shows it before anything of equal weight.
NOT_SEALED: Final = b"\xff" * 16
STATES: Final = {"approve": "approved", "reject": "rejected", "void": "void", "": "pending"}


@dataclass(eq=False)
class Saying:
    """One op. `record` is the insert it writes to, None for an insert; `saw` what it names, by
    field; `block` and `k` its public name once it is sealed."""

    by: str
    scope: bytes
    table: str
    record: "Saying | None"
    says: Mapping[str, object]
    saw: Mapping[str, frozenset["Saying"]]
    k: int = 0
    block: bytes = NOT_SEALED

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self.says.items())
        return f"{self.by}:{self.table}({said})"


@dataclass
class Row:
    """What a record's line must show; `fields` that name a record hold its saying."""

    fields: dict[str, object]
    deleted: bool = False
    state: str = ""
    credited: int = 0
    # Field to the number of values that stand against each other; 0 where a person must decide.
    conflicts: dict[str, int] = field(default_factory=dict)
    verdicts: frozenset[Saying] = frozenset()


class Reading:
    """One scope as `reader` must show it, having heard some sayings of it."""

    def __init__(self, heard: Iterable[Saying], reader: str, own_tier: str) -> None:
        self._reader = reader
        self._own_tier = own_tier
        self._writes: dict[tuple[Saying, str], list[Saying]] = {}
        self._depths: dict[tuple[Saying, str], int] = {}
        self._rights: dict[str, str | None] = {}
        self.records: list[Saying] = []
        every = list(heard)
        # Words about rights first: whether the others count depends on them.
        for each in every:
            if each.table.startswith("_") and each.by == CENTRE:
                self._take(each)
        self._rights = {each.by: self._right(each.by) for each in every}
        for each in every:
            if not each.table.startswith("_") and self._counts(each):
                self._take(each)

    def _take(self, saying: Saying) -> None:
        if saying.record is None:
            self.records.append(saying)
            return
        for name in saying.says:
            self._writes.setdefault((saying.record, name), []).append(saying)

    def _right(self, speaker: str) -> str | None:
        if speaker == CENTRE:
            return CENTRE
        grants = [
            each for each in self.records if each.table == "_node" and each.says["code"] == speaker
        ]
        if not grants:
            return self._own_tier if speaker == self._reader else None
        for each in grants:
            if not all(self.values(each, "granted")):
                return None
        return str(grants[0].says["tier"])

    def right(self, speaker: str) -> str | None:
        """The tier a speaker has here, or None."""
        return self._rights[speaker] if speaker in self._rights else self._right(speaker)

    def _counts(self, saying: Saying) -> bool:
        table = SCHEMA.by_name[saying.table]
        return self.right(saying.by) in (table.judges if JUDGED in saying.says else table.writers)

    def current(self, record: Saying, name: str) -> list[Saying]:
        """The writes of a field that no other names, the one to show first (8.1)."""
        every = self._writes.get((record, name), [])
        named = frozenset[Saying]().union(*(each.saw[name] for each in every))
        return sorted(
            (each for each in every if each not in named),
            key=lambda each: (
                TIERS.index(str(self.right(each.by))),
                self._depth(each, record, name),
                each.block,
                each.k,
            ),
            reverse=True,
        )

    def _depth(self, saying: Saying, record: Saying, name: str) -> int:
        if (saying, name) not in self._depths:
            every = self._writes[record, name]
            below = [self._depth(each, record, name) for each in saying.saw[name] if each in every]
            self._depths[saying, name] = 1 + max(below, default=0)
        return self._depths[saying, name]

    def values(self, record: Saying, name: str) -> list[object]:
        """Every current value of a field, the one to show first (8.2)."""
        current = self.current(record, name)
        return [each.says[name] for each in current] or [record.says.get(name)]

    def sees(self, record: Saying, name: str) -> frozenset[Saying]:
        """What a write of this field names when it is made here."""
        return frozenset(self.current(record, name))

    def sees_all(self, record: Saying) -> frozenset[Saying]:
        """What a deletion names when it is made here (8.3)."""
        names = (*SCHEMA.by_name[record.table].field_names, DELETED)
        return frozenset(each for name in names for each in self.current(record, name))

    @cached_property
    def rows(self) -> dict[Saying, Row]:
        """Every line of every table."""
        entries = [each for each in self.records if SCHEMA.by_name[each.table].kind == "ledger"]
        credit = self._credit(entries)
        rows = {}
        for record in self.records:
            if SCHEMA.by_name[record.table].kind == "register":
                rows[record] = self._register_row(record)
            else:
                rows[record] = self._ledger_row(record, *credit[record])
        return rows

    def _register_row(self, record: Saying) -> Row:
        names = SCHEMA.by_name[record.table].field_names
        row = Row({name: self.values(record, name)[0] for name in names})
        current = {name: self.current(record, name) for name in names}
        row.conflicts = {name: len(each) for name, each in current.items() if len(each) > 1}
        marks = self.current(record, DELETED)
        seen = frozenset[Saying]().union(*(each.saw[DELETED] for each in marks))
        stands = [each for writes in current.values() for each in writes if each not in seen]
        says = [bool(each.says[DELETED]) for each in marks]
        row.deleted = bool(says) and all(says) and not stands
        if any(says) and not row.deleted:
            row.conflicts[DELETED] = 0
        return row

    def _ledger_row(self, record: Saying, state: str, credited: int) -> Row:
        names = SCHEMA.by_name[record.table].field_names
        row = Row({name: record.says.get(name) for name in names}, state=state, credited=credited)
        row.conflicts = {JUDGED: 0} if state == "disputed" else {}
        row.verdicts = frozenset(self.current(record, JUDGED))
        return row

    # Ledgers (8.4)

    def settled(self, entry: Saying) -> str:
        """The last state of an entry that all its current verdicts knew of."""
        current = self.current(entry, JUDGED)
        while current:
            values = {each.says[JUDGED] for each in current}
            if len(values) == 1:
                return STATES[str(values.pop())]
            common = frozenset.intersection(*(self._before(each, entry) for each in current))
            named = frozenset[Saying]().union(*(each.saw[JUDGED] for each in common))
            current = [each for each in common if each not in named]
        return "pending"

    def _before(self, verdict: Saying, entry: Saying) -> frozenset[Saying]:
        known = [each for each in verdict.saw[JUDGED] if each in self._writes[entry, JUDGED]]
        return frozenset(known).union(*(self._before(each, entry) for each in known))

    def is_disputed(self, entry: Saying) -> bool:
        """Whether the current verdicts of one entry differ."""
        return len({each.says[JUDGED] for each in self.current(entry, JUDGED)}) > 1

    def _state(self, entry: Saying) -> str:
        """Disputed, settled, or what those who write the ledger said while nobody judged it."""
        settled = "disputed" if self.is_disputed(entry) else self.settled(entry)
        said = {each.says[CHECKED] for each in self.current(entry, CHECKED)}
        if settled != "pending" or not said & {"withdraw", "return"}:
            return settled
        return "withdrawn" if "withdraw" in said else "returned"

    def above(self, entry: Saying) -> list[Saying]:
        """What an entry corrects, directly or further on, nearest first, as far as it is here."""
        target = entry.says.get("corrects")
        if not isinstance(target, Saying) or target not in self.records:
            return []
        return [target, *self.above(target)]

    def chain_of(self, entry: Saying) -> Saying:
        """What stands for an entry's chain: its topmost entry, here or not."""
        top = [entry, *self.above(entry)][-1]
        beyond = top.says.get("corrects")
        return beyond if isinstance(beyond, Saying) else top

    def _credit(self, entries: list[Saying]) -> dict[Saying, tuple[str, int]]:
        """State and credit of every entry."""
        chains: dict[Saying, list[Saying]] = {}
        for each in entries:
            chains.setdefault(self.chain_of(each), []).append(each)
        return {
            entry: line for chain in chains.values() for entry, line in self._lines(chain).items()
        }

    def _lines(self, chain: list[Saying]) -> dict[Saying, tuple[str, int]]:
        approved = [each for each in chain if self.settled(each) == "approved"]
        covered = {above for each in approved for above in self.above(each)}
        rivals = [each for each in approved if each not in covered]
        credited = self._credited(rivals, approved)
        lines = {}
        for each in chain:
            state = self._state(each)
            if len(rivals) > 1 and each in rivals:
                state = "disputed"
            elif state == "approved" and each in covered and each is not credited:
                state = "replaced"
            minutes = each.says.get("minutes")
            worth = minutes if isinstance(minutes, int) and each is credited else 0
            lines[each] = (state, max(worth, 0))
        return lines

    def _credited(self, rivals: list[Saying], approved: list[Saying]) -> Saying | None:
        if len(rivals) == 1:
            return rivals[0]
        for each in self.above(rivals[0]) if rivals else []:
            if each in approved and all(each in self.above(rival) for rival in rivals):
                return each
        return None
