"""HTTPS with a pinned authority, also when this machine's clock is wrong (SYNC 3.7.8).

The certificates beside this file were made for these tests: an authority, another of the same
name, and one key for localhost with a certificate until 2002 and one until 2120.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cheroot.ssl.builtin import BuiltinSSLAdapter

from tests.sync.http_support import FakeCentre, FakeSchool, fast_session, serving
from xueshi_sync.errors import NetworkError
from xueshi_sync.http_client import exchange_once
from xueshi_sync.http_server import make_sync_app
from xueshi_sync.http_session import LineSettings, Timeouts

FOLDER = Path(__file__).with_name("tls")
SHORT = Timeouts(connect_s=2.0, idle_s=2.0, total_s=8.0)


@contextmanager
def centre(stage: Path, certificate: str) -> Iterator[int]:
    path = str(FOLDER / f"server_{certificate}.pem")
    adapter = BuiltinSSLAdapter(path, path)
    with serving(make_sync_app(FakeCentre(), stage), tls=adapter) as address:
        yield address[1]


def settings(authority: str = "ca", *, clock_wrong: bool = False) -> LineSettings:
    return LineSettings(ca_file=str(FOLDER / f"{authority}.pem"), clock_wrong=clock_wrong)


def ask(port: int, line: LineSettings, host: str = "localhost") -> FakeSchool:
    school = FakeSchool(body_size=50_000)
    with fast_session(line) as session:
        exchange_once(school, f"https://{host}:{port}", session=session, timeouts=SHORT)
    return school


def test_an_exchange_goes_through_under_the_pinned_authority(tmp_path: Path) -> None:
    with centre(tmp_path, "valid") as port:
        assert ask(port, settings()).finished == 1


def test_bytes_are_counted_before_encryption(tmp_path: Path) -> None:
    school = FakeSchool(body_size=50_000)
    with centre(tmp_path, "valid") as port, fast_session(settings()) as session:
        report = exchange_once(school, f"https://localhost:{port}", session=session)
    assert 50_040 < report.bytes_up < 50_300
    assert 240 < report.bytes_down < 400


def test_a_wrong_clock_only_lets_the_dates_pass(tmp_path: Path) -> None:
    with centre(tmp_path, "expired") as port:
        assert ask(port, settings(clock_wrong=True)).finished == 1


@pytest.mark.parametrize(
    ("certificate", "line", "host"),
    [
        pytest.param("expired", settings(), "localhost", id="expired"),
        pytest.param("valid", settings("other"), "localhost", id="other-authority"),
        pytest.param("valid", LineSettings(), "localhost", id="nothing-pinned"),
        pytest.param("valid", settings(), "127.0.0.1", id="other-name"),
        pytest.param(
            "expired", settings("other", clock_wrong=True), "localhost", id="other-authority-2099"
        ),
        pytest.param("expired", settings(clock_wrong=True), "127.0.0.1", id="other-name-in-2099"),
    ],
)
def test_a_certificate_that_does_not_fit_is_never_talked_to(
    tmp_path: Path, certificate: str, line: LineSettings, host: str
) -> None:
    with centre(tmp_path, certificate) as port, pytest.raises(NetworkError) as caught:
        ask(port, line, host)
    assert caught.value.code == "network.untrusted"


def test_a_plain_server_on_the_tls_port_is_no_answer(tmp_path: Path) -> None:
    with (
        serving(make_sync_app(FakeCentre(), tmp_path)) as address,
        pytest.raises(NetworkError) as caught,
    ):
        ask(address[1], settings())
    assert caught.value.code in ("network.bad_answer", "network.cut")
