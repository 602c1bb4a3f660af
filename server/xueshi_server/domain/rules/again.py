"""Evaluation after a change: only the schools that changed are judged, the others' results stand.

    kept = judge_again(question, facts, None)   # everything
    kept = judge_again(question, facts, kept)   # what changed since

The results are those of `evaluate`, to the byte. What makes them so:

- A school is judged again when its records or what was heard from it differ (`standing`).
- The county is judged each time, its sums over members by the schools' shares (`Shares`).
- A rule that reads records of other schools (`Reach`) is judged for everybody when a record of one
  of those types changed somewhere; one that compares subjects of several schools, or waits for all
  of them, also when another school was heard from.
- Another day, pack or choice of rules is another question, of which nothing is kept.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from xueshi_server.domain.packs.model import Rule
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.evaluate import (
    Judged,
    Question,
    Struck,
    apply_struck,
    chosen_rules,
    find_struck,
    judge_rules,
    make_study,
    plan_rule,
)
from xueshi_server.domain.rules.facts import Heard, StandingFacts
from xueshi_server.domain.rules.reach import Reach, WideError
from xueshi_server.domain.rules.results import Result
from xueshi_server.domain.rules.row_facts import RowFacts
from xueshi_server.domain.rules.shares import Shares
from xueshi_server.domain.rules.study import all_heard

# The school of subjects (None: the county's) to their results, in the order of the schools.
Groups = Mapping[str | None, list[Result]]
Vetoed = Mapping[str, Groups]
# All results of a rule that is judged for everybody or not at all.
EVERYBODY: Final = "*"


@dataclass(frozen=True, slots=True)
class Kept:
    """One evaluation with what it takes to bring it up to date. Never changed, only replaced.

    `judged` are results as the rules came to them, `vetoed` those of them that strike, `struck`
    whom they strike in each school, `final` the results under these vetoes. `judged_count` tells
    how many results were worked out this time.
    """

    question: Question
    reaches: Mapping[str, Reach | None]
    standing: Mapping[str, object]
    heard: Heard
    digests: Mapping[tuple[str, str], object]
    shares: Shares
    judged: Mapping[str, Groups]
    vetoed: Vetoed
    struck: Mapping[str | None, Struck]
    final: Mapping[str, Groups]
    results: list[Result]
    faults: tuple[tuple[str, RuleError], ...]
    tally_count: int
    judged_count: int


def judge_again(question: Question, facts: StandingFacts, kept: Kept | None = None) -> Kept:
    """Judge what is not known, or no longer."""
    if kept is None:
        return _judge_all(question, facts)
    change = _find_change(facts, kept)
    if change is None or change.scopes >= change.standing.keys():
        return _judge_all(question, facts)
    try:
        return _judge_changed(facts, kept, change)
    except WideError:
        return _judge_all(question, facts)


# ---- what changed


@dataclass(frozen=True, slots=True)
class _Change:
    """Schools that are judged again, types of which a record that others read changed in them,
    whether any school was heard from since, and the new marks."""

    scopes: frozenset[str]
    types: Collection[str]
    heard_more: bool
    standing: Mapping[str, object]
    digests: Mapping[tuple[str, str], object]

    def is_for_all(self, reach: Reach | None) -> bool:
        """Whether a rule must be judged for everybody."""
        if reach is None:
            return True
        if reach.wide:
            return self.heard_more or not reach.every_type.isdisjoint(self.types)
        return (self.heard_more and reach.hears_all) or not reach.types.isdisjoint(self.types)


def _find_change(facts: StandingFacts, kept: Kept) -> _Change | None:
    """What is different; None: so much that nothing stands."""
    heard, before = facts.heard, kept.heard
    standing = facts.standing
    if _of_all(heard) != _of_all(before):
        return None
    if kept.standing.keys() - standing.keys() or before.schools.keys() - heard.schools.keys():
        return None
    scopes = frozenset(
        scope
        for scope in standing.keys() | heard.schools.keys()
        if standing.get(scope) != kept.standing.get(scope)
        or heard.schools.get(scope) != before.schools.get(scope)
    )
    digests = _digests(kept.reaches, facts, scopes)
    types = {place[0] for place, each in digests.items() if kept.digests.get(place) != each}
    return _Change(scopes, types, heard.schools != before.schools, standing, digests)


def _of_all(heard: Heard) -> object:
    return heard.county, heard.all_here, all_heard(heard.schools.values())


def _digests(
    reaches: Mapping[str, Reach | None], facts: StandingFacts, scopes: Iterable[str]
) -> dict[tuple[str, str], object]:
    """Of the types that subjects of other schools read, in some schools."""
    types: set[str] = set()
    for reach in reaches.values():
        if reach is not None:
            types |= reach.every_type if reach.wide else reach.types
    return {(of, scope): facts.digest(of, scope) for of in sorted(types) for scope in scopes}


def find_reaches(question: Question) -> dict[str, Reach | None]:
    """What each rule of the pack reads; None: it cannot be planned."""
    return {rule.id: _find_reach(question, rule) for rule in question.pack.rules.values()}


def _find_reach(question: Question, rule: Rule) -> Reach | None:
    study = make_study(question, RowFacts({}, Heard()))
    reach = study.watch()
    try:
        plan_rule(study, rule)
    except RuleError:
        return None
    return reach


# ---- judging


def _judge_all(question: Question, facts: StandingFacts) -> Kept:
    reaches = find_reaches(question)
    study = make_study(question, facts)
    judged = judge_rules(study, chosen_rules(question))
    standing = facts.standing
    groups = {
        rule_id: _grouped(reaches[rule_id], results) for rule_id, results in judged.results.items()
    }
    vetoed = _find_vetoed(question.pack, groups)
    struck = _find_struck(question.pack, vetoed)
    final = {
        rule_id: {
            scope: _strike(question.pack, scope, each, struck) for scope, each in some.items()
        }
        for rule_id, some in groups.items()
    }
    return Kept(
        question, reaches, standing, facts.heard, _digests(reaches, facts, standing), study.shares,
        groups, vetoed, struck, final, _in_order(final), judged.faults, judged.tally_count,
        sum(map(len, judged.results.values())),
    )  # fmt: skip


def _judge_changed(facts: StandingFacts, kept: Kept, change: _Change) -> Kept:
    question, pack = kept.question, kept.question.pack
    if not change.scopes:
        return kept
    faulty = {rule_id for rule_id, _ in kept.faults}
    for_all = {
        rule_id
        for rule_id, reach in kept.reaches.items()
        if rule_id in faulty or change.is_for_all(reach)
    }
    shares = kept.shares.of_others(change.scopes, for_all)
    part, whole = _judge_both(facts, kept, for_all, shares)
    groups = dict(kept.judged)
    for rule_id, results in part.results.items():
        new = _grouped(kept.reaches[rule_id], results)
        groups[rule_id] = _replaced(groups[rule_id], new, change.scopes)
    for rule_id, results in whole.results.items():
        groups[rule_id] = _grouped(kept.reaches[rule_id], results)
    vetoed = _find_vetoed(pack, groups, kept)
    struck = _find_struck(pack, vetoed)
    final = _strike_again(kept, groups, struck)
    return Kept(
        question, kept.reaches, change.standing, facts.heard, {**kept.digests, **change.digests},
        shares, groups, vetoed, struck, final, _in_order(final), whole.faults,
        part.tally_count + whole.tally_count,
        sum(map(len, chain(part.results.values(), whole.results.values()))),
    )  # fmt: skip


def _judge_both(
    facts: StandingFacts, kept: Kept, for_all: Collection[str], shares: Shares
) -> tuple[Judged, Judged]:
    """The changed schools by the rules that stay in a school, everybody by those in `for_all`.

    Rules that cannot be planned for some subject are judged for everybody, as what is at fault may
    be a record.
    """
    rules = chosen_rules(kept.question)
    some = make_study(kept.question, facts)
    assert shares.scopes is not None
    some.limit(shares.scopes, shares)
    part = judge_rules(
        some,
        [
            each
            for each in rules
            if each.id not in for_all and (reach := kept.reaches[each.id]) and not reach.wide
        ],
    )
    if part.faults:
        raise WideError
    everybody = make_study(kept.question, facts)
    whole = judge_rules(everybody, [each for each in rules if each.id in for_all])
    if [each for each, _ in whole.faults] != [each for each, _ in kept.faults]:
        raise WideError
    shares.sums.update(everybody.shares.sums)
    shares.scopes = None
    return part, whole


# ---- results by school


def _grouped(reach: Reach | None, results: Sequence[Result]) -> Groups:
    """The results of a rule by the school of their subjects, in the order of the schools."""
    if reach is None or reach.wide:
        return {EVERYBODY: list(results)}
    groups: dict[str | None, list[Result]] = {}
    for each in results:
        groups.setdefault(each.scope, []).append(each)
    return groups


def _replaced(old: Groups, new: Groups, scopes: Collection[str]) -> Groups:
    """The groups with those of some schools, and the county's, replaced."""
    again = {None, *scopes}
    groups = {
        scope: new.get(scope, each)
        for scope, each in old.items()
        if scope not in again or scope in new
    }
    if new.keys() <= groups.keys():
        return groups
    return dict(sorted((groups | dict(new)).items(), key=lambda pair: pair[0] or ""))


def _in_order(final: Mapping[str, Groups]) -> list[Result]:
    return list(chain.from_iterable(chain.from_iterable(each.values() for each in final.values())))


# ---- vetoes


def _find_vetoed(pack: Pack, groups: Mapping[str, Groups], kept: Kept | None = None) -> Vetoed:
    """The results of vetoes that strike; those of groups that stand are known."""
    found: dict[str, Groups] = {}
    for rule_id, some in groups.items():
        if pack.rules[rule_id].veto is None:
            continue
        old = {} if kept is None else kept.judged.get(rule_id, {})
        known = {} if kept is None else kept.vetoed.get(rule_id, {})
        found[rule_id] = {
            scope: known[scope]
            if old.get(scope) is each
            else [result for result in each if result.outcome.status == "vetoed"]
            for scope, each in some.items()
        }
    return found


def _find_struck(pack: Pack, vetoed: Vetoed) -> dict[str | None, Struck]:
    """Whom vetoes strike, by the school of the subject."""
    by_scope: dict[str | None, list[Result]] = {}
    for groups in vetoed.values():
        for result in chain.from_iterable(groups.values()):
            by_scope.setdefault(result.scope, []).append(result)
    return {scope: find_struck(pack, results) for scope, results in by_scope.items()}


def _strike(
    pack: Pack, scope: str | None, results: list[Result], struck: Mapping[str | None, Struck]
) -> list[Result]:
    if not struck:
        return results
    if scope != EVERYBODY:
        return apply_struck(pack, results, struck.get(scope, {}))
    return [
        result
        for each in results
        for result in apply_struck(pack, [each], struck.get(each.scope, {}))
    ]


def _strike_again(
    kept: Kept, groups: Mapping[str, Groups], struck: Mapping[str | None, Struck]
) -> dict[str, Groups]:
    """Results under the vetoes; of groups that stand only where other vetoes strike."""
    pack = kept.question.pack
    others = {
        scope
        for scope in struck.keys() | kept.struck.keys()
        if struck.get(scope) != kept.struck.get(scope)
    }
    final: dict[str, Groups] = {}
    for rule_id, some in groups.items():
        old, done = kept.judged.get(rule_id, {}), kept.final.get(rule_id, {})
        final[rule_id] = {
            scope: done[scope]
            if old.get(scope) is each
            and scope not in others
            and not (scope == EVERYBODY and others)
            else _strike(pack, scope, each, struck)
            for scope, each in some.items()
        }
    return final
