"""Which version of an entry somebody looked at: a mark that a form carries and brings back.

An entry itself never changes. What changes is what is said of it: verdicts, what its school says,
and entries that correct it. The mark is over these, so a verdict given on a page that is out of
date is noticed.
"""

import hashlib
from collections.abc import Iterable, Mapping

from xueshi_server.domain.packs.model import RecordType
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

_MARK_CHARS = 12


def read_mark(node: Node, declared: RecordType, key: RecordKey) -> str:
    """The mark of an entry as it stands now; empty for one that is not here."""
    where = [key.scope_no, key.rec]
    rows = node.query(f'SELECT state FROM "{declared.id}" WHERE scope_no = ? AND rec = ?', where)
    if not rows:
        return ""
    said = node.query(
        "SELECT dot FROM field_write WHERE scope_no = ? AND tbl = ? AND rec = ? ORDER BY dot",
        [key.scope_no, declared.id, key.rec],
    )
    parts = [str(rows[0]["state"]), *(str(row["dot"]) for row in said)]
    parts += [f"{row['rec']}:{row['state']}" for row in list_correcting(node, declared, key)]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:_MARK_CHARS]


def list_correcting(node: Node, declared: RecordType, key: RecordKey) -> list[Mapping[str, object]]:
    """The entries that correct this one, oldest first."""
    if not declared.corrects:
        return []
    rows = node.query(
        # The inner query is answered by the index over what is corrected, which holds few.
        f'SELECT * FROM "{declared.id}" WHERE scope_no = ?1 AND rec IN (SELECT rec'
        f' FROM "{declared.id}" WHERE scope_no = ?1 AND "{declared.corrects}" = ?2) ORDER BY rec',
        [key.scope_no, key.rec],
    )
    return [dict(row) for row in rows]


def list_stale(
    node: Node, declared: RecordType, keys: Iterable[RecordKey], seen: Mapping[RecordKey, str]
) -> list[RecordKey]:
    """The entries that stand otherwise than when they were looked at."""
    return [key for key in keys if key in seen and read_mark(node, declared, key) != seen[key]]
