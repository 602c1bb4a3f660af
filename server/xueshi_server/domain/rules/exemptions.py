"""Exemptions and vetoes: what releases from a rule, and what destroys."""

from typing import Final

from msgspec.structs import replace

from xueshi_server.domain.packs.model import Exemption, Rule
from xueshi_server.domain.rules.amounts import Interval, exactly
from xueshi_server.domain.rules.calendar import OWN, TIMELESS, outer_window
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.combine import may_be_good
from xueshi_server.domain.rules.leaves import Bonus
from xueshi_server.domain.rules.measures import plan_measure
from xueshi_server.domain.rules.quantities import NOTHING
from xueshi_server.domain.rules.results import Outcome, Part, Status, shown_unit
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.rules.study import Judge, Study
from xueshi_server.domain.rules.subjects import Subject
from xueshi_server.domain.rules.units import unit_of_rule

# Which windows are parts of which: shorter ones of longer ones.
_SIZE: Final = {
    "week": 1, "month": 2, "holiday": 3, "term": 4, "year": 5, "school_year": 5,
    "budget_year": 5, "cycle_year": 5, "run": 6, "since": 6, "cycle": 7, "as_of": 8, "any": 8,
}  # fmt: skip


def same_window(study: Study, rule: Rule, exempt: Exemption) -> bool:
    """Whether the exemption is for the rule's whole window, not for parts of it."""
    kind = outer_window(study.catalogue.rule(exempt.rule).window).kind
    own = outer_window(rule.window).kind
    return kind in TIMELESS or kind in OWN or _SIZE[kind] >= _SIZE[own]


def plan_exempt(study: Study, exempt: Exemption, cases: Cases, own: Judge) -> Judge:
    """Exempt where the other rule passes in the same window, else what the fallback says."""
    free = study.plan_over(study, exempt.rule, cases)
    unit = unit_of_rule(study.catalogue, study.catalogue.rule(exempt.rule))
    other = own if exempt.fallback is None else study.plan_over(study, exempt.fallback, cases)
    credit = None
    if exempt.credit_as is not None:
        credit = exactly(study.catalogue.number(study.catalogue.plain(exempt.credit_as)))

    def judge(case: int) -> Outcome | None:
        released = free(case)
        if released is not None and released.status in ("pass", "exempt"):
            part = Part(released, rule=exempt.rule, unit=shown_unit(released, unit))
            return Outcome("exempt", True, credit, reason="exempt_by_rule", parts=(part,))
        outcome = other(case)
        if outcome is None or outcome.status != "fail" or released is None:
            return outcome
        if released.status == "unknown":
            return replace(outcome, status="unknown", met=None, reason="exemption_unknown")
        return outcome

    return judge


def plan_bonuses(study: Study, rule: Rule, cases: Cases) -> list[Bonus]:
    """Exempt windows inside the rule's window count as their credit, or as what was really done
    in them where that is more."""
    exempt = rule.exempt
    if exempt is None or exempt.credit_as is None or same_window(study, rule, exempt):
        return []
    credit = study.catalogue.number(study.catalogue.plain(exempt.credit_as))
    window = outer_window(study.catalogue.rule(exempt.rule).window)
    subjects: list[Subject] = []
    spans: list[Span] = []
    ranges = []
    for subject, outer in zip(cases.subjects, cases.spans, strict=True):
        inside = study.calendar.inside(window.kind, window.season, outer)
        begun = [span for span in inside if span.first <= study.as_of]
        ranges.append(range(len(spans), len(spans) + len(begun)))
        spans += begun
        subjects += [subject] * len(begun)
    inner = Cases(cases.kind, subjects, spans)
    free = study.plan_over(study, exempt.rule, inner)
    assert rule.measure is not None
    done = plan_measure(study, rule.measure, inner, window)

    def read(case: int) -> Interval:
        low, high = NOTHING
        for each in ranges[case]:
            released = free(each)
            if released is None:
                continue
            sure = released.status in ("pass", "exempt")
            if not sure and not may_be_good(released):
                continue
            value = done.read(each) or NOTHING
            gain = max(0, credit - (value.low or 0))
            high = (high or 0) + gain
            low = (low or 0) + (gain if sure else 0)
        return Interval(low, high)

    return [read]


def strike(judge: Judge) -> Judge:
    """A veto strikes where its need holds; elsewhere it is passed."""

    def read(case: int) -> Outcome | None:
        outcome = judge(case)
        if outcome is None or outcome.status in ("exempt", "not_set"):
            return outcome
        if outcome.met is None:
            return replace(outcome, status="unknown", impossible_after=None)
        struck = outcome.met is True
        status: Status = "vetoed" if struck else "pass"
        return replace(outcome, status=status, met=struck, missing=None, impossible_after=None)

    return read
