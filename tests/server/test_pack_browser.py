"""The pages of a pack in a real browser: two widths, both languages, paper of the right size."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.browser import open_browser, take_picture
from tests.server.every_type import fill_county
from tests.server.test_browser import is_wider_than_the_window, serve_pages
from tests.server.walks.shipped_county import make_county
from xueshi_server.web.security import SESSION_COOKIE

pytestmark = pytest.mark.browser

PATHS: Final = (
    "records/",
    "records/title/",
    "records/title/{title}",
    "records/title/{title}/edit",
    "records/plan/{plan}",
    "records/hour/review",
    "requirements/",
    "requirements/{person}",
    "requirements/{person}/JY-360",
    "forms/",
    "forms/registration_form/",
    "forms/registration_form/{registration}",
    "forms/cycle_sheet/{person}",
)
# Points of A4, as PDF counts them.
A4: Final = (595, 842)


@pytest.mark.parametrize(("width", "language"), [(1280, "zh"), (390, "en")])
def test_every_page_of_a_pack_fits_and_asks_nobody_else(
    tmp_path: Path, width: int, language: str
) -> None:
    complaints: list[str] = []
    with make_county(tmp_path, "jiyuan") as county:
        keys = fill_county(county)
        node = county.at_centre()
        names = {of: node.public_id(some[0]) for of, some in keys.items()}
        with serve_pages(node) as (url, cookie), open_browser() as page:
            page.set_viewport_size({"width": width, "height": 844})
            page.on("console", lambda said: complaints.append(f"{page.url} {said.text}"))
            page.on("pageerror", lambda error: complaints.append(f"{page.url} {error}"))
            page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
            for path in PATHS:
                answer = page.goto(f"{url}{path.format(**names)}?lang={language}")
                assert answer is not None
                assert answer.status == 200, path
                assert not is_wider_than_the_window(page), path
                name = path.replace("{", "").replace("}", "").strip("/").replace("/", "-")
                take_picture(page, f"pack-{name}-{width}-{language}")
    assert complaints == []


def test_a_form_is_printed_on_a4_without_the_buttons(tmp_path: Path) -> None:
    with make_county(tmp_path, "jiyuan") as county:
        keys = fill_county(county)
        node = county.at_centre()
        person = node.public_id(keys["person"][0])
        with serve_pages(node) as (url, cookie), open_browser() as page:
            page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
            page.goto(f"{url}forms/cycle_sheet/{person}")
            assert page.is_visible("[data-print]")
            page.emulate_media(media="print")
            assert not page.is_visible(".screen")
            assert page.is_visible(".foot")
            paper = page.pdf(prefer_css_page_size=True)
    found = re.search(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", paper)
    assert found is not None
    assert (round(float(found[1])), round(float(found[2]))) == A4
