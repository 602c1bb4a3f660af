"""The rules of a pack over a node's facts: results, the records behind them, and what would change.

with Requirements.open(node) as requirements:
    for result in requirements.judge(pack, as_of).results: ...
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.about import subjects_about, subjects_in, subjects_of_county
from xueshi_server.domain.rules.again import judge_again
from xueshi_server.domain.rules.evaluate import Evaluation, Question, evaluate
from xueshi_server.domain.rules.facts import Key, RecordKey
from xueshi_server.domain.rules.results import Result
from xueshi_server.errors import UnknownPersonError
from xueshi_server.store.facts import SqlFacts, open_facts
from xueshi_server.store.facts_cache import TallyCache
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey as LocalKey

PERSON: Final = "person"


@dataclass(frozen=True, slots=True)
class Change:
    """One subject whose result another pack changes; None: there was or will be no result."""

    before: Result | None
    after: Result | None


@dataclass
class Requirements:
    """One snapshot of a node's facts, to be judged by packs."""

    node: Node
    facts: SqlFacts

    @staticmethod
    @contextmanager
    def open(node: Node, cache: TallyCache | None = None) -> "Iterator[Requirements]":
        """The facts as they are now; they stay so until the block ends.

        Only changed schools are read again, unless a `cache` of its own is given.
        """
        with open_facts(node, cache) as facts:
            yield Requirements(node, facts)

    def judge(
        self,
        pack: Pack,
        as_of: dt.date,
        *,
        rules: Collection[str] | None = None,
        subjects: Mapping[str, Collection[Key]] | None = None,
    ) -> Evaluation:
        """The results of all rules, or of some, for all subjects or some.

        For all subjects they are kept as long as the node is open: then only the schools that
        changed are judged again.
        """
        if subjects is not None:
            return evaluate(pack, self.facts, as_of, rules=rules, subjects=subjects)
        facts, cache = self.facts, self.facts.cache
        asked = (pack.digest, as_of, None if rules is None else frozenset(rules))
        question = Question(pack, as_of, rules=asked[2])
        before = cache.recall(asked, facts.judged_world)
        kept = judge_again(question, facts, before)
        cache.remember(asked, facts.judged_world, kept)
        # Nothing was worked out where what is kept is what was kept before.
        count = 0 if kept is before else kept.judged_count
        return Evaluation(question, facts, kept.results, kept.faults, kept.tally_count, count)

    def find_person(self, name: str) -> RecordKey:
        """A person by staff number, public id or name; raises UnknownPersonError."""
        rows = self.facts.db.execute(
            "SELECT scope_no, rec FROM person WHERE NOT deleted AND (staff_no = ?1 OR name = ?1)"
            " ORDER BY staff_no = ?1 DESC, scope_no, rec LIMIT 2",
            [name],
        ).fetchall()
        if len(rows) != 1:
            raise UnknownPersonError(person=name, count=len(rows))
        scope_no, rec = rows[0]
        return self.facts.scopes[scope_no], rec

    def subjects_of(self, pack: Pack, record: RecordKey, of: str = PERSON) -> dict[str, list[Key]]:
        """What a record is judged as: a person as teacher, holder of a title, trainee, ..."""
        return subjects_about(pack, self.facts, of, record, PERSON)

    def subjects_in(self, pack: Pack, scope: str) -> dict[str, list[Key]]:
        """What a school is judged by: itself, its units, what it owes as one of several."""
        return subjects_in(pack, self.facts, scope, PERSON)

    def subjects_of_county(self, pack: Pack) -> dict[str, list[Key]]:
        """What the county is judged by: itself, its subjects of teaching."""
        return subjects_of_county(pack, self.facts)

    def evidence(self, evaluation: Evaluation, result: Result) -> list[str]:
        """Public ids of the records that count in a result."""
        return [
            self.node.public_id(LocalKey(self.facts.scope_nos[scope], int(rec)))
            for scope, rec in evaluation.evidence(result.rule, result.subject)
        ]


def compare(before: Evaluation, after: Evaluation) -> list[Change]:
    """The subjects whose result changes from one evaluation to another, in order."""
    old = {(each.rule, each.kind, each.subject): each for each in before.results}
    new = {(each.rule, each.kind, each.subject): each for each in after.results}
    return [
        Change(old.get(key), new.get(key))
        for key in {**old, **new}
        if _gist(old.get(key)) != _gist(new.get(key))
    ]


def _gist(result: Result | None) -> object:
    """What a person would notice of a result."""
    if result is None:
        return None
    parts = [(each.outcome.status, each.outcome.missing) for each in result.parts]
    return result.status, result.value, result.missing, result.span.first, result.span.last, parts
