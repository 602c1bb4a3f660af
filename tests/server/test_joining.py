"""A school that began without an invitation joins on a page."""

from collections.abc import Iterator
from io import BytesIO

import pytest

from tests.server.nodes import World, add_hour, add_person, make_world
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.errors import ServerError
from xueshi_server.invitations import NoInvitationError, read_invitation, read_text
from xueshi_server.web import create_app
from xueshi_sync.errors import BadTicketError
from xueshi_sync.node import Node


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(tmp_path_factory.mktemp("joining")) as world:
        yield world


@pytest.fixture(scope="module")
def centre(world: World) -> Node:
    return world.make("centre", "县教师进修学校", "500105")


@pytest.fixture
def school(world: World) -> Node:
    """A school of its own for each test: joining is for good."""
    return world.make("school", "石板村小学", f"YL{len(world.nodes)}")


@pytest.fixture
def registrar(school: Node) -> Visitor:
    return make_visitor(create_app(school, testing=True), "registrar")


def test_a_pasted_chat_joins_and_what_was_entered_before_goes_along(
    world: World, centre: Node, school: Node, registrar: Visitor
) -> None:
    add_hour(school, add_person(school))
    word = centre.invite(school.code, "石板村小学")
    half = len(word) // 2
    chat = f"老师好，这是你们的邀请：\n{word[:half]}\n {word[half:]}\n请收好。"
    answer = registrar.post("/join/", invitation=chat)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/join/?done=joinfile"
    world.carry(school, centre, to=None)
    world.carry(centre, school, to=school.code)
    assert "县教师进修学校" in registrar.text("/join/")
    assert [row["minutes"] for row in centre.query("SELECT minutes FROM hour")] == [90]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_an_invitation_is_read_from_a_file_of_any_editor(centre: Node, encoding: str) -> None:
    word = centre.invite("XX", "石板村小学")
    found = read_invitation(read_text(f"邀请\r\n{word}\r\n".encode(encoding)))
    assert (found.text, found.code, found.county) == (word, "XX", "县教师进修学校")


def test_a_picked_file_joins(centre: Node, school: Node, registrar: Visitor) -> None:
    word = centre.invite(school.code, "石板村小学")
    answer = registrar.post("/join/", file=(BytesIO(word.encode()), "invitation.txt"))
    assert (answer.status_code, school.genesis is not None) == (303, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "There is no invitation in this.", id="nothing"),
        pytest.param("hello", "There is no invitation in this.", id="something-else"),
        pytest.param("XS1-AAAA", "not valid", id="a-piece-of-one"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_stays_in_it(
    centre: Node, school: Node, registrar: Visitor, text: str, said: str
) -> None:
    answer = registrar.post("/join/", invitation=text)
    assert answer.status_code == 422
    assert said in plain(answer.text)
    assert f">{text}</textarea>" in answer.text
    assert school.genesis is None


def test_an_invitation_of_another_school_is_shown_before_it_is_taken(
    centre: Node, school: Node, registrar: Visitor
) -> None:
    word = centre.invite("DS", "东山小学")
    shown = registrar.post("/join/", invitation=word)
    assert shown.status_code == 200
    assert "东山小学" in shown.text
    assert school.genesis is None
    assert registrar.post("/join/", invitation=word, sure="DS").status_code == 303
    assert (school.name, school.code) == ("东山小学", "DS")


def test_an_invitation_of_a_central_school_is_not_for_a_school(
    centre: Node, school: Node, registrar: Visitor
) -> None:
    word = centre.invite(school.code, "镇中心校", role="township")
    answer = registrar.post("/join/", invitation=word)
    assert (answer.status_code, "for a central school" in answer.text) == (422, True)


def test_a_school_that_belongs_to_a_county_joins_no_more(
    world: World, centre: Node, school: Node, registrar: Visitor
) -> None:
    world.join(centre, school, "石板村小学", school.code)
    word = centre.invite(school.code, "石板村小学")
    assert registrar.post("/join/", invitation=word).status_code == 422
    assert "<textarea" not in registrar.get("/join/").text


def test_the_first_page_leads_there_until_it_has_joined(
    centre: Node, school: Node, registrar: Visitor
) -> None:
    assert 'href="/join/"' in registrar.get("/").text
    registrar.post("/join/", invitation=centre.invite(school.code, "石板村小学"))
    assert 'href="/join/"' not in registrar.get("/").text


def test_a_centre_has_no_such_page(centre: Node) -> None:
    admin = make_visitor(create_app(centre, testing=True), "admin")
    assert admin.get("/join/").status_code == 404


@pytest.mark.parametrize(
    ("text", "error"),
    [("", NoInvitationError), ("XS1-", BadTicketError), ("XS1-" + "A" * 5000, BadTicketError)],
)
def test_no_text_raises_anything_else(text: str, error: type[ServerError]) -> None:
    with pytest.raises(error):
        read_invitation(text)
