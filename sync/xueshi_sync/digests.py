"""Digests of tables by public names: equal on every node that holds the same blocks (PROTOCOL
8.5)."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from xueshi_sync.body import K_BITS, K_MASK
from xueshi_sync.schema import Schema, Table
from xueshi_sync.store import FeedStore, ViewStore
from xueshi_sync.viewer import UNSEALED

WRITES: Final = "field_write"
_NOWHERE: Final = (UNSEALED, 0)


def scope_digests(
    feeds: FeedStore, view: ViewStore, schema: Schema, scope_no: int
) -> Mapping[str, str]:
    """Table name to SHA-256 over its rows in the order of public names, one scope."""
    blocks = sorted((block.bid[:16], block.no) for block in feeds.all_blocks(scope_no))
    names = {no: short for short, no in blocks}
    order = [no for _, no in blocks] + feeds.open_numbers(scope_no)

    def public(rec: object) -> tuple[bytes, int] | None:
        if not isinstance(rec, int):
            return None
        no = rec >> K_BITS
        return (names.get(no) or feeds.name_of(scope_no, no) or UNSEALED, rec & K_MASK)

    result = {}
    for table in schema.by_name.values():
        hasher = hashlib.sha256()
        refs = _ref_places(table)
        for no in order:
            for row in view.digest_rows(table, scope_no, no << K_BITS, (no << K_BITS) | K_MASK):
                named = [public(value) if at in refs else value for at, value in enumerate(row)]
                hasher.update(msgspec.msgpack.encode(named))
        result[table.name] = hasher.hexdigest()
    result[WRITES] = _writes_digest(view, schema, scope_no, order, public)
    return result


def _ref_places(table: Table) -> set[int]:
    """Places of a digest row that hold a local record number: the record itself and its refs."""
    return {0, *(at for at, each in enumerate(table.fields, 1) if each.type == "ref")}


def _writes_digest(
    view: ViewStore,
    schema: Schema,
    scope_no: int,
    order: list[int],
    public: Callable[[object], tuple[bytes, int] | None],
) -> str:
    hasher = hashlib.sha256()
    for no in order:
        rows = view.write_digest_rows(scope_no, no << K_BITS, (no << K_BITS) | K_MASK)
        for tbl, rec, field, dot, value, preds, *rest in rows:
            named = sorted(public(each) or _NOWHERE for each in msgspec.msgpack.decode(preds))
            is_ref = schema.by_name[tbl].field_types.get(field) == "ref"
            shown = public(value) if is_ref else value
            row = [tbl, public(rec), field, public(dot), shown, named, *rest]
            hasher.update(msgspec.msgpack.encode(row))
    return hasher.hexdigest()
