"""Pictures of the node's pages for the guide: `python -m tests.e2e.pictures`.

An invented school and its centre under a shipped pack, on a fixed day, in headless Chromium. A
picture in which nothing changed has the same bytes the next time.
"""

import tempfile
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from PIL import Image, ImageDraw

from tests.e2e.browser import open_browser
from tests.e2e.test_axe import Office, serve
from tests.e2e.test_session import NAMES, TITLE
from tests.server.nodes import NOW_MS, add_contribution
from tests.server.pages import TEST_PIN, accounts_of
from tests.server.walks.shipped_county import SCHOOL, County, Record, make_county
from xueshi_server.accounts import Role
from xueshi_server.domain.quizzes import is_quiz
from xueshi_server.library import add_file
from xueshi_server.shelf import Shelf
from xueshi_server.store.library import About, list_resources
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_server.web.site import EXTENSION, Site
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from playwright.sync_api import Page

FOLDER: Final = Path(__file__).parents[2] / "site/docs/assets/help"
PACK: Final = "township-primary"
WIDE: Final = 1100
PHONE: Final = 390
HIGHEST: Final = 900
# Pages whose point is further down.
HIGHER: Final = {"session": 1240, "principal": 1240, "session-phone": 1500}
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
    ("checking", "school", "principal", "/review/"),
    ("objections", "school", "principal", "/objections/"),
    ("mine", "school", "teacher", "/mine/"),
    ("forms", "school", "registrar", "/forms/"),
    ("form", "school", "registrar", "/forms/personal_statement/{name}"),
    ("library", "school", "registrar", "/library/"),
    ("contributions", "school", "registrar", "/contributions/"),
    ("new-contribution", "school", "teacher", "/contributions/new"),
    ("contribution", "centre", "reviewer", "/contributions/{contribution}"),
    # Attached first, so that the record shows it.
    ("attachments", "school", "registrar", "/attachments/of/hour/{hour}"),
    ("record", "school", "registrar", "/hours/{hour}"),
    ("quiz", "school", "teacher", "/quizzes/{quiz}"),
    ("grants", "school", "registrar", "/grants/"),
    ("sync", "school", "admin", "/sync-state/"),
    ("conflicts", "school", "admin", "/conflicts/"),
    ("accounts", "school", "admin", "/accounts/"),
    ("codes", "school", "registrar", "/accounts/codes"),
    ("lan", "school", "admin", "/wifi/"),
    ("files", "school", "registrar", "/files/?type=person"),
    ("review", "centre", "admin", "/review/"),
    ("schools", "centre", "admin", "/schools/"),
)
ON_A_PHONE: Final = ("session", "mine")
IN_ENGLISH: Final = ("today", "session", "principal")
GONE: Final = {
    "staff_no": "T000", "name": "马国栋", "active": False, "left_on": "2025-07-31",
    "born_on": "1965-06-20",
}  # fmt: skip
SUBJECTS: Final = ("chinese", "maths", "english", "science")
CLAIMS: Final = (
    ("县级语文骨干教师跟岗研修", "2026-01-14", 480),
    ("教育信息技术应用网上研修", "2026-02-10", 360),
)
# File, title, subject, minutes that studying it is worth, kilobytes.
Item = tuple[str, str, str, int, int]
LIBRARY: Final[tuple[Item, ...]] = (
    ("xizuo.pdf", "习作教学：从说到写的支架", "语文", 90, 640),
    ("zuoye.pdf", "小学数学作业设计三十例", "数学", 60, 420),
    ("shide.md", "新时代教师职业行为十项准则学习要点", "师德", 0, 12),
    ("moke.quiz.md", "磨课四步小测", "教研", 60, 0),
    ("shifan.mp4", "示范课：两位数加法", "数学", 45, 2300),
)
OFFERED: Final = (
    ("留守儿童心理辅导个案记录与反思", "gean.md", "mental_health", "2026-02-12"),
    ("四年级习作：我的乡村", "xizuo.md", "chinese", "2026-01-20"),
)
TEXT: Final = (
    "# 背景\n\n父母在外务工，孩子由祖父母照看。\n\n## 做法\n\n1. 每周谈话一次；\n2. 与家长通话。\n"
)
QUIZ: Final = """---
title: 磨课四步小测
hours: 1
pass: 80%
---
看完《磨课四步》再答，共两题。

## 磨课的第一步是什么？

- [x] 集体备课，定目标
- [ ] 直接上课
- [ ] 写总结

## 磨课要留下什么？（可以多选）

- [x] 教案的前后两稿
- [x] 听课记录和反思
- [ ] 考勤表
"""
TABLE: Final = (
    "教师编号,姓名,性别,出生日期,学科,入职日期\n"
    "T015,何建军,男,1988-04-12,数学,2010-09-01\n"
    "T003,李婷婷,女,1976-11-05,英语,2000-09-01\n"
    "T016,高志远,男,1990年2月30日,语文,2012-09-01\n"
    "T017,罗春梅,女,1985.6.9,语文,2008-09-01\n"
)
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


def fill_school(county: County) -> list[Record]:
    """Fourteen teachers, three sessions, claims that wait, what came back, a conflict, a library;
    the teachers, as they stand on the roster."""
    people = [county.enter("person", **about(at)) for at in range(len(NAMES))]
    county.enter("person", **about(0) | GONE)
    held: list[Record] = []
    for title, date, minutes in SESSIONS:
        held += county.hold(title, date, minutes, *people)
    county.approve(*held[:28])
    claim(county, people)
    centre = county.at_centre()
    with centre.write(actor="centre") as action:
        key = centre.find_record(held[28].name)
        action.judge("hour", key, "reject", reason="签到表没有校长签字")
    publish(centre, LIBRARY[:-1])
    centre.replica.seal()
    county.world.carry(centre, county.school, to=SCHOOL)
    fetch(county)
    hand_in(county, people)
    centre.invite("YP02", "云坪村小学", urls=["http://192.168.1.10:8471"])
    # The last item is known and has not arrived.
    publish(centre, LIBRARY[-1:])
    disagree(county, people[4])
    return people


def about(at: int) -> dict[str, Any]:
    """What the roster says of a teacher."""
    return {
        "staff_no": f"T{at + 1:03}",
        "name": NAMES[at],
        "active": True,
        "sex": "12"[NAMES[at][-1] in "英婷琳洁静霞梅燕提"],
        "born_on": f"{1972 + at * 2}-{1 + at * 5 % 12:02}-{3 + at:02}",
        "subject": SUBJECTS[at % len(SUBJECTS)],
        "hired_on": f"{1996 + at * 2}-09-01",
    }


def claim(county: County, people: list[Record]) -> None:
    """What teachers claimed on their phones."""
    school = county.school
    for at, (person, (title, date, minutes)) in enumerate(zip(people, CLAIMS, strict=False), 1):
        # An account of a teacher is called by the staff number.
        with school.write(actor=f"t{at:03}") as action:
            who = school.find_record(person.name).rec
            row = {"person": who, "date": date, "title": title, "minutes": minutes}
            action.insert("hour", row)
    school.replica.seal()


def hand_in(county: County, people: list[Record]) -> None:
    """What two teachers offer to the library: one waits, one came back."""
    school, centre = county.school, county.at_centre()
    for at, (title, name, subject, on) in enumerate(OFFERED):
        person = school.find_record(people[at].name)
        offered = add_contribution(
            school, person, TEXT, name=title, file_name=name, subject=subject, date=on,
            media="text/markdown", minutes=45,
        )  # fmt: skip
        key = school.find_record(offered)
        school.replica.seal()
        county.world.carry(school, centre, to=None)
        if at:
            there = centre.find_record(school.public_id(key))
            with centre.write(actor="centre") as action:
                action.judge("contribution", there, "reject", reason="请去掉学生姓名")
            centre.replica.seal()
    county.world.carry(centre, school, to=SCHOOL)
    for each in school.files.to_offer(9):
        centre.files.want(each)
        for chunk in centre.files.wants(1 << 20):
            data = school.files.give(chunk)
            assert data is not None
            centre.files.take([data])


def publish(centre: Node, items: "Iterable[Item]") -> None:
    """Some items of the county's library."""
    with tempfile.TemporaryDirectory() as folder:
        for name, title, subject, minutes, kilobytes in items:
            path = Path(folder, name)
            path.write_bytes(name.encode() * (kilobytes * 1024 // len(name.encode())))
            if not kilobytes:
                path.write_text(QUIZ, "utf-8")
            add_file(centre, path, About(title, subject, minutes=minutes), actor="admin")


def fetch(county: County) -> None:
    """Bring the school all that it wants of the library."""
    shelf = Shelf(county.school)
    for _ in range(4):
        shelf.advance()
        for name in county.school.files.wants(1 << 20):
            chunk = county.centre.files.give(name)
            assert chunk is not None
            county.school.files.take([chunk])
    shelf.advance()


def disagree(county: County, person: Record) -> None:
    """One name written in two ways on the same day, before either side heard of the other."""
    for node, name in ((county.school, "陈晓林"), (county.centre, "陈小琳")):
        with node.write(actor="registrar") as action:
            action.set("person", node.find_record(person.name), {"name": name})
        node.replica.seal()
    county.world.carry(county.school, county.centre, to=None)
    county.world.carry(county.centre, county.school, to=SCHOOL)


def settle_lan(office: Office) -> None:
    """The network of a school: one address, and a phone that was here."""
    site: Site = office.app.extensions[EXTENSION]
    assert site.lan is not None
    site.lan._list_addresses = lambda: ["192.168.1.10"]
    site.lan.port = 8080
    site.clock = lambda: 600.0
    site.visitors["192.168.1.23"] = 480.0


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
    use = USE.get(picture.partition("-")[0])
    if use is not None:
        use(page)
    page.evaluate("document.activeElement.blur()")
    height = int(page.evaluate("Math.ceil(document.body.getBoundingClientRect().height)"))
    width = page.viewport_size["width"] if page.viewport_size else WIDE
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, HIGHER.get(picture, HIGHEST))}
    shot = page.screenshot(clip=clip, full_page=True, animations="disabled")  # type: ignore[arg-type]
    image = Image.open(BytesIO(shot)).convert("RGB").quantize(COLOURS)
    image.save(FOLDER / f"{picture}.png", optimize=True)


def hold_session(page: "Page") -> None:
    """Half of the teachers are ticked, one has hours of her own."""
    page.fill("#f-title, input[name=title]", "作业设计二次研讨")
    page.fill("input[name=minutes]", "2")
    for at in range(7):
        page.locator("input[name=person]").nth(at).check()


def check_table(page: "Page") -> None:
    """A table with a row that is new, one that is known and one that is wrong."""
    table = {"name": "2026年春季花名册.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    page.set_input_files("input[type=file]", table)  # type: ignore[arg-type]
    page.locator("main form[enctype] button").first.click()
    page.wait_for_selector("tr.is-faulty")


def attach_photo(page: "Page") -> None:
    """A photo of a list that was signed."""
    picture = Image.new("RGB", (960, 720), "#f4efe2")
    draw = ImageDraw.Draw(picture)
    for row in range(9):
        draw.rectangle((90, 90 + row * 60, 870, 150 + row * 60), outline="#6b6455", width=3)
        draw.line((120, 128 + row * 60, 260 + row * 37 % 90, 118 + row * 60), "#27406b", 6)
    draw.ellipse((640, 470, 820, 650), outline="#b8382d", width=9)
    data = BytesIO()
    picture.save(data, "JPEG")
    photo = {"name": "签到表.jpg", "mimeType": "image/jpeg", "buffer": data.getvalue()}
    page.set_input_files("input[type=file]", photo)  # type: ignore[arg-type]
    page.fill("input[name=note]", "签到表")
    page.locator("main form[enctype] button").last.click()
    page.wait_for_selector(".shots img")


# What is done on a page before its picture is taken.
USE: Final[dict[str, "Callable[[Page], None]"]] = {
    "session": hold_session,
    "files": check_table,
    "attachments": attach_photo,
}


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
        people = fill_school(county)
        with ExitStack() as open_things:
            # "Last heard" is reckoned on the day of the school, not of whoever runs this.
            stopped = SimpleNamespace(time=lambda: NOW_MS / 1000 + 600)
            open_things.enter_context(patch("xueshi_server.web.sync_state.time", stopped))
            offices = {
                node.role: open_things.enter_context(serve(node, county.pack))
                for node in (county.school, county.centre)
            }
            open_things.enter_context(patch("xueshi_server.lan.answers", lambda *_: True))
            for office in offices.values():
                open_accounts(office)
                settle_lan(office)
            # The teacher is the first of the roster.
            offices["school"].values["name"] = people[0].name
            (quiz,) = (each for each in list_resources(county.school) if is_quiz(each.name, ""))
            offices["school"].values["quiz"] = quiz.public_id
            take_all(open_things.enter_context(open_browser()), offices)


if __name__ == "__main__":
    main()
