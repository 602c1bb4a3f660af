"""The pages themselves: both languages, one vocabulary, the whole specification, fresh commands."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.site.make_commands import make_page, page_path
from xueshi_server.site_build import BuiltSite, find_source

DOCS: Final = find_source() / "docs"
PROTOCOL: Final = find_source().parent / "sync" / "PROTOCOL.md"
# STYLE, section 5: one meaning a word.
WORDS: Final = (
    "feed",
    "block",
    "op",
    "scope",
    "head",
    "bundle",
    "node",
    "centre",
    "hour record",
    "policy",
    "resource",
    "course",
    "teacher",
)


def _pages(language: str) -> set[Path]:
    root = DOCS / language
    found = {path.relative_to(root) for path in root.rglob("*.md")}
    # Decisions are written in English only.
    return {path for path in found if path.parts[0] != "adr"}


def test_every_page_exists_in_both_languages() -> None:
    assert _pages("zh") == _pages("en")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_glossary_explains(language: str, word: str) -> None:
    text = (DOCS / language / "glossary.md").read_text("utf-8")
    assert re.search(rf"^\*\*.*\b{word}\b.*\{{ #{word.replace(' ', '-')} \}}$", text, re.MULTILINE)


def test_both_glossaries_have_the_same_entries() -> None:
    zh, en = (
        re.findall(r"\{ #([a-z-]+) \}$", (DOCS / name / "glossary.md").read_text("utf-8"), re.M)
        for name in ("zh", "en")
    )
    assert zh == en


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_protocol_page_holds_the_whole_specification(built: BuiltSite, language: str) -> None:
    page = (built.folder / language / "protocol.html").read_text("utf-8")
    sections = re.findall(r"^## ", PROTOCOL.read_text("utf-8"), re.MULTILINE)
    assert page.count("<h2") >= len(sections) > 3


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_command_page_is_fresh(language: str) -> None:
    assert page_path(language).read_text("utf-8") == make_page(language)


def test_no_page_names_an_outside_address_to_load_from(built: BuiltSite) -> None:
    loads = re.compile(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"?(?:https?:)?//[^\s>]+")
    found = {
        match.group()
        for page in built.folder.rglob("*.html")
        for match in loads.finditer(page.read_text("utf-8"))
    }
    assert found == set()


def test_each_page_is_labelled_and_menued_in_its_own_language(built: BuiltSite) -> None:
    english = (built.folder / "en/sync.html").read_text("utf-8")
    assert '<html lang="en"' in english
    assert "使用指南" not in english
    assert 'href="../zh/sync.html"' in english
