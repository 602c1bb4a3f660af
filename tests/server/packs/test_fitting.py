"""What is inherited fits the pack's own types: what they no longer have is left out."""

from tests.server.packs.drafts import LABEL, about, draft
from xueshi_server.domain.packs.checking import check_pack
from xueshi_server.domain.packs.inherit import resolve
from xueshi_server.domain.packs.model import Form, Subject
from xueshi_server.domain.packs.pack import Draft, Pack


def person(*fields: str) -> str:
    kinds = {"hired_on": "date", "left_on": "date", "active": "bool"}
    lines = ", ".join(
        f'{{ id = "{each}", type = "{kinds.get(each, "text")}", {LABEL} }}' for each in fields
    )
    return f'[[type]]\nid = "person"\n{LABEL}\nkind = "register"\nfield = [{lines}]\n'


TEACHER = f"""[[subject]]
id = "teacher"
{LABEL}
of = "person"
on_roll = ["hired_on", "left_on"]
present = [{{ field = "active", is_not = false }}]
"""
STATEMENT = f"""[[form]]
id = "statement"
{LABEL}
scope = "teacher"
block = [
  {{ kind = "fields", fields = ["name", "post"] }},
  {{ kind = "fields", fields = ["post"] }},
  {{ kind = "table", of = "person", fields = ["post", "name"] }},
  {{ kind = "signatures", lines = 2 }},
]
"""
BASE = draft(
    about("base"), person("name", "post", "active", "hired_on", "left_on"), TEACHER, STATEMENT
)


def heir(*tables: str) -> Draft:
    return draft(about("child", extends='["base"]'), *tables)


def statement(pack: Pack) -> Form:
    return pack.forms["statement"]


def teacher(pack: Pack) -> Subject:
    return pack.subjects["teacher"]


def test_with_the_inherited_types_all_of_it_stays() -> None:
    pack = resolve("child", [BASE, heir()])
    assert [each.fields for each in statement(pack).block][:3] == [
        ["name", "post"], ["post"], ["post", "name"],
    ]  # fmt: skip
    assert teacher(pack).on_roll == ("hired_on", "left_on")


def test_a_form_leaves_out_fields_and_blocks_that_own_types_have_not() -> None:
    pack = resolve("child", [BASE, heir(person("name", "active", "hired_on", "left_on"))])
    assert [(each.kind, each.fields) for each in statement(pack).block] == [
        ("fields", ["name"]), ("table", ["name"]), ("signatures", []),
    ]  # fmt: skip
    assert check_pack(pack) == []


def test_without_the_days_of_the_roll_present_says_who_is_there() -> None:
    pack = resolve("child", [BASE, heir(person("name", "post", "active"))])
    found = teacher(pack)
    assert (found.on_roll, found.present) == (None, [])
    assert [each.field for each in found.where] == ["active"]
    assert check_pack(pack) == []


def test_what_present_asks_of_fields_that_are_gone_is_left_out_too() -> None:
    found = teacher(resolve("child", [BASE, heir(person("name", "post"))]))
    assert (found.on_roll, found.present, found.where) == (None, [], [])


def test_a_form_about_a_dropped_type_is_gone() -> None:
    dropping = draft(
        'drop = ["type:person", "subject:teacher"]', about("child", extends='["base"]')
    )
    assert resolve("child", [BASE, dropping]).forms == {}


def test_what_the_pack_itself_says_wrong_stays_a_fault() -> None:
    own = heir(person("name", "active", "hired_on", "left_on"), STATEMENT)
    codes = {each.code for each in check_pack(resolve("child", [BASE, own]))}
    assert codes == {"field_unknown"}
