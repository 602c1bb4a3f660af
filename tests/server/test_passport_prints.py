"""The passport of a record says in which forms it was printed here."""

from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor
from xueshi_sync.node import Node


def test_the_passport_names_the_forms_that_a_record_was_printed_in(
    admin: Visitor, school: Node
) -> None:
    person = add_person(school)
    hour = add_hour(school, person, title="Reading together")
    page = f"/hours/{school.public_id(hour)}"
    assert "Printed in" not in admin.text(page)
    form = f"/forms/personal_statement/{school.public_id(person)}/pdf"
    assert admin.get(form, on="2026-03-02").mimetype == "application/pdf"
    text = admin.text(f"/hours/{school.public_id(hour)}")
    assert "Printed in" in text
    assert "as of 2026-03-02" in text
    other = add_hour(school, person, title="Later")
    assert "Printed in" not in admin.text(f"/hours/{school.public_id(other)}")
