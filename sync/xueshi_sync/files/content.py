"""What a file is on the wire: its digest, its size, and a tree of chunk ids (PROTOCOL 16.1).

A file is cut into chunks where its content says so, so that an insertion moves no cut behind it.
The list of chunks is cut into nodes by the same idea, and the list of nodes again, up to one root.
Two versions of a file share every chunk and every node that a change did not touch.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from xueshi_sync.errors import LimitExceededError, MalformedContentError
from xueshi_sync.limits import CHUNK_BYTES, FILE_BYTES
from xueshi_sync.suite import digest

ID_BYTES: Final = 16
# A node ends behind an entry whose id ends in seven zero bits, but holds 16 to 512 entries.
_NODE_MASK: Final = 0x7F
_NODE_LEAST: Final = 16
NODE_ENTRIES: Final = 512
# 4 GiB of chunks of one byte each would need no more.
DEPTH_MOST: Final = 8
_ENTRY: Final = struct.Struct("<16sI")


class Entry(NamedTuple):
    """A chunk or a node, and how many bytes of the file stand under it."""

    id: bytes
    size: int


class Content(msgspec.Struct, array_like=True, frozen=True):
    """Names a file for ever. `depth` 0: the root is the only chunk; else it is a node."""

    sha256: bytes
    size: int
    depth: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Tree:
    """A content with the nodes that lead from its root to its chunks."""

    content: Content
    nodes: dict[bytes, bytes]


def chunk_id(data: bytes) -> bytes:
    """The id of a chunk or node: 16 bytes of its digest."""
    return digest("chunk", data)[:ID_BYTES]


def encode_content(content: Content) -> bytes:
    """A content as a record's field holds it, about 60 bytes."""
    return msgspec.msgpack.encode(content)


def decode_content(data: bytes) -> Content:
    """The reverse; raises MalformedContentError, LimitExceededError."""
    try:
        content = msgspec.msgpack.decode(data, type=Content)
    except (msgspec.DecodeError, ValueError) as error:
        raise MalformedContentError(f"content: {error}") from error
    check_content(content)
    return content


def check_content(content: Content) -> None:
    """Raise MalformedContentError or LimitExceededError unless a file can be like this."""
    if len(content.sha256) != 32 or len(content.root) != ID_BYTES or content.size < 0:
        raise MalformedContentError("content of the wrong shape")
    if content.size > FILE_BYTES:
        raise LimitExceededError("file too large", limit=FILE_BYTES, actual=content.size)
    if not 0 <= content.depth <= DEPTH_MOST:
        raise LimitExceededError("tree too deep", limit=DEPTH_MOST, actual=content.depth)
    if content.depth == 0 and content.size > CHUNK_BYTES:
        raise LimitExceededError("chunk too large", limit=CHUNK_BYTES, actual=content.size)


def build_tree(sha256: bytes, chunks: Sequence[Entry]) -> Tree:
    """The tree over a file's chunks in their order; an empty file has one empty chunk."""
    level = list(chunks) or [Entry(chunk_id(b""), 0)]
    size = sum(entry.size for entry in level)
    nodes: dict[bytes, bytes] = {}
    depth = 0
    while len(level) > 1:
        level = [_node(group, nodes) for group in _groups(level)]
        depth += 1
    return Tree(Content(sha256, size, depth, level[0].id), nodes)


def _node(group: Sequence[Entry], nodes: dict[bytes, bytes]) -> Entry:
    data = b"".join(_ENTRY.pack(*entry) for entry in group)
    name = chunk_id(data)
    nodes[name] = data
    return Entry(name, sum(entry.size for entry in group))


def _groups(level: Iterable[Entry]) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    for entry in level:
        group.append(entry)
        ends = len(group) >= _NODE_LEAST and not entry.id[-1] & _NODE_MASK
        if ends or len(group) == NODE_ENTRIES:
            yield group
            group = []
    if group:
        yield group


def read_node(data: bytes, size: int) -> list[Entry]:
    """The entries of a node over `size` bytes of a file; raises MalformedContentError."""
    if not data or len(data) % _ENTRY.size or len(data) > NODE_ENTRIES * _ENTRY.size:
        raise MalformedContentError("node of the wrong length")
    entries = [Entry(*fields) for fields in _ENTRY.iter_unpack(data)]
    if sum(entry.size for entry in entries) != size or any(not entry.size for entry in entries):
        raise MalformedContentError("node and its parent disagree on a size")
    return entries
