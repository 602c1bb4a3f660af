"""Types that a pack leaves with the centre: entered, judged and browsed there; at a school no
record, no page and no form of them, and rules over them are unknown. The school reads its own disk.
"""

import datetime as dt
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

from tests.process.county import serving, sync
from tests.server.every_type import fill_county
from tests.server.pages import Visitor, make_visitor
from tests.server.walks.shipped_county import TODAY, County, make_county
from xueshi_server.browse import TABLES, copy_records, make_metadata
from xueshi_server.browse_pack import browsed_types, read_role
from xueshi_server.domain.packs.held import held_forms, held_queries
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.rules.evaluate import evaluate
from xueshi_server.errors import UnknownTypeError
from xueshi_server.exporting import export_rows
from xueshi_server.store.facts import open_facts
from xueshi_server.store.packs import level_schema
from xueshi_server.web import create_app
from xueshi_sync.block import parse_block, read_body
from xueshi_sync.node import Node
from xueshi_sync.schema import Schema

PACKS: Final = ("chongqing", "jiyuan", "mianzhu", "qinggang")
MARK: Final = "机密W7"


@dataclass(frozen=True)
class Offices:
    """A browser at the centre and one at the school of a county."""

    county: County
    centre: Visitor
    school: Visitor


@pytest.fixture(scope="module", params=PACKS)
def offices(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Offices]:
    with make_county(tmp_path_factory.mktemp("centre"), request.param) as made:
        fill_county(made)
        keep_marked(made)
        made.at_centre()
        yield _open_offices(made)


@pytest.fixture(scope="module")
def chongqing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with make_county(tmp_path_factory.mktemp("centre"), "chongqing") as made:
        yield _open_offices(made)


@pytest.fixture
def county(offices: Offices) -> County:
    return offices.county


def _open_offices(county: County) -> Offices:
    desks = (
        make_visitor(create_app(node, testing=True), "admin")
        for node in (county.centre, county.school)
    )
    return Offices(county, *desks)


def closed_types(county: County) -> dict[str, RecordType]:
    found = {of: each for of, each in county.pack.types.items() if each.place == "centre"}
    assert found
    return found


def keep_marked(county: County) -> None:
    """A record of every closed type whose every text is a mark."""
    centre = county.at_centre()
    with centre.write(actor="office") as action:
        for of, declared in closed_types(county).items():
            row = {each.id: MARK + each.id for each in declared.field if _is_text(each)}
            assert row, of
            assert action.insert(of, row).scope_no == centre.centre_scope_no
    centre.publish_barrier()


def _is_text(each: FieldDeclaration) -> bool:
    return each.type in ("text", "long", "key", "code")


def check_nothing_is_there(school: Node, county: County) -> None:
    """No file below the school's folder holds a mark, in plain or in a packed block."""
    files = [path for path in school.home.rglob("*") if path.is_file()]
    assert school.home / "data" / "feed.db" in files
    for path in files:
        assert MARK.encode() not in path.read_bytes(), path
    rows = school.feeds.db.execute("SELECT data FROM block WHERE data IS NOT NULL").fetchall()
    said = b"".join(read_body(parse_block(row[0])) for row in rows)
    assert "中心小学".encode() in said
    assert MARK.encode() not in said
    scope = county.centre.feeds.scope_state(county.centre.centre_scope_no or 0).scope
    assert scope not in [state.scope for state in school.feeds.scope_states()]
    for of in closed_types(county):
        assert school.query(f'SELECT count(*) FROM "{of}"')[0][0] == 0


def test_a_bundle_leaves_closed_types_at_the_centre(county: County) -> None:
    county.world.carry(county.centre, county.school, to="S1")
    check_nothing_is_there(county.school, county)


def test_a_line_leaves_closed_types_at_the_centre(county: County) -> None:
    with serving(county.centre.wsgi_app()) as (host, port):
        sync(county.school, f"http://{host}:{port}")
    check_nothing_is_there(county.school, county)


def test_a_school_that_joins_later_gets_none_of_them(county: County) -> None:
    late = county.world.make("school", "中心小学", "S9")
    county.world.join(county.centre, late, "中心小学", "S9")
    level_schema(late, TODAY)
    with serving(county.centre.wsgi_app()) as (host, port):
        sync(late, f"http://{host}:{port}")
    check_nothing_is_there(late, county)


def test_a_school_has_no_page_of_them_and_the_centre_has_all(offices: Offices) -> None:
    school, centre = offices.school, offices.centre
    files = {"school": school.get("/files/").text, "centre": centre.get("/files/").text}
    for of in closed_types(offices.county):
        address = f"/records/{of}/"
        for path in (address, f"{address}new", f"{address}review", f"/files/{of}.csv"):
            assert school.get(path).status_code == 404, path
        assert centre.get(address).status_code == 200
        assert MARK in centre.get(f"/files/{of}.csv").text
        assert f'"{of}"' not in files["school"]
        assert f'"{of}"' in files["centre"]
        assert _links(school, address) == 0
        assert _links(centre, address) > 0


def _links(visitor: Visitor, address: str) -> int:
    return len(re.findall(f'href="{re.escape(address)}', visitor.get("/records/").text))


def test_a_table_of_a_closed_type_neither_leaves_nor_enters_at_a_school(
    county: County, tmp_path: Path
) -> None:
    of = next(iter(closed_types(county)))
    with (tmp_path / "out.csv").open("wb") as output, pytest.raises(UnknownTypeError):
        export_rows(county.school, of, output, format="csv", language="zh")


def test_a_school_prints_only_forms_that_it_can_fill_in(offices: Offices) -> None:
    county, school = offices.county, offices.school
    shown = school.get("/forms/").text
    kept = held_forms(county.pack, "school")
    for form_id in county.pack.forms:
        status = school.get(f"/forms/{form_id}/").status_code
        assert (status == 404) is (form_id not in kept), form_id
        assert (f"/forms/{form_id}/" in shown) is (form_id in kept), form_id
    assert held_forms(county.pack, "centre").keys() == county.pack.forms.keys()


def test_datasette_shows_them_at_the_centre_and_not_at_a_school(
    county: County, tmp_path: Path
) -> None:
    closed = set(closed_types(county))
    found = {}
    for node in (county.centre, county.school):
        role = read_role(node.home / "data" / "feed.db")
        assert role == node.role
        types = browsed_types(county.pack, TABLES, role)
        copy_records(node.home / "data" / "view.db", tmp_path / role, "zh", types)
        tables = make_metadata("zh", county.pack, role)["databases"]["county"]
        with closing(sqlite3.connect(tmp_path / role)) as db:
            named = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
            for query in tables["queries"].values():
                assert db.execute(query["sql"], dict.fromkeys(query.get("params", ()), "1"))
        found[role] = (closed & named, closed & set(tables["tables"]))
    assert found == {"centre": (closed, closed), "school": (set(), set())}
    assert held_queries(county.pack, "centre") == county.pack.queries


def test_a_record_entered_on_the_page_of_the_centre_stays_there(chongqing: Offices) -> None:
    desk, centre = chongqing.centre, chongqing.county.centre
    values = {"person": "T7", "kind": "fraud", "date": "2026-02-03", "document_no": MARK}
    answer = desk.post("/records/misconduct/new", entry_id="a" * 32, **values)
    assert answer.status_code == 303, answer.text
    row = centre.query("SELECT * FROM misconduct")[0]
    assert row["scope_no"] == centre.centre_scope_no
    path = answer.headers["Location"].partition("?")[0]
    assert MARK in desk.text(path)
    answer = desk.post(f"{path}/edit", entry_id="b" * 32, **values | {"lifted_on": "2026-02-20"})
    assert answer.status_code == 303, answer.text
    assert centre.query("SELECT lifted_on FROM misconduct")[0][0] == "2026-02-20"


def test_an_imported_table_stays_there(chongqing: Offices) -> None:
    desk, centre = chongqing.centre, chongqing.county.centre
    table = "设立单位,下达日期,用途,金额\n市,2026-01-05,指导,5000\n".encode()
    upload = {"type": "fund", "file": (BytesIO(table), "fund.csv")}
    answer = desk.client.post("/files/", data={"csrf": desk.token(), **upload}, buffered=True)
    rows = centre.query("SELECT scope_no FROM fund")
    assert [row[0] for row in rows] == [centre.centre_scope_no], answer.text


def test_every_step_of_a_closed_record_is_taken_at_the_centre(chongqing: Offices) -> None:
    """The unit approves the leave on paper; the centre notes it where the leave stands."""
    desk, centre = chongqing.centre, chongqing.county.centre
    row = {"applied_on": "2026-03-02", "starts_on": "2026-03-09", "ends_on": "2026-03-10"}
    with centre.write(actor="office") as action:
        key = action.insert(
            "class_leave", {"enrolment": "1", "course": "K1", "reason": MARK, **row}
        )
    centre.replica.seal()
    path = f"/records/class_leave/{centre.public_id(key)}"
    answer = desk.post(f"{path}/step", step="apply", opinion=MARK, paper="leave_application")
    assert answer.status_code == 303, answer.text
    steps = centre.query("SELECT scope_no, opinion FROM step")
    assert [tuple(row) for row in steps] == [(centre.centre_scope_no, MARK)]


def test_a_rule_over_them_is_unknown_at_a_school_and_decided_at_the_centre(
    chongqing: Offices,
) -> None:
    county, found = chongqing.county, {}
    for node in (county.centre, county.school):
        found[node.role] = _statuses(node, county, "CQ-40")
    assert found == {"centre": {"fail"}, "school": {"unknown"}}


def _statuses(node: Node, county: County, rule: str) -> set[str]:
    """What a rule says at a node of the year that is over."""
    with open_facts(node) as facts:
        found = evaluate(county.pack, facts, TODAY, on=dt.date(2025, 12, 31), rules=[rule])
    assert found.faults == ()
    return {each.status for each in found.results}


def test_a_record_that_schools_had_before_its_type_was_closed_can_only_be_deleted(
    chongqing: Offices,
) -> None:
    desk, centre = chongqing.centre, chongqing.county.centre
    closed = centre.schema
    tables = [replace(each, centre_only=False) for each in closed.tables]
    centre.adopt_schema(Schema(closed.version, tuple(tables)))
    with centre.write(actor="office") as action:
        key = action.insert("misconduct", {"person": "T8", "kind": "fraud", "date": "2026-01-02"})
    assert key.scope_no == centre.home_scope_no
    centre.adopt_schema(closed)
    path = f"/records/misconduct/{centre.public_id(key)}"
    page = desk.text(path, lang="zh")
    assert "各校已经收到" in page
    assert f"{path}/edit" not in desk.get(path).text
    assert desk.post(f"{path}/remove").status_code == 303
    row = centre.query("SELECT deleted FROM misconduct WHERE scope_no = ?", [key.scope_no])[0]
    assert row["deleted"]
