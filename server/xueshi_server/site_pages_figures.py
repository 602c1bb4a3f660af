"""Totals of one node for the site's records pages; no person is named, no small group shown.

A group of fewer than three people is hidden, and with it so many others that what is hidden cannot
be had by subtracting what is shown from the total. Types that stay with the centre never appear.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from xueshi_server.domain.packs.model import RecordType, Rule
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.results import Result
from xueshi_server.site_build import RecordFigures
from xueshi_server.store.requirements import PERSON, Requirements
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

SMALL_GROUP: Final = 3
STATUSES: Final = ("pass", "on_track", "at_risk", "fail", "vetoed", "unknown", "exempt", "not_set")
# A replaced or void entry is no longer part of what a school reports.
_COUNTED: Final = "state NOT IN ('replaced', 'void')"
_WHO: Final = "count(DISTINCT h.scope_no || '/' || h.person)"
_ROWS_MAX: Final = 24


@dataclass(frozen=True, slots=True)
class TypeCount:
    """Records of one type in the school year; None: too few people to be shown."""

    type: str
    records: int | None
    approved: int | None
    pending: int | None


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many results of a rule stand where; None: hidden, as too few people are behind it."""

    rule: str
    total: int | None
    counts: tuple[tuple[str, int | None], ...]
    heard: tuple[int, int]


def hide_small(people: Sequence[int]) -> frozenset[int]:
    """Which groups of a whole must not be shown, by their numbers of people."""
    hidden = {place for place, count in enumerate(people) if 0 < count < SMALL_GROUP}
    rest = sorted((count, place) for place, count in enumerate(people) if count >= SMALL_GROUP)
    while hidden and rest and (len(hidden) < 2 or sum(people[one] for one in hidden) < SMALL_GROUP):
        hidden.add(rest.pop(0)[1])
    return frozenset(hidden)


def read_figures(node: Node, as_of: dt.date) -> RecordFigures:
    """Hours as a whole, by form, by month and by school."""
    totals = node.query(
        "SELECT count(*) AS records, coalesce(sum(minutes), 0) AS minutes,"
        f" coalesce(sum(credited), 0) AS credited, {_WHO} AS people FROM hour h WHERE {_COUNTED}"
    )[0]
    teachers = node.query("SELECT count(*) AS people FROM person WHERE NOT deleted")[0]["people"]
    few = 0 < totals["people"] < SMALL_GROUP
    return RecordFigures(
        name=node.name,
        as_of=as_of,
        teachers=teachers,
        hour_records=0 if few else totals["records"],
        minutes=0 if few else totals["minutes"],
        approved_minutes=0 if few else totals["credited"],
        too_few=few,
        by_form=() if few else _group(node, "form", "3 DESC"),
        by_month=() if few else _group(node, "substr(date, 1, 7)", "1 DESC")[::-1],
        by_school=() if few or node.role == "school" else _list_schools(node),
    )


def _group(node: Node, expression: str, order: str) -> list[tuple[str, int | None, int | None]]:
    rows = node.query(
        f"SELECT coalesce({expression}, '') AS label, count(*) AS records, sum(minutes) AS minutes,"
        f" {_WHO} AS people FROM hour h WHERE {_COUNTED} GROUP BY 1 ORDER BY {order}"
    )
    hidden = hide_small([row["people"] for row in rows])
    shown = [
        (row["label"], *((None, None) if place in hidden else (row["records"], row["minutes"])))
        for place, row in enumerate(rows)
    ]
    return shown[:_ROWS_MAX]


def _list_schools(node: Node) -> list[tuple[str, int | None, int | None, dt.date | None]]:
    peers: Any = node.status()["peers"]
    heard = {
        peer["name"]: dt.date.fromtimestamp(peer["last_contact_ms"] / 1000)
        for peer in peers
        if peer["last_contact_ms"]
    }
    rows = node.query(
        "SELECT s.name, count(h.rec) AS records, coalesce(sum(h.minutes), 0) AS minutes,"
        f" {_WHO} AS people"
        f" FROM scope s LEFT JOIN hour h ON h.scope_no = s.scope_no AND h.{_COUNTED}"
        " WHERE s.kind = 'school' GROUP BY s.scope_no ORDER BY s.code"
    )
    hidden = hide_small([row["people"] for row in rows])
    return [
        (
            row["name"],
            *((None, None) if place in hidden else (row["records"], row["minutes"])),
            heard.get(row["name"]),
        )
        for place, row in enumerate(rows)
    ]


def school_year_of(pack: Pack, day: dt.date) -> dt.date:
    """The first day of the school year that a day lies in."""
    month, first = (int(part) for part in pack.calendar.school_year_from.split("-"))
    start = dt.date(day.year, month, first)
    return start if start <= day else start.replace(year=day.year - 1)


def count_types(node: Node, pack: Pack, as_of: dt.date) -> list[TypeCount]:
    """The school year of every type that the node has and that does not stay with the centre."""
    known = node.schema.by_name
    return [
        _count_type(node, each, school_year_of(pack, as_of), as_of)
        for each in pack.types.values()
        if each.place != "centre" and each.id in known
    ]


def _count_type(node: Node, declared: RecordType, first: dt.date, last: dt.date) -> TypeCount:
    is_ledger = declared.kind == "ledger"
    state = "state" if is_ledger else "''"
    where = [_COUNTED if is_ledger else "NOT deleted"]
    params: list[str] = []
    if declared.when is not None:
        where.append(f'"{declared.when}" BETWEEN ? AND ?')
        params = [first.isoformat(), last.isoformat()]
    who = person_column(declared)
    row = node.query(
        f"SELECT count(*) AS records, coalesce(sum({state} = 'approved'), 0) AS approved,"
        f" coalesce(sum({state} = 'pending'), 0) AS pending,"
        f" {f'count(DISTINCT {who})' if who else 'NULL'} AS people"
        f' FROM "{declared.id}" WHERE {" AND ".join(where)}',
        params,
    )[0]
    if row["people"] is not None and 0 < row["people"] < SMALL_GROUP:
        return TypeCount(declared.id, None, None, None)
    judged = bool(declared.judges)
    approved, pending = (row["approved"], row["pending"]) if judged else (None, None)
    return TypeCount(declared.id, row["records"], approved, pending)


def person_column(declared: RecordType) -> str:
    """The SQL that tells people apart in a type; empty where it has nobody."""
    if declared.id == PERSON:
        return ""
    for each in declared.field:
        if each.to == PERSON:
            name = f'"{each.id}"'
            return name if each.type == "key" else f"scope_no || '/' || {name}"
    return ""


def count_rules(node: Node, pack: Pack, as_of: dt.date) -> list[RuleCount]:
    """Where the subjects of every rule stand, but of rules over what stays with the centre."""
    rules = [each for each in pack.rules.values() if not _is_closed(pack, each)]
    if not rules:
        return []
    by_rule: dict[str, list[Result]] = {}
    with Requirements.open(node) as requirements:
        found = requirements.judge(pack, as_of, rules={each.id for each in rules})
        for result in found.results:
            by_rule.setdefault(result.rule, []).append(result)
        numbers = requirements.facts.scope_nos
    return [
        _count_rule(by_rule[each.id], _identity(node, pack, each, numbers))
        for each in rules
        if by_rule.get(each.id)
    ]


def _count_rule(
    results: Sequence[Result], identity: Callable[[Result], object] | None
) -> RuleCount:
    counted = Counter[str](each.status for each in results)
    heard = (min(each.heard[0] for each in results), max(each.heard[1] for each in results))
    total: int | None = len(results)
    hidden: Collection[int] = ()
    if identity is not None:
        groups: dict[str, set[object]] = {status: set() for status in STATUSES}
        for each in results:
            groups[each.status].add(identity(each))
        if len(set().union(*groups.values())) < SMALL_GROUP:
            return RuleCount(results[0].rule, None, (), heard)
        hidden = hide_small([len(groups[status]) for status in STATUSES])
    counts = tuple(
        (status, None if place in hidden else counted[status])
        for place, status in enumerate(STATUSES)
        if counted[status]
    )
    return RuleCount(results[0].rule, total, counts, heard)


def _identity(
    node: Node, pack: Pack, rule: Rule, numbers: Any
) -> Callable[[Result], object] | None:
    """How to tell the people behind results apart; None where the subjects are no people."""
    subject = pack.subjects.get(rule.scope)
    if subject is None:
        return None
    if subject.across:
        return (lambda _result: "") if _reaches_people(pack, subject.across) else None
    declared = pack.types.get(subject.of or "")
    if declared is None:
        return None
    if declared.id == PERSON and not subject.per:
        return lambda result: result.subject
    if subject.per:
        places = _person_places(declared, subject.per)
        return (lambda result: result.subject[places[0]]) if places else None
    who = person_column(declared)
    if not who:
        return None
    rows = node.query(f'SELECT scope_no, rec, {who} AS who FROM "{declared.id}"')
    people = {RecordKey(row["scope_no"], row["rec"]): row["who"] for row in rows}
    return lambda result: people.get(_key_of(result, numbers), "")


def _key_of(result: Result, numbers: Any) -> RecordKey:
    scope, rec = result.subject[0], result.subject[-1]
    return RecordKey(numbers.get(scope, -1), int(str(rec)))


def _person_places(declared: RecordType, per: Sequence[str]) -> list[int]:
    people = {each.id for each in declared.field if each.to == PERSON}
    if declared.id == PERSON:
        people |= {"rec", declared.key or "rec"}
    return [place for place, name in enumerate(per) if name in people]


def _reaches_people(pack: Pack, kinds: Sequence[str]) -> bool:
    ofs = [pack.subjects[each].of for each in kinds if each in pack.subjects]
    types = [pack.types[each] for each in ofs if each is not None and each in pack.types]
    return any(each.id == PERSON or person_column(each) for each in types)


def _is_closed(pack: Pack, rule: Rule) -> bool:
    """Whether a rule looks, itself or through others, at what stays with the centre."""
    seen: set[str] = set()
    waiting = {rule.id}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        declared = pack.types.get(name)
        if declared is not None and declared.place == "centre":
            return True
        for table in (pack.rules, pack.subjects, pack.conversions):
            part = table.get(name)
            if part is not None:
                waiting |= _names_in(msgspec.to_builtins(part)) - seen
    return False


def _names_in(value: Any) -> set[str]:
    """Every text inside a declaration: what it could name."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        return set().union(*(_names_in(each) for each in value.values()), ())
    if isinstance(value, list | tuple):
        return set().union(*(_names_in(each) for each in value), ())
    return set()
