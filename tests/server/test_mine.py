"""A teacher's own page: claims, objections, and nothing of anybody else."""

import re

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import TEST_PIN, Visitor, accounts_of, make_visitor
from xueshi_server.record_types import BASE_PACK
from xueshi_server.store.objections import list_objections
from xueshi_server.store.versions import read_mark
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

HOUR = BASE_PACK.types["hour"]
CLAIM = {"date": "2026-02-20", "title": "Reading circle", "minutes": "2"}


@pytest.fixture
def person(school: Node) -> RecordKey:
    return add_person(school)


@pytest.fixture
def teacher(app: Flask, school: Node, person: RecordKey) -> Visitor:
    accounts = accounts_of(app)
    code = accounts.add("T1", "Li Ming", "teacher", person=school.public_id(person))
    account = accounts.check("T1", code)
    accounts.set_password(account, TEST_PIN)
    visitor = Visitor(app, app.test_client())
    visitor.client.set_cookie("xueshi_lang", "en")
    visitor.client.set_cookie(SESSION_COOKIE, accounts.start_session(account))
    return visitor


def test_a_claim_waits_for_review_under_the_teachers_name(
    teacher: Visitor, school: Node, person: RecordKey
) -> None:
    assert teacher.post("/mine/claim", **CLAIM).status_code == 303
    (row,) = school.query("SELECT * FROM hour")
    assert (row["person"], row["state"], row["minutes"]) == (person.rec, "pending", 120)
    assert row["actor"] == "t1"
    assert "Reading circle" in teacher.text("/mine/")


def test_a_claim_sent_twice_is_one_record(teacher: Visitor, school: Node) -> None:
    teacher.post("/mine/claim", entry_id="one", **CLAIM)
    teacher.post("/mine/claim", entry_id="one", **CLAIM)
    assert len(school.query("SELECT * FROM hour")) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"date": "2099-01-01"}, "This day has not come yet", id="a-day-to-come"),
        pytest.param({"date": ""}, "fault", id="no-day"),
        pytest.param({"title": ""}, "fault", id="no-title"),
        pytest.param({"minutes": "-1"}, "fault", id="fewer-than-no-hours"),
    ],
)
def test_a_wrong_claim_is_refused_and_keeps_what_was_typed(
    teacher: Visitor, school: Node, changed: dict[str, str], said: str
) -> None:
    answer = teacher.post("/mine/claim", note="my own words", **{**CLAIM, **changed})
    assert answer.status_code == 422
    assert said in answer.text
    assert "my own words" in answer.text
    assert school.query("SELECT * FROM hour") == []


def test_what_is_on_record_already_is_not_claimed_again(
    teacher: Visitor, school: Node, person: RecordKey
) -> None:
    add_hour(school, person, date=CLAIM["date"], title=CLAIM["title"])
    answer = teacher.post("/mine/claim", **CLAIM)
    assert answer.status_code == 422
    assert "There is a record of this title on that day" in answer.text


def test_a_teacher_sees_no_hours_of_a_colleague(teacher: Visitor, school: Node) -> None:
    add_hour(school, add_person(school, "T2", "Wang Fang"), title="Secret talk")
    assert "Secret talk" not in teacher.text("/mine/")


def test_an_objection_reaches_the_registrar_and_its_answer_the_teacher(
    app: Flask, teacher: Visitor, school: Node, person: RecordKey
) -> None:
    name = school.public_id(add_hour(school, person))
    assert teacher.post("/mine/objection", record=name, reason="It was 3 hours").status_code == 303
    registrar = make_visitor(app, "registrar")
    assert "It was 3 hours" in registrar.text("/objections/")
    (objection,) = list_objections(school)
    said = {"outcome": "upheld", "answer": "Corrected, thank you"}
    registrar.post(f"/objections/{objection.name}", **said)
    page = teacher.text("/mine/")
    assert "Upheld" in page
    assert "Corrected, thank you" in page


def test_an_objection_says_why(teacher: Visitor, school: Node, person: RecordKey) -> None:
    name = school.public_id(add_hour(school, person))
    assert teacher.post("/mine/objection", record=name, reason=" ").status_code == 422


def test_nobody_objects_to_a_record_of_somebody_else(teacher: Visitor, school: Node) -> None:
    name = school.public_id(add_hour(school, add_person(school, "T2", "Wang Fang")))
    assert teacher.post("/mine/objection", record=name, reason="mine").status_code == 404


def test_a_teacher_without_a_record_has_no_page(app: Flask) -> None:
    assert make_visitor(app, "teacher").get("/mine/").status_code == 404


def test_a_teacher_opens_no_page_of_the_staff(teacher: Visitor, county: County) -> None:
    for path in ("/hours/", "/people/", "/requirements/", "/records/", "/forms/", "/grants/"):
        assert teacher.get(path).status_code == 403, path


def test_the_statement_is_the_teachers_own(teacher: Visitor) -> None:
    answer = teacher.get("/mine/statement")
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF")


def test_a_centre_takes_no_claim(centre_app: Flask, county: County) -> None:
    key = add_person(county.school)
    county.carry_both_ways()
    name, accounts = county.school.public_id(key), accounts_of(centre_app)
    account = accounts.check("T1", accounts.add("T1", "Li Ming", "teacher", person=name))
    accounts.set_password(account, TEST_PIN)
    visitor = Visitor(centre_app, centre_app.test_client())
    visitor.client.set_cookie(SESSION_COOKIE, accounts.start_session(account))
    page = visitor.get("/mine/")
    assert page.status_code == 200
    assert 'id="claim"' not in page.text
    assert visitor.post("/mine/claim", **CLAIM).status_code == 422


def test_what_was_said_before_a_record_travelled_is_still_there(
    teacher: Visitor, school: Node, person: RecordKey, county: County
) -> None:
    name = school.public_id(add_hour(school, person))
    teacher.post("/mine/objection", record=name, reason="It was 3 hours")
    county.carry_both_ways()
    assert school.public_id(person).startswith("~") is False
    assert "It was 3 hours" in teacher.text("/mine/")


def check(head: Visitor, school: Node, verdict: str, reason: str = "", status: int = 303) -> str:
    """The head of the school says something of the only entry; its public name."""
    (row,) = school.query("SELECT scope_no, rec FROM hour")
    key = RecordKey(row["scope_no"], row["rec"])
    name = school.public_id(key)
    sent = {"record": [name], "seen": [f"{name}:{read_mark(school, HOUR, key)}"]}
    answer = head.post("/review/", **sent, verdict=verdict, reason=reason)
    assert answer.status_code == status
    return name


def give_back(app: Flask, school: Node) -> str:
    """The head of the school returns the only entry; its public name."""
    return check(make_visitor(app, "principal"), school, "return", "The list says one hour")


def test_a_claim_that_the_school_returned_is_corrected_and_sent_again(
    app: Flask, teacher: Visitor, school: Node
) -> None:
    teacher.post("/mine/claim", **CLAIM)
    name = give_back(app, school)
    assert "The list says one hour" in teacher.text("/mine/")
    teacher.post("/mine/again", record=name)
    page = teacher.get("/mine/").text
    assert f'name="corrects" value="{name}"' in page
    assert 'value="Reading circle"' in page
    teacher.post("/mine/claim", corrects=name, **{**CLAIM, "minutes": "1"})
    rows = school.query("SELECT rec, minutes, state, corrects FROM hour ORDER BY rec")
    assert [(row["minutes"], row["state"]) for row in rows] == [(120, "returned"), (60, "pending")]
    assert rows[1]["corrects"] == rows[0]["rec"]
    # Nothing is left to claim in its place.
    assert teacher.post("/mine/again", record=name).status_code == 404


def test_what_still_waits_is_not_claimed_again(teacher: Visitor, school: Node) -> None:
    teacher.post("/mine/claim", **CLAIM)
    (row,) = school.query("SELECT scope_no, rec FROM hour")
    name = school.public_id(RecordKey(row["scope_no"], row["rec"]))
    assert teacher.post("/mine/again", record=name).status_code == 404
    assert teacher.post("/mine/claim", corrects=name, **CLAIM).status_code == 404


def test_nobody_corrects_an_entry_of_somebody_else(
    app: Flask, teacher: Visitor, school: Node
) -> None:
    add_hour(school, add_person(school, "T2", "Wang Fang"))
    name = give_back(app, school)
    assert teacher.post("/mine/again", record=name).status_code == 404
    assert teacher.post("/mine/claim", corrects=name, **CLAIM).status_code == 404


def test_a_return_says_why(app: Flask, teacher: Visitor, school: Node) -> None:
    teacher.post("/mine/claim", **CLAIM)
    head = make_visitor(app, "principal")
    check(head, school, "return", " ", status=422)
    check(head, school, "approve", status=400)
    assert school.query("SELECT state FROM hour")[0]["state"] == "pending"


def test_what_the_school_passed_leaves_its_queue_and_is_named_so(
    app: Flask, teacher: Visitor, school: Node
) -> None:
    teacher.post("/mine/claim", **CLAIM)
    head = make_visitor(app, "principal")
    assert "Reading circle" in head.text("/review/")
    name = check(head, school, "pass")
    assert "Reading circle" not in head.text("/review/")
    assert "Reading circle" in head.text("/review/?state=sent")
    assert "Passed" in head.text(f"/hours/{name}")


# ---- what deserves a second look before a claim is sent


def hold(school: Node, title: str, date: str, **more: object) -> None:
    """A session that the registrar recorded; nobody is ticked."""
    with school.write(actor="registrar") as action:
        action.insert("session", {"title": title, "date": date, "minutes": 120} | more)


def marks(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f ]+)"', page)
    assert found is not None
    return found[1]


def test_a_claim_like_a_session_of_the_school_is_asked_about_and_filled_in_from_it(
    teacher: Visitor, school: Node
) -> None:
    hold(school, "Reading circle, spring term", "2026-02-19")
    answer = teacher.post("/mine/claim", **{**CLAIM, "title": "Reading circle, spring"})
    assert answer.status_code == 409
    assert "You are not among those who were there" in answer.text
    assert 'value="Reading circle, spring"' in answer.text
    assert school.query("SELECT * FROM hour") == []
    like = "2026-02-19 Reading circle, spring term"
    assert f'value="{like}"' in answer.text
    teacher.post("/mine/claim", **CLAIM, like=like)
    page = teacher.get("/mine/").text
    assert 'value="Reading circle, spring term"' in page
    filled = {"date": "2026-02-19", "title": "Reading circle, spring term", "minutes": "2"}
    assert teacher.post("/mine/claim", **filled).status_code == 303
    assert [row["title"] for row in school.query("SELECT * FROM hour")] == [filled["title"]]


@pytest.mark.parametrize(
    ("about", "told"),
    [
        pytest.param({"minutes": 60 * 23}, "more than 24", id="more-than-a-day-holds"),
        pytest.param({"title": "Reading circles"}, "claimed this already", id="claimed-before"),
    ],
)
def test_a_claim_that_cannot_well_be_is_sent_after_a_second_look(
    teacher: Visitor, school: Node, person: RecordKey, about: dict[str, object], told: str
) -> None:
    add_hour(school, person, **{"date": CLAIM["date"], "title": "Another day", **about})
    answer = teacher.post("/mine/claim", **CLAIM, note="typed once")
    assert (answer.status_code, told in answer.text) == (409, True)
    assert "typed once" in answer.text
    seen = marks(answer.text)
    # What was seen is what was shown: nothing else is sent by it.
    assert teacher.post("/mine/claim", **CLAIM, note="typed once", seen="0" * 10).status_code == 409
    teacher.post("/mine/claim", **CLAIM, note="typed once", seen=seen)
    assert len(school.query("SELECT * FROM hour")) == 2


def test_a_claim_in_the_midst_of_another_training_is_asked_about(
    teacher: Visitor, school: Node, person: RecordKey
) -> None:
    hold(school, "A week away", "2026-02-18", until="2026-02-22", minutes=2400)
    add_hour(school, person, date="2026-02-18", title="A week away", minutes=2400)
    hold(school, CLAIM["title"], "2026-02-19", until="2026-02-20", minutes=120)
    add_hour(school, person, date="2026-02-19", title=CLAIM["title"])
    answer = teacher.post("/mine/claim", **CLAIM)
    assert answer.status_code == 409
    assert "It needs no claim" in answer.text


def test_a_corrected_claim_is_not_compared_with_what_it_replaces(
    app: Flask, teacher: Visitor, school: Node
) -> None:
    teacher.post("/mine/claim", **CLAIM)
    name = give_back(app, school)
    better = {**CLAIM, "title": "Reading circle of the school"}
    assert teacher.post("/mine/claim", corrects=name, **better).status_code == 303
