"""The transport over a whole line: one request, few bytes, any number of callers."""

import threading
from pathlib import Path

from tests.sync.http_support import FakeCentre, FakeSchool, centre, fast_session, url_of
from tests.tools.chaosproxy import ChaosProxy, Faults
from xueshi_sync.http_client import exchange_once, sync


def test_an_exchange_is_one_request_and_adds_less_than_220_bytes_of_http(tmp_path: Path) -> None:
    side, school = FakeCentre(), FakeSchool()
    with centre(side, tmp_path) as address, ChaosProxy(address) as proxy:
        report = exchange_once(school, proxy.url)
        envelopes = 2 * (200 + 40)
        assert report.requests == proxy.requests == 1
        assert report.bytes_up + report.bytes_down - envelopes < 220


def test_the_meter_counts_what_the_proxy_counts(tmp_path: Path) -> None:
    side, school = FakeCentre(answer_size=50_000), FakeSchool(body_size=70_000)
    with centre(side, tmp_path) as address, ChaosProxy(address) as proxy:
        report = exchange_once(school, proxy.url)
        assert (report.bytes_up, report.bytes_down) == (proxy.bytes["up"], proxy.bytes["down"])


def test_a_reply_has_no_header_but_its_length_and_one_against_caches(tmp_path: Path) -> None:
    with centre(FakeCentre(), tmp_path) as address:
        with ChaosProxy(address) as proxy:
            exchange_once(FakeSchool(), proxy.url)
        head = proxy.responses[0].split(b"\r\n\r\n")[0].split(b"\r\n")
    assert head == [
        b"HTTP/1.1 200 OK",
        b"Cache-Control: no-store, no-transform",
        b"Content-Length: 240",
    ]


def test_one_connection_carries_all_exchanges_of_a_sync(tmp_path: Path) -> None:
    school = FakeSchool(rounds=5)
    with centre(FakeCentre(), tmp_path) as address, ChaosProxy(address) as proxy:
        report = sync(school, [proxy.url])
        assert (report.exchanges, report.outcome, proxy.connections) == (5, "level", 1)


def test_eight_clients_at_once_all_finish(tmp_path: Path) -> None:
    side = FakeCentre(answer_size=30_000)
    schools = [FakeSchool(body_size=60_000, rounds=2, seed=seed) for seed in range(8)]
    with centre(side, tmp_path) as address:
        threads = [
            threading.Thread(target=sync, args=(school, [url_of(address)])) for school in schools
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert [school.finished for school in schools] == [2] * 8


def test_an_exchange_at_300_ms_each_way_takes_two_round_trips(tmp_path: Path) -> None:
    with (
        centre(FakeCentre(), tmp_path) as address,
        ChaosProxy(address, Faults(delay_s=0.3)) as proxy,
        fast_session() as session,
    ):
        report = exchange_once(FakeSchool(), proxy.url, session=session)
        assert 1.2 <= report.seconds < 1.6


def test_an_address_that_answers_is_found_behind_ones_that_do_not(tmp_path: Path) -> None:
    school = FakeSchool()
    with centre(FakeCentre(), tmp_path) as address:
        report = sync(school, ["http://127.0.0.1:1", url_of(address)])
        assert report.url == url_of(address)


def test_the_peer_s_wait_ends_a_sync_that_has_more(tmp_path: Path) -> None:
    school = FakeSchool(rounds=3, wait_s=90)
    with centre(FakeCentre(), tmp_path) as address:
        report = sync(school, [url_of(address)])
        assert (report.outcome, report.wait_s, report.exchanges) == ("more", 90, 1)


def test_a_peer_that_takes_less_gets_smaller_requests(tmp_path: Path) -> None:
    school = FakeSchool(body_size=400_000)
    with centre(FakeCentre(limit_bytes=150_000), tmp_path) as address, fast_session() as session:
        sync(school, [url_of(address)], session=session)
        assert school.begun == [1 << 20, 1 << 19, 1 << 18, 1 << 17]
