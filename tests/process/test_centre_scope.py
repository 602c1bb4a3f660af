"""What only the centre holds reaches nobody: not by line, stick or restore, not by asking for it,
and not by forging a place in its scope. The school here is an enemy with its own key in hand."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tests.process.county import serving, sync
from tests.process.nodes import SCHEMA, context_of, copy_node, exchange, level, save_form, scratch
from xueshi_sync.block import EpochOpen, Place, parse_block, read_body, seal_block
from xueshi_sync.bundle import read_bundle
from xueshi_sync.carrying import PendingExchange
from xueshi_sync.envelope import open_request, open_response, session_of
from xueshi_sync.errors import InvalidWriteError
from xueshi_sync.exchange import answer_request, make_request
from xueshi_sync.frame import split_blocks
from xueshi_sync.identity import FeedName, admin_scope, epoch_id, public_scope
from xueshi_sync.intake import Code
from xueshi_sync.node import Node
from xueshi_sync.schema import Field, Schema, Table
from xueshi_sync.suite import digest

pytestmark = pytest.mark.process
CASE: Final = Table(
    "ethics_case",
    "register",
    (Field("staff_no"), Field("finding")),
    writers=("centre",),
    centre_only=True,
)
BUDGET: Final = Table(
    "budget",
    "ledger",
    (Field("purpose"), Field("amount", "int")),
    writers=("centre",),
    judges=("centre",),
    centre_only=True,
)
NOTICE: Final = Table("notice", "register", (Field("title"),), writers=("centre",))
TABLES: Final = Schema(1, (*SCHEMA.tables, NOTICE, CASE, BUDGET))
# Short enough that no compressor finds anything in them, and in no other record.
SECRETS: Final = ("师德案件Q7", "专项经费Z9", "Y3再议")
NOTICE_TITLE: Final = "通知公告W5"


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


@pytest.fixture
def county(folder: Path) -> Iterator[tuple[Node, Node]]:
    centre = _create(folder / "centre", "centre", "510683")
    school = _create(folder / "S1", "school", "S1")
    school.join(centre.invite("S1", "school S1"))
    level(school, centre)
    with centre, school:
        yield centre, school


def _create(folder: Path, role: str, code: str) -> Node:
    return Node.create(
        folder / "home", role=role, name=code, code=code, schema=TABLES,
        context=context_of(folder / "state", code),
    )  # fmt: skip


def _open(folder: Path, code: str) -> Node:
    return Node.open(folder / "home", schema=TABLES, context=context_of(folder / "state", code))


def _keep_secrets(centre: Node) -> None:
    """A case that is edited, a budget entry that is judged, and a notice for everybody."""
    with centre.write(actor="office") as action:
        case = action.insert("ethics_case", {"staff_no": "T1", "finding": SECRETS[0]})
        entry = action.insert("budget", {"purpose": SECRETS[1], "amount": 500})
        action.insert("notice", {"title": NOTICE_TITLE})
    centre.publish_barrier()
    with centre.write(actor="office") as action:
        action.set("ethics_case", case, {"finding": SECRETS[0] + SECRETS[2]})
        action.judge("budget", entry, "approve", reason=SECRETS[2])
    centre.publish_barrier()


def _files(folder: Path) -> bytes:
    """Every byte below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def _inflated(blocks: Iterable[bytes]) -> bytes:
    """The bodies of blocks, inflated."""
    return b"".join(read_body(parse_block(data)) for data in blocks)


def _stored(node: Node) -> list[bytes]:
    """Every block that a node holds."""
    rows = node.feeds.db.execute("SELECT data FROM block WHERE data IS NOT NULL")
    return [row[0] for row in rows.fetchall()]


def _private_names(centre: Node) -> list[bytes]:
    """The scope that only the centre holds, its feeds and its blocks."""
    scope_no = centre.centre_scope_no
    assert scope_no is not None
    scope = centre.feeds.scope_state(scope_no).scope
    feeds = [feed.feed for feed in centre.feeds.feeds(scope_no)]
    blocks = [block.bid[:16] for block in centre.feeds.all_blocks(scope_no)]
    assert feeds
    assert len(blocks) > 2
    return [scope, *feeds, *blocks]


def _check_nothing_came(centre: Node, school: Node, folder: Path, *heard: bytes) -> None:
    """Neither plain nor packed text of the secrets, nor any name of their scope, is at the
    school."""
    school.feeds.db.execute("PRAGMA wal_checkpoint")
    data = _files(folder) + b"".join(heard)
    said = _inflated(_stored(school))
    assert NOTICE_TITLE.encode() in said, "the way is open: a notice came"
    for secret in SECRETS:
        assert secret.encode() not in data + said
    for name in _private_names(centre):
        assert name not in data
        assert name.hex().encode() not in data
    assert len(school.feeds.scope_states()) == 3
    assert school.centre_scope_no is None
    for table in ("ethics_case", "budget"):
        assert school.query(f"SELECT count(*) FROM {table}")[0][0] == 0


def _hear(pending: PendingExchange, response: bytes) -> list[bytes]:
    """An answer as whoever asked can read it."""
    return open_response(pending.session, response).segments


def test_a_centre_keeps_a_scope_to_itself_from_its_first_day(county: tuple[Node, Node]) -> None:
    centre, school = county
    held = centre.query("SELECT scope_no, code FROM scope WHERE scope_no = ?",
                        (centre.centre_scope_no,))  # fmt: skip
    assert [row["code"] for row in held] == [None]
    assert centre.centre_scope_no not in (None, centre.home_scope_no)
    assert school.centre_scope_no is None


def test_a_line_brings_a_school_nothing_that_only_the_centre_holds(
    county: tuple[Node, Node], folder: Path
) -> None:
    centre, school = county
    _keep_secrets(centre)
    with serving(centre.wsgi_app()) as (host, port):
        sync(school, f"http://{host}:{port}")
    _check_nothing_came(centre, school, folder / "S1")


def test_a_school_that_begins_anew_is_given_everything_but_that(
    county: tuple[Node, Node], folder: Path
) -> None:
    centre, _ = county
    _keep_secrets(centre)
    with _create(folder / "again", "school", "S1") as again:
        again.join(centre.invite("S1", "school S1"))
        heard: list[bytes] = []
        for _ in range(4):
            pending = again.begin_exchange(limit_bytes=1 << 20)
            response = centre.answer(pending.request)
            segments = _hear(pending, response)
            heard += [segments[0], *split_blocks(b"".join(segments[1:]), whole=True)]
            again.finish_exchange(pending, response)
        _check_nothing_came(centre, again, folder / "again", *heard)


@pytest.mark.parametrize("to", ["S1", "node id"])
def test_a_bundle_brings_a_school_nothing_that_only_the_centre_holds(
    county: tuple[Node, Node], folder: Path, to: str
) -> None:
    centre, school = county
    _keep_secrets(centre)
    centre.pack(folder / "stick", to=school.node_id if to == "node id" else to)
    session = session_of(school.replica.seed, read_bundle(folder / "stick").envelope)
    opened = open_request(session, read_bundle(folder / "stick").envelope)
    said = _inflated(split_blocks(b"".join(opened.segments[1:]), whole=True))
    assert not any(secret.encode() in said for secret in SECRETS)
    assert school.unpack(folder / "stick").new_blocks > 0
    _check_nothing_came(centre, school, folder / "S1", *opened.segments)


def test_a_bundle_of_a_school_makes_the_centre_say_nothing_of_it(
    county: tuple[Node, Node], folder: Path
) -> None:
    centre, school = county
    _keep_secrets(centre)
    save_form(school, "form")
    school.pack(folder / "there")
    assert centre.unpack(folder / "there").new_blocks > 0
    centre.pack(folder / "back", to="S1")
    school.unpack(folder / "back")
    _check_nothing_came(centre, school, folder / "S1")


def test_receipts_of_its_feeds_cannot_be_asked_for(county: tuple[Node, Node]) -> None:
    """A feed's name follows from the net, the node, its epoch and the scope; a school knows the
    first three, and every scope that follows from the net."""
    centre, school = county
    _keep_secrets(centre)
    net, node = centre.replica.net, centre.replica.identity.node
    guesses = [digest("scope/centre", net)[:16], digest("scope/private", net)[:16], bytes(16), net]
    wants = [FeedName(net, node, centre.replica.epoch_name, scope).feed for scope in guesses]
    request = make_request(school.replica)
    header = msgspec.structs.replace(request.header, wants=wants)
    answer = answer_request(centre.replica, type(request)(header, [], 0), carrier="http")
    assert answer.header.receipts == []
    known = [FeedName(net, node, centre.replica.epoch_name, scope).feed
             for scope in (admin_scope(net), public_scope(net))]  # fmt: skip
    assert not set(wants) & set(known)


def test_a_school_that_learned_the_scope_s_name_cannot_write_there(
    county: tuple[Node, Node], folder: Path
) -> None:
    centre, school = county
    _keep_secrets(centre)
    names, replica = _private_names(centre), school.replica
    before = centre.digests()
    opened = EpochOpen(
        replica.net, replica.identity.node, replica.epoch.nonce, names[0], replica.key,
        "founded", [], b"", "x",
    )  # fmt: skip
    feed = FeedName(replica.net, opened.node, epoch_id(replica.key, opened.nonce), names[0]).feed
    forged = seal_block(
        replica.suite, replica.seed, kind=1, place=Place(feed, bytes(32), 0),
        raw=msgspec.msgpack.encode(opened), wall_ms=1, op_count=0, schema=1,
    )  # fmt: skip
    assert centre.replica.accept([forged.data], replica.identity.node).codes == [Code.REFUSED_SCOPE]
    school.replica.hold_scope(names[0])
    with suppress(AssertionError):
        level(school, centre)
    assert centre.digests() == before
    said = _inflated(_stored(school))
    assert not any(secret.encode() in said for secret in SECRETS)


def test_nobody_is_granted_the_scope_not_even_by_the_centre_itself(
    county: tuple[Node, Node],
) -> None:
    centre, school = county
    grant = {"node": bytes.fromhex(school.node_id), "key": school.replica.key, "tier": "school",
             "code": "S1", "name": "S1", "granted": True}  # fmt: skip
    with pytest.raises(InvalidWriteError), centre.write(actor="office") as action:
        action.insert("_node", grant, scope_no=centre.centre_scope_no)
    with pytest.raises(InvalidWriteError), centre.write(actor="office") as action:
        action.insert("_scope", {"code": "S1"}, scope_no=centre.centre_scope_no)


def test_a_record_that_only_the_centre_holds_is_written_nowhere_else(
    county: tuple[Node, Node],
) -> None:
    centre, school = county
    values = {"staff_no": "T1", "finding": SECRETS[0]}
    for scope_no in (centre.home_scope_no, 2):
        with pytest.raises(InvalidWriteError), centre.write(actor="office") as action:
            action.insert("ethics_case", values, scope_no=scope_no)
    with pytest.raises(InvalidWriteError), school.write(actor="registrar") as action:
        action.insert("ethics_case", values)


def test_a_record_from_before_its_type_was_closed_is_deleted_but_not_written_on(
    folder: Path,
) -> None:
    was_open = Schema(
        1, (*SCHEMA.tables, Table("ethics_case", "register", CASE.fields, ("centre",)))
    )
    centre = _create(folder / "centre", "centre", "510683")
    with centre:
        centre.adopt_schema(was_open)
        with centre.write(actor="office") as action:
            old = action.insert("ethics_case", {"staff_no": "T1", "finding": "old"})
        assert old.scope_no == centre.home_scope_no
        centre.adopt_schema(TABLES)
        with pytest.raises(InvalidWriteError), centre.write(actor="office") as action:
            action.set("ethics_case", old, {"finding": SECRETS[0]})
        with centre.write(actor="office") as action:
            action.delete("ethics_case", old)
            new = action.insert("ethics_case", {"staff_no": "T1", "finding": "new"})
        assert new.scope_no == centre.centre_scope_no
        alive = centre.query("SELECT finding FROM ethics_case WHERE NOT deleted")
        assert [row[0] for row in alive] == ["new"]


def test_rebuild_and_deep_check_know_the_scope(county: tuple[Node, Node]) -> None:
    centre, _ = county
    _keep_secrets(centre)
    report = centre.check(deep=True)
    assert report.problems == []
    assert centre.rebuild().identical
    assert centre.query("SELECT finding FROM ethics_case")[0][0] == SECRETS[0] + SECRETS[2]
    assert centre.query("SELECT state FROM budget")[0][0] == "approved"


def test_a_backup_brings_it_back_on_another_machine_in_a_new_epoch(
    county: tuple[Node, Node], folder: Path
) -> None:
    centre, school = county
    _keep_secrets(centre)
    names = _private_names(centre)
    centre.backup(folder / "backup")
    home = folder / "other" / "home"
    (home / "key").mkdir(parents=True)
    for key in (folder / "centre" / "home" / "key").iterdir():
        (home / "key" / key.name).write_bytes(key.read_bytes())
    context = context_of(folder / "other" / "state", "other")
    with Node.restore(folder / "backup", home, schema=TABLES, context=context) as restored:
        assert restored.replica.epoch.reason == "restore"
        assert _private_names(restored) == names
        assert restored.query("SELECT finding FROM ethics_case")[0][0] == SECRETS[0] + SECRETS[2]
        with restored.write(actor="office") as action:
            action.insert("budget", {"purpose": SECRETS[1], "amount": 7})
        exchange(school, restored)
        level(school, restored)
        assert len(restored.feeds.feeds(restored.centre_scope_no or 0)) == 2
        assert restored.check(deep=True).problems == []
        _check_nothing_came(restored, school, folder / "S1")


def test_what_a_restored_centre_had_written_since_its_backup_comes_back_without_it(
    county: tuple[Node, Node], folder: Path
) -> None:
    """Schools hand back the centre's words that they hold; these they never had."""
    centre, school = county
    centre.backup(folder / "backup")
    _keep_secrets(centre)
    level(school, centre)
    centre.close()
    context = context_of(folder / "centre" / "state", "510683")
    home = folder / "centre" / "home"
    with Node.restore(folder / "backup", home, schema=TABLES, context=context) as restored:
        for _ in range(3):
            level(school, restored)
        assert restored.query("SELECT title FROM notice")[0][0] == NOTICE_TITLE
        assert restored.query("SELECT count(*) FROM ethics_case")[0][0] == 0


def test_a_second_machine_of_the_centre_writes_into_the_same_scope_in_its_own_epoch(
    county: tuple[Node, Node], folder: Path
) -> None:
    centre, school = county
    _keep_secrets(centre)
    centre.publish_barrier()
    copy_node(folder / "centre" / "home", folder / "copy" / "home")
    context = context_of(folder / "copy" / "state", "second")
    with Node.open(folder / "copy" / "home", schema=TABLES, context=context) as second:
        assert second.replica.epoch_name != centre.replica.epoch_name
        with second.write(actor="office") as action:
            action.insert("budget", {"purpose": SECRETS[1], "amount": 9})
        second.publish_barrier()
        assert _private_names(second)[0] == _private_names(centre)[0]
        for node in (second, centre, second):
            level(school, node)
        _check_nothing_came(second, school, folder / "S1")
        # Its blocks are the centre's own: whoever carries them by hand finds them taken.
        scope_no = second.centre_scope_no or 0
        blocks = [second.feeds.block_data(scope_no, each.no)
                  for each in second.feeds.blocks_since(scope_no, 0)]  # fmt: skip
        assert centre.replica.accept(blocks, second.replica.identity.node).new_blocks == 2
        assert centre.query("SELECT sum(amount) FROM budget")[0][0] == 509


def test_a_centre_from_before_the_scope_finds_it_when_it_is_opened(folder: Path) -> None:
    with _create(folder / "centre", "centre", "510683") as centre:
        scope_no = centre.centre_scope_no
        scope = centre.feeds.scope_state(scope_no or 0).scope
        with centre.feeds.feed_transaction():
            centre.feeds.db.execute("DELETE FROM scope WHERE scope_no = ?", (scope_no,))
            centre.feeds.db.execute("DELETE FROM meta WHERE key = 'centre_scope'")
    with _open(folder / "centre", "510683") as centre:
        assert centre.feeds.scope_state(centre.centre_scope_no or 0).scope == scope
        _keep_secrets(centre)
        assert centre.check(deep=True).problems == []
