"""From the first start to a complete passport, as the people of a county live it.

A teacher claims on a phone, the head of the school returns it with a reason, it comes again, is
passed, approved by the county and printed; two people share the school's PC; one of them reads
English. `XUESHI_SCREENSHOTS=folder` keeps pictures for a person to look at.
"""

from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from pypdf import PdfReader

from tests.client.console_run import xueshi
from tests.e2e.story import PASSWORD, PIN, Person, Story, told_in
from xueshi_server.web.security import SESSION_COOKIE

pytestmark = [pytest.mark.browser, pytest.mark.process]

SCHOOL: Final = "石板村小学"
TITLE: Final = "县级观摩课：习作教学的支架"
# In the year that the statement is of, whenever this runs.
DAY: Final = date.today().isoformat()
TOO_MUCH: Final = "签到表上是 3 学时"
TURN_PIN: Final = "503917"
QUESTION: Final = "这天下午还有半天讲座没有记"
ANSWER: Final = "讲座由县里另行登记"


def test_a_claim_goes_from_a_phone_to_a_complete_passport(tmp_path: Path) -> None:
    with told_in(tmp_path) as story:
        head, teacher = first_day(story)
        claim(teacher)
        give_back(head)
        claim_again(teacher)
        let_pass(head)
        story.sync()
        approve(story)
        story.sync()
        see_the_end(head, teacher)
        object_and_answer(head, teacher)
        share_the_pc(head)
        in_english(teacher)


def first_day(story: Story) -> tuple[Person, Person]:
    """The county takes the school in; its administrator makes a roster and accounts; the head and
    the teacher choose what they log in with."""
    published = xueshi(story.centre.home, "pack-publish", "qinggang", "--activate", "--json")
    assert published.status == 0, published.err
    argv = ("invite", "--code", "S1", "--name", SCHOOL, "--url", story.centre.url, "--json")
    invited = xueshi(story.centre.home, *argv)
    joined = xueshi(story.school.home, "join", str(invited.data["invitation"]), "--json")
    assert joined.status == 0, joined.err
    story.sync()

    admin = story.person(story.school)
    admin.log_in("admin", story.school.code)
    admin.choose(PASSWORD)
    assert admin.page.url.startswith(story.school.url + "?done=password")
    admin.look("today")
    admin.go("people/new")
    admin.page.fill("#f-name", "周明")
    admin.page.fill("#f-staff_no", "T1")
    admin.enter("#f-staff_no")

    admin.go("accounts/")
    admin.page.fill("#f-name", "李建国")
    admin.page.fill("#f-login", "li")
    admin.page.uncheck(".card.narrow input[value=registrar]")
    admin.page.check(".card.narrow input[value=principal]")
    admin.press(".card.narrow .actions button")
    head_code = admin.page.inner_text(".note.good .code")
    admin.look("accounts")
    admin.go("accounts/codes")
    admin.page.check("tbody input[type=checkbox]")
    admin.press("main form .actions button")
    teacher_code = admin.page.inner_text(".slips .code")
    admin.look("codes")

    head, teacher = story.person(story.school), story.person(story.school, phone=True)
    head.log_in("li", head_code)
    head.choose(PASSWORD)
    teacher.log_in("T1", teacher_code)
    teacher.choose(PIN)
    return head, teacher


def claim(teacher: Person) -> None:
    """Four hours, claimed on a phone."""
    teacher.go("mine/?lang=zh")
    teacher.page.fill("#f-title", TITLE)
    teacher.page.fill("#f-date", DAY)
    teacher.page.fill("#f-minutes", "4")
    teacher.enter("#f-title")
    assert "待审核" in teacher.text()
    teacher.look("claimed")


def give_back(head: Person) -> None:
    """The head looks at the queue and returns the claim; without a reason it does not go."""
    head.go("review/?lang=zh")
    assert TITLE in head.text()
    head.look("queue")
    head.page.check("tbody input[type=checkbox]")
    head.press("button[value=return]:not([hidden])")
    assert "请写明理由" in head.text()
    head.page.fill("#f-reason", TOO_MUCH)
    head.press("button[value=return]:not([hidden])")
    assert TITLE not in head.text()
    head.go("review/?state=returned")
    assert TITLE in head.text()
    head.look("returned")


def claim_again(teacher: Person) -> None:
    """The teacher reads why, corrects what was filled in and sends it again."""
    teacher.go("mine/")
    assert TOO_MUCH in teacher.text()
    teacher.look("read-why")
    teacher.press("button:has-text('更正后再报')")
    assert teacher.page.input_value("#f-title") == TITLE
    teacher.page.fill("#f-minutes", "3")
    teacher.look("again")
    teacher.enter("#f-title")
    cards = teacher.page.locator(".mine-list .card").all_inner_texts()
    assert sorted("学校退回" in each for each in cards) == [False, True]
    assert any("4 → 3" in " ".join(each.split()) for each in cards)


def let_pass(head: Person) -> None:
    """The head passes the correction."""
    head.go("review/")
    assert "4 → 3" in " ".join(head.text().split())
    head.look("queue-again")
    head.page.check("tbody input[type=checkbox]")
    head.press("button[value=pass]:not([hidden])")
    assert TITLE not in head.text()


def approve(story: Story) -> None:
    """The county's officer sees that the school stands behind it, and approves."""
    officer = story.person(story.centre)
    officer.log_in("admin", story.centre.code)
    officer.choose(PASSWORD)
    officer.go("review/?lang=zh")
    officer.look("county-queue")
    assert "学校已初审" in officer.page.inner_text("tbody")
    officer.page.check("tbody input[type=checkbox]")
    officer.press("button[value=approve]:not([hidden])")
    assert "已认定 1 条" in officer.text()


def see_the_end(head: Person, teacher: Person) -> None:
    """Every stage of the passport is done, the hours count, and the statement says so on paper."""
    teacher.go("mine/")
    assert teacher.page.inner_text(".figures li:first-child b") == "3"
    teacher.look("counted")
    head.go("hours/?state=approved")
    head.press("td.title a")
    stages = head.page.locator(".passport li")
    assert stages.count() >= 3
    assert {each.get_attribute("class") for each in stages.all()} == {"done"}
    head.look("passport")
    paper = teacher.page.request.get(f"{teacher.url}mine/statement")
    assert paper.headers["content-type"] == "application/pdf"
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(paper.body())).pages)
    assert "周明" in text
    assert TITLE[:6] in text.replace("\n", "")


def object_and_answer(head: Person, teacher: Person) -> None:
    """The teacher says what is missing; the head answers."""
    card = ".mine-list .card:has(.state.approved)"
    teacher.go("mine/")
    teacher.page.click(f"{card} summary:has-text('异议')")
    teacher.page.fill(f"{card} input[name=reason]", QUESTION)
    teacher.press(f"{card} button:has-text('提交异议')")
    head.go("objections/")
    assert QUESTION in head.text()
    head.look("objection")
    head.page.locator("main form input[name=answer], main form textarea[name=answer]").fill(ANSWER)
    head.page.check("main form input[name=outcome][value=upheld]")
    head.press("main form:has([name=answer]) button")
    teacher.go("mine/")
    assert ANSWER in teacher.text()


def share_the_pc(head: Person) -> None:
    """At the school's PC the teacher takes a turn, and the head takes it back by a PIN."""
    head.go("password")
    head.page.fill("#f-pin-current", PASSWORD)
    head.page.fill("#f-pin", TURN_PIN)
    head.page.fill("#f-pin-again", TURN_PIN)
    head.press("form:has(#f-pin) button")
    head.page.context.clear_cookies(name=SESSION_COOKIE)
    head.go("login?as=T1&by=password")
    head.page.fill("#f-secret", PIN)
    head.press("main button.wide")
    assert head.page.inner_text("#me .name") == "周明"
    head.page.click("#me summary")
    head.look("turn")
    head.page.click("#turn label:has-text('李建国')")
    head.page.fill("#turn-pin", TURN_PIN)
    head.enter("#turn-pin")
    assert head.page.inner_text("#me .name") == "李建国"


def in_english(teacher: Person) -> None:
    """The same page in English has no Chinese of its own."""
    teacher.go("mine/?lang=en")
    assert "Claim hours" in teacher.text()
    assert teacher.page.locator("html").get_attribute("lang") == "en"
    teacher.look("english")
