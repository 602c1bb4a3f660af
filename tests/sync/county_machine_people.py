"""What people of a small county do on its nodes, and whom a step has touched."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from tests.sync.county_machine_county import PCS, SCHOOLS, SmallCounty
from tests.sync.county_machine_history import CENTRE, DELETED, JUDGED, Saying
from tests.sync.county_machine_nodes import Member, Pen


@dataclass
class People:
    """Acts by the label of a node. `seen` are the nodes to look at after the step."""

    county: SmallCounty
    seen: set[str] = field(default_factory=set)
    entered: int = 0

    def look_at(self, *labels: str) -> Member:
        self.seen.update(labels)
        return self.county.members[labels[0]]

    def pen(self, who: str, scope: bytes) -> AbstractContextManager[Pen]:
        return self.look_at(who).speak(scope)

    def known(self, who: str, table: str) -> list[Saying]:
        """All records of a table that a node shows, in the order of its numbers."""
        member = self.county.members[who]
        return [
            each
            for scope in self.county.scopes_at(who)
            for each in sorted(member.reading(scope).rows, key=member.number_of)
            if each.table == table
        ]

    def pick(self, who: str, table: str, pick: int) -> Saying | None:
        known = self.known(who, table)
        return known[pick % len(known)] if known else None

    def shared(self, labels: tuple[str, str], table: str, pick: int) -> Saying | None:
        """A record that two nodes know, once both are level with the centre."""
        self.look_at(*labels, CENTRE)
        self.county.meet(labels)
        theirs = set(self.known(labels[1], table))
        known = [each for each in self.known(labels[0], table) if each in theirs]
        return known[pick % len(known)] if known else None

    def shared_or_new(self, pair: tuple[str, str], table: str, pick: int) -> Saying:
        """One that both know; entered now where there is none."""
        record = self.shared(pair, table, pick)
        if record is None:
            self.enter("a1", 90)
            self.reach("a1")
            record = self.shared(pair, table, pick)
        assert record is not None, "level with the centre, and still without a record"
        return record

    def bring_together(self, pair: tuple[str, str], how: str) -> None:
        """Let two nodes hear of each other, or not yet."""
        if how == "stick":
            # What the one has said is in no block yet when the other's words come.
            self.look_at(*pair)
            self.county.unpack(self.county.pack(pair[1], pair[0]))
        elif how:
            self.reach(*pair, pair[0])

    def reach(self, *labels: str) -> None:
        """Exchanges one behind the other."""
        self.look_at(*labels, CENTRE)
        for label in labels:
            if label == CENTRE:
                self.county.centre.seal()
            else:
                self.county.exchange(label)

    def enter(self, who: str, minutes: int) -> Saying:
        scope = SCHOOLS[PCS[who]]
        self.entered += 1
        people = self.known(who, "person")
        with self.pen(who, scope) as pen:
            says = {"name": "陈海", "staff_no": who, "active": True}
            mentor = {"mentor": people[-1]} if people else {}
            person = pen.insert("person", {**says, **mentor})
            return pen.insert(
                "hour",
                {"person": person, "date": "2026-03-01", "minutes": minutes,
                 "title": f"课 {self.entered}"},
            )  # fmt: skip

    def correct(self, who: str, entry: Saying, minutes: int) -> Saying:
        with self.pen(who, entry.scope) as pen:
            return pen.insert("hour", {"date": "2026-03-02", "minutes": minutes, "corrects": entry})

    def change(self, who: str, record: Saying, change: dict[str, object]) -> None:
        if "mentor" in change:
            others = [each for each in self.known(who, "person") if each.scope == record.scope]
            change = {"mentor": others[-1] if others else None}
        with self.pen(who, record.scope) as pen:
            pen.set(record, change)

    def resolve(self, who: str, pick: int, *, keep: bool) -> None:
        """Decide one conflict for what is shown, or for what is not."""
        member = self.county.members[who]
        found = [
            (record, name, reading)
            for reading in map(member.reading, self.county.scopes_at(who))
            for record, row in sorted(
                reading.rows.items(), key=lambda each: member.number_of(each[0])
            )
            for name in row.conflicts
        ]
        if not found:
            return
        record, name, reading = found[pick % len(found)]
        choices: dict[str, list[object]] = {DELETED: [False, True], JUDGED: ["approve", "void"]}
        values = choices.get(name) or reading.values(record, name)
        with self.pen(who, record.scope) as pen:
            pen.resolve(record, name, values[0] if keep else values[-1])

    def judge(self, who: str, entry: Saying, verdict: str) -> None:
        """Nothing where the entry is not known, as to a township that is denied."""
        if entry in self.known(who, "hour"):
            with self.pen(who, entry.scope) as pen:
                pen.judge(entry, verdict)

    def check(self, who: str, entry: Saying, value: str) -> None:
        """Pass, return, withdraw, or take that back."""
        with self.pen(who, entry.scope) as pen:
            pen.check(entry, value)
