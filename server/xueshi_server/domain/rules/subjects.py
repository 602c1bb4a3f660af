"""Who is judged: the subjects of a kind, and which of them belong to which.

A subject's row holds its fields. Of a pair it holds those of both, and each once more under its
kind ("course.starts_on"). A school's row holds `scope`, `name`, `kind`, and the fields of the
record of type `school` that stands in it, where the pack has such a type.

Where a kind has a roll, its subjects come and go: `of` gives those on the roll on the day that is
asked about, `ever` also those who are not on it then but were or will be.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from msgspec.json import encode
from msgspec.structs import replace

from xueshi_server.domain.packs.measures import Condition
from xueshi_server.domain.packs.model import Subject as Declared
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.catalogue import BUILT_IN, SCOPE, Catalogue
from xueshi_server.domain.rules.facts import (
    LAST_DAY,
    ROLL_SINCE,
    Column,
    Facts,
    Key,
    Periods,
    RecordKey,
    Row,
    Test,
    Tests,
    Value,
)
from xueshi_server.domain.rules.names import name_rows
from xueshi_server.domain.rules.reach import Reach, WideError
from xueshi_server.domain.rules.row_facts import clean, meets_test

# So few subjects are looked up by the values that make them.
_FEW_KEYS = 200


# Periods on the roll, as ISO text; of a set one for each of its records.
Roll = Periods


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One subject: of a record its key is (school, number), else what names it."""

    kind: str
    key: Key
    name: str
    row: Row
    scope: str | None
    # From when until when it is on the roll, both days included; None: there is no roll.
    roll: Roll | None = None

    def is_there(self, day: str) -> bool:
        """Whether it is on the roll on a day."""
        if self.roll is None:
            return True
        return any(first <= day <= last for first, last in self.roll)

    def was_there(self, since: str, until: str) -> bool:
        """Whether it is on the roll on any of some days."""
        if self.roll is None:
            return True
        return any(first <= until and since <= last for first, last in self.roll)


def who_is_there(subjects: list[Subject], day: dt.date) -> list[Subject]:
    """Those of some subjects who are on the roll on a day."""
    text = day.isoformat()
    return [each for each in subjects if each.is_there(text)]


class Populations:
    """The subjects of every kind, read once each."""

    def __init__(self, catalogue: Catalogue, facts: Facts, day: dt.date | None = None) -> None:
        self._catalogue = catalogue
        self._facts = facts
        # The day whose roll `of` looks at; None: everybody who ever was on it.
        self._day = day
        self._known: dict[str, list[Subject]] = {}
        # Only subjects of these schools (and the county) are asked about.
        self.scopes: Collection[str] | None = None
        # Where it is noted what is read, if anybody wants to know.
        self.reach: Reach | None = None

    def is_of_schools(self, kind: str) -> bool:
        """Whether every subject of a kind is of one school (or of the county's own records)."""
        declared = self._catalogue.pack.subjects.get(kind)
        if declared is None:
            return kind == "school"
        return not declared.across and (not declared.per or "scope" in declared.per)

    def reach_out(self) -> None:
        """Note that subjects of other schools are looked at; raises WideError where only some
        schools are asked about."""
        if self.scopes is not None:
            raise WideError
        if self.reach is not None:
            self.reach.wide = True

    def everywhere(self, kind: str, who: Sequence[Condition] = ()) -> list[Subject]:
        """As `of`, of all schools whichever are asked about."""
        self.reach_out()
        return self.of(kind, who)

    def of(
        self, kind: str, who: Sequence[Condition] = (), only: Collection[Key] | None = None
    ) -> list[Subject]:
        """Subjects of a kind that meet `who`, in the order of their keys' records."""
        found = self.ever(kind, who, only)
        return found if self._day is None else who_is_there(found, self._day)

    def ever(
        self, kind: str, who: Sequence[Condition] = (), only: Collection[Key] | None = None
    ) -> list[Subject]:
        """As `of`, whether or not they are on the roll."""
        if kind != "county" and not self.is_of_schools(kind):
            self.reach_out()
        self._note(kind)
        if not who and only is None:
            return self._all(kind)
        declared = self._catalogue.pack.subjects.get(kind)
        if declared is None or declared.across:
            found = self._all(kind) if declared is None or only is None else self._few(kind, only)
            tests = self._row_tests(declared, who)
            found = [each for each in found if _meets(each.row, tests)]
        else:
            found = self._chosen(declared, who, only)
        return found if only is None else [each for each in found if each.key in only]

    def joined(self, kind: str, given: Mapping[str, Collection[Key]]) -> list[Subject]:
        """The pairs of a kind whose subjects on some sides are given by their keys."""
        declared = self._catalogue.pack.subjects[kind]
        one, other = (self.ever(side, (), given.get(side)) for side in declared.across)
        return self._pairs(declared, one, other)

    def _few(self, kind: str, only: Collection[Key]) -> list[Subject]:
        left = self._catalogue.pack.subjects[kind].across[0]
        declared = self._catalogue.pack.subjects.get(left)
        length = 1 if declared is None else len(declared.per) or 2
        sides = self._catalogue.pack.subjects[kind].across
        return self.joined(
            kind,
            {
                sides[0]: {each[:length] for each in only},
                sides[1]: {each[length:] for each in only},
            },
        )

    def owners(
        self, kind: str, members: Sequence[Subject], member_kind: str
    ) -> Mapping[Key, list[Subject]]:
        """Members by the values of the fields of `kind` that they belong to (see `owner_key`)."""
        pairs = self._membership(kind, member_kind)
        if kind != "county" and ("scope", "scope") not in pairs:
            self.reach_out()
        columns = [column for column, _ in pairs]
        found: dict[Key, list[Subject]] = defaultdict(list)
        for each in members:
            found[tuple(clean(each.row.get(name)) for name in columns)].append(each)
        return found

    def owner_key(self, owner: Subject, member_kind: str) -> Key:
        """Under which key `owners` lists the members of a subject."""
        fields = [name for _, name in self._membership(owner.kind, member_kind)]
        return tuple(clean(owner.row.get(name)) for name in fields)

    def _note(self, kind: str) -> None:
        if self.reach is None:
            return
        declared = self._catalogue.pack.subjects.get(kind)
        for side in () if declared is None else declared.across:
            self._note(side)
        of = "school" if declared is None else declared.of
        if of is not None and of in self._catalogue.pack.types:
            self.reach.every_type.add(of)

    def _rows(self, of: str, tests: Tests, only: Collection[RecordKey] | None) -> Sequence[Row]:
        """Records of the schools that are asked about."""
        if self.scopes is not None:
            tests = (*tests, Test(SCOPE, "in", tuple(sorted(self.scopes))))
        return self._facts.rows(of, tests, only)

    def _membership(self, kind: str, member_kind: str) -> list[tuple[str, str]]:
        declared = self._catalogue.pack.subjects.get(member_kind)
        if kind == "county":
            return []
        if declared is None or declared.of is None:
            return [("scope", "scope")]
        pairs = self._catalogue.link(kind, declared.of)
        if any(column.via is not None for column, _ in pairs):
            raise RuleError("rule.members_too_far", subject=kind, member=member_kind)
        return [(column.field, own) for column, own in pairs]

    def _chosen(
        self, declared: Declared, who: Sequence[Condition], only: Collection[Key] | None
    ) -> list[Subject]:
        mark = None if only is not None else encode((declared.id, who)).decode()
        if mark is None:
            return self._of_records(declared, who, only)
        if mark not in self._known:
            self._known[mark] = self._of_records(declared, who, None)
        return self._known[mark]

    def _all(self, kind: str) -> list[Subject]:
        if kind not in self._known:
            declared = self._catalogue.pack.subjects.get(kind)
            if declared is None:
                self._known[kind] = self._built_in(kind)
            elif declared.across:
                one, other = (self._all(side) for side in declared.across)
                self._known[kind] = self._pairs(declared, one, other)
            else:
                self._known[kind] = self._of_records(declared, (), None)
        return self._known[kind]

    def _built_in(self, kind: str) -> list[Subject]:
        if kind == "county":
            return [Subject("county", (), "", {}, None)]
        if kind != "school":
            raise RuleError("rule.unknown_subject", subject=kind)
        more: dict[Value, Row] = {}
        if "school" in self._catalogue.pack.types:
            for row in self._rows("school", (), None):
                more.setdefault(row["scope"], row)
        schools = sorted(self._facts.heard.schools.values(), key=lambda each: each.scope)
        if self.scopes is not None:
            schools = [each for each in schools if each.scope in self.scopes]
        return [
            Subject(
                "school",
                (each.scope,),
                each.name,
                {**more.get(each.scope, {}), "scope": each.scope, "name": each.name}
                | {"kind": each.kind},
                each.scope,
            )
            for each in schools
        ]

    def _of_records(
        self, declared: Declared, who: Sequence[Condition], only: Collection[Key] | None
    ) -> list[Subject]:
        if declared.of is None:
            raise RuleError("rule.subject_of_nothing", subject=declared.id)
        tests = self._catalogue.fact_tests(declared.of, [*declared.where, *who])
        if declared.per:
            if only and len(only) <= _FEW_KEYS:
                values = zip(declared.per, zip(*only, strict=True), strict=True)
                tests += tuple(
                    Test(
                        self._catalogue.column(declared.of, name), "in", tuple(dict.fromkeys(some))
                    )
                    for name, some in values
                )
            rows = self._rows(declared.of, tests, None)
            return self._sets(declared, self._still(declared, rows))
        records = None if only is None else [_record(key) for key in only if len(key) == 2]
        names = declared.name or [self._catalogue.type_of(declared.of).key or "rec"]
        rows = self._still(declared, self._rows(declared.of, tests, records))
        name = name_rows(self._catalogue, self._rows, declared.of, names, rows)
        return [_subject(declared, name(row), row) for row in rows]

    def _still(self, declared: Declared, rows: Sequence[Row]) -> Sequence[Row]:
        """Without those of whom it is not known since when they are not there any more."""
        if declared.on_roll is None or declared.of is None or not declared.present:
            return rows
        until, present = declared.on_roll[1], self._catalogue.tests(declared.of, declared.present)
        return [row for row in rows if clean(row.get(until)) or _meets(row, present)]

    def _sets(self, declared: Declared, rows: Sequence[Row]) -> list[Subject]:
        """One subject for each set of values of the fields `per`; records without one have none."""
        found: dict[Key, list[Row]] = defaultdict(list)
        for row in rows:
            key = tuple(clean(row.get(name)) for name in declared.per)
            if None not in key:
                found[key].append(row)
        assert declared.of is not None
        names = declared.name or declared.per
        name = name_rows(
            self._catalogue, self._rows, declared.of, names, [some[0] for some in found.values()]
        )
        return [_set(declared, key, name(some[0]), some) for key, some in found.items()]

    def _row_tests(self, declared: Declared | None, where: Sequence[Condition]) -> Tests:
        found = (_row_tests(self._catalogue, declared, each) for each in where)
        return tuple(test for tests in found for test in tests)

    def _pairs(
        self, declared: Declared, one: Sequence[Subject], other: Sequence[Subject]
    ) -> list[Subject]:
        """Every pair that meets the conditions; conditions that two fields are the same join."""
        sides = tuple(declared.across)
        joins = [pair for each in declared.where if (pair := _sides(each, sides)) is not None]
        tests = self._row_tests(declared, declared.where)
        by_value: dict[Key, list[Subject]] = defaultdict(list)
        for each in other:
            by_value[tuple(clean(each.row.get(pair[1])) for pair in joins)].append(each)
        found = []
        for left in one:
            values = tuple(clean(left.row.get(pair[0])) for pair in joins)
            for first, second in product((left,), by_value.get(values, ())):
                row = _merge(sides, first.row, second.row)
                if _meets(row, tests):
                    key, name = first.key + second.key, f"{first.name} {second.name}"
                    scope = first.scope if first.scope == second.scope else None
                    roll = _both(first.roll, second.roll)
                    found.append(Subject(declared.id, key, name, row, scope, roll))
        return found


def _roll(declared: Declared, rows: Sequence[Row]) -> Roll | None:
    """When any of the records of a subject is on the roll."""
    if declared.on_roll is None:
        return None
    since, until = declared.on_roll
    periods = (
        (
            str(row.get(ROLL_SINCE) or clean(row.get(since)) or ""),
            str(clean(row.get(until)) or LAST_DAY),
        )
        for row in rows
    )
    return tuple(dict.fromkeys(periods))


def _both(one: Roll | None, other: Roll | None) -> Roll | None:
    """When both sides of a pair are on the roll."""
    if one is None or other is None:
        return other if one is None else one
    return tuple(
        (max(first[0], second[0]), min(first[1], second[1]))
        for first, second in product(one, other)
    )


def _merge(sides: tuple[str, ...], one: Row, other: Row) -> Row:
    named = {f"{sides[0]}.{name}": value for name, value in one.items()}
    named |= {f"{sides[1]}.{name}": value for name, value in other.items()}
    return {**other, **one, **named}


def _sides(condition: Condition, sides: tuple[str, ...]) -> tuple[str, str] | None:
    """Field of the first and field of the second side that a condition says are the same."""
    ends = dict(
        each.split(".", 1) for each in (condition.field, condition.same_as or "") if "." in each
    )
    if set(ends) != set(sides):
        return None
    return (ends[sides[0]], ends[sides[1]])


def _row_tests(catalogue: Catalogue, declared: Declared | None, condition: Condition) -> Tests:
    """A condition on a school's row or on the merged row of a pair, under the names used there.
    Comparisons of two sides are joins and no test of one row."""
    if condition.same_as:
        return ()
    side, dot, rest = condition.field.partition(".")
    of, path = _type_behind(catalogue, declared, side if dot else None, rest or side)
    tests = catalogue.tests(of, [replace(condition, field=path)])
    names = (Column(condition.field, many=test.column.many) for test in tests)
    return tuple(Test(name, each.op, each.values) for name, each in zip(names, tests, strict=True))


def _type_behind(
    catalogue: Catalogue, declared: Declared | None, side: str | None, path: str
) -> tuple[str, str]:
    """The record type that a field of a merged row comes from, and the field's name there."""
    subjects = catalogue.pack.subjects
    sides = ["school"] if declared is None else [side] if side else declared.across
    types = [
        each if each in BUILT_IN else subjects[each].of or ""
        for each in sides
        if each in subjects or each in BUILT_IN
    ]
    for of in types:
        fields = catalogue.pack.types[of].field if of in catalogue.pack.types else []
        if any(each.id == path for each in fields):
            return of, path
    if path in ("scope", "name", "kind"):
        return next(iter(catalogue.pack.types)), path
    raise RuleError("rule.unknown_field", type=" ".join(types), field=path)


def _meets(row: Row, tests: Tests) -> bool:
    return all(meets_test(clean(row.get(test.column.field)), test) for test in tests)


def _set(declared: Declared, key: Key, name: str, rows: Sequence[Row]) -> Subject:
    own = dict(zip(declared.per, key, strict=True))
    scope = own.get("scope")
    school = None if scope is None else str(scope)
    return Subject(declared.id, key, name, own, school, _roll(declared, rows))


def _subject(declared: Declared, name: str, row: Row) -> Subject:
    scope, rec = row["scope"], row["rec"]
    assert isinstance(scope, str)
    return Subject(declared.id, (scope, rec), name, row, scope, _roll(declared, [row]))


def _record(key: Key) -> RecordKey:
    scope, rec = key
    assert isinstance(scope, str)
    assert isinstance(rec, int | str)
    return (scope, rec)
