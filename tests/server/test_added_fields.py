"""Fields and headings that a pack gives to people and hours: taken and shown on every way."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.server.nodes import make_world
from tests.server.pages import Visitor, make_visitor, plain
from xueshi_server.exporting import export_rows
from xueshi_server.importing import ImportReport, import_rows
from xueshi_server.node_clock import today_of
from xueshi_server.pack_files import read_shipped
from xueshi_server.store.packs import level_schema, publish_release
from xueshi_server.web import create_app
from xueshi_sync.node import Node

# An invented county: people have a registration number and a day, hours a code and a yes or no.
PACK: Final = """
[pack]
id = "songping"
version = "1"
label = { zh = "松坪县", en = "Songping" }
extends = ["base"]
valid_from = 2024-01-01

[[codes]]
id = "way"
label = { zh = "方式", en = "Way" }
value = [
  { id = "visit", label = { zh = "送教下乡", en = "Visit" } },
  { id = "online", label = { zh = "网络研修", en = "Online" } },
]

[[type]]
id = "person"
label = { zh = "教师", en = "Person" }
kind = "register"
writers = ["school", "township", "centre"]
key = "staff_no"
field = [
  { id = "staff_no", label = { zh = "登记号", en = "Registration number" }, required = true },
  { id = "name", label = { zh = "姓名", en = "Name" }, required = true, max = 60 },
  { id = "active", type = "bool", label = { zh = "在岗", en = "Active" } },
  { id = "registered_on", type = "date", label = { zh = "首次登记", en = "First registered" } },
]

[[type]]
id = "hour"
label = { zh = "学时", en = "Hours" }
kind = "ledger"
writers = ["school"]
judges = ["centre"]
when = "date"
amount = "minutes"
corrects = "corrects"
field = [
  { id = "person", type = "ref", to = "person", required = true, label = { zh = "教师", en = "Person" } },
  { id = "date", type = "date", required = true, label = { zh = "日期", en = "Date" } },
  { id = "title", required = true, label = { zh = "研修主题", en = "Subject" } },
  { id = "minutes", type = "hours", required = true, label = { zh = "学时", en = "Hours" } },
  { id = "form", type = "code", codes = "way", label = { zh = "方式", en = "Way" } },
  { id = "proved", type = "bool", label = { zh = "有证书", en = "Has a certificate" } },
  { id = "corrects", type = "ref", to = "hour", label = { zh = "更正的记录", en = "Corrects" } },
]

[[sheet]]
id = "monthly"
label = { zh = "月报表", en = "Monthly sheet" }
of = "hour"
columns = [["人员登记号", "person"], ["研修日", "date"], ["学了什么", "title"],
  ["折合学时", "minutes"], ["怎么学的", "form"], ["证书", "proved"]]
"""  # noqa: E501


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A school under that pack; each test has people of its own."""
    with make_world(tmp_path_factory.mktemp("county")) as world:
        centre = world.make("centre", "松坪县教师发展中心", "C1")
        node = world.make("school", "松坪一小", "S1")
        world.join(centre, node, "松坪一小", "S1")
        files = {**read_shipped("base"), "songping/pack.toml": PACK.encode()}
        publish_release(centre, files, "songping", activate=True)
        world.carry(centre, node, to="S1")
        level_schema(node, today_of(node))
        yield node


@pytest.fixture(scope="module")
def admin(school: Node) -> Visitor:
    """An administrator of the school, logged in; the pages speak English."""
    return make_visitor(create_app(school, testing=True), "admin")


def take(node: Node, folder: Path, of: str, text: str) -> ImportReport:
    path = folder / "table.csv"
    path.write_text(text, "utf-8")
    return import_rows(node, of, path, actor="admin")


def rows_of(node: Node, of: str) -> list[dict[str, Any]]:
    output = io.BytesIO()
    export_rows(node, of, output, format="jsonl")
    return [json.loads(line) for line in output.getvalue().splitlines()]


def person_of(node: Node, number: str) -> dict[str, Any]:
    (row,) = (row for row in rows_of(node, "person") if row["teacher_id"] == number)
    return row


def hours_of(node: Node, number: str) -> list[dict[str, Any]]:
    return [row for row in rows_of(node, "hour") if row["teacher_id"] == number]


def add(node: Node, number: str, **fields: object) -> str:
    """A person; how addresses name them."""
    with node.write(actor="admin") as action:
        key = action.insert("person", {"staff_no": number, "name": "卢建设", **fields})
    return node.public_id(key)


@pytest.mark.parametrize("said", ["是", "否", "1", "no"])
def test_people_bring_the_fields_of_the_pack(school: Node, tmp_path: Path, said: str) -> None:
    number = f"IN{said}"
    text = f"登记号,姓名,在岗,首次登记\n{number},卢建设,{said},2021-09-01\n"
    assert take(school, tmp_path, "person", text).faults == ()
    found = person_of(school, number)
    assert (found["active"], found["registered_on"]) == (int(said in ("是", "1")), "2021-09-01")


def test_a_bad_field_of_the_pack_is_named_by_row_and_column(school: Node, tmp_path: Path) -> None:
    text = "登记号,姓名,在岗,首次登记\nB1,卢建设,也许,2021-09-31\n"
    faults = take(school, tmp_path, "person", text).faults
    assert [(each.row_no, each.field, each.code) for each in faults] == [
        (2, "active", "value.not_yes_or_no"),
        (2, "registered_on", "date.impossible"),
    ]


def test_hours_bring_the_fields_of_the_pack_and_their_people(school: Node, tmp_path: Path) -> None:
    head = "教师编号,姓名,日期,研修主题,学时,方式,有证书"
    text = f"{head}\nH1,卢建设,2026-02-01,低年级识字,1.5,送教下乡,是\n"
    report = take(school, tmp_path, "hour", text)
    assert (report.faults, report.new_people) == ((), (("H1", "卢建设"),))
    (row,) = hours_of(school, "H1")
    assert (row["form"], row["proved"], row["hours"]) == ("visit", 1, 1.5)


def test_the_county_s_own_sheet_is_read_by_its_headings(school: Node, tmp_path: Path) -> None:
    add(school, "S1")
    head = "序号,人员登记号,研修日,学了什么,折合学时,怎么学的,证书"
    text = f"松坪县月报表\n{head}\n1,S1,2026-02-01,识字,2,网络研修,否\n"
    assert take(school, tmp_path, "hour", text).faults == ()
    (row,) = hours_of(school, "S1")
    assert (row["title"], row["form"], row["proved"]) == ("识字", "online", 0)


def test_hours_that_the_pack_does_not_know_are_refused(school: Node, tmp_path: Path) -> None:
    add(school, "C1")
    text = "教师编号,日期,研修主题,学时,方式\nC1,2026-02-01,识字,2,喝茶\n"
    (fault,) = take(school, tmp_path, "hour", text).faults
    assert (fault.row_no, fault.field, fault.code) == (2, "form", "value.not_a_code")


def test_an_export_in_chinese_comes_back_and_adds_nothing(school: Node, tmp_path: Path) -> None:
    add(school, "X1", active=False, registered_on="2020-01-01")
    for of in ("person", "hour"):
        path = tmp_path / f"{of}.csv"
        with path.open("wb") as file:
            count = export_rows(school, of, file, format="csv", language="zh")
        report = import_rows(school, of, path)
        assert (report.faults, report.added, report.known) == ((), 0, count)


def test_the_form_of_a_person_asks_for_the_fields_of_the_pack(admin: Visitor, school: Node) -> None:
    assert "First registered" in admin.text("/people/new")
    fields = {"staff_no": "F1", "name": "范晓琳", "active": "1", "registered_on": "2021-09-01"}
    assert admin.post("/people/new", **fields, entry_id="f1").status_code == 303
    assert person_of(school, "F1")["registered_on"] == "2021-09-01"


def test_the_page_of_a_person_shows_the_fields_of_the_pack(admin: Visitor, school: Node) -> None:
    name = add(school, "P1", registered_on="2020-03-05", active=True)
    text = admin.text(f"/people/{name}")
    assert "First registered 2020-03-05" in text
    assert "At work" in text


def test_a_person_is_changed_in_the_fields_of_the_pack(admin: Visitor, school: Node) -> None:
    name = add(school, "E1", registered_on="2020-03-05", active=True)
    assert 'value="2020-03-05"' in admin.get(f"/people/{name}/edit").text
    fields = {"staff_no": "E1", "name": "卢建设", "active": "0", "registered_on": "2022-01-01"}
    admin.post(f"/people/{name}/edit", **fields)
    found = person_of(school, "E1")
    assert (found["active"], found["registered_on"]) == (0, "2022-01-01")


def enter(admin: Visitor, school: Node, number: str, **changed: str) -> Any:
    """A session for one person; the answer."""
    rec = school.find_record(add(school, number)).rec
    fields = {"date": "2026-02-01", "title": "识字", "minutes": "1.5", "form": "visit"}
    return admin.post("/enter/", **fields | {"proved": "1"} | changed, person=str(rec))


def test_a_session_asks_for_the_fields_of_the_pack(admin: Visitor, school: Node) -> None:
    assert enter(admin, school, "N1").status_code == 303
    html = admin.get("/enter/").text
    assert re.search(r'<select id="f-form".*<option value="visit">Visit', html)
    (row,) = hours_of(school, "N1")
    assert (row["form"], row["proved"], row["hours"]) == ("visit", 1, 1.5)


def test_a_session_refuses_what_the_pack_does_not_know(admin: Visitor, school: Node) -> None:
    answer = enter(admin, school, "N2", form="tea")
    assert (answer.status_code, hours_of(school, "N2")) == (422, [])
    assert "tea" in plain(answer.text)


def test_an_hour_shows_and_corrects_the_fields_of_the_pack(admin: Visitor, school: Node) -> None:
    enter(admin, school, "N3")
    (row,) = hours_of(school, "N3")
    text = admin.text(f"/hours/{row['id']}")
    assert ("Way Visit" in text, "Has a certificate yes" in text) == (True, True)
    fields = {"person": "N3", "date": "2026-02-01", "title": "识字", "minutes": "2"}
    answer = admin.post(f"/enter/correct/{row['id']}", **fields, form="online", proved="0")
    assert answer.status_code == 303
    newest = hours_of(school, "N3")[-1]
    assert (newest["form"], newest["proved"], newest["hours"]) == ("online", 0, 2)


def test_the_page_of_tables_names_faults_by_the_labels_of_the_pack(admin: Visitor) -> None:
    table = "登记号,姓名,首次登记\nT1,卢建设,soon\n".encode()
    answer = admin.post("/files/", file=(io.BytesIO(table), "a.csv"), type="person")
    assert (answer.status_code, "2 First registered" in plain(answer.text)) == (422, True)
