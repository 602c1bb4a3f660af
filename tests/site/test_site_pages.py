"""Pages made from a pack and from totals: rules with their clauses, types, nobody exposed."""

import datetime as dt
import re
from pathlib import Path

import pytest

from tests.server.nodes import make_world
from tests.server.walks.yunling import load_yunling
from xueshi_server.pack_files import list_shipped, read_shipped
from xueshi_server.site_pages import make_pack_pages, make_pages
from xueshi_server.site_pages_figures import hide_small, school_year_of
from xueshi_server.site_pages_words import Teller
from xueshi_server.store.packs import load_files


@pytest.mark.parametrize("pack_id", list_shipped())
def test_every_rule_stands_on_a_page_with_its_clauses(pack_id: str) -> None:
    pack = load_files(read_shipped(pack_id), pack_id)
    text = "\n".join(page for name, page in make_pack_pages(pack).items() if "zh/rules" in name)
    ids = set(re.findall(r"\{ #(\S+) \}", text))
    assert {rule.id.lower() for rule in pack.rules.values()} <= ids
    assert "site.page." not in text
    assert "site.say." not in text


def test_a_county_that_no_code_knows_has_pages_of_its_rules_and_types() -> None:
    pages = make_pack_pages(load_yunling())
    assert {f"zh/types/{name}.md" for name in load_yunling().types} <= pages.keys()
    assert "不少于90学分" in "".join(pages.values())


def test_the_same_pack_makes_the_same_pages() -> None:
    assert make_pack_pages(load_yunling()) == make_pack_pages(load_yunling())


@pytest.mark.parametrize(
    ("people", "hidden"),
    [
        pytest.param([5, 8], set(), id="none-small"),
        pytest.param([5, 1, 8], {0, 1}, id="one-small-takes-the-next"),
        pytest.param([2, 2, 9], {0, 1}, id="two-small-hide-each-other"),
        pytest.param([1, 1, 9, 4], {0, 1, 3}, id="two-of-one-each-are-told-apart-by-none"),
        pytest.param([0, 7], set(), id="nobody-is-nobody"),
        pytest.param([2], {0}, id="only-a-small-one"),
    ],
)
def test_what_is_hidden_cannot_be_had_by_subtraction(people: list[int], hidden: set[int]) -> None:
    assert hide_small(people) == hidden


@pytest.mark.parametrize(
    ("day", "first"),
    [
        pytest.param(dt.date(2026, 8, 31), dt.date(2025, 9, 1), id="last-day"),
        pytest.param(dt.date(2026, 9, 1), dt.date(2026, 9, 1), id="first-day"),
    ],
)
def test_the_school_year_begins_where_the_pack_says(day: dt.date, first: dt.date) -> None:
    assert school_year_of(load_yunling(), day) == first


def test_an_open_parameter_is_said_to_be_open() -> None:
    pack = load_files(read_shipped("qinggang"), "qinggang")
    rule = pack.rules["QG-MOKE-SUBJECT"]
    assert rule.need is not None
    assert "（" in Teller(pack, "zh").threshold(rule)


def test_a_node_has_its_year_and_its_progress(tmp_path: Path) -> None:
    with make_world(tmp_path) as world:
        pages = make_pages(world.make("school", "Hill School", "S1"), dt.date(2026, 3, 20))
    assert "本学年记录" in pages["zh/year.md"]
    assert "要求完成情况" in pages["zh/progress.md"]
