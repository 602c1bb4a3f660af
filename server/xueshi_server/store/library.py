"""What the county's library holds: records in the public scope, each naming a file by content.

A resource is never edited: a new version is a record that `replaces` the old one, and a resource
is taken back by a record that `withdraws` it. The bytes move beside the records (PROTOCOL 16).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from sqlite3 import Row
from typing import Final

from xueshi_server.errors import NotCentreError, UnknownResourceError
from xueshi_server.store.packs import public_scope_no
from xueshi_sync.errors import LimitExceededError, MalformedContentError, SyncError
from xueshi_sync.files.content import Content, decode_content, encode_content
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

# How far the records were looked through for files to fetch, by the number of the last one.
_MARK: Final = "library_mark"
_ALONE_MOST: Final = 10_000
FILE, FOLDER, SITE = "file", "folder", "site"
KINDS: Final = (FILE, FOLDER, SITE)
# Marks the PDF that was made of an Office file, by the digest of that file.
_PDF_OF: Final = "pdf:"
# Of what replaces or withdraws something the indexes hold all; one condition over both would be
# asked of every record for every record.
_GONE: Final = (
    "SELECT n.{0} FROM resource n WHERE n.scope_no = ?1 AND n.{0} IS NOT NULL AND n.state <> 'void'"
)
_CURRENT: Final = (
    " FROM resource r WHERE r.scope_no = ?1 AND r.state <> 'void' AND r.content IS NOT NULL"
    f" AND r.rec NOT IN ({_GONE.format('replaces')})"
    f" AND r.rec NOT IN ({_GONE.format('withdraws')})"
)


@dataclass(frozen=True, slots=True)
class About:
    """What people are told of a resource; `minutes` is what studying it is worth, 0: nothing."""

    title: str
    subject: str = ""
    category: str = ""
    level: str = ""
    authors: str = ""
    summary: str = ""
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be published: `name` is that of the file, `day` an ISO date, `origin` the public
    id of the contribution it came as."""

    about: About
    kind: str
    name: str
    media: str
    day: str
    replaces: RecordKey | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A published resource: a file, a folder of files, or the training site."""

    key: RecordKey
    public_id: str
    kind: str
    about: About
    name: str
    media: str
    added: str
    content: Content
    origin: str


def publish_resource(node: Node, content: Content, draft: Draft, actor: str) -> Resource:
    """Write a resource into the public scope; the same content and words twice add nothing.

    Raises NotCentreError.
    """
    scope_no = public_scope_no(node)
    if not node.replica.is_centre or scope_no is None:
        raise NotCentreError
    about = draft.about
    for known in list_resources(node):
        if (known.content, known.about, known.kind) == (content, about, draft.kind):
            return known
    fields = {
        **asdict(about), "kind": draft.kind, "name": draft.name, "media": draft.media,
        "added": draft.day, "origin": draft.origin, "content": encode_content(content),
        "replaces": draft.replaces,
    }  # fmt: skip
    with node.write(actor=actor) as action:
        key = action.insert("resource", _stated(fields), scope_no=scope_no)
    return find_resource(node, node.public_id(key))


def withdraw_resource(node: Node, resource: Resource, *, day: str, actor: str) -> None:
    """Take a resource out of the library; what was read of it stays read. Raises NotCentreError."""
    if not node.replica.is_centre:
        raise NotCentreError
    beside = find_beside(node, resource)
    with node.write(actor=actor) as action:
        for each in (resource, *([beside] if beside else [])):
            fields = {"withdraws": each.key, "added": day}
            action.insert("resource", fields, scope_no=each.key.scope_no)


def beside_mark(content: Content) -> str:
    """What a PDF says that it was made of."""
    return f"{_PDF_OF}{content.sha256.hex()}"


def is_beside(resource: Resource) -> bool:
    """Whether a resource is the PDF of another, and shown with that one."""
    return resource.origin.startswith(_PDF_OF)


def find_beside(node: Node, resource: Resource) -> Resource | None:
    """The PDF that was made of a resource."""
    wanted = beside_mark(resource.content)
    return next(_read(node, " AND r.origin = ?2", [wanted]), None)


def _stated(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value not in (None, "", 0)}


def list_resources(node: Node, *, kind: str = "") -> list[Resource]:
    """Everything that is published now, newest first."""
    return list(_read(node, " AND r.kind = ?2" if kind else "", [kind] if kind else []))


def list_with_lists(node: Node, *, or_content: bytes = b"") -> list[Resource]:
    """Folders and sites that are published now, newest first, whose bytes name further files; and
    whatever else has the digest `or_content`."""
    # The digest stands as it is in the coded content.
    where = " AND (r.kind <> ?2 OR (?3 <> x'' AND instr(r.content, ?3)))"
    return list(_read(node, where, [FILE, or_content]))


def list_published(node: Node, origins: Iterable[str]) -> dict[str, str]:
    """Origin to public id of what was published of some contributions."""
    wanted = json.dumps(list(origins))
    found = _read(node, " AND r.origin IN (SELECT value FROM json_each(?2))", [wanted])
    return {each.origin: each.public_id for each in found}


def find_resource(node: Node, public_id: str) -> Resource:
    """One resource that is published now; raises UnknownResourceError."""
    try:
        # One that was called by another name before it travelled is still meant.
        key = node.find_record(public_id)
    except (SyncError, ValueError, LookupError):
        key = None
    if key is not None and key.scope_no == public_scope_no(node):
        for resource in _read(node, " AND r.rec = ?2", [key.rec]):
            return resource
    raise UnknownResourceError(resource=public_id[:80])


def _read(node: Node, where: str, params: list[object]) -> Iterator[Resource]:
    scope_no = public_scope_no(node)
    if scope_no is None:
        return
    rows = node.query(f"SELECT r.*{_CURRENT}{where} ORDER BY r.rec DESC", [scope_no, *params])
    for row in rows:
        content = _content_of(row)
        if content is not None:
            yield _resource(node, row, content)


def _content_of(row: Row) -> Content | None:
    try:
        return decode_content(row["content"])
    except (MalformedContentError, LimitExceededError):
        return None


def _resource(node: Node, row: Row, content: Content) -> Resource:
    key = RecordKey(row["scope_no"], row["rec"])
    about = About(
        row["title"] or "", row["subject"] or "", row["category"] or "", row["level"] or "",
        row["authors"] or "", row["summary"] or "", row["minutes"] or 0,
    )  # fmt: skip
    return Resource(
        key, node.public_id(key), row["kind"] or FILE, about, row["name"] or "",
        row["media"] or "", row["added"] or "", content, row["origin"] or "",
    )  # fmt: skip


def want_files(node: Node, contents: Iterable[Content], *, pinned: bool) -> None:
    """Name files that the centre published, to be fetched; what is pinned comes first."""
    # What was handed in here has come back from there: this node is not alone with it.
    alone = {each.sha256 for each in node.files.to_offer(_ALONE_MOST)}
    for content in contents:
        node.files.want(content, priority=-1 if pinned else 0, pinned=pinned)
        if content.sha256 in alone:
            node.files.confirm(content.sha256)


def want_published(node: Node) -> int:
    """Name the files of resources that came since the last call, to be fetched; their number.

    The site goes first and is pinned; of everything else small files go first.
    """
    scope_no = public_scope_no(node)
    if scope_no is None or node.replica.is_centre:
        return 0
    done = int(node.feeds.meta(_MARK) or b"0")
    rows = node.query(
        "SELECT rec, kind, content FROM resource WHERE scope_no = ? AND rec > ? ORDER BY rec",
        [scope_no, done],
    )
    for row in rows:
        content = _content_of(row) if row["content"] is not None else None
        if content is not None:
            is_site = row["kind"] == SITE
            want_files(node, [content], pinned=is_site)
    if rows:
        with node.replica.lock, node.feeds.feed_transaction():
            node.feeds.put_meta(_MARK, str(rows[-1]["rec"]).encode())
    return len(rows)
