"""A replica's view and blocks under public names, to be compared with another's."""

from typing import Any

import msgspec

from tests.simulation.memory_view import MemoryView
from tests.simulation.oracle import Held
from xueshi_sync.body import K_BITS, K_MASK
from xueshi_sync.replica import Replica
from xueshi_sync.store import FeedStore, ViewStore

ALL = 1 << 62
Dump = dict[Any, Any]


def held_blocks(feeds: FeedStore, scope_no: int) -> list[Held]:
    """All blocks of one scope on a disk."""
    found = []
    for row in feeds.all_blocks(scope_no):
        feed = feeds.feed(row.feed)
        assert feed is not None, "a block's feed is stored with it"
        data = feeds.block_data(row.scope_no, row.no)
        found.append(Held(row.bid, feed, row.prev, row.kind, data))
    return found


def dump_view(replica: Replica, view: ViewStore | None = None) -> Dump:
    """Everything a view holds, by scope id, with local numbers replaced by public names."""
    shown = view or replica.view
    return {
        state.scope: _dump_scope(replica, shown, state.scope_no)
        for state in replica.feeds.scope_states()
    }


def _dump_scope(replica: Replica, view: ViewStore, scope_no: int) -> Dump:
    feeds = replica.feeds

    def dot(number: Any) -> Any:
        if type(number) is not int:
            return number
        name = feeds.name_of(scope_no, number >> K_BITS)
        return (name or f"open {number >> K_BITS}".encode(), number & K_MASK)

    found: Dump = {}
    for table in replica.schema.by_name.values():
        refs = {1 + at for at, each in enumerate(table.fields) if each.type == "ref"} | {0}
        for row in view.digest_rows(table, scope_no, 0, ALL):
            public = tuple(dot(each) if at in refs else each for at, each in enumerate(row))
            found["row", table.name, public[0]] = public[1:]
    refs_of = {
        (table.name, each.name)
        for table in replica.schema.by_name.values()
        for each in table.fields
        if each.type == "ref"
    }
    for tbl, rec, name, at, value, preds, *rest in view.write_digest_rows(scope_no, 0, ALL):
        named = msgspec.msgpack.decode(preds) if isinstance(preds, bytes) else preds
        shown = dot(value) if (tbl, name) in refs_of else value
        preds_named = tuple(sorted(dot(each) for each in named))
        found["write", tbl, dot(rec), name, dot(at)] = (shown, preds_named, *rest)
    if isinstance(view, MemoryView):
        _dump_marks(found, view, scope_no, dot)
    return found


def _dump_marks(found: Dump, view: MemoryView, scope_no: int, dot: Any) -> None:
    """What only the view in memory lets us see: conflicts, what is current, what is not applied."""
    found["scope"] = view.scope_keys.get(scope_no)
    for (table, rec, name), number in view.conflicts.get(scope_no, {}).items():
        found["conflict", table, dot(rec), name] = number
    for (no, code), number in view.unapplied.get(scope_no, {}).items():
        found["unapplied", dot(no << K_BITS)[0], code] = number
    for (at, table), recs in view.writes.items():
        if at == scope_no:
            for rec, rows in recs.items():
                for (name, write), (_, flag) in rows.items():
                    found["current", table, dot(rec), name, dot(write)] = flag


def differences(left: Dump, right: Dump) -> list[str]:
    """A few lines that say where two dumps differ; none where they do not."""
    lines = []
    for scope in sorted({*left, *right}):
        ours, theirs = left.get(scope, {}), right.get(scope, {})
        for key in {*ours, *theirs}:
            if ours.get(key) != theirs.get(key):
                lines.append(f"{key}: {ours.get(key)} / {theirs.get(key)}")
    return sorted(lines)[:6]
