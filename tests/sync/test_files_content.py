"""Trees of chunks: what two versions of a file share, and what no file can be."""

import hashlib
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xueshi_sync.errors import LimitExceededError, MalformedContentError
from xueshi_sync.files.chunker import cut_file
from xueshi_sync.files.content import (
    DEPTH_MOST,
    NODE_ENTRIES,
    Content,
    Entry,
    build_tree,
    chunk_id,
    decode_content,
    encode_content,
    read_node,
)
from xueshi_sync.limits import CHUNK_BYTES, FILE_BYTES

MIB = 1 << 20
SHA = hashlib.sha256(b"").digest()


def _leaves(count: int, seed: int = 1) -> list[Entry]:
    rng = random.Random(seed)
    return [Entry(rng.randbytes(16), rng.randint(2048, CHUNK_BYTES)) for _ in range(count)]


def _unfold(entry: Entry, depth: int, nodes: dict[bytes, bytes]) -> list[Entry]:
    if depth == 0:
        return [entry]
    below = read_node(nodes[entry.id], entry.size)
    return [leaf for each in below for leaf in _unfold(each, depth - 1, nodes)]


@given(st.integers(1, 5000), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_tree_unfolds_to_the_chunks_it_was_built_from(count: int, seed: int) -> None:
    leaves = _leaves(count, seed)
    tree = build_tree(SHA, leaves)
    root = Entry(tree.content.root, tree.content.size)
    assert _unfold(root, tree.content.depth, tree.nodes) == leaves


def test_a_node_of_ids_that_never_end_it_ends_all_the_same() -> None:
    leaves = [Entry(bytes([1]) * 16, 4096)] * 2000
    tree = build_tree(SHA, leaves)
    assert all(len(node) <= NODE_ENTRIES * 20 for node in tree.nodes.values())


def test_a_node_of_ids_that_always_end_it_still_makes_the_level_above_smaller() -> None:
    tree = build_tree(SHA, [Entry(bytes(16), 4096)] * 4096)
    assert tree.content.depth <= 3


def test_an_insertion_in_the_middle_changes_few_chunks_and_nodes(tmp_path: Path) -> None:
    data = random.Random(5).randbytes(8 * MIB)
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(data)
    new.write_bytes(data[: 4 * MIB] + b"inserted" + data[4 * MIB :])
    before, after = cut_file(old), cut_file(new)
    leaves = [set(_of(tree)) for tree in (before, after)]
    assert len(leaves[1] - leaves[0]) <= 4
    assert len(set(after.nodes) - set(before.nodes)) <= 4


def _of(tree: object) -> list[bytes]:
    content, nodes = tree.content, tree.nodes  # type: ignore[attr-defined]
    root = Entry(content.root, content.size)
    return [leaf.id for leaf in _unfold(root, content.depth, nodes)]


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES])
def test_a_file_of_one_chunk_needs_no_node(size: int, tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x" * size)
    tree = cut_file(tmp_path / "small")
    assert (tree.content.depth, tree.content.size, tree.nodes) == (0, size, {})
    assert tree.content.root == chunk_id(b"x" * size)


def test_a_content_comes_back_from_its_field() -> None:
    content = Content(SHA, 70_000, 1, bytes(16))
    assert decode_content(encode_content(content)) == content
    assert len(encode_content(content)) < 64


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (Content(b"short", 1, 0, bytes(16)), MalformedContentError),
        (Content(SHA, 1, 0, b"short"), MalformedContentError),
        (Content(SHA, -1, 0, bytes(16)), MalformedContentError),
        (Content(SHA, FILE_BYTES + 1, 3, bytes(16)), LimitExceededError),
        (Content(SHA, 1, DEPTH_MOST + 1, bytes(16)), LimitExceededError),
        (Content(SHA, CHUNK_BYTES + 1, 0, bytes(16)), LimitExceededError),
    ],
)
def test_what_no_file_can_be_is_refused(content: Content, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_content(encode_content(content))


@pytest.mark.parametrize("data", [b"", b"\xc1", msgspec.msgpack.encode([1, 2])])
def test_bytes_that_are_no_content_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedContentError):
        decode_content(data)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 0),
        (bytes(19), 0),
        (bytes(20), 0),
        (bytes(16) + (5).to_bytes(4, "little"), 6),
        ((bytes(16) + (5).to_bytes(4, "little")) * (NODE_ENTRIES + 1), 5 * (NODE_ENTRIES + 1)),
    ],
    ids=["empty", "odd", "entry of no bytes", "another size", "too many"],
)
def test_a_node_that_is_none_is_refused(data: bytes, size: int) -> None:
    with pytest.raises(MalformedContentError):
        read_node(data, size)
