"""Printed forms: from what a pack declares and what is recorded to a document ready to be laid out.

Pure. A document is made of texts only; where it stands on paper is the template's business. Its
digest covers all that is printed, so that a sheet with a stamp can be compared with the records
it was made from: other records, other digest.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from xueshi_server.domain.fields import show_field, word_label
from xueshi_server.domain.packs.model import Block, FieldDeclaration, Form, Transition, Workflow
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.entitlements import Grant
from xueshi_server.domain.rules.facts import Row, Value
from xueshi_server.domain.rules.results import Result
from xueshi_server.domain.workflow import Position
from xueshi_server.grant_words import GrantWords
from xueshi_server.result_words import Figures, ResultWords
from xueshi_server.words import word

# Characters of a digest on paper: enough to tell versions of one form apart by eye.
DIGEST_SHOWN: Final = 8
# Empty lines under a heading that somebody fills in by hand, where the form does not say.
BLANK_LINES: Final = 4
# Between outcomes of which one is struck out by hand.
OTHERWISE: Final = " / "


@dataclass(frozen=True, slots=True)
class Material:
    """What a form is filled from.

    `of` is the record type of `subject`. `tables` has the records for each block by its position.
    `grants` has what the people of the form are entitled to. `names` has what refs and keys show:
    (type, value) to a text.
    """

    of: str
    subject: Row
    as_of: dt.date
    tables: Mapping[int, Sequence[Row]] = field(default_factory=dict)
    results: Mapping[str, Result] = field(default_factory=dict)
    grants: Sequence[Grant] = ()
    workflow: Workflow | None = None
    position: Position | None = None
    names: Mapping[tuple[str, Value], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cell:
    """A label and what stands beside it."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A requirement on paper: what was asked, what there is, and the clause it comes from."""

    label: str
    need: str
    value: str
    status: str
    clause: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """A step of a workflow on paper: an empty one waits for a hand and a stamp."""

    label: str
    role: str
    text: str = ""
    on: str = ""
    sign: bool = False
    stamp: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One block of a document; which of its parts is filled follows from `kind`."""

    kind: str
    title: str = ""
    cells: tuple[Cell, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    total: tuple[str, str] | None = None
    rules: tuple[RuleLine, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    text: str = ""
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A form filled in. `number` and `digest` stand on every page."""

    form: str
    title: str
    number: str
    version: str
    as_of: str
    sections: tuple[Section, ...]
    copies: int = 1
    landscape: bool = False
    digest: str = ""


def compose_form(pack: Pack, form: Form, material: Material, language: str) -> Document:
    """Fill a form in; the same material gives the same document."""
    sections = tuple(
        _SECTIONS[block.kind](_Fill(pack, form, material, language), block, place)
        for place, block in enumerate(form.block)
    )
    document = Document(
        form.id,
        word_label(form.label, language),
        f"{pack.id}/{form.id}",
        pack.version,
        material.as_of.isoformat(),
        sections,
        form.copies,
        form.landscape,
    )
    digest = hashlib.sha256(msgspec.json.encode(document)).hexdigest()
    return replace(document, digest=digest[:DIGEST_SHOWN])


@dataclass(frozen=True, slots=True)
class _Fill:
    pack: Pack
    form: Form
    material: Material
    language: str

    def title(self, block: Block) -> str:
        return word_label(block.label, self.language) if block.label else ""

    def declared(self, of: str) -> dict[str, FieldDeclaration]:
        known = self.pack.types.get(of)
        return {each.id: each for each in known.field} if known else {}

    def show(self, of: str, name: str, row: Row) -> str:
        declared = self.declared(of).get(name)
        value = row.get(name)
        if declared is None:
            return "" if value is None else str(value)
        if declared.type in ("ref", "key") and value not in (None, ""):
            return self.material.names.get((declared.to or "", value), str(value))
        codes = self.pack.codes.get(declared.codes or "")
        return show_field(declared, codes, value, self.language)

    def heading(self, of: str, name: str) -> str:
        declared = self.declared(of).get(name)
        return word_label(declared.label, self.language) if declared else name


def _fields(fill: _Fill, block: Block, _place: int) -> Section:
    material = fill.material
    cells = tuple(
        Cell(fill.heading(material.of, name), fill.show(material.of, name, material.subject))
        for name in block.fields
    )
    return Section("fields", fill.title(block), cells=cells, lines=block.lines)


def _table(fill: _Fill, block: Block, place: int) -> Section:
    of = block.of or fill.material.of
    records = fill.material.tables.get(place, ())
    rows = tuple(tuple(fill.show(of, name, row) for name in block.fields) for row in records)
    total = None
    if block.total is not None:
        summed = sum(int(row.get(block.total) or 0) for row in records)
        total = (fill.heading(of, block.total), fill.show(of, block.total, {block.total: summed}))
    head = tuple(fill.heading(of, name) for name in block.fields)
    title = fill.title(block) or (
        word_label(fill.pack.types[of].label, fill.language) if of in fill.pack.types else ""
    )
    return Section("table", title, head=head, rows=rows, total=total, lines=block.lines)


def _rules(fill: _Fill, block: Block, _place: int) -> Section:
    lines = []
    words = ResultWords(fill.pack, fill.language)
    # In the order of the pack, so that a statement reads like the documents.
    asked = [each for each in fill.pack.rules if each in fill.material.results]
    for rule_id in asked if block.every else block.rules:
        rule = fill.pack.rules[rule_id]
        result = fill.material.results.get(rule_id)
        said = words.figures(result) if result else Figures()
        clause = " ".join(f"{quote} ({id})" for id, quote in fill.pack.quotes(rule.source))
        lines.append(
            RuleLine(
                word_label(rule.label, fill.language),
                said.need,
                said.value,
                result.status if result else "not_asked",
                clause,
            )
        )
    return Section("rules", fill.title(block), rules=tuple(lines))


def _grants(fill: _Fill, block: Block, _place: int) -> Section:
    """Who has which entitlement, why, how much and from whom: a table."""
    words = GrantWords(fill.pack, fill.language)
    rows = []
    for each in fill.material.grants:
        if each.entitlement in block.entitlements:
            said, has = words.grant(each), each.standing == "granted"
            payers = OTHERWISE.join(f"{name} {share}" for name, share in said.payers)
            label = word_label(fill.pack.entitlements[each.entitlement].label, fill.language)
            money = (said.amount, payers) if has else ("", "")
            rows.append((said.name, label, said.word, said.why, *money))
    keys = ("of", "title", "standing", "why", "amount", "payers")
    head = tuple(word(f"grants.{key}", fill.language) for key in keys)
    return Section("table", fill.title(block), head=head, rows=tuple(rows), lines=block.lines)


def _steps(fill: _Fill, block: Block, _place: int) -> Section:
    """What was decided so far; then one empty place for every decision that can still come."""
    workflow, position = fill.material.workflow, fill.material.position
    if workflow is None:
        return Section("steps", fill.title(block))
    moves = {each.id: each for each in workflow.step}
    trail = position.trail if position else ()
    opinions = [
        Opinion(
            word_label(moves[taken.step].label, fill.language),
            _role(fill, moves[taken.step].role),
            taken.opinion,
            taken.on.isoformat(),
            moves[taken.step].sign,
            moves[taken.step].stamp,
        )
        for taken in trail
    ]
    state = position.state if position else workflow.state[0].id
    done = {taken.step for taken in trail}
    opinions += [
        Opinion(
            OTHERWISE.join(word_label(move.label, fill.language) for move in choice),
            _role(fill, choice[0].role),
            sign=any(move.sign for move in choice),
            stamp=any(move.stamp for move in choice),
        )
        for choice in _coming(workflow, state, done)
    ]
    return Section("steps", fill.title(block), opinions=tuple(opinions))


def _coming(workflow: Workflow, state: str, done: Set[str]) -> list[list[Transition]]:
    """The steps with a signature or a stamp that `state` still leads to, in their order; those of
    which one role takes only one stand together."""
    forward = [each for each in workflow.step if not each.back and each.id not in done]
    reached = {state}
    while found := {each.to for each in forward if reached & set(each.from_)} - reached:
        reached |= found
    choices: dict[tuple[str, tuple[str, ...]], list[Transition]] = {}
    for each in forward:
        if (each.sign or each.stamp) and reached & set(each.from_):
            choices.setdefault((each.role, tuple(each.from_)), []).append(each)
    return list(choices.values())


def _role(fill: _Fill, role: str) -> str:
    known = fill.pack.roles.get(role)
    return word_label(known.label, fill.language) if known else role


def _text(fill: _Fill, block: Block, _place: int) -> Section:
    text = word_label(block.text, fill.language) if block.text else ""
    return Section("text", fill.title(block), text=text, lines=block.lines)


def _blank(fill: _Fill, block: Block, _place: int) -> Section:
    return Section(block.kind, fill.title(block), lines=block.lines or BLANK_LINES)


_SECTIONS: Final = {
    "fields": _fields,
    "table": _table,
    "rules": _rules,
    "grants": _grants,
    "steps": _steps,
    "text": _text,
    "signatures": _blank,
    "photo": _blank,
}
