"""Rules over cases: whom they apply to, in which windows, and what their parts come to.

A rule that another rule names is judged for the same subject, in its own window on the last day
of the span in question; a coverage, a streak and an exemption judge it in given spans instead.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from functools import lru_cache

from xueshi_server.domain.packs.model import Clause, Rule, Window
from xueshi_server.domain.rules import combine
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.calendar import OWN, TIMELESS, outer_window, read_day
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.exemptions import plan_bonuses, plan_exempt, same_window, strike
from xueshi_server.domain.rules.leaves import days_on_roll, plan_leaf
from xueshi_server.domain.rules.results import Outcome, Part, shown_unit
from xueshi_server.domain.rules.sequences import plan_sequence, plan_streak
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.rules.study import Judge, Study
from xueshi_server.domain.rules.subjects import Subject
from xueshi_server.domain.rules.units import unit_of_clause, unit_of_rule


def plan_over(study: Study, rule_id: str, cases: Cases) -> Judge:
    """Judge a rule in the spans of the cases (in its own days where they come from the subject,
    by all that was until their last day where it looks at everything)."""
    rule = study.catalogue.rule(rule_id)
    if rule.window.kind in TIMELESS:
        return _plan_in(study, rule_id, cases.with_spans(_since_ever(cases.spans)))
    return _plan_in(study, rule_id, cases)


def _since_ever(spans: Sequence[Span]) -> list[Span]:
    longer = {each: Span(dt.date.min, each.last, each.label, True) for each in set(spans)}
    return [longer[each] for each in spans]


def _plan_in(study: Study, rule_id: str, cases: Cases) -> Judge:
    rule = study.catalogue.rule(rule_id)
    if rule.window.kind in OWN or rule.window.anchor is not None:
        return plan_named(study, rule_id, cases)
    with study.inside(rule_id):
        target, where = _applicable(study, rule, cases)
        return _at(plan_spans(study, rule, target), where)


def plan_named(study: Study, rule_id: str, cases: Cases) -> Judge:
    """Judge a rule in its own window on the last day of each case's span."""
    rule = study.catalogue.rule(rule_id)
    with study.inside(rule_id):
        target, where = _applicable(study, rule, cases)
        return _at(_plan_placed(study, rule, target), where)


def _plan_placed(study: Study, rule: Rule, cases: Cases) -> Judge:
    """Judge a rule in its own window; cases without one are unknown, or not due yet."""
    window = outer_window(rule.window)
    spans = study.place_each(window, cases)
    there = [number for number, span in enumerate(spans) if span is not None]
    placed = Cases(
        cases.kind,
        [cases.subjects[number] for number in there],
        [span for span in spans if span is not None],
    )
    where = {number: position for position, number in enumerate(there)}
    judge = plan_spans(study, rule, placed)
    missing = Outcome("unknown", reason="no_date")

    def read(case: int) -> Outcome | None:
        position = where.get(case)
        if position is not None:
            return judge(position)
        begins = window.anchor and read_day(cases.subjects[case].row, window.anchor)
        return None if begins else missing

    return read


def plan_spans(study: Study, rule: Rule, cases: Cases) -> Judge:
    """Judge a rule in the spans of its cases; what was planned and judged before is used again."""
    return study.remember(rule.id, cases, lambda: _plan_spans(study, rule, cases))


def _plan_spans(study: Study, rule: Rule, cases: Cases) -> Judge:
    """A rule's body, its exemption, its veto."""
    if rule.window.each:
        judge = _plan_each(
            study, rule.window, cases, lambda inner: _plan_rule_body(study, rule, inner),
            unit=unit_of_rule(study.catalogue, rule),
        )  # fmt: skip
    else:
        judge = _plan_rule_body(study, rule, cases)
    if rule.exempt is not None and same_window(study, rule, rule.exempt):
        judge = plan_exempt(study, rule.exempt, cases, judge)
    if rule.window.only_if_present:
        judge = _if_present(rule.window, cases, judge)
    return judge if rule.veto is None else strike(judge)


def _plan_rule_body(study: Study, rule: Rule, cases: Cases) -> Judge:
    if rule.measure is not None:
        if rule.need is None:
            raise RuleError("rule.no_need", rule=rule.id)
        bonuses = plan_bonuses(study, rule, cases)
        return plan_leaf(
            study, rule.measure, rule.need, _with_clusters(study, rule, cases),
            window=rule.window, late=rule.late, bonuses=bonuses,
        )  # fmt: skip
    if rule.streak is not None:
        return plan_streak(study, rule.streak, study.catalogue.rule(rule.streak.rule), cases)
    if rule.sequence:
        return plan_sequence(study, rule.sequence, cases)
    if rule.some_of is not None:
        count = study.catalogue.number(study.catalogue.plain(rule.some_of.count))
        members = _plan_members(study, rule, rule.some_of.of, cases)
        return lambda case: combine.some_of(members(case), count)
    for clauses, together in (
        (rule.all_of, combine.all_of),
        (rule.any_of, combine.any_of),
        (rule.none_of, combine.none_of),
    ):
        if clauses:
            return _together(_plan_members(study, rule, clauses, cases), together)
    raise RuleError("rule.asks_nothing", rule=rule.id)


def _with_clusters(study: Study, rule: Rule, cases: Cases) -> Cases:
    """The cases, with the facts of its whole cluster for each subject that is in one."""
    if rule.cluster is None:
        return cases
    clusters: dict[object, list[Subject]] = {}
    for each in study.populations.everywhere(rule.scope, rule.who):
        clusters.setdefault(each.row.get(rule.cluster) or None, []).append(each)
    teams = [
        clusters[name] if (name := each.row.get(rule.cluster)) else [each]
        for each in cases.subjects
    ]
    return Cases(cases.kind, cases.subjects, cases.spans, teams)


def _together(
    members: Callable[[int], list[Part]], combined: Callable[[Sequence[Part]], Outcome]
) -> Judge:
    def judge(case: int) -> Outcome:
        return combined(members(case))

    return judge


# ---- members of a combination


def _plan_members(
    study: Study, rule: Rule, clauses: Sequence[Clause], cases: Cases
) -> Callable[[int], list[Part]]:
    judges = [_plan_clause(study, rule, clause, cases) for clause in clauses]
    labels = [_label_of(study, clause) for clause in clauses]
    units = [unit_of_clause(study.catalogue, rule, clause) for clause in clauses]
    names = [clause.rule or "" for clause in clauses]
    members = list(zip(judges, labels, names, units, strict=True))

    def read(case: int) -> list[Part]:
        return [
            Part(outcome, label, rule_id, None, shown_unit(outcome, unit))
            for judge, label, rule_id, unit in members
            if (outcome := judge(case)) is not None
        ]

    return read


def _plan_clause(study: Study, rule: Rule, clause: Clause, cases: Cases) -> Judge:
    unit = unit_of_clause(study.catalogue, rule, clause)
    if clause.rule is not None:
        if clause.window is None:
            return plan_named(study, clause.rule, cases)
        return _in_window(
            study, clause.window, cases, lambda inner: _plan_in(study, clause.rule or "", inner),
            unit=unit,
        )  # fmt: skip
    if clause.measure is None or clause.need is None:
        raise RuleError("rule.asks_nothing", rule=rule.id)
    measure, need = clause.measure, clause.need
    window = clause.window or rule.window

    def leaf(inner: Cases) -> Judge:
        inner = _with_clusters(study, rule, inner)
        return plan_leaf(study, measure, need, inner, window=window, late=rule.late)

    if clause.window is None:
        return leaf(cases)
    return _in_window(study, window, cases, leaf, unit=unit)


def _in_window(
    study: Study, window: Window, cases: Cases, plan: Callable[[Cases], Judge], *, unit: str
) -> Judge:
    """Judge in another window: its parts inside the span for `each`, else the one of the day."""
    if window.each and window.within is None:
        return _plan_each(study, window, cases, plan, unit=unit)
    found = study.place_each(outer_window(window), cases)
    there = [number for number, span in enumerate(found) if span is not None]
    inner = Cases(
        cases.kind,
        [cases.subjects[number] for number in there],
        [span for span in found if span is not None],
    )
    judge = _plan_each(study, window, inner, plan, unit=unit) if window.each else plan(inner)
    where = {number: position for position, number in enumerate(there)}
    missing = Outcome("unknown", reason="no_date")
    return lambda case: judge(where[case]) if case in where else missing


def _label_of(study: Study, clause: Clause) -> tuple[str, str] | None:
    if clause.label is not None:
        return (clause.label.zh, clause.label.en)
    if clause.rule is None:
        return None
    label = study.catalogue.rule(clause.rule).label
    return (label.zh, label.en)


# ---- every window of several


def _plan_each(
    study: Study, window: Window, cases: Cases, plan: Callable[[Cases], Judge], *, unit: str
) -> Judge:
    inside: dict[Span, list[Span]] = {}
    subjects: list[Subject] = []
    spans: list[Span] = []
    ranges: list[tuple[range, int]] = []
    checks_roll = window.prorate != "none" or window.only_if_present > 0
    for subject, outer in zip(cases.subjects, cases.spans, strict=True):
        if outer not in inside:
            inside[outer] = study.calendar.parts(window, outer)
        due = inside[outer]
        if checks_roll:
            due = _when_present(window, subject, due)
        begun = [span for span in due if span.first <= study.as_of]
        ranges.append((range(len(spans), len(spans) + len(begun)), len(due)))
        spans += begun
        subjects += [subject] * len(begun)
    judge = plan(Cases(cases.kind, subjects, spans))
    allow_miss = study.catalogue.number(study.catalogue.plain(window.allow_miss))

    def read(case: int) -> Outcome:
        begun, total = ranges[case]
        # A window that is judged by itself (in a streak) must hold itself.
        alone = total == 1 and len(begun) == 1 and spans[begun[0]] == cases.spans[case]
        allowed = 0 if alone else allow_miss
        parts = [
            Part(outcome, span=spans[each], unit=shown_unit(outcome, unit))
            for each in begun
            if (outcome := judge(each)) is not None
        ]
        return combine.each_of(parts, total, allowed, more=total > len(begun))

    return read


def _when_present(window: Window, subject: Subject, spans: list[Span]) -> list[Span]:
    """The spans in which a subject is on the roll long enough."""
    if not spans:
        return spans
    needed = max(window.only_if_present, 1)
    whole, shortest = _extent(tuple(spans))
    first, last = days_on_roll(window, subject.row, whole)
    if first == whole.first and last == whole.last and needed <= shortest:
        return spans
    return [
        each for each in spans if (min(each.last, last) - max(each.first, first)).days + 1 >= needed
    ]


@lru_cache(maxsize=64)
def _extent(spans: tuple[Span, ...]) -> tuple[Span, int]:
    """From the first to the last of some spans, and the days of the shortest."""
    whole = Span(min(each.first for each in spans), max(each.last for each in spans))
    return whole, min(each.day_count for each in spans)


def _is_present(window: Window, subject: Subject, span: Span) -> bool:
    first, last = days_on_roll(window, subject.row, span)
    return (last - first).days + 1 >= max(window.only_if_present, 1)


def _if_present(window: Window, cases: Cases, judge: Judge) -> Judge:
    absent = Outcome("exempt", reason="not_on_roll")

    def read(case: int) -> Outcome | None:
        if _is_present(window, cases.subjects[case], cases.spans[case]):
            return judge(case)
        return absent

    return read


# ---- whom a rule applies to


def _at(judge: Judge, where: Sequence[int | None]) -> Judge:
    def read(case: int) -> Outcome | None:
        position = where[case]
        return None if position is None else judge(position)

    return read


def _applicable(study: Study, rule: Rule, cases: Cases) -> tuple[Cases, list[int | None]]:
    """The cases in the rule's own kind of subject, and where each of them is to be found."""
    subjects: list[Subject] = []
    spans: list[Span] = []
    where: list[int | None] = []
    to_own = _translator(study, rule, cases)
    for subject, span in zip(cases.subjects, cases.spans, strict=True):
        own = to_own(subject)
        where.append(None if own is None else len(subjects))
        if own is not None:
            subjects.append(own)
            spans.append(span)
    return Cases(rule.scope, subjects, spans), where


def _translator(study: Study, rule: Rule, cases: Cases) -> Callable[[Subject], Subject | None]:
    if cases.kind == rule.scope and not rule.who:
        return lambda subject: subject
    kinds = study.catalogue.pack.subjects
    ours, theirs = kinds.get(cases.kind), kinds.get(rule.scope)
    same = cases.kind == rule.scope or (
        ours is not None and theirs is not None and (ours.of, ours.per) == (theirs.of, theirs.per)
    )
    if rule.scope == "county" and cases.kind != "county":
        # What the county came to, every subject that asks for it has from all schools.
        study.populations.reach_out()
    # Of a few subjects only their own rows are read.
    only = {each.key for each in cases.subjects} if study.narrow and same else None
    chosen = study.populations.ever(rule.scope, rule.who, only)
    population = {each.key: each for each in chosen}
    if same:
        return lambda subject: population.get(subject.key)
    if rule.scope == "county":
        return lambda subject: population.get(())
    if rule.scope == "school":
        return lambda subject: population.get((subject.scope,))
    raise RuleError("rule.other_subject", rule=rule.id, scope=rule.scope, subject=cases.kind)
