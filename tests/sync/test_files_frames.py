"""Frames for files: what is read is what was written, and nothing hostile costs memory."""

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from xueshi_sync.errors import (
    BadSignatureError,
    LimitExceededError,
    MalformedContentError,
    MalformedFrameError,
    UnsupportedVersionError,
)
from xueshi_sync.files.content import Content
from xueshi_sync.files.frames import (
    RAW_BYTES,
    VERSION_FILES,
    FilesRequest,
    FilesResponse,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    is_for_files,
    join_chunks,
    split_chunks,
)
from xueshi_sync.frame import RequestHeader
from xueshi_sync.frame import encode_request as encode_records_request
from xueshi_sync.limits import CHUNK_BYTES, FILES_OFFERED
from xueshi_sync.suite import Ed25519Suite

SUITE = Ed25519Suite()
SEED = bytes(range(32))
NET = b"n" * 16
KEY = SUITE.public_key(SEED)
REQUEST = FilesRequest(VERSION_FILES, NET, b"a" * 16, KEY, 1000, b"i" * 32, [], 0)
ANSWER = FilesResponse(VERSION_FILES, [1], [0], b"i" * 16, 0)


def test_a_request_comes_back_and_says_what_it_is() -> None:
    segment = encode_request(SUITE, SEED, REQUEST)
    assert is_for_files(segment)
    assert decode_request(SUITE, segment, NET) == REQUEST


def test_a_request_for_records_is_not_taken_for_one_for_files() -> None:
    header = RequestHeader(1, NET, b"a" * 16, KEY, 1, b"", b"r" * 16, b"", b"", 1000)
    assert not is_for_files(encode_records_request(SUITE, SEED, header))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"net": b"m" * 16}, MalformedFrameError),
        ({"node": b"short"}, MalformedFrameError),
        ({"wants": b"odd"}, MalformedFrameError),
        ({"wants": bytes(16) * 1025}, MalformedFrameError),
        ({"raw_len": RAW_BYTES + 1}, LimitExceededError),
        ({"raw_len": -1}, LimitExceededError),
        ({"version": 3}, UnsupportedVersionError),
        ({"offers": [Content(b"", 1, 0, b"")]}, MalformedContentError),
        (
            {"offers": [Content(bytes(32), 1, 0, bytes(16))] * (FILES_OFFERED + 1)},
            LimitExceededError,
        ),
    ],
)
def test_a_request_that_is_none_is_refused(
    changed: dict[str, object], error: type[Exception]
) -> None:
    header = msgspec.structs.replace(REQUEST, **changed)
    with pytest.raises(error):
        decode_request(SUITE, encode_request(SUITE, SEED, header), NET)


def test_a_request_signed_by_another_is_refused() -> None:
    segment = encode_request(SUITE, bytes(32), REQUEST)
    with pytest.raises(BadSignatureError):
        decode_request(SUITE, segment, NET)


def test_a_signature_over_records_does_not_sign_for_files() -> None:
    records = encode_records_request(SUITE, SEED, REQUEST)  # type: ignore[arg-type]
    with pytest.raises(BadSignatureError):
        decode_request(SUITE, records, NET)


def test_an_answer_comes_back() -> None:
    assert decode_response(encode_response(ANSWER)) == ANSWER


@given(st.binary(max_size=200))
def test_bytes_that_are_no_answer_are_refused(data: bytes) -> None:
    with pytest.raises((MalformedFrameError, UnsupportedVersionError, LimitExceededError)):
        decode_response(data)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_chunks_come_back(chunks: list[bytes]) -> None:
    body, raw_len = join_chunks(chunks)
    assert list(split_chunks(body, raw_len)) == chunks


def test_pages_that_share_their_frame_become_small_together() -> None:
    frame = b"".join(b"<li>%d page of the site</li>" % number for number in range(300))
    pages = [frame + b"text %d" % number for number in range(20)]
    body, raw_len = join_chunks(pages)
    assert len(body) < raw_len / 15


@pytest.mark.parametrize(
    ("body", "raw_len", "error"),
    [
        (b"", 5, MalformedFrameError),
        (b"no zstd", 5, MalformedFrameError),
        (zstandard.compress(b"x" * 9), 8, MalformedFrameError),
        (zstandard.compress(b"\x01\x00\x00"), 3, MalformedFrameError),
        (zstandard.compress(b"\x09\x00\x00\x00ab"), 6, MalformedFrameError),
        (
            zstandard.compress((CHUNK_BYTES + 1).to_bytes(4, "little") + bytes(CHUNK_BYTES + 1)),
            CHUNK_BYTES + 5,
            MalformedFrameError,
        ),
        (zstandard.compress(b"x" * 9) + b"more", 9, MalformedFrameError),
    ],
)
def test_chunks_that_are_none_are_refused(
    body: bytes, raw_len: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        split_chunks(body, raw_len)


def test_a_frame_that_states_gigabytes_is_refused_before_it_is_opened() -> None:
    bomb = zstandard.compress(bytes(50 << 20))
    with pytest.raises(MalformedFrameError):
        split_chunks(bomb, RAW_BYTES)
