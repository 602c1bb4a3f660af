"""Grants of one school are worked out from its own people, however many others there are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.server.rules.county import facts_of, load
from tests.server.rules.engine_pack import day
from xueshi_server.domain.rules.facts import Answers, Heard, RecordKey, Row, Tally, Tests
from xueshi_server.domain.rules.row_facts import RowFacts
from xueshi_server.store.grants import PAGE, grant_page, school_grants

SCHOOLS = ("S1", "S2", "S3")
PACK = load("chongqing")
DAY = day("2025-06-30")


@dataclass
class Watched:
    """Facts that remember how many people were read."""

    facts: RowFacts
    read: dict[str, int] = field(default_factory=dict)

    @property
    def heard(self) -> Heard:
        return self.facts.heard

    def rows(
        self, of: str, tests: Tests = (), only: Collection[RecordKey] | None = None
    ) -> Sequence[Row]:
        found = self.facts.rows(of, tests, only)
        self.read[of] = max(self.read.get(of, 0), len(found))
        return found

    def tally(self, tallies: Sequence[Tally]) -> Sequence[Answers]:
        return self.facts.tally(tallies)

    def evidence(self, tally: Tally, key: Any, span: int) -> Sequence[RecordKey]:
        return self.facts.evidence(tally, key, span)


def county(people: int) -> Watched:
    """So many backbone teachers at each school."""
    rows = [
        {"scope": school, "rec": number, "staff_no": f"{school}-{number}", "name": "安宁",
         "duty": "teacher", "active": True, "backbone": "province"}
        for school in SCHOOLS
        for number in range(1, people + 1)
    ]  # fmt: skip
    return Watched(facts_of(PACK, {"person": rows}))


def test_only_the_people_of_the_school_are_read() -> None:
    facts = county(4)
    grants = school_grants(PACK, facts, DAY, "S2")
    assert {each.scope for each in grants} == {"S2"}
    assert facts.read["person"] == 4


def test_a_page_judges_no_more_people_than_it_shows() -> None:
    facts = county(PAGE + 5)
    wanted = PACK.entitlements["workload"]
    first = grant_page(PACK, facts, DAY, "S1", entitlement=wanted, start=0)
    rest = grant_page(PACK, facts, DAY, "S1", entitlement=wanted, start=first.after or 0)
    assert (len(first.grants), first.count, first.before) == (PAGE, PAGE + 5, None)
    assert (len(rest.grants), rest.after, rest.before) == (5, None, 0)
    assert {each.subject for each in first.grants} & {each.subject for each in rest.grants} == set()


def test_all_schools_have_what_each_of_them_has() -> None:
    facts = county(3)
    single = [each for school in SCHOOLS for each in school_grants(PACK, facts, DAY, school)]
    whole = school_grants(PACK, facts, DAY, None)
    assert sorted((g.entitlement, g.subject, g.standing) for g in single) == sorted(
        (g.entitlement, g.subject, g.standing) for g in whole
    )
