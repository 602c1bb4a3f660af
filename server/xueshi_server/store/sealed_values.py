"""Where sealed values stand at a node, and which of them another key has to be put on."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from xueshi_server.domain.packs.inherit import PackFaultsError
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.errors import PackUnreadableError
from xueshi_server.record_types import BASE_PACK
from xueshi_server.store.packs import list_releases, load_release
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

_BATCH_ROWS: Final = 500


class Place(NamedTuple):
    """A sealed field of a record, with what stands there."""

    type_id: str
    field: str
    key: RecordKey
    value: bytes


def sealed_fields(node: Node) -> list[tuple[str, str]]:
    """(type, field) of every sealed field that a pack of this county declares or declared."""
    packs: list[Pack] = [BASE_PACK]
    for release in list_releases(node):
        with suppress(PackUnreadableError, PackFaultsError):
            packs.append(load_release(node, release))
    found = {
        (of, each.id)
        for pack in packs
        for of, declared in pack.types.items()
        for each in declared.field
        if each.type == "sealed"
    }
    tables = node.schema.by_name
    return sorted(
        (of, name)
        for of, name in found
        if of in tables and tables[of].field_types.get(name) == "bytes"
    )


def count_generations(node: Node) -> dict[int, int]:
    """Generation of the county's key to the living values that are sealed to it."""
    counts: dict[int, int] = {}
    for of, name in sealed_fields(node):
        rows = node.query(
            f'SELECT substr("{name}", 1, 1) AS head, count(*) AS n FROM "{of}"'
            f' WHERE NOT deleted AND length("{name}") > 0 GROUP BY 1'
        )
        for row in rows:
            generation = bytes(row["head"])[0]
            counts[generation] = counts.get(generation, 0) + int(row["n"])
    return counts


def iterate_older(node: Node, generation: int) -> Iterator[list[Place]]:
    """The living values of older generations than this one, some hundreds at a time."""
    for of, name in sealed_fields(node):
        after = (-1, -1)
        while True:
            rows = node.query(
                f'SELECT scope_no, rec, "{name}" AS value FROM "{of}"'
                f' WHERE (scope_no, rec) > (?, ?) AND NOT deleted AND length("{name}") > 0'
                f' AND substr("{name}", 1, 1) < ? ORDER BY scope_no, rec LIMIT ?',
                [*after, bytes([generation]), _BATCH_ROWS],
            )
            if not rows:
                break
            after = (rows[-1]["scope_no"], rows[-1]["rec"])
            yield [
                Place(of, name, RecordKey(row["scope_no"], row["rec"]), bytes(row["value"]))
                for row in rows
            ]


def disputed_fields(node: Node) -> set[tuple[str, str, int, int]]:
    """(type, field, school, record) of fields that hold several values at once."""
    rows = node.query("SELECT tbl, field, scope_no, rec FROM conflict")
    return {(row["tbl"], row["field"], row["scope_no"], row["rec"]) for row in rows}


def list_silent_schools(node: Node, since_ms: int) -> list[str]:
    """Codes of the schools that a centre has not heard from since then: none of their nodes."""
    contacts = {peer.node: peer.contact_ms for peer in node.feeds.peers()}
    rows = node.query(
        "SELECT n.node, s.code FROM _node n JOIN scope s ON s.scope_no = n.scope_no"
        " WHERE NOT n.deleted AND s.kind IN ('school', 'township') AND s.code IS NOT NULL"
    )
    heard = {row["code"] for row in rows if contacts.get(bytes(row["node"]), 0) >= since_ms}
    return sorted({row["code"] for row in rows} - heard)
