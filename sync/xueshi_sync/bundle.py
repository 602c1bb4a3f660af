"""A bundle on a file carrier: stick, chat file, mail (PROTOCOL 10).

    file = "XUESHI1\\n" ‖ recipient node 16 ‖ request envelope (PROTOCOL 6.1)

Written beside its final name, flushed, renamed, and read back, so that a stick pulled too early
shows.
A cut file gives its valid beginning; no name from inside a file is ever used as a path.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xueshi_sync.errors import LimitExceededError, MalformedFrameError, MediumError
from xueshi_sync.sidecar import sync_folder

MAGIC: Final = b"XUESHI1\n"
PREFIX_BYTES: Final = len(MAGIC) + 16
# FAT32 sticks hold no larger file, and a larger bundle is not read into memory.
BUNDLE_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A bundle as read: for whom, and the sealed envelope."""

    recipient: bytes
    envelope: bytes


def write_bundle(path: Path, recipient: bytes, envelope: bytes) -> int:
    """Write a bundle durably and read it back; returns its size. Raises MediumError."""
    data = MAGIC + recipient + envelope
    if len(data) > BUNDLE_BYTES:
        raise LimitExceededError("bundle", limit=BUNDLE_BYTES, actual=len(data))
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.absolute().parent)
        read_back = path.read_bytes()
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MediumError(f"cannot write {path.name}: {error.strerror}", path=str(path)) from error
    if read_back != data:
        raise MediumError(f"{path.name} reads back differently", path=str(path))
    return len(data)


def read_bundle(path: Path) -> BundleFile:
    """Read a bundle file. Raises MediumError where the file fails, MalformedFrameError where it is
    none."""
    try:
        size = path.stat().st_size
        if size > BUNDLE_BYTES:
            raise LimitExceededError("bundle", limit=BUNDLE_BYTES, actual=size)
        data = path.read_bytes()
    except OSError as error:
        raise MediumError(f"cannot read {path.name}: {error.strerror}", path=str(path)) from error
    if not data.startswith(MAGIC) or len(data) < PREFIX_BYTES:
        raise MalformedFrameError("not a bundle file", path=str(path))
    return BundleFile(data[len(MAGIC) : PREFIX_BYTES], data[PREFIX_BYTES:])
