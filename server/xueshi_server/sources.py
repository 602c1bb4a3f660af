"""Other places that files of the library come from: a neighbour's node, a stick, any folder.

Whatever stands nearer than the centre gives what it has; the centre gives the rest. Nothing is
believed of a source: a chunk is taken when its id is the one that was asked for, so no byte comes
twice and none that is wrong. A neighbour gives chunks of what is published, to anybody who can name
them; a folder is cut anew and searched for chunks that are missing here.
"""

import base64
import binascii
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xueshi_server.errors import NoStickError
from xueshi_server.shelf import Shelf
from xueshi_server.stick import take_stick
from xueshi_server.store.library import FILE, SITE, list_resources
from xueshi_sync.errors import NetworkError, SyncError
from xueshi_sync.files.chunker import LEAST_BYTES, USUAL_BYTES
from xueshi_sync.files.content import Content, chunk_id, read_node
from xueshi_sync.files.delivery import gather
from xueshi_sync.files.frames import join_chunks, split_chunks
from xueshi_sync.files.store import FileStore
from xueshi_sync.limits import CHUNK_BYTES, CHUNKS_BYTES, FILE_BYTES
from xueshi_sync.node import Node

# What one question names; its address stays under 8 KB.
IDS_MOST: Final = 128
FILES_MOST: Final = 32
_ID_BYTES: Final = 16
_DIGEST_BYTES: Final = 32
_SIZE_BYTES: Final = 4
_ANSWER_BYTES: Final = CHUNKS_BYTES + (256 << 10)
# A neighbour is near: who does not answer at once is not there.
_CONNECT_S: Final = 3.0
_READ_S: Final = 30.0
_FILES_LOOKED_AT: Final = 20_000
_TAKE_BYTES: Final = 4 << 20
_NODE_BYTES: Final = CHUNK_BYTES // 8


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What one source gave: chunks and whole files, and their bytes; `error`: why it gave none."""

    source: str
    bytes: int
    error: str = ""


def is_url(source: str) -> bool:
    """Whether a source is a neighbour's address; else it is a folder."""
    return source.startswith(("http://", "https://"))


def fetch_from(
    node: Node, sources: Sequence[str], *, deliver_lists: Callable[[int], object] | None = None
) -> list[SourceReport]:
    """Take from each source what is still missing; a source that fails is told, and left.

    `deliver_lists` asks the centre for so many bytes: the lists that say which chunks a file has.
    """
    shelf = Shelf(node)
    given: dict[str, SourceReport] = {}
    shelf.advance()
    for source in sources:
        _take_whole(node, source)
    # Lists of folders name files, which are wanted next.
    for _ in range(2):
        if deliver_lists is not None:
            _fetch_lists(node, deliver_lists)
        for source in sources:
            report = _fill(node, source)
            known = given.get(source)
            if known is not None:
                both = report.bytes + known.bytes
                report = SourceReport(source, both, report.error or known.error)
            given[source] = report
        shelf.advance()
    return list(given.values())


def _fill(node: Node, source: str) -> SourceReport:
    before = _missing_bytes(node)
    error = ""
    try:
        if is_url(source):
            _fill_from_neighbour(node, source.rstrip("/"))
        else:
            _fill_from_folder(node.files, Path(source))
    except (SyncError, OSError) as failed:
        error = getattr(failed, "code", "library.no_source")
    return SourceReport(source, max(0, before - _missing_bytes(node)), error)


def _missing_bytes(node: Node) -> int:
    return sum(
        state.size - state.here_bytes
        for each in _wanted(node)
        if (state := node.files.state(each.sha256)) is not None
    )


def _wanted(node: Node) -> list[Content]:
    """Files of the library that are not whole here: the site first, small ones first."""
    shelf, found = Shelf(node), dict[bytes, tuple[bool, Content]]()
    for resource in list_resources(node):
        is_site = resource.kind == SITE
        found.setdefault(resource.content.sha256, (not is_site, resource.content))
        inside = {} if resource.kind == FILE else shelf.entries(resource.content) or {}
        for content in inside.values():
            found.setdefault(content.sha256, (not is_site, content))
    missing = node.files.missing(found)
    return [
        content
        for later, content in sorted(
            (found[each] for each in missing), key=lambda each: (each[0], each[1].size)
        )
    ]


def _fetch_lists(node: Node, deliver: Callable[[int], object]) -> None:
    """Ask the centre for the lists of chunks alone, so that others may give the chunks."""
    for _ in range(8):
        lacking = 0
        for piece in node.files.rows.wanted():
            if piece.level == 0:
                break
            lacking += 1
        if not lacking:
            return
        with suppress(SyncError):
            deliver(lacking * _NODE_BYTES)
            continue
        return


# ---- a stick or a folder


def _take_whole(node: Node, source: str) -> None:
    if not is_url(source):
        with suppress(NoStickError, SyncError, OSError):
            take_stick(node, Path(source))


def _fill_from_folder(files: FileStore, folder: Path) -> None:
    """Search the files of a folder for missing chunks, whatever they are called."""
    if not folder.is_dir():
        raise FileNotFoundError(str(folder))
    batch: list[bytes] = []
    size = 0
    for path in _plain_files(folder):
        if not files.wants(1):
            break
        with suppress(OSError, RuntimeError):
            for chunk in _cut(path):
                batch.append(chunk)
                size += len(chunk)
                if size >= _TAKE_BYTES:
                    files.take(batch)
                    batch, size = [], 0
    if batch:
        files.take(batch)


def _plain_files(folder: Path) -> Iterator[Path]:
    left = _FILES_LOOKED_AT
    for place, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            with suppress(OSError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode) and 0 < found.st_size <= FILE_BYTES:
                    yield path
            left -= 1
            if left <= 0:
                return


def _cut(path: Path) -> Iterator[bytes]:
    """The chunks of a file, as the nodes of this program cut it."""
    if path.stat().st_size <= CHUNK_BYTES:
        yield path.read_bytes()
        return
    from fastcdc import fastcdc

    for chunk in fastcdc(str(path), LEAST_BYTES, USUAL_BYTES, CHUNK_BYTES, fat=True):
        yield bytes(chunk.data)


# ---- a neighbour


def _fill_from_neighbour(node: Node, url: str) -> None:
    # Loaded when somebody has a neighbour, not before: an idle node is small.
    import urllib3

    wanted = _wanted(node)
    with urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S), retries=False, maxsize=1
    ) as pool:

        def ask(names: Sequence[Content], ids: Sequence[bytes]) -> bytes:
            fields = {"files": _coded(each.sha256 for each in names), "ids": _coded(ids)}
            try:
                answer = pool.request(
                    "GET", f"{url}/library/chunks", fields=fields, preload_content=False
                )
                try:
                    data = answer.read(_ANSWER_BYTES)
                finally:
                    answer.release_conn()
            except urllib3.exceptions.HTTPError as error:
                raise NetworkError(str(error)) from error
            if answer.status != 200:
                raise NetworkError(f"status {answer.status}")
            return bytes(data)

        for start in range(0, len(wanted), FILES_MOST):
            _fill_some(node.files, wanted[start : start + FILES_MOST], ask)


def _fill_some(
    files: FileStore,
    wanted: Sequence[Content],
    ask: Callable[[Sequence[Content], Sequence[bytes]], bytes],
) -> None:
    """Ask for the chunks of some files until the neighbour has no more of them."""
    lacking: set[bytes] = set()
    of = [each.sha256 for each in wanted]
    while ids := files.wants(CHUNKS_BYTES, of=of, without=lacking)[:IDS_MOST]:
        answer = ask(wanted, ids)
        raw_len = int.from_bytes(answer[:_SIZE_BYTES], "big")
        chunks = list(split_chunks(answer[_SIZE_BYTES:], raw_len))
        files.take(chunks)
        given = {chunk_id(each) for each in chunks}
        # It gives in the order of the question: what it passed over, it has not.
        last = max((place for place, name in enumerate(ids) if name in given), default=len(ids))
        lacking.update(name for name in ids[: last + 1] if name not in given)
        # Nor is anything asked for twice that could not be kept.
        lacking |= given & set(files.wants(CHUNKS_BYTES, of=of, without=lacking))


def _coded(parts: Iterable[bytes]) -> str:
    return base64.urlsafe_b64encode(b"".join(parts)).decode()


def give_chunks(shelf: Shelf, files: FileStore, names: str, ids: str) -> bytes | None:
    """The answer to a neighbour: chunks of published files alone; None for what is no question."""
    digests, wanted = _parts(names, _DIGEST_BYTES), _parts(ids, _ID_BYTES)
    if digests is None or wanted is None or len(digests) > FILES_MOST or len(wanted) > IDS_MOST:
        return None
    known: set[bytes] = set()
    for digest in digests:
        content = shelf.find(digest)
        if content is not None and not known >= set(wanted):
            known |= ids_of(files, content)
    chunks, _ = gather(files, [each for each in wanted if each in known], CHUNKS_BYTES)
    body, raw_len = join_chunks(chunks)
    return raw_len.to_bytes(_SIZE_BYTES, "big") + body


def _parts(coded: str, size: int) -> list[bytes] | None:
    try:
        data = base64.b64decode(coded.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) % size:
        return None
    return [data[at : at + size] for at in range(0, len(data), size)]


# Ids of the last files asked for, while all their lists are here: they do not change.
_IDS: dict[bytes, frozenset[bytes]] = {}
_IDS_MOST: Final = 8


def ids_of(files: FileStore, content: Content) -> frozenset[bytes]:
    """The ids of all chunks and lists of a file, as far as they are known here."""
    known = _IDS.get(content.root)
    if known is not None:
        return known
    found, complete = {content.root}, True
    level = {content.root: content.size}
    for _ in range(content.depth):
        below: dict[bytes, int] = {}
        for name, size in level.items():
            data = files.give(name)
            if data is None:
                complete = False
                continue
            with suppress(SyncError):
                below |= {entry.id: entry.size for entry in read_node(data, size)}
        found |= below.keys()
        level = below
    if complete:
        if len(_IDS) >= _IDS_MOST:
            _IDS.clear()
        _IDS[content.root] = frozenset(found)
    return frozenset(found)
