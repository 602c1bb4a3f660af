"""Accounts: several roles a person, PINs of teachers, codes handed out, what is written down."""

import logging
import re
import sqlite3

import pytest
from flask import Flask

from tests.server.nodes import add_person
from tests.server.pages import TEST_PIN, Visitor, accounts_of, add_account, make_visitor
from xueshi_server.accounts import FILE_NAME, PIN_TRIES, Account, Accounts, Role, is_good_pin
from xueshi_server.errors import LoginRefusedError, WeakPinError
from xueshi_server.web.views import accounts as views
from xueshi_sync.node import Node


@pytest.mark.parametrize(
    ("pin", "good"),
    [
        pytest.param("820164", True, id="six-digits"),
        pytest.param("82016", False, id="too-short"),
        pytest.param("123456", False, id="a-run"),
        pytest.param("987654", False, id="a-run-down"),
        pytest.param("111111", False, id="one-digit"),
        pytest.param("121212", False, id="two-digits"),
        pytest.param("20260101", False, id="the-staff-number"),
        pytest.param("８２０１６４", False, id="full-width"),
        pytest.param("82o164", False, id="a-letter"),
    ],
)
def test_a_pin_is_digits_that_are_not_guessed_at_once(pin: str, good: bool) -> None:
    assert is_good_pin(pin, "T20260101") is good


def test_a_teacher_alone_has_a_pin_and_everybody_else_a_password(app: Flask) -> None:
    teacher = add_account(app, "teacher")
    with pytest.raises(WeakPinError):
        accounts_of(app).set_password(teacher, "a long sentence of mine")
    accounts_of(app).add("both", "Both", "registrar", "teacher")
    both = next(each for each in accounts_of(app).list_all() if each.login == "both")
    assert not both.has_pin


def test_a_pin_guessed_at_too_often_is_void_until_there_is_a_new_code(school: Node) -> None:
    accounts = Accounts(school.home)
    code = accounts.add("T1", "Li Ming", "teacher")
    account = accounts.check("t1", code)
    accounts.set_password(account, TEST_PIN)
    for _ in range(PIN_TRIES):
        with pytest.raises(LoginRefusedError):
            accounts.check("T1", "000000")
    with pytest.raises(LoginRefusedError):
        accounts.check("T1", TEST_PIN)
    assert accounts.check("T1", accounts.renew_code(account.account_id)).must_change
    accounts.close()


def test_a_teachers_session_ends_after_a_quarter_of_an_hour(school: Node) -> None:
    now = [1_772_438_400.0]
    accounts = Accounts(school.home, now_s=lambda: now[0])
    accounts.add("T1", "Li Ming", "teacher")
    token = accounts.start_session(accounts.list_all()[0])
    now[0] += 16 * 60
    assert accounts.find_session(token) is None
    accounts.close()


def test_a_file_of_an_older_version_keeps_its_accounts(school: Node) -> None:
    with sqlite3.connect(school.home / FILE_NAME) as db:
        db.execute(
            "CREATE TABLE account (account_id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE,"
            " name TEXT NOT NULL, role TEXT NOT NULL, secret_hash TEXT NOT NULL,"
            " must_change INTEGER NOT NULL, enabled INTEGER NOT NULL DEFAULT 1) STRICT"
        )
        db.execute("INSERT INTO account VALUES (1, 'old', 'Old', 'registrar', 'x', 0, 1)")
    db.close()
    accounts = Accounts(school.home)
    assert [(each.login, each.roles, each.person) for each in accounts.list_all()] == [
        ("old", ("registrar",), "")
    ]
    accounts.close()


def hand_out(app: Flask, school: Node) -> tuple[Visitor, str]:
    """The registrar makes a code for the one teacher."""
    name = school.public_id(add_person(school))
    registrar = make_visitor(app, "registrar")
    page = registrar.post("/accounts/codes", person=name).text
    found = re.search(r'class="code">([^<]+)<', page)
    assert found is not None
    return registrar, found[1]


def test_a_teacher_comes_in_with_the_code_sets_a_pin_and_sees_the_own_page(
    app: Flask, school: Node
) -> None:
    _, code = hand_out(app, school)
    teacher = make_visitor(app, None)
    assert teacher.post("/login", login="t1", secret=code).headers["Location"] == "/password"
    assert teacher.post("/password", password=TEST_PIN, again=TEST_PIN).status_code == 303
    assert teacher.get("/").headers["Location"] == "/mine/"
    assert "Li Ming" in teacher.text("/mine/")


def test_accounts_stand_on_pages_with_the_staff_first_and_are_searched(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE_ROWS", 2)
    for login in ("anna", "boris"):
        add_account(app, "teacher", login=login)
    add_account(app, "registrar", login="zoe")
    admin = make_visitor(app, "admin")
    first = admin.text("/accounts/")
    assert ("zoe" in first, "anna" in first) == (True, False)
    assert "boris" in admin.text("/accounts/", **{"from": "2"})
    assert "anna" in admin.text("/accounts/", q="Ann")


def test_a_code_is_shown_once(app: Flask, school: Node) -> None:
    registrar, code = hand_out(app, school)
    assert code not in registrar.get("/accounts/codes").text


def test_a_registrar_renews_no_code_of_somebody_with_other_rights(app: Flask, school: Node) -> None:
    name = school.public_id(add_person(school))
    accounts_of(app).add("T1", "Li Ming", "admin", "teacher", person=name)
    before = accounts_of(app).list_all()
    page = make_visitor(app, "registrar").post("/accounts/codes", person=name).text
    assert 'class="code"' not in page
    assert before[0] in accounts_of(app).list_all()


def test_rights_are_changed_by_the_administrator_and_written_down(
    app: Flask, admin: Visitor
) -> None:
    account = add_account(app, "registrar")
    admin.post(f"/accounts/{account.account_id}/rights", role=["principal", "reviewer"])
    changed = accounts_of(app).find(account.account_id)
    assert changed is not None
    assert changed.roles == ("principal", "reviewer")
    assert "registrar > principal reviewer" in admin.get("/accounts/notes").text.replace(
        "&gt;", ">"
    )


def test_a_pin_never_guards_more_than_a_teachers_own_pages(app: Flask, admin: Visitor) -> None:
    account = add_account(app, "teacher", login="t1")
    page = admin.post(f"/accounts/{account.account_id}/rights", role="registrar").text
    with pytest.raises(LoginRefusedError):
        accounts_of(app).check("t1", TEST_PIN)
    found = re.search(r'class="code"[^>]*>([^<]+)<', page)
    assert found is not None
    assert accounts_of(app).check("t1", found[1]).roles == ("registrar",)


def test_further_rights_let_nobody_in_who_was_shut_out(app: Flask, admin: Visitor) -> None:
    account = add_account(app, "teacher", login="t1")
    accounts_of(app).disable(account.account_id)
    admin.post(f"/accounts/{account.account_id}/rights", role="registrar")
    changed = accounts_of(app).find(account.account_id)
    assert changed is not None
    assert not changed.enabled


def test_log_ins_are_written_down_without_their_secrets(app: Flask, school: Node) -> None:
    add_account(app, "teacher", login="t1")
    visitor = make_visitor(app, None)
    visitor.post("/login", login="t1", secret="482913")
    visitor.post("/login", login="t1", secret=TEST_PIN)
    notes = accounts_of(app).list_notes()
    assert [each.what for each in notes] == ["enter", "refused"]
    stored = b"".join(path.read_bytes() for path in school.home.glob("local.db*"))
    assert b"482913" not in stored
    assert TEST_PIN.encode() not in stored


def test_who_logged_in_lately_is_offered_at_the_pc_and_not_over_the_network(app: Flask) -> None:
    add_account(app, "teacher", login="t1")
    visitor = make_visitor(app, None)
    visitor.post("/login", login="t1", secret=TEST_PIN)
    visitor.post("/logout")
    assert "Test teacher" in visitor.get("/login").text
    answer = visitor.client.get("/login", environ_overrides={"REMOTE_ADDR": "192.168.1.9"})
    assert "Test teacher" not in answer.text


def test_no_pin_or_code_is_in_any_log(
    app: Flask, school: Node, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    _, code = hand_out(app, school)
    teacher = make_visitor(app, None)
    teacher.post("/login", login="t1", secret="482913")
    teacher.post("/login", login="t1", secret=code)
    teacher.post("/password", password=TEST_PIN, again="000000")
    teacher.post("/password", password=TEST_PIN, again=TEST_PIN)
    logged = caplog.text + "".join(capfd.readouterr())
    assert not [each for each in (code, TEST_PIN, "482913") if each in logged]


@pytest.mark.parametrize(
    ("role", "with_pin", "chosen", "minutes"),
    [
        pytest.param("registrar", False, 0, 60, id="a-password-is-long-to-type"),
        pytest.param("registrar", True, 0, 10, id="a-pin-is-quick"),
        pytest.param("registrar", True, 30, 30, id="the-administrator-chose-longer"),
        pytest.param("registrar", False, 5, 5, id="the-administrator-chose-shorter"),
        pytest.param("teacher", False, 60, 15, id="a-teacher-never-longer"),
        pytest.param("teacher", False, 5, 5, id="a-teacher-shorter"),
    ],
)
def test_a_page_that_nobody_touches_locks_itself(
    role: Role, with_pin: bool, chosen: int, minutes: int
) -> None:
    account = Account(
        1, "x", "Test", (role,), False, True, has_switch_pin=with_pin, lock_s=chosen * 60
    )
    assert account.idle_s == minutes * 60


def test_the_administrator_chooses_when_it_locks(admin: Visitor) -> None:
    assert admin.post("/accounts/lock", minutes="15").status_code == 303
    assert '<option value="15" selected>' in admin.get("/accounts/").text
    assert admin.post("/accounts/lock", minutes="7").status_code == 400


def test_what_was_chosen_holds_for_who_is_logged_in_already(school: Node) -> None:
    now = [1_772_438_400.0]
    accounts = Accounts(school.home, now_s=lambda: now[0])
    accounts.add("r", "Test", "registrar")
    token = accounts.start_session(accounts.list_all()[0])
    accounts.lock_after(5)
    now[0] += 301
    assert accounts.find_session(token) is None
    accounts.close()
