"""What people do in the simulated county: record, edit, give verdicts, settle conflicts."""

import random
from typing import Final

from tests.simulation.memory_view import MemoryView
from xueshi_sync.body import DELETED_FIELD
from xueshi_sync.merge import CHECKS
from xueshi_sync.replica import Replica
from xueshi_sync.schema import Field, Schema, Table
from xueshi_sync.writer import Action, RecordKey

SCHEMA: Final = Schema(
    1,
    (
        Table(
            "person",
            "register",
            (Field("staff_no"), Field("name"), Field("active", "bool")),
            ("school", "township", "centre"),
        ),
        Table(
            "hour",
            "ledger",
            (
                Field("person", "ref"),
                Field("date", "date"),
                Field("title"),
                Field("minutes", "int"),
                Field("corrects", "ref"),
            ),
            ("school", "township"),
            ("centre", "township"),
            "minutes",
            "corrects",
            (("person", "date"),),
        ),
    ),
)
VERDICTS: Final = ("approve", "approve", "approve", "reject", "void", "")


class Clerk:
    """Makes random but meaningful actions on one replica; every text written is unique."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.serial = 0
        self.entries: list[str] = []

    def token(self) -> str:
        """A text that no other write carries."""
        self.serial += 1
        return f"v{self.serial}"

    def save(self, replica: Replica, scope_no: int, tier: str) -> str:
        """Do one to three things in one action; returns the action's entry id."""
        entry_id = f"e{self.serial}"
        with replica.write(f"a{self.rng.randrange(3)}") as action:
            for place in range(self.rng.choice((1, 1, 2, 3))):
                self._one(replica, action, scope_no, tier, f"{entry_id}.{place}")
        return entry_id

    def _one(
        self, replica: Replica, action: Action, scope_no: int, tier: str, entry_id: str
    ) -> None:
        choice = self.rng.random()
        if (
            tier in ("centre", "township")
            and choice < 0.6
            and self._judge(replica, action, scope_no)
        ):
            return
        person = self._pick(replica, scope_no, "person")
        if person is None or choice < 0.25:
            self._insert_person(action, scope_no, entry_id)
        elif choice < 0.55 and tier != "centre":
            self._insert_hour(replica, action, scope_no, person)
        elif choice < 0.6 and tier != "centre" and self._check(replica, action, scope_no):
            return
        elif choice < 0.67:
            action.delete("person", person)
        elif choice < 0.76:
            self._resolve(replica, action, person)
        else:
            name = self.rng.choice(("name", "name", "staff_no"))
            action.set("person", person, {name: self.token()})

    def _insert_person(self, action: Action, scope_no: int, entry_id: str) -> None:
        fields = {"staff_no": self.token(), "name": self.token(), "active": True}
        action.insert("person", fields, scope_no=scope_no, entry_id=entry_id)
        self.entries.append(entry_id)

    def _insert_hour(
        self, replica: Replica, action: Action, scope_no: int, person: RecordKey
    ) -> None:
        fields: dict[str, object] = {
            "person": person,
            "date": f"2026-03-{self.rng.randrange(1, 29):02}",
            "title": self.token(),
            "minutes": self.rng.randrange(0, 200),
        }
        older = self._pick(replica, scope_no, "hour")
        if older is not None and self.rng.random() < 0.4:
            fields["corrects"] = older
        action.insert("hour", fields, scope_no=scope_no)

    def _judge(self, replica: Replica, action: Action, scope_no: int) -> bool:
        hour = self._pick(replica, scope_no, "hour")
        if hour is None:
            return False
        action.judge("hour", hour, self.rng.choice(VERDICTS), self.token())
        return True

    def _check(self, replica: Replica, action: Action, scope_no: int) -> bool:
        hour = self._pick(replica, scope_no, "hour")
        if hour is None:
            return False
        action.check("hour", hour, self.rng.choice(CHECKS), self.token())
        return True

    def _resolve(self, replica: Replica, action: Action, person: RecordKey) -> None:
        if self.rng.random() < 0.3:
            action.resolve("person", person, DELETED_FIELD, self.rng.random() < 0.5)
        else:
            action.resolve("person", person, "name", self.token())

    def _pick(self, replica: Replica, scope_no: int, table: str) -> RecordKey | None:
        """One of the few newest records, so that edits meet, or none."""
        recs = records(replica, scope_no, table)
        if not recs:
            return None
        return RecordKey(scope_no, self.rng.choice(recs[-6:]))


def records(replica: Replica, scope_no: int, table: str) -> list[int]:
    """Local numbers of a table's records, ascending."""
    if isinstance(replica.view, MemoryView):  # the contract's way, without building rows
        return sorted(replica.view.tables.get((table, scope_no), ()))
    rows = replica.view.digest_rows(SCHEMA.by_name[table], scope_no, 0, 1 << 62)
    return [rec for rec in (row[0] for row in rows) if isinstance(rec, int)]
