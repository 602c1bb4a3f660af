"""Building the site: what is on it, and what a build that fails or is cut off leaves."""

import datetime as dt
import html
import re
import shutil
from pathlib import Path

import markdown  # type: ignore[import-untyped]
import pytest

from tests.site.figures import county_figures
from xueshi_server import site_build
from xueshi_server.site_build import (
    BuiltSite,
    RecordFigures,
    SiteBuildError,
    SiteSourceError,
    SiteToolError,
    build_site,
    escape_markdown,
    find_source,
    recover_site,
    write_records_pages,
)

TODAY = dt.date(2026, 3, 20)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the pages that a test may break."""
    copy = shutil.copytree(find_source(), tmp_path / "checkout" / "site")
    return Path(copy)


def _text(site: BuiltSite, page: str) -> str:
    plain = re.sub(r"<[^>]+>", "", (site.folder / page).read_text("utf-8"))
    return html.unescape(plain).replace("\u200b", "")


def test_the_built_site_is_whole_and_counted(built: BuiltSite) -> None:
    assert built.page_count == len(list(built.folder.rglob("*.html"))) > 30
    assert (built.folder / "search" / "search_index.js").is_file()


def test_a_build_leaves_nothing_beside_the_site(built: BuiltSite) -> None:
    assert list(built.folder.parent.iterdir()) == [built.folder]


@pytest.mark.parametrize(
    ("page", "silent"),
    [
        pytest.param("zh/records.html", "1 所还没有消息", id="zh"),
        pytest.param("en/records.html", "3 of 4 schools heard from", id="en"),
    ],
)
def test_the_records_page_shows_totals_and_who_is_silent(
    built: BuiltSite, page: str, silent: str
) -> None:
    text = _text(built, page)
    for figure in ("青石县", "1,843", "3,857", "3,120.25", "高坪村小学", silent):
        assert figure in text


def test_a_quiz_on_the_site_tells_nothing_of_what_is_right(built: BuiltSite) -> None:
    page = (built.folder / "zh/training/steps.quiz.html").read_text("utf-8")
    index = (built.folder / "search/search_index.js").read_text("utf-8").replace("\u200b", "")
    assert "集体备课" in _text(built, "zh/training/steps.quiz.html")
    boxes = re.findall(r"<input[^>]*task[^>]*>|<input type=.checkbox.[^>]*>", page)
    assert not any("checked" in each for each in boxes)
    assert '<li class="task-list-item"' in page or "[ ]" in page
    assert "先一起备课，再上课" not in index


def test_an_empty_node_has_a_records_page_too(source: Path) -> None:
    empty = RecordFigures(
        name="云顶教学点", as_of=TODAY, teachers=0, hour_records=0, minutes=0, approved_minutes=0
    )
    write_records_pages(source, empty)
    assert "还没有学时记录" in (source / "docs/zh/records.md").read_text("utf-8")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("<script>alert(1)</script>", id="script"),
        pytest.param("a | b", id="cell-border"),
        pytest.param("[x](javascript:y) **z** `q`", id="markdown"),
        pytest.param("{{ figures }} {: #id }", id="template-and-attributes"),
        pytest.param("# 一\n- 二", id="line-break"),
    ],
)
def test_a_name_with_markup_is_shown_as_it_is(name: str) -> None:
    shown = markdown.markdown(escape_markdown(name), extensions=["tables", "attr_list"])
    assert html.unescape(shown) == f"<p>{' '.join(name.split())}</p>"
    assert "<" not in shown.removeprefix("<p>").removesuffix("</p>")


def test_a_second_build_replaces_the_first(tmp_path: Path) -> None:
    build_site(tmp_path / "site", county_figures(TODAY))
    second = build_site(tmp_path / "site", county_figures(TODAY, name="白水县"))
    assert "白水县" in _text(second, "zh/records.html")
    assert list(tmp_path.iterdir()) == [tmp_path / "site"]


def test_a_broken_page_leaves_the_old_site(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "site"
    target.mkdir()
    (target / "index.html").write_text("old", "utf-8")
    (source / "docs/zh/sync.md").write_text("[gone](gone.md)", "utf-8")
    with pytest.raises(SiteBuildError) as caught:
        build_site(target, county_figures(TODAY), source=source)
    assert caught.value.code == "site.build_failed"
    assert "gone.md" in str(caught.value.fields["log"])
    assert (target / "index.html").read_text("utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkout", "site"]


def test_a_power_cut_between_the_renames_is_mended(tmp_path: Path) -> None:
    old = tmp_path / ".site-build-cut" / "old"
    old.mkdir(parents=True)
    (old / "index.html").write_text("old", "utf-8")
    recover_site(tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text("utf-8") == "old"


def test_a_move_that_fails_puts_the_old_site_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.setattr(site_build, "_run_mkdocs", lambda _project, _target: None)
    monkeypatch.setattr(site_build, "_measure", lambda _fresh, _out: None)
    with pytest.raises(SiteBuildError) as caught:
        build_site(tmp_path / "site", county_figures(TODAY))
    assert caught.value.code == "site.busy"
    assert list(tmp_path.iterdir()) == [tmp_path / "site"]


def test_a_folder_without_pages_is_named(tmp_path: Path) -> None:
    with pytest.raises(SiteSourceError) as caught:
        build_site(tmp_path / "site", county_figures(TODAY), source=tmp_path / "none")
    assert caught.value.fields == {"source": str(tmp_path / "none")}


def test_a_missing_word_splitter_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_build, "_TOOLS", ("mkdocs", "no_such_splitter"))
    with pytest.raises(SiteToolError) as caught:
        build_site(tmp_path / "site", county_figures(TODAY))
    assert caught.value.fields == {"part": "no_such_splitter"}


def test_pages_without_the_specification_say_where_it_is(tmp_path: Path, source: Path) -> None:
    site = build_site(tmp_path / "site", county_figures(TODAY), source=source)
    assert "sync/PROTOCOL.md" in _text(site, "zh/protocol.html")


def test_a_new_article_is_listed_without_touching_the_menu(tmp_path: Path, source: Path) -> None:
    article = source / "docs/zh/training/09-reading.md"
    article.write_text("# 怎样开好一次读书会\n\n三个人就够。\n", "utf-8")
    site = build_site(tmp_path / "site", county_figures(TODAY), source=source)
    assert "怎样开好一次读书会" in _text(site, "zh/training/index.html")
