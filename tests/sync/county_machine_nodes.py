"""Nodes of a small county over real files, each with what was said on it.

A `Member` writes through the product's own actions and remembers beside every op what its author
meant; what it holds is then asked of its feeds alone.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.sync.core_support import FixedEnv, close, make_replica
from tests.sync.county_machine_history import CHECKED, DELETED, JUDGED, Reading, Saying
from tests.sync.craft import SCHEMA, SUITE
from xueshi_sync.body import K_BITS
from xueshi_sync.identity import Identity
from xueshi_sync.replica import Replica
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.writer import Action, RecordKey

# Block (public name) to what was said in it; one for the whole county.
Sealed = dict[bytes, list[Saying]]
# The files of nodes as they were founded, by name: a copy is quicker than founding them again.
_FOUNDED: Final[dict[str, dict[str, bytes]]] = {}
VIEW_FILES: Final = ("view.db", "view.db-wal", "view.db-shm")


@dataclass
class Member:
    """A node. `open` are its sayings that no block holds yet, by local number; `held` the blocks it
    was ever seen to hold."""

    label: str
    folder: Path
    identity: Identity
    seed: bytes
    sealed: Sealed
    open: dict[Saying, int] = field(default_factory=dict)
    held: set[bytes] = field(default_factory=set)
    _scopes: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = self.folder.name
        # Other chance than at the founding, else a new epoch would have the nonce of the first.
        self.env = FixedEnv(f"{name}/later")
        if name not in _FOUNDED:
            close(make_replica(self.folder, name, self.identity, self.seed))
            files = {each.name: each.read_bytes() for each in self.folder.iterdir()}
            _FOUNDED[name] = files
        self.folder.mkdir(parents=True, exist_ok=True)
        for file, data in _FOUNDED[name].items():
            (self.folder / file).write_bytes(data)
        self._connect()
        self._start()

    def _connect(self) -> None:
        self.feeds = SqliteFeeds(self.folder / "feed.db")
        self.view = SqliteView(self.folder / "view.db", {})
        for db in (self.feeds.db, self.view.db):
            # Power cuts are tested elsewhere; waiting for the disk would only cost time here.
            db.execute("PRAGMA synchronous = OFF")

    def _start(self) -> None:
        self.replica = Replica(self.feeds, self.view, SUITE, SCHEMA, self.seed, self.env)
        self.replica.open_view()

    def close(self) -> None:
        """Close both files."""
        self.view.close()
        self.feeds.close()

    def restart(self, *, lose_view: bool) -> None:
        """Close and open again, with the view gone or not."""
        self.close()
        for name in VIEW_FILES if lose_view else ():
            (self.folder / name).unlink(missing_ok=True)
        self._connect()
        self._start()

    def remove(self) -> None:
        """Close, and delete the files."""
        self.close()
        shutil.rmtree(self.folder)

    @property
    def scopes(self) -> dict[bytes, int]:
        """Scopes held, with their local numbers."""
        return {state.scope: state.scope_no for state in self.feeds.scope_states()}

    def _number_of_scope(self, scope: bytes) -> int:
        """The same for one scope, asked once: the number never changes."""
        if scope not in self._scopes:
            self._scopes = self.scopes
        return self._scopes[scope]

    def blocks(self, scope: bytes) -> list[bytes]:
        """All blocks of one scope, as bytes."""
        number = self.scopes[scope]
        return [self.feeds.block_data(number, row.no) for row in self.feeds.all_blocks(number)]

    def heard(self, scope: bytes) -> list[Saying]:
        """What was said here, and in the blocks that are here."""
        blocks = [row.bid[:16] for row in self.feeds.all_blocks(self.scopes[scope])]
        sealed = [each for block in blocks for each in self.sealed.get(block, [])]
        return sealed + [each for each in self.open if each.scope == scope]

    def reading(self, scope: bytes) -> Reading:
        """What must be shown of a scope here."""
        return Reading(self.heard(scope), self.label, self.identity.tier)

    def number_of(self, saying: Saying) -> int:
        """The local number of an op that this node holds, or has seen named."""
        if saying in self.open:
            return self.open[saying]
        number = self.feeds.number_of(self._number_of_scope(saying.scope), saying.block)
        assert number is not None, f"{self.label} has never heard of {saying}"
        return number << K_BITS | saying.k

    @contextmanager
    def speak(self, scope: bytes) -> Iterator["Pen"]:
        """One action in one scope."""
        with self.replica.write(self.label) as action:
            yield Pen(self, scope, action)

    def seal(self) -> None:
        """Seal, and learn under which names."""
        self.replica.seal()
        for saying, number in self.open.items():
            name = self.feeds.name_of(self.scopes[saying.scope], number >> K_BITS)
            assert name is not None, f"{saying} was said on {self.label} and is in no block"
            saying.block = name
            self.sealed.setdefault(name, []).append(saying)
        self.open.clear()


@dataclass
class Pen:
    """An action of the product, with what is meant by it."""

    member: Member
    scope: bytes
    action: Action

    def insert(self, table: str, says: Mapping[str, object]) -> Saying:
        """Add a record; a field that names a record is given its saying."""
        number = self.member.scopes[self.scope]
        self.action.insert(table, self._local(says), scope_no=number)
        return self._said(table, None, says, {})

    def set(self, record: Saying, says: Mapping[str, object]) -> None:
        """Write fields of a register record."""
        reading = self._reading
        self.action.set(record.table, self._key(record), self._local(says))
        self._said(record.table, record, says, {name: reading.sees(record, name) for name in says})

    def delete(self, record: Saying) -> None:
        """Delete a register record."""
        saw = self._reading.sees_all(record)
        self.action.delete(record.table, self._key(record))
        self._said(record.table, record, {DELETED: True}, {DELETED: saw})

    def judge(self, record: Saying, verdict: str) -> None:
        """Give a verdict."""
        saw = self._reading.sees(record, JUDGED)
        self.action.judge(record.table, self._key(record), verdict, "看过")
        self._said(record.table, record, {JUDGED: verdict}, {JUDGED: saw})

    def check(self, record: Saying, value: str) -> None:
        """Say of an entry what whoever writes it may say."""
        saw = self._reading.sees(record, CHECKED)
        self.action.check(record.table, self._key(record), value, "先退回")
        self._said(record.table, record, {CHECKED: value}, {CHECKED: saw})

    def resolve(self, record: Saying, name: str, value: object) -> None:
        """Settle what stands against each other in one field."""
        reading = self._reading
        deletes = name == DELETED and value
        saw = reading.sees_all(record) if deletes else reading.sees(record, name)
        shown = self._local({name: value})[name]
        self.action.resolve(record.table, self._key(record), name, shown)
        self._said(record.table, record, {name: value}, {name: saw})

    @property
    def _reading(self) -> Reading:
        return self.member.reading(self.scope)

    def _key(self, record: Saying) -> RecordKey:
        return RecordKey(self.member.scopes[self.scope], self.member.number_of(record))

    def _local(self, says: Mapping[str, object]) -> dict[str, object]:
        return {
            name: self._key(value) if isinstance(value, Saying) else value
            for name, value in says.items()
        }

    def _said(
        self,
        table: str,
        record: Saying | None,
        says: Mapping[str, object],
        saw: Mapping[str, frozenset[Saying]],
    ) -> Saying:
        op = self.action.ops[-1]
        saying = Saying(self.member.label, self.scope, table, record, says, saw, op.k)
        self.member.open[saying] = op.no << K_BITS | op.k
        return saying
