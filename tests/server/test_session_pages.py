"""The session page without its script: one action, what is asked about first, drafts, claims."""

import re
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.server.conftest import County
from tests.server.nodes import add_hour, add_person
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.store.sessions import Drafts
from xueshi_server.web.views import session_claims
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

DAY: Final = "2026-02-25"


@pytest.fixture
def people(school: Node) -> list[int]:
    """Four people on the roster."""
    names = ("Li Ming", "Wang Fang", "Zhao Wei", "Chen Jing")
    return [add_person(school, f"T{n}", name).rec for n, name in enumerate(names)]


def typed(people: list[int], **changed: Any) -> dict[str, Any]:
    """A form as somebody fills it in."""
    fields = {
        "entry_id": "a" * 32,
        "title": "Teaching writing",
        "date": DAY,
        "minutes": "2",
        "form": "seminar",
        "session_starts": "14:00",
        "session_ends": "1530",
        "session_organiser": "Teaching office",
        "person": [str(rec) for rec in people],
    }
    return fields | changed


def hours(school: Node) -> list[dict[str, Any]]:
    return [dict(row) for row in school.query("SELECT * FROM hour ORDER BY rec")]


def seen_on(response: TestResponse) -> str:
    """What the page that asks carries as seen."""
    found = re.search(r'name="seen" value="([^"]+)"', response.text)
    assert found is not None
    return found[1]


def test_a_session_is_written_with_the_hours_of_everyone(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    response = admin.post("/session/", **typed(people[:3]))
    assert response.status_code == 303
    assert [(row["person"], row["minutes"]) for row in hours(school)] == [
        (rec, 120) for rec in people[:3]
    ]
    (session,) = school.query("SELECT * FROM session")
    assert (session["title"], session["starts"], session["ends"]) == (
        "Teaching writing",
        "14:00",
        "15:30",
    )
    assert (session["organiser"], session["expected"]) == ("Teaching office", 4)


def test_the_page_after_it_says_who_was_there_and_who_was_not(
    admin: Visitor, people: list[int]
) -> None:
    response = admin.post("/session/", **typed(people[:3]))
    text = admin.text(response.headers["Location"])
    assert "Teaching writing" in text
    assert "1 without hours: Chen Jing" in text


def test_who_came_late_gets_fewer_hours_and_a_note(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:2], **{f"hours-{people[1]}": "1.25"}))
    first, late = hours(school)
    assert (first["minutes"], first["note"]) == (120, None)
    assert (late["minutes"], late["note"]) == (75, "1.25 of 2 hours attended.")


def test_lecturers_have_hours_and_a_role_of_their_own(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    form = typed(people[:2], lecturer_hours="4", **{f"given-{people[0]}": "1"})
    admin.post("/session/", **form)
    assert [(row["role"], row["minutes"]) for row in hours(school)] == [
        ("given", 240),
        ("received", 120),
    ]
    assert school.query("SELECT lecturer FROM session")[0]["lecturer"] == "Li Ming"


def test_nothing_is_written_where_one_field_is_wrong(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    response = admin.post("/session/", **typed(people, **{f"hours-{people[2]}": "two"}))
    assert response.status_code == 422
    assert hours(school) == []
    assert school.query("SELECT * FROM session") == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"title": ""}, "", id="no title"),
        pytest.param({"minutes": "25"}, "do not have that many hours", id="25 hours"),
        pytest.param({"session_starts": "25:00"}, "is no time", id="no time"),
        pytest.param({"session_ends": "13:00"}, "not after the start", id="ends first"),
        pytest.param({"session_until": "2026-02-01"}, "before the first", id="last day first"),
        pytest.param({"session_until": "2026-09-01"}, "in a row at most", id="half a year"),
        pytest.param({"person": []}, "at least one person", id="nobody"),
        pytest.param({"date": "yesterday"}, "", id="no date"),
    ],
)
def test_a_wrong_value_is_told_and_the_rest_stays(
    admin: Visitor, school: Node, people: list[int], changed: dict[str, Any], said: str
) -> None:
    response = admin.post("/session/", **typed(people, **changed))
    assert response.status_code == 422
    assert said.lower() in plain(response.text).lower()
    assert 'value="Teaching office"' in response.text
    assert hours(school) == []


def test_hours_of_lecturers_are_read_where_there_is_one(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    wrong = typed(people[:1], lecturer_hours="x", **{f"given-{people[0]}": "1"})
    assert "is no number of hours" in plain(admin.post("/session/", **wrong).text)
    assert admin.post("/session/", **typed(people[:1], lecturer_hours="x")).status_code == 303


def test_an_hour_of_one_person_that_is_wrong_stands_beside_the_name(
    admin: Visitor, people: list[int]
) -> None:
    response = admin.post("/session/", **typed(people, **{f"hours-{people[2]}": "30"}))
    assert response.status_code == 422
    assert len(re.findall(r'<li class="wrong"', response.text)) == 1


def test_a_person_of_no_roster_is_not_written(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed([people[0], 999_999]))
    assert [row["person"] for row in hours(school)] == [people[0]]


# ---- what is asked about first


def test_an_overlap_is_shown_before_anything_is_saved(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:2]))
    second = typed(people[1:], title="Lesson planning", session_starts="15:00", session_ends="")
    asked = admin.post("/session/", **(second | {"entry_id": "b" * 32}))
    assert asked.status_code == 409
    assert "at the same time also in: 2026-02-25 14:00-15:30" in plain(asked.text)
    assert len(hours(school)) == 2


def test_what_was_seen_is_saved(admin: Visitor, school: Node, people: list[int]) -> None:
    admin.post("/session/", **typed(people[:2]))
    second = typed(people[1:], title="Lesson planning", entry_id="b" * 32)
    asked = admin.post("/session/", **second)
    assert admin.post("/session/", **second, seen=seen_on(asked)).status_code == 303
    assert len(hours(school)) == 5


def test_what_came_up_after_the_page_was_shown_is_asked_about_again(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:2]))
    second = typed(people[1:2], title="Lesson planning", entry_id="b" * 32)
    seen = seen_on(admin.post("/session/", **second))
    wider = second | {"person": [str(rec) for rec in people[:2]]}
    assert admin.post("/session/", **wider, seen=seen).status_code == 409


def test_the_others_are_saved_without_those_who_were_elsewhere(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:2]))
    second = typed(people[1:], title="Lesson planning", entry_id="b" * 32)
    assert admin.post("/session/", **second, without="1").status_code == 303
    assert [row["person"] for row in hours(school)[2:]] == people[2:]


def test_the_same_session_entered_again_is_asked_about(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:2]))
    again = typed(people, title="Teaching  writing", entry_id="b" * 32)
    asked = admin.post("/session/", **again)
    assert asked.status_code == 409
    assert "has hours of this session already" in plain(asked.text)


def test_who_was_forgotten_is_added_to_the_same_session(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:2]))
    assert admin.post("/session/", **typed(people[2:], entry_id="b" * 32)).status_code == 303
    assert len(school.query("SELECT * FROM session")) == 1
    assert len(hours(school)) == 4


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"date": "2026-03-09"}, "is yet to come", id="future"),
        pytest.param({"date": "2026-01-01"}, "is a public holiday", id="public holiday"),
        pytest.param({"minutes": "3"}, "more hours than from start to end", id="too many hours"),
        pytest.param(
            {"minutes": "10", "session_starts": "", "session_ends": ""},
            "rather many",
            id="10 hours",
        ),
    ],
)
def test_an_odd_day_is_asked_about(
    admin: Visitor, school: Node, people: list[int], changed: dict[str, str], said: str
) -> None:
    asked = admin.post("/session/", **typed(people[:1], **changed))
    assert asked.status_code == 409
    assert said in plain(asked.text).lower()
    assert hours(school) == []


def test_more_than_a_day_in_a_day_is_shown_with_its_sum(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    add_hour(school, RecordKey(school.home_scope_no, people[0]), date=DAY, minutes=1380)
    asked = admin.post("/session/", **typed(people[:1]))
    assert "25 hours on that day, more than 24" in plain(asked.text)


def test_the_script_gets_the_same_findings(admin: Visitor, school: Node, people: list[int]) -> None:
    admin.post("/session/", **typed(people[:2]))
    piece = admin.post("/session/check", **typed(people, entry_id="b" * 32))
    assert piece.status_code == 200
    assert "<html" not in piece.text
    assert f'data-people="{people[0]} {people[1]}"' in piece.text
    assert len(hours(school)) == 2


def test_nothing_to_look_at_is_said_by_nothing(admin: Visitor, people: list[int]) -> None:
    assert admin.post("/session/check", **typed(people)).text.strip() == ""


# ---- sent twice


def test_a_second_click_writes_nothing(admin: Visitor, school: Node, people: list[int]) -> None:
    for _ in range(2):
        assert admin.post("/session/", **typed(people)).status_code == 303
    assert len(hours(school)) == 4
    assert len(school.query("SELECT * FROM session")) == 1


def test_a_form_that_was_changed_after_saving_is_another_form(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:1]))
    assert admin.post("/session/", **typed(people[:2])).status_code == 409
    response = admin.post(
        "/session/", **typed(people[1:2], title="Reading aloud", date="2026-02-26")
    )
    assert response.status_code == 303
    assert [row["title"] for row in hours(school)] == ["Teaching writing", "Reading aloud"]


# ---- copies and drafts


def test_a_copy_has_the_words_the_people_and_the_weekday(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    form = typed(people[:3], lecturer_hours="4", **{f"given-{people[0]}": "1"})
    admin.post("/session/", **form)
    key = RecordKey(school.home_scope_no, hours(school)[1]["rec"])
    page = admin.get("/session/", like=school.public_id(key)).text
    assert 'value="Teaching writing"' in page
    assert len(re.findall(r'name="person" value="\d+" checked', page)) == 3
    assert f'name="given-{people[0]}" value="1" checked' in page
    for value in ('value="14:00"', 'value="15:30"', 'value="Teaching office"', 'value="4"'):
        assert value in page


def test_the_last_sessions_are_offered_to_copy(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people))
    text = admin.text("/session/")
    assert "Copy an earlier one: Teaching writing 2026-02-25 · 4 people" in text


def test_a_draft_is_what_the_page_opens_with(admin: Visitor, people: list[int]) -> None:
    form = typed(people[:2], **{f"hours-{people[1]}": "1"})
    assert admin.post("/session/draft", **form).status_code == 204
    page = admin.get("/session/").text
    assert "is back" in page
    assert 'value="Teaching writing"' in page
    assert f'name="hours-{people[1]}" value="1"' in page
    assert len(re.findall(r'name="person" value="\d+" checked', page)) == 2


def test_a_draft_holds_no_token_of_the_form(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/draft", **typed(people))
    (draft,) = Drafts(school.home, 1).list_all()
    assert "csrf" not in draft.body


def test_a_draft_that_is_dropped_can_be_taken_back(admin: Visitor, people: list[int]) -> None:
    admin.post("/session/draft", **typed(people))
    gone = admin.post("/session/discard", entry_id="a" * 32)
    page = admin.get(gone.headers["Location"]).text
    assert 'value="Teaching writing"' not in page
    back = re.search(r'href="(/session/\?draft=[^"]+)"', page)
    assert back is not None
    assert 'value="Teaching writing"' in admin.get(back[1]).text


def test_a_draft_is_gone_when_its_session_is_saved(admin: Visitor, people: list[int]) -> None:
    admin.post("/session/draft", **typed(people))
    admin.post("/session/", **typed(people))
    assert admin.post("/session/draft", **typed(people)).status_code == 409
    assert "is back" not in admin.text("/session/")


def test_nobody_sees_the_draft_of_another_account(
    app: Flask, admin: Visitor, people: list[int]
) -> None:
    admin.post("/session/draft", **typed(people))
    other = make_visitor(app, "registrar")
    assert 'value="Teaching writing"' not in other.get("/session/").text
    taken = other.get("/session/", draft="a" * 32).text
    assert 'value="Teaching writing"' not in taken


def test_a_copy_does_not_lose_the_draft(admin: Visitor, school: Node, people: list[int]) -> None:
    admin.post("/session/", **typed(people))
    admin.post("/session/draft", **typed(people, entry_id="b" * 32, title="Half done"))
    key = RecordKey(school.home_scope_no, hours(school)[0]["rec"])
    assert "Half done" in admin.text("/session/", like=school.public_id(key))


def test_what_is_typed_never_runs(admin: Visitor, people: list[int]) -> None:
    title = '"><script>alert(1)</script>'
    admin.post("/session/draft", **typed(people, title=title))
    assert "<script>alert" not in admin.get("/session/").text
    admin.post("/session/", **typed(people, title=title))
    piece = admin.post("/session/check", **typed(people, title=title, entry_id="b" * 32))
    assert "<script>alert" not in piece.text


# ---- claims


def claim(school: Node, person: int, **changed: object) -> RecordKey:
    fields: dict[str, object] = {"title": "Teaching of writing", "date": DAY, "minutes": 150}
    return add_hour(school, RecordKey(school.home_scope_no, person), **(fields | changed))


def test_a_claim_is_shown_and_replaced_by_the_hours_of_the_session(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    own = claim(school, people[0])
    asked = admin.post("/session/", **typed(people[:2]))
    assert "claimed this, not yet reviewed" in plain(asked.text)
    admin.post("/session/", **typed(people[:2]), seen=seen_on(asked))
    assert [row["corrects"] for row in hours(school)] == [None, own.rec, None]


def test_a_claim_is_kept_where_that_is_wanted(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    claim(school, people[0])
    asked = admin.post("/session/", **typed(people[:1]))
    admin.post("/session/", **typed(people[:1]), seen=seen_on(asked), keep="1")
    assert [row["corrects"] for row in hours(school)] == [None, None]


def test_claims_are_taken_over_by_the_session_they_are_like(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:2]))
    own = claim(school, people[2], date="2026-02-26")
    claim(school, people[3], title="Fire drill")
    text = admin.text("/session/claims/")
    assert "Zhao Wei" in text
    assert "Chen Jing" not in text
    name = school.public_id(own)
    assert admin.post("/session/claims/", record=name).status_code == 303
    last = hours(school)[-1]
    assert (last["title"], last["date"], last["minutes"], last["corrects"]) == (
        "Teaching writing",
        DAY,
        120,
        own.rec,
    )
    assert "There is no claim to compare" in admin.text("/session/claims/")


def test_a_claim_beside_hours_of_the_session_is_shown_and_not_taken(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people))
    own = claim(school, people[0])
    assert "probably double" in admin.text("/session/claims/")
    before = len(hours(school))
    admin.post("/session/claims/", record=school.public_id(own))
    assert len(hours(school)) == before


def test_claims_stand_on_pages_however_few_are_like_a_session(
    admin: Visitor, school: Node, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_claims, "_LOOKED", 1)
    monkeypatch.setattr(session_claims, "_LOOKED_MOST", 2)
    admin.post("/session/", **typed(people[:1]))
    claim(school, people[1], date="2026-02-26")
    for _ in range(2):
        claim(school, people[2], title="Fire drill", date="2026-02-27")
    page = admin.get("/session/claims/")
    assert "older ones may" in plain(page.text)
    (older,) = re.findall(r'href="(/session/claims/[?]after=[^"]+)"', page.text)
    assert "Teaching of writing" in admin.text(older)


# ---- elsewhere


def test_a_centre_is_offered_no_session(officer: Visitor, county: County) -> None:
    assert "/session/" not in officer.get("/").text
    assert officer.get("/session/").status_code != 200


def test_a_session_travels_to_the_centre(county: County, app: Flask, people: list[int]) -> None:
    visitor = make_visitor(app, "registrar")
    assert visitor.post("/session/", **typed(people)).status_code == 303
    county.carry_both_ways()
    assert len(county.centre.query("SELECT * FROM session")) == 1
    assert len(county.centre.query("SELECT * FROM hour")) == 4


@pytest.mark.parametrize("count", [200])
def test_a_large_roster_fits_into_the_page(admin: Visitor, school: Node, count: int) -> None:
    with school.write(actor="admin") as action:
        for number in range(count):
            action.insert("person", {"staff_no": f"T{number:04}", "name": f"Teacher {number}"})
    assert len(admin.get("/session/").data) < 100_000


def undo_on(response: TestResponse, admin: Visitor) -> TestResponse:
    """Press undo on the page that a saved form leads to."""
    page = admin.get(response.headers["Location"]).text
    (form_id,) = re.findall(r'name="entry_id" value="([0-9a-z]+)"', page)
    return admin.post("/session/undo", entry_id=form_id)


def test_a_saved_session_is_undone_and_its_form_comes_back(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    done = undo_on(admin.post("/session/", **typed(people[:3])), admin)
    rows = school.query("SELECT state, credited FROM hour")
    assert [(row["state"], row["credited"]) for row in rows] == [("withdrawn", 0)] * 3
    assert [row["deleted"] for row in school.query("SELECT deleted FROM session")] == [1]
    page = admin.get(done.headers["Location"]).text
    assert "Hours of 3 people withdrawn" in page
    assert 'value="Teaching writing"' in page
    # And saved again it is written again.
    (form_id,) = set(re.findall(r'name="entry_id" value="([0-9a-z]+)"', page))
    admin.post("/session/", **typed(people[:2], entry_id=form_id))
    states = [row["state"] for row in school.query("SELECT state FROM hour ORDER BY rec")]
    assert states == ["withdrawn"] * 3 + ["pending"] * 2


def test_undo_pressed_twice_does_nothing_more(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    response = admin.post("/session/", **typed(people[:2], entry_id="f1"))
    undo_on(response, admin)
    assert "Nothing to undo" in admin.text(
        admin.post("/session/undo", entry_id="f1").headers["Location"]
    )
    assert len(school.query("SELECT * FROM checking")) == 2


def test_what_the_county_judged_is_not_undone(
    admin: Visitor, county: County, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:2], entry_id="f1"))
    county.carry_both_ways()
    judged = RecordKey(*county.centre.query("SELECT scope_no, rec FROM hour LIMIT 1")[0])
    with county.centre.write(actor="officer") as action:
        action.judge("hour", judged, "approve")
    county.carry_both_ways()
    admin.post("/session/undo", entry_id="f1")
    states = sorted(row["state"] for row in school.query("SELECT state FROM hour"))
    assert states == ["approved", "withdrawn"]
    # The session still has hours.
    assert [row["deleted"] for row in school.query("SELECT deleted FROM session")] == [0]


def test_nobody_undoes_what_another_account_saved(
    app: Flask, admin: Visitor, school: Node, people: list[int]
) -> None:
    admin.post("/session/", **typed(people[:2], entry_id="f1"))
    registrar = make_visitor(app, "registrar")
    assert registrar.post("/session/undo", entry_id="f1").status_code == 404
    assert school.query("SELECT * FROM checking") == []


def test_who_left_lately_is_ticked_for_a_session_of_before(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    scope_no = school.home_scope_no
    with school.write(actor="admin") as action:
        for rec, day in ((people[3], "2026-02-27"), (people[2], "2024-01-01")):
            action.set("person", RecordKey(scope_no, rec), {"active": False, "left_on": day})
    page = admin.get("/session/").text
    assert re.findall(r'data-left value="(\d+)"', page) == [str(people[3])]
    before = typed([people[0], people[3]], date="2026-02-20")
    assert admin.post("/session/", **before).status_code == 303
    held = school.query("SELECT person FROM hour ORDER BY rec")
    assert [row["person"] for row in held] == [people[0], people[3]]


def test_who_left_before_a_session_is_asked_about(
    admin: Visitor, school: Node, people: list[int]
) -> None:
    with school.write(actor="admin") as action:
        key = RecordKey(school.home_scope_no, people[3])
        action.set("person", key, {"active": False, "left_on": "2026-02-02"})
    answer = admin.post("/session/", **typed([people[3]], date="2026-02-20"))
    assert answer.status_code == 409
    assert "2026-02-02" in answer.text
    assert "data-left" in answer.text
