"""Records of any declared type as pages show them: labels, cells, links."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Any, Final

from flask import url_for

from xueshi_server.domain.fields import format_money, show_field, word_label
from xueshi_server.domain.hours import format_hours
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.workflow import Refusal
from xueshi_server.store.records import (
    Reference,
    fields_of,
    load_names,
    name_row,
    naming_field,
    references_of,
)
from xueshi_server.web.pages import public_id
from xueshi_server.web.site import this_node
from xueshi_server.words import word

COLUMNS_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """A field of a record: its label, its text, and where it leads."""

    id: str
    label: str
    text: str
    link: str = ""
    long: bool = False
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A record in a list: `cells` follow the columns."""

    id: str
    title: str
    row: Row
    cells: tuple[Shown, ...]


@dataclass
class Viewer:
    """Shows the records of one type in one language."""

    pack: Pack
    declared: RecordType
    language: str
    names: dict[Reference, str] = field(default_factory=dict)

    def read_names(self, rows: Iterable[Row]) -> None:
        """Look up what the references of rows show."""
        wanted = references_of(self.declared, rows)
        self.names |= load_names(this_node(), self.pack, wanted, self.language)

    def label(self, name: str) -> str:
        """The label of a field."""
        return word_label(fields_of(self.declared)[name].label, self.language)

    def title(self, row: Row) -> str:
        """What a record is called."""
        naming = fields_of(self.declared).get(naming_field(self.declared) or "")
        if naming is None or row[naming.id] in (None, ""):
            for each in self.declared.field:
                if each.type in ("ref", "key") and row[each.id] not in (None, ""):
                    return self.show(each, row)
        return name_row(self.pack, self.declared, row, self.language)

    def show(self, declared: FieldDeclaration, row: Row) -> str:
        """The text of one field."""
        value = row[declared.id]
        if value in (None, ""):
            return ""
        if declared.type in ("ref", "key"):
            scope_no = row["scope_no"] if declared.type == "ref" else None
            fallback = "?" if declared.type == "ref" else str(value)
            return self.names.get((declared.to or "", scope_no, value), fallback)
        if declared.type == "bool":
            return word("value_word.yes" if value else "value_word.no", self.language)
        return show_field(declared, self.pack.codes.get(declared.codes or ""), value, self.language)

    def cell(self, name: str, row: Row) -> Shown:
        """One field with its label and link."""
        declared = fields_of(self.declared)[name]
        link = ""
        if declared.type == "ref" and row[name] is not None:
            link = link_to(declared.to or "", row["scope_no"], row[name])
        is_long, is_sealed = declared.type == "long", declared.type == "sealed"
        text = self.show(declared, row)
        return Shown(name, self.label(name), text, link, is_long, is_sealed)

    def columns(self) -> list[str]:
        """The fields that a list shows, the naming one first."""
        naming = naming_field(self.declared)
        names = [naming] if naming else []
        plain = [each for each in self.declared.field if each.id != self.declared.corrects]
        best = [each.id for each in plain if each.type in ("ref", "key")]
        best += [each for each in (self.declared.when, self.declared.amount) if each]
        best += [each.id for each in plain if each.required and each.type != "long"]
        best += [each.id for each in plain if each.type in ("code", "date", "int", "text")]
        return list(dict.fromkeys([*names, *best]))[:COLUMNS_MAX]

    def lines(self, rows: Sequence[Row]) -> list[Line]:
        """Records as lines of a list."""
        self.read_names(rows)
        names = self.columns()
        return [
            Line(
                public_id(row["scope_no"], row["rec"]),
                self.title(row),
                row,
                tuple(self.cell(name, row) for name in names),
            )
            for row in rows
        ]

    def facts(self, row: Row) -> list[Shown]:
        """Every field of one record that says something."""
        self.read_names([row])
        shown = [
            self.cell(each.id, row)
            for each in self.declared.field
            if each.id != self.declared.corrects
        ]
        return [each for each in shown if each.text]


def link_to(of: str, scope_no: int, rec: int) -> str:
    """Where a record is shown."""
    name = public_id(scope_no, rec)
    if of == "person":
        return url_for("people.show", name=name)
    return url_for("records.show", type_name=of, name=name)


def typed_value(declared: FieldDeclaration, value: Any) -> str:
    """A stored value as a form field holds it (references are turned by the caller)."""
    if value is None:
        return ""
    if declared.type == "hours":
        return format_hours(int(value))
    if declared.type == "money":
        return format_money(int(value)).replace(",", "")
    if declared.type == "bool":
        return "1" if value else "0"
    # What is sealed is kept, not typed again.
    return "" if declared.type == "sealed" else str(value)


def word_refusal(pack: Pack, refusal: Refusal, language: str) -> str:
    """Why a step may not be taken, in words."""
    about = refusal.about
    tables: Mapping[str, Mapping[str, Any]] = {
        "papers_missing": pack.papers,
        "wrong_role": pack.roles,
        "gate_closed": pack.rules,
        "gate_unknown": pack.rules,
    }
    known = tables.get(refusal.reason, {}).get(about)
    if known is not None:
        about = word_label(known.label, language)
    return word(f"step.{refusal.reason}", language, about=about)
