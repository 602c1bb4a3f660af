"""Facts of people who stand in several rosters, told as those of one person.

Each record of a person is answered with what all of them have together, so that an hour under any
of the numbers flows to the one. On the rolls a person stands once a day: records that do not lead
leave the roll the day before the leading one begins. Nothing is moved: which record is where, and
what was heard from which school, stays as it is. Without links this changes nothing.

Joined are facts that belong to a person by a reference and the school; what belongs to a set of
values (a trainee in a run of a project) stays with each record.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from xueshi_server.domain.rules.facts import (
    ROLL_SINCE,
    Aggregate,
    Answer,
    Answers,
    Column,
    Key,
    RecordKey,
    Row,
    Scope,
    Tally,
)

PERSON: Final = "person"
SINCE: Final = "hired_on"
UNTIL: Final = "left_on"
_SCOPE: Final = Column("scope")

# How answers of parts become one of the whole.
MERGE: Final[Mapping[Aggregate, Callable[[Any, Any], Any]]] = {
    "count": lambda one, other: one + other,
    "sum": lambda one, other: one + other,
    "distinct": lambda one, other: one | other,
    "greatest": max,
    "first": min,
    "last": max,
    "periods": lambda one, other: tuple(sorted(one + other)),
}


@dataclass(frozen=True, slots=True)
class Joined:
    """People with several records: each group with the leading record first, the others by when
    they began, the latest first.

    `ends` are the last days on the roll of those that do not lead; none where it is not known.
    `firsts` are the days since when people are on any roll, where another one came before: what
    they owe in a cycle goes by it (`ROLL_SINCE` keeps since when they are on this roll).
    `refs` are the fields of every type that refer to a person of the same school. Compares by
    what is joined, so that it can say whether anything else is one person now.
    """

    groups: tuple[tuple[RecordKey, ...], ...] = ()
    ends: Mapping[RecordKey, str] = field(default_factory=dict)
    firsts: Mapping[RecordKey, str] = field(default_factory=dict)
    refs: Mapping[str, Collection[str]] = field(default_factory=dict, compare=False)
    _group_of: Mapping[RecordKey, tuple[RecordKey, ...]] = field(
        default_factory=dict, compare=False
    )

    @staticmethod
    def of(
        groups: Iterable[Sequence[tuple[RecordKey, str]]],
        refs: Mapping[str, Collection[str]],
        before: Mapping[RecordKey, str] | None = None,
    ) -> "Joined":
        """Groups of records with the day since when each is on the roll, empty where it is not
        known; the leading one first. `before`: since when people were on rolls that are not here.
        """
        kept = []
        ends: dict[RecordKey, str] = {}
        firsts = dict(before or {})
        for leader, *others in groups:
            others.sort(key=lambda each: (each[1], each[0]), reverse=True)
            begins = leader[1]
            for key, since in others:
                ends[key] = _day_before(begins)
                begins = min(begins, since)
            kept.append((leader[0], *(key for key, _ in others)))
            known = [day for _, day in (leader, *others) if day]
            if known and min(known) < leader[1]:
                firsts[leader[0]] = min(known)
        group_of = {key: each for each in kept for key in each}
        return Joined(tuple(kept), ends, firsts, refs, group_of)

    def group(self, key: RecordKey) -> tuple[RecordKey, ...]:
        """All records of the person that a record is of; itself where it is the only one."""
        return self._group_of.get(key, (key,))

    def partners(self, scopes: Iterable[Scope]) -> frozenset[Scope]:
        """Some schools, and those that have other records of their people."""
        wanted = set(scopes)
        more = {key[0] for each in self.groups if any(k[0] in wanted for k in each) for key in each}
        return frozenset(wanted | more)

    # ---- tallies

    def tally(
        self, tallies: Sequence[Tally], ask: Callable[[Sequence[Tally]], Sequence[Answers]]
    ) -> Sequence[Answers]:
        """The answers, of every record of a person with what all of them have."""
        if not self.groups:
            return ask(tallies)
        places = [self._place(each) for each in tallies]
        asked = [
            each if place is None else self._widened(each, place)
            for each, place in zip(tallies, places, strict=True)
        ]
        return [
            answers if place is None else self._told(tally, place, answers)
            for tally, place, answers in zip(tallies, places, ask(asked), strict=True)
        ]

    def _place(self, tally: Tally) -> tuple[int, int] | None:
        """Where the school and the person stand in the keys of a tally; None: not by person."""
        if len(tally.link) != 2 or _SCOPE not in tally.link:
            return None
        scope = tally.link.index(_SCOPE)
        column = tally.link[1 - scope]
        is_ref = column.via is None and column.field in self.refs.get(tally.of, ())
        return (scope, 1 - scope) if is_ref else None

    def _widened(self, tally: Tally, place: tuple[int, int]) -> Tally:
        """A tally that asks for the other records of its people as well."""
        scopes = None if tally.scopes is None else self.partners(tally.scopes)
        keys = tally.keys
        if keys is not None:
            spans: dict[Key, set[int]] = defaultdict(set)
            for key, some in keys:
                for each in self._keys(key, place):
                    spans[each].update(some)
            keys = tuple((key, tuple(sorted(some))) for key, some in spans.items())
        return replace(tally, scopes=scopes, keys=keys)

    def _told(self, tally: Tally, place: tuple[int, int], answers: Answers) -> Answers:
        wanted = None if tally.keys is None else {key: set(some) for key, some in tally.keys}
        merge = MERGE[tally.aggregate]
        told = []
        for no, answer in enumerate(answers):
            one = dict(answer)
            for group in self.groups:
                keys = [_key(each, place) for each in group]
                values = [answer[key] for key in keys if key in answer]
                if values:
                    one.update(dict.fromkeys(keys, _merged(merge, values)))
            told.append({k: v for k, v in one.items() if _is_wanted(tally, place, wanted, no, k)})
        return told

    def _keys(self, key: Key, place: tuple[int, int]) -> list[Key]:
        rec = key[place[1]]
        assert isinstance(rec, (int, str))
        return [_key(each, place) for each in self.group((str(key[place[0]]), rec))]

    def keys(self, tally: Tally, key: Key) -> list[Key]:
        """The keys that stand for the person of a key in a tally: its records behind an answer are
        those of all of them."""
        place = self._place(tally) if self.groups else None
        return [key] if place is None else self._keys(key, place)

    # ---- people

    def people(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Rows of people, each person on one roll at a time."""
        if not (self.ends or self.firsts):
            return rows
        found = []
        for row in rows:
            key = (str(row["scope"]), _rec(row))
            shown = _until(row, self.ends.get(key))
            if shown is not None:
                found.append(_since(shown, self.firsts.get(key)))
        return found

    def standing(self, standing: Mapping[Scope, object]) -> Mapping[Scope, object]:
        """For every school something that differs once it, or a school that has other records of
        its people, does."""
        if not self.groups:
            return standing
        near: dict[Scope, set[Scope]] = defaultdict(set)
        for group in self.groups:
            for one, _ in group:
                near[one].update(scope for scope, _ in group if scope in standing)
        return {
            scope: (
                tuple((each, standing[each]) for each in sorted({scope, *near[scope]}))
                if scope in near
                else mark
            )
            for scope, mark in standing.items()
        }


def _key(record: RecordKey, place: tuple[int, int]) -> Key:
    return record if place[0] == 0 else (record[1], record[0])


def _merged(merge: Callable[[Any, Any], Any], values: Sequence[Answer]) -> Answer:
    whole: Any = values[0]
    for each in values[1:]:
        whole = merge(whole, each)
    return whole  # type: ignore[no-any-return]


def _is_wanted(
    tally: Tally,
    place: tuple[int, int],
    wanted: Mapping[Key, Collection[int]] | None,
    no: int,
    key: Key,
) -> bool:
    if tally.scopes is not None and key[place[0]] not in tally.scopes:
        return False
    return wanted is None or no in wanted.get(key, ())


def _rec(row: Row) -> int | str:
    rec = row["rec"]
    assert isinstance(rec, (int, str))
    return rec


def _day_before(day: str) -> str:
    """The day before; none where the day is not known."""
    return (dt.date.fromisoformat(day) - dt.timedelta(days=1)).isoformat() if day else ""


def _until(row: Row, last: str | None) -> Row | None:
    """A row of a person whose time on the roll ends with a day (None: as the row says); None where
    it would end before it begins."""
    if last is None:
        return row
    if not last or str(row.get(SINCE) or "") > last:
        return None
    until = str(row.get(UNTIL) or "")
    return row if until and until <= last else {**row, UNTIL: last}


def _since(row: Row, first: str | None) -> Row:
    """A row of a person who was on another roll before this one."""
    since = str(row.get(SINCE) or "")
    if first is None or not since or since <= first:
        return row
    return {**row, SINCE: first, ROLL_SINCE: since}
