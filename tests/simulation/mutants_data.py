"""Mutants of rights, of what the data mean, and of what survives a crash."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import msgspec

from tests.simulation.memory_store import Journal
from tests.simulation.memory_view import MemoryView
from tests.simulation.mutation import mutant, of, swap
from xueshi_sync import authority, block, intake, merge, projection, viewer
from xueshi_sync.body import JUDGE, K_BITS
from xueshi_sync.errors import MalformedBlockError
from xueshi_sync.intake import Code
from xueshi_sync.replica import Replica
from xueshi_sync.viewer import Viewer
from xueshi_sync.writer import Action

# Authority


@mutant
def cuts_ignored(stack: ExitStack) -> None:
    """A revocation changes nothing."""
    swap(stack, Viewer, "_stands", lambda self, rights, stored, feed: True)


@mutant
def cut_covers_whole_feed(stack: ExitStack) -> None:
    """Whatever stands in a feed that the cut names is good, also beyond it."""

    def same_feed(reader: Any, short: bytes, heads: Any) -> bool:
        place = reader.place_of(short)
        others = [reader.place_of(head) for head in heads]
        return any(other is not None and other[0] == place[0] for other in others)

    swap(stack, viewer, "is_within", same_feed)


@mutant
def admission_ignored(stack: ExitStack) -> None:
    """Blocks admitted beyond a cut do not count."""
    swap(stack, authority, "_admitted", lambda rows: frozenset())


@mutant
def cut_head_settles_nothing(stack: ExitStack) -> None:
    """Blocks before a cut that arrived before its head stay out."""
    swap(stack, authority.Authority, "is_cut_head", lambda self, bid: False)


@mutant
def new_rights_touch_nothing(stack: ExitStack) -> None:
    """A change of rights does not reach what is already here."""
    swap(stack, Viewer, "_effect", lambda self, scope_no, rights: None)


@mutant
def loosest_word_wins(stack: ExitStack) -> None:
    """Of concurrent words of the centre the most generous counts."""

    combine = of(viewer, "scope_authority")

    def any_true(rows: Any, name: str) -> Any:
        return [{**row, name: [any(each is True for each in row[name])]} for row in rows]

    def generous(genesis: Any, nodes: Any, cuts: Any, admits: Any) -> Any:
        return combine(genesis, any_true(nodes, "granted"), any_true(cuts, "lifted"), admits)

    swap(stack, viewer, "scope_authority", generous)


@mutant
def no_scope_check(stack: ExitStack) -> None:
    """Any node's blocks are stored in any scope that is held."""

    def admit(node: Replica, feed: Any) -> Code:
        return Code.STORED if node.feeds.scope_of(feed.scope) else Code.REFUSED_SCOPE

    swap(stack, intake, "_admit", admit)


@mutant
def rights_at_the_door_only(stack: ExitStack) -> None:
    """Whoever's block is stored may write: a denied node goes on."""
    tier = authority.Authority.tier
    swap(
        stack,
        authority.Authority,
        "tier",
        lambda self, node, key: tier(self, node, key) or "school",
    )


@mutant
def schools_judge(stack: ExitStack) -> None:
    """A school's verdict counts."""
    may = of(projection, "may")
    swap(
        stack, projection, "may", lambda table, kind, tier: kind == JUDGE or may(table, kind, tier)
    )


@mutant
def anybody_governs(stack: ExitStack) -> None:
    """Words about rights count, whoever wrote them."""
    swap(stack, Viewer, "_is_centre", lambda self, node, key: self.genesis is not None)


@mutant
def signatures_unchecked(stack: ExitStack) -> None:
    """A block is believed without its signature."""

    def unsigned(suite: Any, feed: Any, new: Any) -> None:
        if of(block, "sha256")(new.stored_body) != new.header.body_hash:
            raise MalformedBlockError("body")

    swap(stack, block, "verify_block", unsigned)
    swap(stack, intake, "verify_block", unsigned)


@mutant
def body_unchecked(stack: ExitStack) -> None:
    """A block's body is believed without its hash."""

    def bodiless(suite: Any, feed: Any, new: Any) -> None:
        suite.verify(feed.key, b"xs1/sig\0" + new.bid, new.signature)

    swap(stack, block, "verify_block", bodiless)
    swap(stack, intake, "verify_block", bodiless)


@mutant
def county_unchecked(stack: ExitStack) -> None:
    """Blocks of another county are taken."""
    opened = of(intake, "open_feed")

    def any_county(suite: Any, net: bytes, new: Any) -> Any:
        declared = msgspec.msgpack.decode(block.read_body(new), type=block.EpochOpen)
        return opened(suite, declared.net, new)

    swap(stack, intake, "open_feed", any_county)


# Meaning


@mutant
def loser_dropped(stack: ExitStack) -> None:
    """Of concurrent values only the shown one is kept as current."""
    current = merge.current_writes

    def one(writes: Any) -> Any:
        return current(writes)[:1]

    swap(stack, merge, "current_writes", one)
    swap(stack, projection, "current_writes", one)


@mutant
def preds_by_arrival(stack: ExitStack) -> None:
    """A write supersedes only what arrived before it."""
    current = merge.current_writes

    def arrived(writes: Any) -> Any:
        known = list(writes)
        cut = [merge.Write(w.dot, w.value, tuple(p for p in w.preds if p < w.dot), w.rank, w.name)
               for w in known]  # fmt: skip
        return current(cut)

    swap(stack, merge, "current_writes", arrived)
    swap(stack, projection, "current_writes", arrived)


def _reordered(stack: ExitStack, key: Callable[[Any], Any]) -> None:
    current = merge.current_writes

    def sorted_otherwise(writes: Any) -> Any:
        return sorted(current(writes), key=key, reverse=True)

    swap(stack, merge, "current_writes", sorted_otherwise)
    swap(stack, projection, "current_writes", sorted_otherwise)


@mutant
def local_number_breaks_ties(stack: ExitStack) -> None:
    """The write that arrived last is shown."""
    _reordered(stack, lambda write: write.dot)


@mutant
def rank_ignored(stack: ExitStack) -> None:
    """A school's edit is shown over a concurrent one of the centre."""
    _reordered(stack, lambda write: write.name)


@mutant
def clock_breaks_ties(stack: ExitStack) -> None:
    """The write with the latest clock is shown."""
    by_field = projection.Projector._by_field

    def timed(self: Any, rows: Any) -> Any:
        rows = list(rows)
        times = {row.dot: row.entered_at for row in rows}
        found = by_field(self, rows)
        return {
            name: [
                merge.Write(w.dot, w.value, w.preds, 0, (times[w.dot].to_bytes(9, "big"), 0))
                for w in writes
            ]
            for name, writes in found.items()
        }

    swap(stack, projection.Projector, "_by_field", timed)


@mutant
def deletion_wins(stack: ExitStack) -> None:
    """A deletion removes edits that it did not know of."""

    def marked(fields: Any, deletions: Any) -> bool:
        return any(each.value for each in merge.current_writes(deletions))

    swap(stack, merge, "is_deleted", marked)
    swap(stack, projection, "is_deleted", marked)


@mutant
def no_disputes(stack: ExitStack) -> None:
    """Of concurrent verdicts the shown one counts."""

    def first(verdicts: Any, checks: Any) -> Any:
        heads = merge.current_writes(verdicts)
        state = merge.VERDICTS.get(str(heads[0].value), merge.PENDING) if heads else merge.PENDING
        return merge.Standing(state, state)

    swap(stack, projection, "judge", first)


@mutant
def dispute_credits_the_larger(stack: ExitStack) -> None:
    """Of two rival corrections the larger is credited."""

    def larger(rivals: Any, approved: Any, above: Any) -> int | None:
        return max(rivals, key=lambda each: each.amount).rec if rivals else None

    swap(stack, merge, "_nearest_common", larger)


@mutant
def correction_adds(stack: ExitStack) -> None:
    """A correction is credited beside what it corrects."""
    swap(stack, merge, "_above", lambda by_rec, entry: [])


@mutant
def early_writes_forgotten(stack: ExitStack) -> None:
    """A record that arrives after an edit of it does not show the edit."""
    swap(stack, MemoryView, "written_recs", lambda self, scope_no, table, low, high: [])


# Durability


@mutant
def half_transactions(stack: ExitStack) -> None:
    """A crash before the commit leaves the first half of what was written."""
    rollback = Journal._rollback

    def half(self: Journal) -> None:
        del self._undo[: len(self._undo) // 2]
        rollback(self)

    swap(stack, Journal, "_rollback", half)


@mutant
def no_catching_up(stack: ExitStack) -> None:
    """A start trusts the view as it is."""
    swap(stack, Viewer, "_catch_up_scope", lambda self, state: None)


@mutant
def watermark_first(stack: ExitStack) -> None:
    """The watermark is written before the view."""
    show = Viewer.show

    def early(self: Viewer, scope_no: int, arrivals: Any, ops: Any, **at: int) -> None:
        if self.view.watermark(scope_no) == at["first_pos"] - 1:
            with self.view.view_transaction():
                self.view.put_watermark(scope_no, at["last_pos"])
            with self.view.view_transaction():
                self._apply(scope_no, arrivals, ops, at["last_pos"])
        else:
            show(self, scope_no, arrivals, ops, **at)

    swap(stack, Viewer, "show", early)


@mutant
def sealed_takes_no_turn(stack: ExitStack) -> None:
    """A block sealed here is not shown under its public name."""

    def skip(self: Viewer, scope_no: int, sealed: Any, **_: Any) -> None:
        with self.view.view_transaction():
            self.view.put_watermark(scope_no, sealed.pos)

    swap(stack, Viewer, "show_sealed", skip)


@mutant
def entry_id_ignored(stack: ExitStack) -> None:
    """A form posted twice makes two records."""
    insert = Action.insert

    def twice(self: Action, table: str, fields: Any, **options: Any) -> Any:
        if self.feeds.entry(str(options.get("entry_id"))) is not None:
            options["entry_id"] = None
        return insert(self, table, fields, **options)

    swap(stack, Action, "insert", twice)


@mutant
def refs_of_the_sender(stack: ExitStack) -> None:
    """A reference keeps the number it has on the wire."""
    swap(stack, projection, "_local_ref", lambda value, bases: value if value else (1 << K_BITS))
