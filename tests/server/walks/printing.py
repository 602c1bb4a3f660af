"""Printed forms of a walk: filled in from what the centre's node holds at that moment."""

import datetime as dt
from collections.abc import Mapping, Sequence

from tests.server.walks.chongqing_county import SCHOOL, District, Record
from xueshi_server.domain.forms import Document, Material, compose_form
from xueshi_server.domain.packs.model import Block, Form
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.catalogue import BUILT_IN, SCOPE, Catalogue, Link
from xueshi_server.domain.rules.facts import Column, Facts, Row, Value
from xueshi_server.domain.rules.results import Result
from xueshi_server.store.facts import open_facts

Names = Mapping[tuple[str, Value], str]


def print_form(district: District, form_id: str, on: str, record: Record | None = None) -> Document:
    """A form in Chinese over a record, or over the school or the county without one."""
    pack, form = district.pack, district.pack.forms[form_id]
    results = _results(district, form, on, record)
    with open_facts(district.at_centre()) as facts:
        subject: Row = {"scope": SCHOOL}
        if record is not None:
            subject = facts.rows(record.of, (), [district.key_of(record)])[0]
        tables = {
            place: _rows(pack, facts, form.scope, block, subject)
            for place, block in enumerate(form.block)
            if block.kind == "table"
        }
        names = _names(pack, facts)
    of = "" if record is None else record.of
    workflow = next((each for each in pack.workflows.values() if each.of == of), None)
    position = None if workflow is None or record is None else district.position(record)
    day = dt.date.fromisoformat(on)
    material = Material(of, subject, day, tables, results, workflow, position, names)
    return compose_form(pack, form, material, "zh")


def _results(
    district: District, form: Form, on: str, record: Record | None
) -> Mapping[str, Result]:
    if record is None:
        return {}
    wanted = [rule for block in form.block for rule in block.rules]
    found = [district.result_of(rule, on, record) for rule in wanted]
    return {each.rule: each for each in found if each is not None}


def _rows(pack: Pack, facts: Facts, kind: str, block: Block, subject: Row) -> Sequence[Row]:
    """The records of a table block that belong to what the form is about."""
    catalogue, of = Catalogue(pack), block.of
    assert of is not None
    rows = facts.rows(of, catalogue.tests(of, block.where))
    link = _link(catalogue, kind, of)
    return [
        row for row in rows if all(row[column.field] == subject.get(own) for column, own in link)
    ]


def _link(catalogue: Catalogue, kind: str, of: str) -> Link:
    if kind in catalogue.pack.subjects or kind in BUILT_IN:
        return catalogue.link(kind, of)
    field = next(each for each in catalogue.type_of(of).field if each.to == kind)
    if field.type == "key":
        return ((Column(field.id), catalogue.type_of(kind).key or ""),)
    return ((Column(field.id), "rec"), (SCOPE, "scope"))


def _names(pack: Pack, facts: Facts) -> Names:
    """What references show: a name or a title."""
    found: dict[tuple[str, Value], str] = {}
    for declared in pack.types.values():
        fields = {each.id for each in declared.field}
        shown = next((each for each in ("name", "title") if each in fields), None)
        if declared.kind == "register" and shown:
            for row in facts.rows(declared.id):
                for value in (row["rec"], row.get(declared.key or "")):
                    found[declared.id, value] = str(row[shown])
    return found
