"""Every form of every shipped pack, printed by a real browser: empty, usual, and too long for a
page. The page is what the node gives out, with its security policy, filled with invented records.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests.e2e.browser import open_browser
from tests.e2e.paper import Paper, read_papers, squeeze
from tests.server.nodes import make_world
from tests.server.rules.county import load
from tests.server.typeset.filling import NAMES, sheet_of
from xueshi_server.domain.forms import Document, Section
from xueshi_server.pack_files import list_shipped
from xueshi_server.typeset.arrange import Sheet, arrange
from xueshi_server.web import create_app
from xueshi_server.web.security import POLICY
from xueshi_server.web.views.forms import show_sheet

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

# A pack and a form of it.
Form = tuple[str, str]
BASE: Final = frozenset(load("base").forms)
# Forms that every pack takes from the base are tried once.
FORMS: Final = [
    pytest.param((pack, form), id=f"{pack}-{form}")
    for pack in list_shipped()
    for form in load(pack).forms
    if pack == "base" or form not in BASE
]
# Where the page is told to be; every request is answered by the test itself.
ORIGIN: Final = "http://127.0.0.1:1"
# Points of A4; pixels between the margins of an upright and of a turned sheet.
SHORT, LONG = 595, 842
INSIDE: Final = {False: 612, True: 971}
ROWS: Final = 40
LONG_NAME: Final = "阿卜杜热合曼·买买提依明·吐尔逊"
LONG_TEXT: Final = "围绕低年级识字教学开展小课题研究，撰写教学反思十二篇。\n" * 5
LONG_WORD: Final = "https://example.invalid/" + "a1b2c3d4" * 9
# Texts that stand out of what holds them, and boxes that are wider than their room.
OVERFLOW: Final = """() => {
  const found = [];
  for (const each of document.querySelectorAll("main, main *")) {
    if (each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline")
      found.push(each.tagName + " " + each.className + " " + each.textContent.slice(0, 30));
  }
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    if (!text.textContent.trim()) continue;
    const room = text.parentElement.closest("td, th, h1, h2, section, div, header, footer");
    const outer = room.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(text);
    for (const box of range.getClientRects()) {
      const beyond = box.width && (box.left < outer.left - 1 || box.right > outer.right + 1
        || box.top < outer.top - 4 || box.bottom > outer.bottom + 4);
      if (beyond) found.push("text " + text.textContent.slice(0, 30));
    }
  }
  return found;
}"""


@dataclass(frozen=True)
class Look:
    """What there is to see of a sheet in one language."""

    sheet: Sheet
    papers: list[Paper]
    # What does not fit between the margins of paper.
    overflow: list[str]
    # How wide the page is in the window of a phone.
    phone_width: int


@dataclass
class Printer:
    """A browser page that shows sheets, and what it complained about."""

    page: "Page"
    app: Flask
    sheets: dict[str, str] = field(default_factory=dict)
    looks: dict[tuple[Form, str, str], Look] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def show(self, sheet: Sheet, language: str = "zh") -> None:
        """Open the page of a sheet as a browser gets it from the node."""
        path = f"/forms/{sheet.document.form}/S1"
        with self.app.test_request_context(f"{path}?lang={language}"):
            self.sheets[path] = show_sheet(sheet)
        self.page.goto(ORIGIN + path)

    def answer(self, route: "Route") -> None:
        """What the node would answer."""
        path = urlsplit(route.request.url).path
        if path in self.sheets:
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(body=self.sheets[path], content_type="text/html", headers=headers)
            return
        given = self.app.test_client().get(path, buffered=True)
        route.fulfill(status=given.status_code, body=given.data, content_type=given.content_type)

    def look(self, of: Form, size: str, language: str = "zh") -> Look:
        """A form in one of its sizes; opened once for all tests."""
        key = (of, size, language)
        if key not in self.looks:
            sheet = sheet_of(*of, language) if language == "en" else SIZES[size](*of)
            self.show(sheet, language)
            papers = self.print() if size != "empty" and language == "zh" else []
            overflow = self.overflow(INSIDE[sheet.document.landscape], "print")
            self.looks[key] = Look(sheet, papers, overflow, self.phone_width())
        return self.looks[key]

    def print(self) -> list[Paper]:
        """The pages of what is shown, on paper."""
        return read_papers(self.page.pdf(prefer_css_page_size=True, print_background=True))

    def phone_width(self) -> int:
        """How wide the page is on a phone."""
        self.page.set_viewport_size({"width": 390, "height": 844})
        return int(self.page.evaluate("() => document.documentElement.scrollWidth"))

    def overflow(self, width: int, media: Any) -> list[str]:
        """What does not fit at a width of the window."""
        self.page.set_viewport_size({"width": width, "height": 1200})
        self.page.emulate_media(media=media)
        found: list[str] = self.page.evaluate(OVERFLOW)
        self.page.emulate_media(media=None)
        return found


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printer]:
    with make_world(tmp_path_factory.mktemp("print")) as world, open_browser() as page:
        node = world.make("centre", "Liuhe", "C1")
        made = Printer(page, create_app(node, testing=True))
        page.on("console", lambda said: made.complaints.append(said.text))
        page.on("pageerror", lambda error: made.complaints.append(str(error)))
        page.route("**/*", made.answer)
        yield made


@pytest.fixture(scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> Form:
    """Each form in turn, with all tests of it one after another."""
    of: Form = request.param
    return of


# ---- sheets


def usual(pack_id: str, form: str) -> Sheet:
    return sheet_of(pack_id, form)


def empty(pack_id: str, form: str) -> Sheet:
    """Nothing recorded but that the record exists."""
    sheet = sheet_of(pack_id, form, rows=0)
    return replace(sheet, document=_with_cells(sheet.document, {}))


def _with_cells(document: Document, texts: Mapping[int, str]) -> Document:
    sections = [
        replace(
            section,
            cells=tuple(
                replace(cell, text=texts.get(place % 3, ""))
                for place, cell in enumerate(section.cells)
            ),
        )
        for section in document.sections
    ]
    return replace(document, sections=tuple(sections))


def long(pack_id: str, form: str) -> Sheet:
    """More lines than a page holds, long names, much text, a word without a place to break.

    Rows begin with a mark, headings are marks: "R0-39" is the last row under "H0-0", "H0-1" ...
    """
    sheet = sheet_of(pack_id, form, rows=ROWS)
    document = _with_cells(sheet.document, {0: LONG_NAME, 1: LONG_WORD, 2: LONG_TEXT})
    sections = [_marked(place, section) for place, section in enumerate(document.sections)]
    return replace(sheet, document=replace(document, sections=tuple(sections)), about=LONG_NAME)


def _marked(place: int, section: Section) -> Section:
    if section.kind != "table":
        return section
    rows = tuple(
        (f"R{place}-{no:02d}", *(LONG_NAME if text in NAMES else text for text in row[1:]))
        for no, row in enumerate(section.rows or [(LONG_NAME,) * len(section.head)] * ROWS)
    )
    return replace(section, head=_heads(place, section), rows=rows)


def _heads(place: int, section: Section) -> tuple[str, ...]:
    return tuple(f"H{place}-{no}" for no in range(len(section.head)))


SIZES: Final = {"empty": empty, "usual": usual, "long": long}


def foot_of(sheet: Sheet) -> str:
    """What stands in the foot of every page."""
    shown = arrange(sheet, "zh")
    about = f"·{shown['about']}" if shown["about"] else ""
    return squeeze("".join([shown["foot"][0], shown["title"], about, shown["foot"][1]]))


# ---- tests


@pytest.mark.parametrize("size", ["usual", "long"])
def test_every_page_is_a4_with_its_marks_in_a_foot_of_their_own(
    printer: Printer, form: Form, size: str
) -> None:
    look = printer.look(form, size)
    papers, document, foot = look.papers, look.sheet.document, foot_of(look.sheet)
    for no, paper in enumerate(papers, 1):
        size_now = (round(paper.width), round(paper.height))
        assert size_now == ((LONG, SHORT) if document.landscape else (SHORT, LONG))
        assert squeeze(document.number) in paper.foot
        assert document.digest in paper.foot
        # Nothing else stands there. Fonts call some characters by other numbers: count them.
        assert len(paper.foot) == len(foot)
        assert f"第{no}" in paper.text
    assert len(papers) == 1 or size == "long" or len(papers) < 5


@pytest.mark.parametrize("size", SIZES)
def test_nothing_stands_out_of_its_place_on_paper(printer: Printer, form: Form, size: str) -> None:
    assert printer.look(form, size).overflow == []
    assert printer.complaints == []


def test_a_list_and_its_headings_are_on_the_same_pages(printer: Printer, form: Form) -> None:
    look = printer.look(form, "long")
    sheet, papers = look.sheet, look.papers
    if sheet.layout not in ("sheet", "signing"):
        return
    for place, section in enumerate(sheet.document.sections):
        if section.kind != "table":
            continue
        held = [
            [no for no in range(ROWS) if f"R{place}-{no:02d}" in paper.text] for paper in papers
        ]
        assert [no for rows in held for no in rows] == list(range(ROWS))
        for paper, rows in zip(papers, held, strict=True):
            heads = [head for head in _heads(place, section) if head in paper.text]
            assert heads == (list(_heads(place, section)) if rows else [])


def test_signatures_do_not_stand_on_a_page_alone(printer: Printer, form: Form) -> None:
    look = printer.look(form, "long")
    sections = arrange(look.sheet, "zh")["sections"]
    if not sections or sections[-1]["kind"] != "signatures":
        return
    last = look.papers[-1]
    parties = sections[-1]["parties"]
    signed = sum(len(each["name"]) + 6 + 4 * each["stamp"] for each in parties)
    assert len(last.body) > signed


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_form_can_be_read_on_a_phone(printer: Printer, form: Form, language: str) -> None:
    assert printer.look(form, "usual", language).phone_width <= 390


@pytest.mark.parametrize(
    ("name", "width"), [("personal_statement", 794), ("hours_certificate", 1123)]
)
def test_the_screen_shows_the_sheet_of_paper_below_the_tools(
    printer: Printer, name: str, width: int
) -> None:
    printer.show(usual("base", name))
    printer.page.set_viewport_size({"width": 1280, "height": 900})
    printer.page.emulate_media(media="screen")
    paper, tools = (
        printer.page.evaluate(f"() => document.querySelector('{each}').getBoundingClientRect()")
        for each in ("main", "nav")
    )
    printer.page.emulate_media(media=None)
    assert round(paper["width"]) == width
    assert tools["width"] == 1280
    assert tools["bottom"] < paper["top"]
