"""What a pack adds to Datasette: its types with labels, and its named queries that really run."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.conftest import County as PlainCounty
from tests.server.every_type import fill_county
from tests.server.walks.shipped_county import TODAY, County, make_county
from xueshi_server.browse import TABLES, copy_records, make_metadata
from xueshi_server.browse_pack import browsed_types, read_active_pack

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
            copy_records(source, target, "zh", types)
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
