"""The forms of shipped packs as pages to print, filled in from what nodes hold."""

import datetime as dt
import re
from collections.abc import Iterator

import pytest

from tests.server.every_type import fill_county
from tests.server.pages import Visitor, make_visitor, plain
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.store.material import COUNTY, gather_material, type_of_form
from xueshi_server.web import create_app
from xueshi_sync.writer import RecordKey

PACKS = ("jiyuan", "chongqing", "mianzhu", "qinggang", "township-primary")
# In the foot of every page, in groups that can be read aloud.
DIGEST = r"\b[0-9a-f]{4} [0-9a-f]{4}\b"


class Desk:
    """The centre's pages over a county with records of every type."""

    def __init__(self, county: County, keys: dict[str, list[RecordKey]]) -> None:
        self.county = county
        self.keys = keys
        self.visitor: Visitor = make_visitor(create_app(county.at_centre(), testing=True), "admin")

    def name(self, of: str, place: int = 0) -> str:
        return self.county.centre.public_id(self.keys[of][place])

    def address(self, form_id: str) -> str:
        form = self.county.pack.forms[form_id]
        of = type_of_form(self.county.pack, form)
        name = {"school": "S1", COUNTY: COUNTY}.get(form.scope) or self.name(of)
        return f"/forms/{form_id}/{name}"


@pytest.fixture(scope="module", params=PACKS)
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with make_county(tmp_path_factory.mktemp("forms"), request.param) as county:
        yield Desk(county, fill_county(county))


@pytest.fixture(scope="module")
def jiyuan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with make_county(tmp_path_factory.mktemp("jiyuan"), "jiyuan") as county:
        yield Desk(county, fill_county(county))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_form_of_a_pack_is_a_page_with_its_marks_in_the_foot(
    desk: Desk, language: str
) -> None:
    for form in desk.county.pack.forms.values():
        answer = desk.visitor.get(desk.address(form.id), lang=language)
        assert answer.status_code == 200, (form.id, plain(answer.text)[:200])
        foot = answer.text.split('<footer class="foot">')[1]
        assert f"{desk.county.pack.id}/{form.id}" in foot
        assert desk.county.pack.version in foot
        assert re.search(DIGEST, foot)
        assert "forms." not in plain(answer.text), form.id


def test_the_list_leads_to_every_form(desk: Desk) -> None:
    html = desk.visitor.get("/forms/").text
    for link in re.findall(r'class="title"><a href="([^"]+)"', html):
        assert desk.visitor.get(link).status_code == 200, link


def test_a_form_shows_names_instead_of_numbers(jiyuan: Desk) -> None:
    text = jiyuan.visitor.text(jiyuan.address("registration_form"), lang="zh")
    name = jiyuan.county.centre.query(
        "SELECT name FROM person WHERE rec = ?", [jiyuan.keys["person"][0].rec]
    )[0]["name"]
    assert name in text


def test_the_day_decides_which_records_of_a_window_are_on_the_form(jiyuan: Desk) -> None:
    node, form = jiyuan.county.centre, jiyuan.county.pack.forms["resource_list"]
    name = jiyuan.name("title")
    counts = []
    for day in ("2026-12-31", "2025-12-31"):
        on = dt.date.fromisoformat(day)
        material = gather_material(node, jiyuan.county.pack, form, name, on, "zh")
        counts.append(len(material.tables[1]))
    assert counts == [1, 0]


def test_a_form_names_the_school_and_the_days_that_it_covers(jiyuan: Desk) -> None:
    text = jiyuan.visitor.text(jiyuan.address("resource_list"), lang="zh", on="2026-03-02")
    assert "单位：" in text
    assert "期间：2026年度（2026年1月1日至2026年12月31日）" in text
    assert "数据截至：2026年3月2日" in text


def test_what_was_rejected_is_not_printed(jiyuan: Desk) -> None:
    node = jiyuan.county.centre
    key = jiyuan.keys["hour"][2]
    address = f"/forms/cycle_sheet/{jiyuan.name('person', 2)}"
    assert "共 1 条" in jiyuan.visitor.text(address, lang="zh")
    with node.write(actor="officer") as action:
        action.judge("hour", key, "reject", reason="no proof")
    assert "共 0 条" in jiyuan.visitor.text(address, lang="zh")


def test_other_records_give_another_digest(jiyuan: Desk) -> None:
    pages = [
        jiyuan.visitor.get(f"/forms/ethics_file/{jiyuan.name('person', place)}").text
        for place in (0, 1, 0)
    ]
    digests = [re.findall(DIGEST, page.split('class="foot"')[1])[0] for page in pages]
    assert digests[0] == digests[2] != digests[1]


@pytest.mark.parametrize(
    "path",
    ["/forms/none/", "/forms/none/x", "/forms/cycle_sheet/nonsense", "/forms/cycle_sheet/~9.9.9"],
)
def test_unknown_forms_and_records_are_not_found(jiyuan: Desk, path: str) -> None:
    assert jiyuan.visitor.get(path).status_code == 404


def test_nobody_prints_without_logging_in(jiyuan: Desk) -> None:
    stranger = make_visitor(jiyuan.visitor.app, None)
    assert stranger.get(jiyuan.address("cycle_sheet")).status_code == 302
