"""Packs in the feeds: published by the centre in the county's public scope, held by every node.

A release names its files by digest, and so stands for one content: whoever holds all of them can
prove that this is what was published. Which release counts on a day is said by its turn: the
active release with the highest turn whose validity covers the day; without one, the shipped base.
"""

import datetime as dt
import hashlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Final

from xueshi_server.domain.packs.inherit import PackFaultsError
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.packs.reading import load_pack
from xueshi_server.errors import (
    NotCentreError,
    PackKindChangedError,
    PackUnreadableError,
    PackVersionTakenError,
    UnknownPackError,
)
from xueshi_server.pack_files import Files, list_shipped, read_shipped, split_closure
from xueshi_server.record_types import BASE_PACK, schema_of
from xueshi_sync.identity import public_scope
from xueshi_sync.limits import FIELD_BYTES
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

# Resolved packs of this process by digest of their release; a county has a few.
_RESOLVED: Final[dict[str, Pack]] = {}
_RESOLVED_MAX: Final = 32
# Releases that this program does not understand, and why; each page would find out anew.
_FAULTY: Final[dict[str, PackFaultsError]] = {}
# Which releases the schema was made of last (`level_schema`).
_MARK: Final = "pack_mark"
# Counted up when the same packs come to other tables or indexes (`record_types`).
_SHAPE: Final = 2


@dataclass(frozen=True, slots=True)
class Release:
    """One published version of a pack; `turn` 0 means published but never activated."""

    key: RecordKey
    pack: str
    version: str
    digest: str
    manifest: str
    valid_from: dt.date
    valid_to: dt.date | None
    turn: int

    @property
    def name(self) -> str:
        """How people and commands name it."""
        return f"{self.pack}@{self.version}"

    def covers(self, day: dt.date) -> bool:
        """Whether its validity covers a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing did: nothing is added where the content was there already."""

    release: Release
    added_files: int
    added_bytes: int
    is_new: bool
    activated: bool


@dataclass(frozen=True, slots=True)
class ActivePack:
    """What counts on a day. `skipped` are newer releases that cannot be used here: files are
    missing, or this program does not understand them."""

    pack: Pack
    release: Release | None
    skipped: tuple[Release, ...] = ()


def list_releases(node: Node) -> list[Release]:
    """Every release the county's centre published, highest turn first."""
    scope_no = public_scope_no(node)
    if scope_no is None:
        return []
    rows = node.query(
        "SELECT rec, pack, version, digest, manifest, valid_from, valid_to, turn FROM pack_release"
        " WHERE scope_no = ? AND NOT deleted AND pack <> '' AND version <> '' AND digest <> ''"
        " ORDER BY coalesce(turn, 0) DESC, digest",
        [scope_no],
    )
    return [_release(scope_no, row) for row in rows]


def find_pack(node: Node, name: str) -> Pack:
    """The pack `ID@VERSION`, or the newest of `ID`: published ones first, then the shipped one.

    Raises UnknownPackError, PackUnreadableError, PackFaultsError.
    """
    pack_id, _, version = name.partition("@")
    for release in list_releases(node):
        if release.pack == pack_id and version in ("", release.version):
            return load_release(node, release)
    if pack_id in list_shipped():
        pack = load_files(read_shipped(pack_id), pack_id)
        if version in ("", pack.version):
            return pack
    raise UnknownPackError(pack=name)


def find_active(node: Node, day: dt.date) -> ActivePack:
    """The pack that counts on a day."""
    skipped: list[Release] = []
    for release in list_releases(node):
        if release.turn <= 0 or not release.covers(day):
            continue
        try:
            return ActivePack(load_release(node, release), release, tuple(skipped))
        except (PackUnreadableError, PackFaultsError):
            skipped.append(release)
    return ActivePack(BASE_PACK, None, tuple(skipped))


def load_release(node: Node, release: Release) -> Pack:
    """A release as a resolved pack, its digest verified.

    Raises PackUnreadableError (files missing or damaged), PackFaultsError.
    """
    known = _RESOLVED.get(release.digest)
    if known is not None:
        return known
    if release.digest in _FAULTY:
        raise _FAULTY[release.digest]
    files = read_release(node, release)
    try:
        return _remember(release.digest, load_pack(split_closure(files), release.pack))
    except PackFaultsError as error:
        _FAULTY[release.digest] = error
        raise


def read_release(node: Node, release: Release) -> dict[str, bytes]:
    """The files of a release, verified; raises PackUnreadableError."""
    if _digest(release.manifest.encode()) != release.digest:
        raise PackUnreadableError(pack=release.name, why="the manifest is not what was published")
    wanted = _parse_manifest(release)
    # Looked up by name first: until everything is here, each page asks.
    _check_held(release, wanted, _held_digests(node, release.key.scope_no))
    held = _read_contents(node, release.key.scope_no)
    _check_held(release, wanted, held)
    return {path: held[digest] for path, digest in wanted.items()}


def load_files(files: Files, pack_id: str) -> Pack:
    """The resolved pack of a closure; raises PackFaultsError."""
    digest = _digest(_manifest_of(files).encode())
    return _RESOLVED.get(digest) or _remember(digest, load_pack(split_closure(files), pack_id))


def publish_release(
    node: Node, files: Files, pack_id: str, *, activate: bool = False, actor: str = ""
) -> Published:
    """Write a pack into the public scope; the same content twice adds nothing.

    Raises NotCentreError, PackFaultsError, PackUnreadableError, PackVersionTakenError,
    PackKindChangedError.
    """
    scope_no = public_scope_no(node)
    if not node.replica.is_centre or scope_no is None:
        raise NotCentreError
    pack = load_files(files, pack_id)
    schema_of(pack)
    _check_kinds(node, pack)
    manifest = _manifest_of(files)
    _check_sizes(pack_id, files, manifest)
    with node.write(actor=actor) as action:
        releases = list_releases(node)
        known = _same_version(releases, pack, _digest(manifest.encode()))
        contents = {_digest(data): data for data in files.values()}
        for digest in contents.keys() & _held_digests(node, scope_no):
            del contents[digest]
        for digest, data in sorted(contents.items()):
            action.insert("pack_file", {"digest": digest, "data": data}, scope_no=scope_no)
        top = max((each.turn for each in releases), default=0)
        turn = top + 1 if activate and (known is None or known.turn < max(top, 1)) else 0
        if known is None:
            action.insert("pack_release", _fields_of(pack, manifest, turn), scope_no=scope_no)
        elif turn:
            action.set("pack_release", known.key, {"turn": turn})
    made = _same_version(list_releases(node), pack, _digest(manifest.encode()))
    assert made is not None
    return Published(
        made, len(contents), sum(map(len, contents.values())), known is None, bool(turn)
    )


def level_schema(node: Node, day: dt.date) -> bool:
    """Let the node go on under the types of the pack that counts; whether they changed.

    Types of other activated releases stay, so that old versions can still be evaluated.
    """
    releases = [each for each in list_releases(node) if each.turn > 0]
    first = next((each for each in releases if each.covers(day)), None)
    mark = _digest(repr([_SHAPE, BASE_PACK.digest, first, releases]).encode()).encode()
    if node.feeds.meta(_MARK) == mark:
        return False
    active = find_active(node, day)
    if active.skipped:
        return False
    older = _readable(node, releases)
    schema = schema_of(active.pack, *older, BASE_PACK)
    changed = schema.by_name != node.schema.by_name
    node.adopt_schema(schema)
    with node.replica.lock, node.feeds.feed_transaction():
        node.feeds.put_meta(_MARK, mark)
    return changed


def _readable(node: Node, releases: Iterable[Release]) -> list[Pack]:
    packs = []
    for release in releases:
        try:
            packs.append(load_release(node, release))
        except (PackUnreadableError, PackFaultsError):
            continue
    return packs


def _remember(digest: str, pack: Pack) -> Pack:
    if len(_RESOLVED) >= _RESOLVED_MAX:
        _RESOLVED.clear()
    _RESOLVED[digest] = pack
    return pack


def public_scope_no(node: Node) -> int | None:
    """Number of the scope that every node of the county reads; None before its first exchange."""
    genesis = node.genesis
    state = None if genesis is None else node.feeds.scope_of(public_scope(genesis.net))
    return None if state is None else state.scope_no


def _release(scope_no: int, row: Row) -> Release:
    return Release(
        RecordKey(scope_no, row["rec"]),
        row["pack"],
        row["version"],
        row["digest"],
        row["manifest"] or "",
        dt.date.fromisoformat(row["valid_from"] or "0001-01-01"),
        dt.date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        row["turn"] or 0,
    )


def _same_version(releases: Iterable[Release], pack: Pack, digest: str) -> Release | None:
    for each in releases:
        if (each.pack, each.version) == (pack.id, pack.version):
            if each.digest != digest:
                raise PackVersionTakenError(pack=pack.id, version=pack.version)
            return each
    return None


def _fields_of(pack: Pack, manifest: str, turn: int) -> dict[str, object]:
    about = pack.about
    return {
        "pack": about.id,
        "version": about.version,
        "digest": _digest(manifest.encode()),
        "manifest": manifest,
        "valid_from": about.valid_from.isoformat(),
        "valid_to": about.valid_to.isoformat() if about.valid_to else None,
        "turn": turn,
    }


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _manifest_of(files: Files) -> str:
    """What a release names: digest and path of each file, a line each."""
    return "".join(f"{_digest(data)} {path}\n" for path, data in sorted(files.items()))


def _parse_manifest(release: Release) -> Mapping[str, str]:
    pairs = [line.partition(" ") for line in release.manifest.splitlines()]
    return {path: digest for digest, _, path in pairs}


def _check_sizes(pack_id: str, files: Files, manifest: str) -> None:
    for path, data in (*files.items(), ("manifest", manifest.encode())):
        if len(data) > FIELD_BYTES:
            raise PackUnreadableError(pack=pack_id, why=f"{path} is over {FIELD_BYTES} bytes")


def _check_kinds(node: Node, pack: Pack) -> None:
    """Entries of a ledger cannot become records whose fields are edited, nor the other way round:
    what was recorded under a release that counted keeps its kind."""
    activated = [each for each in list_releases(node) if each.turn > 0]
    for older in (*_readable(node, activated), BASE_PACK):
        for of, declared in older.types.items():
            now = pack.types.get(of)
            if now is not None and now.kind != declared.kind:
                raise PackKindChangedError(
                    pack=f"{pack.id}@{pack.version}", type=of, was=declared.kind, now=now.kind
                )


def _held_digests(node: Node, scope_no: int) -> set[str]:
    rows = node.query("SELECT digest FROM pack_file WHERE scope_no = ?", [scope_no])
    return {row["digest"] for row in rows}


def _check_held(release: Release, wanted: Mapping[str, str], held: Container[str]) -> None:
    missing = sorted(path for path, digest in wanted.items() if digest not in held)
    if missing:
        raise PackUnreadableError(pack=release.name, why=f"not here yet: {', '.join(missing)}")


def _read_contents(node: Node, scope_no: int) -> dict[str, bytes]:
    """Contents that are here, by what their digest really is."""
    rows = node.query(
        "SELECT data FROM pack_file WHERE scope_no = ? AND data IS NOT NULL", [scope_no]
    )
    return {_digest(bytes(row["data"])): bytes(row["data"]) for row in rows}
