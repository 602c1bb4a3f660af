"""The library on a stick: readable by anybody without a program, and taken in by any node.

    index.html            what there is, to be opened by a double click
    site/…                the training site
    files/…               every file and folder of the library under its name
    lists/…               which files a folder of the library has
    records/CODE.xueshi   the records of one node (written by the centre), sealed for it
    records/from-CODE.xueshi, sent/…   a school's own records, sealed for the centre, and the files
                          of its contributions
    xueshi-library        which path holds which content

A node takes records sealed for it, then the files it wants; nothing is believed that its digest
does not say.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from xueshi_server.errors import NoStickError
from xueshi_server.folders import (
    ENTRIES_MOST,
    BadFolderError,
    BadPathError,
    Entry,
    check_path,
    decode_folder,
    encode_folder,
)
from xueshi_server.library import copy_out, is_same
from xueshi_server.node_clock import today_of
from xueshi_server.node_home import level_types
from xueshi_server.shelf import Shelf
from xueshi_server.store.contributions import is_contributed, list_folders
from xueshi_server.store.holdings import tell_holdings
from xueshi_server.store.library import FILE, SITE, Resource, list_resources
from xueshi_server.words import word
from xueshi_sync.errors import SyncError
from xueshi_sync.node import Node

Progress = Callable[[int, int], None]
LIST_NAME: Final = "xueshi-library"
_RECORDS: Final = "records"
_SENT: Final = "sent"
_FROM: Final = "from-"
_LIST_MOST: Final = 64 << 20
_UNITS: Final = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"), (1, "B"))


@dataclass(frozen=True, slots=True)
class StickReport:
    """What was written: files in all, those that were new on the stick, and what is not here."""

    files: int
    written: int
    missing: int
    bundles: int


@dataclass(frozen=True, slots=True)
class TakenReport:
    """What was taken in: files, and ops of records. `wanted`: files still to come."""

    files: int
    ops: int
    wanted: int


@dataclass(frozen=True, slots=True)
class _Shown:
    """A line of the page on the stick."""

    title: str
    detail: str
    href: str
    size: str


def export_stick(
    node: Node, stick: Path, language: str, progress: Progress | None = None
) -> StickReport:
    """Write the library of this node; what is the same already stays. Raises OSError."""
    resources = list_resources(node)
    entries, missing = _entries(node, resources)
    entries += _handed_in(node)
    written = 0
    for done, entry in enumerate(entries, 1):
        place = stick / entry.path
        if not is_same(node, entry.content, place):
            copy_out(node, entry.content, place)
            written += 1
        if progress is not None:
            progress(done, len(entries))
    bundles = _write_bundles(node, stick / _RECORDS)
    _write(stick / LIST_NAME, encode_folder(entries))
    _write(stick / "index.html", _page(node, resources, entries, language).encode())
    return StickReport(len(entries), written, missing, bundles)


def _entries(node: Node, resources: list[Resource]) -> tuple[list[Entry], int]:
    """(what goes where, how many files are named but not here)."""
    shelf = Shelf(node)
    entries: dict[str, Entry] = {}
    missing = 0
    shown = shelf.shown()
    for path, content in shelf.paths().items() if shown else ():
        entries[f"site/{path}"] = Entry(f"site/{path}", content)
    for content in {each.content for each in resources if each.kind != FILE}:
        if not node.files.missing([content.sha256]):
            name = f"lists/{content.sha256.hex()}"
            entries[name] = Entry(name, content)
    for resource, name in _named(resources):
        parts = (
            {"": resource.content}
            if resource.kind == FILE
            else shelf.entries(resource.content) or {"": resource.content}
        )
        lacking = set(node.files.missing(content.sha256 for content in parts.values()))
        missing += len(lacking)
        for path, content in parts.items():
            full = f"files/{name}/{path}" if path else f"files/{name}"
            if content.sha256 not in lacking and (path or resource.kind == FILE):
                entries[full] = Entry(full, content)
    return list(entries.values()), missing


def _named(resources: list[Resource]) -> Iterator[tuple[Resource, str]]:
    """Resources but the site, each with a name of its own."""
    taken: set[str] = set()
    for resource in resources:
        if resource.kind == SITE:
            continue
        wanted = PurePosixPath(check_path(resource.name or "file"))
        name, number = str(wanted), 1
        while name.casefold() in taken:
            number += 1
            name = f"{wanted.stem}-{number}{wanted.suffix}"
        taken.add(name.casefold())
        yield resource, name


def _handed_in(node: Node) -> list[Entry]:
    """Files of contributions of which the centre has not said that it has them."""
    if node.replica.is_centre:
        return []
    return [
        Entry(f"{_SENT}/{each.sha256.hex()}", each)
        for each in node.files.to_offer(ENTRIES_MOST)
        if is_contributed(node, each)
    ]


def _write_bundles(node: Node, folder: Path) -> int:
    """The records of every member, sealed for it; those of a member, sealed for the centre."""
    if node.replica.is_centre:
        codes = node.query(
            "SELECT DISTINCT code FROM _node WHERE granted AND NOT deleted AND code <> ''"
            " ORDER BY code"
        )
        bundles = [(row["code"], row["code"]) for row in codes if row["code"] != node.code]
    else:
        bundles = [(f"{_FROM}{node.code}", None)] if node.enrolled else []
    made = 0
    for name, to in bundles:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(SyncError, BadPathError):
            node.pack(folder / f"{check_path(name)}.xueshi", to=to)
            made += 1
    return made


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _page(node: Node, resources: list[Resource], entries: list[Entry], language: str) -> str:
    environment = Environment(
        loader=PackageLoader("xueshi_server"), autoescape=True, undefined=StrictUndefined
    )
    here = {entry.path for entry in entries}
    lines = []
    for resource, name in _named(resources):
        path = f"files/{name}"
        if path in here or any(each.startswith(f"{path}/") for each in here):
            about = resource.about
            detail = " · ".join(filter(None, (about.subject, about.category, about.authors)))
            lines.append(_Shown(about.title, detail, path, size_words(resource.content.size)))
    return environment.get_template("stick.html").render(
        t=lambda key, **values: word(key, language, **values),
        language=language,
        name=node.name,
        day=today_of(node).isoformat(),
        has_site="site/index.html" in here,
        resources=lines,
    )


def size_words(size: int) -> str:
    """A size as people say it."""
    unit, name = next((each for each in _UNITS if size >= each[0]), _UNITS[-1])
    return (
        f"{size / unit:.0f} {name}"
        if size / unit >= 10 or unit == 1
        else f"{size / unit:.1f} {name}"
    )


# Taking in


def take_stick(node: Node, stick: Path, progress: Progress | None = None) -> TakenReport:
    """Take records sealed for this node, and every file that is wanted here.

    Raises NoStickError, StorageError. A file that cannot be read is left; it stays wanted.
    """
    entries = _read_list(stick)
    ops = _take_records(node, stick / _RECORDS)
    shelf = Shelf(node)
    shelf.advance()
    # Lists first: they say which files are wanted.
    taken = _take_files(node, stick, _lists_first(node, entries), None)
    shelf.advance()
    taken += _take_files(node, stick, entries, progress)
    shelf.advance()
    tell_holdings(node)
    return TakenReport(taken, ops, node.files.wanted_count())


def _read_list(stick: Path) -> list[Entry]:
    place = stick / LIST_NAME
    try:
        if place.stat().st_size > _LIST_MOST:
            raise NoStickError(folder=str(stick))
        return list(decode_folder(place.read_bytes()))
    except (OSError, BadFolderError, BadPathError) as error:
        raise NoStickError(folder=str(stick)) from error


def _take_records(node: Node, folder: Path) -> int:
    ops = 0
    for path in sorted(folder.glob("*.xueshi")) if folder.is_dir() else ():
        # Most bundles are for others; a damaged one gives its beginning or nothing.
        with suppress(SyncError):
            ops += node.unpack(path).new_ops
    level_types(node)
    return ops


def _lists_first(node: Node, entries: list[Entry]) -> list[Entry]:
    lists = {each.content.sha256 for each in list_resources(node) if each.kind != FILE}
    lists |= set(list_folders(node))
    return [entry for entry in entries if entry.content.sha256 in lists]


def _take_files(node: Node, stick: Path, entries: list[Entry], progress: Progress | None) -> int:
    taken = 0
    for done, entry in enumerate(entries, 1):
        place = stick / entry.path
        with suppress(OSError):
            if _is_plain(place, entry.content.size):
                if node.replica.is_centre and is_contributed(node, entry.content):
                    node.files.want(entry.content)
                taken += node.files.adopt(place, entry.content)
        if progress is not None:
            progress(done, len(entries))
    return taken


def _is_plain(place: Path, size: int) -> bool:
    """Whether a file of that size stands there: neither a link, nor a device, nor more bytes than
    it should have, which would be copied before anybody compared them."""
    found = place.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_size == size
