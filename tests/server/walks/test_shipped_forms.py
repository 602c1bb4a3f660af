"""Every printed form of Jiyuan and Qinggang can be filled in, in both languages, from records that
have a value in every field."""

import datetime as dt
from typing import Any

import pytest

from tests.server.rules.county import load
from xueshi_server.domain.forms import Document, Material, compose_form
from xueshi_server.domain.packs.model import FieldDeclaration
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.workflow import place_record

DAY = dt.date(2019, 12, 31)
VALUES: dict[str, Any] = {
    "int": 3, "hours": 90, "money": 12050, "date": "2019-11-20", "bool": True,
    "ref": 1, "key": "K1",
}  # fmt: skip
FORMS = [(pack, form) for pack in ("jiyuan", "qinggang") for form in load(pack).forms]


def value_of(pack: Pack, field: FieldDeclaration) -> Any:
    if field.codes is not None:
        return pack.codes[field.codes].value[0].id
    return VALUES.get(field.type, "甲")


def row_of(pack: Pack, of: str) -> dict[str, Any]:
    declared = pack.types[of]
    return {"scope": "S1", "rec": 1} | {each.id: value_of(pack, each) for each in declared.field}


def fill(pack: Pack, form_id: str, language: str) -> Document:
    form = pack.forms[form_id]
    subject = pack.subjects.get(form.scope)
    of = form.scope if subject is None or subject.of is None else subject.of
    tables = {
        place: [row_of(pack, block.of)]
        for place, block in enumerate(form.block)
        if block.kind == "table" and block.of is not None
    }
    workflow = next((each for each in pack.workflows.values() if each.of == of), None)
    position = place_record(workflow, []) if workflow else None
    material = Material(
        of, row_of(pack, of), DAY, tables=tables, workflow=workflow, position=position
    )
    return compose_form(pack, form, material, language)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("pack_id", "form"), FORMS)
def test_a_form_is_filled_in_with_nothing_left_empty(
    pack_id: str, form: str, language: str
) -> None:
    pack = load(pack_id)
    document = fill(pack, form, language)
    assert len(document.sections) == len(pack.forms[form].block)
    for section in document.sections:
        assert all(cell.label and cell.text for cell in section.cells)
        assert all(all(row) for row in section.rows)
        assert all(line.label and line.clause for line in section.rules)
        if section.kind == "steps":
            assert section.opinions


def test_the_label_of_a_box_says_what_is_in_it() -> None:
    document = fill(load("qinggang"), "box_label", "zh")
    heading, fields, contents = document.sections
    assert heading.text == "青冈县教育科研课题材料"
    assert [cell.label for cell in fields.cells][:3] == ["课题编号", "课题名称", "级别"]
    assert contents.total == ("页数", "3")


def test_the_digest_tells_one_sheet_from_another() -> None:
    pack = load("jiyuan")
    assert fill(pack, "cycle_sheet", "zh").digest != fill(pack, "ethics_file", "zh").digest
