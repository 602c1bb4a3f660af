"""What nobody may write: a word about a record that is not here would stop all sealing."""

from collections.abc import Callable, Iterator

import pytest

from tests.process.nodes import make_school, save_form, scratch
from xueshi_sync.body import K_BITS
from xueshi_sync.errors import InvalidWriteError
from xueshi_sync.node import Node
from xueshi_sync.writer import Action, RecordKey

NOWHERE = 77 << K_BITS


@pytest.fixture
def node() -> Iterator[Node]:
    with scratch() as folder, make_school(folder) as node:
        yield node


@pytest.mark.parametrize("rec", [NOWHERE, 0, -5], ids=["unknown", "zero", "below"])
@pytest.mark.parametrize(
    "write",
    [
        lambda action, key: action.judge("hour", key, "approve"),
        lambda action, key: action.check("hour", key, "withdraw"),
        lambda action, key: action.set("person", key, {"name": "x"}),
        lambda action, key: action.delete("person", key),
        lambda action, key: action.insert("hour", {"person": key.rec, "title": "x"}),
    ],
    ids=["judge", "check", "set", "delete", "refer"],
)
def test_a_write_about_a_record_that_is_not_here_is_refused_and_harms_nothing(
    write: Callable[[Action, RecordKey], object], rec: int, node: Node
) -> None:
    save_form(node, "before")
    (before,) = node.query("SELECT count(*) FROM hour")[0]
    key = RecordKey(node.home_scope_no, rec)
    with pytest.raises(InvalidWriteError), node.write(actor="admin") as action:
        write(action, key)
    save_form(node, "after")
    node.publish_barrier()
    assert node.query("SELECT count(*) FROM hour")[0][0] == 2 * before


@pytest.mark.parametrize(
    ("table", "value"), [("person", "withdraw"), ("hour", "approve"), ("hour", "maybe")]
)
def test_only_known_words_are_said_of_entries(node: Node, table: str, value: str) -> None:
    save_form(node, "before")
    (rec,) = node.query(f'SELECT rec FROM "{table}" LIMIT 1')[0]
    key = RecordKey(node.home_scope_no, rec)
    with pytest.raises(InvalidWriteError), node.write(actor="admin") as action:
        action.check(table, key, value)
