"""Cases, and the answers to a tally by case.

A `Cases` object is a list of subjects, each with one span; what is worked out for it (keys,
positions of spans) is kept, as many measures share it. Where facts of a whole cluster count for
each of its members, `team` lists the members of all clusters and `teams` whose are whose.
"""

import datetime as dt
from collections.abc import Sequence

from xueshi_server.domain.rules.catalogue import Link
from xueshi_server.domain.rules.facts import Answer, Answers, Days, Key, Tally
from xueshi_server.domain.rules.row_facts import clean
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.rules.subjects import Subject


class Cases:
    """Subjects of one kind, each with a span."""

    def __init__(
        self,
        kind: str,
        subjects: Sequence[Subject],
        spans: Sequence[Span],
        teams: Sequence[Sequence[Subject]] = (),
    ) -> None:
        self.kind = kind
        self.subjects = subjects
        self.spans = spans
        self.teams = teams
        self._keys: dict[Link, list[Key]] = {}
        self._days: dict[dt.date | None, tuple[tuple[Days, ...], list[int]]] = {}
        self._team: tuple[Cases, list[range]] | None = None

    def __len__(self) -> int:
        return len(self.subjects)

    def with_spans(self, spans: Sequence[Span]) -> "Cases":
        """The same subjects in other spans."""
        return Cases(self.kind, self.subjects, spans, self.teams)

    @property
    def team(self) -> "tuple[Cases, list[range]]":
        """Every member of every team as a case of its own, and which of them are whose."""
        if self._team is None:
            subjects: list[Subject] = []
            spans: list[Span] = []
            ranges = []
            for members, span in zip(self.teams, self.spans, strict=True):
                ranges.append(range(len(subjects), len(subjects) + len(members)))
                subjects += members
                spans += [span] * len(members)
            self._team = (Cases(self.kind, subjects, spans), ranges)
        return self._team

    def keys(self, link: Link) -> list[Key]:
        """The link key of each case."""
        if link not in self._keys:
            names = [name for _, name in link]
            known: dict[Subject, Key] = {}
            keys = self._keys[link] = []
            for each in self.subjects:
                key = known.get(each)
                if key is None:
                    get = each.row.get
                    key = known[each] = tuple([clean(get(name)) for name in names])
                keys.append(key)
        return self._keys[link]

    def days(self, latest: dt.date | None) -> tuple[tuple[Days, ...], list[int]]:
        """The different spans as days, no later than `latest`, and which one each case has."""
        if latest not in self._days:
            order: dict[Span, int] = {}
            numbers = [order.setdefault(span, len(order)) for span in self.spans]
            self._days[latest] = (tuple(span.days(latest) for span in order), numbers)
        return self._days[latest]


class Asked:
    """The answers to one tally, by case; `ranges`: a case has the answers of a whole team."""

    __slots__ = ("_answers", "_keys", "_numbers", "_ranges", "tally")

    def __init__(
        self, tally: Tally, keys: list[Key], numbers: list[int], ranges: list[range] | None = None
    ) -> None:
        self.tally = tally
        self._keys = keys
        self._numbers = numbers
        self._ranges = ranges
        self._answers: Answers = ()

    def fill(self, answers: Answers) -> None:
        """Take the answers."""
        self._answers = answers

    @property
    def answers(self) -> Answers:
        """All answers, by span and key."""
        return self._answers

    def get(self, case: int) -> Answer | None:
        """The answer for a case; None where no record is behind it."""
        if self._ranges is None:
            return self._answers[self._numbers[case]].get(self._keys[case])
        # Members with one key (of one school) have the same records.
        wanted = {(self._numbers[each], self._keys[each]) for each in self._ranges[case]}
        answers = [self._answers[number].get(key) for number, key in sorted(wanted, key=repr)]
        return _merge(self.tally.aggregate, [each for each in answers if each is not None])


def _merge(aggregate: str, answers: Sequence[Answer]) -> Answer | None:
    """The answer over the records behind several answers."""
    if not answers:
        return None
    sets = [each for each in answers if isinstance(each, frozenset)]
    if sets:
        return frozenset().union(*sets)
    periods = [each for each in answers if isinstance(each, tuple)]
    if periods:
        return tuple(sorted(period for each in periods for period in each))
    if aggregate in ("first", "last"):
        days = [str(each) for each in answers]
        return min(days) if aggregate == "first" else max(days)
    numbers = [each for each in answers if isinstance(each, int)]
    return max(numbers) if aggregate == "greatest" else sum(numbers)
