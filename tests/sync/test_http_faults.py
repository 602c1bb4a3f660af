"""What bad lines, boxes in between and portals do to an exchange (FAULTS.md section C)."""

import random
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.sync.http_support import FakeCentre, FakeSchool, centre, fast_session, serving, url_of
from tests.tools.chaosproxy import DOWN, UP, ChaosProxy, Faults
from xueshi_sync.errors import NetworkError
from xueshi_sync.http_client import exchange_once, sync
from xueshi_sync.http_errors import BusyError
from xueshi_sync.http_server import make_sync_app
from xueshi_sync.http_session import SyncSession, Timeouts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

SHORT = Timeouts(connect_s=0.4, idle_s=0.3, total_s=5.0)


@pytest.fixture
def side() -> FakeCentre:
    return FakeCentre()


@pytest.fixture
def address(side: FakeCentre, tmp_path: Path) -> Iterator[tuple[str, int]]:
    with centre(side, tmp_path / "stage") as bound:
        yield bound


@pytest.fixture
def session() -> Iterator[SyncSession]:
    with fast_session() as line:
        yield line


def code_of(school: FakeSchool, url: str, session: SyncSession) -> str:
    with pytest.raises(NetworkError) as caught:
        exchange_once(school, url, session=session, timeouts=SHORT)
    assert school.finished == 0
    return caught.value.code


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "end"])
@pytest.mark.parametrize("way", [UP, DOWN])
def test_a_cut_at_any_64_bytes_costs_one_more_connection(
    address: tuple[str, int], side: FakeCentre, way: str, reset: bool
) -> None:
    side.answer_size = 700
    for at in range(0, 800, 64):
        school = FakeSchool(body_size=700, seed=at + 10_000 * reset)
        faults = Faults(cut_at=(way, at), reset=reset)
        with ChaosProxy(address, faults) as proxy, fast_session() as session:
            exchange_once(school, proxy.url, session=session)
            assert (school.finished, proxy.cuts, len(school.begun)) == (1, 1, 1)


def test_cuts_after_every_4_kb_finish_in_one_exchange(
    address: tuple[str, int], side: FakeCentre, session: SyncSession
) -> None:
    side.answer_size = 40_000
    school = FakeSchool(body_size=80_000)
    with ChaosProxy(address, Faults(cut_each_connection=4096)) as proxy:
        exchange_once(school, proxy.url, session=session)
    assert (school.finished, len(school.begun), len(side.answered)) == (1, 1, 1)


def test_cuts_after_every_4_kb_of_link_finish_in_one_exchange(
    address: tuple[str, int], session: SyncSession
) -> None:
    school = FakeSchool(body_size=80_000)
    with ChaosProxy(address, Faults(cut_each_total=4096)) as proxy:
        exchange_once(school, proxy.url, session=session)
    assert (school.finished, len(school.begun)) == (1, 1)


@pytest.mark.parametrize(
    "faults", [Faults(cut_each_connection=65536), Faults(cut_each_total=65536)]
)
def test_cuts_at_64_kb_cost_at_most_a_tenth_more_bytes(
    address: tuple[str, int], side: FakeCentre, faults: Faults
) -> None:
    side.answer_size = 100_000
    school = FakeSchool(body_size=500_000)
    with ChaosProxy(address, faults) as proxy, SyncSession() as session:
        exchange_once(school, proxy.url, session=session)
        assert proxy.cuts >= 8
        assert proxy.total_bytes <= 1.1 * 600_000


def test_a_peer_slow_to_begin_reading_gets_nothing_twice(tmp_path: Path) -> None:
    app = make_sync_app(FakeCentre(), tmp_path / "stage")

    def busy(environ: dict[str, object], start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            time.sleep(0.6)
        return app(environ, start_response)

    school = FakeSchool(body_size=250_000)
    with (
        serving(busy) as address,
        ChaosProxy(address, Faults(cut_each_total=65536)) as proxy,
        SyncSession() as session,
    ):
        exchange_once(school, proxy.url, session=session)
        assert proxy.cuts >= 3
        assert proxy.total_bytes <= 1.1 * 250_000


def test_a_cut_upload_hands_the_node_what_arrived(
    address: tuple[str, int], side: FakeCentre, session: SyncSession
) -> None:
    school = FakeSchool(body_size=100_000)
    with ChaosProxy(address, Faults(cut_at=(UP, 50_000))) as proxy:
        exchange_once(school, proxy.url, session=session)
    whole = school.begin_exchange(limit_bytes=1 << 20)
    assert len(side.prefixes) == 1
    assert 40_000 < len(side.prefixes[0]) < len(whole.request)


def test_a_line_that_dies_for_good_ends_as_cut(
    address: tuple[str, int], session: SyncSession
) -> None:
    with ChaosProxy(address, Faults(cut_each_connection=60)) as proxy:
        assert code_of(FakeSchool(), proxy.url, session) == "network.cut"


def test_what_a_dead_line_left_is_gone_on_with_by_the_next_exchange(
    address: tuple[str, int], side: FakeCentre, session: SyncSession
) -> None:
    school = FakeSchool(body_size=300_000)
    with ChaosProxy(address, Faults(silence_after=200_000)) as proxy:
        with pytest.raises(NetworkError):
            exchange_once(school, proxy.url, session=session, timeouts=SHORT)
        before = proxy.bytes[UP]
        proxy.faults = Faults()
        exchange_once(school, proxy.url, session=session)
        assert (school.finished, len(school.begun)) == (1, 1)
        assert proxy.bytes[UP] - before < 150_000


@pytest.mark.parametrize("after", [0, 150, 1000], ids=["at-once", "sending", "receiving"])
def test_a_silent_line_ends_by_time_out_as_silent(
    address: tuple[str, int], side: FakeCentre, session: SyncSession, after: int
) -> None:
    side.answer_size = 2000
    with ChaosProxy(address, Faults(silence_after=after)) as proxy:
        assert code_of(FakeSchool(), proxy.url, session) == "network.silent"


def test_a_port_that_never_accepts_data_ends_as_silent(session: SyncSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = url_of(listener.getsockname())
        assert code_of(FakeSchool(), url, session) == "network.silent"


def test_a_closed_port_is_unreachable_at_once(session: SyncSession) -> None:
    assert code_of(FakeSchool(), "http://127.0.0.1:1", session) == "network.unreachable"


def test_a_name_that_does_not_resolve_is_unreachable(session: SyncSession) -> None:
    assert code_of(FakeSchool(), "http://centre.invalid", session) == "network.unreachable"


@pytest.mark.parametrize("url", ["", "centre", "ftp://centre", "http://"])
def test_an_address_that_is_none_is_unreachable(session: SyncSession, url: str) -> None:
    assert code_of(FakeSchool(), url, session) == "network.unreachable"


@pytest.mark.parametrize("portal", ["200", "302", "511"])
def test_a_captive_portal_is_named_and_nothing_is_believed(
    address: tuple[str, int], side: FakeCentre, session: SyncSession, portal: str
) -> None:
    with ChaosProxy(address, Faults(portal=portal)) as proxy:
        assert code_of(FakeSchool(), proxy.url, session) == "network.portal"
        assert proxy.requests == 1
    assert side.answered == []


def test_a_portal_s_cookie_is_not_carried_on(session: SyncSession) -> None:
    cookies: list[str] = []

    def portal(environ: dict[str, str], start_response: object) -> list[bytes]:
        cookies.append(environ.get("HTTP_COOKIE", ""))
        start_response(  # type: ignore[operator]
            "511 Log In", [("Set-Cookie", "visitor=1; Path=/"), ("Content-Length", "0")]
        )
        return []

    with serving(portal) as address:
        code_of(FakeSchool(), url_of(address), session)
        code_of(FakeSchool(), url_of(address), session)
    assert cookies == ["", ""]


def test_an_answer_that_was_compressed_on_the_way_is_no_answer(
    address: tuple[str, int], session: SyncSession
) -> None:
    with ChaosProxy(address, Faults(gzip=True)) as proxy:
        assert code_of(FakeSchool(), proxy.url, session) == "network.bad_answer"


def test_an_old_answer_replayed_is_no_answer(
    address: tuple[str, int], session: SyncSession
) -> None:
    with ChaosProxy(address) as proxy:
        exchange_once(FakeSchool(seed=1), proxy.url)
    with ChaosProxy(address, Faults(replay=proxy.responses[0])) as proxy:
        assert code_of(FakeSchool(seed=2), proxy.url, session) == "network.bad_answer"


def test_an_answer_without_length_is_taken_when_it_is_whole(
    address: tuple[str, int], session: SyncSession
) -> None:
    school = FakeSchool()
    with ChaosProxy(address, Faults(strip_length=True)) as proxy:
        exchange_once(school, proxy.url, session=session)
    assert school.finished == 1


def test_an_answer_without_length_that_ends_early_is_completed(
    address: tuple[str, int], side: FakeCentre, session: SyncSession
) -> None:
    side.answer_size = 5000
    school = FakeSchool()
    faults = Faults(strip_length=True, cut_at=(DOWN, 3000), reset=False)
    with ChaosProxy(address, faults) as proxy:
        exchange_once(school, proxy.url, session=session)
        assert (school.finished, proxy.requests) == (1, 2)
    assert len(side.answered) == 1


@pytest.mark.parametrize(("way", "at"), [(UP, 3000), (DOWN, 3000)])
def test_a_flipped_bit_is_noticed_and_carried_again(
    address: tuple[str, int], side: FakeCentre, session: SyncSession, way: str, at: int
) -> None:
    side.answer_size = 5000
    school = FakeSchool(body_size=5000)
    with ChaosProxy(address, Faults(flip_at=(way, at))) as proxy:
        exchange_once(school, proxy.url, session=session)
    assert (school.finished, len(side.answered)) == (1, 1)


def test_a_request_delivered_twice_is_answered_once(
    address: tuple[str, int], side: FakeCentre, session: SyncSession
) -> None:
    for seed in range(10):
        school = FakeSchool(body_size=20_000, seed=seed)
        with ChaosProxy(address, Faults(duplicate=True)) as proxy:
            exchange_once(school, proxy.url, session=session)
            assert school.finished == 1
    assert len(side.answered) == 10


def test_a_slow_line_is_waited_for_as_long_as_bytes_come(
    address: tuple[str, int], session: SyncSession
) -> None:
    school = FakeSchool(body_size=3000)
    with ChaosProxy(address, Faults(bytes_per_s=4000, piece_bytes=256)) as proxy:
        exchange_once(school, proxy.url, session=session, timeouts=SHORT)
    assert school.finished == 1


@pytest.mark.parametrize(("up", "down"), [(500_000, 200), (200, 500_000)], ids=["up", "down"])
def test_a_slow_line_may_take_longer_for_all_than_the_idle_time(
    address: tuple[str, int], side: FakeCentre, session: SyncSession, up: int, down: int
) -> None:
    side.answer_size = down
    with ChaosProxy(address, Faults(bytes_per_s=250_000, piece_bytes=8192)) as proxy:
        timeouts = Timeouts(idle_s=0.8)
        school = FakeSchool(body_size=up)
        report = exchange_once(school, proxy.url, session=session, timeouts=timeouts)
    assert (report.requests, report.seconds > 1.6) == (1, True)


def test_the_total_time_ends_a_line_that_drips(
    address: tuple[str, int], side: FakeCentre, session: SyncSession
) -> None:
    side.answer_size = 100_000
    drip = Faults(bytes_per_s=500, piece_bytes=50)
    timeouts = Timeouts(idle_s=5.0, total_s=0.8)
    with ChaosProxy(address, drip) as proxy, pytest.raises(NetworkError) as caught:
        exchange_once(FakeSchool(), proxy.url, session=session, timeouts=timeouts)
    assert caught.value.code == "network.silent"


def test_a_busy_peer_says_how_long_to_wait(session: SyncSession) -> None:
    def busy(environ: object, start_response: object) -> list[bytes]:
        start_response(  # type: ignore[operator]
            "503 Service Unavailable", [("Retry-After", "120"), ("Content-Length", "0")]
        )
        return []

    with serving(busy) as address, pytest.raises(BusyError) as caught:
        exchange_once(FakeSchool(), url_of(address), session=session)
    assert (caught.value.code, caught.value.wait_s) == ("network.busy", 120.0)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("404 Not Found", "network.bad_answer"),
        ("500 Internal Server Error", "network.bad_answer"),
        ("502 Bad Gateway", "network.busy"),
        ("504 Gateway Timeout", "network.busy"),
        ("429 Too Many Requests", "network.busy"),
        ("403 Forbidden", "network.declined"),
        ("413 Content Too Large", "network.too_large"),
        ("407 Proxy Authentication Required", "network.portal"),
    ],
)
def test_a_status_is_worded_and_never_believed(
    session: SyncSession, status: str, code: str
) -> None:
    def app(environ: object, start_response: object) -> list[bytes]:
        start_response(status, [("Content-Length", "0")])  # type: ignore[operator]
        return []

    with serving(app) as address:
        assert code_of(FakeSchool(), url_of(address), session) == code


def test_an_answer_without_end_is_not_collected(session: SyncSession) -> None:
    def app(environ: object, start_response: object) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "99000000")])  # type: ignore[operator]
        yield from (bytes(65536) for _ in range(1500))

    with serving(app) as address:
        assert code_of(FakeSchool(), url_of(address), session) == "network.bad_answer"


def test_an_aborted_session_gives_up_at_once(
    address: tuple[str, int], session: SyncSession
) -> None:
    with ChaosProxy(address, Faults(silence_after=0)) as proxy:
        threading.Timer(0.3, session.abort).start()
        with pytest.raises(NetworkError):
            exchange_once(FakeSchool(), proxy.url, session=session)
    assert session.meter.left_s == 0.0


def test_a_failed_line_halves_the_next_request_and_a_good_one_doubles_it(
    address: tuple[str, int], session: SyncSession
) -> None:
    school = FakeSchool(body_size=400, rounds=2)
    with ChaosProxy(address, Faults(cut_each_connection=60)) as proxy:
        for _ in range(8):
            with pytest.raises(NetworkError):
                sync(school, [proxy.url], session=session, timeouts=SHORT)
        assert session.limit_bytes == 16 * 1024
        proxy.faults = Faults()
        sync(school, [proxy.url], session=session)
    assert session.limit_bytes == 32 * 1024


def test_any_line_that_carries_half_a_kilobyte_at_a_time_gets_there(
    address: tuple[str, int], side: FakeCentre
) -> None:
    chance = random.Random(20260302)
    for seed in range(12):
        side.answer_size = chance.randint(32, 9000)
        school = FakeSchool(body_size=chance.randint(1, 20_000), seed=seed)
        faults = Faults(cut_each_connection=chance.randint(500, 4000), reset=chance.random() < 0.5)
        with ChaosProxy(address, faults) as proxy, fast_session() as session:
            exchange_once(school, proxy.url, session=session)
        assert (school.finished, len(side.answered)) == (1, seed + 1), seed


def test_a_peer_that_forgets_an_upload_gets_it_again(tmp_path: Path) -> None:
    apps = [make_sync_app(FakeCentre(), tmp_path / part) for part in ("before", "after")]

    def app(environ: dict[str, object], start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            del apps[:-1]
        return apps[0](environ, start_response)

    school = FakeSchool(body_size=50_000)
    with serving(app) as address, ChaosProxy(address, Faults(cut_at=(UP, 30_000))) as proxy:
        exchange_once(school, proxy.url)
    assert (school.finished, len(school.begun)) == (1, 1)


def test_a_peer_that_forgets_every_upload_is_given_up(session: SyncSession) -> None:
    def app(environ: dict[str, object], start_response: "StartResponse") -> Iterable[bytes]:
        start_response("409 Conflict", [("X-Have", "0"), ("Content-Length", "0")])
        return []

    with serving(app) as address:
        assert code_of(FakeSchool(), url_of(address), session) == "network.cut"


def test_the_environment_s_proxy_is_not_used(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    school = FakeSchool()
    exchange_once(school, url_of(address))
    assert school.finished == 1
