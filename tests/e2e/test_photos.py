"""Photos in a real browser: a claim from a phone, what the principal sees, and a stamped page.

`XUESHI_SCREENSHOTS=folder` keeps pictures for a person to look at.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image, ImageDraw

from tests.e2e.browser import SCREENSHOTS, open_browser, take_picture
from tests.server.nodes import make_world
from tests.server.test_browser import is_wider_than_the_window, serve_pages
from xueshi_server.accounts import Accounts, Role
from xueshi_server.photos import PHOTO_BYTES_MAX
from xueshi_server.store.attached_files import read_file
from xueshi_server.store.attachments import About, list_attachments
from xueshi_server.store.prints import Prints
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PIN: Final = "820164"
WIDE: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 390, "height": 844}


@dataclass
class Desk:
    """A school with one teacher, served to a browser; photos lie in a folder as on a phone."""

    school: Node
    page: "Page"
    url: str
    person: RecordKey
    folder: Path

    def be(self, role: Role, *, phone: bool) -> None:
        """Log in, on a phone or at a desk."""
        accounts = Accounts(self.school.home)
        if not any(each.login == role for each in accounts.list_all()):
            code = accounts.add(role, "王秀英", role, person=self.school.public_id(self.person))
            account = accounts.check(role, code)
            accounts.set_password(account, PIN if account.has_pin else "a long sentence of mine")
        account = next(each for each in accounts.list_all() if each.login == role)
        cookie = accounts.start_session(account)
        accounts.close()
        self.page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": self.url}])
        self.page.set_viewport_size(PHONE if phone else WIDE)  # type: ignore[arg-type]

    def go(self, path: str) -> None:
        answer = self.page.goto(f"{self.url}{path}")
        assert answer is not None
        assert answer.status == 200, path

    def photo(self, name: str, colour: str, orientation: int = 1) -> Path:
        """A photo as a phone takes it: large, lying on its side, with a place in it."""
        picture = Image.effect_noise((1800, 1350), 40).convert("RGB")
        ImageDraw.Draw(picture).rectangle((0, 0, 900, 1350), colour)
        exif = Image.Exif()
        exif[0x0112] = orientation
        exif[0x010F] = "Camera"
        path = self.folder / name
        picture.save(path, "JPEG", quality=92, exif=exif)
        assert path.stat().st_size > PHOTO_BYTES_MAX
        return path

    def wait_until(self, expression: str) -> None:
        """Ask the page until it says yes: its own policy lets no script poll inside."""
        for _ in range(100):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(100)
        pytest.fail(expression)

    def look(self, name: str) -> None:
        """Nothing may stick out; pictures are kept in both languages for whoever asked."""
        for language in ("en", "zh") if SCREENSHOTS in os.environ else ("zh",):
            path = self.page.url.removeprefix(self.url).split("?")[0]
            self.go(f"{path}?lang={language}")
            self.wait_until("Array.from(document.images).every(i => i.complete)")
            width = self.page.viewport_size["width"]  # type: ignore[index]
            take_picture(self.page, f"photos-{name}-{width}-{language}")
            assert not is_wider_than_the_window(self.page), name


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("photos")
    with make_world(folder) as world:
        school = world.make("school", "向阳小学", "S1")
        with school.write(actor="admin") as action:
            person = action.insert("person", {"staff_no": "T1", "name": "王秀英", "active": True})
        with serve_pages(school) as (url, _), open_browser() as page:
            yield Desk(school, page, url, person, folder)


def hours(desk: Desk) -> list[RecordKey]:
    rows = desk.school.query("SELECT scope_no, rec FROM hour ORDER BY rec")
    return [RecordKey(row["scope_no"], row["rec"]) for row in rows]


def test_a_claim_with_two_photos_goes_from_a_phone_to_the_principal(desk: Desk) -> None:
    page = desk.page
    desk.be("teacher", phone=True)
    desk.go("mine/?lang=zh")
    page.fill("#f-title", "县级观摩课：习作教学的支架")
    page.fill("#f-date", "2026-02-20")
    page.fill("#f-minutes", "2")
    page.set_input_files(
        "#f-photo", [desk.photo("IMG_1.jpg", "red", 6), desk.photo("2.jpg", "teal")]
    )
    page.wait_for_selector("#photos li:nth-child(2) button")
    (desk.folder / "note.txt").write_text("no photo")
    page.set_input_files("#f-photo", desk.folder / "note.txt")
    page.wait_for_selector("#photo-faults .fault")
    take_picture(page, "photos-claim-390-zh")
    # The page is closed, and comes back as it was.
    desk.go("mine/")
    assert page.input_value("#f-title") == "县级观摩课：习作教学的支架"
    assert page.locator("#photos li").count() == 2
    desk.look("mine-draft")
    page.locator("#f-title").press("Enter")
    page.wait_for_selector(".note.good")
    found = list_attachments(desk.school, About("hour", hours(desk)[0]))
    assert [(each.width, each.height) for each in found] == [(1200, 1600), (1600, 1200)]
    for each in found:
        data = read_file(desk.school, each.file)
        assert len(data) <= PHOTO_BYTES_MAX
        assert not Image.open(io.BytesIO(data)).getexif()
    desk.look("mine")
    desk.be("principal", phone=False)
    desk.go(f"hours/{desk.school.public_id(hours(desk)[0])}")
    desk.look("hour")
    assert page.locator("#evidence img").count() == 2
    sizes = page.evaluate(
        "Array.from(document.querySelectorAll('#evidence img'), i => i.naturalWidth)"
    )
    assert all(0 < each <= 200 for each in sizes)
    page.click("#evidence .actions a")
    desk.look("attachments")


def test_a_photo_is_removed_before_it_is_sent(desk: Desk) -> None:
    desk.be("teacher", phone=True)
    desk.go("mine/")
    desk.page.set_input_files("#f-photo", desk.photo("3.jpg", "navy"))
    desk.page.wait_for_selector("#photos button")
    desk.page.click("#photos button")
    desk.page.wait_for_selector("#photos li", state="detached")
    desk.go("mine/")
    assert desk.page.locator("#photos li").count() == 0


def test_a_plain_form_makes_photos_small_before_they_travel(desk: Desk) -> None:
    page = desk.page
    desk.be("principal", phone=False)
    desk.go(f"attachments/of/person/{desk.school.public_id(desk.person)}")
    page.set_input_files("#f-photo", desk.photo("certificate.jpg", "maroon", 3))
    page.wait_for_selector(".shots canvas")
    size = "document.getElementById('f-photo').files[0].size"
    desk.wait_until(f"{size} < {PHOTO_BYTES_MAX}")
    with page.expect_navigation():
        page.click("form.card button:not([type=button])")
    (found,) = list_attachments(desk.school, About("person", desk.person))
    assert found.file_name == "certificate.jpg"


def test_a_stamped_page_is_attached_and_the_paper_ages(desk: Desk) -> None:
    page = desk.page
    desk.be("principal", phone=False)
    name = desk.school.public_id(desk.person)
    form = f"forms/personal_statement/{name}"
    desk.go(form)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(300)
    desk.go("forms/unstamped")
    desk.look("unstamped")
    page.click("td.inline a")
    page.set_input_files("#f-page", desk.photo("stamp.jpg", "firebrick"))
    page.wait_for_selector(".shots canvas")
    with page.expect_navigation():
        page.click("#attach button")
    assert page.locator(".stamped .note.good").count() == 1
    with desk.school.write(actor="admin") as action:
        action.set("person", desk.person, {"name": "王秀英子", "post": "一级教师"})
    for phone in (False, True):
        desk.be("principal", phone=phone)
        desk.go(f"{form}/check")
        desk.look("paper")
    assert page.locator(".changes del").count() > 0
    desk.go(form)
    assert page.locator(".paper.changed").is_visible()
    desk.look("form")
    assert Prints(desk.school.home).list_awaited()
