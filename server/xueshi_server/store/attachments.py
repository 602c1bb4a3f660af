"""Attachments: evidence beside a record, and photos of stamped pages.

An attachment is a record of the type `attachment`; its bytes are a file of the node by their
digest. A record travels before its bytes: what is not here yet says so. Nothing is erased: who
withdraws an attachment writes that, with the reason, and both stay. With a stamped page go the
lines that were printed, as an attachment of their own.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from sqlite3 import Row
from typing import Any, Final

from xueshi_server.photos import Upload
from xueshi_server.store.attached_files import has_file, keep_file, keep_small
from xueshi_server.store.records import ATTACHMENT
from xueshi_sync.node import Node
from xueshi_sync.replica import public_id
from xueshi_sync.writer import Action, RecordKey

EVIDENCE: Final = "evidence"
STAMPED: Final = "stamped_page"
LINES: Final = "printed_lines"
WITHDRAWAL: Final = "withdrawal"
# Fields that refer to the record itself, so that they hold before it has its lasting name.
_REFERRED: Final = ("hour", "person")


@dataclass(frozen=True, slots=True)
class About:
    """What an attachment belongs to: a record by type and key; a school or the county by name."""

    of: str
    key: RecordKey | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """Which printed form a stamped page is of: the digest on it, and the day of its data."""

    form: str
    printed: str
    as_of: dt.date


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Who took an attachment back, and why."""

    by: str
    at_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file beside a record. `is_here`: the bytes are; `is_own`: it was written at this node."""

    key: RecordKey
    name: str
    kind: str
    file: str
    size_bytes: int
    media: str
    width: int
    height: int
    file_name: str
    note: str
    by: str
    at_s: int
    node_name: str
    is_own: bool
    is_here: bool
    form: str = ""
    printed: str = ""
    as_of: str = ""
    withdrawn: Withdrawn | None = field(default=None)


def can_attach(node: Node) -> bool:
    """Whether the county's pack knows attachments."""
    return ATTACHMENT in node.schema.by_name


def keep_upload(node: Node, upload: Upload) -> str:
    """Put the bytes of an upload on the disk, and its small picture beside them; their digest."""
    digest = keep_file(node, upload.data)
    if upload.thumb:
        keep_small(node, digest, upload.thumb)
    return digest


# ---- writing


def write_attachment(
    node: Node,
    action: Action,
    about: About,
    fields: Mapping[str, Any],
    *,
    kind: str = EVIDENCE,
    paper: Paper | None = None,
) -> RecordKey:
    """Write that a file belongs to something; the file is on the disk already. `fields` are those
    of the record (`file`, `bytes`, `media` and so on). The same file twice is one attachment."""
    row = {**fields, "kind": kind, **_about_fields(node, about)}
    if paper is not None:
        row |= {
            "form": paper.form,
            "printed": paper.printed,
            "as_of": paper.as_of.isoformat(),
        }
    place = about.name if about.key is None else f"{about.key.scope_no}.{about.key.rec}"
    mark = f"{place}-{fields['file']}-{row.get('printed') or ''}"
    # What was withdrawn may be attached once more.
    known = [each for each in list_attachments(node, about) if each.file == fields["file"]]
    again = sum(each.withdrawn is not None for each in known)
    entry_id = f"attachment-{about.of}-{mark}-{again}"
    return action.insert(ATTACHMENT, row, scope_no=_scope_no(node, about), entry_id=entry_id)


def withdraw(node: Node, action: Action, attachment: Attachment, reason: str) -> None:
    """Write that an attachment is taken back; it must be of this node."""
    row = find_row_of(node, attachment.key)
    if row is None:
        return
    fields = {name: row[name] for name in ("hour", "person", "record", "form") if row[name]}
    fields |= {"kind": WITHDRAWAL, "note": reason, "withdraws": attachment.key.rec}
    action.insert(
        ATTACHMENT,
        fields,
        scope_no=attachment.key.scope_no,
        entry_id=f"withdrawal-{attachment.name}",
    )


def _about_fields(node: Node, about: About) -> dict[str, Any]:
    if about.key is None:
        return {"record": about.name}
    stands = _scope_no(node, about)
    own = node.home_scope_no if stands is None else stands
    if about.of in _REFERRED and about.key.scope_no == own:
        return {about.of: about.key.rec}
    return {"record": node.public_id(about.key)}


def _scope_no(node: Node, about: About) -> int | None:
    """The centre writes beside what it writes about; a school and a township at home."""
    return about.key.scope_no if node.role == "centre" and about.key is not None else None


# ---- reading


def list_attachments(node: Node, about: About) -> list[Attachment]:
    """What belongs to a record, a school or the county, oldest first, withdrawn ones too."""
    if not can_attach(node):
        return []
    where, values = _conditions(node, about)
    return _read(node, where, values)


def find_attachment(node: Node, key: RecordKey) -> Attachment | None:
    """One attachment."""
    if not can_attach(node):
        return None
    found = _read(node, ["scope_no = ? AND rec = ?"], [*key])
    return found[0] if found else None


def find_picture(node: Node, person: RecordKey, file: str) -> Attachment | None:
    """A file that is attached to hours of a person."""
    if not can_attach(node):
        return None
    where = (
        "scope_no = ? AND hour IN (SELECT rec FROM hour WHERE scope_no = ? AND person = ?)"
        " AND file = ?"
    )
    found = _read(node, [where], [person.scope_no, *person, file])
    return found[0] if found else None


def find_row_of(node: Node, key: RecordKey) -> Row | None:
    """The record of an attachment as it stands."""
    rows = node.query(
        f"SELECT * FROM {ATTACHMENT} WHERE scope_no = ? AND rec = ?", [key.scope_no, key.rec]
    )
    return rows[0] if rows else None


def is_referred_to(node: Node, digest: str) -> bool:
    """Whether any attachment names a file: then its bytes stay."""
    if not can_attach(node):
        return False
    rows = node.query(f"SELECT 1 FROM {ATTACHMENT} WHERE file = ? LIMIT 1", [digest])
    return bool(rows)


def _conditions(node: Node, about: About) -> tuple[list[str], list[Any]]:
    # By school first, as the indexes stand: a county has many attachments and few schools.
    named = "scope_no IN (SELECT scope_no FROM scope) AND record = ?"
    if about.key is None:
        return [named], [about.name]
    name = node.public_id(about.key)
    where, values = [named], list[Any]([name])
    if about.of in _REFERRED:
        where.append(f"scope_no = ? AND {about.of} = ?")
        values += about.key
    elif not name.startswith("~"):
        # What this node attached before it belonged to a county has the name of that time.
        where.append(f"{named} AND author IN (SELECT author FROM author WHERE node_id = ?)")
        values += [public_id(None, about.key), node.node_id]
    return where, values


def _read(node: Node, where: Sequence[str], values: Sequence[Any]) -> list[Attachment]:
    """The attachments of which one of the conditions holds; each is found by its own index."""
    keys = " UNION ".join(f"SELECT scope_no, rec FROM {ATTACHMENT} WHERE {each}" for each in where)
    rows = node.query(
        f"SELECT t.*, a.name AS node_name, a.node_id FROM ({keys})"
        f" JOIN {ATTACHMENT} t USING (scope_no, rec) LEFT JOIN author a USING (author)"
        " ORDER BY t.entered_at, t.scope_no, t.rec",
        values,
    )
    found = [_attachment(node, each) for each in rows if each["kind"] != WITHDRAWAL]
    return [_with_withdrawal(node, each) for each in found]


def _with_withdrawal(node: Node, attachment: Attachment) -> Attachment:
    """The same with what was said when it was taken back, the first time."""
    rows = node.query(
        f"SELECT t.actor, t.entered_at, t.note FROM (SELECT scope_no, rec FROM {ATTACHMENT}"
        " WHERE scope_no = ? AND withdraws = ? ORDER BY rec LIMIT 1)"
        f" JOIN {ATTACHMENT} t USING (scope_no, rec)",
        [*attachment.key],
    )
    if not rows:
        return attachment
    said = rows[0]
    taken = Withdrawn(said["actor"] or "", said["entered_at"] or 0, said["note"] or "")
    return replace(attachment, withdrawn=taken)


def _attachment(node: Node, row: Row) -> Attachment:
    key = RecordKey(row["scope_no"], row["rec"])
    return Attachment(
        key=key,
        name=node.public_id(key),
        kind=row["kind"] or "",
        file=row["file"] or "",
        size_bytes=row["bytes"] or 0,
        media=row["media"] or "",
        width=row["width"] or 0,
        height=row["height"] or 0,
        file_name=row["name"] or "",
        note=row["note"] or "",
        by=row["actor"] or "",
        at_s=row["entered_at"] or 0,
        node_name=row["node_name"] or "",
        is_own=row["node_id"] == node.node_id,
        is_here=has_file(node, row["file"] or ""),
        form=row["form"] or "",
        printed=row["printed"] or "",
        as_of=row["as_of"] or "",
    )
