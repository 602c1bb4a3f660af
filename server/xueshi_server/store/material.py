"""What a printed form is filled from: the subject, its records, results, workflow and names.

A form stands over a record, over the subject that a record is, over a school (named by its code)
or over the county. Tables hold what belongs to it as the rule engine determines belonging; of a
ledger what was rejected, returned, withdrawn, voided or replaced is left out, and what a standing
correction takes the place of: it was handed in once. A form with a window has the records of the
window in which the day lies.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from xueshi_server.domain.forms import Material
from xueshi_server.domain.packs.model import Block, Form
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.calendar import SchoolCalendar
from xueshi_server.domain.rules.catalogue import BUILT_IN, SCOPE, Catalogue, Link, names_state
from xueshi_server.domain.rules.entitlements import Grant, list_grants
from xueshi_server.domain.rules.facts import Column, Key, Row, Test, Value
from xueshi_server.domain.rules.results import Result
from xueshi_server.domain.rules.spans import Span
from xueshi_server.domain.rules.subjects import Populations
from xueshi_server.errors import UnknownRecordError
from xueshi_server.store.corrected import GONE, without_corrected
from xueshi_server.store.facts import SqlFacts
from xueshi_server.store.grants import school_grants
from xueshi_server.store.records import Reference, load_names
from xueshi_server.store.requirements import PERSON, Requirements
from xueshi_server.store.steps import read_position, subject_keys, workflow_of
from xueshi_server.words import word
from xueshi_sync.errors import SyncError
from xueshi_sync.node import Node

# The name of the county in the address of a form.
COUNTY: Final = "county"
_GONE: Final = Test(Column("state"), "not_in", GONE)
# Shown for a reference whose record is not here.
_NOT_HERE: Final = "—"


def type_of_form(pack: Pack, form: Form) -> str:
    """The record type behind a form; "school" and "county" stand for themselves."""
    subject = pack.subjects.get(form.scope)
    return form.scope if subject is None or subject.of is None else subject.of


def gather_material(
    node: Node, pack: Pack, form: Form, name: str, as_of: dt.date, language: str
) -> Material:
    """All that `form` shows of the record, school or county `name`, as of a day.

    Raises UnknownRecordError.
    """
    with Requirements.open(node) as requirements:
        return _Gatherer(node, pack, form, requirements, as_of, language).gather(name)


@dataclass(frozen=True)
class _Gatherer:
    node: Node
    pack: Pack
    form: Form
    requirements: Requirements
    as_of: dt.date
    language: str

    @property
    def facts(self) -> SqlFacts:
        return self.requirements.facts

    def gather(self, name: str) -> Material:
        of = type_of_form(self.pack, self.form)
        subject = self._subject(of, name)
        span = self._span(subject)
        tables = {
            place: self._rows(block, subject, span)
            for place, block in enumerate(self.form.block)
            if block.kind == "table"
        }
        workflow = workflow_of(self.pack, of)
        position = read_position(self.node, workflow, name) if workflow else None
        names: dict[tuple[str, Value], str] = {}
        shown = self._pointed(of, [subject], names)[0]
        pointed = {
            place: self._pointed(self.form.block[place].of or of, rows, names)
            for place, rows in tables.items()
        }
        results = self._results(of, subject)
        return Material(
            of, shown, self.as_of, pointed, results, self._grants(of, subject), workflow, position,
            names,
        )  # fmt: skip

    def _subject(self, of: str, name: str) -> Row:
        if self.form.scope in BUILT_IN:
            only: list[Key] = [()] if self.form.scope == COUNTY else [(name,)]
            found = Populations(Catalogue(self.pack), self.facts).of(self.form.scope, (), only)
            if not found:
                raise UnknownRecordError(record=name)
            return found[0].row
        try:
            key = self.node.find_record(name)
        except (SyncError, ValueError) as error:
            raise UnknownRecordError(record=name) from error
        scope = self.facts.scopes.get(key.scope_no, "")
        row = next(iter(self.facts.rows(of, (), [(scope, key.rec)])), None)
        if row is None:
            raise UnknownRecordError(record=name)
        return row

    def _span(self, subject: Row) -> Span | None:
        if self.form.window is None:
            return None
        calendar = SchoolCalendar(self.pack.calendar)
        return calendar.current(self.form.window, self.as_of, subject)

    def _rows(self, block: Block, subject: Row, span: Span | None) -> list[Row]:
        of = block.of or type_of_form(self.pack, self.form)
        catalogue = Catalogue(self.pack)
        declared = catalogue.type_of(of)
        tests = catalogue.tests(of, block.where)
        if declared.kind == "ledger" and not names_state(block.where):
            tests = (*tests, _GONE)
        link = self._link(catalogue, of)
        rows: Sequence[Row] = [
            row
            for each in self._records(subject)
            for row in self.facts.rows(of, (*tests, *_own(link, each)))
        ]
        rows = list({(row["scope"], row["rec"]): row for row in rows}.values())
        if _GONE in tests and declared.corrects is not None:
            rows = without_corrected(self.facts, declared, rows)
        if declared.when is None:
            return list(rows)
        when = declared.when
        first, last = span.days() if span is not None else ("", "")
        inside = [row for row in rows if span is None or first <= str(row.get(when) or "") <= last]
        return sorted(inside, key=lambda row: (str(row.get(when) or ""), row["scope"], row["rec"]))

    def _records(self, subject: Row) -> list[Row]:
        """The subject, of a person under each of the records that are this person."""
        if type_of_form(self.pack, self.form) != PERSON:
            return [subject]
        scope, rec = str(subject["scope"]), subject["rec"]
        assert isinstance(rec, int)
        group = self.facts.joined.group((scope, rec))
        return [{**subject, "scope": each[0], "rec": each[1]} for each in group]

    def _link(self, catalogue: Catalogue, of: str) -> Link:
        scope = self.form.scope
        if scope in self.pack.subjects or scope in BUILT_IN:
            return catalogue.link(scope, of)
        for each in catalogue.type_of(of).field:
            if each.to == scope and each.type == "ref":
                return ((Column(each.id), "rec"), (SCOPE, "scope"))
            if each.to == scope:
                return ((Column(each.id), self.pack.types[scope].key or "rec"),)
        raise RuleError("rule.no_link", type=of, subject=scope)

    def _pointed(
        self, of: str, rows: Sequence[Row], names: dict[tuple[str, Value], str]
    ) -> list[Row]:
        """Rows whose references are told apart by school, with what they show added to `names`."""
        declared = self.pack.types.get(of)
        pointing = [each for each in declared.field if each.to] if declared else []
        asked = [each.id for each in declared.field if each.type == "bool"] if declared else []
        found: list[Row] = []
        wanted: dict[tuple[str, Value], Reference] = {}
        for row in rows:
            changed = dict(row)
            for name in asked:
                if row.get(name) is not None:
                    key = "value_word.yes" if row[name] else "value_word.no"
                    changed[name] = word(key, self.language)
            for each in pointing:
                value, to = row.get(each.id), each.to or ""
                if value in (None, ""):
                    continue
                if each.type == "key":
                    wanted[to, value] = (to, None, value)
                    continue
                scope = str(row["scope"])
                changed[each.id] = f"{scope}/{value}"
                wanted[to, changed[each.id]] = (to, self.facts.scope_nos.get(scope, -1), value)
            found.append(changed)
        known = load_names(self.node, self.pack, set(wanted.values()), self.language)
        for mark, reference in wanted.items():
            by_key = reference[1] is None
            names[mark] = known.get(reference) or (str(mark[1]) if by_key else _NOT_HERE)
        return found

    def _results(self, of: str, subject: Row) -> Mapping[str, Result]:
        rules = {rule for block in self.form.block for rule in block.rules}
        if any(block.every for block in self.form.block):
            rules |= {each.id for each in self.pack.rules.values() if each.scope not in BUILT_IN}
        if not rules:
            return {}
        subjects: dict[str, list[Key]] = {}
        for kind in {self.pack.rules[each].scope for each in rules}:
            keys = self._keys(kind, of, subject)
            if keys:
                subjects[kind] = keys
        evaluation = self.requirements.judge(self.pack, self.as_of, rules=rules, subjects=subjects)
        found: dict[str, Result] = {}
        for each in evaluation.results:
            found.setdefault(each.rule, each)
        return found

    def _grants(self, of: str, subject: Row) -> list[Grant]:
        """What the people of a school (or the subject itself) are entitled to."""
        wanted = {each for block in self.form.block for each in block.entitlements}
        if not wanted:
            return []
        if of in BUILT_IN:
            school = None if of == COUNTY else str(subject.get("scope"))
            return school_grants(self.pack, self.facts, self.as_of, school, wanted=wanted)
        kinds = {self.pack.entitlements[each].scope for each in wanted}
        only = {kind: self._keys(kind, of, subject) for kind in kinds}
        return list_grants(self.pack, self.facts, self.as_of, only=only, wanted=wanted)

    def _keys(self, kind: str, of: str, subject: Mapping[str, Any]) -> list[Key]:
        if of == COUNTY:
            return [()] if kind == COUNTY else []
        if of not in self.pack.types and kind not in BUILT_IN:
            return []
        return subject_keys(self.pack, self.facts, kind, of, subject)


def _own(link: Link, subject: Row) -> tuple[Test, ...]:
    """That a record belongs to a subject."""
    return tuple(Test(column, "in", (subject.get(field),)) for column, field in link)
