"""Several people at one PC: a PIN brings back whoever typed the password there that day."""

import re
import time
from collections.abc import Iterator
from typing import Final

import pytest
from flask import Flask

from tests.server.nodes import make_world
from tests.server.pages import TEST_PIN, Visitor, accounts_of, add_account, make_visitor
from xueshi_server.accounts import Account
from xueshi_server.errors import LoginRefusedError, PinGoneError, PinRefusedError, WeakPinError
from xueshi_server.quick_switch import PIN_S, WRONG_MOST, Place, QuickSwitch
from xueshi_server.web import create_app
from xueshi_server.web.security import DEVICE_COOKIE, SESSION_COOKIE
from xueshi_server.web.site import EXTENSION, Site
from xueshi_sync.node import Node

PASSWORD: Final = "a long sentence of mine"
PIN: Final = "820164"
OTHER_PIN: Final = "905173"
HERE: Final = "127.0.0.1"


class Desk:
    """A shared PC with a registrar and a principal who both have PINs; the clock can be turned."""

    def __init__(self, app: Flask) -> None:
        self.app, self.accounts = app, accounts_of(app)
        self.registrar = add_account(app, "registrar")
        self.principal = add_account(app, "principal")
        self.accounts.set_switch_pin(self.registrar, PIN)
        self.accounts.set_switch_pin(self.principal, OTHER_PIN)
        self.now_s = self.accounts.now_s()
        self.accounts.now_s = lambda: self.now_s
        self.browser = make_visitor(app, None)

    @property
    def switch(self) -> QuickSwitch:
        found: QuickSwitch = self.app.extensions[EXTENSION].switch
        return found

    def both_log_in(self) -> None:
        """Both type their passwords; the principal is the one who stays."""
        for login in ("registrar", "principal"):
            self.browser.post("/login", login=login, secret=PASSWORD)
            assert self.browser.get("/hours/").status_code == 200
            self.browser.client.delete_cookie(SESSION_COOKIE)
        self.browser.post("/login", login="principal", secret=PASSWORD)

    def turn(self, login: str, pin: str) -> int:
        return self.browser.post("/switch", login=login, pin=pin).status_code

    def who(self) -> str:
        cookie = self.browser.client.get_cookie(SESSION_COOKIE)
        found = self.accounts.find_session(cookie.value) if cookie else None
        return found.login if found else ""

    def place(self) -> Place:
        cookie = self.browser.client.get_cookie(DEVICE_COOKIE)
        assert cookie is not None
        return Place(cookie.value, HERE)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One node for all of these tests; each begins without accounts."""
    with make_world(tmp_path_factory.mktemp("school")) as world:
        yield world.make("school", "Hill School", "S1")


@pytest.fixture(scope="module")
def app(school: Node) -> Flask:
    """Its pages, whose templates are read once."""
    return create_app(school, testing=True)


@pytest.fixture(autouse=True)
def nobody_yet(app: Flask) -> None:
    site: Site = app.extensions[EXTENSION]
    for table in ("account", "note", "tries"):
        site.accounts.file.run(f"DELETE FROM {table}")
    site.__post_init__()
    site.accounts.now_s = time.time


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(app)


def test_a_person_takes_the_turn_by_name_and_pin_from_any_page(desk: Desk) -> None:
    desk.both_log_in()
    page = desk.browser.get("/hours/").text
    panel = page[page.index('id="turn"') : page.index("</form>", page.index('id="turn"'))]
    assert re.findall(r'name="login" value="(\w+)"', panel) == ["registrar"]
    assert desk.turn("registrar", PIN) == 303
    assert desk.who() == "registrar"


def test_the_session_of_the_person_before_ends(desk: Desk) -> None:
    desk.both_log_in()
    cookie = desk.browser.client.get_cookie(SESSION_COOKIE)
    assert cookie is not None
    desk.turn("registrar", PIN)
    assert desk.accounts.find_session(cookie.value) is None


def test_a_pin_is_no_password_where_the_password_was_not_typed(desk: Desk) -> None:
    assert desk.turn("registrar", PIN) == 401
    with pytest.raises(LoginRefusedError):
        desk.accounts.check("registrar", PIN)


def test_the_pin_of_one_browser_opens_no_other(desk: Desk) -> None:
    desk.both_log_in()
    stranger = make_visitor(desk.app, None)
    assert stranger.post("/switch", login="registrar", pin=PIN).status_code == 401
    stranger.client.set_cookie(DEVICE_COOKIE, "made up")
    assert stranger.post("/switch", login="registrar", pin=PIN).status_code == 401


def test_the_cookie_of_a_browser_is_worth_nothing_at_another_address(desk: Desk) -> None:
    desk.both_log_in()
    elsewhere = Place(desk.place().cookie, "192.168.1.9")
    with pytest.raises(PinGoneError):
        desk.switch.enter(elsewhere, desk.registrar.account_id, PIN)


@pytest.mark.parametrize(
    ("passed_s", "good"),
    [
        pytest.param(PIN_S - 60, True, id="the-same-day"),
        pytest.param(PIN_S + 60, False, id="the-next-day"),
        pytest.param(-PIN_S, False, id="a-clock-set-back"),
    ],
)
def test_a_pin_is_good_for_a_day_after_the_password(desk: Desk, passed_s: int, good: bool) -> None:
    desk.both_log_in()
    desk.now_s += passed_s
    assert (desk.turn("registrar", PIN) == 303) is good


def test_after_five_wrong_pins_the_password_is_asked(desk: Desk) -> None:
    desk.both_log_in()
    place, known = desk.place(), desk.registrar.account_id
    lefts = []
    for _ in range(WRONG_MOST - 1):
        with pytest.raises(PinRefusedError) as refused:
            desk.switch.enter(place, known, "000000")
        lefts.append(refused.value.fields["left"])
    assert lefts == [4, 3, 2, 1]
    for pin in ("000000", PIN):
        with pytest.raises(PinGoneError):
            desk.switch.enter(place, known, pin)
    assert "registrar" not in [each.login for each in desk.switch.list_here(place)]


def test_wrong_pins_are_counted_through_a_restart(desk: Desk) -> None:
    desk.both_log_in()
    for _ in range(WRONG_MOST):
        with pytest.raises((PinRefusedError, PinGoneError)):
            QuickSwitch(desk.accounts).enter(desk.place(), desk.registrar.account_id, "000000")
    with pytest.raises(PinGoneError):
        QuickSwitch(desk.accounts).enter(desk.place(), desk.registrar.account_id, PIN)


def test_a_right_pin_forgives_the_slips_before_it(desk: Desk) -> None:
    desk.both_log_in()
    place, known = desk.place(), desk.registrar.account_id
    for _ in range(3):
        for _ in range(2):
            with pytest.raises(PinRefusedError):
                desk.switch.enter(place, known, "000000")
        assert desk.switch.enter(place, known, PIN).login == "registrar"


def test_guessing_pins_is_slowed_down_like_guessing_passwords(desk: Desk) -> None:
    desk.both_log_in()
    wrong = [desk.turn("registrar", "000000") for _ in range(5)]
    assert wrong == [401] * 5
    assert desk.turn("registrar", PIN) == 429
    assert desk.browser.post("/login", login="registrar", secret=PASSWORD).status_code == 429


def test_people_who_take_turns_all_day_do_not_wait(desk: Desk) -> None:
    desk.both_log_in()
    turns = [("registrar", PIN), ("principal", OTHER_PIN)] * 12
    assert {desk.turn(*each) for each in turns} == {303}


@pytest.mark.parametrize(
    "path", ["/accounts/", "/accounts/notes", "/accounts/codes", "/accounts/1/renew"]
)
def test_accounts_are_changed_with_the_password_and_not_with_a_pin(app: Flask, path: str) -> None:
    admin, visitor = add_account(app, "admin"), make_visitor(app, None)
    token = accounts_of(app).start_session(admin, by_pin=True)
    visitor.client.set_cookie(SESSION_COOKIE, token)
    answer = visitor.post(path) if path.endswith("renew") else visitor.get(path)
    assert answer.headers["Location"].startswith("/login?as=admin&by=password")
    assert visitor.get(answer.headers["Location"]).status_code == 200
    assert visitor.get("/hours/").status_code == 200


def test_whoever_typed_the_password_again_changes_accounts(app: Flask) -> None:
    admin, visitor = add_account(app, "admin"), make_visitor(app, None)
    token = accounts_of(app).start_session(admin, by_pin=True)
    visitor.client.set_cookie(SESSION_COOKIE, token)
    answer = visitor.post("/login?next=/accounts/", login="admin", secret=PASSWORD)
    assert answer.headers["Location"] == "/accounts/"
    assert visitor.get("/accounts/").status_code == 200


def end_by(desk: Desk, what: str) -> None:
    """What takes the right to come back by PIN away."""
    account = desk.registrar
    if what == "password":
        desk.accounts.set_password(account, "another long sentence")
    elif what == "code":
        desk.accounts.renew_code(account.account_id)
    elif what == "disabled":
        desk.accounts.disable(account.account_id)
    elif what == "rights":
        desk.accounts.set_rights(account, ["viewer"], "")
    else:
        desk.switch.forget(desk.place(), account)


@pytest.mark.parametrize("what", ["password", "code", "disabled", "rights", "log-out"])
def test_what_changes_an_account_asks_for_its_password(desk: Desk, what: str) -> None:
    desk.both_log_in()
    end_by(desk, what)
    assert desk.turn("registrar", PIN) == 401
    assert desk.who() == "principal"


def test_log_out_asks_for_the_password_and_a_switch_does_not(desk: Desk) -> None:
    desk.both_log_in()
    desk.turn("registrar", PIN)
    assert desk.turn("principal", OTHER_PIN) == 303
    desk.browser.post("/logout")
    assert desk.turn("principal", OTHER_PIN) == 401
    assert desk.turn("registrar", PIN) == 303


def test_a_teacher_takes_the_turn_with_the_pin_of_the_log_in(desk: Desk) -> None:
    add_account(desk.app, "teacher", login="t1")
    desk.browser.post("/login", login="t1", secret=TEST_PIN)
    desk.both_log_in()
    assert desk.turn("t1", TEST_PIN) == 303
    assert desk.who() == "t1"


def test_the_log_in_page_asks_who_is_known_here_for_the_pin(desk: Desk) -> None:
    desk.both_log_in()
    desk.browser.client.delete_cookie(SESSION_COOKIE)
    page = desk.browser.get("/login", **{"as": "registrar"}).text
    assert 'name="pin"' in page
    assert 'name="secret"' in desk.browser.get("/login", **{"as": "admin"}).text
    by_password = desk.browser.get("/login", **{"as": "registrar", "by": "password"}).text
    assert 'name="secret"' in by_password


def test_after_the_lock_the_pin_leads_back_to_the_page(desk: Desk) -> None:
    desk.both_log_in()
    desk.browser.client.delete_cookie(SESSION_COOKIE)
    where = desk.browser.get("/people/").headers["Location"]
    assert where == "/login?next=/people/"
    answer = desk.browser.post("/switch?next=/people/", login="registrar", pin=PIN)
    assert answer.headers["Location"] == "/people/"


# ---- choosing the PIN


def choose(visitor: Visitor, current: str, pin: str, again: str = "") -> int:
    fields = {"pin-current": current, "pin": pin, "pin-again": again or pin}
    return visitor.post("/password/pin", **fields).status_code


@pytest.mark.parametrize(
    ("current", "pin", "again", "status"),
    [
        pytest.param(PASSWORD, "820164", "820164", 303, id="good"),
        pytest.param("wrong", "820164", "820164", 422, id="wrong-password"),
        pytest.param(PASSWORD, "123456", "123456", 422, id="a-run"),
        pytest.param(PASSWORD, "820164", "820165", 422, id="unequal"),
    ],
)
def test_a_pin_is_chosen_with_the_password(
    app: Flask, current: str, pin: str, again: str, status: int
) -> None:
    visitor = make_visitor(app, "registrar")
    assert choose(visitor, current, pin, again) == status
    registrar = next(each for each in accounts_of(app).list_all() if each.login == "registrar")
    assert registrar.has_switch_pin is (status == 303)


def test_a_password_is_changed_only_by_whoever_knows_it(app: Flask) -> None:
    visitor = make_visitor(app, "registrar")
    new = {"password": "another long sentence", "again": "another long sentence"}
    assert visitor.post("/password", current="wrong", **new).status_code == 422
    assert visitor.post("/password", current=PASSWORD, **new).status_code == 303
    assert accounts_of(app).check("registrar", "another long sentence").login == "registrar"


def test_a_new_password_forgets_the_pin(desk: Desk) -> None:
    desk.accounts.set_password(desk.registrar, "another long sentence")
    assert not find(desk, "registrar").has_switch_pin


def find(desk: Desk, login: str) -> Account:
    return next(each for each in desk.accounts.list_all() if each.login == login)


def test_a_teacher_has_one_pin_only(app: Flask) -> None:
    assert choose(make_visitor(app, "teacher"), TEST_PIN, "905173") == 404


def test_a_weak_pin_is_refused(desk: Desk) -> None:
    with pytest.raises(WeakPinError):
        desk.accounts.set_switch_pin(desk.registrar, "111111")


def test_no_pin_is_stored_readably(desk: Desk, app: Flask) -> None:
    home = app.extensions[EXTENSION].node.home
    stored = b"".join(path.read_bytes() for path in home.glob("local.db*"))
    assert PIN.encode() not in stored


def test_the_cookie_of_a_browser_is_guarded(desk: Desk) -> None:
    answer = desk.browser.post("/login", login="registrar", secret=PASSWORD)
    cookies = [each for each in answer.headers.getlist("Set-Cookie") if DEVICE_COOKIE in each]
    assert len(cookies) == 1
    assert "HttpOnly" in cookies[0]
    assert "SameSite=Lax" in cookies[0]
