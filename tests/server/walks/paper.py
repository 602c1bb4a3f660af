"""Printed forms of a walk, filled in by the same code as the pages that print them."""

import datetime as dt

from tests.server.walks.chongqing_county import SCHOOL, District, Record
from xueshi_server.domain.forms import Document, RuleLine, compose_form
from xueshi_server.store.material import gather_material


def print_paper(
    district: District, form_id: str, on: str, record: Record | None = None
) -> Document:
    """A form in Chinese over a record, or over the school, as the centre prints it."""
    form, day = district.pack.forms[form_id], dt.date.fromisoformat(on)
    name = SCHOOL if record is None else record.name
    material = gather_material(district.at_centre(), district.pack, form, name, day, "zh")
    return compose_form(district.pack, form, material, "zh")


def rule_lines(document: Document) -> list[RuleLine]:
    """The requirements on a sheet of paper, from top to bottom."""
    return [line for section in document.sections for line in section.rules]


def opinions(document: Document) -> list[str]:
    """The labels of the steps on paper that have been taken."""
    return [
        each.label for section in document.sections for each in section.opinions if each.on != ""
    ]
