"""The library in a real browser: found, read, and harmless whatever was put into it."""

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import open_browser, take_picture
from tests.server.nodes import add_person, make_world
from tests.server.test_browser import is_wider_than_the_window, serve_pages
from xueshi_server.library import add_file, add_folder, publish_site
from xueshi_server.store.library import About, Resource
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
BAD = "<script>document.title = 'acted'; parent.document.title = 'acted'</script>"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg">{BAD}</svg>'
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


@dataclass
class Reading:
    """A browser before the pages of a centre with something in its library."""

    page: "Page"
    url: str
    node: Node
    folder: Path

    def add(self, name: str, data: bytes, title: str, subject: str = "") -> Resource:
        path = self.folder / name
        path.write_bytes(data)
        return add_file(self.node, path, About(title, subject), actor="admin")

    def open(self, resource: Resource, language: str = "zh") -> None:
        self.page.goto(f"{self.url}library/{resource.public_id}?lang={language}")


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    folder = tmp_path_factory.mktemp("library")
    with make_world(folder) as world:
        node = world.make("centre", "云岭县教师发展中心", "YL")
        with serve_pages(node) as (url, cookie), open_browser() as page:
            page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
            yield Reading(page, url, node, folder)


def test_a_material_is_found_by_a_part_of_its_title(reading: Reading) -> None:
    reading.add("guide.txt", "磨课分四步。".encode(), "磨课指南", "语文")
    reading.add("left.txt", "一生一案。".encode(), "留守儿童家访记录怎么写", "德育")
    reading.page.goto(f"{reading.url}library/?q=留守")
    assert reading.page.locator("tbody tr").count() == 1
    reading.page.goto(f"{reading.url}library/?lang=en")
    assert reading.page.get_by_text("留守儿童家访记录怎么写").count() == 1
    reading.page.goto(f"{reading.url}library/?lang=zh")
    take_picture(reading.page, "library-zh")
    reading.page.set_viewport_size({"width": 390, "height": 800})
    take_picture(reading.page, "library-phone")
    assert not is_wider_than_the_window(reading.page)
    reading.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("name", ["bad.html", "bad.svg", "bad.xhtml", "bad.htm", "bad.xml"])
def test_an_uploaded_page_cannot_act(name: str, reading: Reading) -> None:
    page = BAD if name.endswith(("html", "htm")) else SVG
    resource = reading.add(name, page.encode(), f"坏的 {name}")
    reading.open(resource)
    reading.page.wait_for_load_state("networkidle")
    assert reading.page.title() != "acted"
    link = f"{reading.url}library/{resource.public_id}/file"
    answer = reading.page.request.get(link)
    boxed = "sandbox" in answer.headers["content-security-policy"]
    assert boxed or "attachment" in answer.headers["content-disposition"]


def test_a_folder_opens_with_its_pictures_and_without_its_scripts(reading: Reading) -> None:
    disc = reading.folder / "disc"
    disc.mkdir()
    (disc / "index.html").write_text(f"<h1>光盘</h1><img src='p.png'>{BAD}", "utf-8")
    (disc / "p.png").write_bytes(PIXEL)
    made = add_folder(reading.node, disc, About("光盘"), actor="admin")
    reading.open(made)
    take_picture(reading.page, "library-folder")
    reading.page.goto(f"{reading.url}library/{made.public_id}/in/index.html")
    assert reading.page.title() != "acted"
    assert reading.page.evaluate("document.images[0].naturalWidth") == 1


def test_a_video_is_given_in_ranges(reading: Reading) -> None:
    data = random.Random(1).randbytes(400_000)
    made = reading.add("lesson.mp4", data, "公开课")
    link = f"{reading.url}library/{made.public_id}/file"
    answer = reading.page.request.get(link, headers={"Range": "bytes=100000-100099"})
    assert (answer.status, answer.body()) == (206, data[100_000:100_100])
    reading.open(made)
    take_picture(reading.page, "library-video")


def test_what_a_browser_does_not_show_is_downloaded(reading: Reading) -> None:
    made = reading.add("tool.exe", b"MZ", "程序")
    answer = reading.page.request.get(f"{reading.url}library/{made.public_id}/file")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "attachment" in answer.headers["content-disposition"]


def test_an_officer_publishes_a_file_from_the_page(reading: Reading) -> None:
    page = reading.page
    (reading.folder / "评课表.pdf").write_bytes(b"%PDF-1.4 nothing")
    page.goto(f"{reading.url}library/?lang=zh")
    page.click("summary:has-text('发布资料')")
    page.set_input_files("#f-file", reading.folder / "评课表.pdf")
    page.fill("#f-subject", "数学")
    page.fill("#f-hours", "两小时")
    page.click("button:has-text('发布资料')")
    assert page.locator("#e-hours").is_visible()
    assert page.input_value("#f-subject") == "数学"
    page.set_input_files("#f-file", reading.folder / "评课表.pdf")
    page.fill("#f-hours", "2")
    page.click("button:has-text('发布资料')")
    assert page.locator("h1").inner_text() == "评课表"
    take_picture(page, "library-published")


def test_the_published_site_is_read_from_the_node(reading: Reading) -> None:
    site = reading.folder / "site"
    (site / "zh").mkdir(parents=True)
    (site / "index.html").write_text("<a href='zh/'>中文</a><script>document.title='ours'</script>")
    (site / "zh/index.html").write_text("<h1>首页</h1>", "utf-8")
    publish_site(reading.node, site, "培训网站", actor="admin")
    reading.page.goto(f"{reading.url}site/")
    assert reading.page.title() == "ours"
    reading.page.click("a")
    assert reading.page.locator("h1").inner_text() == "首页"


def test_a_school_hands_in_a_whole_folder_from_the_page(reading: Reading, tmp_path: Path) -> None:
    disc = tmp_path / "磨课材料"
    (disc / "图").mkdir(parents=True)
    (disc / "index.md").write_text("# 磨课", "utf-8")
    (disc / "图/p.png").write_bytes(PIXEL)
    page = reading.page
    with make_world(tmp_path / "nodes") as world:
        school = world.make("school", "青石镇中心小学", "S1")
        add_person(school, "T01", "翟红梅")
        with serve_pages(school) as (url, cookie):
            page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
            page.goto(f"{url}contributions/new?lang=zh")
            page.click("summary:has-text('整个文件夹')")
            page.set_input_files("#f-folder", disc)
            page.fill("#f-person", "T01")
            page.fill("#f-name", "磨课材料")
            page.click("button:has-text('投稿')")
            assert page.locator("h1").inner_text() == "磨课材料"
            assert page.locator("tbody a").all_inner_texts() == ["index.md", "图/p.png"]
            take_picture(page, "contribution-folder")
            page.set_viewport_size({"width": 390, "height": 800})
            assert not is_wider_than_the_window(page)
            page.goto(f"{url}contributions/new")
            assert not is_wider_than_the_window(page)
