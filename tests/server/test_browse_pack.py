"""What a pack adds to Datasette: its types with labels, and its named queries that really run."""

import datetime as dt
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.browser import open_browser, take_picture
from tests.server.conftest import County as PlainCounty
from tests.server.every_type import fill_county
from tests.server.test_browse import fetch, read_address
from tests.server.test_browser import is_wider_than_the_window
from tests.server.walks.shipped_county import TODAY, County, make_county
from xueshi_server.browse import TABLES, copy_records, datasette_command, make_metadata
from xueshi_server.browse_lists import PREFIX, READABLE, plan_lists
from xueshi_server.browse_pack import browsed_types, read_active_pack
from xueshi_server.domain.sealed import MARK

PACKS = ("jiyuan", "chongqing", "mianzhu", "qinggang", "township-primary")


@pytest.fixture(scope="module", params=PACKS)
def browsed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[County, Path]]:
    folder = tmp_path_factory.mktemp("browse")
    with make_county(folder, request.param) as county:
        fill_county(county)
        source = county.at_centre().home / "data" / "view.db"
        target = folder / "county.db"
        types = browsed_types(read_active_pack(source, TODAY), TABLES)
        for _ in range(2):
            copy_records(source, target, "zh", types, plan_lists(county.pack, types, "zh"))
        yield county, target


def source_of(county: County) -> Path:
    return county.centre.home / "data" / "view.db"


def test_the_active_pack_is_read_from_the_view_alone(browsed: tuple[County, Path]) -> None:
    county, _ = browsed
    assert read_active_pack(source_of(county), TODAY).digest == county.pack.digest
    assert read_active_pack(source_of(county), dt.date(1900, 1, 1)).id == "base"


def test_a_node_without_a_pack_is_browsed_by_the_base(county: PlainCounty) -> None:
    source = county.centre.home / "data" / "view.db"
    assert read_active_pack(source, TODAY).id == "base"


def test_every_named_query_runs_over_the_copy(browsed: tuple[County, Path]) -> None:
    county, target = browsed
    queries = make_metadata("zh", county.pack)["databases"]["county"]["queries"]
    assert set(queries) == set(county.pack.queries)
    with closing(sqlite3.connect(target)) as db:
        for name, query in queries.items():
            places = dict.fromkeys(query.get("params", ()), "1")
            assert db.execute(query["sql"], places).fetchall() is not None, name


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_type_has_its_label_and_its_columns_their_notes(
    browsed: tuple[County, Path], language: str
) -> None:
    county, target = browsed
    tables = make_metadata(language, county.pack)["databases"]["county"]["tables"]
    with closing(sqlite3.connect(target)) as db:
        for of in browsed_types(county.pack, TABLES):
            label = county.pack.types[of].label
            assert tables[of]["title"] == (label.en if language == "en" else label.zh)
            columns = {row[1] for row in db.execute(f'PRAGMA table_info("{of}")')}
            assert set(tables[of]["columns"]) <= columns


def test_copying_again_gives_no_second_row(browsed: tuple[County, Path]) -> None:
    county, target = browsed
    with closing(sqlite3.connect(target)) as db:
        for of in browsed_types(county.pack, TABLES):
            here = county.centre.query(f'SELECT count(*) FROM "{of}"')[0][0]
            assert db.execute(f'SELECT count(*) FROM "{of}"').fetchone()[0] == here, of


def test_every_reference_of_a_list_shows_a_name(browsed: tuple[County, Path]) -> None:
    county, target = browsed
    named = {row["name"] for row in county.centre.query("SELECT name FROM person")}
    assert "卢建设" in named
    with closing(sqlite3.connect(target)) as db:
        for of in browsed_types(county.pack, TABLES):
            plan = plan_lists(county.pack, [of], "zh")["lists"][PREFIX + of]
            headings = [heading for heading, _ in plan["columns"]]
            first = 2 if county.pack.types[of].place == "school" else 1
            for place, field in enumerate(county.pack.types[of].field, first):
                if not field.to:
                    continue
                shown = db.execute(f'SELECT "{headings[place]}" FROM "{PREFIX}{of}"').fetchall()
                values = [text for (text,) in shown if text is not None]
                assert [text for text in values if str(text).isdigit() or text == "—"] == [], of
                if field.to == "person":
                    assert {text.partition(" (")[0] for text in values} <= named, (of, field.id)


def test_hours_and_people_show_every_field_that_the_pack_gives_them(
    browsed: tuple[County, Path],
) -> None:
    county, target = browsed
    added = plan_lists(county.pack, [], "zh")["added"]
    with closing(sqlite3.connect(target)) as db:
        db.row_factory = sqlite3.Row
        for table, (of, _, shown) in READABLE.items():
            row = db.execute(f"SELECT * FROM {table} ORDER BY 1 LIMIT 1").fetchone()
            fields = {each.id: each for each in county.pack.types[of].field}
            assert {name for _, name, *_ in added[table]["more"]} | {*shown} >= fields.keys()
            for _, name, *_ in added[table]["more"]:
                label = fields[name].label.zh
                value = row[label if label in row.keys() else f"{label} ({name})"]  # noqa: SIM118
                codes = county.pack.codes.get(fields[name].codes or "")
                known = {code.label.zh for code in codes.value} if codes else {value}
                assert value is None or value in known, (table, name)
                if fields[name].type == "sealed":
                    assert value is None or len(value) == 2 * len(MARK), name


def test_the_county_s_words_stand_for_its_codes_of_hours(browsed: tuple[County, Path]) -> None:
    county, target = browsed
    form = next(each for each in county.pack.types["hour"].field if each.id == "form")
    if form.codes is None:
        return
    with closing(sqlite3.connect(target)) as db:
        said = {text for (text,) in db.execute("SELECT 形式 FROM hours")}
    assert said <= {code.label.zh for code in county.pack.codes[form.codes].value}


def test_a_list_has_the_rows_that_are_not_deleted(browsed: tuple[County, Path]) -> None:
    county, target = browsed
    with closing(sqlite3.connect(target)) as db:
        for of in browsed_types(county.pack, TABLES):
            kept = "" if county.pack.types[of].kind == "ledger" else " WHERE NOT deleted"
            here = county.centre.query(f'SELECT count(*) FROM "{of}"{kept}')[0][0]
            assert db.execute(f'SELECT count(*) FROM "{PREFIX}{of}"').fetchone()[0] == here, of


@pytest.mark.parametrize("language", ["zh", "en"])
def test_people_read_lists_and_queries_read_plain_tables(
    browsed: tuple[County, Path], language: str
) -> None:
    county, _ = browsed
    tables = make_metadata(language, county.pack)["databases"]["county"]["tables"]
    for of in browsed_types(county.pack, TABLES):
        assert tables[of]["hidden"]
        assert tables[PREFIX + of]["title"] == tables[of]["title"]
        assert "hidden" not in tables[PREFIX + of]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[County, str]]:
    """Datasette itself over a centre that has a school's records."""
    pytest.importorskip("datasette", reason="the extra `centre` is not installed")
    with make_county(tmp_path_factory.mktemp("served"), "chongqing") as county:
        fill_county(county)
        command = datasette_command(county.at_centre().home, 0)
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            yield county, read_address(process.stderr)
        finally:
            process.terminate()
            process.wait(10)
            process.stderr.close()


@pytest.mark.process
def test_datasette_lists_types_by_label_and_hides_plain_tables(served: tuple[County, str]) -> None:
    _, address = served
    status, html = fetch(f"{address}/county")
    assert status == 200
    assert 'href="/county/list_nomination"' in html
    assert 'href="/county/nomination"' not in html


@pytest.mark.process
def test_datasette_shows_who_and_what_a_record_means(served: tuple[County, str]) -> None:
    _, address = served
    status, html = fetch(f"{address}/county/list_coaching")
    assert status == 200
    assert re.search(r"卢建设 \(S0001\)", html)
    rows = json.loads(fetch(f"{address}/county/list_nomination.json?_shape=array")[1])
    assert {"教师", "推荐级别", "学校"} <= set(rows[0])
    assert rows[0]["学校"] == "中心小学"


@pytest.mark.browser
def test_lists_fit_a_desktop_and_a_phone(served: tuple[County, str]) -> None:
    _, address = served
    with open_browser() as page:
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            for path in ("county", "county/list_nomination", "county/list_enrolment"):
                page.goto(f"{address}/{path}")
                assert not is_wider_than_the_window(page), (width, path)
                take_picture(page, f"browse-{path.replace('/', '-')}-{width}")
