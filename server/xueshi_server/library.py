"""Putting files into the library and taking them out: one file, a folder, the training site.

What is added is copied, looked at and named; nothing of it is run. A folder keeps its paths.
"""

import dataclasses
import mimetypes
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from xueshi_server.errors import NoLibraryFolderError
from xueshi_server.folders import Entry, check_path, encode_folder
from xueshi_server.node_clock import today_of
from xueshi_server.office_pdf import is_office, make_pdf
from xueshi_server.shelf import Shelf
from xueshi_server.store.library import (
    FILE,
    FOLDER,
    SITE,
    About,
    Draft,
    Resource,
    beside_mark,
    find_beside,
    list_resources,
    publish_resource,
    withdraw_resource,
)
from xueshi_server.store.quizzes import add_readable, refuse_quiz_inside
from xueshi_server.written_pages import about_of_page
from xueshi_sync.files.chunker import cut_file
from xueshi_sync.files.content import Content
from xueshi_sync.node import Node

Progress = Callable[[int, int], None]
_COPY_BYTES: Final = 1 << 20
# Where the pages of the site are found in an exported folder.
SITE_FOLDER: Final = "site"
FILES_FOLDER: Final = "files"


def add_file(
    node: Node, path: Path, about: About, *, actor: str, replaces: Resource | None = None
) -> Resource:
    """Publish a file at the centre, of a quiz what readers may see; raises NotCentreError,
    BadPathError, LimitExceededError, BadValueError for a quiz that cannot be answered."""
    name = check_path(path.name)
    draft = _draft(node, about_of_page(path, about), FILE, name, replaces)
    content = add_readable(node, path, name, actor=actor)
    made = publish_resource(node, content, draft, actor)
    publish_pdf(node, path, made, actor=actor, replaces=replaces)
    return made


def publish_pdf(
    node: Node, path: Path, made: Resource, *, actor: str, replaces: Resource | None = None
) -> Resource | None:
    """Publish a PDF beside an Office file where LibreOffice makes one; that of the version before
    goes in any case."""
    known = find_beside(node, made)
    if known is not None or not is_office(made.name):
        return known
    old = find_beside(node, replaces) if replaces is not None else None
    with tempfile.TemporaryDirectory(dir=node.home) as scratch:
        pdf = Path(scratch) / f"{Path(made.name).stem}.pdf"
        if not make_pdf(path, pdf):
            if old is not None:
                day = today_of(node).isoformat()
                withdraw_resource(node, old, day=day, actor=actor)
            return None
        about = dataclasses.replace(made.about, title=f"{made.about.title} (PDF)", minutes=0)
        draft = _draft(node, about, FILE, check_path(pdf.name), old)
        draft = dataclasses.replace(draft, origin=beside_mark(made.content))
        return publish_resource(node, node.files.add(pdf), draft, actor)


def add_folder(
    node: Node, folder: Path, about: About, *, actor: str, kind: str = FOLDER,
    replaces: Resource | None = None, progress: Progress | None = None,
) -> Resource:  # fmt: skip
    """Publish all files of a folder under one name; raises as `add_file`, NoLibraryFolderError."""
    content = keep_folder(node, folder, progress)
    draft = _draft(node, about, kind, check_path(folder.resolve().name), replaces)
    return publish_resource(node, content, draft, actor)


def publish_pdf_of(node: Node, made: Resource, *, actor: str) -> Resource | None:
    """As `publish_pdf`, of a file that is in the library already."""
    if made.kind != FILE or not is_office(made.name):
        return None
    with tempfile.TemporaryDirectory(dir=node.home) as scratch:
        path = Path(scratch) / f"source{Path(made.name).suffix}"
        copy_out(node, made.content, path)
        return publish_pdf(node, path, made, actor=actor)


def _draft(node: Node, about: About, kind: str, name: str, replaces: Resource | None) -> Draft:
    media = media_of(name) if kind == FILE else ""
    day = today_of(node).isoformat()
    return Draft(about, kind, name, media, day, replaces.key if replaces else None)


def keep_folder(
    node: Node, folder: Path, progress: Progress | None = None, *, pinned: bool = True
) -> Content:
    """Copy a folder's files into the store; returns the content of their list."""
    paths = sorted(_files_in(folder))
    if not paths:
        raise NoLibraryFolderError(folder=str(folder))
    names = [check_path(path.relative_to(folder).as_posix()) for path in paths]
    for path in paths:
        refuse_quiz_inside(path)
    if not pinned:
        # What goes up is offered in the order in which it was kept, some at a time; the list comes
        # first, for it says that the rest is wanted.
        _keep_list(node, map(Entry, names, (cut_file(path).content for path in paths)), pinned)
    entries = []
    for done, (name, path) in enumerate(zip(names, paths, strict=True), 1):
        entries.append(Entry(name, node.files.add(path, pinned=pinned)))
        if progress is not None:
            progress(done, len(paths))
    return _keep_list(node, entries, pinned)


def _keep_list(node: Node, entries: Iterable[Entry], pinned: bool) -> Content:
    with tempfile.TemporaryDirectory(dir=node.home) as scratch:
        listing = Path(scratch) / "folder"
        listing.write_bytes(encode_folder(entries))
        return node.files.add(listing, pinned=pinned)


def _files_in(folder: Path) -> Iterator[Path]:
    """Regular files, without links that lead elsewhere."""
    for place, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in names:
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path


def publish_site(
    node: Node, folder: Path, title: str, *, actor: str, progress: Progress | None = None
) -> Resource:
    """Publish a built training site; the one before is replaced. Raises as `add_folder`."""
    if not (folder / "index.html").is_file():
        raise NoLibraryFolderError(folder=str(folder))
    old = next(iter(list_resources(node, kind=SITE)), None)
    made = add_folder(
        node, folder, About(title), actor=actor, kind=SITE, replaces=old, progress=progress
    )
    Shelf(node).advance()
    return made


def media_of(name: str) -> str:
    """The media type that a name stands for; unknown ones are bytes to download."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def copy_out(node: Node, content: Content, target: Path) -> None:
    """Write a whole file to a path outside; complete or not at all. Raises FileNotFoundError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        with node.files.open(content.sha256) as source, part.open("wb") as write:
            shutil.copyfileobj(source, write, _COPY_BYTES)
            write.flush()
            os.fsync(write.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def export_folder(
    node: Node, folder: Content, target: Path, progress: Progress | None = None
) -> int:
    """Write a folder of the library out; files that are the same stay. Returns how many files.

    Raises FileNotFoundError where a file of it is not here yet.
    """
    entries = Shelf(node).entries(folder)
    if entries is None:
        raise FileNotFoundError(folder.sha256.hex())
    for done, (path, content) in enumerate(entries.items(), 1):
        place = target / path
        if not is_same(node, content, place):
            copy_out(node, content, place)
        if progress is not None:
            progress(done, len(entries))
    return len(entries)


def is_same(node: Node, content: Content, place: Path) -> bool:
    """Whether a file outside is this content already."""
    if not place.is_file() or place.stat().st_size != content.size:
        return False
    with node.files.open(content.sha256) as mine, place.open("rb") as theirs:
        while block := mine.read(_COPY_BYTES):
            if theirs.read(_COPY_BYTES) != block:
                return False
    return True
