"""Pages of every record type, made from the declaration: lists, entry, review, steps."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.every_type import fill_county
from tests.server.pages import Visitor, make_visitor, plain
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.store.contributions import CONTRIBUTION
from xueshi_server.store.records import BESIDE, STEP
from xueshi_server.web import create_app
from xueshi_sync.node import Node

PACKS = ("jiyuan", "chongqing", "mianzhu", "qinggang", "township-primary")
ETHICS = {"date": "2026-02-20", "grade": "合格", "assessor": "师德考核小组"}


class Offices:
    """Browsers at the school and at the centre of one county."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.keys = fill_county(county)
        self.desk = make_visitor(create_app(county.centre, testing=True), "admin")
        self.school = make_visitor(create_app(county.school, testing=True), "admin")

    def name(self, of: str, place: int = 0) -> str:
        return self.county.centre.public_id(self.keys[of][place])

    def at_school(self) -> Visitor:
        self.county._turn(True)
        return self.school

    def at_centre(self) -> Visitor:
        self.county._turn(False)
        return self.desk


@pytest.fixture(scope="module", params=PACKS)
def every(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Offices]:
    with make_county(tmp_path_factory.mktemp("records"), request.param) as county:
        yield Offices(county)


@pytest.fixture
def jiyuan(tmp_path: Any) -> Iterator[Offices]:
    with make_county(tmp_path, "jiyuan") as county:
        yield Offices(county)


def rows_of(node: Node, of: str) -> list[Any]:
    return node.query(f'SELECT * FROM "{of}" ORDER BY scope_no, rec')


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_type_of_a_pack_has_its_pages(every: Offices, language: str) -> None:
    desk = every.at_centre()
    for of, declared in every.county.pack.types.items():
        if of in BESIDE:
            continue
        for path in (f"/records/{of}/", f"/records/{of}/{every.name(of)}"):
            answer = desk.get(path, lang=language)
            assert answer.status_code == 200, (path, plain(answer.text)[:300])
        if declared.judges and "centre" in declared.judges:
            assert desk.get(f"/records/{of}/review", lang=language).status_code == 200, of
        writer = desk if "centre" in declared.writers else every.at_school()
        # What goes with a file has a page of its own.
        opens = 302 if of == CONTRIBUTION else 200
        assert writer.get(f"/records/{of}/new", lang=language).status_code == opens, of


def test_an_edit_page_saved_as_it_is_changes_nothing(every: Offices) -> None:
    for of, declared in every.county.pack.types.items():
        if declared.kind != "register" or "centre" not in declared.writers:
            continue
        desk, path = every.at_centre(), f"/records/{of}/{every.name(of)}/edit"
        before = [dict(row) for row in rows_of(every.county.centre, of)]
        answer = desk.post(path, **form_of(desk.get(path).text))
        assert answer.status_code == 303, (of, plain(answer.text)[:600])
        assert [dict(row) for row in rows_of(every.county.centre, of)] == before, of


def form_of(page: str) -> dict[str, Any]:
    """What a browser would send of the entry form of a page."""
    form = page.split('<form method="post" class="card">')[1].split("</form>")[0]
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name is None or ('type="checkbox"' in tag and " checked" not in tag):
            continue
        text = html.unescape(value[1]) if value else ""
        if 'type="checkbox"' in tag:
            fields.setdefault(name[1], []).append(text)
        else:
            fields[name[1]] = text
    for name, body in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', body)
        fields[name] = chosen[1] if chosen else ""
    for name, body in re.findall(
        r'<textarea [^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S
    ):
        fields[name] = html.unescape(body)
    fields.pop("csrf", None)
    return fields


def test_a_record_is_entered_from_its_form_by_staff_number(jiyuan: Offices) -> None:
    school = jiyuan.at_school()
    count = len(rows_of(jiyuan.county.school, "ethics"))
    answer = school.post("/records/ethics/new", **ETHICS, person="S0001", entry_id="one")
    assert answer.status_code == 303, plain(answer.text)
    assert len(rows_of(jiyuan.county.school, "ethics")) == count + 1
    text = school.text(answer.headers["Location"].split("?")[0], lang="zh")
    assert "卢建设" in text
    assert "师德考核小组" in text


def test_sending_an_entry_form_twice_adds_nothing(jiyuan: Offices) -> None:
    school = jiyuan.at_school()
    for _ in range(2):
        school.post("/records/ethics/new", **ETHICS, person="S0001", entry_id="one")
    assert len(rows_of(jiyuan.county.school, "ethics")) == 4


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"person": "X9"}, "There is no “X9” here", id="nobody"),
        pytest.param({"person": ""}, "Must not be empty", id="missing"),
        pytest.param({"date": "soon"}, "“soon” is no date", id="date"),
        pytest.param({"grade": "superb"}, "“superb”", id="code"),
    ],
)
def test_a_faulty_entry_is_kept_in_the_form_with_what_to_mend(
    jiyuan: Offices, change: dict[str, str], text: str
) -> None:
    school = jiyuan.at_school()
    fields = {**ETHICS, "person": "S0001", **change}
    answer = school.post("/records/ethics/new", **fields, entry_id="one")
    assert answer.status_code == 422
    assert text in plain(answer.text)
    assert "师德考核小组" in answer.text
    assert len(rows_of(jiyuan.county.school, "ethics")) == 3


def test_the_centre_says_in_which_school_a_record_stands(jiyuan: Offices) -> None:
    desk = jiyuan.at_centre()
    fields = {
        "number": "G9", "person": "S0001", "title": "backbone", "level": "county",
        "stage": "primary", "subject": "chinese", "granted_on": "2026-01-10", "entry_id": "one",
    }  # fmt: skip
    assert desk.post("/records/title/new", **fields).status_code == 422
    scope_no = jiyuan.county._school_scope(jiyuan.county.centre)
    answer = desk.post("/records/title/new", **fields, scope=str(scope_no))
    assert answer.status_code == 303, plain(answer.text)
    row = jiyuan.county.centre.query("SELECT scope_no FROM title WHERE number = 'G9'")[0]
    assert row["scope_no"] == scope_no


def test_only_a_tier_that_writes_a_type_has_its_entry_page(jiyuan: Offices) -> None:
    assert jiyuan.at_centre().get("/records/ethics/new").status_code == 422
    assert jiyuan.at_school().get("/records/title/new").status_code == 422


def test_editing_writes_only_what_changed(jiyuan: Offices) -> None:
    desk = jiyuan.at_centre()
    path = f"/records/title/{jiyuan.name('title')}/edit"
    fields = form_of(desk.get(path).text) | {"number": "G77"}
    desk.post(path, **fields)
    writes = jiyuan.county.centre.query("SELECT field FROM field_write WHERE tbl = 'title'")
    assert [row["field"] for row in writes] == ["number"]


def test_a_removed_record_leaves_the_list(jiyuan: Offices) -> None:
    desk, name = jiyuan.at_centre(), jiyuan.name("title")
    assert name in desk.get("/records/title/").text
    desk.post(f"/records/title/{name}/remove")
    assert name not in desk.get("/records/title/").text


def test_what_waits_is_judged_with_a_reason(jiyuan: Offices) -> None:
    desk, name = jiyuan.at_centre(), jiyuan.name("ethics")
    assert desk.post("/records/ethics/review", verdict="reject", record=name).status_code == 422
    desk.post("/records/ethics/review", verdict="reject", record=name, reason="No list")
    states = [row["state"] for row in rows_of(jiyuan.county.centre, "ethics")]
    assert sorted(states) == ["pending", "pending", "rejected"]
    assert "No list" in desk.text(f"/records/ethics/{name}")


def test_a_school_judges_nothing(jiyuan: Offices) -> None:
    school = jiyuan.at_school()
    assert school.get("/records/ethics/review").status_code == 403
    assert school.post("/records/ethics/review", verdict="approve").status_code == 403


@pytest.mark.parametrize(
    ("query", "count"),
    [
        pytest.param({}, 3, id="all"),
        pytest.param({"q": "S0002"}, 1, id="staff-number"),
        pytest.param({"state": "approved"}, 0, id="state"),
        pytest.param({"f.nonsense": "x", "after": "y"}, 3, id="nonsense"),
    ],
)
def test_a_list_is_narrowed(jiyuan: Offices, query: dict[str, str], count: int) -> None:
    page = jiyuan.at_centre().get("/records/ethics/", **query).text
    assert len(re.findall(r'class="title"><a href="/records/ethics/', page)) == count


def test_a_list_pages_by_key_without_loss_or_repeat(jiyuan: Offices) -> None:
    school = jiyuan.at_school()
    with jiyuan.county.school.write(actor="x") as action:
        for number in range(120):
            action.insert("person", {"staff_no": f"N{number % 7}", "name": f"No. {number:03d}"})
    seen: list[str] = []
    path: str | None = "/records/person/"
    while path:
        page = school.get(path).text
        seen += re.findall(r"No\. \d{3}(?=</a>)", page)
        link = re.search(r'class="button quiet" href="([^"]*after=[^"]*)"', page)
        path = link[1].replace("&amp;", "&") if link else None
    assert (len(seen), len(set(seen))) == (120, 120)


class TestSteps:
    """A registration from the school to the training school."""

    def test_a_step_without_its_papers_is_refused_in_words(self, jiyuan: Offices) -> None:
        school = jiyuan.at_school()
        path = f"/records/registration/{jiyuan.name('registration')}"
        answer = school.post(f"{path}/step", step="check", opinion="")
        assert answer.status_code == 422
        assert "Paper missing: Registration form" in plain(answer.text)
        assert rows_of(jiyuan.county.school, STEP) == []

    def test_a_step_of_another_role_is_not_offered(self, jiyuan: Offices) -> None:
        desk = jiyuan.at_centre()
        path = f"/records/registration/{jiyuan.name('registration')}"
        assert "To be done by the" in desk.text(path)
        assert desk.post(f"{path}/step", step="check").status_code == 422

    def test_a_plan_goes_from_the_school_to_the_township(self, jiyuan: Offices) -> None:
        school = jiyuan.at_school()
        path = f"/records/plan/{jiyuan.name('plan')}"
        answer = school.post(f"{path}/step", step="submit", paper=["plan_text"], opinion="ok")
        assert answer.status_code == 303, plain(answer.text)
        text = school.text(path, lang="zh")
        assert "报中心校" in text
        assert "ok" in text
        jiyuan.at_centre()
        assert "报中心校" in jiyuan.desk.text(path, lang="zh")

    def test_the_same_step_twice_is_refused(self, jiyuan: Offices) -> None:
        school = jiyuan.at_school()
        path = f"/records/plan/{jiyuan.name('plan')}/step"
        codes = [
            school.post(path, step="submit", paper=["plan_text"], opinion="ok").status_code
            for _ in range(2)
        ]
        assert codes == [303, 422]
        assert len(rows_of(jiyuan.county.school, STEP)) == 1


def test_unknown_types_and_records_are_not_found(jiyuan: Offices) -> None:
    desk = jiyuan.at_centre()
    for path in ("nothing/", "step/", "nothing/x", "ethics/nonsense", "ethics/~9.9.9"):
        assert desk.get(f"/records/{path}").status_code == 404


def test_a_conflict_of_any_type_is_told_in_the_words_of_the_pack(jiyuan: Offices) -> None:
    county, name = jiyuan.county, jiyuan.name("unit")
    jiyuan.at_school()
    for node, value in ((county.school, "甲校"), (county.centre, "乙校")):
        with node.write(actor="admin") as action:
            action.set("unit", node.find_record(name), {"name": value})
    county.world.carry(county.school, county.centre, to=None)
    text = jiyuan.desk.text("/conflicts/", lang="zh")
    label = {each.id: each.label.zh for each in county.pack.types["unit"].field}["name"]
    assert label in text
    assert "field.unit" not in text
    assert "甲校" in text
    assert "乙校" in text
