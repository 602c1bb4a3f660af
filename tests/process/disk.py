"""The disk after a power cut, built from the record of what a process did to it.

A file's data is certain up to its last sync, and its name up to the last sync of the folder. What
came later may be there, may be missing, and may be there in part: whole writes or single sectors of
512 bytes, in any order. Names come and go in order (a journal), up to some point.
"""

import random
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.process.nodes import acks_in

SECTOR_BYTES: Final = 512
_HEAD: Final = struct.Struct("<cHHqI")
KEPT: Final = "kept"
LOST: Final = "lost"
TORN: Final = "torn"
PREFIX: Final = "prefix"


@dataclass(frozen=True)
class Op:
    """One thing done to one file; `path2` is where a rename or link leads."""

    kind: str
    path: str
    path2: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    """A power cut before op number `at`; `mode` and `seed` say what became of unsynced writes."""

    at: int
    mode: str
    seed: int = 0


Image = Mapping[str, bytes]


def read_log(path: Path) -> list[Op]:
    """The ops that iotap.c wrote down."""
    data, place, ops = path.read_bytes(), 0, []
    while place < len(data):
        kind, size1, size2, offset, size = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        path1 = data[place : place + size1].decode()
        path2 = data[place + size1 : place + size1 + size2].decode()
        place += size1 + size2
        ops.append(Op(kind.decode(), path1, path2, offset, data[place : place + size]))
        place += size
    return ops


def read_tree(root: Path) -> dict[str, bytes]:
    """The files of a folder that a power cut leaves: all but shared memory."""
    return {
        str(path): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


class Recording:
    """A run of a process: the files before it, and every op."""

    def __init__(self, before: Image, ops: list[Op]) -> None:
        self._before = before
        self.ops = [op for op in ops if not op.path.endswith("/ack")]
        self._acks: list[tuple[int, bytes]] = []
        count = 0
        for op in ops:
            if not op.path.endswith("/ack"):
                count += 1
            elif op.kind == "w":
                self._acks.append((count, op.data))
        self._files, self._names = _play(before, self.ops)

    def acks_before(self, at: int) -> list[tuple[str, str]]:
        """What the process had promised when the power went."""
        return acks_in(b"".join(data for place, data in self._acks if place <= at))

    def cuts(self, seeds: Iterable[int]) -> Iterator[Cut]:
        """Every boundary between ops, with every pattern."""
        for at in range(len(self.ops) + 1):
            yield Cut(at, KEPT)
            yield Cut(at, LOST)
            for seed in seeds:
                yield Cut(at, PREFIX if seed % 3 == 2 else TORN, seed)

    def image(self, cut: Cut) -> dict[str, bytes]:
        """The files as they are found when the power is back."""
        rng = random.Random(f"{cut.at}/{cut.mode}/{cut.seed}")
        last = rng.randrange(cut.at + 1) if cut.mode in (TORN, PREFIX) else 0
        names: dict[str, int] = dict(enumerate_names(self._before))
        for change in self._names:
            if change.at >= cut.at:
                break
            if change.synced_at < cut.at or cut.mode == KEPT or change.at < last:
                change.apply(names)
        return {
            path: self._files[number].content(cut, rng, last)
            for path, number in sorted(names.items())
        }


def enumerate_names(before: Image) -> Iterator[tuple[str, int]]:
    """Number the files that were there at first."""
    for number, path in enumerate(sorted(before)):
        yield path, number


@dataclass
class _Change:
    """A name that appears, moves or goes; `synced_at` is when its folder was next synced."""

    at: int
    old: str
    new: str
    number: int
    synced_at: int

    def apply(self, names: dict[str, int]) -> None:
        if self.old:
            names.pop(self.old, None)
        if self.new:
            names[self.new] = self.number


@dataclass
class _File:
    """One file's first content and what was written to it, with the number of each op."""

    start: bytes
    writes: list[tuple[int, Op]]
    syncs: list[int]

    def content(self, cut: Cut, rng: random.Random, last: int) -> bytes:
        certain = max((at for at in self.syncs if at < cut.at), default=-1)
        data = bytearray(self.start)
        for at, op in self.writes:
            if at >= cut.at:
                break
            in_order = cut.mode == KEPT or (cut.mode == PREFIX and at < last)
            if at < certain or in_order:
                _write(data, op.kind, op.offset, op.data)
            elif cut.mode == TORN:
                _write_torn(data, op, rng)
        return bytes(data)


def _write(data: bytearray, kind: str, offset: int, new: bytes) -> None:
    if kind == "t":
        del data[offset:]
        data.extend(bytes(offset - len(data)))
        return
    data.extend(bytes(max(0, offset + len(new) - len(data))))
    data[offset : offset + len(new)] = new


def _write_torn(data: bytearray, op: Op, rng: random.Random) -> None:
    if op.kind == "t":
        if rng.random() < 0.5:
            _write(data, "t", op.offset, b"")
        return
    fate = rng.random()
    for place in range(0, len(op.data), SECTOR_BYTES):
        # Lost as a whole, kept as a whole, or sector by sector.
        if fate < 0.25 or (fate > 0.5 and rng.random() < 0.5):
            continue
        _write(data, "w", op.offset + place, op.data[place : place + SECTOR_BYTES])


def _play(before: Image, ops: list[Op]) -> tuple[list[_File], list[_Change]]:
    """Follow names to files, so that a renamed file keeps its content."""
    names = dict(enumerate_names(before))
    files = [_File(before[path], [], []) for path in sorted(before)]
    changes: list[_Change] = []
    for at, op in enumerate(ops):
        if op.kind == "s" and op.path not in names:
            for change in changes:
                if _folder(change.new or change.old) == op.path and change.synced_at > at:
                    change.synced_at = at
        elif op.kind == "s":
            files[names[op.path]].syncs.append(at)
        elif op.kind in "wt":
            files[names[op.path]].writes.append((at, op))
        else:
            changes.append(_rename(at, op, names, files))
            changes[-1].apply(names)
    return files, changes


def _rename(at: int, op: Op, names: dict[str, int], files: list[_File]) -> _Change:
    never = 1 << 60
    if op.kind == "c":
        files.append(_File(b"", [], []))
        return _Change(at, "", op.path, len(files) - 1, never)
    if op.kind == "u":
        return _Change(at, op.path, "", -1, never)
    moved = op.path if op.kind == "r" else ""
    return _Change(at, moved, op.path2, names[op.path], never)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def write_image(root: Path, image: Image) -> None:
    """Put an image in place of whatever is under `root`."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name, data in image.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
