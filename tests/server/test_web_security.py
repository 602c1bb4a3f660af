"""The guard at the door: headers, addresses, forms from elsewhere, guessing."""

import base64
import re
from hashlib import sha256
from typing import Final

import pytest
from flask import Flask

from tests.server.conftest import REAL_HASHER
from tests.server.pages import Visitor, accounts_of, add_account, make_visitor
from xueshi_server import accounts, local_file
from xueshi_server.accounts import Accounts, create_first_admin, make_code
from xueshi_server.errors import LoginRefusedError, LoginTakenError, WeakPasswordError
from xueshi_server.local_file import LocalFile, TriesFile
from xueshi_server.web import create_app
from xueshi_server.web.security import HEADERS, SESSION_COOKIE, is_own_host
from xueshi_server.web.throttle import Throttle
from xueshi_sync.node import Node

PASSWORD: Final = "a long sentence of mine"
PAGES: Final = ("/", "/login", "/hours/", "/people/", "/enter/", "/sync-state/", "/nowhere")


@pytest.mark.parametrize("path", [*PAGES, "/healthz", "/static/app.css", "/site/"])
def test_every_answer_carries_the_headers(admin: Visitor, path: str) -> None:
    headers = admin.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
def test_nothing_of_a_logged_in_page_is_kept_by_the_browser(admin: Visitor, path: str) -> None:
    assert admin.get(path).headers["Cache-Control"] == "no-store"


def test_pages_have_no_inline_script_or_style(admin: Visitor) -> None:
    for path in PAGES:
        text = admin.get(path).text
        assert "<style" not in text
        assert "style=" not in text
        assert "onclick=" not in text


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8000", True),
        ("192.168.1.20", True),
        ("[::1]:8000", True),
        ("localhost:8000", True),
        ("school-pc", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_only_bare_addresses_and_own_names_are_served(host: str, allowed: bool) -> None:
    assert is_own_host(host, frozenset({"localhost", "school-pc"})) is allowed


def test_a_foreign_host_name_gets_no_page(admin: Visitor) -> None:
    response = admin.client.get("/", headers={"Host": "evil.example"})
    assert response.status_code == 400


def test_a_form_without_the_token_is_refused(admin: Visitor, school: Node) -> None:
    fields = {"staff_no": "T1", "name": "Li Ming"}
    assert admin.client.post("/people/new", data=fields).status_code == 403
    assert school.query("SELECT * FROM person") == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "http://evil.example"}, id="another-origin"),
        pytest.param({"Origin": "null"}, id="an-opaque-origin"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="a-neighbour"),
    ],
)
def test_a_form_from_elsewhere_is_refused_even_with_the_token(
    admin: Visitor, headers: dict[str, str]
) -> None:
    data = {"csrf": admin.token(), "staff_no": "T1", "name": "Li Ming"}
    assert admin.client.post("/people/new", data=data, headers=headers).status_code == 403


def test_a_stranger_sends_no_large_form(app: Flask) -> None:
    visitor = make_visitor(app, None)
    response = visitor.post("/login", login="x" * 50_000, secret="x")
    assert response.status_code == 413


def test_a_token_of_another_session_is_refused(app: Flask, admin: Visitor) -> None:
    other = make_visitor(app, "registrar")
    data = {"csrf": other.token(), "staff_no": "T1", "name": "Li Ming"}
    assert admin.client.post("/people/new", data=data).status_code == 403


def test_no_header_or_field_turns_one_method_into_another(admin: Visitor) -> None:
    headers = {"X-HTTP-Method-Override": "POST"}
    response = admin.client.get("/logout?_method=POST", headers=headers)
    assert response.status_code == 405


def log_in(visitor: Visitor, login: str, secret: str, query: str = "") -> int:
    return visitor.post(f"/login{query}", login=login, secret=secret).status_code


def test_log_in_makes_a_new_session_with_a_guarded_cookie(app: Flask) -> None:
    add_account(app, "registrar")
    visitor = make_visitor(app, None)
    visitor.get("/login")
    before = visitor.client.get_cookie(SESSION_COOKIE)
    response = visitor.post("/login", login="registrar", secret=PASSWORD)
    cookie = response.headers["Set-Cookie"]
    assert response.status_code == 303
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert before is not None
    assert before.value not in cookie


def test_log_out_ends_the_session_at_the_server(app: Flask, admin: Visitor) -> None:
    cookie = admin.client.get_cookie(SESSION_COOKIE)
    assert cookie is not None
    admin.post("/logout")
    assert accounts_of(app).find_session(cookie.value) is None


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("?next=/people/", "/people/"),
        ("?next=//evil.example", "/"),
        ("?next=/\\evil.example", "/"),
        ("?next=http://evil.example/", "/"),
        ("?next=/a%0d%0ab", "/"),
    ],
)
def test_log_in_leads_only_to_our_own_pages(app: Flask, query: str, where: str) -> None:
    add_account(app, "registrar")
    visitor = make_visitor(app, None)
    response = visitor.post(f"/login{query}", login="registrar", secret=PASSWORD)
    assert response.headers["Location"] == where


def test_guessing_is_slowed_down_and_the_right_password_waits_too(app: Flask) -> None:
    add_account(app, "registrar")
    visitor = make_visitor(app, None)
    answers = [log_in(visitor, "registrar", f"wrong {count}") for count in range(6)]
    assert answers == [401] * 5 + [429]
    assert log_in(visitor, "registrar", PASSWORD) == 429


def test_an_unknown_name_and_a_wrong_password_say_the_same(app: Flask) -> None:
    add_account(app, "registrar")
    visitor = make_visitor(app, None)
    texts = {
        visitor.post("/login", login=name, secret="wrong").text.replace(name, "x")
        for name in ("registrar", "nobodyhere")
    }
    assert len(texts) == 1


def test_a_throttle_lets_through_one_try_a_refill_whatever_the_wall_clock_says() -> None:
    now = [0.0]
    throttle = Throttle(2, 30.0, lambda: now[0])
    assert [throttle.take("a") for _ in range(3)] == [0.0, 0.0, 30.0]
    now[0] = 31.0
    assert throttle.take("a") == 0.0
    assert throttle.take("a") > 0
    assert throttle.take("b") == 0.0


def test_a_restart_gives_nobody_new_tries(school: Node) -> None:
    now, file = [0.0], LocalFile(school.home)
    before = Throttle(2, 30.0, lambda: now[0], TriesFile(file))
    assert [before.take("a") for _ in range(3)] == [0.0, 0.0, 30.0]
    now[0] = -500.0
    after = Throttle(2, 30.0, lambda: now[0], TriesFile(file))
    assert [after.take("a"), after.take("b")] == [30.0, 0.0]
    now[0] += 31.0
    assert [after.take("a") > 0, after.take("a") > 0] == [False, True]
    file.close()


def test_a_right_secret_gives_its_try_back() -> None:
    throttle = Throttle(1, 30.0, lambda: 0.0)
    for _ in range(3):
        assert throttle.take("a") == 0.0
        throttle.give_back("a")
    assert [throttle.take("a"), throttle.take("a")] == [0.0, 30.0]


def test_tries_on_the_disk_are_bounded(school: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_file, "TRIES_MAX", 3)
    file = LocalFile(school.home)
    tries = TriesFile(file)
    for key in "abcde":
        tries.write(key, 1.0)
    assert [tries.read(key) for key in "abcde"] == [None, None, 1.0, 1.0, 1.0]
    file.close()


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        pytest.param("/login", {"login": "registrar", "secret": "guess"}, id="log-in"),
        pytest.param("/login", {"login": "t1", "secret": "000000"}, id="pin"),
        pytest.param("/login", {"login": "newcomer", "secret": "2222-3333"}, id="one-time-code"),
        pytest.param("/switch", {"login": "registrar", "pin": "000000"}, id="quick-switch"),
    ],
)
def test_every_secret_is_guessed_slowly_by_account_and_after_a_restart(
    app: Flask, school: Node, path: str, fields: dict[str, str]
) -> None:
    add_account(app, "registrar")
    add_account(app, "teacher", login="t1")
    accounts_of(app).add("newcomer", "New", "viewer")
    answers = [make_visitor(app, None).post(path, **fields).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    again = make_visitor(create_app(school, testing=True), None)
    assert again.post(path, **fields).status_code == 429


def test_one_address_guesses_slowly_at_many_accounts(app: Flask) -> None:
    visitor = make_visitor(app, None)
    answers = [log_in(visitor, f"somebody{count}", "x") for count in range(21)]
    assert answers == [401] * 20 + [429]


def test_guessing_elsewhere_locks_nobody_out_of_the_own_browser(app: Flask) -> None:
    add_account(app, "registrar")
    own = make_visitor(app, None)
    assert log_in(own, "registrar", PASSWORD) == 303
    own.client.delete_cookie(SESSION_COOKIE)
    for _ in range(6):
        log_in(make_visitor(app, None), "registrar", "guess")
    assert log_in(own, "registrar", PASSWORD) == 303


def test_a_password_typed_as_the_name_is_not_written_down(app: Flask, school: Node) -> None:
    add_account(app, "registrar")
    log_in(make_visitor(app, None), PASSWORD, "registrar")
    stored = b"".join(path.read_bytes() for path in school.home.glob("local.db*"))
    assert PASSWORD.encode() not in stored
    assert [each.who for each in accounts_of(app).list_notes()] == ["?"]


def test_the_first_code_opens_only_the_password_form(app: Flask, school: Node) -> None:
    code = create_first_admin(school.home)
    visitor = make_visitor(app, None)
    response = visitor.post("/login", login="admin", secret=code.upper().replace("-", " "))
    assert response.headers["Location"] == "/password"
    assert visitor.get("/people/").headers["Location"] == "/password"
    response = visitor.post("/password", password=PASSWORD, again=PASSWORD)
    assert response.status_code == 303
    assert visitor.get("/people/").status_code == 200


def test_a_one_time_code_works_once(app: Flask, school: Node) -> None:
    code = create_first_admin(school.home)
    accounts = accounts_of(app)
    accounts.set_password(accounts.check("admin", code), PASSWORD)
    with pytest.raises(LoginRefusedError):
        accounts.check("admin", code)


def test_there_is_one_first_administrator(school: Node) -> None:
    create_first_admin(school.home)
    with pytest.raises(LoginTakenError):
        create_first_admin(school.home)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaa", "x" * 300, "admin-2026-03"])
def test_a_password_that_is_easy_to_guess_is_refused(app: Flask, password: str) -> None:
    account = add_account(app, "admin")
    with pytest.raises(WeakPasswordError):
        accounts_of(app).set_password(account, password)


def test_codes_are_long_and_never_the_same() -> None:
    codes = {make_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code.replace("-", "")) == 16 for code in codes)


@pytest.mark.parametrize(
    ("passed_s", "lives"),
    [
        pytest.param(600, True, id="ten-minutes"),
        pytest.param(13 * 3600, False, id="idle-too-long"),
        pytest.param(-600, True, id="a-small-step-back"),
        pytest.param(-25 * 365 * 86400, False, id="back-to-2001"),
        pytest.param(73 * 365 * 86400, False, id="ahead-to-2099"),
    ],
)
def test_a_session_of_unknown_age_ends(school: Node, passed_s: int, lives: bool) -> None:
    now = [1_772_438_400.0]
    accounts = Accounts(school.home, now_s=lambda: now[0])
    accounts.add("reader", "Reader", "viewer")
    token = accounts.start_session(accounts.list_all()[0])
    now[0] += passed_s
    assert (accounts.find_session(token) is not None) is lives
    accounts.close()


def test_a_new_password_and_a_disabled_account_end_every_session(app: Flask) -> None:
    accounts = accounts_of(app)
    account = add_account(app, "registrar")
    first = accounts.start_session(account)
    accounts.set_password(account, "another long sentence")
    second = accounts.start_session(account)
    accounts.disable(account.account_id)
    assert [accounts.find_session(token) for token in (first, second)] == [None, None]


def test_secrets_are_stored_as_argon2id_hashes_only(
    app: Flask, school: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_HASHER", REAL_HASHER)
    add_account(app, "registrar")
    stored = b"".join(path.read_bytes() for path in school.home.glob("local.db*"))
    assert b"$argon2id$v=19$m=19456,t=2,p=1$" in stored
    assert PASSWORD.encode() not in stored


@pytest.mark.parametrize("path", ["../local.db", "..%2flocal.db", "/etc/passwd", "%2e%2e/key"])
def test_the_training_site_gives_no_file_outside_its_folder(
    app: Flask, admin: Visitor, school: Node, path: str
) -> None:
    folder = school.home / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<script>let a = 1;</script>", "utf-8")
    app.extensions["xueshi"].site_dir = folder
    assert admin.get(f"/site/{path}").status_code in (404, 308)


def test_a_script_inside_a_page_of_the_site_is_allowed_by_its_digest(
    app: Flask, admin: Visitor, school: Node
) -> None:
    folder = school.home / "site"
    (folder / "guide").mkdir(parents=True)
    (folder / "guide" / "index.html").write_text("<script>let a = 1;</script>", "utf-8")
    app.extensions["xueshi"].site_dir = folder
    policy = admin.get("/site/guide/").headers["Content-Security-Policy"]
    digest = base64.b64encode(sha256(b"let a = 1;").digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy


HANDLERS: Final = re.compile(
    r"<[^>]*\s(on[a-z]+|style)\s*=|<style|<script(?![^>]*\bsrc=)|javascript:"
)


def test_every_page_has_the_headers_and_nothing_inline(admin: Visitor, app: Flask) -> None:
    pages = [
        rule.rule for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments
    ]  # fmt: skip
    assert len(pages) > 25
    for path in pages:
        answer = admin.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy, path
        assert "default-src 'none'" in policy, path
        assert {*HEADERS} <= {*answer.headers.keys()}, path
        if answer.mimetype == "text/html":
            assert HANDLERS.search(answer.text) is None, path


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_that_somebody_points_at_this_pc_opens_no_route(
    app: Flask, admin: Visitor, method: str
) -> None:
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()) and not rule.arguments:
            headers = {"Host": "rebound.example:8080"}
            answer = admin.client.open(rule.rule, method=method, headers=headers)
            assert answer.status_code == 400, rule.rule
            assert "xueshi_session" not in str(answer.headers), rule.rule


def test_over_tls_the_cookies_stay_on_tls(app: Flask) -> None:
    add_account(app, "registrar")
    visitor = make_visitor(app, None)
    token = visitor.token()
    form = {"csrf": token, "login": "registrar", "secret": PASSWORD}
    answer = visitor.client.post("/login", data=form, base_url="https://localhost")
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    assert all("Secure" in each and "HttpOnly" in each for each in cookies)


def test_every_address_of_a_form_wants_its_token(app: Flask, admin: Visitor) -> None:
    posts = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    assert len(posts) > 35
    for rule in posts:
        path = re.sub(r"<int:\w+>", "1", rule.rule)
        path = re.sub(r"<(?:path:)?\w+>", "x", path)
        for form in ({}, {"csrf": "0" * 64}, {"csrf": ""}):
            assert admin.client.post(path, data=form).status_code == 403, rule.rule
