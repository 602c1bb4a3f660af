"""A served node writes no secret and nobody's name into a log, an address or a readable file."""

import http.client
import re
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.client.console_run import make_node
from tests.client.test_serving import start, stop

pytestmark = pytest.mark.process

PASSWORD: Final = "a sentence that only I know"
PIN: Final = "820164"
WRONG: Final = ("no-such-password-77", "905173")
# Invented, with a right check digit.
ID_NUMBER: Final = "11010519491231002X"
PHONE: Final = "13912345678"
NAME: Final = "王秀英"
TITLE: Final = "习作教学的支架"
PAGES: Final = (
    "/", "/people/", "/people/new", "/hours/", "/session/", "/principal/", "/requirements/",
    "/records/", "/records/person/", "/forms/", "/forms/personal_statement/", "/accounts/",
    "/accounts/codes", "/accounts/notes", "/wifi/", "/switch", "/password", "/sync-state/",
)  # fmt: skip


@dataclass
class Browser:
    """Keeps cookies, and every address it was sent to or shown."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> str:
        """One request; the page."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            text = answer.read().decode("utf-8", "replace")
        finally:
            line.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.split(";")[0]
        self.addresses += [path, answer.headers.get("Location") or ""]
        self.addresses += re.findall(r'(?:href|action|src|formaction)="([^"]*)"', text)
        return text

    def send(self, page: str, path: str, **form: str) -> str:
        """Fill in a form of `page` and send it."""
        token = re.search(r'name="csrf" value="(\w+)"', self.ask("GET", page))
        assert token is not None, page
        return self.ask("POST", path, {"csrf": token[1], **form})


@dataclass
class Day:
    """What a day left behind: the browser, all that was printed, the node's folder."""

    browser: Browser
    home: Path
    printed: str
    code: str


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    home = tmp_path_factory.mktemp("secrets") / "school"
    made = make_node(home, "school", "S1")
    served = start(home)
    try:
        browser = Browser(served.port)
        live_through(browser, str(made.data["one_time_code"]))
    finally:
        printed = "".join(stop(served))
    return Day(browser, home, printed, str(made.data["one_time_code"]))


def live_through(browser: Browser, code: str) -> None:
    """Log in, choose secrets, mistype them, enter people and hours, take turns."""
    browser.send("/login", "/login", login="admin", secret=WRONG[0])
    browser.send("/login", "/login", login=PASSWORD, secret="admin")
    browser.send("/login", "/login", login="admin", secret=code)
    browser.send("/password", "/password", password=PASSWORD, again=PASSWORD)
    pin = {"pin-current": PASSWORD, "pin": PIN, "pin-again": PIN}
    browser.send("/password", "/password/pin", **pin)
    typed = {"name": NAME, "staff_no": "T1", "id_number": ID_NUMBER, "phone": PHONE}
    browser.send("/people/new", "/people/new", **typed)
    browser.send("/people/new", "/people/new", name=NAME, staff_no="T1")
    hour = {"title": TITLE, "date": "2026-03-01", "minutes": "2", "person": "0"}
    browser.send("/session/", "/session/", **hour)
    browser.ask("GET", f"/people/{ID_NUMBER[:6]}-nobody")
    assert NAME in browser.ask("GET", "/people/")
    for page in PAGES:
        browser.ask("GET", page)
    browser.send("/switch", "/switch", login="admin", pin=WRONG[1])
    browser.send("/password", "/logout")
    browser.send("/login", "/login", login="admin", secret=PASSWORD)


SECRETS: Final = (PASSWORD, PIN, *WRONG, ID_NUMBER, PHONE, NAME, TITLE)


def test_nothing_that_is_printed_names_a_secret_or_a_person(day: Day) -> None:
    tokens = [value for name, value in day.browser.cookies.items() if name != "xueshi_lang"]
    assert [each for each in (*SECRETS, day.code, *tokens) if each in day.printed] == []


def test_no_address_carries_a_secret_or_a_name(day: Day) -> None:
    sent = [urllib.parse.unquote(each) for each in day.browser.addresses]
    tokens = [value for name, value in day.browser.cookies.items() if name != "xueshi_lang"]
    for each in (*SECRETS, day.code, *tokens):
        assert [address for address in sent if each in address] == [], each


def test_no_file_but_the_databases_says_who_is_here(day: Day) -> None:
    for path in day.home.rglob("*"):
        if path.is_file() and ".db" not in path.name and "site" not in path.parts:
            data = path.read_bytes()
            assert [each for each in SECRETS if each.encode() in data] == [], path.name


def test_no_database_keeps_a_secret_or_an_id_number_readably(day: Day) -> None:
    for path in day.home.rglob("*.db*"):
        data = path.read_bytes()
        for each in (PASSWORD, PIN, *WRONG, ID_NUMBER, PHONE):
            assert each.encode() not in data, (path.name, each)
