"""What a node takes from the machine it runs on: time, chance, a state folder, a fingerprint."""

import hashlib
import os
import platform
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import platformdirs

# Test runs name their machine; a real one reads its hardware.
FINGERPRINT_VARIABLE: Final = "XUESHI_FINGERPRINT"
STATE_VARIABLE: Final = "XUESHI_STATE_DIR"
# What a node keeps back at most for a full disk (SYNC 3.12); as large as its data until then.
RESERVE_BYTES: Final = 64 << 20


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Context:
    """The outside, as the node sees it; tests pass their own."""

    state_dir: Path
    now_ms: Callable[[], int] = _now_ms
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[int], bytes] = secrets.token_bytes
    fingerprint: Callable[[], list[str]] = field(default=lambda: read_fingerprint())
    # Room kept back at most for a full disk; none at 0.
    reserve_bytes: int = 0

    @staticmethod
    def system() -> "Context":
        """The machine itself. The state folder is outside every node's folder and its backups."""
        given = os.environ.get(STATE_VARIABLE)
        folder = Path(given) if given else platformdirs.user_state_path("xueshi", "xueshi")
        return Context(folder, reserve_bytes=RESERVE_BYTES)


def read_fingerprint() -> list[str]:
    """Hashes of board id, system disk id, machine id and network card; empty where unreadable."""
    given = os.environ.get(FINGERPRINT_VARIABLE)
    if given is not None:
        return given.split(",")
    parts = [_board(), _disk(), _machine_id(), f"{uuid.getnode():012x}"]
    return [
        hashlib.sha256(b"xueshi\0" + part.encode()).hexdigest()[:16] if part else ""
        for part in parts
    ]


def _board() -> str:
    if platform.system() == "Windows":
        return os.environ.get("COMPUTERNAME", "")
    return _read("/sys/class/dmi/id/product_uuid") or _read("/sys/class/dmi/id/board_serial")


def _disk() -> str:
    for disk in sorted(Path("/sys/block").glob("[snv]*")):
        serial = _read(str(disk / "device" / "serial")) or _read(str(disk / "serial"))
        if serial:
            return serial
    return ""


def _machine_id() -> str:
    if platform.system() == "Windows":
        return _windows_guid()
    return _read("/etc/machine-id")


def _windows_guid() -> str:
    import winreg

    with winreg.OpenKey(  # type: ignore[attr-defined]
        winreg.HKEY_LOCAL_MACHINE,  # type: ignore[attr-defined]
        r"SOFTWARE\Microsoft\Cryptography",
    ) as key:
        return str(winreg.QueryValueEx(key, "MachineGuid")[0])  # type: ignore[attr-defined]


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
