"""What tallies came to, school by school, for as long as nothing of a school changes.

Every aggregate of all schools follows from those of each school. A school's part stands as long as
its watermark in the view does, so that after an exchange only the schools that brought something
are read again. Tallies that look into records of other schools are not kept (`depends_on_others`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any, Final

from xueshi_server.domain.rules.facts import Aggregate, Answer, Column, Days, Key, Tally

# A pack asks some dozens of tallies a day; what is beyond that is of earlier days.
TALLIES_MAX: Final = 512

# A county's evaluation takes some 25 MB.
EVALUATIONS_MAX: Final = 2

# For each span: link key to answer, of the records of one school.
Part = Sequence[Mapping[Key, Answer]]
# (link key, days of the span) to its answer; None where no record is behind it.
Found = dict[tuple[Key, Days], Answer | None]

_MERGE: Final[Mapping[Aggregate, Callable[[Any, Any], Any]]] = {
    "count": lambda one, other: one + other,
    "sum": lambda one, other: one + other,
    "distinct": lambda one, other: one | other,
    "greatest": max,
    "first": min,
    "last": max,
    "periods": lambda one, other: tuple(sorted(one + other)),
}


@dataclass
class TallyCache:
    """Parts of tallies of one node, for one schema; safe to share between threads."""

    lock: RLock = field(default_factory=RLock)
    _world: object = None
    _parts: dict[Tally, dict[int, tuple[int, Part]]] = field(default_factory=dict)
    _found: dict[Tally, dict[int, tuple[int, Found]]] = field(default_factory=dict)
    _whole: dict[object, tuple[object, object]] = field(default_factory=dict)

    def enter(self, world: object) -> None:
        """Forget everything that was read under another schema or other names of schools."""
        if world != self._world:
            self._parts.clear()
            self._found.clear()
            self._whole.clear()
            self._world = world
        for kept in (self._parts, self._found):
            if len(kept) > TALLIES_MAX:
                kept.clear()

    def recall(self, question: object, state: object) -> object | None:
        """What a whole evaluation came to, if it was kept in this very state of the facts."""
        with self.lock:
            known = self._whole.get(question)
            return None if known is None or known[0] != state else known[1]

    def remember(self, question: object, state: object, answer: object) -> None:
        """Keep a whole evaluation until the facts change; only a few, as they are large."""
        with self.lock:
            self._whole.pop(question, None)
            while len(self._whole) >= EVALUATIONS_MAX:
                del self._whole[next(iter(self._whole))]
            self._whole[question] = (state, answer)

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
        known = self._found.setdefault(replace(tally, keys=None, spans=()), {})
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
    merge = _MERGE[tally.aggregate]
    wanted = None if tally.keys is None else {key: set(spans) for key, spans in tally.keys}
    answers: list[dict[Key, Answer]] = [{} for _ in tally.spans]
    for part in parts:
        for span, (answer, found) in enumerate(zip(answers, part, strict=True)):
            for key, value in found.items():
                if wanted is None or span in wanted.get(key, ()):
                    answer[key] = merge(answer[key], value) if key in answer else value
    return answers


def _whole(tally: Tally) -> Tally:
    return tally if tally.keys is None else replace(tally, keys=None)


def _is_by_key(column: Column | None) -> bool:
    return column is not None and column.via is not None and column.by != "rec"
