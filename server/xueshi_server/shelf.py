"""Folders of the library at this node: whole, or not there at all (issue: publish atomically).

A folder is one file that lists the others. When the list is here, its files are wanted; when all
of them are whole, the folder can be opened. Of the training site the newest whole version is the
one that is shown; it is switched to by one write, and the old one stays until then.
"""

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO, Final

import msgspec

from xueshi_server.folders import BadFolderError, BadPathError, decode_folder
from xueshi_server.store.library import (
    FILE,
    SITE,
    list_resources,
    list_with_lists,
    want_files,
    want_published,
)
from xueshi_sync.files.content import Content, decode_content, encode_content
from xueshi_sync.node import Node

# The site that is shown, as a content.
_SHOWN: Final = "site_shown"
# Lists whose files are wanted already, by digest.
_OPENED: Final = "folders_opened"
# Lists kept at hand.
_INSIDE_MOST: Final = 64


class Shelf:
    """The folders of one node. Keeps the paths of the site that is shown at hand."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.RLock()
        self._paths: Mapping[str, Content] = {}
        self._shown = b""
        self._inside: dict[bytes, Mapping[bytes, Content]] = {}

    def advance(self) -> bool:
        """Want what was published and what lists name, and show the newest whole site; whether
        the site changed."""
        with self._lock:
            want_published(self._node)
            opened = set(self._meta(_OPENED, list[bytes]) or [])
            for resource in list_with_lists(self._node):
                sha256, is_site = resource.content.sha256, resource.kind == SITE
                if sha256 in opened:
                    continue
                if self._open_list(resource.content, pinned=is_site):
                    opened.add(sha256)
            self._keep(_OPENED, sorted(opened))
            return self._switch()

    def _open_list(self, folder: Content, *, pinned: bool) -> bool:
        """Want the files a list names; whether the list is here."""
        entries = self.entries(folder)
        if entries is None:
            return False
        want_files(self._node, entries.values(), pinned=pinned)
        return True

    def entries(self, folder: Content) -> Mapping[str, Content] | None:
        """Path to content of a folder; None while its list is not here or where it is none."""
        try:
            with self._node.files.open(folder.sha256) as file:
                return dict(decode_folder(file.read()))
        except (FileNotFoundError, BadFolderError, BadPathError):
            return None

    def find(self, sha256: bytes) -> Content | None:
        """A published file, or one that a published folder holds, by its digest."""
        with self._lock:
            for resource in list_with_lists(self._node, or_content=sha256):
                if resource.content.sha256 == sha256:
                    return self._cut_here(resource.content)
                if resource.kind == FILE:
                    continue
                inside = self._inside.get(resource.content.sha256)
                if inside is None:
                    entries = self.entries(resource.content)
                    if entries is None:
                        continue
                    if len(self._inside) >= _INSIDE_MOST:
                        self._inside.clear()
                    # A list never changes: its name is its digest.
                    inside = {each.sha256: each for each in entries.values()}
                    self._inside[resource.content.sha256] = inside
                if sha256 in inside:
                    return self._cut_here(inside[sha256])
        return None

    def _cut_here(self, content: Content) -> Content:
        """The same file as it is cut at this node."""
        known = self._node.files.rows.content(content.sha256)
        return content if known is None else known.content

    def is_whole(self, folder: Content) -> bool:
        """Whether every file of a folder is here and verified."""
        entries = self.entries(folder)
        return entries is not None and not self._node.files.missing(
            content.sha256 for content in entries.values()
        )

    def _switch(self) -> bool:
        for resource in list_resources(self._node, kind=SITE):
            if resource.content == self.shown():
                return False
            if self.is_whole(resource.content):
                self._keep(_SHOWN, encode_content(resource.content))
                self._drop_old_site()
                return True
        return False

    def _drop_old_site(self) -> None:
        """Let go of files that only an older site needed."""
        kept = {resource.content.sha256 for resource in list_resources(self._node)}
        kept |= {content.sha256 for content in self.paths().values()}
        for sha256 in self._node.files.pinned():
            if sha256 not in kept:
                self._node.files.unpin(sha256)

    # What is shown

    def shown(self) -> Content | None:
        """The site that is shown, if one is whole."""
        coded = self._node.feeds.meta(_SHOWN)
        return decode_content(coded) if coded else None

    def paths(self) -> Mapping[str, Content]:
        """Path to content of the site that is shown; empty when there is none."""
        with self._lock:
            coded = self._node.feeds.meta(_SHOWN) or b""
            if coded != self._shown:
                entries = self.entries(decode_content(coded))
                self._paths, self._shown = entries or {}, coded
            return self._paths

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A file of the site; raises KeyError or FileNotFoundError."""
        return self._node.files.open(self.paths()[path].sha256)

    def _meta(self, key: str, kind: type[list[bytes]]) -> list[bytes] | None:
        coded = self._node.feeds.meta(key)
        return msgspec.msgpack.decode(coded, type=kind) if coded else None

    def _keep(self, key: str, value: object) -> None:
        coded = value if isinstance(value, bytes) else msgspec.msgpack.encode(value)
        if coded == self._node.feeds.meta(key):
            return
        with self._node.replica.lock, self._node.feeds.feed_transaction():
            self._node.feeds.put_meta(key, coded)
