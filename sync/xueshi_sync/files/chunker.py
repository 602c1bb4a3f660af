"""Where a file is cut: content-defined chunking by the FastCDC library.

Where exactly is the author's choice: a reader needs the ids only. Text of some pages and a video
both fit 16 KiB on average; smaller chunks cost more ids, larger ones more bytes a change.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from xueshi_sync.files.content import Entry, Tree, build_tree, chunk_id
from xueshi_sync.limits import CHUNK_BYTES

LEAST_BYTES: Final = 4 * 1024
USUAL_BYTES: Final = 16 * 1024


def cut_file(path: Path) -> Tree:
    """Read a file once and return its tree; raises OSError."""
    whole = hashlib.sha256()
    chunks = []
    for data in _pieces(path):
        whole.update(data)
        chunks.append(Entry(chunk_id(data), len(data)))
    return build_tree(whole.digest(), chunks)


def _pieces(path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    if size <= CHUNK_BYTES:
        if size:
            yield path.read_bytes()
        return
    # Takes a tenth of a second to load, and most nodes never add a file.
    from fastcdc import fastcdc

    for chunk in fastcdc(str(path), LEAST_BYTES, USUAL_BYTES, CHUNK_BYTES, fat=True):
        yield bytes(chunk.data)
