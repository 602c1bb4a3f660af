"""Cases of rules as tables: what is there, on which day, what the rule says, what is missing.

Facts stand in school S1 where they name none.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from msgspec.structs import replace

from tests.server.rules.county import evaluate_case, evaluate_rows, load
from xueshi_server.domain.packs.measures import Need
from xueshi_server.domain.packs.model import Rule, Statistic, Target, Window
from xueshi_server.domain.rules.amounts import Interval, Number


class Fact(NamedTuple):
    """A record of a type."""

    of: str
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One rule, one subject. `subject`: something its key or name holds, where there are several.
    `missing` is looked at where it is given."""

    id: str
    rule: str
    facts: Sequence[Fact]
    as_of: str
    status: str
    missing: Number | None = None
    subject: str = ""
    heard: str | None = None
    settings: Mapping[str, bool | int | str] = field(default_factory=dict)


def fact(of: str, **row: Any) -> Fact:
    """A record."""
    return Fact(of, row)


def person(**row: Any) -> Fact:
    """Somebody on the roll."""
    return fact("person", **{"name": row.get("staff_no", ""), "active": True, **row})


def many(
    count: int, of: str, make: Callable[[int], Mapping[str, Any]], *, first: int = 1
) -> list[Fact]:
    """Records numbered from `first`; `make` is told 1, 2, ..."""
    return [Fact(of, {"rec": first + no - 1, **make(no)}) for no in range(1, count + 1)]


def check(pack: str, case: Case) -> None:
    """Evaluate the case and compare."""
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for each in case.facts:
        rows[each.of].append(each.row)
    # Records that say no number get one that nobody has said.
    numbered = {of: [{"rec": 9000 + no, **row} for no, row in enumerate(some)]
                for of, some in rows.items()}  # fmt: skip
    results = evaluate_case(
        pack, case.rule, numbered, case.as_of, params=case.settings, heard=case.heard
    )
    found = [
        result
        for key, result in results.items()
        if not case.subject or case.subject in key or case.subject in result.name
    ]
    assert len(found) == 1, list(results)
    assert found[0].status == case.status
    if case.missing is not None:
        assert found[0].missing == case.missing
    assert found[0].source
    assert all(quote for _, quote in found[0].source)


def value_of(
    pack_id: str, figure: Target | Statistic, facts: Sequence[Fact], as_of: str
) -> Interval | None:
    """What a target or a statistic over the whole county comes to: a rule asks the same of it."""
    pack = load(pack_id)
    window = (
        figure.window if isinstance(figure, Statistic) and figure.window else Window(kind="any")
    )
    rule = Rule(
        id="FIGURE", label=figure.label, scope=figure.scope, window=window,
        measure=figure.measure, need=Need(at_least=0),
    )  # fmt: skip
    changed = replace(pack, rules={**pack.rules, rule.id: rule})
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for each in facts:
        rows[each.of].append(each.row)
    found = evaluate_rows(changed, rows, as_of, rules=[rule.id])
    assert found.faults == ()
    return found.results[0].value


class Tried(Protocol):
    """A case of any table."""

    @property
    def rule(self) -> str:
        """The rule it is about."""

    @property
    def status(self) -> str:
        """What the rule says."""


def untried(pack_id: str, cases: Iterable[Tried]) -> list[str]:
    """Rules of a pack that no case passes, that no case does otherwise, or that have no third
    case on the border between the two."""
    found = defaultdict[str, list[bool]](list)
    for case in cases:
        found[case.rule].append(case.status == "pass")
    return [
        rule
        for rule in load(pack_id).rules
        if set(found[rule]) != {True, False} or len(found[rule]) < 3
    ]
