"""Pictures of the node's pages for the guide: `python -m tests.e2e.pictures`.

An invented school and its centre under a shipped pack, on a fixed day, in headless Chromium.
"""

import tempfile
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from PIL import Image

from tests.e2e.browser import open_browser
from tests.e2e.test_axe import Office, serve
from tests.e2e.test_session import NAMES, TITLE
from tests.server.nodes import NOW_MS
from tests.server.pages import TEST_PIN, accounts_of
from tests.server.walks.shipped_county import SCHOOL, County, Record, make_county
from xueshi_server.accounts import Role
from xueshi_server.web.security import SESSION_COOKIE

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = Path(__file__).parents[2] / "site/docs/assets/help"
PACK: Final = "township-primary"
WIDE: Final = 1100
PHONE: Final = 390
HIGHEST: Final = 900
COLOURS: Final = 64
# (picture, whose node, who looks, address).
SHOTS: Final[tuple[tuple[str, str, Role, str], ...]] = (
    ("today", "school", "registrar", "/"),
    ("session", "school", "registrar", "/session/"),
    ("hours", "school", "registrar", "/hours/"),
    ("people", "school", "registrar", "/people/"),
    ("person", "school", "registrar", "/people/{name}"),
    ("requirements", "school", "registrar", "/requirements/"),
    ("records", "school", "registrar", "/records/"),
    ("principal", "school", "principal", "/principal/"),
    ("mine", "school", "teacher", "/mine/"),
    ("forms", "school", "registrar", "/forms/"),
    ("library", "school", "registrar", "/library/"),
    ("sync", "school", "admin", "/sync-state/"),
    ("conflicts", "school", "admin", "/conflicts/"),
    ("accounts", "school", "admin", "/accounts/"),
    ("lan", "school", "admin", "/wifi/"),
    ("files", "school", "registrar", "/files/"),
    ("review", "centre", "admin", "/review/"),
)
ON_A_PHONE: Final = ("session", "mine")
IN_ENGLISH: Final = ("today", "session", "principal")
SESSIONS: Final = (
    ("师德师风专题学习", "2025-09-10", 120),
    ("作业设计工作坊", "2025-11-12", 180),
    (TITLE, "2026-02-25", 120),
)

# Who is named at the top of the pages.
STAFF: Final[dict[Role, str]] = {
    "registrar": "单晓燕",
    "principal": "周海涛",
    "teacher": "张志强",
    "admin": "陈晓琳",
}


def fill_school(county: County) -> None:
    """Fourteen teachers, three sessions, records that wait and one that came back."""
    people = [
        county.enter("person", staff_no=f"T{at:03}", name=name, active=True)
        for at, name in enumerate(NAMES, 1)
    ]
    held: list[Record] = []
    for title, date, minutes in SESSIONS:
        held += county.hold(title, date, minutes, *people)
    county.approve(*held[:28])
    centre = county.at_centre()
    with centre.write(actor="centre") as action:
        key = centre.find_record(held[28].name)
        action.judge("hour", key, "reject", reason="签到表没有校长签字")
    centre.replica.seal()
    county.world.carry(centre, county.school, to=SCHOOL)


def open_accounts(office: Office) -> None:
    """The people who look at the pages, by name."""
    accounts = accounts_of(office.app)
    for role, name in STAFF.items():
        if office.node.role == "school" or role != "teacher":
            code = accounts.add(role, name, role)
            account = accounts.check(role, code)
            accounts.set_password(account, TEST_PIN if account.has_pin else "a long sentence")


def shoot(page: "Page", office: Office, role: Role, path: str, picture: str) -> None:
    """Open a page and keep what is seen of its upper part."""
    cookie = {"name": SESSION_COOKIE, "value": office.cookie(role), "url": office.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    keep(page, office.url.rstrip("/") + path, picture)


def keep(page: "Page", address: str, picture: str) -> None:
    """The page at `address` as a small PNG."""
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        raise SystemExit(f"{picture}: {answer and answer.status}")
    if picture.startswith("session"):
        page.fill("#f-title, input[name=title]", TITLE)
        page.evaluate("document.activeElement.blur()")
    height = int(page.evaluate("Math.ceil(document.body.getBoundingClientRect().height)"))
    width = page.viewport_size["width"] if page.viewport_size else WIDE
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, HIGHEST)}
    shot = page.screenshot(clip=clip, full_page=True)  # type: ignore[arg-type]
    image = Image.open(BytesIO(shot)).convert("RGB").quantize(COLOURS)
    image.save(FOLDER / f"{picture}.png", optimize=True)


def take_all(page: "Page", offices: dict[str, Office]) -> None:
    """Every page in Chinese, a few in English and on a phone."""
    page.set_viewport_size({"width": WIDE, "height": HIGHEST})
    keep(page, offices["school"].url + "login?lang=zh", "login")
    for picture, where, role, path in SHOTS:
        office = offices[where]
        address = path.format(**office.values)
        shoot(page, office, role, f"{address}?lang=zh", picture)
        if picture in IN_ENGLISH:
            shoot(page, office, role, f"{address}?lang=en", f"{picture}-en")
        if picture in ON_A_PHONE:
            page.set_viewport_size({"width": PHONE, "height": HIGHEST})
            shoot(page, office, role, f"{address}?lang=zh", f"{picture}-phone")
            page.set_viewport_size({"width": WIDE, "height": HIGHEST})


def main() -> None:
    """Make the pictures anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, make_county(Path(folder), PACK) as county:
        fill_school(county)
        with ExitStack() as open_things:
            # "Last heard" is reckoned on the day of the school, not of whoever runs this.
            stopped = SimpleNamespace(time=lambda: NOW_MS / 1000 + 600)
            open_things.enter_context(patch("xueshi_server.web.sync_state.time", stopped))
            offices = {
                node.role: open_things.enter_context(serve(node, county.pack))
                for node in (county.school, county.centre)
            }
            for office in offices.values():
                open_accounts(office)
            take_all(open_things.enter_context(open_browser()), offices)


if __name__ == "__main__":
    main()
