"""One evaluation in the making: the cases to be judged, and the tallies they ask for.

Planning walks through the rules and collects tallies; each reader it makes looks its answers up
once they are there.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from xueshi_server.domain.packs.model import RecordType, Window
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.calendar import OWN, SchoolCalendar
from xueshi_server.domain.rules.cases import Asked, Cases
from xueshi_server.domain.rules.catalogue import SCOPE, Catalogue, Link
from xueshi_server.domain.rules.facts import Facts, Key, School, Tally
from xueshi_server.domain.rules.reach import Reach
from xueshi_server.domain.rules.results import Outcome
from xueshi_server.domain.rules.shares import Shares
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.rules.subjects import Populations, Subject

# Reads what a rule came to for a case; None: the rule does not apply to that subject.
Judge = Callable[[int], Outcome | None]
Keys = tuple[tuple[Key, tuple[int, ...]], ...]


PlanOver = Callable[["Study", str, "Cases"], Judge]


class Study:
    """What is known while rules are planned: the pack, the day, the subjects, the tallies."""

    def __init__(
        self, catalogue: Catalogue, facts: Facts, as_of: dt.date, on: dt.date, plan_over: PlanOver
    ) -> None:
        # Plans another rule over the spans of given cases.
        self.plan_over = plan_over
        self.catalogue = catalogue
        self.facts = facts
        self.as_of = as_of
        self.on = on
        self.calendar = SchoolCalendar(catalogue.pack.calendar)
        self.populations = Populations(catalogue, facts, min(on, as_of))
        # Cases of rules that judge the same subjects in the same window.
        self.kept: dict[bytes, tuple[list[Subject], list[Span | None], dict[int, int], Cases]] = {}
        # Only these subjects are asked about: then tallies name their keys.
        self.narrow = False
        # Only subjects of these schools are judged; the county sums up what is kept of the others.
        self.scopes: frozenset[str] | None = None
        self.shares = Shares()
        self._asked: list[Asked] = []
        self._open_rules: list[str] = []
        # Rules already planned for the same subjects in the same spans (the objects themselves,
        # which the cases keep alive), with the number of tallies that were noted before.
        self._judges: dict[tuple[str, tuple[int, ...]], tuple[int, Cases, Judge]] = {}
        self._heard = facts.heard
        self._schools = dict(facts.heard.schools)
        self._heard_by: dict[tuple[str | None, dt.date], tuple[int, int]] = {}

    def limit(self, scopes: frozenset[str], shares: Shares) -> None:
        """Judge only subjects of these schools, and the county by what is kept of the others."""
        self.scopes = self.populations.scopes = scopes
        self.shares = shares

    def watch(self) -> Reach:
        """Note from now on what is read."""
        self.populations.reach = Reach()
        return self.populations.reach

    @property
    def rule(self) -> str:
        """The rule that is being planned, the innermost of several; empty for none."""
        return self._open_rules[-1] if self._open_rules else ""

    @contextmanager
    def inside(self, rule_id: str) -> Iterator[None]:
        """Plan a rule; it must not come up again until that is done."""
        if rule_id in self._open_rules:
            raise RuleError("rule.cycle", rules=" ".join([*self._open_rules, rule_id]))
        self._open_rules.append(rule_id)
        try:
            yield
        finally:
            self._open_rules.pop()

    def remember(self, rule_id: str, cases: Cases, plan: Callable[[], Judge]) -> Judge:
        """The judge of a rule for cases, planned once; each case is judged once."""
        objects = (*cases.subjects, *cases.spans)
        mark = (rule_id, tuple([id(each) for each in objects]))
        kept = self._judges.get(mark)
        if kept is None:
            noted = self.noted
            kept = self._judges[mark] = (noted, cases, _once(plan(), len(cases)))
        return kept[2]

    # ---- tallies

    def ask(self, tally: Tally, link: Link, cases: Cases, *, clip: bool) -> Asked:
        """Note a tally for cases; its link, spans and keys are filled in here. `clip`: facts that
        lie after the day of judgement do not count yet."""
        ranges = None
        if cases.teams:
            cases, ranges = cases.team
        days, numbers = cases.days(self.as_of if clip else None)
        keys = cases.keys(link)
        own = (SCOPE, "scope") in link and self.populations.is_of_schools(cases.kind)
        few = self.scopes is not None and cases.kind != "county"
        # Of some schools: their own records, or else those that name their subjects.
        narrow = self.narrow or (few and not own)
        wanted = None
        if narrow or len(days) > 1:
            wanted = _wanted(keys, numbers, len(days), narrow=narrow)
        columns = tuple(column for column, _ in link)
        scopes = self.scopes if few and own else None
        full = replace(tally, link=columns, spans=days, keys=wanted, scopes=scopes)
        if self.populations.reach is not None:
            self.populations.reach.note_tally(full, cases.kind, own=own)
        asked = Asked(full, keys, numbers, ranges)
        self._asked.append(asked)
        return asked

    def fetch(self) -> int:
        """Ask for every tally that was noted, each once; returns how many there were."""
        different = list(dict.fromkeys(asked.tally for asked in self._asked))
        answers = dict(zip(different, self.facts.tally(different), strict=True))
        for asked in self._asked:
            asked.fill(answers[asked.tally])
        return len(different)

    @property
    def noted(self) -> int:
        """How many tallies were noted so far."""
        return len(self._asked)

    def forget(self, noted: int) -> None:
        """Forget the tallies of a rule that could not be planned to its end."""
        del self._asked[noted:]
        self._judges = {mark: kept for mark, kept in self._judges.items() if kept[0] < noted}

    @property
    def asked(self) -> Sequence[Asked]:
        """All tallies noted so far, as often as they were."""
        return self._asked

    # ---- windows

    def place(self, window: Window, subjects: Sequence[Subject], on: dt.date) -> list[Span | None]:
        """The window of each subject on a day."""
        if window.kind in OWN or window.anchor is not None:
            return [self.calendar.current(window, on, each.row) for each in subjects]
        span = self.calendar.current(window, on, {})
        return [span] * len(subjects)

    def place_each(self, window: Window, cases: "Cases") -> list[Span | None]:
        """The window of each case on the last day of its span, as far as that has come."""
        if window.kind in OWN or window.anchor is not None:
            return [
                self.calendar.current(window, min(span.last, self.on), subject.row)
                for subject, span in zip(cases.subjects, cases.spans, strict=True)
            ]
        found: dict[dt.date, Span | None] = {}
        for last in {span.last for span in cases.spans}:
            found[last] = self.calendar.current(window, min(last, self.on), {})
        return [found[span.last] for span in cases.spans]

    def roll_day(self, span: Span | None) -> dt.date:
        """The day whose roll says whom a span is judged for: its last, as far as that has come."""
        return min(self.on if span is None else span.last, self.as_of)

    def is_open(self, span: Span) -> bool:
        """Whether facts of the span may still happen."""
        return self.as_of < span.last and not (span.open_start and span.last == dt.date.max)

    # ---- whose facts are here

    def unheard(self, cases: Cases, declared: RecordType, link: Link) -> Callable[[int], bool]:
        """Whether facts of a type that belong to a case may still be on their way."""
        if cases.teams:
            team, ranges = cases.team
            waits = self.unheard(team, declared, link)
            return lambda case: any(waits(each) for each in ranges[case])
        spans = cases.spans
        if declared.place == "centre":
            # Only the centre will ever have them.
            return _never if self._heard.all_here else _always
        if declared.place == "county":
            county = self._heard.county or dt.date.min
            return lambda case: county < min(spans[case].last, self.as_of)
        own = any(column == SCOPE for column, _ in link)
        field = next((name for column, name in link if column == SCOPE), "")
        if self.populations.reach is not None and cases.kind != "county" and field != "scope":
            self.populations.reach.hears_all = True
        if own and all_heard(self._schools.values()):
            return _never
        subjects = cases.subjects

        def read(case: int) -> bool:
            scope = subjects[case].row.get(field) if own else None
            heard, expected = self.heard_of(None if scope is None else str(scope), spans[case])
            return heard < expected

        return read

    def heard_of(self, scope: str | None, span: Span) -> tuple[int, int]:
        """From how many of how many schools everything of a span is here; `scope`: one school."""
        limit = min(span.last, self.as_of)
        found = self._heard_by.get((scope, limit))
        if found is None:
            found = self._heard_by[scope, limit] = self._count_heard(scope, limit)
        return found

    def roster_known(self, scope: str | None) -> bool:
        """Whether every school (or one) was heard from at all, so that its people are known."""
        if scope is None:
            everybody = all(school.heard is not None for school in self._schools.values())
            return everybody and self._heard.all_here
        return scope not in self._schools or self._schools[scope].heard is not None

    def _count_heard(self, scope: str | None, limit: dt.date) -> tuple[int, int]:
        if scope is None:
            dates = [each.heard or dt.date.min for each in self._schools.values()]
            missing = 0 if self._heard.all_here else 1
            return (sum(date >= limit for date in dates), len(dates) + missing)
        school = self._schools.get(scope)
        date = self._heard.county if school is None else school.heard
        return (int((date or dt.date.min) >= limit), 1)


def all_heard(schools: Iterable[School]) -> bool:
    """Whether no school has anything left to send, whatever the day."""
    return all(school.heard == dt.date.max for school in schools)


def _once(judge: Judge, count: int) -> Judge:
    """The same judge, which judges each case once."""
    known: list[Outcome | None] = [None] * count

    def read(case: int) -> Outcome | None:
        outcome = known[case]
        if outcome is None:
            outcome = known[case] = judge(case)
        return outcome

    return read


def _never(case: int) -> bool:
    return False


def _always(case: int) -> bool:
    return True


def _wanted(keys: list[Key], numbers: list[int], span_count: int, *, narrow: bool) -> Keys | None:
    """Which keys are wanted for which spans; None where all are for all."""
    found: dict[Key, set[int]] = {}
    for key, number in zip(keys, numbers, strict=True):
        found.setdefault(key, set()).add(number)
    if not narrow and all(len(each) == span_count for each in found.values()):
        return None
    return tuple((key, tuple(sorted(each))) for key, each in found.items())
