"""What the active pack adds to Datasette: tables of its record types, labels, named queries.

The tables keep the names and values that the pack's own queries are written for; labels stand as
notes of columns. People read the lists beside them (browse_lists). Hours and people have readable
tables of their own: the plain ones are copied only where a query asks for them.
"""

import datetime as dt
import hashlib
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.packs.held import held_queries, held_types
from xueshi_server.domain.packs.inherit import PackFaultsError
from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.sealed import MARK, SHOWN
from xueshi_server.record_types import BASE_PACK
from xueshi_server.store.packs import load_files
from xueshi_server.words import word
from xueshi_sync.writer import CENTRE_SCOPE

# Shown under other names, with people and schools in words.
_READABLE: Final = ("hour", "person")
_SCOPES: Final = "scope"
_SCOPE_COLUMNS: Final = ("scope_no", "code", "name", "kind")
_PLACE: Final = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")


def read_role(feeds: Path) -> str:
    """ "centre" for the node that holds what only the centre does, else "school"; `feeds` is the
    node's truth, which it may be writing."""
    try:
        with closing(sqlite3.connect(f"{feeds.absolute().as_uri()}?mode=ro", uri=True)) as link:
            row = link.execute("SELECT 1 FROM meta WHERE key = ?", [CENTRE_SCOPE]).fetchone()
    except sqlite3.DatabaseError:
        return "school"
    return "school" if row is None else "centre"


def read_active_pack(source: Path, day: dt.date) -> Pack:
    """The pack that counts on a day, as the node's view `source` has it; the base without one."""
    link = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    with closing(link):
        try:
            rows = link.execute(
                "SELECT pack, digest, manifest, valid_from, valid_to FROM pack_release"
                " WHERE NOT deleted AND turn > 0 ORDER BY turn DESC"
            ).fetchall()
        except sqlite3.OperationalError:
            return BASE_PACK
        for pack_id, digest, manifest, first, last in rows:
            covers = (first or "") <= day.isoformat() <= (last or "9999-12-31")
            if covers and (pack := _load(link, pack_id, digest, manifest or "")) is not None:
                return pack
    return BASE_PACK


def _load(link: sqlite3.Connection, pack_id: str, digest: str, manifest: str) -> Pack | None:
    """A release with all its files verified; None where something is missing or not understood."""
    if hashlib.sha256(manifest.encode()).hexdigest() != digest:
        return None
    files: dict[str, bytes] = {}
    for line in manifest.splitlines():
        wanted, _, path = line.partition(" ")
        row = link.execute("SELECT data FROM pack_file WHERE digest = ?", [wanted]).fetchone()
        if row is None or hashlib.sha256(bytes(row[0])).hexdigest() != wanted:
            return None
        files[path] = bytes(row[0])
    try:
        return load_files(files, pack_id)
    except PackFaultsError:
        return None


def browsed_types(pack: Pack, taken: Iterable[str], role: str = "centre") -> list[str]:
    """The types whose plain tables are copied; names of the readable tables are taken."""
    asked = " ".join(query.sql for query in held_queries(pack, role).values())
    return [
        of
        for of in held_types(pack, role)
        if of not in taken and (of not in _READABLE or re.search(rf"\b{of}\b", asked))
    ]


def copy_types(link: sqlite3.Connection, types: Sequence[str]) -> dict[str, int]:
    """Copy the plain tables of types, and of schools, from the attached database `node`."""
    counts = {}
    for name in (*types, _SCOPES):
        columns = _columns_of(link, name)
        if not columns:
            continue
        key = ("scope_no",) if name == _SCOPES else ("scope_no", "rec")
        held = [row[1] for row in link.execute(f'PRAGMA main.table_info("{name}")')]
        if held != columns:
            link.execute(f'DROP TABLE IF EXISTS main."{name}"')
            declared = ", ".join(f'"{column}"' for column in columns)
            link.execute(f'CREATE TABLE main."{name}" ({declared}, PRIMARY KEY ({", ".join(key)}))')
        sealed = {row[1] for row in link.execute(f'PRAGMA node.table_info("{name}")')
                  if row[2] == "BLOB"}  # fmt: skip
        chosen = ", ".join(
            show_end(f'"{column}"') if column in sealed else f'"{column}"' for column in columns
        )
        link.execute(f'DELETE FROM main."{name}"')
        counts[name] = link.execute(
            f'INSERT INTO main."{name}" SELECT {chosen} FROM node."{name}"'
        ).rowcount
    return counts


def show_end(value: str) -> str:
    """The expression for what everybody may see of a sealed value; only the end is copied."""
    return f"'{MARK}' || CAST(substr({value}, 2, {SHOWN}) AS TEXT)"


def _columns_of(link: sqlite3.Connection, name: str) -> list[str]:
    found = [row[1] for row in link.execute(f'PRAGMA node.table_info("{name}")')]
    return [each for each in _SCOPE_COLUMNS if each in found] if name == _SCOPES else found


def type_metadata(declared: RecordType, language: str) -> dict[str, Any]:
    """Title of a type's table and what its columns are."""
    notes = {}
    for each in declared.field:
        unit = {"hours": "minutes", "money": "fen"}.get(each.type, "")
        label = word_label(each.label, language)
        notes[each.id] = f"{label} ({word(f'browse.unit.{unit}', language)})" if unit else label
    return {
        "title": word_label(declared.label, language),
        "description": word("browse.type_lead", language),
        "columns": notes,
        "sortable_columns": [],
        # For queries: people read the list of the type.
        "hidden": True,
    }


def query_metadata(pack: Pack, language: str, role: str = "centre") -> dict[str, Any]:
    """The named queries of a pack, with the statements they rest on."""
    found: dict[str, Any] = {}
    for query_id, query in held_queries(pack, role).items():
        entry: dict[str, Any] = {"sql": query.sql, "title": word_label(query.label, language)}
        clauses = [f"{quote} ({source})" for source, quote in pack.quotes(query.source)]
        if clauses:
            entry["description"] = " ".join(clauses)
        places = list(dict.fromkeys(_PLACE.findall(query.sql)))
        if places:
            entry["params"] = places
        found[query_id] = entry
    return found
