"""The witness outside the data folder: how far this node had got when bytes last left it (SYNC
3.5).

A copied or restored database cannot know that it is one; a small file elsewhere on the machine can.
`decide_epoch` is pure; reading and writing are below it.
"""

import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

NO_SIDECAR: Final = "no_sidecar"
EPOCH_MISMATCH: Final = "epoch_mismatch"
MACHINE: Final = "machine"
ROLLBACK: Final = "rollback"
RESTORE: Final = "restore"

# The first parts of a fingerprint (board, system disk) are strong: one of them must agree.
STRONG_PARTS: Final = 2
PARTS_AGREEING: Final = 2


@dataclass(frozen=True)
class Sidecar:
    """What the file holds; `published` maps a scope to the newest own block that left (id[:16])."""

    epoch: bytes
    machine: list[str]
    published: dict[str, str] = field(default_factory=dict)
    version: int = 1

    def blocks(self) -> Iterable[bytes]:
        """Ids[:16] of the newest published blocks."""
        return [bytes.fromhex(each) for each in self.published.values()]


def decide_epoch(
    sidecar: Sidecar | None, epoch_name: bytes, *, published_known: bool, same_machine: bool
) -> str | None:
    """Return why a new epoch must begin before anything is written, or None."""
    if sidecar is None:
        return NO_SIDECAR
    if sidecar.epoch != epoch_name:
        return EPOCH_MISMATCH
    if not same_machine:
        return MACHINE
    return None if published_known else ROLLBACK


def is_same_machine(before: Sequence[str], now: Sequence[str]) -> bool:
    """Compare fingerprints part by part; an empty part is one that cannot be read.

    Same: at least two readable parts agree, a strong one among them where any is readable, and with
    fewer readable parts all of them.
    """
    pairs = [(old, new) for old, new in zip(before, now, strict=False) if old and new]
    strong = [
        old == new for old, new in zip(before[:STRONG_PARTS], now, strict=False) if old and new
    ]
    agreeing = sum(old == new for old, new in pairs)
    return agreeing >= min(PARTS_AGREEING, max(len(pairs), 1)) and (not strong or any(strong))


def read_sidecar(path: Path) -> Sidecar | None:
    """Read the file; None where it is missing or damaged, which is evidence enough."""
    try:
        data = path.read_bytes()
        check, body = data[:4], data[4:]
        if zlib.crc32(body) != int.from_bytes(check, "big"):
            return None
        return msgspec.msgpack.decode(body, type=Sidecar)
    except (OSError, msgspec.DecodeError):
        return None


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Replace the file so that a power cut leaves the old or the new one, and it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = msgspec.msgpack.encode(sidecar)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(zlib.crc32(body).to_bytes(4, "big") + body)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
