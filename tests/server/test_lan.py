"""The step after loopback: listeners at private addresses, and the page that opens them."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.server.nodes import add_person, make_world
from tests.server.pages import Visitor, add_account, make_visitor
from tests.tools.ports import free_port
from xueshi_server import lan as lan_module
from xueshi_server.lan import SETTING, LanDoor, answers, is_private, list_private_addresses
from xueshi_server.web import create_app
from xueshi_server.web.drawing import draw_code
from xueshi_server.web.site import EXTENSION, VISITORS_MAX, Site
from xueshi_sync.node import Node

# Loopback has many addresses: two stand for those of a network.
FIRST: Final = "127.0.0.2"
SECOND: Final = "127.0.0.3"


class Served:
    """A school's pages on a port of 127.0.0.1, on a PC that has the addresses `here`."""

    def __init__(self, school: Node, *, wanted: bool = False, host: str = "127.0.0.1") -> None:
        self.here = [FIRST]
        self.lan = LanDoor(wanted=wanted, list_addresses=lambda: list(self.here))
        self.app = create_app(school, testing=True, lan=self.lan)
        self.site: Site = self.app.extensions[EXTENSION]
        self.port = free_port(FIRST)
        self.lan.attach(self.site.accounts, self.app, (host, self.port))

    def close(self) -> None:
        self.lan.stop()

    def open(self) -> list[str]:
        """The addresses that answer."""
        return [each for each in (FIRST, SECOND) if answers(each, self.port)]


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One node for all of these tests; each begins without accounts."""
    with make_world(tmp_path_factory.mktemp("school")) as world:
        yield world.make("school", "Hill School", "S1")


@pytest.fixture(autouse=True)
def nobody_yet(school: Node) -> None:
    for path in school.home.glob("local.db*"):
        path.unlink()


@pytest.fixture
def served(school: Node) -> Iterator[Served]:
    served = Served(school)
    yield served
    served.close()


@pytest.fixture
def boss(served: Served) -> Visitor:
    """The administrator of the school that is served."""
    return make_visitor(served.app, "admin")


def test_nothing_listens_at_those_addresses_until_it_is_opened(
    served: Served, boss: Visitor
) -> None:
    assert served.open() == []
    assert "Only this PC opens it" in boss.text("/wifi/")


def test_opening_listens_at_the_addresses_of_the_pc_and_shutting_stops(
    served: Served, boss: Visitor
) -> None:
    boss.post("/wifi/open")
    assert served.open() == [FIRST]
    boss.post("/wifi/shut")
    assert served.open() == []


def test_the_page_shows_the_address_its_code_and_what_answers(
    served: Served, boss: Visitor
) -> None:
    boss.post("/wifi/open")
    served.here.append(SECOND)
    page = boss.get("/wifi/").text
    assert f'<p class="address-line">http://{FIRST}:{served.port}</p>' in page
    assert page.count("<svg") == 1
    assert "style" not in page[page.index("<svg") : page.index("</svg>")]
    states = re.findall(r"(127\.0\.0\.\d).*?(answers|does not answer)<", page, re.DOTALL)
    assert states[-2:] == [(FIRST, "answers"), (SECOND, "does not answer")]


def test_a_new_address_is_followed_and_one_that_went_is_let_go(
    served: Served,
) -> None:
    served.lan.open()
    served.here[:] = [SECOND]
    served.lan._follow()
    assert served.open() == [SECOND]


def test_what_was_opened_is_open_after_a_restart(school: Node, served: Served) -> None:
    served.lan.open()
    served.close()
    again = Served(school)
    try:
        assert again.open() == [FIRST]
    finally:
        again.close()


def test_the_command_line_opens_it_for_one_run_only(school: Node) -> None:
    served = Served(school, wanted=True)
    try:
        assert served.open() == [FIRST]
        assert not served.site.accounts.is_on(SETTING)
    finally:
        served.close()


def test_what_listens_everywhere_is_not_shut_by_the_page(school: Node) -> None:
    served = Served(school, host="0.0.0.0")
    try:
        boss = make_visitor(served.app, "admin")
        assert served.lan.is_open
        assert boss.post("/wifi/shut").status_code == 409
        assert "/wifi/shut" not in boss.get("/wifi/").text
    finally:
        served.close()


def test_a_registrar_shows_the_address_and_opens_nothing(served: Served) -> None:
    registrar = make_visitor(served.app, "registrar")
    assert "An administrator can open it." in registrar.text("/wifi/")
    assert registrar.post("/wifi/open").status_code == 403


def test_slips_with_codes_say_where_phones_open_it(served: Served, boss: Visitor) -> None:
    name = served.site.node.public_id(add_person(served.site.node))
    assert "http://" not in boss.post("/accounts/codes", person=name).text
    served.lan.open()
    slips = boss.post("/accounts/codes", person=name).text
    assert f"http://{FIRST}:{served.port}" in slips


def test_the_page_says_which_machines_came_through(served: Served, boss: Visitor) -> None:
    boss.post("/wifi/open")
    assert "No other device has opened it yet" in boss.text("/wifi/")
    boss.client.get("/healthz", environ_overrides={"REMOTE_ADDR": "192.168.1.23"})
    assert "192.168.1.23 opened it" in boss.text("/wifi/")


def test_machines_that_came_through_are_bounded(served: Served, boss: Visitor) -> None:
    for place in range(VISITORS_MAX + 5):
        boss.client.get("/healthz", environ_overrides={"REMOTE_ADDR": f"192.168.1.{place}"})
    assert len(served.site.visitors) == VISITORS_MAX


def test_without_a_server_the_page_says_so(admin: Visitor) -> None:
    assert "was not started by xueshi serve" in admin.text("/wifi/")
    assert admin.post("/wifi/open").status_code == 409


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("192.168.1.20", True),
        ("10.3.2.1", True),
        ("172.20.0.4", True),
        ("127.0.0.1", False),
        ("8.8.8.8", False),
        ("0.0.0.0", False),
        ("fe80::1", False),
        ("school-pc", False),
    ],
)
def test_only_addresses_of_a_local_network_are_opened(address: str, private: bool) -> None:
    assert is_private(address) is private


def test_the_addresses_of_this_pc_are_private_ones_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lan_module, "_routed", lambda: ["192.168.1.5", "203.0.113.9"])
    monkeypatch.setattr(lan_module, "_named", lambda: ["127.0.1.1", "192.168.1.5"])
    monkeypatch.setattr(lan_module, "_of_interfaces", lambda: ["10.0.0.7"])
    found = list_private_addresses()
    assert found == ["192.168.1.5", "10.0.0.7"]


def test_this_machine_lists_its_addresses_without_a_fault() -> None:
    assert all(is_private(each) for each in list_private_addresses())


def test_the_code_is_a_drawing_without_style_or_script() -> None:
    drawn = draw_code("http://192.168.1.20:8080/")
    assert drawn.startswith("<svg")
    assert not re.search(r"style=|<script|href", drawn)


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        pytest.param("Mozilla/5.0 MicroMessenger/8.0.30", True, id="wechat"),
        pytest.param("Mozilla/5.0 wxwork/4.1 MicroMessenger/7", True, id="wechat-work"),
        pytest.param("Mozilla/5.0 DingTalk/7.0", True, id="dingtalk"),
        pytest.param("Mozilla/5.0 MQQBrowser/6.2 QQ/8.9.3", True, id="qq"),
        pytest.param("Mozilla/5.0 Lark/5.1", True, id="feishu"),
        pytest.param("Mozilla/5.0 MQQBrowser/14.2 Mobile", False, id="qq-browser"),
        pytest.param("Mozilla/5.0 Chrome/109.0", False, id="chrome"),
    ],
)
def test_inside_a_chat_app_the_log_in_page_says_how_to_leave_it(
    served: Served, agent: str, told: bool
) -> None:
    add_account(served.app, "registrar")
    visitor = make_visitor(served.app, None)
    page = visitor.client.get("/login", headers={"User-Agent": agent}).text
    assert ("Open in browser" in page) is told
    assert 'name="secret"' in page
