"""The answering side alone: what it takes, keeps, refuses and says."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from tests.sync.http_support import (
    FakeCentre,
    FakePending,
    FakeSchool,
    centre,
    fast_session,
    seal,
    serving,
    url_of,
)
from xueshi_sync.errors import IncompleteError, StorageError
from xueshi_sync.http_client import exchange_once
from xueshi_sync.http_server import ServerLimits, make_sync_app
from xueshi_sync.stage import StageLimits

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MIB = 1 << 20


@pytest.fixture
def side() -> FakeCentre:
    return FakeCentre()


@pytest.fixture
def address(side: FakeCentre, tmp_path: Path) -> Iterator[tuple[str, int]]:
    with centre(side, tmp_path / "stage") as bound:
        yield bound


def envelope(size: int, seed: int = 0) -> FakePending:
    return FakeSchool(body_size=size, seed=seed).begin_exchange(limit_bytes=2 * MIB)


def post(name: str, body: bytes, *, start: int = 0, length: int | None = None) -> bytes:
    head = f"POST /sync/v1/{name} HTTP/1.1\r\nHost: x\r\n"
    head += f"X-From: {start}\r\nContent-Length: {len(body) if length is None else length}\r\n"
    return head.encode() + b"\r\n" + body


def get(name: str, *, start: int = 0) -> bytes:
    return f"GET /sync/v1/{name} HTTP/1.1\r\nHost: x\r\nX-From: {start}\r\n\r\n".encode()


def talk(address: tuple[str, int], data: bytes, *, hang_up: bool = False) -> bytes:
    """Send, then return one reply: all of it, as far as its Content-Length says."""
    with socket.create_connection(address, timeout=30) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(data)
        if hang_up:
            sock.shutdown(socket.SHUT_WR)
        reply = b""
        with contextlib.suppress(ConnectionError):
            while not _whole(reply) and (piece := sock.recv(65536)):
                reply += piece
        return reply


def _whole(reply: bytes) -> bool:
    head, found, body = reply.partition(b"\r\n\r\n")
    length = [line[16:] for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
    return bool(found) and len(body) >= int(length[0] if length else b"0")


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for another thread; there is nothing to be told by."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def status(reply: bytes) -> int:
    return int(reply[9:12])


def header(reply: bytes, name: str) -> str:
    lines = reply.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    values = [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name}:")]
    return values[0] if values else ""


def test_headers_and_body_of_a_reply_leave_in_one_write(address: tuple[str, int]) -> None:
    pending = envelope(100)
    with socket.create_connection(address, timeout=30) as sock:
        sock.sendall(post(pending.name, pending.request))
        assert _whole(sock.recv(65536))


def test_the_app_can_be_mounted_beside_flask(side: FakeCentre, tmp_path: Path) -> None:
    flask: WSGIApplication = Flask(__name__)
    app = DispatcherMiddleware(flask, {"/sync/v1": make_sync_app(side, tmp_path)})
    school = FakeSchool(body_size=50_000)
    with serving(app) as address:
        exchange_once(school, url_of(address))
    assert school.finished == 1


@pytest.mark.parametrize(
    "path",
    ["/", "/sync/v1/", "/sync/v1/short", "/sync/v1/" + "a" * 23, "/sync/v1/../../../../etc/pass"],
)
def test_a_path_that_is_no_exchange_is_not_found(address: tuple[str, int], path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert status(talk(address, request.encode())) in (400, 404)


def test_an_unknown_exchange_has_nothing(address: tuple[str, int]) -> None:
    reply = talk(address, get("A" * 22))
    assert (status(reply), header(reply, "x-have")) == (204, "0")


def test_asking_for_unknown_exchanges_leaves_nothing_behind(
    address: tuple[str, int], tmp_path: Path
) -> None:
    talk(address, get("A" * 22))
    assert list((tmp_path / "stage").iterdir()) == []


@pytest.mark.parametrize("kept", [1, 5000, 8192, 20_000])
def test_a_cut_upload_is_kept_and_gone_on_with(
    address: tuple[str, int], side: FakeCentre, kept: int
) -> None:
    pending = envelope(30_000)
    request = pending.request
    talk(address, post(pending.name, request[:kept], length=len(request)), hang_up=True)
    assert header(talk(address, get(pending.name)), "x-have") == str(kept)
    reply = talk(address, post(pending.name, request[kept:], start=kept))
    assert status(reply) == 200
    assert len(side.answered) == 1


def test_an_upload_that_goes_on_at_the_wrong_byte_is_told_the_right_one(
    address: tuple[str, int],
) -> None:
    pending = envelope(30_000)
    request = pending.request
    talk(address, post(pending.name, request[:9000], length=len(request)), hang_up=True)
    reply = talk(address, post(pending.name, request[100:], start=100))
    assert (status(reply), header(reply, "x-have")) == (409, "9000")


def test_an_answer_is_kept_and_fetched_from_any_byte(
    address: tuple[str, int], side: FakeCentre
) -> None:
    side.answer_size = 5000
    pending = envelope(100)
    whole = talk(address, post(pending.name, pending.request)).partition(b"\r\n\r\n")[2]
    part = talk(address, get(pending.name, start=4000))
    assert part.partition(b"\r\n\r\n")[2] == whole[4000:]
    assert header(part, "x-total") == str(len(whole))


def test_an_answer_outlives_the_process_that_made_it(side: FakeCentre, tmp_path: Path) -> None:
    pending = envelope(100)
    with centre(side, tmp_path) as address:
        whole = talk(address, post(pending.name, pending.request)).partition(b"\r\n\r\n")[2]
    with centre(FakeCentre(), tmp_path) as address:
        assert talk(address, get(pending.name)).endswith(whole)


def test_an_upload_outlives_the_process_that_kept_it(side: FakeCentre, tmp_path: Path) -> None:
    pending = envelope(30_000)
    with centre(side, tmp_path) as address:
        talk(address, post(pending.name, pending.request[:20_000], length=30_040), hang_up=True)
    with centre(side, tmp_path) as address:
        assert header(talk(address, get(pending.name)), "x-have") == "20000"
        reply = talk(address, post(pending.name, pending.request[20_000:], start=20_000))
    assert status(reply) == 200


def test_an_upload_that_is_whole_is_answered_when_asked_with_nothing_more(
    address: tuple[str, int], side: FakeCentre
) -> None:
    pending = envelope(100)
    size = len(pending.request)
    talk(address, post(pending.name, pending.request, length=size + 1), hang_up=True)
    assert status(talk(address, post(pending.name, b"", start=size))) == 200


def test_a_repeated_request_is_answered_from_what_is_kept(
    address: tuple[str, int], side: FakeCentre
) -> None:
    pending = envelope(50_000)
    replies = [talk(address, post(pending.name, pending.request)) for _ in range(3)]
    assert len(side.answered) == 1
    assert replies[0] == replies[1] == replies[2]


def test_a_duplicate_waits_for_the_answer_that_is_being_made(
    address: tuple[str, int], side: FakeCentre
) -> None:
    side.gate = threading.Event()
    pending = envelope(100)
    replies: list[bytes] = []
    threads = [
        threading.Thread(
            target=lambda: replies.append(talk(address, post(pending.name, pending.request)))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    threading.Timer(0.4, side.gate.set).start()
    for thread in threads:
        thread.join(30)
    assert [status(reply) for reply in replies] == [200] * 3
    assert len(side.answered) == 1


def test_a_connection_that_hangs_does_not_hold_up_the_next_one(
    address: tuple[str, int], side: FakeCentre
) -> None:
    pending = envelope(30_000)
    with socket.create_connection(address) as half_open:
        half_open.sendall(post(pending.name, pending.request[:10_000], length=30_040))
        wait_until(lambda: bool(side.admitted))
        began = time.monotonic()
        have = int(header(talk(address, get(pending.name)), "x-have"))
        reply = talk(address, post(pending.name, pending.request[have:], start=have))
        assert (have, status(reply)) == (10_000, 200)
        assert time.monotonic() - began < 2


def test_bytes_of_an_overruled_connection_are_not_taken(
    address: tuple[str, int], side: FakeCentre
) -> None:
    pending = envelope(30_000)
    with socket.create_connection(address) as old:
        old.sendall(post(pending.name, pending.request[:10_000], length=30_040))
        wait_until(lambda: bool(side.admitted))
        have = int(header(talk(address, get(pending.name)), "x-have"))
        old.sendall(b"x" * 5000)
        reply = talk(address, post(pending.name, pending.request[have:], start=have))
    assert status(reply) == 200


def test_nobody_unknown_puts_anything_on_the_disk(
    address: tuple[str, int], side: FakeCentre, tmp_path: Path
) -> None:
    side.refuse = True
    pending = envelope(500_000)
    reply = talk(address, post(pending.name, pending.request[:60_000], length=500_040))
    assert (status(reply), reply.endswith(b"frame.refused")) == (403, True)
    assert max(len(prefix) for prefix in side.admitted) <= 8192
    assert list((tmp_path / "stage").iterdir()) == []


def test_a_refused_sender_is_told_so_when_it_comes_back(
    address: tuple[str, int], side: FakeCentre
) -> None:
    side.refuse = True
    pending = envelope(100)
    talk(address, post(pending.name, pending.request))
    assert status(talk(address, get(pending.name))) == 403


def test_a_node_that_needs_more_to_know_the_sender_gets_twice_as_much(
    side: FakeCentre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def admit(prefix: bytes) -> int:
        seen.append(len(prefix))
        if len(prefix) < 20_000:
            raise IncompleteError("first segment")
        return MIB

    monkeypatch.setattr(side, "admit", admit)
    pending = envelope(100_000)
    with centre(side, tmp_path) as address:
        assert status(talk(address, post(pending.name, pending.request))) == 200
    assert seen == [8192, 16384, 32768]


def test_a_first_segment_that_never_ends_is_refused(
    side: FakeCentre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def admit(prefix: bytes) -> int:
        raise IncompleteError("first segment")

    monkeypatch.setattr(side, "admit", admit)
    pending = envelope(300_000)
    with centre(side, tmp_path) as address:
        assert status(talk(address, post(pending.name, pending.request))) == 400
    assert list(tmp_path.iterdir()) == []


def test_an_unadmitted_cut_upload_stays_off_the_disk(
    address: tuple[str, int], tmp_path: Path
) -> None:
    pending = envelope(30_000)
    talk(address, post(pending.name, pending.request[:8000], length=30_040), hang_up=True)
    assert list((tmp_path / "stage").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"garbage!" * 20, b"frame.malformed", id="foreign"),
        pytest.param(seal(b"REQ1", b"x" * 99)[:-1] + b"!", b"frame.malformed", id="damaged"),
        pytest.param(seal(b"REQ1", b"x" * 99)[:-1], b"frame.truncated", id="short"),
        pytest.param(b"REQ", b"frame.incomplete", id="too-short"),
        pytest.param(b"", b"frame.incomplete", id="empty"),
    ],
)
def test_a_bad_envelope_gets_its_code_and_is_forgotten(
    address: tuple[str, int], side: FakeCentre, body: bytes, code: bytes
) -> None:
    reply = talk(address, post("B" * 22, body))
    assert (status(reply), reply.partition(b"\r\n\r\n")[2]) == (400, code)
    assert header(talk(address, get("B" * 22)), "x-have") == "0"
    assert side.answered == []


@pytest.mark.parametrize("length", [3 * MIB, 99 * MIB, 10**12])
def test_a_body_over_the_limit_is_not_read(address: tuple[str, int], length: int) -> None:
    assert status(talk(address, post("C" * 22, b"x", length=length))) == 413


def test_a_body_over_what_the_node_admits_is_dropped(
    address: tuple[str, int], side: FakeCentre, tmp_path: Path
) -> None:
    side.limit_bytes = 20_000
    pending = envelope(30_000)
    assert status(talk(address, post(pending.name, pending.request))) == 413
    assert list((tmp_path / "stage").iterdir()) == []


@pytest.mark.parametrize("value", ["-1", "1e3", "٣", "9" * 30])
def test_an_offset_that_is_no_number_is_refused(address: tuple[str, int], value: str) -> None:
    request = f"GET /sync/v1/{'D' * 22} HTTP/1.1\r\nHost: x\r\nX-From: {value}\r\n\r\n"
    assert status(talk(address, request.encode("utf-8"))) == 400


def test_a_body_without_length_is_refused(address: tuple[str, int]) -> None:
    head = f"POST /sync/v1/{'E' * 22} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert status(talk(address, head.encode() + b"3\r\nREQ\r\n0\r\n\r\n")) == 411


def test_a_dripping_body_ends_below_the_floor_and_what_came_is_kept(
    side: FakeCentre, tmp_path: Path
) -> None:
    limits = ServerLimits(rate_floor_bps=200.0, rate_window_s=0.2)
    pending = envelope(1000)
    with centre(side, tmp_path, limits) as address, socket.create_connection(address) as sock:
        sock.settimeout(30)
        sock.sendall(post(pending.name, pending.request[:1], length=len(pending.request)))
        ended = threading.Event()
        for byte in pending.request[1:40]:
            if ended.wait(0.05):
                break
            try:
                sock.sendall(bytes([byte]))
            except ConnectionError:
                ended.set()
        assert int(header(talk(address, get(pending.name)), "x-have")) < 30


def test_a_node_that_cannot_store_says_later_and_keeps_the_upload(
    side: FakeCentre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: bytes) -> bytes:
        raise StorageError("disk full")

    pending = envelope(20_000)
    with centre(side, tmp_path) as address:
        with monkeypatch.context() as patch:
            patch.setattr(side, "answer", full)
            reply = talk(address, post(pending.name, pending.request))
        assert status(reply) == 503
        assert 2 <= int(header(reply, "retry-after")) <= 30
        size = len(pending.request)
        assert status(talk(address, post(pending.name, b"", start=size))) == 200


def test_more_answers_than_allowed_at_once_are_put_off(side: FakeCentre, tmp_path: Path) -> None:
    side.gate = threading.Event()
    limits = ServerLimits(answers_max=1, answer_wait_s=0.4)
    first, second = envelope(100, seed=1), envelope(100, seed=2)
    with centre(side, tmp_path, limits) as address:
        busy = threading.Thread(target=talk, args=(address, post(first.name, first.request)))
        busy.start()
        wait_until(lambda: bool(side.admitted))
        reply = talk(address, post(second.name, second.request))
        side.gate.set()
        busy.join(30)
        assert status(reply) == 503
        assert status(talk(address, post(second.name, b"", start=len(second.request)))) == 200


def test_an_upload_without_a_place_is_put_off(side: FakeCentre, tmp_path: Path) -> None:
    limits = ServerLimits(uploads_max=1)
    slow, other = envelope(30_000, seed=1), envelope(100, seed=2)
    with centre(side, tmp_path, limits) as address, socket.create_connection(address) as held:
        held.sendall(post(slow.name, slow.request[:9000], length=30_040))
        wait_until(lambda: bool(side.admitted))
        assert status(talk(address, post(other.name, other.request))) == 503


def test_the_stage_never_holds_more_than_its_limit(side: FakeCentre, tmp_path: Path) -> None:
    limits = ServerLimits(stage=StageLimits(total_bytes=100_000))
    with centre(side, tmp_path, limits) as address:
        for seed in range(8):
            part = envelope(60_000, seed=seed)
            talk(address, post(part.name, part.request[:40_000], length=60_040), hang_up=True)
            kept = sum(path.stat().st_size for path in tmp_path.iterdir())
            assert kept <= 100_000
    assert kept >= 40_000


def test_headers_that_drip_are_given_ten_seconds_in_all(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xueshi_sync.http_listener.HEADER_S", 0.3)
    with socket.create_connection(address, timeout=30) as sock:
        began = time.monotonic()
        ended = threading.Event()
        with contextlib.suppress(ConnectionError):
            sock.sendall(b"GET /")
            for _ in range(100):
                ended.wait(0.1)
                sock.sendall(b"a")
        assert time.monotonic() - began < 2


def test_a_school_s_session_meets_the_limits_without_losing_anything(
    side: FakeCentre, tmp_path: Path
) -> None:
    school = FakeSchool(body_size=100_000)
    with centre(side, tmp_path, ServerLimits(answers_max=1)) as address, fast_session() as line:
        for _ in range(3):
            exchange_once(school, url_of(address), session=line)
    assert school.finished == 3
