"""What is asked of a person, a school and the county, on pages: figures, clause, evidence."""

import re
from collections.abc import Iterator

import pytest

from tests.server.every_type import fill_county
from tests.server.pages import Visitor, make_visitor, plain
from tests.server.walks.shipped_county import County, Record, make_county
from xueshi_server.web import create_app

PACKS = ("jiyuan", "chongqing", "mianzhu", "qinggang", "township-primary")


@pytest.fixture(scope="module", params=PACKS)
def every(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[County, Visitor, str]]:
    with make_county(tmp_path_factory.mktemp("requirements"), request.param) as county:
        person = fill_county(county)["person"][0]
        visitor = make_visitor(create_app(county.centre, testing=True), "admin")
        yield county, visitor, county.centre.public_id(person)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Visitor, Record]]:
    """A teacher of Jiyuan with twenty hours approved and two that wait."""
    with make_county(tmp_path_factory.mktemp("teacher"), "jiyuan") as county:
        person = county.enter(
            "person", staff_no="J1", name="卢建设", active=True, full_time=True,
            hired_on="2008-09-01", duty="head_teacher",
        )  # fmt: skip
        row = {"title": "集中培训", "form": "class", "role": "received", "person": person}
        county.approve(county.enter("hour", date="2019-03-01", minutes=1200, **row))
        county.enter("hour", date="2019-04-01", minutes=120, **row)
        yield make_visitor(create_app(county.at_centre(), testing=True), "admin"), person


@pytest.mark.parametrize("language", ["zh", "en"])
def test_everybody_has_a_page_and_every_result_its_evidence(
    every: tuple[County, Visitor, str], language: str
) -> None:
    _, visitor, person = every
    for name in (person, "S1", "county"):
        answer = visitor.get(f"/requirements/{name}", lang=language)
        assert answer.status_code == 200, plain(answer.text)[:300]
        assert not re.search(r"\b(result|requirements)\.[a-z_]+", plain(answer.text)), name
        links = re.findall(rf'href="(/requirements/{re.escape(name)}/[^"]+)"', answer.text)
        for link in links[:12]:
            assert visitor.get(link.replace("&amp;", "&")).status_code == 200, link


def test_every_result_quotes_its_clause(every: tuple[County, Visitor, str]) -> None:
    county, visitor, person = every
    html = visitor.get(f"/requirements/{person}").text
    for card in html.split("<article")[1:]:
        assert re.search(rf"S[0-4]\.\d+ · version {re.escape(county.pack.version)}", plain(card))


def test_a_teacher_reads_what_is_there_missing_and_waiting(
    teacher: tuple[Visitor, Record],
) -> None:
    visitor, person = teacher
    text = visitor.text(f"/requirements/{person.name}", on="2019-06-30", lang="zh")
    card = text.split("五年一周期不少于360学时", 1)[1]
    assert "现有 20 学时" in card
    assert "要求 ≥ 360 学时" in card
    assert "还差 340 学时" in card
    assert "待审核 2 学时" in card
    assert "S3.37" in card


def test_every_part_of_a_requirement_says_its_own_figures(teacher: tuple[Visitor, Record]) -> None:
    text = teacher[0].text("/requirements/county", on="2019-06-30", lang="zh")
    card = text.split("完成市级骨干教师专题培训和班主任能力提升培训", 1)[1]
    for said in (
        "现有 1 项要求中做到 0 项",
        "班主任能力提升培训 现有 0%（0 / 1） 要求 ≥ 100% 还差 100 个百分点",
        "市级骨干教师专题培训 要求 ≥ 100% 没有可判断的对象。",
    ):
        assert said in card, card[:400]


def test_a_page_does_not_repeat_whom_it_is_about(teacher: tuple[Visitor, Record]) -> None:
    visitor, person = teacher
    html = visitor.get(f"/requirements/{person.name}", on="2019-06-30").text
    cards = html.split("<article")[1:]
    assert cards
    assert all("卢建设" not in plain(each) for each in cards)


def test_windows_are_called_by_their_names(teacher: tuple[Visitor, Record]) -> None:
    visitor, person = teacher
    assert "期间 2016—2020 年" in visitor.text(f"/requirements/{person.name}", on="2019-06-30")


def test_a_share_without_a_whole_names_the_records_that_are_missing(
    teacher: tuple[Visitor, Record],
) -> None:
    text = teacher[0].text("/requirements/county", on="2019-06-30", lang="zh")
    card = text.split("市级培训经费占教职工工资总额1.5%—2.5%", 1)[1]
    assert "尚未登记市级教师培训经费（教职工工资总额、预算）。" in card


def test_the_evidence_is_the_records_that_count(teacher: tuple[Visitor, Record]) -> None:
    visitor, person = teacher
    html = visitor.get(f"/requirements/{person.name}/JY-360", on="2019-06-30").text
    assert "2019-03-01" in html
    assert "2019-04-01" not in html


def test_the_index_leads_to_people_and_schools(every: tuple[County, Visitor, str]) -> None:
    _, visitor, person = every
    html = visitor.get("/requirements/").text
    for name in (person, "S1", "county"):
        assert f'"/requirements/{name}"' in html


def test_records_that_are_judged_by_themselves_have_a_list_and_a_page(
    every: tuple[County, Visitor, str],
) -> None:
    county, visitor, _ = every
    index = visitor.get("/requirements/").text
    kinds = re.findall(r'href="/requirements/\?of=([a-z_]+)"', index)
    expected = {"chongqing": "training_class", "jiyuan": "run", "qinggang": "unit"}
    assert expected.get(county.pack.id, "project") in [*kinds, "project"]
    for kind in kinds:
        page = visitor.get("/requirements/", of=kind)
        assert page.status_code == 200
        links = re.findall(r'<td class="title"><a href="(/requirements/[^"]+)"', page.text)
        assert links, kind
        assert visitor.get(links[0]).status_code == 200


def test_a_class_shows_what_is_asked_of_it(every: tuple[County, Visitor, str]) -> None:
    county, visitor, _ = every
    if county.pack.id != "chongqing":
        pytest.skip("only Chongqing has classes")
    links = re.findall(
        r'<td class="title"><a href="(/requirements/[^"]+)"',
        visitor.get("/requirements/", of="training_class").text,
    )
    text = " ".join(visitor.text(each, lang="zh") for each in links)
    assert "20%±5%（15%—25%）" in text


@pytest.mark.parametrize("path", ["nonsense", "~9.9.9", "county/none", "county/JY-360"])
def test_unknown_subjects_and_rules_are_not_found(
    teacher: tuple[Visitor, Record], path: str
) -> None:
    assert teacher[0].get(f"/requirements/{path}").status_code == 404
