"""Datasette over the merged data: a file made for reading, and the command that serves it.

- The node's own files are only ever read. What Datasette opens is a copy with people and schools
  by name, states in words and one unique sort key a row; it is made in one transaction, so that a
  reader sees the old copy or the new one, and made again while Datasette runs.
- Rows sort by unique columns only: Datasette loses rows where it pages by others.
- It is a process of its own on the loopback interface; nobody may run SQL of their own.
"""

import datetime as dt
import importlib.util
import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import sqlite_utils

from xueshi_server.browse_lists import (
    PREFIX,
    copy_lists,
    drop_names,
    heading_of,
    list_metadata,
    plan_lists,
    put_names,
)
from xueshi_server.browse_pack import (
    browsed_types,
    copy_types,
    query_metadata,
    read_active_pack,
    read_role,
    type_metadata,
)
from xueshi_server.domain.credit import STATES
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.errors import MissingPartError
from xueshi_server.words import word

DATABASE: Final = "county"
FOLDER: Final = "browse"
LOOPBACK: Final = "127.0.0.1"
# Copying 100,000 rows takes about a second; a clerk who waits for a school looks again by then.
REFRESH_S: Final = 15
SETTINGS: Final = {
    "suggest_facets": "off",
    "default_allow_sql": "off",
    "allow_download": "off",
    "default_page_size": "50",
    "max_returned_rows": "1000",
    "sql_time_limit_ms": "3000",
    "facet_time_limit_ms": "1000",
    "num_sql_threads": "2",
    "cache_size_kb": "8000",
}
TEMPLATE_WORDS: Final = (
    "home",
    "footer",
    "rows",
    "column",
    "operator",
    "value",
    "remove",
    "apply",
    "next",
    "csv",
    "none",
    "queries",
)
# Datasette's lookups that a clerk needs.
OPERATORS: Final = ("exact", "contains", "startswith", "gte", "lte")
LANGUAGE_TAGS: Final = {"zh": "zh-CN", "en": "en"}
# Columns whose heading does not say it all.
NOTED: Final = frozenset({"key", "hours_key", "credited", "entered"})
# Table: its columns, unique columns that may be sorted by, and columns to count by.
TABLES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    "hours": (
        (
            "key",
            "date",
            "school",
            "staff_no",
            "name",
            "title",
            "form",
            "category",
            "hours",
            "credited",
            "state",
            "note",
            "recorded_by",
            "entered",
        ),
        ("key",),
        ("school", "state", "form"),
    ),
    "people": (
        ("key", "school", "staff_no", "name", "active", "records", "credited", "pending"),
        ("key",),
        ("school", "active"),
    ),
    "schools": (
        ("key", "school_name", "people", "records", "credited", "pending", "last_entered"),
        ("key",),
        (),
    ),
    "verdicts": (
        ("key", "hours_key", "verdict", "reason", "by", "given"),
        ("key",),
        ("verdict",),
    ),
}
# Where the fields stand that only the pack knows.
_MORE: Final = "/* more */"
_KINDS: Final = {"FLOAT": float, "INTEGER": int, "TEXT": str}
_HOUR_KEY: Final = "h.date || printf('.%04d.%012d', h.scope_no, h.rec)"
_COPY: Final = {
    "hours": f"""
        SELECT {_HOUR_KEY}, h.date, coalesce(s.name, s.code), p.staff_no, p.name, h.title, h.form,
          h.category, h.minutes / 60.0, h.credited / 60.0, coalesce(w.text, h.state), h.note,
          h.recorded_by, datetime(h.entered_at, 'unixepoch', 'localtime') {_MORE}
        FROM node.hour h
        LEFT JOIN node.person p ON p.scope_no = h.scope_no AND p.rec = h.person
        LEFT JOIN node.scope s ON s.scope_no = h.scope_no
        LEFT JOIN word w ON w.key = 'state.' || h.state""",
    "people": f"""
        SELECT p.staff_no || printf('.%04d.%012d', p.scope_no, p.rec), coalesce(s.name, s.code),
          p.staff_no, p.name, w.text, count(h.rec), coalesce(sum(h.credited), 0) / 60.0,
          coalesce(sum(h.minutes) FILTER (WHERE h.state = 'pending'), 0) / 60.0 {_MORE}
        FROM node.person p
        LEFT JOIN node.scope s ON s.scope_no = p.scope_no
        LEFT JOIN node.hour h ON h.scope_no = p.scope_no AND h.person = p.rec
        LEFT JOIN word w ON w.key = iif(coalesce(p.active, 1), 'yes', 'no')
        WHERE NOT p.deleted GROUP BY p.scope_no, p.rec""",
    "schools": """
        SELECT s.code || printf('.%04d', s.scope_no), s.name,
          (SELECT count(*) FROM node.person p WHERE p.scope_no = s.scope_no AND NOT p.deleted),
          count(h.rec), coalesce(sum(h.credited), 0) / 60.0,
          coalesce(sum(h.minutes) FILTER (WHERE h.state = 'pending'), 0) / 60.0,
          datetime(max(h.entered_at), 'unixepoch', 'localtime')
        FROM node.scope s LEFT JOIN node.hour h ON h.scope_no = s.scope_no
        WHERE s.code IS NOT NULL GROUP BY s.scope_no""",
    "verdicts": f"""
        SELECT printf('%012d.%04d.', j.entered_at, j.scope_no) || j.rec || '.' || j.dot,
          {_HOUR_KEY}, coalesce(w.text, j.verdict), j.reason,
          trim(coalesce(a.name, '') || ' ' || j.actor),
          datetime(j.entered_at, 'unixepoch', 'localtime')
        FROM node.judgement j JOIN node.hour h ON h.scope_no = j.scope_no AND h.rec = j.rec
        LEFT JOIN node.author a ON a.author = j.author
        LEFT JOIN word w ON w.key = 'verdict.' || j.verdict
        WHERE j.tbl = 'hour'""",
}


def copy_records(
    source: Path,
    target: Path,
    language: str = "zh",
    types: Sequence[str] = (),
    lists: Mapping[str, Any] | None = None,
) -> dict[str, int]:
    """Make or renew `target` from the node's view `source`; return the rows of each table.

    `types` are record types of the active pack whose plain tables are copied too, `lists` the
    plan of those that people read.
    """
    link = sqlite3.connect(target.absolute().as_uri(), uri=True, isolation_level=None, timeout=10)
    try:
        db = sqlite_utils.Database(link)
        db.enable_wal()
        link.execute("ATTACH ? AS node", [f"{source.absolute().as_uri()}?mode=ro"])
        link.execute("BEGIN IMMEDIATE")
        _put_words(link, language)
        if lists:
            put_names(link, lists)
        added = lists["added"] if lists else {}
        counts = {table: _copy_table(db, table, language, added.get(table)) for table in TABLES}
        counts |= copy_types(link, types) if types else {}
        if lists:
            counts |= copy_lists(link, lists)
            drop_names(link)
        link.execute("DROP TABLE word")
        link.execute("COMMIT")
        return counts
    finally:
        link.close()


def _put_words(link: sqlite3.Connection, language: str) -> None:
    link.execute("CREATE TEMP TABLE word (key TEXT PRIMARY KEY, text TEXT)")
    keys = [f"state.{state}" for state in STATES]
    keys += [f"verdict.{verdict}" for verdict in ("approve", "reject", "void")]
    rows = [(key, word(key, language)) for key in keys]
    rows += [(key, word(f"value_word.{key}", language)) for key in ("yes", "no")]
    link.executemany("INSERT INTO word VALUES (?, ?)", rows)


def _copy_table(
    db: sqlite_utils.Database, name: str, language: str, added: Mapping[str, Any] | None
) -> int:
    """Fill a readable table; `added` has what the pack declares beyond its own columns."""
    columns, _, facets = TABLES[name]
    table, heading = db.table(name), _headings(language)
    types: dict[str, type] = {heading[column]: _type_of(column) for column in columns}
    query = _COPY[name]
    for known, shown in (added or {"told": {}})["told"].items():
        query = query.replace(f"{known},", f"{shown},")
    further = ""
    for label, field, kind, shown in (added or {"more": ()})["more"]:
        types[heading_of(label, field, list(types))] = _KINDS[kind]
        further += f", {shown}"
    if not table.exists() or list(table.columns_dict) != list(types):
        table.drop(ignore=True)
        table.create(types, pk=heading["key"], not_null={heading["key"]})
        for facet in facets:
            table.create_index([heading[facet]])
    db.execute(f"DELETE FROM [{name}]")
    return db.execute(f"INSERT INTO [{name}] {query.replace(_MORE, further)}").rowcount


def _headings(language: str) -> dict[str, str]:
    """Column to the heading that stands above it: Datasette shows a column's own name."""
    every = {column for columns, _, _ in TABLES.values() for column in columns}
    return {column: word(f"browse.column.{column}", language) for column in every}


def _type_of(column: str) -> type:
    if column in ("hours", "credited", "pending"):
        return float
    return int if column in ("people", "records") else str


def make_metadata(
    language: str = "zh", pack: Pack | None = None, role: str = "centre"
) -> dict[str, Any]:
    """Titles, column notes and the templates' words; Datasette has no languages of its own.

    With a pack: the labels of its record types, and its named queries.
    """
    words = {key: word(f"browse.word.{key}", language) for key in TEMPLATE_WORDS}
    operators = {key: word(f"browse.operator.{key}", language) for key in OPERATORS}
    shared = {"words": {**words, "lang": LANGUAGE_TAGS[language], "operators": operators}}
    tables = {name: shared | _table_metadata(name, language) for name in TABLES}
    database: dict[str, Any] = {"title": word("browse.database", language), "tables": tables}
    if pack is not None:
        for of in browsed_types(pack, TABLES, role):
            tables[PREFIX + of] = shared | list_metadata(pack, of, language)
            tables[of] = shared | type_metadata(pack.types[of], language)
        database["queries"] = {
            name: shared | query for name, query in query_metadata(pack, language, role).items()
        }
    return {
        "title": word("browse.title", language),
        "description": word("browse.lead", language),
        "databases": {DATABASE: shared | database},
        **shared,
    }


def _table_metadata(name: str, language: str) -> dict[str, Any]:
    columns, sortable, facets = TABLES[name]
    heading = _headings(language)
    order = "sort_desc" if name in ("hours", "verdicts") else "sort"
    return {
        "title": word(f"browse.{name}", language),
        "description": word(f"browse.{name}.lead", language),
        "columns": {
            heading[column]: word(f"browse.note.{column}", language)
            for column in columns
            if column in NOTED
        },
        "sortable_columns": [heading[column] for column in sortable],
        "facets": [heading[column] for column in facets],
        order: heading["key"],
    }


def datasette_command(home: Path, port: int, *, language: str = "zh") -> list[str]:
    """Copy the records of the node in `home`; return the command that serves them on `port`.

    The node may be open elsewhere. Raises MissingPartError without Datasette.
    """
    if importlib.util.find_spec("datasette") is None:
        raise MissingPartError(part="datasette", extra="centre")
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    source, target = home / "data" / "view.db", folder / f"{DATABASE}.db"
    pack = read_active_pack(source, dt.date.today())
    role = read_role(home / "data" / "feed.db")
    types = browsed_types(pack, TABLES, role)
    lists = plan_lists(pack, types, language)
    copy_records(source, target, language, types, lists)
    metadata = make_metadata(language, pack, role)
    metadata["plugins"] = {
        "xueshi_refresh": {
            "source": str(source.absolute()),
            "target": str(target.absolute()),
            "language": language,
            "types": types,
            "lists": lists,
        }
    }
    (folder / "metadata.json").write_text(json.dumps(metadata, ensure_ascii=False), "utf-8")
    return [*_serve_arguments(folder, target, port), *_setting_arguments()]


def _serve_arguments(folder: Path, target: Path, port: int) -> list[str]:
    assets = str(resources.files("xueshi_server").joinpath("datasette"))
    return [
        sys.executable,
        "-m",
        "datasette",
        "serve",
        str(target),
        "--host",
        LOOPBACK,
        "--port",
        str(port),
        "--metadata",
        str(folder / "metadata.json"),
        "--template-dir",
        str(Path(assets, "templates")),
        "--plugins-dir",
        str(Path(assets, "plugins")),
        "--static",
        f"xueshi:{Path(assets, 'static')}",
    ]


def _setting_arguments() -> list[str]:
    return [part for name, value in SETTINGS.items() for part in ("--setting", name, value)]
