"""A school looks at its hours before the county judges them: what waits, what was said, who reads
it."""

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import World, add_hour, add_person
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.record_types import BASE_PACK
from xueshi_server.store.checking import condition, read_unchecked
from xueshi_server.store.hours import list_checkings
from xueshi_server.store.versions import read_mark
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

HOUR = BASE_PACK.types["hour"]
FIELDS = {
    "date": "2026-03-01", "form": "seminar", "category": "ethics", "note": "", "recorded_by": "t1",
}  # fmt: skip


@pytest.fixture
def person(school: Node) -> RecordKey:
    return add_person(school)


@pytest.fixture
def head(app: Flask) -> Visitor:
    return make_visitor(app, "principal")


def add_claim(node: Node, person: RecordKey, title: str, minutes: int = 90) -> RecordKey:
    """An hour that the teacher claimed: it stands under the own number."""
    with node.write(actor="t1") as action:
        fields = FIELDS | {"person": person.rec, "title": title, "minutes": minutes}
        return action.insert("hour", fields)


def say(visitor: Visitor, node: Node, verdict: str, *keys: RecordKey, **more: object) -> int:
    names = [node.public_id(key) for key in keys]
    seen = [f"{name}:{read_mark(node, HOUR, node.find_record(name))}" for name in names]
    answer = visitor.post("/review/", record=names, seen=seen, verdict=verdict, **more)
    return int(answer.status_code)


def states(node: Node) -> dict[str, str]:
    return {row["title"]: row["state"] for row in node.query("SELECT title, state FROM hour")}


def words_of(visitor: Visitor, path: str) -> str:
    return " ".join(plain(visitor.get(path).text).split())


def test_claims_of_teachers_stand_before_what_the_registrar_entered(
    school: Node, head: Visitor, person: RecordKey
) -> None:
    add_claim(school, person, "A claim")
    add_hour(school, person, title="An entry", date="2026-03-02")
    text = words_of(head, "/review/")
    assert text.index("A claim") < text.index("An entry")
    assert "To check 2" in text


def test_what_was_passed_or_corrected_waits_no_more(school: Node, person: RecordKey) -> None:
    first, second = (add_claim(school, person, title) for title in ("One", "Two"))
    add_hour(school, person, title="One", corrects=first.rec)
    with school.write(actor="head") as action:
        action.check("hour", second, "pass")
    found = read_unchecked(school)
    assert (found.claims, found.entries, found.passed) == ((), 1, 1)


def test_a_batch_is_passed_and_taken_back(school: Node, head: Visitor, person: RecordKey) -> None:
    keys = [add_claim(school, person, title) for title in ("One", "Two")]
    assert say(head, school, "pass", *keys) == 303
    assert words_of(head, "/review/?state=sent").count("Passed by the school") == 2
    assert say(head, school, "back", keys[0]) == 303
    assert len(read_unchecked(school).claims) == 1
    assert states(school) == {"One": "pending", "Two": "pending"}


def test_a_return_needs_a_reason_and_a_ticked_one_will_do(
    school: Node, head: Visitor, person: RecordKey
) -> None:
    key = add_claim(school, person, "One")
    assert say(head, school, "return", key) == 422
    assert say(head, school, "return", key, usual=["twice", "unclear"], reason="See May") == 303
    reason = list_checkings(school, *key)[0]["reason"]
    assert reason.startswith("The same as another record; Unclear")
    assert reason.endswith("; See May")
    assert states(school) == {"One": "returned"}


def test_the_button_of_a_row_is_about_that_row_alone(
    school: Node, head: Visitor, person: RecordKey
) -> None:
    keys = [add_claim(school, person, title) for title in ("One", "Two")]
    names = [school.public_id(key) for key in keys]
    seen = [f"{name}:{read_mark(school, HOUR, school.find_record(name))}" for name in names]
    head.post("/review/", record=names, seen=seen, one=f"return:{names[1]}", reason="No")
    assert states(school) == {"One": "pending", "Two": "returned"}


def test_nothing_is_checked_that_was_not_looked_at(
    school: Node, head: Visitor, person: RecordKey
) -> None:
    name = school.public_id(add_claim(school, person, "One"))
    assert head.post("/review/", record=[name], verdict="pass").status_code == 409
    seen = f"{name}:{read_mark(school, HOUR, school.find_record(name))}"
    add_hour(school, person, title="One", corrects=school.find_record(name).rec, note="Half of it")
    answer = head.post("/review/", record=[name], seen=[seen], verdict="pass")
    assert answer.status_code == 409
    assert "Half of it" in plain(answer.text)
    assert school.query("SELECT * FROM checking") == []


def test_what_was_judged_is_checked_no_more(
    county: County, head: Visitor, person: RecordKey
) -> None:
    key = add_claim(county.school, person, "One")
    county.carry_both_ways()
    name = county.school.public_id(key)
    with county.centre.write(actor="officer") as action:
        action.judge("hour", county.centre.find_record(name), "approve")
    county.carry_both_ways()
    assert say(head, county.school, "return", county.school.find_record(name), reason="No") == 409


def test_a_returned_record_says_who_when_and_why_and_counts_nowhere(
    county: County, head: Visitor, officer: Visitor, person: RecordKey
) -> None:
    key = add_claim(county.school, person, "One")
    say(head, county.school, "return", key, reason="Which day was it?")
    county.carry_both_ways()
    name = county.school.public_id(key)
    for visitor, path in ((head, f"/hours/{name}"), (head, "/hours/"), (officer, "/hours/")):
        text = words_of(visitor, path)
        assert "Which day was it?" in text
        assert "principal ·" in text
    assert "Which day was it?" not in words_of(officer, "/review/")


def test_both_versions_of_a_correction_are_shown(
    school: Node, head: Visitor, person: RecordKey
) -> None:
    key = add_claim(school, person, "One", minutes=180)
    add_hour(school, person, title="One", minutes=240, corrects=key.rec, note="An hour was missing")
    assert "3 → 4 · because: An hour was missing" in words_of(head, "/review/")


def test_doubles_and_impossible_days_are_told_beside_the_record(
    school: Node, head: Visitor, person: RecordKey
) -> None:
    add_claim(school, person, "Reading circle", minutes=15 * 60)
    add_hour(school, person, title="Reading circle", minutes=60)
    add_hour(school, person, title="Maths", minutes=12 * 60)
    text = words_of(head, "/review/")
    assert "probably the same as another record: 2026-03-01 “Reading circle”, 1 hours" in text
    assert "hours on that day, more than 24" in text


def test_overlapping_sessions_are_told(school: Node, head: Visitor, person: RecordKey) -> None:
    for title, starts in (("Reading", "09:00"), ("Maths", "09:30")):
        with school.write(actor="admin") as action:
            held = {"title": title, "date": "2026-03-01", "starts": starts, "ends": "11:00"}
            action.insert("session", held)
        add_hour(school, person, title=title, minutes=60)
    assert "at the same time also in: 2026-03-01 09:30-11:00 “Maths”" in words_of(head, "/review/")


def test_the_county_sees_what_a_school_passed_and_unchecked_claims_last(
    county: County, head: Visitor, officer: Visitor, person: RecordKey
) -> None:
    passed = add_claim(county.school, person, "Passed claim")
    add_claim(county.school, person, "Bare claim")
    add_hour(county.school, person, title="An entry", date="2026-01-01")
    say(head, county.school, "pass", passed)
    county.carry_both_ways()
    text = words_of(officer, "/review/")
    assert text.index("Passed claim") < text.index("An entry") < text.index("Bare claim")
    for queue, title in (("passed", "Passed claim"), ("entry", "An entry"), ("claim", "Bare")):
        listed = words_of(officer, f"/review/?state={queue}")
        assert [each for each in ("Passed c", "An entry", "Bare c") if each in listed] == [
            each for each in ("Passed c", "An entry", "Bare c") if title[:6] in each
        ]


def test_pages_of_a_queue_go_on_from_one_part_to_the_next(
    school: Node, head: Visitor, person: RecordKey
) -> None:
    with school.write(actor="t1") as action:
        for number in range(49):
            values = FIELDS | {"person": person.rec, "title": f"C{number}.", "minutes": 60}
            action.insert("hour", values)
    with school.write(actor="admin") as action:
        for number in range(3):
            values = FIELDS | {"person": person.rec, "title": f"E{number}.", "minutes": 60}
            action.insert("hour", values)
    first = head.get("/review/").text
    more = first.split('class="more"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    second = head.get(more).text
    assert [f'Li Ming E{number}."' in first for number in range(3)] == [False, False, True]
    assert [f'Li Ming E{number}."' in second for number in range(3)] == [True, True, False]
    assert 'Li Ming C48."' not in second
    assert len(first) < 100_000


def test_a_former_number_still_makes_a_claim_ones_own(world: World) -> None:
    school = world.make("school", "Valley School", "S9")
    with school.write(actor="admin") as action:
        values = {"staff_no": "51001", "name": "Wang Fang", "active": True, "former_no": "T-1|t1"}
        person = action.insert("person", values)
    add_claim(school, person, "One")
    assert len(read_unchecked(school).claims) == 1


def test_the_principals_page_says_what_waits(
    app: Flask, school: Node, head: Visitor, person: RecordKey
) -> None:
    assert "No hours wait to be checked" in words_of(head, "/principal/")
    add_claim(school, person, "One")
    add_hour(school, person, title="Two")
    text = words_of(head, "/principal/")
    assert "1 hours that teachers claimed" in text
    assert "1 hours that the registrar entered" in text


def test_a_registrar_checks_nothing(app: Flask, school: Node, person: RecordKey) -> None:
    key = add_claim(school, person, "One")
    registrar = make_visitor(app, "registrar")
    assert registrar.get("/review/").status_code == 403
    assert say(registrar, school, "pass", key) == 403
    assert "/review/" not in registrar.get("/principal/").text


def test_fewer_hours_are_offered_taken_over_and_approved_with_both_on_record(
    app: Flask, county: County, officer: Visitor, person: RecordKey
) -> None:
    keys = [add_claim(county.school, person, title, minutes=180) for title in ("One", "Two")]
    county.carry_both_ways()
    names = [county.school.public_id(key) for key in keys]
    for name, spoken in zip(names, ("zh", "en"), strict=True):
        officer.client.set_cookie("xueshi_lang", spoken)
        offered = {"record": name, "verdict": "less", "granted": "2", "reason": "Half: 1 (of 2)"}
        assert officer.post("/review/", **offered).status_code == 303
    county.carry_both_ways()
    registrar = make_visitor(app, "registrar")
    for name in names:
        assert "would grant 2 of 3 hours: Half: 1 (of 2)" in words_of(registrar, f"/hours/{name}")
        answers = [registrar.post(f"/hours/{name}/accept").status_code for _ in range(2)]
        assert answers == [303, 404]
    county.carry_both_ways()
    assert words_of(officer, "/review/").count("3 → 2 · because: Half: 1 (of 2)") == 2
    assert "Of 3 hours claimed 2 can be granted" in words_of(officer, f"/hours/{names[1]}")


def test_hours_that_are_not_fewer_are_told_beside_the_field(
    county: County, officer: Visitor, person: RecordKey
) -> None:
    key = add_claim(county.school, person, "One", minutes=180)
    county.carry_both_ways()
    given = {"record": county.school.public_id(key), "verdict": "less", "reason": "Kept"}
    for granted in ("", "3", "4", "0", "-1", "1.1", "x", "9" * 400):
        answer = officer.post("/review/", **given, granted=granted)
        assert answer.status_code == 422, granted
        assert 'id="e-granted"' in answer.text, granted
        assert 'value="Kept"' in answer.text, granted
    assert county.centre.query("SELECT * FROM judgement") == []


def test_a_school_grants_nothing(school: Node, head: Visitor, person: RecordKey) -> None:
    name = school.public_id(add_claim(school, person, "One", minutes=180))
    answer = head.post("/review/", record=name, verdict="less", granted="2", reason="No")
    assert answer.status_code == 400


def test_what_was_corrected_is_found_by_its_index(school: Node) -> None:
    """By the key of the table alone, 20,000 waiting hours took a minute and a half."""
    wanted = condition(school, "to_check")
    plan = school.query(
        f"EXPLAIN QUERY PLAN SELECT 1 FROM hour x WHERE x.scope_no = 1 AND {wanted}"
    )
    assert any("hour_corrects" in row["detail"] for row in plan)


def test_the_first_page_counts_what_is_to_be_checked_and_what_came_back(
    app: Flask, school: Node, head: Visitor, person: RecordKey
) -> None:
    keys = [add_claim(school, person, title) for title in ("One", "Two", "Three")]
    with school.write(actor="head") as action:
        action.check("hour", keys[0], "pass")
        action.check("hour", keys[1], "return", reason="No list")
    assert "1 waiting for a check" in words_of(head, "/")
    assert "1 returned by the school, please correct" in words_of(
        make_visitor(app, "registrar"), "/"
    )
