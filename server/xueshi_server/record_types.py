"""The record types of this node, as the sync core needs them declared.

A stand-in for the county's pack: people are a register that anyone concerned may mend, hours a
ledger that a school writes and the centre or the township judges.
"""

from typing import Final

from xueshi_sync.schema import Field, Schema, Table

PERSON: Final = Table(
    "person",
    "register",
    (Field("staff_no"), Field("name"), Field("active", "bool")),
    writers=("school", "township", "centre"),
)

HOUR: Final = Table(
    "hour",
    "ledger",
    (
        Field("person", "ref"),
        Field("date", "date"),
        Field("form"),
        Field("category"),
        Field("title"),
        Field("minutes", "int"),
        Field("note"),
        Field("recorded_by"),
        Field("corrects", "ref"),
    ),
    writers=("school", "township"),
    judges=("centre", "township"),
    amount="minutes",
    corrects="corrects",
    indexes=(("person", "date"),),
)

SCHEMA: Final = Schema(1, (PERSON, HOUR))
