"""Checks of rules: one thing asked of each, members that exist, no rule that rests on itself."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import msgspec

from xueshi_server.domain.packs.checker import Checker, fields_of
from xueshi_server.domain.packs.checking_conditions import check_where, check_who
from xueshi_server.domain.packs.checking_measures import MeasureCheck
from xueshi_server.domain.packs.measures import Coverage, Measure, Need, Ratio
from xueshi_server.domain.packs.model import Clause, Rule, Statistic, Step, Target
from xueshi_server.domain.packs.pack import Pack, Spot

_ASKED: Final = ("all_of", "any_of", "some_of", "none_of", "streak", "sequence")


def check_rules(checker: Checker) -> None:
    """Check every rule."""
    for rule_id, rule in checker.pack.rules.items():
        spot = ("rule", rule_id)
        if checker.subject(rule.scope, (*spot, "scope")):
            _check_rule(checker, rule, spot)
        if not rule.source:
            checker.fault("source_missing", spot, id=rule_id)
        if rule.valid_from and rule.valid_to and rule.valid_to < rule.valid_from:
            checker.fault("valid_reversed", (*spot, "valid_to"), id=rule_id)
    _check_cycles(checker)


def _check_rule(checker: Checker, rule: Rule, spot: Spot) -> None:
    check = MeasureCheck(checker, rule.scope, rule.window)
    check.check_window(rule.window, (*spot, "window"))
    check_who(checker, rule.who, (*spot, "who"), rule.scope)
    _check_asked(checker, rule, spot)
    _check_measured(check, rule.measure, rule.need, spot)
    for key in ("all_of", "any_of", "none_of"):
        for position, clause in enumerate(getattr(rule, key)):
            _check_clause(checker, rule, clause, (*spot, key, position))
    if rule.some_of is not None:
        here = (*spot, "some_of")
        for position, clause in enumerate(rule.some_of.of):
            _check_clause(checker, rule, clause, (*here, "of", position))
        count = check.amount(rule.some_of.count, (*here, "count"))
        if count is not None and not 1 <= count <= len(rule.some_of.of):
            values = {"count": str(count), "members": str(len(rule.some_of.of))}
            checker.fault("some_of_count", (*here, "count"), **values)
    _check_streak(check, rule, spot)
    for position, step in enumerate(rule.sequence):
        _check_step(check, step, (*spot, "sequence", position))
    _check_composition(checker, rule, spot)
    _check_consequences(check, rule, spot)


def _check_asked(checker: Checker, rule: Rule, spot: Spot) -> None:
    """Exactly one thing is asked."""
    asked = [key for key in _ASKED if getattr(rule, key)]
    if rule.measure is not None or rule.need is not None:
        asked.insert(0, "measure")
    if not asked:
        checker.fault("rule_empty", spot, id=rule.id)
    elif len(asked) > 1:
        checker.fault("rule_crowded", spot, id=rule.id, keys=", ".join(asked))


def _check_measured(
    check: MeasureCheck, measure: Measure | None, need: Need | None, spot: Spot
) -> None:
    if measure is not None:
        check.check(measure, (*spot, "measure"))
        if need is None:
            check.checker.fault("need_missing", spot)
    if need is not None:
        check.check_need(need, (*spot, "need"), measure)
        if measure is None and need.by is None:
            check.checker.fault("measure_missing", spot)


def _check_clause(checker: Checker, rule: Rule, clause: Clause, spot: Spot) -> None:
    measured = clause.measure is not None or clause.need is not None
    if (clause.rule is not None) == measured:
        checker.fault("clause_alternatives", spot)
    check = MeasureCheck(checker, rule.scope, clause.window or rule.window)
    if clause.window is not None:
        check.check_window(clause.window, (*spot, "window"))
    _check_measured(check, clause.measure, clause.need, spot)
    if measured and clause.label is None:
        checker.fault("label_missing", spot, name="label")
    if clause.rule is not None:
        _check_member(checker, rule, clause.rule, (*spot, "rule"))


def _check_member(checker: Checker, rule: Rule, member: str, spot: Spot) -> None:
    """A member judges the same kind of subject."""
    if checker.rule(member, spot):
        scope = checker.pack.rules[member].scope
        if scope != rule.scope:
            checker.fault("member_of_other", spot, rule=member, scope=scope, here=rule.scope)


def _check_streak(check: MeasureCheck, rule: Rule, spot: Spot) -> None:
    streak = rule.streak
    if streak is None:
        return
    here = (*spot, "streak")
    _check_member(check.checker, rule, streak.rule, (*here, "rule"))
    length = check.amount(streak.length, (*here, "length"))
    if length is not None and length < 1:
        check.checker.fault("streak_too_short", (*here, "length"))
    if streak.judged_by is not None:
        declared = check.checker.type_of(streak.judged_by, (*here, "judged_by"))
        if declared is not None:
            check.check_belonging(declared, (*here, "judged_by"))
    if streak.pause is not None:
        declared = check.checker.type_of(streak.pause, (*here, "pause"))
        if declared is not None:
            check.check_belonging(declared, (*here, "pause"))
            where = (*here, "pause_where")
            check_where(check.checker, streak.pause_where, where, declared, check.fields)
            if streak.pause_ends is not None:
                fields, place = fields_of(declared), (*here, "pause_ends")
                check.checker.date_field(fields, streak.pause_ends, place, declared.id)


def _check_step(check: MeasureCheck, step: Step, spot: Spot) -> None:
    declared = check.checker.type_of(step.of, (*spot, "of"))
    if step.months is not None:
        check.amount(step.months, (*spot, "months"))
    if declared is None:
        return
    check.check_belonging(declared, (*spot, "of"))
    check_where(check.checker, step.where, (*spot, "where"), declared, check.fields)
    for key in ("starts", "ends"):
        name = getattr(step, key)
        if name is not None:
            check.checker.date_field(fields_of(declared), name, (*spot, key), declared.id)
    if step.starts is None and declared.when is None:
        check.checker.fault("when_missing", (*spot, "of"), of=declared.id, window="sequence")


def _check_composition(checker: Checker, rule: Rule, spot: Spot) -> None:
    """Shares of one whole that all have to be about something add up to the whole."""
    shares: dict[bytes, list[Fraction]] = {}
    for clause in rule.all_of:
        need = clause.need
        if isinstance(clause.measure, Ratio) and need is not None:
            asked = need.about if need.about is not None else need.equals
            share = checker.amount(asked, spot) if asked is not None else None
            if share is not None:
                whole = msgspec.json.encode(clause.measure.whole)
                shares.setdefault(whole, []).append(share)
    for found in shares.values():
        if len(found) > 1 and len(found) == len(rule.all_of) and sum(found) != 1:
            values = {"id": rule.id, "sum": percent(sum(found, Fraction()))}
            checker.fault("composition_sum", (*spot, "all_of"), **values)


def percent(share: Fraction) -> str:
    """A share as people write it."""
    value = share * 100
    return f"{value.numerator}%" if value.denominator == 1 else f"{float(value):.2f}%"


def _check_consequences(check: MeasureCheck, rule: Rule, spot: Spot) -> None:
    checker = check.checker
    if rule.veto is not None:
        if rule.exempt is not None:
            checker.fault("veto_with_exemption", (*spot, "exempt"), id=rule.id)
        if rule.veto.lift_by is not None:
            checker.role(rule.veto.lift_by, (*spot, "veto", "lift_by"))
        if rule.veto.until == "lifted" and rule.veto.lift_by is None:
            checker.fault("veto_never_lifted", (*spot, "veto"), id=rule.id)
        if not rule.veto.target:
            checker.fault("veto_without_target", (*spot, "veto"), id=rule.id)
    if rule.exempt is not None:
        here = (*spot, "exempt")
        _check_member(checker, rule, rule.exempt.rule, (*here, "rule"))
        if rule.exempt.fallback is not None:
            _check_member(checker, rule, rule.exempt.fallback, (*here, "fallback"))
        if rule.exempt.credit_as is not None:
            check.amount(rule.exempt.credit_as, (*here, "credit_as"))
    if rule.cluster is not None:
        check.subject_field(rule.cluster, (*spot, "cluster"))


def _rests_on(rule: Rule) -> Iterator[tuple[str, Spot]]:
    """The rules that have to be judged before this one, each with its path."""
    for key in ("all_of", "any_of", "none_of"):
        for position, clause in enumerate(getattr(rule, key)):
            yield from _clause_rests_on(clause, (key, position))
    for position, clause in enumerate(rule.some_of.of if rule.some_of else ()):
        yield from _clause_rests_on(clause, ("some_of", "of", position))
    if rule.streak is not None:
        yield rule.streak.rule, ("streak", "rule")
    if rule.exempt is not None:
        yield rule.exempt.rule, ("exempt", "rule")
        if rule.exempt.fallback is not None:
            yield rule.exempt.fallback, ("exempt", "fallback")
    if isinstance(rule.measure, Coverage):
        yield rule.measure.rule, ("measure", "rule")


def _clause_rests_on(clause: Clause, path: Spot) -> Iterator[tuple[str, Spot]]:
    if clause.rule is not None:
        yield clause.rule, (*path, "rule")
    elif isinstance(clause.measure, Coverage):
        yield clause.measure.rule, (*path, "measure", "rule")


def _check_cycles(checker: Checker) -> None:
    """No rule rests on itself, be it through others. Each loop is said once."""
    done: set[str] = set()
    for rule_id in checker.pack.rules:
        _follow(checker, rule_id, (), done)


def _follow(checker: Checker, rule_id: str, above: tuple[str, ...], done: set[str]) -> None:
    if rule_id in done or rule_id not in checker.pack.rules:
        return
    chain = (*above, rule_id)
    for needed, path in _rests_on(checker.pack.rules[rule_id]):
        if needed in chain:
            loop = " > ".join((*chain[chain.index(needed) :], needed))
            checker.fault("rule_cycle", ("rule", rule_id, *path), loop=loop)
        else:
            _follow(checker, needed, chain, done)
    done.add(rule_id)


def check_figures(checker: Checker) -> None:
    """Check every target and statistic."""
    pack: Pack = checker.pack
    figures: list[tuple[str, Target | Statistic]] = []
    figures += [("target", each) for each in pack.targets.values()]
    figures += [("statistic", each) for each in pack.statistics.values()]
    for kind, figure in figures:
        spot = (kind, figure.id)
        if not checker.subject(figure.scope, (*spot, "scope")):
            continue
        window = figure.window if isinstance(figure, Statistic) else None
        check = MeasureCheck(checker, figure.scope, window)
        check.check(figure.measure, (*spot, "measure"))
        if isinstance(figure, Target):
            check_who(checker, figure.who, (*spot, "who"), figure.scope)
            check.check_need(figure.need, (*spot, "need"), figure.measure)
        elif window is not None:
            check.check_window(window, (*spot, "window"))
