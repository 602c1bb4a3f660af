"""Entitlements, budgets, shelves and duties on pages: under every shipped pack, and in figures."""

import datetime as dt
import re
from collections.abc import Iterator

import pytest

from tests.server.every_type import fill_county
from tests.server.pages import Visitor, make_visitor, plain
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.domain.forms import compose_form
from xueshi_server.store.material import gather_material
from xueshi_server.web import create_app

PACKS = ("jiyuan", "chongqing", "mianzhu", "qinggang", "township-primary")
PAGES = ("/grants/", "/grants/budgets", "/grants/shelves", "/grants/duties")
DAY = "2025-06-30"


@pytest.fixture(scope="module", params=PACKS)
def every(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[County, Visitor]]:
    with make_county(tmp_path_factory.mktemp("grants"), request.param) as county:
        fill_county(county)
        yield county, make_visitor(create_app(county.at_centre(), testing=True), "viewer")


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """Chongqing: one who passed, one who passed and cheated, a claim for travel, a city fund."""
    with make_county(tmp_path_factory.mktemp("district"), "chongqing") as county:
        for number, name in enumerate(("安宁", "柏青"), 1):
            person = county.enter(
                "person", staff_no=f"C{number}", name=name, active=True, backbone="province",
                hired_on="2010-09-01", duty="teacher",
            )  # fmt: skip
            row = {"person": person, "year_end": "2024-12-31", "result": "qualified"}
            county.approve(county.enter("conclusion", **row))
            claim = county.enter(
                "expense", person=person, purpose="travel", date="2025-03-01", amount=10001
            )
            county.approve(claim)
        county.enter("misconduct", person="C2", kind="fraud", date="2025-02-01")
        county.enter("fund", owner="city", date="2025-01-05", purpose="travel", amount=900000)
        yield county


@pytest.fixture(scope="module")
def centre(district: County) -> Visitor:
    return make_visitor(create_app(district.at_centre(), testing=True), "admin")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_the_pages_of_every_pack_say_everything_in_words(
    every: tuple[County, Visitor], path: str, language: str
) -> None:
    answer = every[1].get(path, lang=language)
    assert answer.status_code == 200, plain(answer.text)[:300]
    text = plain(answer.text)
    assert not re.search(r"\b(grants|budgets|shelves|duties|result)\.[a-z_]+", text)


def test_every_declaration_stands_on_its_page_with_its_clause(
    every: tuple[County, Visitor],
) -> None:
    county, visitor = every
    for path, table in zip(PAGES, ("entitlements", "budgets", "shelves", "roles"), strict=True):
        text = visitor.text(path, lang="zh")
        for each in getattr(county.pack, table).values():
            if table == "roles" and not each.duties:
                continue
            assert each.label.zh in text, each.id
            for _, quote in county.pack.quotes(each.source):
                assert " ".join(quote.split()) in text, each.id


def test_the_people_of_every_entitlement_have_a_page(every: tuple[County, Visitor]) -> None:
    county, visitor = every
    for each in county.pack.entitlements:
        assert visitor.get(f"/grants/of/{each}", school="S1").status_code == 200, each


def test_who_gets_the_allowance_and_who_pays_it_is_listed(centre: Visitor) -> None:
    text = centre.text("/grants/of/allowance_city", on=DAY, lang="zh")
    row = text.split("安宁", 1)[1].split("柏青", 1)[0]
    assert "享受" in row
    assert "50 元/月" in row
    assert "任职学校 50 元" in row
    assert "2024 年" in row
    assert "S2.46" in text


def test_who_cheated_gets_nothing_and_the_page_says_why(centre: Visitor) -> None:
    row = centre.text("/grants/of/allowance_city", on=DAY, lang="zh").split("柏青", 1)[1]
    assert "已取消" in row
    assert "弄虚作假" in row
    assert "市教委撤销后恢复" in row
    assert "50 元/月" not in row


def test_the_index_counts_how_many_stand_how(centre: Visitor) -> None:
    card = centre.text("/grants/", on=DAY, lang="zh").split("市级骨干教师津贴", 1)[1]
    assert re.search(r"享受 1 .*已取消 1", card)


def test_travel_is_shared_by_halves_with_a_half_fen_kept(centre: Visitor) -> None:
    card = centre.text("/grants/budgets", on=DAY, lang="zh").split("差旅费", 1)[1]
    card = card.split("S2.42", 1)[0]
    assert "安排 9,000 元" in card
    assert "支出 200.02 元" in card
    assert card.count(" 50% ") == 2
    assert card.count("100.01 元") == 2


def test_another_year_has_its_own_money(centre: Visitor) -> None:
    card = centre.text("/grants/budgets", on=DAY, year="2024", lang="zh").split("差旅费", 1)[1]
    assert "支出 0 元" in card.split("S2.42", 1)[0]


def test_a_school_is_told_what_only_the_centre_knows(district: County) -> None:
    school = make_visitor(create_app(district.school, testing=True), "admin")
    assert "以县中心为准" in school.text("/grants/", on=DAY, lang="zh")
    assert "这笔账只存在县中心" in school.text("/grants/budgets", on=DAY, lang="zh")


@pytest.mark.parametrize("path", PAGES)
def test_the_top_of_each_page_names_who_is_logged_in(centre: Visitor, path: str) -> None:
    """The spending of a subject on the page of budgets stood there as "account"."""
    (name,) = re.findall(r'<summary><span class="name">(.*?)</span>', centre.get(path).text)
    assert name == "Test admin"


@pytest.mark.parametrize("path", ["of/none", "of/../x", "nothing"])
def test_unknown_entitlements_are_not_found(centre: Visitor, path: str) -> None:
    assert centre.get(f"/grants/{path}").status_code == 404


def test_odd_years_and_pages_do_no_harm(centre: Visitor) -> None:
    for query in ({"year": "0"}, {"year": "x"}, {"year": "99999"}, {"start": "-5"}):
        assert centre.get("/grants/budgets", **query).status_code == 200
    assert centre.get("/grants/of/allowance_city", start="1000").status_code == 200


def test_the_form_of_entitlements_lists_who_has_which_and_why(district: County) -> None:
    node = district.at_centre()
    form = district.pack.forms["allowance_list"]
    day = dt.date.fromisoformat(DAY)
    document = compose_form(
        district.pack, form, gather_material(node, district.pack, form, "S1", day, "zh"), "zh"
    )
    rows = [row for row in document.sections[1].rows if row[1] == "市级骨干教师津贴"]
    assert [(row[0], row[2], row[4], row[5]) for row in rows] == [
        ("安宁 C1", "享受", "50 元/月", "任职学校 50 元"),
        ("柏青 C2", "已取消", "", ""),
    ]
    assert "S2.38" in rows[1][3]


def test_the_form_of_entitlements_is_printed(district: County) -> None:
    visitor = make_visitor(create_app(district.at_centre(), testing=True), "viewer")
    assert "已取消" in visitor.text("/forms/allowance_list/S1", on=DAY, lang="zh")
