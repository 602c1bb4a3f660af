"""Evaluation: plan all rules, ask the facts once, judge every subject.

    evaluation = evaluate(pack, facts, dt.date(2026, 6, 30))
    for result in evaluation.results: ...
    evaluation.evidence("JY-360", ("S01", 7))

`on` is the day that picks the windows (default: the day of judgement), so that a year that is over
can be judged by what is known today. A rule that cannot be evaluated as declared is listed in
`faults` and has no results; the others are not disturbed.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from xueshi_server.domain.packs.measures import Condition
from xueshi_server.domain.packs.model import Rule, Window
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.calendar import outer_window, read_day
from xueshi_server.domain.rules.cases import Cases
from xueshi_server.domain.rules.catalogue import PENDING, Catalogue
from xueshi_server.domain.rules.facts import Facts, Key, RecordKey, Row, Test
from xueshi_server.domain.rules.judging import plan_over, plan_spans
from xueshi_server.domain.rules.results import Outcome, Result, shown_unit
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.rules.study import Judge, Study
from xueshi_server.domain.rules.subjects import Subject
from xueshi_server.domain.rules.units import unit_of_rule

# Kinds of subjects to the keys of those that are asked about; other kinds are not judged.
Wanted = Mapping[str, Collection[Key]]
_NO_SPAN = Span(dt.date.min, dt.date.max, "", True)


@dataclass(frozen=True, slots=True)
class Question:
    """What is judged: by which pack, as of which day, which rules and subjects. `detail`: with the
    results of members and single windows."""

    pack: Pack
    as_of: dt.date
    on: dt.date | None = None
    rules: Collection[str] | None = None
    subjects: Wanted | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All results, rule after rule in the order of the pack, and what could not be evaluated.
    `judged_count`: how many results were worked out for it; the others stood from before."""

    question: Question
    facts: Facts
    results: list[Result]
    faults: tuple[tuple[str, RuleError], ...] = ()
    tally_count: int = 0
    judged_count: int = 0

    def evidence(self, rule_id: str, key: Key) -> list[RecordKey]:
        """The records that count in one result, each once; what waits for a review is left out."""
        study = make_study(self.question, self.facts)
        study.narrow = True
        rule = study.catalogue.rule(rule_id)
        plan = plan_rule(study, rule, {rule.scope: [key]})
        if plan is None:
            return []
        found: dict[RecordKey, None] = {}
        for tally in dict.fromkeys(asked.tally for asked in study.asked):
            if PENDING in tally.tests:
                continue
            for link, spans in tally.keys or ():
                for span in spans:
                    found |= dict.fromkeys(self.facts.evidence(tally, link, span))
        return list(found)


@dataclass(slots=True)
class _Planned:
    rule: Rule
    subjects: list[Subject]
    spans: list[Span | None]
    where: dict[int, int]
    judge: Judge
    unit: str = ""
    missing: list[Outcome | None] = field(default_factory=list)


def evaluate(
    pack: Pack,
    facts: Facts,
    as_of: dt.date,
    *,
    on: dt.date | None = None,
    rules: Collection[str] | None = None,
    subjects: Wanted | None = None,
) -> Evaluation:
    """Judge the rules of a pack for their subjects."""
    question = Question(pack, as_of, on, rules, subjects)
    judged = judge_rules(make_study(question, facts), chosen_rules(question), subjects)
    results = [result for some in judged.results.values() for result in some]
    final = apply_struck(pack, results, find_struck(pack, results))
    return Evaluation(question, facts, final, judged.faults, judged.tally_count, len(results))


def chosen_rules(question: Question) -> list[Rule]:
    """The rules that a question is about, in the order of the pack."""
    on = question.on or question.as_of
    return [
        rule
        for rule in question.pack.rules.values()
        if _holds_on(rule, on)
        and (not rule.inner if question.rules is None else rule.id in question.rules)
    ]


@dataclass(frozen=True, slots=True)
class Judged:
    """What rules came to, rule by rule, before any veto reaches another rule's results."""

    results: dict[str, list[Result]]
    faults: tuple[tuple[str, RuleError], ...]
    tally_count: int


def judge_rules(study: Study, rules: Sequence[Rule], wanted: Wanted | None = None) -> Judged:
    """Plan the rules, ask the facts once, judge."""
    planned: list[_Planned] = []
    faults: list[tuple[str, RuleError]] = []
    for rule in rules:
        noted = study.noted
        try:
            plan = plan_rule(study, rule, wanted)
        except RuleError as error:
            study.forget(noted)
            faults.append((rule.id, error))
            continue
        if plan is not None:
            planned.append(plan)
    count = study.fetch()
    results = {plan.rule.id: _results_of(study, plan) for plan in planned}
    return Judged(results, tuple(faults), count)


def find_subjects(pack: Pack, facts: Facts, of: str, key: RecordKey) -> dict[str, list[Key]]:
    """The subjects of every kind that one record is, or that its own records are: of a person the
    teacher, and the titles that refer to the person."""
    catalogue = Catalogue(pack)
    row = next(iter(facts.rows(of, (), [key])), None)
    found: dict[str, list[Key]] = {}
    for kind, declared in pack.subjects.items():
        if row is None or declared.of is None or declared.per:
            continue
        if declared.of == of:
            found[kind] = [key]
            continue
        tests = _refers_to(catalogue, declared.of, of, row)
        keys: list[Key] = [
            (each["scope"], each["rec"]) for test in tests for each in facts.rows(declared.of, test)
        ]
        if keys:
            found[kind] = keys
    return found


def _refers_to(catalogue: Catalogue, owner: str, of: str, row: Row) -> list[tuple[Test, ...]]:
    found: list[tuple[Test, ...]] = []
    for declared in catalogue.type_of(owner).field:
        if declared.to != of:
            continue
        column = catalogue.column(owner, declared.id)
        if declared.type == "ref":
            scope = Test(catalogue.column(owner, "scope"), "in", (row["scope"],))
            found.append((Test(column, "in", (row["rec"],)), scope))
        else:
            found.append((Test(column, "in", (row.get(catalogue.type_of(of).key or ""),)),))
    return found


def make_study(question: Question, facts: Facts) -> Study:
    """Everything that is known before a rule is planned."""
    on = question.on or question.as_of
    study = Study(Catalogue(question.pack), facts, question.as_of, on, plan_over)
    study.narrow = question.subjects is not None
    return study


def _holds_on(rule: Rule, day: dt.date) -> bool:
    begun = rule.valid_from is None or rule.valid_from <= day
    return begun and (rule.valid_to is None or day <= rule.valid_to)


def plan_rule(study: Study, rule: Rule, wanted: Wanted | None = None) -> _Planned | None:
    """Plan one rule for its subjects in their windows of the day; None: nobody is asked about."""
    only = None if wanted is None else wanted.get(rule.scope)
    if wanted is not None and only is None:
        return None
    with study.inside(rule.id):
        cases, plan = _place(study, rule, only)
        plan.judge = plan_spans(study, rule, cases)
        plan.unit = unit_of_rule(study.catalogue, rule)
    return plan


def _place(study: Study, rule: Rule, only: Collection[Key] | None) -> tuple[Cases, _Planned]:
    window = outer_window(rule.window)
    mark = msgspec.json.encode((rule.scope, rule.who, window, None if only is None else list(only)))
    kept = study.kept.get(mark)
    if kept is None:
        subjects, spans = place_subjects(study, window, rule.scope, rule.who, only)
        there = [number for number, span in enumerate(spans) if span is not None]
        cases = Cases(
            rule.scope,
            [subjects[number] for number in there],
            [span for span in spans if span is not None],
        )
        where = {number: position for position, number in enumerate(there)}
        kept = study.kept[mark] = (subjects, spans, where, cases)
    subjects, spans, where, cases = kept
    return cases, _Planned(rule, subjects, spans, where, lambda case: None)


def place_subjects(
    study: Study,
    window: Window,
    kind: str,
    who: Sequence[Condition],
    only: Collection[Key] | None = None,
) -> tuple[list[Subject], list[Span | None]]:
    """The subjects who are on the roll in their windows of the day, and these windows."""
    populations = study.populations
    subjects = populations.ever(kind, who, None if only is None else set(only))
    spans = study.place(window, subjects, study.on)
    if all(each.roll is None for each in subjects):
        return subjects, spans
    days = {span: study.roll_day(span).isoformat() for span in set(spans)}
    pairs = [
        (each, span)
        for each, span in zip(subjects, spans, strict=True)
        if each.is_there(days[span])
    ]
    return [each for each, _ in pairs], [span for _, span in pairs]


def _results_of(study: Study, plan: _Planned) -> list[Result]:
    rule, pack = plan.rule, study.catalogue.pack
    source = tuple(pack.quotes(rule.source))
    effects = tuple((each.kind, each.target) for each in rule.effect)
    leads = ("vetoed",) if rule.veto is not None else ("pass", "exempt")
    version, anchor = pack.version, outer_window(rule.window).anchor
    no_date = Outcome("unknown", reason="no_date")
    references = _references(pack, rule.scope)
    results = []
    for number, subject in enumerate(plan.subjects):
        span = plan.spans[number]
        outcome: Outcome | None
        if span is not None:
            outcome = plan.judge(plan.where[number])
        else:
            outcome = None if anchor and read_day(subject.row, anchor) else no_date
            span = _NO_SPAN
        if outcome is None:
            continue
        results.append(
            Result(
                rule.id,
                version,
                subject.kind,
                subject.key,
                subject.name,
                subject.scope,
                span,
                outcome,
                effects if outcome.status in leads else (),
                source,
                study.heard_of(subject.scope, span),
                rule.severity,
                shown_unit(outcome, plan.unit),
                owners=_owners_of(subject, references) if references else (),
            )
        )
    return results


def _owners_of(
    subject: Subject, references: Sequence[tuple[str, str]]
) -> tuple[tuple[str, Key], ...]:
    row = subject.row
    return tuple((of, (row["scope"], row[field])) for field, of in references if row.get(field))


def _references(pack: Pack, kind: str) -> list[tuple[str, str]]:
    """The fields of a subject's record that refer to records which vetoes strike, with their type.
    References by key are left out: they lead to other schools."""
    declared = pack.subjects.get(kind)
    if declared is None or declared.of is None or declared.per:
        return []
    struck = {
        subject.of
        for rule in pack.rules.values()
        if rule.veto is not None and (subject := pack.subjects.get(rule.scope)) is not None
    }
    fields = pack.types[declared.of].field if declared.of in pack.types else []
    return [
        (each.id, each.to)
        for each in fields
        if each.to is not None and each.type == "ref" and each.to in struck
    ]


# Record type (or kind) and key of subjects, with the vetoes that strike them.
Struck = Mapping[tuple[str, Key], Sequence[Rule]]


def find_struck(pack: Pack, results: Iterable[Result]) -> Struck:
    """The subjects that vetoes strike, by results in the order of the rules."""
    struck: dict[tuple[str, Key], list[Rule]] = {}
    for result in results:
        rule = pack.rules[result.rule]
        if rule.veto is not None and result.outcome.status == "vetoed":
            struck.setdefault(_owner(pack, result), []).append(rule)
    return struck


def apply_struck(pack: Pack, results: list[Result], struck: Struck) -> list[Result]:
    """Let the vetoes that strike a subject override the results that they reach.

    A veto on `all` reaches every other result of the subject and of what belongs to it (the titles
    of a person), another those whose effects have a
    target of its kind ("title", "award.model")."""
    if not struck:
        return results
    return [_vetoed(pack, each, _vetoes_of(pack, each, struck)) for each in results]


def _vetoes_of(pack: Pack, result: Result, struck: Struck) -> list[Rule]:
    owners = (_owner(pack, result), *result.owners)
    return [veto for owner in owners for veto in struck.get(owner, ())]


def _owner(pack: Pack, result: Result) -> tuple[str, Key]:
    declared = pack.subjects.get(result.kind)
    of = None if declared is None else declared.of
    return (of or result.kind, result.subject)


def _vetoed(pack: Pack, result: Result, vetoes: Sequence[Rule]) -> Result:
    rule = pack.rules[result.rule]
    if rule.veto is not None:
        return result
    reached = {each.target.split(".")[0].split(":")[0] for each in rule.effect}
    for veto in vetoes:
        targets = set(veto.veto.target) if veto.veto is not None else set()
        if "all" in targets or targets & reached:
            return msgspec.structs.replace(result, vetoed_by=veto.id, effects=())
    return result
