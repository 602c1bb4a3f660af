"""The line of the benchmark: what it counts is what was delivered, and its faults are real."""

import http.client
import http.server
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from xueshi_client.bench.proxy import CountingProxy, Line

PATH = "/sync/v1/abcdefghijklmnopqrstuv"


class _Echo(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class _QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[CountingProxy]:
    server = _QuietServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with CountingProxy(server.server_port) as line:
        yield line
    server.shutdown()
    server.server_close()
    thread.join()


def _post(proxy: CountingProxy, size: int, timeout_s: float = 5.0) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=timeout_s)
    try:
        connection.request("POST", PATH, b"x" * size)
        return len(connection.getresponse().read())
    finally:
        connection.close()


def test_bytes_of_headers_and_bodies_are_counted_both_ways(proxy: CountingProxy) -> None:
    assert _post(proxy, 100_000) == 100_000
    tally = proxy.take()
    assert 100_050 < tally.bytes_up < 100_300
    assert 100_050 < tally.bytes_down < 100_300


def test_requests_are_counted_and_counting_starts_again(proxy: CountingProxy) -> None:
    for _ in range(3):
        _post(proxy, 10)
    assert proxy.take().requests == 3
    assert proxy.take().requests == 0


def test_a_cut_resets_the_connection_after_exactly_that_many_bytes(proxy: CountingProxy) -> None:
    proxy.set_line(Line(cut_every=65_536))
    with pytest.raises(OSError, match=r".+"):
        _post(proxy, 100_000)
    tally = proxy.take()
    assert (tally.bytes_up, tally.cuts) == (65_536, 1)


def test_a_cut_line_carries_the_next_message(proxy: CountingProxy) -> None:
    proxy.set_line(Line(cut_every=65_536))
    with pytest.raises(OSError, match=r".+"):
        _post(proxy, 100_000)
    assert _post(proxy, 1_000) == 1_000


def test_a_delay_costs_a_new_connection_two_round_trips(proxy: CountingProxy) -> None:
    proxy.set_line(Line(delay_s=0.1))
    began = time.monotonic()
    _post(proxy, 10)
    assert 0.4 <= time.monotonic() - began < 5.0


def test_a_dead_line_refuses_later_connections(proxy: CountingProxy) -> None:
    proxy.set_line(Line(ends_after=1_000, ends_as="dead"))
    for _ in range(2):
        with pytest.raises(OSError, match=r".+"):
            _post(proxy, 10_000)


def test_a_silent_line_neither_answers_nor_closes(proxy: CountingProxy) -> None:
    proxy.set_line(Line(ends_after=1_000, ends_as="silent"))
    with pytest.raises(TimeoutError):
        _post(proxy, 10_000, timeout_s=0.5)


def test_a_line_can_be_mended(proxy: CountingProxy) -> None:
    proxy.set_line(Line(ends_after=1_000, ends_as="dead"))
    with pytest.raises(OSError, match=r".+"):
        _post(proxy, 10_000)
    proxy.set_line(Line())
    assert _post(proxy, 10_000) == 10_000
