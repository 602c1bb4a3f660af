"""What holds for any facts: more of them never hurts, their order and parts do not matter."""

import datetime as dt
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import convert

from tests.server.rules.county import facts_of
from tests.server.rules.engine_pack import PERSON, by_key, make_pack, rule, run
from xueshi_server.domain.packs.model import Calendar, Window
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import Interval
from xueshi_server.domain.rules.calendar import SchoolCalendar
from xueshi_server.domain.rules.evaluate import evaluate
from xueshi_server.domain.rules.facts import Answers, Facts, Tally
from xueshi_server.domain.rules.needs import holds
from xueshi_server.domain.rules.results import Needed, Result
from xueshi_server.domain.rules.spans import Span, length_months

PEOPLE = [{**PERSON, "rec": number, "staff_no": f"T{number}"} for number in (1, 2, 3)]
SUM = 'kind = "sum", of = "hour"'
DAYS = st.dates(dt.date(2024, 1, 1), dt.date(2026, 12, 31))
RULES = (
    "".join(
        text.replace('id = "R"', f'id = "{name}"')
        for name, text in {
            "SUM": rule("at_least = 300", measure=SUM),
            "COUNT": rule("at_least = 2", window="term"),
            "KINDS": rule("at_least = 2", measure='kind = "distinct", of = "hour", field = "kind"'),
            "MONTHS": rule("at_least = 1", window='kind = "month", each = true, within = "term"'),
            "CYCLE": rule("at_least = 900", measure=SUM, window="cycle"),
        }.items()
    )
    + """
[[rule]]
id = "ALL"
scope = "teacher"
window = { kind = "year" }
all_of = [{ rule = "SUM" }, { rule = "KINDS" }]

[[rule]]
id = "STREAK"
scope = "teacher"
window = { kind = "as_of" }
streak = { rule = "SUM", length = 2 }

[[rule]]
id = "SHARE"
scope = "county"
window = { kind = "year" }
measure = { kind = "coverage", of = "teacher", rule = "SUM" }
need = { at_least = "2/3" }
"""
)
PACK = make_pack(RULES)
# How good a result is where more of everything is asked.
GOOD = {"fail": 0, "unknown": 1, "at_risk": 2, "on_track": 3, "pass": 4}

records = st.fixed_dictionaries(
    {
        "person": st.integers(1, 3),
        "date": DAYS.map(dt.date.isoformat),
        "minutes": st.integers(1, 400),
        "kind": st.sampled_from("abc"),
    }
)
histories = st.lists(records, max_size=12)


def judged(hours: list[dict[str, Any]], as_of: dt.date, **options: Any) -> dict[Any, Result]:
    heard = options.pop("heard", None)
    facts = facts_of(PACK, {"person": PEOPLE, "hour": hours}, heard)
    return {
        (each.rule, each.subject): each for each in evaluate(PACK, facts, as_of, **options).results
    }


@settings(max_examples=60, deadline=None)
@given(hours=histories, more=records, as_of=DAYS)
def test_one_more_approved_record_never_makes_a_result_worse(
    hours: list[dict[str, Any]], more: dict[str, Any], as_of: dt.date
) -> None:
    before, after = judged(hours, as_of), judged([*hours, more], as_of)
    for key, result in before.items():
        assert GOOD[after[key].status] >= GOOD[result.status], key


@settings(max_examples=40, deadline=None)
@given(hours=histories, as_of=DAYS, data=st.data())
def test_the_order_of_records_does_not_matter(
    hours: list[dict[str, Any]], as_of: dt.date, data: st.DataObject
) -> None:
    numbered = [{**each, "rec": number} for number, each in enumerate(hours, 1)]
    shuffled = data.draw(st.permutations(numbered))
    assert judged(numbered, as_of) == judged(shuffled, as_of)


@settings(max_examples=40, deadline=None)
@given(hours=histories, record=records, part=st.integers(0, 400), as_of=DAYS)
def test_a_record_in_two_parts_adds_up_to_the_same(
    hours: list[dict[str, Any]], record: dict[str, Any], part: int, as_of: dt.date
) -> None:
    first = min(part, record["minutes"])
    halves = [{**record, "minutes": first}, {**record, "minutes": record["minutes"] - first}]
    whole, split = judged([*hours, record], as_of), judged([*hours, *halves], as_of)
    for key, result in whole.items():
        if key[0] in ("SUM", "CYCLE", "STREAK", "SHARE"):
            assert split[key].outcome == result.outcome


@settings(max_examples=60, deadline=None)
@given(hours=histories, as_of=DAYS, heard=DAYS)
def test_only_what_was_not_heard_is_unknown(
    hours: list[dict[str, Any]], as_of: dt.date, heard: dt.date
) -> None:
    assert all(each.status != "unknown" for each in judged(hours, as_of).values())
    if heard >= as_of:
        told = judged(hours, as_of, heard=heard.isoformat())
        assert all(each.status != "unknown" for each in told.values())


@settings(max_examples=60, deadline=None)
@given(hours=histories, late=histories, as_of=DAYS, heard=DAYS)
def test_bounds_hold_whatever_arrives_later(
    hours: list[dict[str, Any]], late: list[dict[str, Any]], as_of: dt.date, heard: dt.date
) -> None:
    """Records dated after the last word from the school may still arrive."""
    arrived = [each for each in late if each["date"] > heard.isoformat()]
    now = judged(hours, as_of, heard=heard.isoformat())
    then = judged([*hours, *arrived], as_of)
    for key, result in now.items():
        real = then[key].value
        if key[0] == "MONTHS" or result.value is None or real is None or real.exact is None:
            continue
        low, high = result.value
        assert low is None or low <= real.exact
        assert high is None or real.exact <= high
        if result.status in ("pass", "fail"):
            assert then[key].status == result.status


@settings(max_examples=40, deadline=None)
@given(hours=histories, as_of=DAYS)
def test_few_subjects_get_the_results_they_get_among_all(
    hours: list[dict[str, Any]], as_of: dt.date
) -> None:
    every = judged(hours, as_of)
    some = judged(hours, as_of, subjects={"teacher": [("S1", 2)]})
    assert some == {key: each for key, each in every.items() if key[1] == ("S1", 2)}


@settings(max_examples=40, deadline=None)
@given(hours=histories, as_of=DAYS)
def test_evidence_of_a_sum_adds_up_to_its_value(
    hours: list[dict[str, Any]], as_of: dt.date
) -> None:
    facts = facts_of(PACK, {"person": PEOPLE, "hour": hours})
    evaluation = evaluate(PACK, facts, as_of, rules=["SUM"])
    for result in evaluation.results:
        keys = evaluation.evidence("SUM", result.subject)
        minutes = sum(hours[int(rec) - 1]["minutes"] for _, rec in keys)
        assert result.value == Interval(minutes, minutes)


numbers = st.one_of(st.integers(-5, 5), st.fractions(-5, 5, max_denominator=4))
needs = st.sampled_from(("at_least", "more_than", "at_most", "less_than", "equals", "between"))


@settings(max_examples=300, deadline=None)
@given(op=needs, low=numbers, size=numbers, width=numbers, value=numbers, part=numbers)
def test_an_answer_over_an_interval_holds_for_every_value_in_it(
    op: Any, low: Any, size: Any, width: Any, value: Any, part: Any
) -> None:
    asked = Needed(
        op,
        None if op in ("at_most", "less_than") else Interval(low, low),
        None
        if op in ("at_least", "more_than")
        else Interval(low, low)
        if op != "between"
        else Interval(low + abs(size), low + abs(size)),
    )
    answer = holds(Interval(value, value + abs(width)), asked)
    inside = value + min(abs(part), abs(width))
    assert answer is None or holds(Interval(inside, inside), asked) is answer


@settings(max_examples=100, deadline=None)
@given(on=st.dates(dt.date(1990, 1, 1), dt.date(2090, 1, 1)))
def test_windows_of_a_kind_follow_each_other_without_gap_or_overlap(on: dt.date) -> None:
    calendar = SchoolCalendar(Calendar())
    for kind in ("cycle", "year", "school_year", "month"):
        kinded = convert({"kind": kind}, Window)
        span = calendar.current(kinded, on, {})
        assert span is not None
        assert span.first <= on <= span.last
        before = calendar.before(kinded, span)
        assert before is not None
        assert (span.first - before.last).days == 1


@settings(max_examples=200, deadline=None)
@given(first=DAYS, middle=st.integers(0, 400), rest=st.integers(1, 400))
def test_a_longer_period_is_longer_in_months(first: dt.date, middle: int, rest: int) -> None:
    shorter = length_months(first, first + dt.timedelta(days=middle))
    assert shorter < length_months(first, first + dt.timedelta(days=middle + rest))


class Counting:
    """Facts that note how often they are asked."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.asked = 0
        self.heard = facts.heard
        self.rows = facts.rows
        self.evidence = facts.evidence

    def tally(self, tallies: list[Tally]) -> list[Answers]:
        self.asked += 1
        assert len(set(tallies)) == len(tallies)
        return list(self.facts.tally(tallies))


def test_tallies_of_all_rules_are_asked_for_at_once() -> None:
    pack: Pack = PACK
    facts: Any = Counting(facts_of(pack, {"person": PEOPLE, "hour": []}))
    evaluate(pack, facts, dt.date(2026, 6, 1))
    assert facts.asked == 1


def test_results_do_not_depend_on_which_rules_are_asked_about() -> None:
    every = by_key(run(RULES, {"person": PEOPLE}, "2026-06-01"), "ALL")
    facts = facts_of(PACK, {"person": PEOPLE})
    alone = by_key(evaluate(PACK, facts, dt.date(2026, 6, 1), rules=["ALL"]), "ALL")
    assert every == alone
    assert {type(each.span) for each in every.values()} == {Span}
