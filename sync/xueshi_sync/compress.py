"""Bounded zstd: the only door through which compressed bytes of a peer become memory."""

from typing import Final

import zstandard

from xueshi_sync.errors import LimitExceededError, MalformedBlockError
from xueshi_sync.limits import (
    BLOCK_RAW_BYTES,
    INFLATION_RATIO,
    RATIO_FREE_BYTES,
    ZSTD_WINDOW_BYTES,
)

LEVEL: Final = 19


def compress(raw: bytes) -> bytes:
    """Return one zstd frame that states its content size, without checksum or dictionary."""
    params = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, source_size=len(raw), write_content_size=True, write_checksum=False
    )
    return zstandard.ZstdCompressor(compression_params=params).compress(raw)


def decompress(stored: bytes, raw_len: int) -> bytes:
    """Return exactly `raw_len` bytes.

    Checks before it allocates: one frame, stated size equal to `raw_len`, window, ratio, no
    dictionary; afterwards, that nothing follows the frame. Raises MalformedBlockError or
    LimitExceededError.
    """
    if raw_len == 0:
        # The library does not look into a frame that says it is empty.
        raise MalformedBlockError("an empty body is not compressed")
    if raw_len > BLOCK_RAW_BYTES:
        raise LimitExceededError("raw body too large", limit=BLOCK_RAW_BYTES, actual=raw_len)
    if raw_len > max(RATIO_FREE_BYTES, INFLATION_RATIO * len(stored)):
        raise LimitExceededError("body inflates too far", limit=INFLATION_RATIO, actual=raw_len)
    try:
        frame = zstandard.get_frame_parameters(stored)
        if stored[:4] != b"\x28\xb5\x2f\xfd":
            raise MalformedBlockError("not a zstd frame")
        if frame.content_size != raw_len or frame.dict_id:
            raise MalformedBlockError("zstd frame states another size or a dictionary")
        if frame.window_size > ZSTD_WINDOW_BYTES:
            raise LimitExceededError(
                "zstd window", limit=ZSTD_WINDOW_BYTES, actual=frame.window_size
            )
        # One shot into a buffer of the stated size: a frame that lies about its size fails, where
        # a stream would first hand out everything its run-length blocks inflate to.
        raw = zstandard.ZstdDecompressor().decompress(stored, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise MalformedBlockError(f"zstd: {error}") from error
    if len(raw) != raw_len:
        raise MalformedBlockError("zstd frame is shorter than stated")
    return raw
