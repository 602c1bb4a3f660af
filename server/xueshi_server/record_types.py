"""The record types of a node, as the sync core needs them declared: made from its pack.

A node always has the two types that packs travel in, and the county's keys that personal numbers
are sealed to; everything else is what the active pack declares. Without one, the shipped base pack
counts (people, hours, steps of workflows).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import structs

from xueshi_server.domain.packs.model import FieldKind, RecordType
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.packs.reading import load_pack
from xueshi_server.errors import PackUnreadableError
from xueshi_server.pack_files import BASE, read_shipped, split_closure
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
# Files of packs by content.
PACK_FILE: Final = Table(
    "pack_file",
    "ledger",
    (Field("digest"), Field("data", "bytes")),
    writers=("centre",),
)
# The county's public keys that personal numbers are sealed to; the newest counts.
SEAL_KEY: Final = Table(
    "seal_key",
    "register",
    (Field("generation", "int"), Field("key", "bytes"), Field("valid_from", "date")),
    writers=("centre",),
)
# What the county's library holds; the bytes move beside the records (PROTOCOL 16).
RESOURCE: Final = Table(
    "resource",
    "ledger",
    (
        Field("kind"),
        Field("title"),
        Field("subject"),
        Field("category"),
        Field("level"),
        Field("authors"),
        Field("summary"),
        Field("minutes", "int"),
        Field("name"),
        Field("media"),
        Field("added", "date"),
        Field("origin"),
        Field("content", "bytes"),
        Field("replaces", "ref"),
        Field("withdraws", "ref"),
    ),
    writers=("centre",),
    judges=("centre",),
    indexes=(("replaces",), ("withdraws",)),
)
# What is right in a quiz of the library, by the digest of the paper that readers get.
QUIZ_KEY: Final = Table(
    "quiz_key",
    "ledger",
    (Field("paper"), Field("key", "bytes")),
    writers=("centre",),
    indexes=(("paper",),),
)
# Which of it a node has whole, by the first half of the digest: written when that changes.
HOLDING: Final = Table(
    "holding",
    "register",
    (Field("content", "bytes"), Field("since", "date")),
    writers=("school", "township"),
    indexes=(("content",),),
)
OWN_TYPES: Final = (PACK_RELEASE, PACK_FILE, SEAL_KEY, RESOURCE, QUIZ_KEY, HOLDING)

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
    "sealed": "bytes",
}
# What the view calls its own tables and columns; names count without regard to case there.
TAKEN_TABLES: Final = frozenset(
    {"author", "author_key", "checking", "conflict", "field_write", "judgement", "scope"}
    | {"scope_key", "unapplied", "watermark"}
    | {table.name for table in OWN_TYPES}
)
TAKEN_FIELDS: Final = frozenset(
    {"actor", "author", "conflicts", "credited", "deleted", "entered_at", "rec", "scope"}
    | {"scope_no", "state"}
)


def schema_of(pack: Pack, *older: Pack) -> Schema:
    """The schema of a resolved pack; raises PackUnreadableError.

    Types and fields that only `older` packs (newest first) declare stay: what was recorded under
    them can still be read and judged by them.
    """
    declared = dict(pack.types)
    for each in older:
        for name, known in each.types.items():
            declared[name] = _with_older(declared[name], known) if name in declared else known
    return Schema(1, (*OWN_TYPES, *(_table_of(each, pack.id) for each in declared.values())))


def _with_older(declared: RecordType, known: RecordType) -> RecordType:
    """A type with the fields that it no longer declares."""
    if declared.kind != known.kind:
        return declared
    names = {each.id.lower() for each in declared.field}
    gone = [each for each in known.field if each.id.lower() not in names]
    return structs.replace(declared, field=[*declared.field, *gone])


def _table_of(declared: RecordType, pack_id: str) -> Table:
    name = declared.id.lower()
    if name in TAKEN_TABLES or name.startswith(("_", "sqlite_")):
        raise PackUnreadableError(pack=pack_id, why=f"type {declared.id}: the name is taken")
    fields = tuple(Field(each.id, _STORED[each.type]) for each in declared.field)
    names = [each.name.lower() for each in fields]
    twice = {name for name in names if names.count(name) > 1} | (TAKEN_FIELDS & set(names))
    unknown = {name for columns in _named_by(declared) for name in columns}
    unknown -= {each.name for each in fields} | TAKEN_FIELDS
    for wrong in sorted(twice | unknown):
        raise PackUnreadableError(pack=pack_id, why=f"type {declared.id}: field {wrong}")
    return Table(
        declared.id,
        declared.kind,
        fields,
        tuple(declared.writers),
        tuple(declared.judges),
        declared.amount,
        declared.corrects,
        tuple(_indexes_of(declared)),
        centre_only=declared.place == "centre",
    )


def _indexes_of(declared: RecordType) -> Iterable[tuple[str, ...]]:
    """Those that the pack asks for; and one that lists of a ledger by date are read from."""
    yield from (tuple(columns) for columns in declared.index)
    if declared.kind == "ledger" and declared.when is not None:
        yield ("state", declared.when)


def _named_by(declared: RecordType) -> Iterable[Iterable[str]]:
    """Fields that a type names beside declaring them."""
    yield from declared.index
    yield (name for name in (declared.amount, declared.corrects, declared.when) if name)


BASE_PACK: Final = load_pack(split_closure(read_shipped(BASE)), BASE)
SCHEMA: Final = schema_of(BASE_PACK)
PERSON: Final = SCHEMA.by_name["person"]
HOUR: Final = SCHEMA.by_name["hour"]
