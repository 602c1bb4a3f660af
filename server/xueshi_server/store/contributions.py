"""What schools offer to the county's library, and what became of it.

A contribution is a record of the school that names its bytes by their digest (`file`); they go up
beside it. What the centre publishes of it is a resource whose `origin` is the contribution.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from sqlite3 import Row
from typing import Any, Final

from xueshi_server.domain.fields import show_field, word_label
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.folders import BadFolderError, BadPathError, decode_folder
from xueshi_server.store.library import About, list_published
from xueshi_server.store.records import fields_of
from xueshi_server.upload_checks import FILES_MOST, UNPACKED_BYTES
from xueshi_server.words import LANGUAGES
from xueshi_sync.files.content import Content
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

CONTRIBUTION: Final = "contribution"
# What stands for a folder in the field `media`.
FOLDER_MEDIA: Final = "folder"
# Filled in by the pages themselves.
OWN_FIELDS: Final = frozenset({"date", "file", "bytes", "media", "file_name", "follows"})
# What is read by name here, where the county's pack declares it.
_MAYBE: Final = ("subject", "stage", "category", "level", "with", "minutes", "summary")
# What the school said of its own entry.
_CHECKED: Final = ("returned", "withdrawn")
WAITING: Final = ("pending", "disputed")
PAGE_ROWS: Final = 50


@dataclass(frozen=True, slots=True)
class Contribution:
    """What somebody offered. `reason` is why it came back, `resource` what it was published as;
    `percent` of its bytes are here."""

    key: RecordKey
    name: str
    row: Row
    person: str
    staff_no: str
    school: str
    state: str
    reason: str
    resource: str
    percent: int

    @property
    def title(self) -> str:
        return str(self.row["name"] or "")

    @property
    def digest(self) -> bytes:
        return _digest(self.row["file"])

    @property
    def is_folder(self) -> bool:
        return bool(self.row["media"] == FOLDER_MEDIA)

    @property
    def waits(self) -> bool:
        """Whether the centre has still to say something."""
        return self.state in WAITING or (self.state == "approved" and not self.resource)


def knows_contributions(node: Node) -> bool:
    """Whether the county's pack has contributions that name a file."""
    table = node.schema.by_name.get(CONTRIBUTION)
    return table is not None and ("file",) in table.indexes


def _digest(text: str | None) -> bytes:
    try:
        found = bytes.fromhex(text or "")
    except ValueError:
        return b""
    return found if len(found) == 32 else b""


# ---- reading


def list_contributions(
    node: Node,
    *,
    person: RecordKey | None = None,
    waiting: bool | None = None,
    start: int = 0,
    limit: int = PAGE_ROWS,
) -> list[Contribution]:
    """Contributions here, newest first: of one author, or of all; `waiting` those that the centre
    has (True) or has not (False) still to judge."""
    if not knows_contributions(node):
        return []
    where, values = ["c.state <> 'void'"], list[Any]()
    if person is not None:
        where.append("c.scope_no = ? AND c.person = ?")
        values += person
    if waiting is not None:
        where.append(f"c.state {'' if waiting else 'NOT '}IN ('pending', 'disputed')")
    rows = _read(node, where, [*values, limit, start])
    published = _published(node, rows)
    return [_contribution(node, row, published) for row in rows]


def find_contribution(node: Node, key: RecordKey) -> Contribution | None:
    """One contribution."""
    if not knows_contributions(node):
        return None
    rows = _read(node, ["c.scope_no = ? AND c.rec = ?"], [*key, 1, 0])
    return _contribution(node, rows[0], _published(node, rows)) if rows else None


def _published(node: Node, rows: Iterable[Row]) -> dict[str, str]:
    """Name of each contribution that was published to that of the resource."""
    return list_published(
        node, (node.public_id(RecordKey(row["scope_no"], row["rec"])) for row in rows)
    )


def count_waiting(node: Node) -> int:
    """How many the centre has still to judge."""
    if not knows_contributions(node):
        return 0
    sql = f"SELECT count(*) FROM {CONTRIBUTION} WHERE state IN ('pending', 'disputed')"
    return int(node.query(sql)[0][0])


def _read(node: Node, where: Iterable[str], values: list[Any]) -> list[Row]:
    return node.query(
        f"SELECT c.*, p.name AS person_name, p.staff_no, s.name AS school FROM {CONTRIBUTION} c"
        " LEFT JOIN person p ON p.scope_no = c.scope_no AND p.rec = c.person"
        " LEFT JOIN scope s ON s.scope_no = c.scope_no"
        f" WHERE {' AND '.join(where)} ORDER BY c.date DESC, c.scope_no, c.rec DESC"
        " LIMIT ? OFFSET ?",
        values,
    )


def _contribution(node: Node, row: Row, published: dict[str, str]) -> Contribution:
    key = RecordKey(row["scope_no"], row["rec"])
    name = node.public_id(key)
    return Contribution(
        key, name, row, row["person_name"] or "?", row["staff_no"] or "", row["school"] or "",
        row["state"], _reason(node, row), published.get(name, ""), percent_here(node, row),
    )  # fmt: skip


def _reason(node: Node, row: Row) -> str:
    """What was said when it came back."""
    if row["state"] in ("pending", "approved"):
        return ""
    # The school itself may send it back before the county judges it.
    said_in = "checking" if row["state"] in _CHECKED else "judgement"
    said = node.query(
        f"SELECT reason FROM {said_in} WHERE scope_no = ? AND tbl = ? AND rec = ?"
        " AND reason <> '' ORDER BY entered_at DESC, dot DESC LIMIT 1",
        [row["scope_no"], CONTRIBUTION, row["rec"]],
    )
    return str(said[0]["reason"]) if said else ""


def percent_here(node: Node, row: Row) -> int:
    """How much of the bytes is at this node; 100: all of it can be opened."""
    digest = _digest(row["file"])
    state = node.files.state(digest) if digest else None
    if state is None:
        return 0
    if not state.is_whole:
        return min(99, state.here_bytes * 100 // max(state.size, 1))
    if row["media"] != FOLDER_MEDIA:
        return 100
    parts = list_parts(node, digest)
    lacking = set(node.files.missing(parts))
    here = sum(size for sha256, size in parts.items() if sha256 not in lacking)
    return 100 if not lacking else min(99, here * 100 // max(sum(parts.values()), 1))


# ---- bytes


# Lists kept at hand: one never changes, its name is its digest.
_PARTS: dict[bytes, dict[bytes, int]] = {}
_PARTS_MOST: Final = 256


def list_parts(node: Node, digest: bytes) -> dict[bytes, int]:
    """Digest and size of the files of a folder whose list is here; none of one that holds more
    than anybody may hand in."""
    known = _PARTS.get(digest)
    if known is not None:
        return known
    try:
        with node.files.open(digest) as file:
            parts = {each.content.sha256: each.content.size for each in decode_folder(file.read())}
    except FileNotFoundError:
        return {}
    except (BadFolderError, BadPathError):
        parts = {}
    if len(parts) > FILES_MOST or sum(parts.values()) > UNPACKED_BYTES:
        parts = {}
    if len(_PARTS) >= _PARTS_MOST:
        _PARTS.clear()
    _PARTS[digest] = parts
    return parts


def list_folders(node: Node) -> Iterator[bytes]:
    """The lists of folders that contributions name and whose verdict is open."""
    if not knows_contributions(node):
        return
    rows = node.query(
        f"SELECT DISTINCT file FROM {CONTRIBUTION} WHERE media = ?"
        " AND state IN ('pending', 'disputed', 'approved')",
        [FOLDER_MEDIA],
    )
    yield from (digest for row in rows if (digest := _digest(row["file"])))


def is_part_of_contribution(node: Node, content: Content) -> bool:
    """Whether a folder that was contributed holds a file."""
    return any(
        list_parts(node, digest).get(content.sha256) == content.size
        for digest in list_folders(node)
    )


def is_contributed(node: Node, content: Content) -> bool:
    """Whether a contribution names a file, or its folder holds it."""
    if not knows_contributions(node):
        return False
    sql = f"SELECT 1 FROM {CONTRIBUTION} WHERE file = ? LIMIT 1"
    return bool(node.query(sql, [content.sha256.hex()])) or is_part_of_contribution(node, content)


# ---- what it says


def about_of(pack: Pack, found: Contribution) -> About:
    """What a resource says that is published of it: author and school are named."""
    declared = fields_of(pack.types[CONTRIBUTION])
    said = {
        name: show_field(
            declared[name], pack.codes.get(declared[name].codes or ""), found.row[name],
            LANGUAGES[0],
        )
        for name in ("what", *_MAYBE)
        if name in declared
    }  # fmt: skip
    people = [each for each in (found.person, said.get("with", "")) if each]
    authors = "、".join(people)
    about = About(
        found.title,
        said.get("subject", ""),
        said.get("category") or said.get("what", ""),
        said.get("level") or said.get("stage", ""),
        f"{authors}（{found.school}）" if found.school else authors,
        said.get("summary", ""),
    )
    minutes = found.row["minutes"] if "minutes" in declared else 0
    return replace(about, minutes=int(minutes or 0))


def word_type(pack: Pack, language: str) -> str:
    """What contributions are called in this county."""
    return word_label(pack.types[CONTRIBUTION].label, language)
