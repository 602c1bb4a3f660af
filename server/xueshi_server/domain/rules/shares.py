"""What each school contributes to the county's measures over members, kept between evaluations.

A sum over all teachers follows from those of each school. After a change of one school only its own
share is worked out again. A share stands until its school is given up (`of_others`); one that was
given up and not asked for since is not to be relied on, then everybody must be judged again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xueshi_server.domain.rules.reach import WideError
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.rules.subjects import Subject

Share = tuple[Any, ...]
Positions = Sequence[int]
# The rule whose measure it is, the measure itself, and the county's window.
Mark = tuple[str, bytes, Span]


@dataclass(frozen=True, slots=True)
class _Sum:
    by_scope: Mapping[str | None, Share]
    # Schools whose share is of an earlier state of their records.
    given_up: frozenset[str] = frozenset()


@dataclass(slots=True)
class Shares:
    """Shares of all schools by mark. `scopes`: those that are worked out again; None: all."""

    scopes: frozenset[str] | None = None
    sums: dict[Mark, _Sum] = field(default_factory=dict)

    def of_others(self, scopes: frozenset[str], without: Collection[str]) -> "Shares":
        """The same with the shares of some schools, and everything of some rules, given up."""
        kept = {
            mark: _Sum(each.by_scope, each.given_up | scopes)
            for mark, each in self.sums.items()
            if mark[0] not in without
        }
        return Shares(scopes, kept)

    def read(
        self,
        mark: Mark,
        members: Sequence[Subject],
        first: int,
        work: Callable[[Positions], Share],
    ) -> Sequence[Share]:
        """The share of every school that has members; `members` begin at position `first`.

        Raises WideError where a share of another school is not known.
        """
        positions: dict[str | None, list[int]] = {}
        for position, each in enumerate(members, first):
            positions.setdefault(each.scope, []).append(position)
        shares: dict[str | None, Share] = {}
        if self.scopes is not None:
            known = self.sums.get(mark)
            if known is None or known.given_up - self.scopes:
                raise WideError
            again = self.scopes
            shares = {scope: each for scope, each in known.by_scope.items() if scope not in again}
        shares |= {scope: work(some) for scope, some in positions.items()}
        self.sums[mark] = _Sum(shares)
        return list(shares.values())
