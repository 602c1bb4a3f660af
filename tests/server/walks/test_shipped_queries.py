"""Named queries of the packs of Jiyuan and Qinggang run over the tables their types make."""

from collections.abc import Iterator

import pytest

from tests.server.rules.county import load
from tests.server.walks.shipped_county import County, make_county

QUERIES = [(pack, each) for pack in ("jiyuan", "qinggang") for each in load(pack).queries]


@pytest.fixture(scope="module")
def counties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, County]]:
    with (
        make_county(tmp_path_factory.mktemp("jiyuan"), "jiyuan") as jiyuan,
        make_county(tmp_path_factory.mktemp("qinggang"), "qinggang") as qinggang,
    ):
        yield {"jiyuan": jiyuan, "qinggang": qinggang}


@pytest.mark.parametrize(("pack", "query"), QUERIES)
def test_a_named_query_runs_over_the_tables_of_its_pack(
    counties: dict[str, County], pack: str, query: str
) -> None:
    county = counties[pack]
    assert county.centre.query(county.pack.queries[query].sql) == []
