"""Vectors of the merge: blocks in; shown values, conflicts, states, credit and digests out
(PROTOCOL 7 and 8). Every case is a small story of one scope."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.sync.core_support import close, digests_of, make_observer, offer_until_settled
from tests.sync.craft import HERE, SCHEMA, Author, Dot, Wish, id_of
from tests.vectors.pure_cases import COUNTY, SCOPE, Case, jsonable
from xueshi_sync.block import Block
from xueshi_sync.body import CHECK, DELETE, INSERT, JUDGE, K_BITS, K_MASK, RESOLVE, SET
from xueshi_sync.replica import Replica


class Story:
    """Authors of one scope and the blocks they made so far."""

    def __init__(self) -> None:
        genesis = COUNTY.genesis
        self.centre = Author(
            COUNTY, "vectors/centre", SCOPE, COUNTY.centre_seed, genesis.centre_node
        )
        self.copy = Author(
            COUNTY, "vectors/centre", SCOPE, COUNTY.centre_seed, genesis.centre_node, id_of("copy")
        )
        self.school = Author(COUNTY, "vectors/school", SCOPE)
        self.other = Author(COUNTY, "vectors/other", SCOPE)
        self.township = Author(COUNTY, "vectors/township", SCOPE)
        self.blocks: list[Block] = []
        for author in (self.centre, self.copy, self.school, self.other, self.township):
            self.blocks.append(author.open())
        for author, tier in ((self.school, "school"), (self.other, "school"),
                             (self.township, "township")):  # fmt: skip
            self.grant(author, tier)

    def by(self, author: Author, *wishes: Wish, parent: Block | None = None) -> Block:
        """The author's next block."""
        block = author.write(*wishes, parent=parent)
        self.blocks.append(block)
        return block

    def dot(self, author: Author, *wishes: Wish) -> Dot:
        """The first dot of the author's next block."""
        return (self.by(author, *wishes).short, 0)

    def grant(self, author: Author, tier: str, *, granted: bool = True) -> Dot:
        """The centre names a speaker."""
        values: dict[str, Any] = {"node": author.node, "key": author.key, "tier": tier,
                                  "granted": granted}  # fmt: skip
        return self.dot(self.centre, Wish(INSERT, "_node", values))


def person(name: str = "王英") -> Wish:
    return Wish(INSERT, "person", {"staff_no": "T1", "name": name})


def hour(minutes: int, corrects: Dot | None = None) -> Wish:
    values: dict[str, Any] = {"date": 19_782, "minutes": minutes}
    return Wish(INSERT, "hour", values if corrects is None else {**values, "corrects": corrects})


def edit(rec: Dot, *preds: Dot, kind: int = SET, **values: Any) -> Wish:
    return Wish(kind, "person", values, rec=rec, preds={name: list(preds) for name in values})


def delete(rec: Dot, *preds: Dot) -> Wish:
    return Wish(DELETE, "person", {"_deleted": True}, rec=rec, preds={"_deleted": list(preds)})


def verdict(rec: Dot, value: str, *preds: Dot, kind: int = JUDGE) -> Wish:
    values: dict[str, Any] = {"_judged": value}
    if kind == JUDGE:
        values["_reason"] = ""
    return Wish(kind, "hour", values, rec=rec, preds={"_judged": list(preds)})


def check(rec: Dot, value: str, *preds: Dot) -> Wish:
    values: dict[str, Any] = {"_checked": value, "_reason": ""}
    return Wish(CHECK, "hour", values, rec=rec, preds={"_checked": list(preds)})


def different_fields(story: Story) -> None:
    """Concurrent edits of different fields: both count."""
    rec = story.dot(story.school, person())
    story.by(story.school, edit(rec, name="王瑛"))
    story.by(story.centre, edit(rec, staff_no="510-1"))


def same_field(story: Story) -> None:
    """Concurrent edits of one field: the centre's is shown, the school's is listed."""
    rec = story.dot(story.school, person())
    story.by(story.school, edit(rec, name="王瑛"))
    story.by(story.centre, edit(rec, name="王莹"))


def same_field_same_rank(story: Story) -> None:
    """Two schools edit one field; the deeper chain is shown."""
    rec = story.dot(story.school, person())
    first = story.dot(story.school, edit(rec, name="a"))
    story.by(story.school, edit(rec, first, name="b"))
    story.by(story.other, edit(rec, name="c"))


def resolved(story: Story) -> None:
    """A conflict settled by a resolution that names both values."""
    rec = story.dot(story.school, person())
    ours = story.dot(story.school, edit(rec, name="王瑛"))
    theirs = story.dot(story.centre, edit(rec, name="王莹"))
    story.by(story.school, edit(rec, ours, theirs, kind=RESOLVE, name="王瑛"))


def edit_before_insert(story: Story) -> None:
    """An edit whose record comes last: order is not meaning. A pred that never comes is no harm."""
    rec = story.dot(story.school, person())
    story.by(story.other, edit(rec, (id_of("never"), 3), name="王瑛"))
    story.blocks.append(story.blocks.pop(-2))


def edit_in_the_same_block(story: Story) -> None:
    """Two ops of one block, the second an edit of the first."""
    story.by(story.school, person(), edit((HERE, 0), name="王瑛"))


def deleted(story: Story) -> None:
    """A deletion that saw the one edit."""
    rec = story.dot(story.school, person())
    ours = story.dot(story.school, edit(rec, name="王瑛"))
    story.by(story.school, delete(rec, ours))


def deleted_and_edited(story: Story) -> None:
    """An edit that the deletion did not see keeps the record, in conflict."""
    rec = story.dot(story.school, person())
    story.by(story.school, delete(rec))
    story.by(story.centre, edit(rec, name="王莹"))


def deletion_undone(story: Story) -> None:
    """The same, settled: the record stays."""
    rec = story.dot(story.school, person())
    gone = story.dot(story.school, delete(rec))
    story.by(story.centre, edit(rec, name="王莹"))
    story.by(story.school, edit(rec, gone, kind=RESOLVE, _deleted=False))


def approved(story: Story) -> None:
    """An approved hour credits its minutes."""
    rec = story.dot(story.school, hour(90))
    story.by(story.centre, verdict(rec, "approve"))


def approved_then_void(story: Story) -> None:
    """A later verdict replaces the one it names."""
    rec = story.dot(story.school, hour(90))
    first = story.dot(story.centre, verdict(rec, "approve"))
    story.by(story.centre, verdict(rec, "void", first))


def approval_taken_back(story: Story) -> None:
    """An empty verdict takes back the one it names: the entry waits again."""
    rec = story.dot(story.school, hour(90))
    first = story.dot(story.centre, verdict(rec, "approve"))
    story.by(story.centre, verdict(rec, "", first))


def school_judges(story: Story) -> None:
    """A school may not judge: its verdict is kept and not applied."""
    rec = story.dot(story.school, hour(90))
    story.by(story.school, verdict(rec, "approve"))


def disputed(story: Story) -> None:
    """Concurrent verdicts that differ, nothing before them: nothing is credited."""
    rec = story.dot(story.school, hour(90))
    story.by(story.centre, verdict(rec, "approve"))
    story.by(story.township, verdict(rec, "reject"))


def disputed_after_approval(story: Story) -> None:
    """Two differing verdicts over an approval: the approval goes on crediting."""
    rec = story.dot(story.school, hour(90))
    first = story.dot(story.centre, verdict(rec, "approve"))
    story.by(story.centre, verdict(rec, "void", first))
    story.by(story.township, verdict(rec, "reject", first))


def dispute_settled(story: Story) -> None:
    """A resolution names both verdicts."""
    rec = story.dot(story.school, hour(90))
    first = story.dot(story.centre, verdict(rec, "approve"))
    second = story.dot(story.township, verdict(rec, "reject"))
    story.by(story.centre, verdict(rec, "approve", first, second, kind=RESOLVE))


def returned(story: Story) -> None:
    """A school returns an entry of its own that nobody judged."""
    story.by(story.school, check(story.dot(story.school, hour(90)), "return"))


def passed_and_withdrawn(story: Story) -> None:
    """Two of a school speak at once: of what they say the one that goes further counts."""
    rec = story.dot(story.school, hour(90))
    story.by(story.school, check(rec, "pass"))
    story.by(story.other, check(rec, "withdraw"))


def withdrawal_taken_back(story: Story) -> None:
    """What was said is taken back by naming it."""
    rec = story.dot(story.school, hour(90))
    said = story.dot(story.school, check(rec, "withdraw"))
    story.by(story.school, check(rec, "", said))


def withdrawn_and_approved(story: Story) -> None:
    """A verdict wins over what the school says, whichever came first."""
    rec = story.dot(story.school, hour(90))
    story.by(story.centre, verdict(rec, "approve"))
    story.by(story.school, check(rec, "withdraw"))


def judge_withdraws(story: Story) -> None:
    """Who may judge and not write cannot withdraw: kept and not applied."""
    rec = story.dot(story.school, hour(90))
    story.by(story.centre, check(rec, "withdraw"))


def correction_pending(story: Story) -> None:
    """A correction credits nothing before it is approved."""
    rec = story.dot(story.school, hour(90))
    story.by(story.centre, verdict(rec, "approve"))
    story.by(story.school, hour(135, rec))


def correction_approved(story: Story) -> None:
    """An approved correction is credited instead of what it corrects."""
    rec = story.dot(story.school, hour(90))
    story.by(story.centre, verdict(rec, "approve"))
    better = story.dot(story.school, hour(135, rec))
    story.by(story.centre, verdict(better, "approve"))


def rival_corrections(story: Story) -> None:
    """Two approved corrections of one entry: the entry that both correct goes on crediting."""
    rec = story.dot(story.school, hour(90))
    story.by(story.centre, verdict(rec, "approve"))
    for author, minutes in ((story.school, 135), (story.other, 180)):
        story.by(story.centre, verdict(story.dot(author, hour(minutes, rec)), "approve"))


def corrections_in_a_circle(story: Story) -> None:
    """Forged: two entries of one block that correct each other; the first corrects nothing then."""
    block = story.by(story.school, hour(45, (HERE, 1)), hour(90, (HERE, 0)))
    first, second = (block.short, 0), (block.short, 1)
    rivals = [story.dot(story.school, hour(10, first)), story.dot(story.other, hour(20, second))]
    for rec in (first, second, *rivals):
        story.by(story.centre, verdict(rec, "approve"))


def revoked(story: Story) -> None:
    """What lies behind the cut does not count; one admitted block does."""
    story.by(story.school, person("before"))
    head = story.by(story.school, person("at the cut"))
    story.by(story.school, person("behind"))
    admitted = story.by(story.school, person("admitted"))
    values: dict[str, Any] = {"node": story.school.node, "heads": head.bid, "reason": "stolen"}
    story.by(story.centre, Wish(INSERT, "_cut", values))
    story.by(story.centre, Wish(INSERT, "_admit", {"blocks": admitted.bid}))


def two_cuts(story: Story) -> None:
    """Two cuts of one node, from two copies of the centre: both must cover a block."""
    first = story.by(story.school, person("covered by both"))
    second = story.by(story.school, person("covered by one"))
    for author, head in ((story.centre, second), (story.copy, first)):
        values: dict[str, Any] = {"node": story.school.node, "heads": head.bid}
        story.by(author, Wish(INSERT, "_cut", values))


def granted_and_denied(story: Story) -> None:
    """Two copies of the centre, one denies: the denial wins."""
    story.by(story.other, person("denied"))
    row = story.grant(story.other, "township")
    for author, granted in ((story.centre, True), (story.copy, False)):
        wish = Wish(SET, "_node", {"granted": granted}, rec=row, preds={"granted": []})
        story.by(author, wish)


def school_governs(story: Story) -> None:
    """Only the centre of the genesis writes the tables that govern."""
    node = Wish(INSERT, "_node", {"node": story.school.node, "tier": "centre", "granted": True})
    story.by(story.school, node, person())


def forked(story: Story) -> None:
    """A copied computer: two blocks behind one parent, both count."""
    start = story.by(story.school, person("before"))
    story.by(story.school, person("one copy"), parent=start)
    story.by(story.school, person("the other"), parent=start)


def unknown_things(story: Story) -> None:
    """Kinds, tables, fields and values of other types: kept, shown empty or not at all."""
    odd: dict[str, Any] = {"staff_no": 7, "name": "王英", "later_field": "x"}
    rec = story.dot(story.school, Wish(INSERT, "person", odd), Wish(INSERT, "later", {"x": 1}))
    story.by(story.school, Wish(6, "person", {"name": "x"}, rec=rec))


def undecodable(story: Story) -> None:
    """A signed body that is not canonical: stored, none of its ops applied."""
    story.by(story.school, person())
    story.blocks.append(story.school.sign(b"\xc1", op_count=1))
    story.school.tip = story.blocks[-1]
    story.by(story.school, person("after it"))


STORIES: Final[tuple[Callable[[Story], None], ...]] = (
    different_fields, same_field, same_field_same_rank, resolved, edit_before_insert,
    edit_in_the_same_block, deleted, deleted_and_edited, deletion_undone, approved,
    approved_then_void, approval_taken_back, school_judges, disputed, disputed_after_approval,
    dispute_settled,
    returned, passed_and_withdrawn, withdrawal_taken_back, withdrawn_and_approved, judge_withdraws,
    correction_pending, correction_approved, rival_corrections, corrections_in_a_circle, revoked,
    two_cuts, granted_and_denied, school_governs, forked, unknown_things, undecodable,
)  # fmt: skip


def merges() -> list[Case]:
    """All stories with what a node makes of them."""
    return [_case(tell) for tell in STORIES]


def _case(tell: Callable[[Story], None]) -> Case:
    story = Story()
    tell(story)
    return {
        "name": tell.__name__,
        "origin": tell.__doc__,
        "net": COUNTY.net.hex(),
        "scope": SCOPE.hex(),
        "blocks": [block.data.hex() for block in story.blocks],
        **outcome([block.data for block in story.blocks]),
    }


def outcome(blocks: list[bytes]) -> Case:
    """Rows and digests that a node gives these blocks."""
    with tempfile.TemporaryDirectory() as name:
        node = make_observer(Path(name), COUNTY, [SCOPE])
        try:
            offer_until_settled(node, blocks)
            return {"tables": _tables(node), "digests": digests_of(node, SCOPE)}
        finally:
            close(node)


def _tables(node: Replica) -> dict[str, list[dict[str, Any]]]:
    state = node.feeds.scope_of(SCOPE)
    assert state is not None
    return {
        table.name: sorted(
            (_row(node, state.scope_no, table.name, row) for row in _select(node, table.name,
                                                                             state.scope_no)),
            key=lambda each: str(each["record"]),
        )
        for table in SCHEMA.tables
    }  # fmt: skip


def _select(node: Replica, table: str, scope_no: int) -> list[dict[str, Any]]:
    declared = SCHEMA.by_name[table]
    own = ["state", "credited"] if declared.kind == "ledger" else ["deleted"]
    names = ["rec", *declared.field_names, *own, "conflicts"]
    sql = f'SELECT {", ".join(names)} FROM "{table}" WHERE scope_no = ?'
    rows = node.view.db.execute(sql, (scope_no,))  # type: ignore[attr-defined]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def _row(node: Replica, scope_no: int, table: str, row: dict[str, Any]) -> dict[str, Any]:
    types = SCHEMA.by_name[table].field_types
    shown = {
        name: _public(node, scope_no, value) if types.get(name) == "ref" else jsonable(value)
        for name, value in row.items()
        if name != "rec"
    }
    return {"record": _public(node, scope_no, row["rec"]), **shown}


def _public(node: Replica, scope_no: int, rec: int | None) -> str | None:
    if rec is None:
        return None
    name = node.feeds.name_of(scope_no, rec >> K_BITS)
    assert name is not None
    return f"{name.hex()}.{rec & K_MASK}"
