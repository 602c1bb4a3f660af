"""A small county under Hypothesis: what people do, what carriers do, and scenes of both.

After each step the nodes that took part are checked, at the end all of them (`check_rest`). A scene
lets the nodes it needs come level first, so that what is meant to be concurrent is.
"""

import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.sync.county_machine_checks import check_member, check_rest, check_step
from tests.sync.county_machine_county import (
    EVERYBODY,
    NODES,
    PCS,
    SCHOOLS,
    TOWNSHIP,
    WHOLE,
    Answered,
    SmallCounty,
    Stick,
)
from tests.sync.county_machine_history import CENTRE, DELETED, JUDGED, Saying
from tests.sync.county_machine_nodes import Member, Pen

PC = st.sampled_from(sorted(PCS))
NODE = st.sampled_from(NODES)
WHO = st.sampled_from(EVERYBODY)
JUDGE = st.sampled_from([TOWNSHIP, CENTRE])
PICK = st.integers(0, 9)
LIMIT = st.sampled_from([1, 600, WHOLE])
MINUTES = st.integers(1, 480)
CHANGE = st.sampled_from(
    [{"name": "王英"}, {"name": "王瑛"}, {"name": ""}, {"active": False},
     {"name": "李·明", "active": True}, {"staff_no": "0001"}, {"mentor": None}]
)  # fmt: skip
VERDICT = st.sampled_from(["approve", "approve", "reject", "void"])
# Who writes at once.
PAIR = st.sampled_from([("a1", "a2"), ("a2", "a1"), ("a1", "a2"), ("a2", CENTRE), (CENTRE, "a1")])
# How they hear of each other then: not yet, over the line, so that one settles it, or by a stick.
AFTER = st.sampled_from(["", "line", "settle", "stick", "stick"])
KEPT_MAX: Final = 6


class CountyMachine(RuleBasedStateMachine):
    """The county. `seen` are the nodes to look at after a step."""

    @initialize()
    def found(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.county = SmallCounty(self.folder)
        self.seen: set[str] = set()
        self.sticks: list[Stick] = []
        self.answers: list[Answered] = []
        self.entered = 0
        self.is_sound = True

    # People

    @rule(pc=PC, minutes=MINUTES)
    def enter(self, pc: str, minutes: int) -> None:
        """A person and an hour in one action."""
        self._enter(pc, minutes)

    @rule(who=WHO, pick=PICK, change=CHANGE)
    def edit(self, who: str, pick: int, change: dict[str, object]) -> None:
        record = self._pick(who, "person", pick)
        if record is not None:
            self._change(who, record, change)

    @rule(who=WHO, pick=PICK)
    def delete(self, who: str, pick: int) -> None:
        record = self._pick(who, "person", pick)
        if record is not None:
            with self._pen(who, record.scope) as pen:
                pen.delete(record)

    @rule(who=WHO, pick=PICK)
    def bring_back(self, who: str, pick: int) -> None:
        record = self._pick(who, "person", pick)
        if record is not None:
            with self._pen(who, record.scope) as pen:
                pen.resolve(record, DELETED, False)

    @rule(who=NODE, pick=PICK, minutes=MINUTES)
    def correct(self, who: str, pick: int, minutes: int) -> None:
        entry = self._pick(who, "hour", pick)
        if entry is not None:
            self._correct(who, entry, minutes)

    @rule(who=WHO, pick=PICK, verdict=VERDICT)
    def judge(self, who: str, pick: int, verdict: str) -> None:
        """A school may say what it likes."""
        entry = self._pick(who, "hour", pick)
        if entry is not None:
            self._judge(who, entry, verdict)

    @rule(who=WHO, pick=PICK, keep=st.booleans())
    def resolve(self, who: str, pick: int, keep: bool) -> None:
        """Settle whatever stands against each other here."""
        self._resolve(who, pick, keep=keep)

    @rule(pc=PC, pick=PICK, verdict=VERDICT)
    def turn_a_right(self, pc: str, pick: int, verdict: str) -> None:
        """The township may no longer speak in a school, right after a verdict, or may again."""
        scope = SCHOOLS[PCS[pc]]
        grant = self.county.grants[TOWNSHIP, scope]
        (granted,) = self.county.centre.reading(scope).values(grant, "granted")
        if granted:
            self._enter(pc, 45)
            self._reach(pc, TOWNSHIP)
            entries = [each for each in self._known(TOWNSHIP, "hour") if each.scope == scope]
            self._judge(TOWNSHIP, entries[pick % len(entries)], verdict)
            self._reach(TOWNSHIP)
        with self._pen(CENTRE, scope) as pen:
            pen.set(grant, {"granted": not granted})

    # Carriers

    @rule(who=NODE, limit=LIMIT)
    def exchange(self, who: str, limit: int) -> None:
        self._look_at(who, CENTRE)
        self.county.exchange(who, limit)

    @rule(who=NODE, again=st.booleans())
    def lose_an_answer(self, who: str, again: bool) -> None:
        """The centre stored it, once or twice; the node never hears."""
        self._look_at(who, CENTRE)
        request = self.county.ask(who)
        for _ in range(1 + again):
            self.county.answer(request)

    @rule(who=NODE)
    def lose_a_request(self, who: str) -> None:
        self._look_at(who)
        self.county.ask(who)

    @rule(who=NODE, limit=LIMIT)
    def keep_an_answer(self, who: str, limit: int) -> None:
        """It comes later, after newer ones, or twice."""
        self._look_at(who, CENTRE)
        request = self.county.ask(who, limit)
        self.answers.append(Answered(who, request, self.county.answer(request)))
        del self.answers[:-KEPT_MAX]

    @precondition(lambda self: bool(getattr(self, "answers", None)))
    @rule(pick=PICK, again=st.booleans())
    def hear_late(self, pick: int, again: bool) -> None:
        answered = self.answers[pick % len(self.answers)]
        self._look_at(answered.label, CENTRE)
        self.county.hear(answered)
        if again:
            self.county.answer(answered.request)
        else:
            self.answers.remove(answered)

    @rule(who=WHO, reader=WHO)
    def pack(self, who: str, reader: str) -> None:
        """Also from one computer of a school to the other."""
        self._look_at(who)
        if who != reader:
            self.sticks.append(self.county.pack(who, reader))
            del self.sticks[:-KEPT_MAX]

    @precondition(lambda self: bool(getattr(self, "sticks", None)))
    @rule(pick=PICK, part=st.sampled_from(["all", "start", "end"]), again=st.booleans())
    def unpack(self, pick: int, part: str, again: bool) -> None:
        """Whole, cut, or with its beginning gone; and perhaps once more."""
        stick = self.sticks[pick % len(self.sticks)]
        half = len(stick.bundle.blocks) // 2
        parts = {"start": slice(half), "end": slice(half, None)}
        self._look_at(stick.reader)
        self.county.unpack(stick, part=parts.get(part))
        if again:
            self.county.unpack(stick)
        else:
            self.sticks.remove(stick)

    # Machines

    @rule(who=WHO)
    def begin_an_epoch(self, who: str) -> None:
        self._look_at(who).replica.begin_epoch("restore")

    @rule(who=WHO)
    def seal(self, who: str) -> None:
        self._look_at(who).seal()

    @rule(who=WHO, minutes=st.none() | MINUTES, lose_view=st.booleans())
    def restart(self, who: str, minutes: int | None, lose_view: bool) -> None:
        """Perhaps right after something was saved."""
        if minutes is not None and who in PCS:
            self._enter(who, minutes)
        self._look_at(who).restart(lose_view=lose_view)

    @rule(order=PICK)
    def rebuild_the_centre(self, order: int) -> None:
        """From its own feeds, which come in any order."""
        self._look_at(CENTRE)
        self.county.rebuild_centre(
            order, lambda half: check_member(half, self.county.scopes_of(half))
        )

    # Scenes

    @rule(pc=PC, judge=JUDGE, minutes=MINUTES, again=st.booleans())
    def approve_a_correction(self, pc: str, judge: str, minutes: int, again: bool) -> None:
        """Approve, correct, approve the correction; and perhaps correct that."""
        entry = self._enter(pc, 480)
        for _ in range(1 + again):
            self._reach(pc, judge)
            self._judge(judge, entry, "approve")
            self._reach(judge, pc)
            entry = self._correct(pc, entry, minutes)
        self._reach(pc, judge)
        self._judge(judge, entry, "approve")

    @rule(pair=PAIR, pick=PICK, after=AFTER)
    def rename_at_once(self, pair: tuple[str, str], pick: int, after: str) -> None:
        """Two nodes write one field of one record, neither knowing of the other."""
        record = self._shared_or_new(pair, "person", pick)
        for who, name in zip(pair, ("王英", "王瑛"), strict=True):
            self._change(who, record, {"name": name})
        self._bring_together(pair, after)
        if after == "settle":
            self._resolve(pair[0], pick, keep=True)
            self._reach(*pair)

    @rule(pair=PAIR, pick=PICK, change=CHANGE, after=AFTER)
    def edit_against_delete(
        self, pair: tuple[str, str], pick: int, change: dict[str, object], after: str
    ) -> None:
        """One edits what the other deletes."""
        record = self._shared_or_new(pair, "person", pick)
        self._change(pair[0], record, change)
        with self._pen(pair[1], record.scope) as pen:
            pen.delete(record)
        self._bring_together(pair, after)

    @rule(pick=PICK, first=VERDICT, second=VERDICT, meet=st.booleans())
    def judge_at_once(self, pick: int, first: str, second: str, meet: bool) -> None:
        """Township and centre judge one entry, neither knowing of the other."""
        entry = self._shared((TOWNSHIP, CENTRE), "hour", pick)
        if entry is not None:
            self._judge(TOWNSHIP, entry, first)
            self._judge(CENTRE, entry, second)
        if meet:
            self._reach(TOWNSHIP, CENTRE, TOWNSHIP)

    @rule(pick=PICK, minutes=st.tuples(MINUTES, MINUTES), approve=st.booleans())
    def correct_at_once(self, pick: int, minutes: tuple[int, int], approve: bool) -> None:
        """Two corrections of one entry; the centre approves neither, or all three."""
        entry = self._shared_or_new(("a1", "a2"), "hour", pick)
        every = [entry]
        for who, value in zip(("a1", "a2"), minutes, strict=True):
            every.append(self._correct(who, entry, value))
        self._reach("a1", "a2", CENTRE)
        for each in every if approve else ():
            self._judge(CENTRE, each, "approve")

    @rule(minutes=MINUTES, change=CHANGE, first=st.booleans())
    def hear_one_computer_first(self, minutes: int, change: dict[str, object], first: bool) -> None:
        """What the second computer says of the first one's records arrives without these."""
        self._reach("a1", "a2", TOWNSHIP)
        entry = self._enter("a1", minutes)
        person = entry.says["person"]
        assert isinstance(person, Saying), "an hour names its person"
        self._reach("a1", "a2")
        self._change("a2", person, change)
        self._correct("a2", entry, minutes)
        self._reach("a2")
        stick = self.county.pack(CENTRE, TOWNSHIP)
        self._look_at(TOWNSHIP)
        self.county.unpack(self.county.only_from("a2", stick), part=slice(None))
        if first:
            self._judge(CENTRE, entry, "approve")

    # What the above share

    @invariant()
    def all_is_well(self) -> None:
        """Looks at whoever took part in the last step."""
        if hasattr(self, "county"):
            self.is_sound = False
            for label in sorted(self.seen):
                check_step(self.county, label)
            self.seen.clear()
            self.is_sound = True

    def teardown(self) -> None:
        if not hasattr(self, "county"):
            return
        try:
            if self.is_sound:
                self.county.come_to_rest()
                check_rest(self.county)
        finally:
            self.county.close()
            shutil.rmtree(self.folder)

    def _look_at(self, *labels: str) -> Member:
        self.seen.update(labels)
        return self.county.members[labels[0]]

    def _pen(self, who: str, scope: bytes) -> AbstractContextManager[Pen]:
        return self._look_at(who).speak(scope)

    def _known(self, who: str, table: str) -> list[Saying]:
        """All records of a table that a node shows, in the order of its numbers."""
        member = self.county.members[who]
        return [
            each
            for scope in self.county.scopes_at(who)
            for each in sorted(member.reading(scope).rows, key=member.number_of)
            if each.table == table
        ]

    def _pick(self, who: str, table: str, pick: int) -> Saying | None:
        known = self._known(who, table)
        return known[pick % len(known)] if known else None

    def _shared(self, labels: tuple[str, str], table: str, pick: int) -> Saying | None:
        """A record that two nodes know, once both are level with the centre."""
        self._look_at(*labels, CENTRE)
        self.county.meet(labels)
        theirs = set(self._known(labels[1], table))
        known = [each for each in self._known(labels[0], table) if each in theirs]
        return known[pick % len(known)] if known else None

    def _shared_or_new(self, pair: tuple[str, str], table: str, pick: int) -> Saying:
        """One that both know; entered now where there is none."""
        record = self._shared(pair, table, pick)
        if record is None:
            self._enter("a1", 90)
            self._reach("a1")
            record = self._shared(pair, table, pick)
        assert record is not None, "level with the centre, and still without a record"
        return record

    def _bring_together(self, pair: tuple[str, str], how: str) -> None:
        """Let two nodes hear of each other, or not yet."""
        if how == "stick":
            # What the one has said is in no block yet when the other's words come.
            self._look_at(*pair)
            self.county.unpack(self.county.pack(pair[1], pair[0]))
        elif how:
            self._reach(*pair, pair[0])

    def _reach(self, *labels: str) -> None:
        """Exchanges one behind the other."""
        self._look_at(*labels, CENTRE)
        for label in labels:
            if label == CENTRE:
                self.county.centre.seal()
            else:
                self.county.exchange(label)

    def _enter(self, who: str, minutes: int) -> Saying:
        scope = SCHOOLS[PCS[who]]
        self.entered += 1
        people = self._known(who, "person")
        with self._pen(who, scope) as pen:
            says = {"name": "陈海", "staff_no": who, "active": True}
            mentor = {"mentor": people[-1]} if people else {}
            person = pen.insert("person", {**says, **mentor})
            return pen.insert(
                "hour",
                {"person": person, "date": "2026-03-01", "minutes": minutes,
                 "title": f"课 {self.entered}"},
            )  # fmt: skip

    def _correct(self, who: str, entry: Saying, minutes: int) -> Saying:
        with self._pen(who, entry.scope) as pen:
            return pen.insert("hour", {"date": "2026-03-02", "minutes": minutes, "corrects": entry})

    def _change(self, who: str, record: Saying, change: dict[str, object]) -> None:
        if "mentor" in change:
            others = [each for each in self._known(who, "person") if each.scope == record.scope]
            change = {"mentor": others[-1] if others else None}
        with self._pen(who, record.scope) as pen:
            pen.set(record, change)

    def _resolve(self, who: str, pick: int, *, keep: bool) -> None:
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
        with self._pen(who, record.scope) as pen:
            pen.resolve(record, name, values[0] if keep else values[-1])

    def _judge(self, who: str, entry: Saying, verdict: str) -> None:
        """Nothing where the entry is not known, as to a township that is denied."""
        if entry in self._known(who, "hour"):
            with self._pen(who, entry.scope) as pen:
                pen.judge(entry, verdict)
