"""Any sequence of work, exchanges, lost answers, sticks and new epochs ends in one state.

Two PCs of one school, one of another, and their centre, over the real core on SQLite. Hypothesis
chooses what happens and shrinks what fails. At the end everybody exchanges until level; then every
entitled node has the same digests, the same tables as a view built from nothing, and every entry
that was acknowledged anywhere; offering every block again changes nothing.
"""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.sync.core_support import close, digests_of, make_centre, make_replica
from tests.sync.craft import County, id_of, seed_of
from xueshi_sync.exchange import (
    Request,
    answer_request,
    make_bundle,
    make_request,
    take_bundle,
    take_response,
)
from xueshi_sync.identity import Identity
from xueshi_sync.replica import Replica
from xueshi_sync.writer import RecordKey

# PC -> school: the first two are PCs of one school and edit the same records.
PCS = {"a1": "a", "a2": "a", "b1": "b"}
ROUNDS_MAX = 12
PC = st.sampled_from(sorted(PCS))
PICK = st.integers(0, 9)
NAME = st.sampled_from(["王英", "王瑛", "李·明", ""])
VERDICT = st.sampled_from(["approve", "reject", "void"])


class CountyMachine(RuleBasedStateMachine):
    """The county; `acknowledged` counts what each school was told is saved."""

    @initialize()
    def found(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        county = County()
        self.centre = make_centre(self.folder / "centre", county)
        self.nodes: dict[str, Replica] = {}
        self.acknowledged = {"a": 0, "b": 0}
        for label, school in PCS.items():
            identity = Identity(
                id_of(f"{label}/node"), "school", id_of(f"{school}/scope"), county.genesis
            )
            node = make_replica(self.folder / label, label, identity, seed_of(label))
            self.nodes[label] = node
            self._grant(node, school)

    def _grant(self, node: Replica, school: str) -> None:
        scope_no = self.centre.hold_scope(node.identity.scope)
        with self.centre.write("centre") as action:
            action.insert(
                "_node",
                {"node": node.identity.node, "key": node.key, "tier": "school", "code": school,
                 "name": school, "granted": True},
                scope_no=scope_no,
            )  # fmt: skip
        self.centre.seal()

    def _records(self, node: Replica, table: str, scope: bytes) -> list[RecordKey]:
        state = node.feeds.scope_of(scope)
        assert state is not None
        rows = node.view.db.execute(  # type: ignore[attr-defined]
            f'SELECT rec FROM "{table}" WHERE scope_no = ? ORDER BY rec', (state.scope_no,)
        )
        return [RecordKey(state.scope_no, row[0]) for row in rows.fetchall()]

    def _pick(self, node: Replica, table: str, pick: int, scope: bytes) -> RecordKey | None:
        records = self._records(node, table, scope)
        return records[pick % len(records)] if records else None

    @rule(pc=PC, minutes=st.integers(15, 480))
    def enter(self, pc: str, minutes: int) -> None:
        """A person and an hour in one action."""
        with self.nodes[pc].write(pc) as action:
            person = action.insert("person", {"name": "陈海", "staff_no": pc, "active": True})
            action.insert(
                "hour", {"person": person, "date": "2026-03-01", "minutes": minutes, "title": "课"}
            )
        self.acknowledged[PCS[pc]] += 1

    @rule(pc=PC, pick=PICK, name=NAME)
    def rename(self, pc: str, pick: int, name: str) -> None:
        node = self.nodes[pc]
        key = self._pick(node, "person", pick, node.identity.scope)
        if key is not None:
            with node.write(pc) as action:
                action.set("person", key, {"name": name})

    @rule(pc=PC, pick=PICK, gone=st.booleans())
    def delete_or_bring_back(self, pc: str, pick: int, gone: bool) -> None:
        node = self.nodes[pc]
        key = self._pick(node, "person", pick, node.identity.scope)
        if key is not None:
            with node.write(pc) as action:
                action.resolve("person", key, "_deleted", gone)

    @rule(pc=PC, pick=PICK, minutes=st.integers(15, 480))
    def correct(self, pc: str, pick: int, minutes: int) -> None:
        node = self.nodes[pc]
        key = self._pick(node, "hour", pick, node.identity.scope)
        if key is not None:
            with node.write(pc) as action:
                action.insert("hour", {"date": "2026-03-02", "minutes": minutes, "corrects": key})
            self.acknowledged[PCS[pc]] += 1

    @rule(pc=PC, pick=PICK, verdict=VERDICT)
    def judge(self, pc: str, pick: int, verdict: str) -> None:
        key = self._pick(self.centre, "hour", pick, self.nodes[pc].identity.scope)
        if key is not None:
            with self.centre.write("officer") as action:
                action.judge("hour", key, verdict, "看过")

    @rule(pc=PC, pick=PICK, name=NAME)
    def correct_at_the_centre(self, pc: str, pick: int, name: str) -> None:
        key = self._pick(self.centre, "person", pick, self.nodes[pc].identity.scope)
        if key is not None:
            with self.centre.write("officer") as action:
                action.resolve("person", key, "name", name)

    @rule(pc=PC, limit=st.sampled_from([1, 600, 1 << 20]))
    def exchange(self, pc: str, limit: int) -> None:
        self._exchange(pc, limit)

    def _exchange(self, pc: str, limit: int) -> bool:
        """One exchange; True when there is more."""
        node = self.nodes[pc]
        node.seal()
        self.centre.seal()
        request = make_request(node, limit)
        response = answer_request(self.centre, request, carrier="http")
        return take_response(node, request, response).more

    @rule(pc=PC, again=st.booleans())
    def lose_an_answer(self, pc: str, again: bool) -> None:
        """The centre stored it, once or twice; the school never hears."""
        node = self.nodes[pc]
        node.seal()
        request = make_request(node)
        for _ in range(1 + again):
            answer_request(self.centre, request, carrier="http")

    @rule(pc=PC, up=st.booleans(), cut=st.booleans())
    def carry_a_stick(self, pc: str, up: bool, cut: bool) -> None:
        source, target = (self.nodes[pc], self.centre) if up else (self.centre, self.nodes[pc])
        source.seal()
        bundle = make_bundle(source, target.identity.node, target.key)
        if cut:
            bundle = Request(bundle.header, bundle.blocks[: len(bundle.blocks) // 2], 0)
        take_bundle(target, bundle, complete=not cut)

    @rule(pc=PC)
    def begin_an_epoch(self, pc: str) -> None:
        self.nodes[pc].begin_epoch("restore")

    @rule(pc=PC)
    def build_the_view_anew(self, pc: str) -> None:
        self.nodes[pc].viewer.project_all()

    def teardown(self) -> None:
        if hasattr(self, "centre"):
            try:
                self._come_to_rest()
                for label, school in PCS.items():
                    self._check(self.nodes[label], self.acknowledged[school])
            finally:
                for replica in (*self.nodes.values(), self.centre):
                    close(replica)
                shutil.rmtree(self.folder)

    def _come_to_rest(self) -> None:
        """Exchange until nobody has more in two turns: what one pushed, the other then pulled."""
        quiet = 0
        for _ in range(ROUNDS_MAX):
            more = [self._exchange(label, 1 << 20) for label in PCS]
            quiet = 0 if any(more) else quiet + 1
            if quiet == 2:
                return
        raise AssertionError("no end of exchanging")

    def _check(self, node: Replica, acknowledged: int) -> None:
        scope = node.identity.scope
        before = digests_of(node, scope)
        assert before == digests_of(self.centre, scope)
        assert len(self._records(node, "hour", scope)) == acknowledged
        for replica in (node, self.centre):
            state = replica.feeds.scope_of(scope)
            assert state is not None
            every = [
                replica.feeds.block_data(each.scope_no, each.no)
                for each in replica.feeds.all_blocks(state.scope_no)
            ]
            assert replica.accept(every, b"peer").new_blocks == 0
            replica.viewer.project_all()
            assert digests_of(replica, scope) == before
        self._check_credit(node)

    def _check_credit(self, node: Replica) -> None:
        rows = node.view.db.execute(  # type: ignore[attr-defined]
            "SELECT state, credited, minutes FROM hour"
        ).fetchall()
        for state, credited, minutes in rows:
            assert credited in (0, minutes)
            assert not credited or state in ("approved", "disputed")


TestCounty = CountyMachine.TestCase
TestCounty.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class LongCountyMachine(CountyMachine):
    """The same for `make soak`."""


TestLongCounty = pytest.mark.soak(LongCountyMachine.TestCase)
TestLongCounty.settings = settings(TestCounty.settings, max_examples=500, stateful_step_count=60)
