"""What tallies came to, school by school, for as long as nothing of a school changes.

Every aggregate of all schools follows from those of each school. A school's part stands as long as
its watermark in the view does, so that after an exchange only the schools that brought something
are read again. Tallies that look into records of other schools are not kept (`depends_on_others`).
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Final

from xueshi_server.domain.rules.again import Kept
from xueshi_server.domain.rules.facts import Answer, Column, Days, Key, Tally
from xueshi_server.domain.rules.joined import MERGE

# A pack asks some dozens of tallies a day; what is beyond that is of earlier days.
TALLIES_MAX: Final = 512

# A county's evaluation takes some 25 MB.
EVALUATIONS_MAX: Final = 2

# Digest of the pack, day, rules (None: all).
Question = tuple[str, dt.date, frozenset[str] | None]
# For each span: link key to answer, of the records of one school.
Part = Sequence[Mapping[Key, Answer]]
# (link key, days of the span) to its answer; None where no record is behind it.
Found = dict[tuple[Key, Days], Answer | None]


@dataclass
class TallyCache:
    """Parts of tallies of one node, for one schema; safe to share between threads."""

    lock: RLock = field(default_factory=RLock)
    _world: object = None
    _parts: dict[Tally, dict[int, tuple[int, Part]]] = field(default_factory=dict)
    _found: dict[Tally, dict[int, tuple[int, Found]]] = field(default_factory=dict)
    _kept: dict[Question, tuple[object, Kept]] = field(default_factory=dict)
    _digests: dict[tuple[str, int], tuple[int, object]] = field(default_factory=dict)
    _scopes: Mapping[int, str] = field(default_factory=dict)

    def enter(self, world: object, scopes: Mapping[int, str]) -> None:
        """Forget everything that was read under another schema or other names of schools; schools
        that are new change nothing of the others."""
        if world == self._world and scopes is self._scopes:
            return
        if world != self._world or not self._scopes.items() <= scopes.items():
            for kept in (self._parts, self._found, self._digests, self._kept):
                kept.clear()
        self._world = world
        self._scopes = scopes
        for kept in (self._parts, self._found):
            if len(kept) > TALLIES_MAX:
                kept.clear()

    def recall(self, question: Question, world: object) -> Kept | None:
        """What a whole evaluation came to when it was last asked for under this schema."""
        with self.lock:
            known = self._kept.get(question)
            return None if known is None or known[0] != world else known[1]

    def remember(self, question: Question, world: object, kept: Kept) -> None:
        """Keep a whole evaluation; only a few, as they are large."""
        with self.lock:
            self._kept.pop(question, None)
            while len(self._kept) >= EVALUATIONS_MAX:
                del self._kept[next(iter(self._kept))]
            self._kept[question] = (world, kept)

    def digest(self, of: str, scope_no: int, position: int, work: Callable[[], object]) -> object:
        """What `work` gives for a type in a school, as long as nothing of the school changes."""
        known = self._digests.get((of, scope_no))
        if known is None or known[0] != position:
            known = self._digests[of, scope_no] = (position, work())
        return known[1]

    def stale(self, tally: Tally, positions: Mapping[int, int]) -> set[int]:
        """Schools whose part of a tally is not known as of these watermarks."""
        known = self._parts.get(_whole(tally), {})
        return {no for no, at in positions.items() if no not in known or known[no][0] != at}

    def put(self, tally: Tally, scope_no: int, position: int, part: Part) -> None:
        """Keep a school's part of a tally."""
        self._parts.setdefault(_whole(tally), {})[scope_no] = (position, part)

    def parts(self, tally: Tally, positions: Mapping[int, int]) -> list[Part]:
        """The parts of all schools."""
        known = self._parts.get(_whole(tally), {})
        return [known[scope_no][1] for scope_no in positions]

    def found(self, tally: Tally, scope_no: int, position: int) -> Found:
        """Look-ups of one school that stand, to be read and added to."""
        known = self._found.setdefault(replace(tally, keys=None, spans=(), scopes=None), {})
        if scope_no not in known or known[scope_no][0] != position:
            known[scope_no] = (position, {})
        return known[scope_no][1]


def depends_on_others(tally: Tally) -> bool:
    """Whether a school's part may change with records of another school."""
    columns = [*tally.link, tally.when, tally.column, tally.ends]
    columns += [test.column for tests in (tally.tests, *tally.unless) for test in tests]
    return any(_is_by_key(column) for column in columns)


def combine(tally: Tally, parts: Iterable[Part]) -> list[dict[Key, Answer]]:
    """The answer over all schools out of those of each; only the keys that are wanted."""
    merge = MERGE[tally.aggregate]
    wanted = None if tally.keys is None else {key: set(spans) for key, spans in tally.keys}
    answers: list[dict[Key, Answer]] = [{} for _ in tally.spans]
    for part in parts:
        for span, (answer, found) in enumerate(zip(answers, part, strict=True)):
            for key, value in found.items():
                if wanted is None or span in wanted.get(key, ()):
                    answer[key] = merge(answer[key], value) if key in answer else value
    return answers


def _whole(tally: Tally) -> Tally:
    if tally.keys is None and tally.scopes is None:
        return tally
    return replace(tally, keys=None, scopes=None)


def _is_by_key(column: Column | None) -> bool:
    return column is not None and column.via is not None and column.by != "rec"
