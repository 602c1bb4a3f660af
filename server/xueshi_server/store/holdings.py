"""Which node has which version of the library whole, as each says of itself.

A node writes a record when a resource became whole and takes it back when the resource is no
longer here or no longer counts; nothing changed costs nothing. The records travel like all others,
so the centre knows of schools that only a stick ever reaches.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from xueshi_server.folders import BadFolderError, BadPathError, decode_folder
from xueshi_server.node_clock import today_of
from xueshi_server.store.library import FILE, Resource, list_resources
from xueshi_server.store.schools import list_open_schools
from xueshi_sync.files.content import Content
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

HOLDING: Final = "holding"
_NAME_BYTES: Final = 16
# What a node writes by itself.
_ACTOR: Final = "xueshi"


@dataclass(frozen=True, slots=True)
class Holder:
    """A school and since when it has a version; empty: it has not."""

    code: str
    name: str
    since: str


def tell_holdings(node: Node) -> int:
    """Write down what became whole here or went; how many records that took."""
    if node.replica.is_centre or not node.enrolled or HOLDING not in node.schema.by_name:
        return 0
    told = _told(node)
    whole = {_name(each.content) for each in list_resources(node) if _is_whole(node, each)}
    new, gone = whole - told.keys(), told.keys() - whole
    if not new and not gone:
        return 0
    since = today_of(node).isoformat()
    with node.write(actor=_ACTOR) as action:
        for name in sorted(new):
            action.insert(HOLDING, {"content": name, "since": since})
        for name in sorted(gone):
            action.delete(HOLDING, told[name])
    return len(new) + len(gone)


def _told(node: Node) -> dict[bytes, RecordKey]:
    rows = node.query(
        f"SELECT h.scope_no, h.rec, h.content FROM {HOLDING} h JOIN author a USING (author)"
        " WHERE NOT h.deleted AND a.node_id = ?",
        [node.node_id],
    )
    return {bytes(row["content"]): RecordKey(row["scope_no"], row["rec"]) for row in rows}


def _is_whole(node: Node, resource: Resource) -> bool:
    if node.files.missing([resource.content.sha256]):
        return False
    if resource.kind == FILE:
        return True
    try:
        with node.files.open(resource.content.sha256) as file:
            inside = [each.content.sha256 for each in decode_folder(file.read())]
    except (FileNotFoundError, BadFolderError, BadPathError):
        return False
    return not node.files.missing(inside)


def _name(content: Content) -> bytes:
    return content.sha256[:_NAME_BYTES]


# ---- at the centre


def count_holders(node: Node, contents: Iterable[Content]) -> dict[bytes, int]:
    """How many schools have each of some contents, by digest."""
    names = {_name(each): each.sha256 for each in contents}
    rows = node.query(
        f"SELECT content, count(DISTINCT scope_no) AS n FROM {HOLDING} WHERE NOT deleted"
        f" AND content IN ({', '.join('?' * len(names))}) GROUP BY content",
        list(names),
    )
    counts = {bytes(row["content"]): int(row["n"]) for row in rows if row["content"]}
    return {sha256: counts.get(name, 0) for name, sha256 in names.items()}


def list_holders(node: Node, content: Content) -> list[Holder]:
    """Every school and since when it has a content, those without it first."""
    rows = node.query(
        f"SELECT scope_no, min(since) AS since FROM {HOLDING} WHERE content = ? AND NOT deleted"
        " GROUP BY scope_no",
        [_name(content)],
    )
    since = {row["scope_no"]: row["since"] or "" for row in rows}
    found = [
        Holder(each["code"], each["name"], since.get(each["scope_no"], ""))
        for each in list_open_schools(node)
    ]
    return sorted(found, key=lambda each: (bool(each.since), each.since, each.code))
