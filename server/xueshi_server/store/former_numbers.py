"""Who is named by a number they no longer have is found all the same.

So is who stands in several rosters under several numbers and is one person (`person_links`).

The county gives a lifelong number years after a temporary one, at a node of its own. What named
the person before keeps the old number: entries never change, and registers of other tiers change
only when somebody there leads them on. Rules, forms and grants read through here, so a mentee or a
penalty is not lost meanwhile.

A number that somebody has today is theirs, whoever had it before; one that two people had before
names nobody. Of one person's numbers the one of the leading record counts.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from sqlite3 import Connection

from xueshi_server.domain.packs.model import RecordType
from xueshi_server.domain.people import former_numbers
from xueshi_sync.schema import Schema

PERSON = "person"
_FIELDS = ("staff_no", "former_no")
# (school, record) of the records of each person, the leading one first.
Groups = Sequence[Sequence[tuple[int, int]]]


def read_renamed(db: Connection, schema: Schema, groups: Groups = ()) -> dict[str, str]:
    """Former number to the number of today, of everybody in a view; of people with several records
    (`groups`, the leading one first) every number to that of the leading one."""
    person = schema.by_name.get(PERSON)
    if person is None or not all(each in person.field_types for each in _FIELDS):
        return {}
    changed = db.execute(
        "SELECT staff_no, former_no FROM person WHERE former_no <> '' AND staff_no <> ''"
        " AND NOT deleted"
    ).fetchall()
    joined = _read_joined(db, groups)
    pairs = [
        (old, joined.get(now, now))
        for now, former in changed
        for old in former_numbers(former)
        if old != now
    ]
    if not pairs and not joined:
        return {}
    times = Counter(old for old, _ in set(pairs))
    taken = {row[0] for row in db.execute("SELECT staff_no FROM person WHERE NOT deleted")}
    return {old: now for old, now in pairs if times[old] == 1 and old not in taken} | joined


def _read_joined(db: Connection, groups: Groups) -> dict[str, str]:
    """Numbers of records that do not lead, where nobody else has them, to the leading one's."""
    sql = "SELECT staff_no FROM person WHERE scope_no = ? AND rec = ? AND staff_no <> ''"
    found: dict[str, str] = {}
    for group in groups:
        numbers = [row[0] for key in group for row in db.execute(sql, key)]
        found |= {old: numbers[0] for old in numbers[1:] if old != numbers[0]}
    for old in list(found):
        holders = "SELECT count(*) FROM person WHERE staff_no = ? AND NOT deleted"
        if db.execute(holders, [old]).fetchone()[0] > 1:
            del found[old]
    return found


def names_by_number(types: Mapping[str, RecordType], schema: Schema) -> bool:
    """Whether any type names people by their numbers."""
    return any(
        each.type == "key" and each.to == PERSON
        for of, declared in types.items()
        if of in schema.by_name
        for each in declared.field
    )


def read_by_numbers_of_today(
    db: Connection,
    types: Mapping[str, RecordType],
    schema: Schema,
    renamed: Mapping[str, str],
    *,
    without: Mapping[str, Collection[tuple[int, int]]],
) -> None:
    """Let what this connection reads name people by the numbers they have today.

    A table with a field that is a person's number is hidden behind a view of the same name, which
    is this connection's own; so is one of which some records are left out (`without`).
    """
    if not renamed and not without:
        return
    # The file stays read-only; what is made is the connection's own.
    db.execute("PRAGMA query_only = OFF")
    db.execute("CREATE TEMP TABLE called (old TEXT PRIMARY KEY, now TEXT) WITHOUT ROWID")
    db.executemany("INSERT INTO temp.called VALUES (?, ?)", renamed.items())
    for of, declared in types.items():
        named = {each.id for each in declared.field if each.type == "key" and each.to == PERSON}
        left_out = without.get(of, ())
        if of in schema.by_name and ((named and renamed) or left_out):
            _cover(db, of, named, left_out)
    db.execute("PRAGMA query_only = ON")


def _cover(
    db: Connection, of: str, named: Collection[str], left_out: Collection[tuple[int, int]]
) -> None:
    columns = [row[1] for row in db.execute(f'PRAGMA main.table_info("{of}")')]
    shown = ", ".join(_shown(each) if each in named else f'"{each}"' for each in columns)
    sql = f'SELECT {shown} FROM main."{of}"'
    if left_out:
        db.execute(f'CREATE TEMP TABLE "{of}_without" (s, r, PRIMARY KEY (s, r)) WITHOUT ROWID')
        db.executemany(f'INSERT INTO temp."{of}_without" VALUES (?, ?)', left_out)
        gone = f'SELECT 1 FROM temp."{of}_without" WHERE s = scope_no AND r = rec'
        sql += f" WHERE NOT EXISTS ({gone})"
    db.execute(f'CREATE TEMP VIEW "{of}" AS {sql}')


def _shown(column: str) -> str:
    now = f'(SELECT now FROM temp.called WHERE old = "{column}")'
    return f'coalesce({now}, "{column}") AS "{column}"'
