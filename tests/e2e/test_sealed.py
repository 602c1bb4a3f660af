"""A half-filled form with personal numbers in a real browser: what is kept of it, and where.

`XUESHI_SCREENSHOTS=folder` keeps a picture for a person to look at.
"""

from pathlib import Path

import pytest

from tests.e2e.browser import open_browser, take_picture
from tests.server.conftest import County, county, quick_hashing, school, world  # noqa: F401
from tests.server.test_browser import is_wider_than_the_window, serve_pages
from tests.server.test_sealed_import import assert_nowhere
from xueshi_server.sealing import ensure_seal_key
from xueshi_server.web.security import SESSION_COOKIE

pytestmark = pytest.mark.browser

NUMBER = "51068319850108002X"
PHONE = "13812345678"


def test_a_form_that_is_left_comes_back_without_its_numbers(county: County) -> None:  # noqa: F811
    ensure_seal_key(county.centre)
    county.carry_both_ways()
    home: Path = county.school.home
    with serve_pages(county.school) as (url, cookie), open_browser() as page:
        page.set_viewport_size({"width": 390, "height": 900})
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
        page.goto(f"{url}people/new?lang=zh")
        page.fill("#f-name", "李明")
        page.fill("#f-id_number", NUMBER)
        with page.expect_response("**/left/"):
            page.fill("#f-phone", PHONE)
        assert_nowhere(home, NUMBER, NUMBER[:14], PHONE)
        page.goto(f"{url}people/new?lang=zh")
        assert page.input_value("#f-name") == "李明"
        assert page.input_value("#f-id_number") == ""
        page.fill("#f-id_number", NUMBER[:-1] + "1")
        page.fill("#f-phone", PHONE)
        with page.expect_navigation():
            page.click("main .card .actions button")
        assert page.input_value("#f-id_number") == NUMBER[:-1] + "1"
        assert page.inner_text("#e-id_number").startswith("身份证号的校验位不对")
        assert not is_wider_than_the_window(page)
        take_picture(page, "sealed-fault")
        # The page that came back with faults counts as begun, and is kept too.
        with page.expect_response("**/left/"):
            page.fill("#f-name", "李明明")
        assert_nowhere(home, NUMBER[:-1], PHONE)
        page.fill("#f-id_number", NUMBER)
        with page.expect_navigation():
            page.click("main .card .actions button")
        assert "••••002X" in page.inner_text("main")
        assert_nowhere(home, NUMBER, NUMBER[:14], PHONE)
