"""Real nodes in a temporary folder for the tests: a centre and schools, joined over bundles."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from xueshi_server.record_types import SCHEMA
from xueshi_server.store.hours import find_hour
from xueshi_server.store.objections import list_objections, object_to
from xueshi_sync.context import Context
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

# 2026-03-02 08:00 UTC, so that nothing depends on the day of the test.
NOW_MS = 1_772_438_400_000


@dataclass
class World:
    """A county in a folder."""

    folder: Path
    nodes: list[Node] = field(default_factory=list)

    def make(self, role: str, name: str, code: str, *, ahead_ms: int = 0) -> Node:
        """A new node that belongs to nobody yet (a centre founds the county)."""
        context = Context(
            self.folder / f"state-{code}",
            now_ms=lambda: NOW_MS + ahead_ms,
            fingerprint=lambda: [f"{code}-{part}" for part in range(4)],
        )
        node = Node.create(
            self.folder / code, role=role, name=name, code=code, schema=SCHEMA, context=context
        )
        self.nodes.append(node)
        return node

    def join(self, centre: Node, node: Node, name: str, code: str) -> None:
        """Invite `node`, and carry bundles until both sides know."""
        node.join(centre.invite(code, name, role=node.role))
        self.carry(node, centre, to=None)
        self.carry(centre, node, to=code)

    def carry(self, source: Node, target: Node, *, to: str | None) -> None:
        """Take one bundle from `source` to `target`."""
        path = self.folder / "carried.xueshi"
        source.pack(path, to=to)
        target.unpack(path)


@contextmanager
def make_world(folder: Path) -> Iterator[World]:
    """A county whose nodes are closed at the end."""
    world = World(folder)
    try:
        yield world
    finally:
        for node in world.nodes:
            node.close()


def add_person(node: Node, staff_no: str = "T1", name: str = "Li Ming") -> RecordKey:
    """A person on the roster of `node`."""
    with node.write(actor="admin") as action:
        return action.insert("person", {"staff_no": staff_no, "name": name, "active": True})


def add_hour(node: Node, person: RecordKey, **changed: object) -> RecordKey:
    """An hour record of `person`."""
    fields: dict[str, object] = {
        "person": person.rec,
        "date": "2026-03-01",
        "form": "seminar",
        "category": "ethics",
        "title": "Reading",
        "minutes": 90,
        "note": "",
        "recorded_by": "R1",
    }
    with node.write(actor="admin") as action:
        return action.insert("hour", fields | changed)


def add_objection(node: Node, hour: RecordKey, text: str) -> str:
    """An open objection to an hour record, by its name."""
    row = find_hour(node, *hour)
    assert row is not None
    with node.write(actor="t1") as action:
        assert object_to(node, action, row, text, dt.date(2026, 3, 2))
    return list_objections(node, hour=hour)[0].name


def add_contribution(node: Node, person: RecordKey, text: str, **changed: object) -> str:
    """A text file that somebody hands in for the library, by the name of its record."""
    place = node.home / "handed-in.txt"
    place.write_text(text, "utf-8")
    kept = node.files.add(place)
    place.unlink()
    fields = {
        "person": person.rec, "date": "2026-03-02", "name": "A lesson", "file": kept.sha256.hex(),
        "bytes": kept.size, "media": "text/plain", "file_name": "lesson.txt",
    }  # fmt: skip
    with node.write(actor="t1") as action:
        return node.public_id(action.insert("contribution", fields | changed))
