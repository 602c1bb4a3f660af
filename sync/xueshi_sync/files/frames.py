"""Requests for chunks and their answers, inside the envelope of every exchange (PROTOCOL 16.3).

A frame for files begins with version 2 where one for records begins with 1. Behind the header
stand chunks, compressed together: pages of one site have most of their text in common.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import msgspec
import zstandard

from xueshi_sync.errors import LimitExceededError, MalformedFrameError, UnsupportedVersionError
from xueshi_sync.files.content import ID_BYTES, Content, check_content
from xueshi_sync.limits import (
    CHUNK_BYTES,
    CHUNKS_BYTES,
    CHUNKS_WANTED,
    FILES_OFFERED,
    ZSTD_WINDOW_BYTES,
)
from xueshi_sync.suite import Suite, digest

VERSION_FILES: Final = 2
_SIGNATURE: Final = 64
# A frame may exceed the usual size by its last chunk.
RAW_BYTES: Final = CHUNKS_BYTES + CHUNK_BYTES + 4 * CHUNKS_WANTED
# Video does not become smaller at any level, text nearly as small at this one as at the highest.
_LEVEL: Final = 9
_U32: Final = struct.Struct("<I")
T = TypeVar("T", "FilesRequest", "FilesResponse")


class FilesRequest(msgspec.Struct, array_like=True, frozen=True):
    """What a node asks for and offers. `wants`: ids, joined; `offers`: files that it alone may
    have; `raw_len`: bytes of the chunks behind the header before compression."""

    version: int
    net: bytes
    node: bytes
    key: bytes
    limit_bytes: int
    wants: bytes
    offers: list[Content]
    raw_len: int


class FilesResponse(msgspec.Struct, array_like=True, frozen=True):
    """What the other gives: wanted chunks in their order, as many as fit, without those at the
    places `lacking`. `held`: places of offers that are whole there; `wants`: ids to be given
    next."""

    version: int
    lacking: list[int]
    held: list[int]
    wants: bytes
    raw_len: int
    refused: str = ""
    wait_s: int = 0


def encode_request(suite: Suite, seed: bytes, header: FilesRequest) -> bytes:
    """Encode and sign: the content of segment 0."""
    encoded = msgspec.msgpack.encode(header)
    return suite.sign(seed, digest("files", encoded)) + encoded


def is_for_files(segment: bytes) -> bool:
    """Whether segment 0 of a request is one for files."""
    # An array of at least eight, and then the version.
    return segment[_SIGNATURE + 1 : _SIGNATURE + 2] == bytes([VERSION_FILES])


def decode_request(suite: Suite, segment: bytes, net: bytes) -> FilesRequest:
    """Verify and decode segment 0; the key it names is not yet trusted for anything."""
    signature, encoded = segment[:_SIGNATURE], segment[_SIGNATURE:]
    header = _decode(encoded, FilesRequest)
    if header.net != net or len(header.node) != 16 or len(header.key) != 32:
        raise MalformedFrameError("request for files of the wrong shape or county")
    if len(header.offers) > FILES_OFFERED:
        raise LimitExceededError("offers", limit=FILES_OFFERED, actual=len(header.offers))
    for content in header.offers:
        check_content(content)
    suite.verify(header.key, digest("files", encoded), signature)
    return header


def encode_response(header: FilesResponse) -> bytes:
    """Encode segment 0 of an answer."""
    return msgspec.msgpack.encode(header)


def decode_response(segment: bytes) -> FilesResponse:
    """Decode segment 0 of an answer whose envelope was opened under the request's session."""
    return _decode(segment, FilesResponse)


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        header = msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedFrameError(f"header for files: {error}") from error
    if header.version != VERSION_FILES:
        raise UnsupportedVersionError(f"frame for files, version {header.version}")
    if len(header.wants) % ID_BYTES or len(header.wants) > CHUNKS_WANTED * ID_BYTES:
        raise MalformedFrameError("list of wanted chunks")
    if not 0 <= header.raw_len <= RAW_BYTES:
        raise LimitExceededError("chunks of a frame", limit=RAW_BYTES, actual=header.raw_len)
    return header


def split_ids(joined: bytes) -> list[bytes]:
    """The ids in a joined list."""
    return [joined[at : at + ID_BYTES] for at in range(0, len(joined), ID_BYTES)]


def join_chunks(chunks: Sequence[bytes]) -> tuple[bytes, int]:
    """(the part behind the header, its size before compression)."""
    raw = b"".join(part for chunk in chunks for part in (_U32.pack(len(chunk)), chunk))
    return (zstandard.ZstdCompressor(level=_LEVEL).compress(raw) if raw else b""), len(raw)


def split_chunks(body: bytes, raw_len: int) -> Iterable[bytes]:
    """The reverse; raises MalformedFrameError, LimitExceededError before it allocates."""
    raw = _inflate(body, raw_len) if raw_len or body else b""
    chunks, at = [], 0
    while at < len(raw):
        if at + _U32.size > len(raw):
            raise MalformedFrameError("length of a chunk")
        (size,) = _U32.unpack_from(raw, at)
        at += _U32.size
        if size > CHUNK_BYTES or at + size > len(raw):
            raise MalformedFrameError("length of a chunk")
        chunks.append(raw[at : at + size])
        at += size
    return chunks


def _inflate(body: bytes, raw_len: int) -> bytes:
    try:
        frame = zstandard.get_frame_parameters(body)
        if frame.content_size != raw_len or frame.dict_id:
            raise MalformedFrameError("chunks state another size or a dictionary")
        if frame.window_size > ZSTD_WINDOW_BYTES:
            raise LimitExceededError("window", limit=ZSTD_WINDOW_BYTES, actual=frame.window_size)
        raw = zstandard.ZstdDecompressor().decompress(body, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise MalformedFrameError(f"chunks: {error}") from error
    if len(raw) != raw_len:
        raise MalformedFrameError("chunks are shorter than stated")
    return raw
