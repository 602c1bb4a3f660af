"""Something wrong in every field of every form of every shipped pack: a message beside that field,
everything else still in its place, and nothing written."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

import pytest
from msgspec import structs
from werkzeug.test import TestResponse

from tests.server.every_type import fill_county, in_order
from tests.server.pages import Visitor, accounts_of, make_visitor
from tests.server.walks.shipped_county import County, make_county
from tests.server.wrong_things import FormPage, body_of, wrong_values
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.pack_files import list_shipped
from xueshi_server.store.records import default_scope, find_named, list_choices
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node

PACKS: Final = tuple(each for each in list_shipped() if each != "base")
# Every field gets so many of its wrong values, others in every pack and type; two of three fields
# are wrong at a time, the third one has to keep what was typed.
ROUNDS: Final = 4
# What a session says beside its hours, and what of it are times of day.
OWN: Final = ("until", "starts", "ends", "organiser", "place", "lecturer")
_TIMES: Final = ("session_starts", "session_ends")
CLAIM: Final = 'id="claim-form"'
# Kinds of fields whose input shows whatever was typed.
_SHOWN_AGAIN: Final = ("text", "long", "date", "int", "hours", "money", "ref", "key")
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")


@dataclass
class Desk:
    """A county under a pack with one record of every type, and the forms of both its nodes."""

    county: County
    visitors: dict[str, Visitor]
    names: dict[str, str]
    tokens: dict[str, str]

    def role(self, declared: RecordType) -> str:
        """Where records of a type are entered."""
        at_school = "school" in declared.writers and declared.place == "school"
        return "school" if at_school else "centre"

    def node(self, role: str) -> Node:
        """The node behind the forms."""
        return self.county.school if role == "school" else self.county.centre

    def post(self, role: str, path: str, pairs: list[tuple[str, str]]) -> TestResponse:
        """Send a form."""
        return self.visitors[role].client.post(
            path,
            data=body_of([("csrf", self.tokens[role]), *pairs]),
            content_type="application/x-www-form-urlencoded",
            buffered=True,
        )

    def scope(self, declared: RecordType) -> str:
        """The school that the centre writes a record for."""
        return str(self.county._school_scope(self.node(self.role(declared))))

    def rec(self, of: str) -> int:
        """The record of a type at the school."""
        return self.county.school.find_record(self.names[of]).rec

    def written(self) -> list[object]:
        """What both nodes have written so far."""
        nodes = (self.county.school, self.county.centre)
        return [each.status()[name] for each in nodes for name in ("heads", "unsent_ops")]


@dataclass(frozen=True)
class Sent:
    """A form: whose, where it goes, its fields by name, what goes with it, where it begins."""

    role: str
    path: str
    fields: dict[str, FieldDeclaration]
    more: tuple[tuple[str, str], ...] = ()
    mark: str = '<form method="post" class="card"'


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Desk]]:
    """Made when a pack is first asked for."""
    with ExitStack() as stack:

        class Made(dict[str, Desk]):
            def __missing__(self, pack_id: str) -> Desk:
                county = stack.enter_context(make_county(tmp_path_factory.mktemp("desk"), pack_id))
                self[pack_id] = desk = open_desk(county)
                return desk

        yield Made()


def open_desk(county: County) -> Desk:
    """Fill the county and log in at both nodes, at the school as a teacher too."""
    keys = fill_county(county, 1)
    centre = county.at_centre()
    names = {of: centre.public_id(some[0]) for of, some in keys.items()}
    school = create_app(county._turn(True), testing=True)
    visitors = {
        "school": make_visitor(school, "admin"),
        "centre": make_visitor(create_app(county.centre, testing=True), "admin"),
        "teacher": make_visitor(school, "teacher"),
    }
    accounts = accounts_of(school)
    account = next(each for each in accounts.list_all() if each.role == "teacher")
    accounts.set_rights(account, ["teacher"], names["person"])
    token = accounts.start_session(account)
    visitors["teacher"].client.set_cookie(SESSION_COOKIE, token)
    return Desk(county, visitors, names, {role: each.token() for role, each in visitors.items()})


def right_value(desk: Desk, declared: RecordType, each: FieldDeclaration) -> str:
    """What a field takes, as it is typed."""
    node = desk.node(desk.role(declared))
    if each.type == "code":
        return desk.county.pack.codes[each.codes or ""].value[0].id
    if each.type == "ref":
        target, at_school = desk.county.pack.types[each.to or ""], declared.place == "school"
        scope_no = int(desk.scope(declared)) if at_school else default_scope(node, declared)
        typed = [name for name, _ in list_choices(node, target, scope_no)]
        return next(each for each in typed if len(find_named(node, target, scope_no, each)) == 1)
    plain = {
        "sealed": "",
        "date": "2026-03-01",
        "bool": "1",
        "int": "1",
        "hours": "1.5",
        "money": "12.50",
    }
    # A key may name what only another node has.
    return plain.get(each.type, f"新{each.id}"[: each.max or 60])


def list_types(desk: Desk) -> list[RecordType]:
    """The types that have a form, each after those that it refers to."""
    types = desk.county.pack.types
    return [
        types[of]
        for of in in_order(types)
        if desk.visitors[desk.role(types[of])].get(f"/records/{of}/new").status_code == 200
    ]


def form_of(declared: RecordType) -> list[FieldDeclaration]:
    return [each for each in declared.field if each.id != declared.corrects]


@dataclass(frozen=True)
class Input:
    """An input of a form: its name, its field, what is typed, and whether that is wrong."""

    name: str
    field: FieldDeclaration
    typed: str
    is_wrong: bool

    def check(self, page: FormPage, spoken: str, about: str) -> None:
        """A message beside what is wrong, in the language of the page; what was typed stands."""
        told, where = page.fault(self.name), f"{about}.{self.name}: {self.typed[:60]!r}"
        held = page.holds(self.name)
        if not self.is_wrong:
            assert not told, f"{where}: {told}"
            assert held == ([self.typed] if self.typed else []), where
            return
        assert told, f"nothing is said of {where}"
        assert not told.startswith("value."), where
        assert _HAN.search(told.replace(self.typed, "")) or spoken == "en", where
        if self.field.type in _SHOWN_AGAIN and len(self.typed) < 400:
            assert "".join(held) == self.typed, where
            assert not page.loses(self.name), where


def inputs_of(
    desk: Desk, declared: RecordType, fields: dict[str, FieldDeclaration], number: int
) -> list[Input]:
    """A form in which two of three fields are wrong, others in every round."""
    found = []
    for place, (name, each) in enumerate(fields.items()):
        wrong = wrong_values(each, "time" if name in _TIMES else "")
        if (place + number) % 3 > 0 or len(fields) < 2:
            found.append(Input(name, each, wrong[(place * 5 + number) % len(wrong)], True))
        else:
            typed = "" if name in _TIMES else right_value(desk, declared, each)
            found.append(Input(name, each, typed, False))
    return found


def send_round(desk: Desk, declared: RecordType, form: Sent, number: int) -> None:
    """Send a form with two of three fields wrong, and read it back."""
    spoken = ("zh", "en")[number % 2]
    desk.visitors[form.role].client.set_cookie("xueshi_lang", spoken)
    inputs = inputs_of(desk, declared, form.fields, number)
    pairs = [(each.name, each.typed) for each in inputs] + list(form.more)
    answer = desk.post(form.role, form.path, pairs)
    about = f"{form.path} {number}"
    assert answer.status_code == 422, (about, answer.status_code)
    assert len(answer.data) < 100_000, about
    page = FormPage(answer.text, form.mark)
    for each in inputs:
        each.check(page, spoken, about)


def entry_form(desk: Desk, declared: RecordType) -> Sent:
    """The form of a new record."""
    role, fields = desk.role(declared), {each.id: each for each in form_of(declared)}
    if declared.id == "person":
        # Without a number a person gets a temporary one.
        fields["staff_no"] = structs.replace(fields["staff_no"], required=False)
    place = role == "centre" and declared.place == "school"
    more = (("scope", desk.scope(declared)),) if place else ()
    return Sent(role, f"/records/{declared.id}/new", fields, more)


def change_form(desk: Desk, declared: RecordType) -> Sent:
    """The form that changes a record, or corrects it."""
    made = entry_form(desk, declared)
    return replace(made, path=f"/records/{declared.id}/{desk.names[declared.id]}/edit", more=())


@pytest.mark.parametrize("pack_id", PACKS)
def test_a_wrong_thing_in_any_field_is_told_beside_it_and_the_rest_is_kept(
    desks: dict[str, Desk], pack_id: str
) -> None:
    desk = desks[pack_id]
    before, types = desk.written(), list_types(desk)
    assert len(types) > 10
    for place, declared in enumerate(types):
        forms = [entry_form(desk, declared)] * ROUNDS
        if declared.kind == "register" or declared.corrects:
            forms.append(change_form(desk, declared))
        if declared.id == "person":
            # The roster has a form of its own.
            forms += [replace(forms[0], role="school", path="/people/new", more=())] * ROUNDS
        for number, form in enumerate(forms):
            send_round(desk, declared, form, place * ROUNDS + number)
    assert desk.written() == before


@pytest.mark.parametrize("pack_id", PACKS)
def test_a_wrong_thing_in_a_session_is_told_beside_it_and_the_rest_is_kept(
    desks: dict[str, Desk], pack_id: str
) -> None:
    desk = desks[pack_id]
    before, pack = desk.written(), desk.county.pack
    hour, person = pack.types["hour"], str(desk.rec("person"))
    fields = {each.id: each for each in form_of(hour) if each.id not in ("person", "role")} | {
        f"session_{each.id}": each for each in pack.types["session"].field if each.id in OWN
    }
    own = fields[f"hours-{person}"] = structs.replace(fields["minutes"], required=False)
    if "role" in {each.id for each in hour.field}:
        fields["lecturer_hours"] = own
    more = (("person", person), (f"given-{person}", "1"))
    form = Sent("school", "/session/", fields, more, '<form method="post" action="/session/"')
    for number in range(ROUNDS + 4):
        send_round(desk, hour, form, number)
    assert desk.written() == before


@pytest.mark.parametrize("pack_id", PACKS)
def test_a_wrong_thing_in_a_claim_is_told_beside_it_and_the_rest_is_kept(
    desks: dict[str, Desk], pack_id: str
) -> None:
    desk = desks[pack_id]
    page = FormPage(desk.visitors["teacher"].get("/mine/").text, CLAIM)
    before, hour = desk.written(), desk.county.pack.types["hour"]
    fields = {each.id: each for each in form_of(hour) if each.id in page.controls}
    form = Sent("teacher", "/mine/claim", fields, (), CLAIM)
    for number in range(3):
        send_round(desk, hour, form, number)
    assert desk.written() == before


@pytest.mark.parametrize("pack_id", ["chongqing", "qinggang"])
def test_a_key_that_is_taken_is_told_beside_it_and_the_rest_is_kept(
    desks: dict[str, Desk], pack_id: str
) -> None:
    desk = desks[pack_id]
    before, keyed = desk.written(), [each for each in list_types(desk) if each.key]
    assert len(keyed) > 4
    for declared in keyed:
        form, key = entry_form(desk, declared), str(declared.key)
        node = desk.node(form.role)
        (row,) = node.query(f'SELECT "{key}" AS k FROM "{declared.id}" LIMIT 1')
        inputs = [
            Input(name, each, row["k"], True)
            if name == key
            else Input(name, each, right_value(desk, declared, each), False)
            for name, each in form.fields.items()
        ]
        pairs = [(each.name, each.typed) for each in inputs] + list(form.more)
        answer = desk.post(form.role, form.path, pairs)
        assert answer.status_code == 422, declared.id
        for each in inputs:
            each.check(FormPage(answer.text, form.mark), "en", declared.id)
    assert desk.written() == before
