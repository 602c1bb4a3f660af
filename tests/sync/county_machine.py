"""A small county under Hypothesis: what people do, what carriers do, and scenes of both.

After each step the nodes that took part are checked, at the end all of them (`check_rest`). A scene
lets the nodes it needs come level first, so that what is meant to be concurrent is.
"""

import shutil
import tempfile
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
from tests.sync.county_machine_history import CENTRE, DELETED, Saying
from tests.sync.county_machine_people import People
from xueshi_sync.merge import CHECKS

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
VERDICT = st.sampled_from(["approve", "approve", "reject", "void", ""])
# What the centre had said before two judges speak at once, and what they say.
BEFORE = st.sampled_from([None, "approve", "approve", "reject"])
VERDICTS = st.sampled_from(
    [("approve", "void"), ("void", "approve"), ("reject", "void"), ("approve", "approve")]
)
# Who writes at once, first the one that hears of the other.
PAIR = st.sampled_from([("a1", "a2"), ("a2", "a1"), ("a1", "a2"), ("a2", CENTRE), (CENTRE, "a1")])
# How they hear of each other then: not yet, over the line, so that one settles it, or by a stick.
AFTER = st.sampled_from(["", "line", "settle", "stick"])
KEPT_MAX: Final = 6


class CountyMachine(RuleBasedStateMachine):
    """The county, the people in it, and what is on its way between them."""

    @initialize()
    def found(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.county = SmallCounty(self.folder)
        self.people = People(self.county)
        self.sticks: list[Stick] = []
        self.answers: list[Answered] = []
        self.is_sound = True

    # People

    @rule(pc=PC, minutes=MINUTES)
    def enter(self, pc: str, minutes: int) -> None:
        """A person and an hour in one action."""
        self.people.enter(pc, minutes)

    @rule(who=WHO, pick=PICK, change=CHANGE)
    def edit(self, who: str, pick: int, change: dict[str, object]) -> None:
        record = self.people.pick(who, "person", pick)
        if record is not None:
            self.people.change(who, record, change)

    @rule(who=WHO, pick=PICK, gone=st.booleans())
    def delete_or_bring_back(self, who: str, pick: int, gone: bool) -> None:
        record = self.people.pick(who, "person", pick)
        if record is not None:
            with self.people.pen(who, record.scope) as pen:
                if gone:
                    pen.delete(record)
                else:
                    pen.resolve(record, DELETED, False)

    @rule(who=NODE, pick=PICK, minutes=MINUTES)
    def correct(self, who: str, pick: int, minutes: int) -> None:
        entry = self.people.pick(who, "hour", pick)
        if entry is not None:
            self.people.correct(who, entry, minutes)

    @rule(who=WHO, pick=PICK, verdict=VERDICT)
    def judge(self, who: str, pick: int, verdict: str) -> None:
        """A school may say what it likes."""
        entry = self.people.pick(who, "hour", pick)
        if entry is not None:
            self.people.judge(who, entry, verdict)

    @rule(who=NODE, pick=PICK, value=st.sampled_from(CHECKS))
    def check(self, who: str, pick: int, value: str) -> None:
        entry = self.people.pick(who, "hour", pick)
        if entry is not None:
            self.people.check(who, entry, value)

    @rule(who=WHO, pick=PICK, keep=st.booleans())
    def resolve(self, who: str, pick: int, keep: bool) -> None:
        """Settle whatever stands against each other here."""
        self.people.resolve(who, pick, keep=keep)

    @rule(pc=PC, pick=PICK, verdict=VERDICT)
    def turn_a_right(self, pc: str, pick: int, verdict: str) -> None:
        """The township may no longer speak in a school, right after a verdict, or may again."""
        scope = SCHOOLS[PCS[pc]]
        grant = self.county.grants[TOWNSHIP, scope]
        (granted,) = self.county.centre.reading(scope).values(grant, "granted")
        if granted:
            self.people.enter(pc, 45)
            self.people.reach(pc, TOWNSHIP)
            entries = [each for each in self.people.known(TOWNSHIP, "hour") if each.scope == scope]
            self.people.judge(TOWNSHIP, entries[pick % len(entries)], verdict)
            self.people.reach(TOWNSHIP)
        with self.people.pen(CENTRE, scope) as pen:
            pen.set(grant, {"granted": not granted})

    # Carriers

    @rule(who=NODE, limit=LIMIT)
    def exchange(self, who: str, limit: int) -> None:
        self.people.look_at(who, CENTRE)
        self.county.exchange(who, limit)

    @rule(who=NODE, arrivals=st.integers(0, 2))
    def lose_an_answer(self, who: str, arrivals: int) -> None:
        """The request came never, once or twice; its node does not hear which."""
        self.people.look_at(who, CENTRE)
        request = self.county.ask(who)
        for _ in range(arrivals):
            self.county.answer(request)

    @rule(who=NODE, limit=LIMIT)
    def keep_an_answer(self, who: str, limit: int) -> None:
        """It comes later, after newer ones, or twice."""
        self.people.look_at(who, CENTRE)
        request = self.county.ask(who, limit)
        self.answers.append(Answered(who, request, self.county.answer(request)))
        del self.answers[:-KEPT_MAX]

    @precondition(lambda self: bool(getattr(self, "answers", None)))
    @rule(pick=PICK, again=st.booleans())
    def hear_late(self, pick: int, again: bool) -> None:
        answered = self.answers[pick % len(self.answers)]
        self.people.look_at(answered.label, CENTRE)
        self.county.hear(answered)
        if again:
            self.county.answer(answered.request)
        else:
            self.answers.remove(answered)

    @rule(who=WHO, reader=WHO)
    def pack(self, who: str, reader: str) -> None:
        """Also from one computer of a school to the other."""
        self.people.look_at(who)
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
        self.people.look_at(stick.reader)
        self.county.unpack(stick, part=parts.get(part))
        if again:
            self.county.unpack(stick)
        else:
            self.sticks.remove(stick)

    # Machines

    @rule(who=WHO)
    def begin_an_epoch(self, who: str) -> None:
        self.people.look_at(who).replica.begin_epoch("restore")

    @rule(who=WHO)
    def seal(self, who: str) -> None:
        self.people.look_at(who).seal()

    @rule(who=WHO, minutes=st.none() | MINUTES, lose_view=st.booleans())
    def restart(self, who: str, minutes: int | None, lose_view: bool) -> None:
        """Perhaps right after something was saved."""
        if minutes is not None and who in PCS:
            self.people.enter(who, minutes)
        self.people.look_at(who).restart(lose_view=lose_view)

    @rule(order=PICK)
    def rebuild_the_centre(self, order: int) -> None:
        """From its own feeds, which come in any order."""
        self.people.look_at(CENTRE)
        self.county.rebuild_centre(
            order, lambda half: check_member(half, self.county.scopes_of(half))
        )

    # Scenes

    @rule(pc=PC, judge=JUDGE, minutes=MINUTES, again=st.booleans())
    def approve_a_correction(self, pc: str, judge: str, minutes: int, again: bool) -> None:
        """Approve, correct, approve the correction; and perhaps correct that."""
        entry = self.people.enter(pc, 480)
        for _ in range(1 + again):
            self.people.reach(pc, judge)
            self.people.judge(judge, entry, "approve")
            self.people.reach(judge, pc)
            entry = self.people.correct(pc, entry, minutes)
        self.people.reach(pc, judge)
        self.people.judge(judge, entry, "approve")

    @rule(pair=st.permutations(["a1", "a2"]), pick=PICK, after=AFTER)
    def rename_at_once(self, pair: list[str], pick: int, after: str) -> None:
        """Two computers of one school rename a person, whose number the centre may change too."""
        first, second = pair
        record = self.people.shared_or_new((first, second), "person", pick)
        self.people.change(first, record, {"name": "王英", "staff_no": "0001"})
        self.people.change(second, record, {"name": "王瑛"})
        if after != "stick":
            self.people.change(CENTRE, record, {"staff_no": "0002"})
        self.people.bring_together((first, second), after)
        if after == "settle":
            self.people.resolve(first, pick, keep=True)
            self.people.reach(first, second)

    @rule(pair=st.permutations(["a1", "a2"]), pick=PICK)
    def rename_before_a_stick_comes(self, pair: list[str], pick: int) -> None:
        """What the first has said is in no block yet when the second's words come; three times."""
        first, second = pair
        record = self.people.shared_or_new((first, second), "person", pick)
        for name in ("王英", "王瑛", "李·明"):
            self.people.change(second, record, {"name": name})
            self.people.change(first, record, {"name": f"{name}老师"})
            self.people.bring_together((first, second), "stick")
            self.all_is_well()
            self.people.look_at(first).seal()
            self.all_is_well()

    @rule(pair=PAIR, pick=PICK, both=st.tuples(CHANGE, CHANGE), after=AFTER)
    def edit_at_once(
        self,
        pair: tuple[str, str],
        pick: int,
        both: tuple[dict[str, object], dict[str, object]],
        after: str,
    ) -> None:
        """Two nodes write the same record, in the same field or not."""
        record = self.people.shared_or_new(pair, "person", pick)
        for who, change in zip(pair, both, strict=True):
            self.people.change(who, record, change)
        self.people.bring_together(pair, after)

    @rule(pair=PAIR, pick=PICK, change=CHANGE, after=AFTER)
    def edit_against_delete(
        self, pair: tuple[str, str], pick: int, change: dict[str, object], after: str
    ) -> None:
        """One edits what the other deletes."""
        record = self.people.shared_or_new(pair, "person", pick)
        self.people.change(pair[0], record, change)
        with self.people.pen(pair[1], record.scope) as pen:
            pen.delete(record)
        self.people.bring_together(pair, after)

    @rule(pick=PICK, before=BEFORE, both=VERDICTS, meet=st.booleans())
    def judge_at_once(
        self, pick: int, before: str | None, both: tuple[str, str], meet: bool
    ) -> None:
        """Township and centre judge one entry, neither knowing of the other's verdict."""
        entry = self.people.shared((TOWNSHIP, CENTRE), "hour", pick)
        if entry is None:
            entry = self.people.enter("a1", 45)
            self.people.reach("a1", TOWNSHIP)
        if before is not None:
            self.people.judge(CENTRE, entry, before)
            self.people.reach(TOWNSHIP)
        for who, verdict in zip((TOWNSHIP, CENTRE), both, strict=True):
            self.people.judge(who, entry, verdict)
        if meet:
            self.people.reach(TOWNSHIP)

    @rule(pick=PICK, minutes=st.tuples(MINUTES, MINUTES), approve=st.booleans())
    def correct_at_once(self, pick: int, minutes: tuple[int, int], approve: bool) -> None:
        """Two corrections of one entry; the centre approves neither, or all three."""
        entry = self.people.shared_or_new(("a1", "a2"), "hour", pick)
        every = [entry]
        for who, value in zip(("a1", "a2"), minutes, strict=True):
            every.append(self.people.correct(who, entry, value))
        self.people.reach("a1", "a2", CENTRE)
        for each in every if approve else ():
            self.people.judge(CENTRE, each, "approve")

    @rule(minutes=MINUTES, change=CHANGE, first=st.booleans())
    def hear_one_computer_first(self, minutes: int, change: dict[str, object], first: bool) -> None:
        """What the second computer says of the first one's records arrives without these."""
        self.people.reach("a1", "a2", TOWNSHIP)
        entry = self.people.enter("a1", minutes)
        person = entry.says["person"]
        assert isinstance(person, Saying), "an hour names its person"
        self.people.reach("a1", "a2")
        self.people.change("a2", person, change)
        self.people.correct("a2", entry, minutes)
        self.people.reach("a2")
        stick = self.county.pack(CENTRE, TOWNSHIP)
        self.people.look_at(TOWNSHIP)
        self.county.unpack(self.county.only_from("a2", stick), part=slice(None))
        if first:
            self.people.judge(CENTRE, entry, "approve")

    # Claims

    @invariant()
    def all_is_well(self) -> None:
        """Looks at whoever took part in the last step."""
        if hasattr(self, "county"):
            self.is_sound = False
            for label in sorted(self.people.seen):
                check_step(self.county, label)
            self.people.seen.clear()
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
