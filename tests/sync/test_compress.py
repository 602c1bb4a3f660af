"""Compressed bytes of a peer never become more memory than the header of their block says."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vectors.block_cases import RAW_BLOCK, RLE_BLOCK, bomb, literal_frame, zstd_frame
from xueshi_sync.compress import compress, decompress
from xueshi_sync.errors import LimitExceededError, MalformedBlockError, SyncError
from xueshi_sync.limits import BLOCK_RAW_BYTES, RATIO_FREE_BYTES

_KIB: Final = 1024
_ROOT: Final = Path(__file__).parents[2]


@settings(max_examples=60, deadline=None)
@given(raw=st.binary(min_size=1, max_size=4000), repeat=st.integers(1, 16))
def test_what_is_compressed_comes_back(raw: bytes, repeat: int) -> None:
    assert decompress(compress(raw * repeat), len(raw) * repeat) == raw * repeat


def test_up_to_64_kib_may_inflate_without_bound() -> None:
    assert decompress(compress(bytes(RATIO_FREE_BYTES)), RATIO_FREE_BYTES) == bytes(
        RATIO_FREE_BYTES
    )


def test_beyond_64_kib_a_hundredfold_is_the_end() -> None:
    raw_len = 128 * _KIB
    frame = zstd_frame(raw_len, (RLE_BLOCK, raw_len, b"\0"))
    with pytest.raises(LimitExceededError):
        decompress(frame, raw_len)


def test_more_than_1_mib_is_refused_whatever_the_ratio() -> None:
    with pytest.raises(LimitExceededError):
        decompress(bytes(BLOCK_RAW_BYTES), BLOCK_RAW_BYTES + 1)


@settings(max_examples=100, deadline=None)
@given(stated=st.integers(0, 2000), held=st.integers(1, 2000))
def test_a_frame_that_lies_about_its_size_is_refused(stated: int, held: int) -> None:
    frame = zstd_frame(stated, (RLE_BLOCK, held, b"x"))
    if stated == held:
        assert decompress(frame, stated) == b"x" * held
        return
    for raw_len in (stated, held):
        with pytest.raises(MalformedBlockError):
            decompress(frame, raw_len)


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=200), place=st.integers(0, 300), value=st.integers(0, 255))
def test_a_damaged_frame_gives_its_length_or_is_refused(raw: bytes, place: int, value: int) -> None:
    frame = bytearray(literal_frame(raw))
    frame[place % len(frame)] = value
    with suppress(SyncError):
        assert len(decompress(bytes(frame), len(raw))) == len(raw)


def test_an_empty_block_at_the_end_is_no_way_around_the_size() -> None:
    frame = zstd_frame(5, (RAW_BLOCK, 5, b"hello"), (RAW_BLOCK, 0, b""))
    assert decompress(frame, 5) == b"hello"


_MEASURE: Final = """
import resource, sys
from tests.vectors.block_cases import bomb, zstd_frame, RLE_BLOCK
from xueshi_sync.compress import decompress
from xueshi_sync.errors import SyncError
small = bomb(64 * 1024, 1 << 20)
frames = [
    (bomb(64 * 1024, 8 << 30), 64 * 1024),
    (zstd_frame((1 << 32) - 1, (RLE_BLOCK, 128 * 1024, b"x")), (1 << 32) - 1),
    (zstd_frame((1 << 32) - 1, (RLE_BLOCK, 128 * 1024, b"x")), 64 * 1024),
]
try:
    decompress(small, 64 * 1024)
except SyncError:
    pass
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
room = 256 << 20
soft = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + room
resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
refused = 0
for frame, raw_len in frames:
    try:
        decompress(frame, raw_len)
    except SyncError:
        refused += 1
print(refused, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and sets resource limits")
def test_eight_gibibytes_in_a_quarter_of_a_mebibyte_cost_no_memory() -> None:
    """One frame holds 8 GiB and says 64 KiB, one says 4 GiB in 14 bytes."""
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path])},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    refused, grown_kib = map(int, ran.stdout.split())
    assert refused == 3
    assert grown_kib < 2 * _KIB


def test_the_bomb_of_the_vectors_is_one() -> None:
    assert len(bomb(64 * _KIB, 10 << 20)) < 400
