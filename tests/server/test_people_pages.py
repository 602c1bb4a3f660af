"""The roster's pages: search, order, temporary and lifelong numbers, staff changes, namesakes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.server.conftest import County
from tests.server.nodes import add_hour
from tests.server.pages import Visitor, accounts_of, make_visitor, plain
from tests.server.walks.shipped_county import County as Shipped
from tests.server.walks.shipped_county import Record, make_county
from xueshi_server.store.name_keys import FILE_NAME, find_keys
from xueshi_server.store.people import PersonFilter, list_people
from xueshi_server.web import create_app
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

PEOPLE = [
    ("5101001", "张三丰", "1", "1979-05-04"),
    ("5101002", "王芳", "2", "1985-03-12"),
    ("5101003", "单晓燕", "2", "1991-01-30"),
    ("5101004", "王芳", "2", "1990-11-02"),
    ("5101005", "丁一", "1", "1988-08-08"),
    ("5101006", "阿依古丽・买买提", "2", "1993-06-01"),
    ("5101007", "𠮷明远", "1", "1982-02-14"),
]


@pytest.fixture
def people(school: Node) -> list[RecordKey]:
    """Seven invented people in no order of the roster."""
    with school.write(actor="admin") as action:
        return [
            action.insert(
                "person",
                {"staff_no": no, "name": name, "sex": sex, "born_on": born, "active": True},
            )
            for no, name, sex, born in PEOPLE
        ]


def names_on(page: str) -> list[str]:
    return re.findall(r'<td class="title"><a [^>]*>([^<]+)</a>', page)


def row_of(node: Node, key: RecordKey) -> dict[str, object]:
    return dict(node.query("SELECT * FROM person WHERE scope_no = ? AND rec = ?", [*key])[0])


# ---- the list


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("zsf", ["张三丰"]),
        ("三丰", ["张三丰"]),
        ("wangfang", ["王芳", "王芳"]),
        ("阿依古丽·买买提", ["阿依古丽・买买提"]),
        ("阿依古丽买买提", ["阿依古丽・买买提"]),
        ("𠮷", ["𠮷明远"]),
        ("01005", ["丁一"]),
        ("nobody", []),
    ],
)
def test_people_are_found_by_name_letters_and_number(
    admin: Visitor, people: list[RecordKey], typed: str, found: list[str]
) -> None:
    assert names_on(admin.get("/people/", q=typed).text) == found


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("roster", ["张三丰", "王芳"]),
        ("strokes", ["丁一", "王芳"]),
        ("pinyin", ["阿依古丽・买买提", "丁一"]),
    ],
)
def test_the_order_is_remembered(
    admin: Visitor, people: list[RecordKey], order: str, first: list[str]
) -> None:
    assert names_on(admin.get("/people/", order=order).text)[:2] == first
    assert names_on(admin.get("/people/").text)[:2] == first


def test_every_order_pages_without_loss_or_repeat(school: Node, people: list[RecordKey]) -> None:
    for order in ("number", "roster", "strokes", "pinyin"):
        seen, after = [], None
        while rows := list_people(school, PersonFilter(order=order, after=after), limit=2):
            seen += [row["rec"] for row in rows]
            after = (rows[-1]["sort_value"], rows[-1]["scope_no"], rows[-1]["rec"])
        assert sorted(seen) == sorted(key.rec for key in people), order


def test_namesakes_show_sex_and_month_of_birth(admin: Visitor, people: list[RecordKey]) -> None:
    assert re.findall(r'<span class="apart">([^<]+)<', admin.get("/people/").text) == [
        "Female 1985-03",
        "Female 1990-11",
    ]
    session = admin.get("/session/").text
    assert session.count('<span class="apart">Female') == 2


def test_a_page_of_an_order_by_place_needs_no_keys_of_names(
    admin: Visitor, school: Node, people: list[RecordKey]
) -> None:
    admin.get("/people/")
    assert not (school.home / FILE_NAME).exists()


def test_a_spoilt_cache_of_names_is_made_anew(
    admin: Visitor, school: Node, people: list[RecordKey]
) -> None:
    admin.get("/people/", q="zsf")
    (school.home / FILE_NAME).write_bytes(b"no database " * 100)
    assert names_on(admin.get("/people/", q="zsf").text) == ["张三丰"]
    assert find_keys(school, ["王芳"])["王芳"].reading.startswith("wang")


# ---- the form


def test_a_person_without_a_number_gets_a_temporary_one(admin: Visitor, school: Node) -> None:
    for _ in range(2):
        assert admin.post("/people/new", name="吐尔逊．阿不都").status_code == 303
    rows = school.query("SELECT staff_no, name FROM person ORDER BY staff_no")
    assert [re.sub("-[A-Z2-7]{5}-", "-x-", row["staff_no"]) for row in rows] == [
        "T-S1-x-1",
        "T-S1-x-2",
    ]
    assert {row["name"] for row in rows} == {"吐尔逊·阿不都"}


def test_the_same_form_sent_twice_adds_one_person(admin: Visitor, school: Node) -> None:
    for _ in range(2):
        admin.post("/people/new", name="丁一", entry_id="once")
    assert len(school.query("SELECT * FROM person")) == 1


def test_a_number_of_somebody_else_is_refused_with_the_name(
    admin: Visitor, people: list[RecordKey]
) -> None:
    answer = admin.post("/people/new", name="丁二", staff_no="5101005")
    assert answer.status_code == 422
    assert "丁一" in answer.text
    assert 'value="丁二"' in answer.text


def test_a_number_that_is_changed_stays_as_a_former_one(
    admin: Visitor, school: Node, people: list[RecordKey]
) -> None:
    name = school.public_id(people[4])
    admin.post(f"/people/{name}/edit", name="丁一", staff_no="5109999", active="1")
    row = row_of(school, people[4])
    assert (row["staff_no"], row["former_no"], row["active"]) == ("5109999", "5101005", 1)
    assert names_on(admin.get("/people/", q="5101005").text) == ["丁一"]


# ---- the lifelong number


@pytest.fixture
def newcomer(admin: Visitor, school: Node) -> RecordKey:
    """Somebody with a temporary number."""
    admin.post("/people/new", name="龙䶮")
    row = school.query("SELECT scope_no, rec FROM person WHERE name = ?", ["龙䶮"])[0]
    return RecordKey(*row)


def test_the_lifelong_number_is_set_once_and_hours_stay(
    admin: Visitor, school: Node, newcomer: RecordKey
) -> None:
    hour = add_hour(school, newcomer)
    name, old = school.public_id(newcomer), row_of(school, newcomer)["staff_no"]
    assert admin.post(f"/people/{name}/number", staff_no=" 5102222 ").status_code == 303
    row = row_of(school, newcomer)
    assert (row["staff_no"], row["former_no"]) == ("5102222", old)
    assert admin.post(f"/people/{name}/number", staff_no="5103333").status_code == 422
    assert school.query("SELECT person FROM hour WHERE rec = ?", [hour.rec])[0][0] == newcomer.rec


@pytest.mark.parametrize(
    ("number", "said"),
    [
        pytest.param("5101002", "王芳", id="of-somebody-else"),
        pytest.param("", "fill", id="empty"),
        pytest.param("T-S1-ABCDE-7", "temporary", id="temporary"),
        pytest.param("9" * 41, "40", id="too-long"),
    ],
)
def test_a_number_that_cannot_be_is_said_beside_the_field(
    admin: Visitor, school: Node, people: list[RecordKey], newcomer: RecordKey, *,
    number: str, said: str,
) -> None:  # fmt: skip
    answer = admin.post(f"/people/{school.public_id(newcomer)}/number", staff_no=number)
    assert answer.status_code == 422
    fault = re.search(r'id="e-staff_no">([^<]+)<', answer.text)
    assert fault is not None
    assert said in fault[1] or said == "fill"


def test_one_person_in_two_schools_keeps_the_number(
    county: County, officer: Visitor, admin: Visitor
) -> None:
    other = county.world.make("school", "Other School", "S2")
    county.world.join(county.centre, other, "Other School", "S2")
    with other.write(actor="admin") as action:
        action.insert("person", {"staff_no": "77", "name": "丁一", "active": True})
    county.world.carry(other, county.centre, to=None)
    home = county.centre.query("SELECT scope_no FROM scope WHERE code = 'S1'")[0][0]
    form = {"scope": str(home), "staff_no": "77"}
    assert officer.post("/people/new", **form, name="卜二").status_code == 422
    assert officer.post("/people/new", **form, name="丁一").status_code == 303


def test_the_teacher_logs_in_by_the_new_number(
    app: Flask, admin: Visitor, school: Node, newcomer: RecordKey
) -> None:
    old, name = str(row_of(school, newcomer)["staff_no"]), school.public_id(newcomer)
    admin.post("/accounts/codes", person=name)
    assert old.lower() in [each.login for each in accounts_of(app).list_all()]
    admin.post(f"/people/{name}/number", staff_no="5102222")
    admin.post(f"/people/{name}/edit", name="龙䶮", staff_no="5102223")
    logins = [each.login for each in accounts_of(app).list_all()]
    assert ("5102223" in logins, old.lower() in logins) == (True, False)


# ---- staff changes


Move = Callable[..., object]


@pytest.fixture
def move(admin: Visitor, school: Node, people: list[RecordKey]) -> Move:
    """Record a change of the first person."""
    path = f"/people/{school.public_id(people[0])}/moves"
    return lambda kind, date, **more: admin.post(path, kind=kind, date=date, **more).status_code


def test_who_leaves_is_on_no_roster_and_in_the_list_of_those_who_left(
    admin: Visitor, school: Node, people: list[RecordKey], move: Move
) -> None:
    assert move("transfer_out", "2026-03-01", place="县第二小学") == 303
    assert "张三丰" not in names_on(admin.get("/people/").text)
    gone = admin.get("/people/", at="gone").text
    assert names_on(gone) == ["张三丰"]
    assert "县第二小学" in gone
    # For a session of before there is a list of its own, below the roster.
    roster, left = admin.get("/session/").text.split('<ul class="left">')
    assert "张三丰" not in roster
    assert "张三丰" in left
    row = row_of(school, people[0])
    assert (row["left_on"], row["active"]) == ("2026-03-01", 0)


def test_who_will_leave_is_here_until_then(
    admin: Visitor, people: list[RecordKey], move: Move
) -> None:
    assert move("retire", "2026-08-31") == 303
    assert "张三丰" in names_on(admin.get("/people/").text)


def test_who_was_lent_comes_back_and_both_are_told(
    admin: Visitor, school: Node, people: list[RecordKey], move: Move
) -> None:
    assert (move("second", "2026-02-01"), move("return", "2026-03-01")) == (303, 303)
    page = plain(admin.get(f"/people/{school.public_id(people[0])}").text)
    assert "2026-03-01 Came back" in page
    assert "2026-02-01 Lent elsewhere" in page
    assert row_of(school, people[0])["left_on"] is None


def test_the_last_change_is_undone_and_no_other(
    admin: Visitor, school: Node, people: list[RecordKey], move: Move
) -> None:
    move("second", "2026-02-01")
    move("return", "2026-03-01")
    path = f"/people/{school.public_id(people[0])}/moves"
    first, last = school.query("SELECT scope_no, rec FROM person_move ORDER BY date")
    admin.post(f"{path}/{school.public_id(RecordKey(*first))}/undo")
    assert row_of(school, people[0])["left_on"] is None
    admin.post(f"{path}/{school.public_id(RecordKey(*last))}/undo")
    assert row_of(school, people[0])["left_on"] == "2026-02-01"


@pytest.mark.parametrize(
    ("kind", "date", "field"),
    [
        pytest.param("return", "2026-03-01", "kind", id="nobody-was-away"),
        pytest.param("", "2026-03-01", "kind", id="no-kind"),
        pytest.param("retire", "", "date", id="no-day"),
        pytest.param("retire", "2026-02-31", "date", id="no-such-day"),
    ],
)
def test_a_wrong_change_is_said_beside_its_field(
    admin: Visitor, school: Node, people: list[RecordKey], *, kind: str, date: str, field: str
) -> None:
    path = f"/people/{school.public_id(people[0])}/moves"
    answer = admin.post(path, kind=kind, date=date, place="县第二小学")
    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    assert 'value="县第二小学"' in answer.text


def test_nobody_leaves_before_having_come(
    admin: Visitor, school: Node, people: list[RecordKey], move: Move
) -> None:
    assert move("hired", "2025-09-01") == 303
    assert move("retire", "2025-08-31") == 422
    assert row_of(school, people[0])["left_on"] is None


# ---- the order of the roster


def test_places_are_kept_and_numbered_again(
    admin: Visitor, school: Node, people: list[RecordKey]
) -> None:
    typed = {f"no-{key.rec}": str(place) for place, key in enumerate(people, start=1)}
    admin.post("/people/order", **typed)
    assert names_on(admin.get("/people/").text)[0] == "张三丰"
    admin.post("/people/order", **(typed | {f"no-{people[4].rec}": "1"}), number="1")
    rows = school.query("SELECT name, roster_no FROM person ORDER BY roster_no")
    assert [(row["name"], row["roster_no"]) for row in rows][:3] == [
        ("丁一", 1),
        ("张三丰", 2),
        ("王芳", 3),
    ]


def test_a_place_that_is_no_number_is_said_beside_the_name(
    admin: Visitor, people: list[RecordKey]
) -> None:
    answer = admin.post("/people/order", **{f"no-{people[1].rec}": "x", f"no-{people[0].rec}": "3"})
    assert answer.status_code == 422
    assert f'id="e-no-{people[1].rec}"' in answer.text
    assert 'value="3"' in answer.text


# ---- records that name a person by number


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[tuple[Shipped, Record, Record]]:
    """A county whose centre keeps a studio of somebody with a temporary number."""
    with make_county(tmp_path, "jiyuan") as shipped:
        person = shipped.enter("person", staff_no="T-S1-ABCDE-1", name="龙䶮", active=True)
        kept = shipped.enter("studio", name="语文工作室", host="T-S1-ABCDE-1")
        yield shipped, person, kept


def host_of(shipped: Shipped) -> str:
    return str(shipped.centre.query("SELECT host FROM studio")[0]["host"])


def test_a_number_given_at_the_centre_changes_what_names_the_person(
    studio: tuple[Shipped, Record, Record],
) -> None:
    shipped, person, _ = studio
    shipped._turn(False)
    desk = make_visitor(create_app(shipped.centre, testing=True), "admin")
    assert desk.post(f"/people/{person.name}/number", staff_no="5102222").status_code == 303
    assert host_of(shipped) == "5102222"


def test_a_number_given_at_the_school_is_led_on_at_the_centre(
    studio: tuple[Shipped, Record, Record],
) -> None:
    shipped, person, kept = studio
    shipped._turn(True)
    school = make_visitor(create_app(shipped.school, testing=True), "admin")
    assert school.post(f"/people/{person.name}/number", staff_no="5102222").status_code == 303
    shipped._turn(False)
    desk = make_visitor(create_app(shipped.centre, testing=True), "admin")
    assert "龙䶮" in desk.text(f"/records/studio/{kept.name}")
    assert "still carry a former number: 1" in desk.text(f"/people/{person.name}")
    desk.post(f"/people/{person.name}/references")
    assert host_of(shipped) == "5102222"
    assert "former number: " not in desk.text(f"/people/{person.name}")


@pytest.mark.parametrize("path", ["/people/", "/requirements/", "/records/hour/", "/library/"])
def test_an_id_number_that_somebody_looks_for_does_not_stay_in_the_address(
    app: Flask, path: str
) -> None:
    registrar = make_visitor(app, "registrar")
    answer = registrar.get(path, q="11010519491231002X", order="name")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{path}?order=name&done=noid"
    page = registrar.get(answer.headers["Location"]).text
    assert "only its last four characters are here" in page
    pattern = re.search(r'name="q"[^>]* pattern="([^"]+)"', page)
    assert pattern is not None
    for text, is_sent in (
        ("11010519491231002X", False), ("110105 1949-1231 002X", False), ("王秀英", True),
        ("１１０１０５１９４９１２３１００２Ｘ", False), ("T-2026-001", True),
        ("13812345678", True),
    ):  # fmt: skip
        assert bool(re.fullmatch(pattern[1], text)) is is_sent, text
