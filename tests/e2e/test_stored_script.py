"""Markup in every text that a pack declares stays text, on every page that shows it.

Two things keep it from running: escaping, and the policy of the pages. The policy is switched off
here, in a real browser, so that a place that forgets to escape is found.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import markdown  # type: ignore[import-untyped]
import pytest

from tests.e2e.browser import open_browser
from tests.e2e.test_axe import Office, sample_values
from tests.server import every_type
from tests.server.every_type import fill_county
from tests.server.nodes import add_objection
from tests.server.pages import Visitor, make_visitor
from tests.server.test_browse import fetch, read_address
from tests.server.walks.shipped_county import County, make_county
from xueshi_server.accounts import Role
from xueshi_server.browse import datasette_command
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.pack_files import list_shipped
from xueshi_server.site_build import escape_markdown
from xueshi_server.web import create_app
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# From the longest to what fits in a few characters; `z-z` is a tag that nothing of ours uses.
MARKUP: Final = (
    "\"'><img src=x onerror=top.ran=1><script>top.ran=1</script>{{1234*4321}}<z-z>",
    '"><script>top.ran=1</script>',
    '"><z-z>',
    "<z-z>",
)
LINK: Final = "javascript:top.ran=1"
PRODUCT: Final = str(1234 * 4321)
# Each page in a frame of its own, as if it had been opened: scripts run, handlers fire.
OPEN: Final = """async (pages) => {
  const found = [];
  window.ran = 0;
  await Promise.all(Object.entries(pages).map(async ([path, html]) => {
    const frame = document.createElement("iframe");
    const loaded = new Promise((done) => { frame.onload = done; });
    frame.srcdoc = html;
    document.body.append(frame);
    await loaded;
    const inside = frame.contentDocument;
    if (inside.querySelector('z-z, img[src="x"], [href^="javascript:"], [action^="javascript:"]')) {
      found.push(path);
    }
    frame.remove();
  }));
  return window.ran ? [...found, `ran in one of ${Object.keys(pages)}`] : found;
}"""


def hostile_text(each: FieldDeclaration, place: int) -> str:
    """What is typed into a text field: markup as long as it fits; in the second record a link."""
    most = (each.max or (1000 if each.type == "long" else 60)) - 1
    fitting = (LINK, *MARKUP) if place % 2 else MARKUP
    text = next((one for one in fitting if len(one) <= most), "")
    # Keys tell records apart.
    return f"{text}{place}"


@contextmanager
def make_hostile_county(folder: Path, pack_id: str) -> Iterator[tuple[County, Any]]:
    """A county whose every text of every record is markup."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(every_type, "_text", hostile_text)
        patch.setattr(every_type, "name_of", lambda place: f"{MARKUP[1]}{place}")
        with make_county(folder, pack_id) as county:
            yield county, fill_county(county, 2)


class Frames:
    """Opens pages without their policy and says which of them became more than text."""

    def __init__(self, page: "Page") -> None:
        self._page = page

    def look(self, visitor: Visitor, paths: list[str]) -> None:
        """Open every page; fails for those in which markup was taken for markup."""
        pages = {}
        for path in paths:
            answer = visitor.get(path)
            assert answer.status_code == 200, path
            assert PRODUCT not in answer.text, path
            pages[path] = answer.text
        assert self._page.evaluate(OPEN, pages) == []


@pytest.fixture(scope="module")
def frames() -> Iterator[Frames]:
    with open_browser() as page:
        assert page.context.browser is not None
        context = page.context.browser.new_context(bypass_csp=True, locale="zh-CN")
        yield Frames(context.new_page())
        context.close()


def test_the_frames_do_find_what_is_not_escaped(frames: Frames) -> None:
    for text in (*MARKUP, f'<a href="{LINK}">'):
        assert frames._page.evaluate(OPEN, {"bad": f'<p title="x">{text}</p>'}) != [], text


def paths_of(node: Node, declared: RecordType, keys: list[RecordKey]) -> list[str]:
    """The list of a type, its first record and the form for that."""
    name = node.public_id(keys[0])
    paths = [f"/records/{declared.id}/", f"/records/{declared.id}/{name}"]
    can_change = declared.kind == "register" or declared.corrects
    if node.role in declared.writers and can_change:
        paths.append(f"/records/{declared.id}/{name}/edit")
    return paths


def test_no_text_of_any_type_of_any_pack_is_taken_for_markup(
    tmp_path: Path, frames: Frames
) -> None:
    seen: set[tuple[str, ...]] = set()
    for pack_id in list_shipped():
        if pack_id == "base":
            continue
        with make_hostile_county(tmp_path / pack_id, pack_id) as (county, keys):
            node = county.at_centre()
            visitor = make_visitor(create_app(node, testing=True), "admin")
            paths = []
            for of, some in keys.items():
                declared = county.pack.types[of]
                mark = (of, *(each.id for each in declared.field))
                # Types that packs share are looked at once.
                if mark not in seen:
                    paths += paths_of(node, declared, some)
                seen.add(mark)
            frames.look(visitor, paths)
    assert len(seen) > 30


def all_pages(node: Node, county: County, role: Role) -> tuple[Visitor, list[str]]:
    """Everything that somebody can open at a node, with names and hours that are markup."""
    app = create_app(node, testing=True)
    office = Office(node, app, "", sample_values(node, county.pack))
    visitor = make_visitor(app, None)
    visitor.client.set_cookie(SESSION_COOKIE, office.cookie(role))
    paths = office.pages(role).values()
    return visitor, [path for path in paths if visitor.get(path).status_code == 200]


def test_no_page_takes_what_it_shows_for_markup(tmp_path: Path, frames: Frames) -> None:
    with make_hostile_county(tmp_path, "jiyuan") as (county, _):
        node = county.at_centre()
        county.world.carry(node, county.school, to="S1")
        values = sample_values(county.school, county.pack)
        add_objection(county.school, county.school.find_record(values["hour"]), MARKUP[0])
        desks: list[tuple[Node, Role]] = [
            (county.school, "admin"), (county.school, "teacher"), (node, "admin"),
        ]  # fmt: skip
        for each, role in desks:
            visitor, paths = all_pages(each, county, role)
            assert paths
            frames.look(visitor, paths)


def test_the_data_browser_takes_no_value_for_markup(tmp_path: Path, frames: Frames) -> None:
    with make_hostile_county(tmp_path, "jiyuan") as (county, _keys):
        home = county.at_centre().home
        command = datasette_command(home, 0)
        process = subprocess.Popen(
            command, cwd=home, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        try:
            assert process.stderr is not None
            address = read_address(process.stderr)
            lists = re.findall(r'href="(/county/[^"?#]+)"', fetch(f"{address}/county")[1])
            pages = {each: fetch(address + each) for each in sorted(set(lists))}
            assert len(pages) > 20
            html = {each: text for each, (status, text) in pages.items() if status == 200}
            assert frames._page.evaluate(OPEN, html) == []
            assert any("z-z" in text for text in html.values())
        finally:
            process.terminate()
            process.communicate()


@pytest.mark.parametrize("text", [*MARKUP, f"[x]({LINK})", f'<a href="{LINK}">'])
def test_the_site_takes_no_name_for_markup(frames: Frames, text: str) -> None:
    shown = markdown.markdown(f"| {escape_markdown(text)} |\n|-|\n", extensions=["tables"])
    assert frames._page.evaluate(OPEN, {"site": shown}) == []
