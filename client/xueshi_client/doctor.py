"""What may be wrong with this machine, and what to do: clock, disk, database, port, line.

Each check gives one `Finding`; the catalogue words `doctor.<code>` say what to do. Nothing here
needs the node to be free: databases are read through connections of our own, read-only.
"""

import contextlib
import shutil
import socket
import sqlite3
import ssl
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from xueshi_client.address import find_lan_address
from xueshi_client.running import read_running
from xueshi_client.state import FEED_FILE
from xueshi_sync.frame import Receipt
from xueshi_sync.writer import CENTRE_SCOPE

# 2026-11-01, before which no copy of this program existed: an earlier clock is wrong.
BUILD_MS: Final = 1_793_491_200_000
# A clock so far ahead of the program is wrong too; a PC does not run one release for ten years.
CLOCK_AHEAD_MS: Final = 10 * 365 * 86_400_000
# A centre's clock and ours may differ by a day before a person should look.
CLOCK_OFF_MS: Final = 86_400_000
DISK_LOW_BYTES: Final = 500_000_000
DISK_EMPTY_BYTES: Final = 100_000_000
CONNECT_TIMEOUT_S: Final = 5.0
_RECEIPTS: Final = "SELECT data FROM receipt"
_URLS: Final = "SELECT value FROM meta WHERE key = 'urls'"
_IS_CENTRE: Final = f"SELECT value FROM meta WHERE key = '{CENTRE_SCOPE}'"
_NEWEST_KEY: Final = "SELECT max(generation) FROM seal_key WHERE NOT deleted"
DATABASES: Final = (FEED_FILE, "data/view.db")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: `ok`, `look` (a person should look) or `bad`."""

    level: str
    code: str
    values: dict[str, Any] = field(default_factory=dict)


def examine(home: Path, port: int) -> list[Finding]:
    """Every check in the order in which a person should act on them."""
    now_ms = time.time_ns() // 1_000_000
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: check_clock(now_ms, read_last_receipt_ms(home)),
        lambda: check_disk(shutil.disk_usage(_existing(home)).free),
        lambda: check_databases(home),
        lambda: check_seal_key(home),
        lambda: check_port(home, port),
        check_firewall,
        lambda: check_centres(list_centre_urls(home)),
    ]
    return [finding for each in checks for finding in each()]


def check_clock(now_ms: int, receipt_ms: int | None) -> Iterator[Finding]:
    """The clock against the program's age and the newest signed receipt."""
    shown = time.strftime("%Y-%m-%d %H:%M", time.localtime(now_ms / 1000))
    if now_ms < BUILD_MS:
        yield Finding("bad", "clock_behind", {"now": shown})
    elif now_ms > BUILD_MS + CLOCK_AHEAD_MS:
        yield Finding("bad", "clock_ahead", {"now": shown})
    elif receipt_ms is not None and now_ms < receipt_ms - CLOCK_OFF_MS:
        seen = time.strftime("%Y-%m-%d %H:%M", time.localtime(receipt_ms / 1000))
        yield Finding("look", "clock_before_receipt", {"now": shown, "receipt": seen})
    else:
        yield Finding("ok", "clock", {"now": shown})


def check_disk(free_bytes: int) -> Iterator[Finding]:
    """Room for a year of records and one backup."""
    level = (
        "bad" if free_bytes < DISK_EMPTY_BYTES else "look" if free_bytes < DISK_LOW_BYTES else "ok"
    )
    code = "disk" if level == "ok" else "disk_low"
    yield Finding(level, code, {"mb": free_bytes // 1_000_000})


def check_databases(home: Path) -> Iterator[Finding]:
    """SQLite's quick check of every file of the node."""
    if not (home / FEED_FILE).is_file():
        yield Finding("look", "no_node", {"home": str(home)})
        return
    for name in DATABASES:
        problem = _quick_check(home / name)
        code = "database" if problem is None else _damage_code(name)
        level = "ok" if problem is None else "bad"
        yield Finding(level, code, {"file": name, "problem": problem or ""})


def _damage_code(name: str) -> str:
    return "feed_damaged" if name == FEED_FILE else "view_damaged"


def _quick_check(path: Path) -> str | None:
    if not path.is_file():
        return "missing"
    try:
        with contextlib.closing(_connect(path)) as database:
            answer = str(database.execute("PRAGMA quick_check").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
    return None if answer == "ok" else answer


def check_seal_key(home: Path) -> Iterator[Finding]:
    """At a centre: whether what schools seal can be opened here."""
    if not _read_blobs(home, _IS_CENTRE):
        return
    try:
        with contextlib.closing(_connect(home / "data" / "view.db")) as database:
            newest = database.execute(_NEWEST_KEY).fetchone()[0]
    except sqlite3.Error:
        # An older program's file, or a damaged one, which is told above.
        return
    if newest is not None:
        is_here = (home / "key" / f"seal-{newest}.key").is_file()
        code = "seal_key" if is_here else "seal_key_missing"
        yield Finding("ok" if is_here else "bad", code, {"generation": newest})


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)


def check_port(home: Path, port: int) -> Iterator[Finding]:
    """Whether the page can be served, or already is."""
    running = read_running(home)
    if running is not None and _answers(running.port):
        yield Finding("ok", "serving", {"port": running.port, "pid": running.pid})
    elif _answers(port):
        yield Finding("look", "port_taken", {"port": port})
    else:
        yield Finding("ok", "port_free", {"port": port})


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def check_firewall() -> Iterator[Finding]:
    """A hint only: whether phones reach this PC can be seen from a phone alone."""
    system = "windows" if sys.platform == "win32" else "other"
    yield Finding("look", f"firewall_{system}", {"address": find_lan_address() or "127.0.0.1"})


def check_centres(urls: list[str]) -> Iterator[Finding]:
    """Name, line and certificate of every address of the centre."""
    if not urls:
        yield Finding("look", "no_centre")
    for url in urls:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        yield _try_centre(url, parts.hostname or "", port, secure=parts.scheme == "https")


def _try_centre(url: str, host: str, port: int, *, secure: bool) -> Finding:
    try:
        with socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S) as line:
            if not secure:
                return Finding("ok", "centre_reached", {"url": url})
            with ssl.create_default_context().wrap_socket(line, server_hostname=host) as safe:
                days = _days_left(safe.getpeercert() or {})
    except socket.gaierror:
        return Finding("look", "centre_unknown_name", {"url": url, "host": host})
    except ssl.SSLCertVerificationError as error:
        return Finding("bad", "certificate_wrong", {"url": url, "why": error.verify_message})
    except OSError as error:
        return Finding("look", _unreached_code(error), {"url": url, "why": error.strerror or ""})
    level, code = ("look", "certificate_ending") if days < 30 else ("ok", "certificate")
    return Finding(level, code, {"url": url, "days": days})


def _unreached_code(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "centre_not_listening"
    return "centre_silent" if isinstance(error, TimeoutError) else "centre_unreachable"


def _days_left(certificate: dict[str, Any]) -> int:
    ends = certificate.get("notAfter")
    if not isinstance(ends, str):
        return 0
    return int((ssl.cert_time_to_seconds(ends) - time.time()) // 86_400)


def read_last_receipt_ms(home: Path) -> int | None:
    """The centre's time in the newest receipt this node holds."""
    receipts = [msgspec.msgpack.decode(data, type=Receipt) for data in _read_blobs(home, _RECEIPTS)]
    return max((receipt.time_s * 1000 for receipt in receipts), default=None)


def list_centre_urls(home: Path) -> list[str]:
    """The addresses of the centre that this node knows."""
    return [
        url
        for data in _read_blobs(home, _URLS)
        for url in msgspec.msgpack.decode(data, type=list[str])
    ]


def _read_blobs(home: Path, sql: str) -> list[bytes]:
    """One column of the node's own file; nothing where it cannot be read."""
    try:
        with contextlib.closing(_connect(home / FEED_FILE)) as database:
            return [bytes(row[0]) for row in database.execute(sql)]
    except sqlite3.Error:
        return []


def _existing(home: Path) -> Path:
    while not home.exists() and home != home.parent:
        home = home.parent
    return home
