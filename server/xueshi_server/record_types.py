"""The record types of a node, as the sync core needs them declared: made from its pack.

A node always has the two types that packs travel in; everything else is what the active pack
declares. Without one, the shipped base pack counts (people, hours, steps of workflows).
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

import msgspec

from xueshi_server.domain.packs.model import FieldKind, PackFile, RecordType
from xueshi_server.errors import PackUnreadableError
from xueshi_server.pack_files import BASE, read_shipped
from xueshi_sync.schema import Field, FieldType, Schema, Table

# Which version of a pack exists, and since which turn it counts (0: published only).
PACK_RELEASE: Final = Table(
    "pack_release",
    "register",
    (
        Field("pack"),
        Field("version"),
        Field("digest"),
        Field("manifest"),
        Field("valid_from", "date"),
        Field("valid_to", "date"),
        Field("turn", "int"),
    ),
    writers=("centre",),
)
# Files of packs by content, in parts that fit into a field.
PACK_FILE: Final = Table(
    "pack_file",
    "ledger",
    (Field("digest"), Field("part", "int"), Field("data", "bytes")),
    writers=("centre",),
)
OWN_TYPES: Final = (PACK_RELEASE, PACK_FILE)

_STORED: Final[Mapping[FieldKind, FieldType]] = {
    "text": "text",
    "code": "text",
    "int": "int",
    "hours": "int",
    "money": "int",
    "date": "date",
    "bool": "bool",
    "ref": "ref",
    "key": "text",
    "long": "text",
}
# What the view calls its own tables and columns; names count without regard to case there.
TAKEN_TABLES: Final = frozenset(
    {"author", "author_key", "conflict", "field_write", "judgement", "scope", "scope_key"}
    | {"unapplied", "watermark"}
    | {table.name for table in OWN_TYPES}
)
TAKEN_FIELDS: Final = frozenset(
    {"actor", "author", "conflicts", "credited", "deleted", "entered_at", "rec", "scope_no"}
    | {"state"}
)


def schema_of(types: Iterable[RecordType]) -> Schema:
    """The schema of the record types of a resolved pack; raises PackUnreadableError."""
    tables = [_table_of(each) for each in types]
    taken = set(TAKEN_TABLES)
    for table in tables:
        name = table.name.lower()
        if name in taken or name.startswith(("_", "sqlite_")):
            raise PackUnreadableError(pack="", why=f"type {table.name}: the name is taken")
        taken.add(name)
    return Schema(1, (*OWN_TYPES, *tables))


def _table_of(declared: RecordType) -> Table:
    fields = tuple(Field(each.id, _STORED[each.type]) for each in declared.field)
    names = [each.name.lower() for each in fields]
    twice = {name for name in names if names.count(name) > 1} | (TAKEN_FIELDS & set(names))
    unknown = {name for columns in _named_by(declared) for name in columns}
    unknown -= {each.name for each in fields} | TAKEN_FIELDS
    for wrong in sorted(twice | unknown):
        raise PackUnreadableError(pack="", why=f"type {declared.id}: field {wrong}")
    return Table(
        declared.id,
        declared.kind,
        fields,
        tuple(declared.writers),
        tuple(declared.judges),
        declared.amount,
        declared.corrects,
        tuple(tuple(columns) for columns in declared.index),
    )


def _named_by(declared: RecordType) -> Iterable[Iterable[str]]:
    """Fields that a type names beside declaring them."""
    yield from declared.index
    yield (name for name in (declared.amount, declared.corrects, declared.when) if name)


@cache
def _base_types() -> tuple[RecordType, ...]:
    """Record types of the shipped base pack."""
    decoder = msgspec.toml.decode
    files = [decoder(data, type=PackFile) for data in read_shipped(BASE).values()]
    return tuple(each for file in files for each in file.type)


SCHEMA: Final = schema_of(_base_types())
PERSON: Final = SCHEMA.by_name["person"]
HOUR: Final = SCHEMA.by_name["hour"]
