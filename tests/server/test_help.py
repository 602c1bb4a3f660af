"""Every page leads to the section of the guide that explains it."""

import re
from pathlib import Path

import pytest

from tests.server.pages import make_visitor
from xueshi_server.web import create_app
from xueshi_server.web.pages import HELP_SECTIONS, MENU_SECTIONS
from xueshi_sync.node import Node

GUIDE = "site/docs/{}/guide/pages.md"
# What answers with no page of the node.
NO_PAGE = {"health", "training", "left", "undo"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_has_its_section(school: Node, language: str) -> None:
    text = (Path(__file__).parents[2] / GUIDE.format(language)).read_text("utf-8")
    anchors = set(re.findall(r"^## .*\{ #(\w+) \}$", text, re.MULTILINE))
    pages = set(create_app(school).blueprints) - NO_PAGE
    assert {HELP_SECTIONS.get(each, each) for each in pages} <= anchors


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
