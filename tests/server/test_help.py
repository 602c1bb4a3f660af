"""Every page leads to the section of the guide that explains it."""

import re
from pathlib import Path

import pytest

from tests.server.pages import make_visitor
from xueshi_server.web import create_app
from xueshi_server.web.access import NEEDS
from xueshi_server.web.help import NO_PAGE, PAGES, SECTIONS, TROUBLE, find_section
from xueshi_server.web.pages import MENU_SECTIONS
from xueshi_sync.node import Node

GUIDE = Path(__file__).parents[2] / "site/docs"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_route_leads_to_a_section_that_is_there(language: str) -> None:
    text = (GUIDE / language / "guide/pages.md").read_text("utf-8")
    anchors = set(re.findall(r"^## .*\{ #(\w+) \}$", text, re.MULTILINE))
    pages = {each for each in NEEDS if each.partition(".")[0] not in NO_PAGE}
    led = {each: find_section(each) for each in pages}
    assert {each for each, (page, _) in led.items() if page != PAGES} == set()
    assert {section for _, section in led.values()} - anchors == set()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_no_page_answered_leads_to_what_is_wrong(language: str) -> None:
    assert find_section(None) == (TROUBLE, None)
    assert (GUIDE / language / TROUBLE.replace(".html", ".md")).is_file()


def test_the_table_names_nothing_that_is_gone() -> None:
    parts = {each.partition(".")[0] for each in NEEDS}
    assert set(SECTIONS) - parts - set(NEEDS) == set()


def test_help_leads_to_the_section_of_the_page(school: Node, tmp_path: Path) -> None:
    guide = tmp_path / "site/en/guide/pages.html"
    guide.parent.mkdir(parents=True)
    guide.write_text("<h1>Every page</h1>", "utf-8")
    (tmp_path / "site/index.html").write_text("<h1>Site</h1>", "utf-8")
    visitor = make_visitor(create_app(school, site_dir=tmp_path / "site"), "registrar")
    assert 'href="/site/en/guide/pages.html#people"' in visitor.get("/people/").text


def test_without_a_site_there_is_no_help(school: Node) -> None:
    visitor = make_visitor(create_app(school), "registrar")
    assert "guide/pages.html" not in visitor.get("/people/").text


def test_every_page_is_under_an_entry_of_the_menu(school: Node) -> None:
    admin = make_visitor(create_app(school), "admin")
    for path, entry in (
        ("/", "/"),
        ("/objections/", "/principal/"),
        ("/contributions/", "/library/"),
    ):
        page = admin.get(path).text
        assert re.findall(r'<a href="([^"]*)"[^>]* aria-current="page">', page) == [entry], path
    assert set(MENU_SECTIONS) <= set(create_app(school).blueprints)
