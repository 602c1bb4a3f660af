"""Declarations of record types: all that the sync core knows of the domain.

A `Schema` is a value the caller passes in. Ledger tables take immutable inserts, corrections by
new entries and verdicts; register tables take edits of single fields and deletion (PROTOCOL 8).
Tables whose name starts with `_` are the core's own and govern the scope they stand in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

FieldType = Literal["text", "int", "date", "bool", "bytes", "ref"]
Kind = Literal["ledger", "register"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `date` is a day number on the wire (0 = 1970-01-01) and ISO text in views;
    `ref` names a record of the same scope."""

    name: str
    type: FieldType = "text"


@dataclass(frozen=True)
class Table:
    """A record type: who may write it (`writers`), who may give verdicts (`judges`).

    `centre_only`: its records stand in the scope that only the centre holds, and nowhere else.
    """

    name: str
    kind: Kind
    fields: tuple[Field, ...]
    writers: tuple[str, ...]
    judges: tuple[str, ...] = ()
    amount: str | None = None
    corrects: str | None = None
    indexes: tuple[tuple[str, ...], ...] = ()
    # Not in the repr: where records stand changes no table of a view.
    centre_only: bool = field(default=False, repr=False)

    @cached_property
    def field_types(self) -> Mapping[str, FieldType]:
        """Field name to type."""
        return {each.name: each.type for each in self.fields}

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """Field names in declared order."""
        return tuple(each.name for each in self.fields)


@dataclass(frozen=True)
class Schema:
    """The tables of one schema version; the core's own tables are added to the caller's."""

    version: int
    tables: tuple[Table, ...] = ()
    by_name: Mapping[str, Table] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "by_name", {table.name: table for table in (*OWN_TABLES, *self.tables)}
        )


_CENTRE: Final = ("centre",)

SCOPE_TABLE: Final = Table(
    "_scope", "register", (Field("code"), Field("name"), Field("kind")), _CENTRE
)
# A node that speaks in this scope: its key and its tier here. `granted` False denies.
NODE_TABLE: Final = Table(
    "_node",
    "register",
    (
        Field("node", "bytes"),
        Field("key", "bytes"),
        Field("tier"),
        Field("code"),
        Field("name"),
        Field("granted", "bool"),
    ),
    _CENTRE,
)
# A revocation: of `node`, only what lies at or before `heads` (bids, 32 bytes each) counts.
CUT_TABLE: Final = Table(
    "_cut",
    "register",
    (Field("node", "bytes"), Field("heads", "bytes"), Field("reason"), Field("lifted", "bool")),
    _CENTRE,
)
# Blocks beyond a cut that count all the same (bids, 32 bytes each).
ADMIT_TABLE: Final = Table("_admit", "register", (Field("blocks", "bytes"),), _CENTRE)

OWN_TABLES: Final = (SCOPE_TABLE, NODE_TABLE, CUT_TABLE, ADMIT_TABLE)
