"""Vetoes that strike a person, a title or a unit, and so take what it is entitled to.

A veto strikes the record that it judges, and what refers to that record: of a person also the
letter of appointment as a trainer. Vetoes on a course or a class alone take nothing else.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xueshi_server.domain.packs.model import Entitlement, Rule
from xueshi_server.domain.rules.evaluate import (
    Question,
    chosen_rules,
    find_struck,
    judge_rules,
    make_study,
)
from xueshi_server.domain.rules.facts import Column, Key, Test, Value
from xueshi_server.domain.rules.study import Study
from xueshi_server.domain.rules.subjects import Subject

# A record type (or built-in kind) with the key of a record.
Owner = tuple[str, Key]
_OF_ONE_COURSE = frozenset({"course", "class"})


@dataclass(frozen=True, slots=True)
class Strikes:
    """Which vetoes strike which subjects of one entitlement."""

    by_subject: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)

    def of(self, subject: Subject) -> tuple[str, ...]:
        """The vetoes that strike a subject, by rule."""
        return self.by_subject.get(subject.key, ())


def find_strikes(
    study: Study, entitlement: Entitlement, subjects: Sequence[Subject], *, narrow: bool
) -> Strikes:
    """The vetoes that take an entitlement from some of its subjects. `narrow`: look at these
    subjects' records alone."""
    question = Question(study.catalogue.pack, study.as_of, study.on)
    vetoes = [each for each in chosen_rules(question) if _takes(each)]
    if entitlement.stands or not vetoes or not subjects:
        return Strikes()
    owners = _owners_of(study, entitlement.scope, subjects)
    wanted = _wanted(study, vetoes, owners) if narrow else None
    judging = make_study(question, study.facts)
    judging.narrow = narrow
    judged = judge_rules(judging, vetoes, wanted)
    results = [result for some in judged.results.values() for result in some]
    struck = find_struck(study.catalogue.pack, results)
    found: dict[Key, tuple[str, ...]] = {}
    for subject, own in zip(subjects, owners, strict=True):
        rules = dict.fromkeys(rule.id for each in own for rule in struck.get(each, ()))
        if rules:
            found[subject.key] = tuple(rules)
    return Strikes(found)


def _takes(rule: Rule) -> bool:
    return rule.veto is not None and not _OF_ONE_COURSE.issuperset(rule.veto.target)


def _type_behind(study: Study, kind: str) -> str:
    declared = study.catalogue.pack.subjects.get(kind)
    return kind if declared is None or declared.of is None else declared.of


def _wanted(
    study: Study, vetoes: Sequence[Rule], owners: Sequence[Sequence[Owner]]
) -> dict[str, list[Key]]:
    by_type: dict[str, dict[Key, None]] = defaultdict(dict)
    for own in owners:
        for of, key in own:
            by_type[of][key] = None
    return {each.scope: list(by_type[_type_behind(study, each.scope)]) for each in vetoes}


def _owners_of(study: Study, kind: str, subjects: Sequence[Subject]) -> list[list[Owner]]:
    """Of each subject its own record, and those that its record refers to."""
    of = _type_behind(study, kind)
    owners: list[list[Owner]] = [[(of, each.key)] for each in subjects]
    declared = study.catalogue.pack.types.get(of)
    for each in declared.field if declared is not None else ():
        if each.to is None:
            continue
        if each.type == "ref":
            for own, subject in zip(owners, subjects, strict=True):
                if subject.row.get(each.id) and subject.scope is not None:
                    own.append((each.to, (subject.scope, subject.row[each.id])))
        elif each.type == "key":
            known = _by_key(study, each.to, {subject.row.get(each.id) for subject in subjects})
            for own, subject in zip(owners, subjects, strict=True):
                if (key := known.get(subject.row.get(each.id))) is not None:
                    own.append((each.to, key))
    return owners


def _by_key(study: Study, of: str, values: set[Value]) -> dict[Value, Key]:
    name = study.catalogue.type_of(of).key
    values -= {None, ""}
    if name is None or not values:
        return {}
    found: dict[Value, Key] = {}
    for row in study.facts.rows(of, (Test(Column(name), "in", tuple(sorted(values, key=str))),)):
        found.setdefault(row[name], (row["scope"], row["rec"]))
    return found
