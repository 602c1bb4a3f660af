"""What must hold in a small county after every step, and once everybody is level."""

from collections.abc import Iterable
from typing import Any

from tests.simulation.dump import differences, dump_view
from tests.sync.core_support import digests_of, offer_until_settled
from tests.sync.county_machine_county import NODES, SCHOOLS, SmallCounty
from tests.sync.county_machine_history import CENTRE, JUDGED, Reading, Row, Saying
from tests.sync.county_machine_nodes import Member
from tests.sync.craft import SCHEMA
from xueshi_sync.intake import Code
from xueshi_sync.receipts import stored_receipt

TABLES = ("_node", "person", "hour")
Line = tuple[Any, ...]


def check_step(county: SmallCounty, label: str) -> None:
    """What holds at any time on one node of the county."""
    member = county.members[label]
    check_member(member, county.scopes_at(label))
    check_receipts(county, member)


def check_member(member: Member, scopes: Iterable[bytes]) -> None:
    """What holds at any time on a node that holds these schools."""
    check_kept(member)
    for scope in scopes:
        reading = member.reading(scope)
        check_credit(member, scope, reading)
        check_shown(member, scope, reading)


def check_kept(member: Member) -> None:
    """Nothing that was saved here, or arrived, is gone."""
    held = {row.bid for number in member.scopes.values() for row in member.feeds.all_blocks(number)}
    assert member.held <= held, f"{member.label} no longer holds a block"
    member.held |= held
    rows = [
        (number, op.no, op.k)
        for number in member.scopes.values()
        for op in member.feeds.open_ops(number)
    ]
    assert len(rows) == len(set(rows)) == len(member.open), f"{member.label} lost what it saved"


def check_receipts(county: SmallCounty, member: Member) -> None:
    """What the centre signed for is at the centre."""
    for number in member.scopes.values():
        for feed in member.feeds.feeds(number):
            receipt = stored_receipt(member.replica, feed.feed)
            if receipt is not None:
                assert county.centre.replica.holds([receipt.block]), "a receipt for nothing"


def check_credit(member: Member, scope: bytes, reading: Reading) -> None:
    """One credited entry a chain at most, and none that no entitled judge approved."""
    entries = {member.number_of(each): each for each in reading.records if each.table == "hour"}
    rows = member.view.db.execute(
        "SELECT rec, corrects, state, credited, minutes FROM hour WHERE scope_no = ?",
        (member.scopes[scope],),
    ).fetchall()
    above = {rec: corrects for rec, corrects, *_ in rows}
    credited_of: dict[int, int] = {}
    for rec, _, state, credited, minutes in rows:
        if credited:
            root = rec
            while above.get(root) is not None:
                root = above[root]
            assert root not in credited_of, f"{member.label} credits two entries of one chain"
            credited_of[root] = rec
            assert credited == minutes, f"{member.label} credits {credited} of {minutes} minutes"
            _check_approved(member, reading, entries[rec], state)


def _check_approved(member: Member, reading: Reading, entry: Saying, state: str) -> None:
    verdicts = [
        each for each in member.heard(entry.scope) if each.record is entry and JUDGED in each.says
    ]
    judges = SCHEMA.by_name["hour"].judges
    assert any(
        each.says[JUDGED] == "approve" and reading.right(each.by) in judges for each in verdicts
    ), f"{member.label} credits {entry}, which nobody entitled approved"
    current = [each.says[JUDGED] for each in reading.current(entry, JUDGED)]
    assert set(current) == {"approve"} or state == "disputed", (
        f"{member.label} credits {entry}, judged {current}"
    )


def check_shown(member: Member, scope: bytes, reading: Reading) -> None:
    """Tables, conflicts and verdicts are those of the model."""
    meant: dict[tuple[str, int], Row] = {
        (each.table, member.number_of(each)): row for each, row in reading.rows.items()
    }
    shown = _lines_shown(member, scope)
    lines = {key: _line(member, key[0], row) for key, row in meant.items()}
    wrong = {
        key: (lines.get(key), shown.get(key))
        for key in lines.keys() | shown.keys()
        if lines.get(key) != shown.get(key)
    }
    assert wrong == {}, f"{member.label} means / shows {wrong}"
    conflicts = {key: row.conflicts for key, row in meant.items() if row.conflicts}
    # Edits may stand against each other before their record is here: nothing is promised of these.
    listed = {key: found for key, found in _conflicts_shown(member, scope).items() if key in meant}
    assert listed == conflicts, f"{member.label} lists conflicts {listed}, means {conflicts}"
    verdicts = {
        (rec, member.number_of(each)) for (_, rec), row in meant.items() for each in row.verdicts
    }
    counted = {pair for pair in _verdicts_shown(member, scope) if ("hour", pair[0]) in meant}
    assert counted == verdicts, f"{member.label} lets verdicts {counted} count, means {verdicts}"


def _line(member: Member, table: str, row: Row) -> Line:
    values = tuple(
        member.number_of(each) if isinstance(each, Saying) else each for each in row.fields.values()
    )
    if SCHEMA.by_name[table].kind == "ledger":
        return (*values, row.state, row.credited, len(row.conflicts))
    return (*values, row.deleted, len(row.conflicts))


def _lines_shown(member: Member, scope: bytes) -> dict[tuple[str, int], Line]:
    shown = {}
    for name in TABLES:
        table = SCHEMA.by_name[name]
        own = ("state", "credited") if table.kind == "ledger" else ("deleted",)
        columns = ", ".join(f'"{each}"' for each in (*table.field_names, *own, "conflicts"))
        rows = member.view.db.execute(
            f'SELECT rec, {columns} FROM "{name}" WHERE scope_no = ?', (member.scopes[scope],)
        )
        shown.update({(name, rec): tuple(line) for rec, *line in rows.fetchall()})
    return shown


def _conflicts_shown(member: Member, scope: bytes) -> dict[tuple[str, int], dict[str, int]]:
    found: dict[tuple[str, int], dict[str, int]] = {}
    rows = member.view.db.execute(
        "SELECT tbl, rec, field, count FROM conflict WHERE scope_no = ?", (member.scopes[scope],)
    )
    for table, rec, name, count in rows.fetchall():
        # How many stand against a deletion, or differ as judges, is not what a person is told.
        found.setdefault((table, rec), {})[name] = 0 if name.startswith("_") else count
    return found


def _verdicts_shown(member: Member, scope: bytes) -> set[tuple[int, int]]:
    rows = member.view.db.execute(
        "SELECT rec, dot FROM judgement WHERE scope_no = ? AND current", (member.scopes[scope],)
    )
    return set(rows.fetchall())


def check_rest(county: SmallCounty) -> None:
    """Everybody who is entitled has the same, all of it, and having it again changes nothing."""
    for label in (CENTRE, *NODES):
        check_step(county, label)
    for label in NODES:
        for scope in county.entitled(label):
            _check_same(county, county.members[label], scope)
    for scope in SCHOOLS.values():
        _check_all_there(county, scope)
    for label in (CENTRE, *NODES):
        _check_again(county, county.members[label])


def _check_same(county: SmallCounty, member: Member, scope: bytes) -> None:
    ours, theirs = dump_view(member.replica), dump_view(county.centre.replica)
    found = differences({scope: ours[scope]}, {scope: theirs[scope]})
    assert found == [], f"{member.label} / centre: {found}"
    assert digests_of(member.replica, scope) == digests_of(county.centre.replica, scope)


def _check_all_there(county: SmallCounty, scope: bytes) -> None:
    """What a node saved that may still speak is at the centre."""
    reading = county.centre.reading(scope)
    there = set(county.centre.heard(scope))
    lost = [
        each
        for each in county.everything
        if each.scope == scope and each not in there and reading.right(each.by) is not None
    ]
    assert lost == [], "saved, and not at the centre"


def _check_again(county: SmallCounty, member: Member) -> None:
    """Every block again, and a view built anew, change nothing."""
    scopes = county.scopes_at(member.label)
    before = {scope: digests_of(member.replica, scope) for scope in scopes}
    for scope in scopes:
        codes = offer_until_settled(member.replica, member.blocks(scope))
        assert set(codes.values()) <= {Code.HAD}, f"{member.label} stores a block twice"
    member.replica.viewer.project_all()
    after = {scope: digests_of(member.replica, scope) for scope in scopes}
    assert after == before, f"{member.label} shows something else when built anew"
