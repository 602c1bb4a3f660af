"""Folders as files: canonical, and with no path that leads anywhere else."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueshi_server.folders import (
    BadFolderError,
    BadPathError,
    Entry,
    check_path,
    decode_folder,
    encode_folder,
)
from xueshi_sync.files.content import Content

CONTENT = Content(hashlib.sha256(b"x").digest(), 1, 0, bytes(16))
NAMES = st.text(st.sampled_from("abc磨课-_1"), min_size=1, max_size=8)


@given(st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.just(CONTENT)))
def test_a_folder_comes_back_whatever_the_order_of_its_files(files: dict[str, Content]) -> None:
    entries = [Entry(path, content) for path, content in files.items()]
    data = encode_folder(entries)
    assert encode_folder(reversed(entries)) == data
    assert sorted(decode_folder(data)) == sorted(entries)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a//b",
        "a/",
        ".",
        "C:\\x",
        "a\\b",
        "con",
        "CON.txt",
        "lpt1",
        "a/nul.pdf",
        "end.",
        "end ",
        " start",
        "a\x00b",
        "line\nbreak",
        "what?",
        "a:b",
        "x" * 241,
        "磨" * 81,
        "con .txt",
        "CONOUT$",
        "a\u200bb.pdf",
        "a\x85b",
        "/".join(["ab"] * 120),
        "\u202egpj.exe",
        "half\ud800",
    ],
)
def test_a_path_that_some_system_cannot_write_or_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(BadPathError):
        check_path(path)


def test_a_path_is_kept_in_one_form() -> None:
    assert check_path("cafe\u0301.pdf") == "caf\u00e9.pdf"


def test_two_names_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(BadPathError):
        encode_folder([Entry("A.pdf", CONTENT), Entry("a.pdf", CONTENT)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode([["a"]]),
        msgspec.msgpack.encode([["a", [b"", 1, 0, b""]]]),
        msgspec.msgpack.encode([["A", CONTENT], ["a", CONTENT]]),
    ],
)
def test_bytes_that_are_no_folder_are_refused(data: bytes) -> None:
    with pytest.raises(BadFolderError):
        decode_folder(data)


def test_a_folder_with_a_path_that_leads_out_is_refused() -> None:
    with pytest.raises(BadPathError):
        decode_folder(msgspec.msgpack.encode([["../x", CONTENT]]))
