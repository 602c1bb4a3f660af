"""Which records of people are one person: what was said about pairs, settled one way everywhere.

What counts of one pair: of all that was said and not taken back, what the highest tier says (the
centre over a township). Where one tier says both, the careful answer counts, that they are
different people, and the pair is shown as a conflict. Links are followed in a fixed order; one
that would bring two together whom somebody tells apart is not followed, and is a conflict too.
So the same links give the same groups on every node, in whatever order they came.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

SAME: Final = "same"
DIFFERENT: Final = "different"
Kind = Literal["same", "different"]
Pair = tuple[str, str]


class Tie(NamedTuple):
    """What somebody said of two records: `rank` of their tier, day and name of the saying."""

    one: str
    other: str
    kind: str
    rank: int
    on: str
    name: str

    @property
    def pair(self) -> Pair:
        """The two, in order."""
        return pair_of(self.one, self.other)


class Standing(NamedTuple):
    """What tells which record of a person leads: whether it is of somebody at work, since when,
    and whether it has the county's number."""

    is_here: bool
    since: str
    is_lifelong: bool = False


@dataclass(frozen=True, slots=True)
class Groups:
    """Records that are one person, each group in order; pairs that are settled or in conflict."""

    groups: tuple[tuple[str, ...], ...] = ()
    conflicts: frozenset[Pair] = frozenset()
    decided: frozenset[Pair] = frozenset()
    _group_of: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[str, ...]:
        """The records that are one person with this one; none where it stands for itself."""
        return self._group_of.get(name, ())


def pair_of(one: str, other: str) -> Pair:
    """Two names in order."""
    return (one, other) if one <= other else (other, one)


def settle(ties: Iterable[Tie]) -> Groups:
    """The groups that some ties make, whatever their order."""
    by_pair: dict[Pair, list[Tie]] = defaultdict(list)
    for each in ties:
        if each.one != each.other:
            by_pair[each.pair].append(each)
    conflicts: set[Pair] = set()
    apart: set[Pair] = set()
    together: list[Tie] = []
    for pair, said in by_pair.items():
        rank = max(each.rank for each in said)
        kinds = {each.kind for each in said if each.rank == rank}
        if len(kinds) > 1:
            conflicts.add(pair)
        if DIFFERENT in kinds:
            apart.add(pair)
        else:
            together.append(min(each for each in said if each.rank == rank))
    together.sort(key=lambda each: (-each.rank, each.on, each.name, each.pair))
    members = _join(together, apart, conflicts)
    groups = tuple(sorted(tuple(sorted(some)) for some in members if len(some) > 1))
    known = {each: some for some in groups for each in some}
    return Groups(groups, frozenset(conflicts), frozenset(by_pair), known)


def _join(ties: Sequence[Tie], apart: set[Pair], conflicts: set[Pair]) -> list[set[str]]:
    groups: dict[str, set[str]] = {}
    for each in ties:
        one = groups.setdefault(each.one, {each.one})
        other = groups.setdefault(each.other, {each.other})
        if one is other:
            continue
        if any(pair_of(a, b) in apart for a in one for b in other):
            conflicts.add(each.pair)
            continue
        one |= other
        groups.update(dict.fromkeys(other, one))
    return list({id(some): some for some in groups.values()}.values())


def find_leader(group: Sequence[str], standing: Mapping[str, Standing]) -> str:
    """The record that stands for a person: of somebody at work, the one who came last, under the
    county's number."""

    def rank(name: str) -> tuple[bool, str, bool, str]:
        found = standing.get(name, Standing(False, ""))
        return (*found, name)

    return max(group, key=rank)


class Entry(NamedTuple):
    """What makes two records of hours look like one: its school's leads, then what counts more."""

    name: str
    owner: str
    date: str
    title: str
    credited: int
    minutes: int


def find_doubled(group: Sequence[str], leader: str, entries: Iterable[Entry]) -> list[Pair]:
    """(kept, left out) of hours of one person that two schools entered: one day, one title.

    What was credited with more is kept; of equals what the leading record has.
    """
    owners = sorted(group, key=lambda each: each != leader)
    alike: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for each in entries:
        alike[each.date, "".join(each.title.split()).lower()][each.owner].append(each)
    found: list[Pair] = []
    for by_owner in alike.values():
        if len(by_owner) > 1:
            ranked = [_ranked(by_owner[each], leader) for each in owners if each in by_owner]
            found += _doubled(ranked)
    return sorted(found)


def _ranked(entries: Iterable[Entry], leader: str) -> list[Entry]:
    return sorted(entries, key=lambda each: _worth(each, leader), reverse=True)


def _worth(each: Entry, leader: str) -> tuple[int, int, bool, str]:
    return (each.credited, each.minutes, each.owner == leader, each.name)


def _doubled(ranked: Sequence[Sequence[Entry]]) -> list[Pair]:
    """The first of one school is the first of the other: two of one school stay two."""
    found: list[Pair] = []
    for place in range(max(map(len, ranked))):
        some = [each[place] for each in ranked if place < len(each)]
        kept = max(some, key=lambda each: (each.credited, each.minutes))
        found += [(kept.name, each.name) for each in some if each is not kept]
    return found
