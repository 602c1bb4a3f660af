"""Cases of Chongqing's rules: a subject's records, and what the rule says of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.server.rules.county import evaluate_case

Fact = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Case:
    """One subject and what is expected; `missing` is only looked at where it is given."""

    id: str
    rule: str
    facts: Sequence[Fact]
    as_of: str
    status: str
    missing: int | None = None
    heard: str | None = None
    set: Mapping[str, bool | int | str] = field(default_factory=dict)


def fact(of: str, **fields: Any) -> Fact:
    """A record of a type."""
    return of, {name: value for name, value in fields.items() if value is not None}


def person(**fields: Any) -> Fact:
    """A teacher on the roster."""
    return fact("person", active=True, **fields)


CITY: Final = person(rec=1, staff_no="T001", name="李春兰", backbone="province")


def duty(kind: str, date: str, **more: Any) -> Fact:
    """Work of the teacher, approved unless `state` says otherwise."""
    return fact("duty_record", person=1, kind=kind, date=date, **{"title": "材料", **more})


def check(case: Case) -> None:
    """Evaluate the rule; the subject is the first one it judges."""
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for of, row in case.facts:
        rows[of].append(row)
    results = evaluate_case(
        "chongqing", case.rule, rows, case.as_of, params=case.set, heard=case.heard
    )
    first = next(iter(results.values()))
    assert first.status == case.status, first
    if case.missing is not None:
        assert first.missing == case.missing, first
