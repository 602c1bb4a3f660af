"""Bundles on sticks that are full, pulled too early, copied in part or handed to the wrong node."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.process.nodes import (
    SOAK,
    check_level,
    check_node,
    exchange,
    make_county,
    make_school,
    save_form,
    scratch,
)
from xueshi_sync.errors import MalformedFrameError, MediumError, SyncError, WrongRecipientError
from xueshi_sync.node import Node

pytestmark = pytest.mark.process
CUTS: Final = 200 if SOAK else 30
BLOCKS: Final = 8
NOTE: Final = "全程参加，材料存档。" * 30


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


def _blocks(school: Node) -> set[str]:
    """Several blocks, so that a cut bundle has a beginning."""
    saved = set()
    for number in range(BLOCKS):
        saved.add(save_form(school, f"form{number}", f"{number}{NOTE}"))
        school.publish_barrier()
    return saved


def test_a_bundle_cut_anywhere_gives_its_beginning_and_says_so(folder: Path) -> None:
    centre, school = make_county(folder)
    with centre, school:
        saved = _blocks(school)
        whole = folder / "whole.xueshi"
        size = school.pack(whole).size_bytes
        data, cut = whole.read_bytes(), folder / "cut.xueshi"
        for place in sorted({size * number // CUTS for number in range(CUTS)}):
            cut.write_bytes(data[:place])
            with suppress(SyncError):
                assert not centre.unpack(cut).complete
            assert centre.check(deep=True).problems == []
        report = centre.unpack(whole)
        assert report.complete
        assert centre.unpack(whole).new_blocks == 0
        check_node(centre, saved)
        exchange(school, centre)
        check_level(school, centre)


def test_a_bundle_with_a_flipped_bit_is_no_bundle_from_there_on(folder: Path) -> None:
    centre, school = make_county(folder)
    with centre, school:
        saved = _blocks(school)
        whole = folder / "whole.xueshi"
        size = school.pack(whole).size_bytes
        data, spoiled = whole.read_bytes(), folder / "spoiled.xueshi"
        for place in range(0, size, size // CUTS):
            spoiled.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
            with pytest.raises(SyncError):
                centre.unpack(spoiled)
            assert centre.check(deep=True).problems == []
        centre.unpack(whole)
        check_node(centre, saved)


def test_a_bundle_for_another_node_is_refused(folder: Path) -> None:
    centre, school = make_county(folder)
    with centre, school, make_school(folder / "S2", "S2") as second:
        second.join(centre.invite("S2", "二小"))
        save_form(school, "form")
        school.pack(folder / "up.xueshi")
        with pytest.raises(WrongRecipientError):
            second.unpack(folder / "up.xueshi")
        (folder / "letter.txt").write_bytes(b"a letter" * 100)
        with pytest.raises(MalformedFrameError):
            centre.unpack(folder / "letter.txt")
        with pytest.raises(MediumError):
            centre.unpack(folder / "nothing.xueshi")


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Path]:
    """A medium of 64 KB, where this user may mount one."""
    folder = tmp_path / "stick"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system here")
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "xueshi-test", str(folder)]
    if subprocess.run(command, capture_output=True, timeout=10).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        ctypes.CDLL(None).umount2(str(folder).encode(), 2)


def test_a_full_stick_is_said_and_keeps_no_half_bundle(folder: Path, stick: Path) -> None:
    centre, school = make_county(folder)
    with centre, school:
        saved = _blocks(school)
        (stick / "films").write_bytes(bytes(65_536))
        for work in (school.pack, school.backup):
            with pytest.raises(MediumError):
                work(stick / "up.xueshi")
            assert [each.name for each in stick.iterdir()] == ["films"]
        (stick / "films").unlink()
        school.pack(stick / "up.xueshi")
        centre.unpack(stick / "up.xueshi")
        check_node(centre, saved)
