"""Evaluation after changes comes to what a full one comes to, and judges only what changed."""

import datetime as dt
from collections.abc import Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from tests.server.rules.county import facts_of, set_parameters
from tests.server.rules.engine_pack import COVERAGE, hour, make_pack, named, rule
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.again import Kept, judge_again
from xueshi_server.domain.rules.amounts import exactly
from xueshi_server.domain.rules.evaluate import Question, evaluate
from xueshi_server.domain.rules.row_facts import RowFacts

AS_OF = dt.date(2026, 6, 30)
SCHOOLS = ("S1", "S2", "S3")
SUM = 'kind = "sum", of = "hour"'
HEADS = 'kind = "headcount", of = "teacher"'
ABSENCES = 'kind = "count", of = "absence"'


def _for(scope: str, text: str, rule_id: str) -> str:
    return text.replace('"teacher"\nwin', f'"{scope}"\nwin').replace(
        'id = "R"', f'id = "{rule_id}"'
    )


RULES = "".join(
    [
        named("A", "a"),
        _for("teacher", rule("at_least = 90", measure=SUM), "SUM"),
        _for("teacher", rule("at_least = 1", window='kind = "month", each = true, within = "term"'),
             "MONTHS"),
        # Records of any school count for the person they name.
        _for("teacher", rule("at_least = 1", measure='kind = "count", of = "paper"'), "PAPERS"),
        _for("teacher", rule("at_least = 1", measure='kind = "count", of = "paper",'
             ' where = [{ field = "author.subject", is = "math" }]'), "MATH"),
        _for("teacher", rule("at_least = 2"), "TEAM") + 'cluster = "cluster"\n',
        _for("teacher", rule("at_least = 1", measure='kind = "count", of = "paper"'), "TEAM-PAPERS")
        + 'cluster = "cluster"\n',
        _for("teacher", rule("at_least = 1"), "BAD") + 'veto = { target = ["all"] }\n',
        _for("branch", rule("at_least = 2", measure=HEADS), "BRANCH"),
        _for("trainee_course", rule("at_most = 0", measure=ABSENCES), "PAIR"),
        _for("school", rule('at_least = "1/2"',
             measure='kind = "coverage", of = "teacher", rule = "SUM"'), "SCHOOL"),
        _for("county", rule('at_least = "1/2"',
             measure='kind = "coverage", of = "teacher", rule = "SUM"'), "COUNTY"),
        _for("county", rule('at_least = "1/2"',
             measure='kind = "coverage", of = "teacher", rule = "PAPERS"'), "COUNTY-PAPERS"),
        _for("county", rule('at_least = "1/2"',
             measure='kind = "coverage", of = "school", rule = "SCHOOL"'), "SCHOOLS"),
        _for("county", rule("at_most = 90", measure='kind = "spread", of = "teacher",'
             ' measure = { kind = "sum", of = "hour" }'), "SPREAD"),
        _for("county", rule('at_least = "1/2"', measure='kind = "ratio",'
             ' part = { kind = "count", of = "paper" },'
             ' whole = { kind = "headcount", of = "teacher" }'), "RATIO"),
        _for("county", rule("at_least = 0", measure='kind = "trend",'
             ' measure = { kind = "coverage", of = "teacher", rule = "SUM" }'), "TREND"),
        # Its own need is looked at only where the other does not pass.
        _for("county", rule('at_least = "2/3"',
             measure='kind = "coverage", of = "teacher", rule = "A"'), "EITHER")
        + 'exempt = { rule = "RATIO" }\n',
        """
[[rule]]
id = "ALL"
scope = "teacher"
window = { kind = "year" }
all_of = [{ rule = "A" }, { rule = "SCHOOL" }, { rule = "COUNTY" }]

[[rule]]
id = "STREAK"
scope = "teacher"
window = { kind = "year" }
streak = { rule = "A", length = 2, pause = "leave" }
""",
    ]
)  # fmt: skip
PACK = make_pack(RULES)

DATES = ("2025-03-01", "2026-01-10", "2026-02-10", "2026-03-01", "2026-05-01", "2026-09-01")
FIELDS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "person": {
        "staff_no": ("T1", "T2", "T3"),
        "active": (True, True, True, False),
        "subject": ("math", "art", None),
        "cluster": ("east", "west", ""),
    },
    "hour": {
        "person": (1, 2, 3),
        "date": DATES,
        "minutes": (45, 90, 200),
        "kind": ("a", "b"),
        "state": ("approved", "approved", "approved", "pending", "rejected"),
    },
    "paper": {"author": ("T1", "T2", "T3", ""), "date": DATES},
    "leave": {"person": (1, 2), "starts_on": DATES, "ends_on": DATES},
    "course": {"number": ("C1", "C2")},
    "absence": {"person": (1, 2), "course": (1, 2), "date": DATES},
}
HEARD = ("2026-03-31", "2026-06-30", "9999-12-31")
ROUNDS = 8
Place = tuple[str, str, int]
County = dict[Place, dict[str, Any]]


def _begin(chance: Random) -> tuple[County, dict[str, str | None]]:
    county = {
        (of, scope, rec): _row(chance, of, scope, rec)
        for of in FIELDS
        for scope in SCHOOLS
        for rec in (1, 2, 3, 4)
        if chance.random() < (0.9 if of in ("person", "hour") else 0.5)
    }
    return county, dict.fromkeys(SCHOOLS, chance.choice(("2026-03-31", "9999-12-31")))


def _row(chance: Random, of: str, scope: str, rec: int) -> dict[str, Any]:
    values = {name: chance.choice(some) for name, some in FIELDS[of].items()}
    return {"scope": scope, "rec": rec, **values}


def _change(chance: Random, county: County, heard: dict[str, str | None]) -> None:
    """Records of one school that are added, corrected or deleted; or a school was heard from."""
    scope = chance.choice(SCHOOLS)
    kind = chance.random()
    if kind < 0.15:
        heard[chance.choice((*SCHOOLS, "S4"))] = chance.choice((None, *HEARD))
        return
    of = chance.choice(tuple(FIELDS))
    for _ in range(chance.randint(1, 2)):
        rec = chance.randint(1, 5)
        county.pop((of, scope, rec), None)
        if kind < 0.8:
            county[of, scope, rec] = _row(chance, of, scope, rec)


def _facts(pack: Pack, county: County, heard: Mapping[str, str | None]) -> RowFacts:
    rows: dict[str, list[dict[str, Any]]] = {}
    for (of, _, _), row in county.items():
        rows.setdefault(of, []).append(row)
    return facts_of(pack, rows, dict(heard))


def _agree(pack: Pack, facts: RowFacts, kept: Kept | None, as_of: dt.date = AS_OF) -> Kept:
    again = judge_again(Question(pack, as_of), facts, kept)
    full = evaluate(pack, facts, as_of)
    assert again.results == full.results
    assert _faults(again.faults) == _faults(full.faults)
    return again


def _faults(faults: Sequence[tuple[str, Exception]]) -> list[tuple[str, str]]:
    return [(rule_id, str(fault)) for rule_id, fault in faults]


@pytest.mark.parametrize("seed", range(10))
def test_after_any_changes_it_comes_to_what_a_full_evaluation_does(seed: int) -> None:
    chance = Random(seed)
    county, heard = _begin(chance)
    kept = _agree(PACK, _facts(PACK, county, heard), None)
    for _ in range(ROUNDS):
        _change(chance, county, heard)
        kept = _agree(PACK, _facts(PACK, county, heard), kept)


def test_the_rules_of_the_differential_test_can_all_be_planned() -> None:
    assert evaluate(PACK, _facts(PACK, {}, {"S1": None}), AS_OF).faults == ()


# ---- what is judged again


PEOPLE = [
    {"scope": scope, "rec": rec, "staff_no": f"{scope}-{rec}", "active": True}
    for scope in SCHOOLS
    for rec in (1, 2)
]


def _kept(pack: Pack, rows: Mapping[str, Any], kept: Kept | None = None, heard: Any = None) -> Kept:
    return _agree(pack, facts_of(pack, {"person": PEOPLE, **rows}, heard), kept)


def _changed(text: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """How many results are worked out after a change."""
    pack = make_pack(text)
    return _kept(pack, after, _kept(pack, before)).judged_count


def test_only_the_school_that_changed_is_judged_again() -> None:
    assert _changed(rule("at_least = 1"), {}, {"hour": [hour("2026-03-01", scope="S2")]}) == 2


def test_nobody_is_judged_again_while_nothing_changes() -> None:
    pack = make_pack(rule("at_least = 1"))
    kept = _kept(pack, {})
    assert _kept(pack, {}, kept) is kept


def test_the_county_is_judged_by_the_shares_of_the_schools_that_stand() -> None:
    after = {"hour": [hour("2026-03-01", scope="S2")]}
    assert _changed(COVERAGE, {}, after) == 2 + 1


def test_records_of_other_schools_reach_everybody_they_may_name() -> None:
    text = rule("at_least = 1", measure='kind = "count", of = "paper"')
    paper = {"scope": "S3", "rec": 1, "author": "S1-1", "date": "2026-03-01"}
    assert _changed(text, {}, {"paper": [paper]}) == len(PEOPLE)
    assert _changed(text, {}, {"hour": [hour("2026-03-01", scope="S2")]}) == 2


def test_a_rule_for_everybody_stands_while_its_types_do() -> None:
    text = rule("at_least = 1", measure='kind = "count", of = "paper"') + 'cluster = "cluster"\n'
    assert _changed(text, {}, {"hour": [hour("2026-03-01", scope="S2")]}) == 0


def test_a_new_school_is_judged_alone() -> None:
    pack = make_pack(rule("at_least = 1"))
    heard = dict.fromkeys(SCHOOLS, "2026-03-31")
    kept = _kept(pack, {}, None, heard)
    people = [*PEOPLE, {"scope": "S4", "rec": 1, "staff_no": "S4-1", "active": True}]
    again = _kept(pack, {"person": people}, kept, heard | {"S4": "2026-03-31"})
    assert again.judged_count == 1


def test_a_school_heard_from_is_judged_alone() -> None:
    pack = make_pack(rule("at_least = 1"))
    heard = dict.fromkeys(SCHOOLS, "2026-03-31")
    again = _kept(pack, {}, _kept(pack, {}, None, heard), heard | {"S2": "2026-06-30"})
    assert again.judged_count == 2


def test_a_share_that_was_not_asked_for_is_not_relied_on_later() -> None:
    """A school changes while the county's own need is not looked at, because it is exempt."""
    text = COVERAGE + 'exempt = { rule = "FREE" }\n'
    free = rule("at_least = 1", measure='kind = "count", of = "paper"')
    pack = make_pack(text + _for("county", free, "FREE"))
    hours = [hour("2026-03-01", scope=scope) for scope in SCHOOLS]
    paper = {"scope": "S3", "rec": 1, "author": "", "date": "2026-03-01"}
    kept = _kept(pack, {"hour": hours[:1]})
    kept = _kept(pack, {"hour": hours[:1], "paper": [paper]}, kept)
    kept = _kept(pack, {"hour": hours, "paper": [paper]}, kept)
    kept = _kept(pack, {"hour": hours}, kept)
    county = next(each for each in kept.results if each.rule == "R")
    assert county.value == exactly(Fraction(1, 2))


def test_a_rule_that_could_not_be_planned_is_tried_again_for_everybody() -> None:
    """A run without an end has no months that could be told: that is up to the records."""
    months = 'kind = "month", each = true, within = "cycle", anchor = "hired_on", years = 300'
    pack = make_pack(rule("at_least = 1", window=months) + named("A", "a"))
    people = [{**each, "hired_on": "2020-01-01"} for each in PEOPLE]
    kept = _kept(pack, {})
    assert kept.faults == ()
    kept = _kept(pack, {"person": people[:1] + PEOPLE[1:]}, kept)
    assert [rule_id for rule_id, _ in kept.faults] == ["R"]
    kept = _kept(pack, {"person": people[:2] + PEOPLE[2:]}, kept)
    assert _kept(pack, {}, kept).faults == ()


def test_values_that_a_county_left_open_are_no_obstacle() -> None:
    pack = set_parameters(make_pack(rule('at_least = { param = "goal" }')), {"goal": ""})
    kept = _kept(pack, {})
    assert _kept(pack, {"hour": [hour("2026-03-01")]}, kept).judged_count == 2
