"""Who is named by a number they no longer have is found all the same.

The county gives a lifelong number years after a temporary one, at a node of its own. What named
the person before keeps the old number: entries never change, and registers of other tiers change
only when somebody there leads them on. Rules, forms and grants read through here, so a mentee or a
penalty is not lost meanwhile.

A number that somebody has today is theirs, whoever had it before; one that two people had before
names nobody.
"""

from collections import Counter
from collections.abc import Mapping
from sqlite3 import Connection

from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.people import former_numbers
from xueshi_sync.schema import Schema

PERSON = "person"
_FIELDS = ("staff_no", "former_no")


def read_renamed(db: Connection, schema: Schema) -> dict[str, str]:
    """Former number to the number of today, of everybody in a view."""
    person = schema.by_name.get(PERSON)
    if person is None or not all(each in person.field_types for each in _FIELDS):
        return {}
    changed = db.execute(
        "SELECT staff_no, former_no FROM person WHERE former_no <> '' AND staff_no <> ''"
        " AND NOT deleted"
    ).fetchall()
    pairs = [(old, now) for now, former in changed for old in former_numbers(former) if old != now]
    if not pairs:
        return {}
    times = Counter(old for old, _ in set(pairs))
    taken = {row[0] for row in db.execute("SELECT staff_no FROM person WHERE NOT deleted")}
    return {old: now for old, now in pairs if times[old] == 1 and old not in taken}


def read_by_numbers_of_today(
    db: Connection, types: Mapping[str, RecordType], schema: Schema, renamed: Mapping[str, str]
) -> None:
    """Let what this connection reads name people by the numbers they have today.

    A table with a field that is a person's number is hidden behind a view of the same name, which
    is this connection's own.
    """
    if not renamed:
        return
    # The file stays read-only; what is made is the connection's own.
    db.execute("PRAGMA query_only = OFF")
    db.execute("CREATE TEMP TABLE called (old TEXT PRIMARY KEY, now TEXT) WITHOUT ROWID")
    db.executemany("INSERT INTO temp.called VALUES (?, ?)", renamed.items())
    for of, declared in types.items():
        named = {each.id for each in declared.field if each.type == "key" and each.to == PERSON}
        if of in schema.by_name and named:
            columns = [row[1] for row in db.execute(f'PRAGMA main.table_info("{of}")')]
            shown = ", ".join(_shown(each) if each in named else f'"{each}"' for each in columns)
            db.execute(f'CREATE TEMP VIEW "{of}" AS SELECT {shown} FROM main."{of}"')
    db.execute("PRAGMA query_only = ON")


def _shown(column: str) -> str:
    now = f'(SELECT now FROM temp.called WHERE old = "{column}")'
    return f'coalesce({now}, "{column}") AS "{column}"'
