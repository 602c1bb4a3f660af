"""Named ways to break the core: a simulator that lets one of them live tests nothing there.

Each mutant is a small change of the real core, made for the length of a `with`. `seeds_to_kill` in
`MUTANTS` is what a run needed on the seeds `FIRST_SEED`… when the table was last made.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from tests.simulation import machine
from tests.simulation.machine import Machine
from tests.simulation.memory_store import Journal
from tests.simulation.memory_view import MemoryView
from xueshi_sync import authority, block, exchange, merge, projection, replica, viewer
from xueshi_sync.body import JUDGE, K_BITS
from xueshi_sync.errors import MalformedBlockError
from xueshi_sync.replica import FOREIGN_OWN, Code, Intake, Replica
from xueshi_sync.store import PeerState
from xueshi_sync.viewer import Viewer
from xueshi_sync.writer import Action

Change = Callable[[ExitStack], None]
MUTANTS: Final[dict[str, Change]] = {}


def mutant(make: Change) -> Change:
    """Register a mutant under its name."""
    MUTANTS[make.__name__] = make
    return make


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Run with one mutant in place."""
    with ExitStack() as stack:
        MUTANTS[name](stack)
        yield


def swap(stack: ExitStack, target: Any, name: str, value: Any) -> None:
    """Replace an attribute until the stack closes."""
    stack.enter_context(patch.object(target, name, value))


# Identity of blocks and branches


@mutant
def place_instead_of_hash(stack: ExitStack) -> None:
    """A block is named by feed and seq, as (node, seq) designs do."""

    def by_place(tag: str, *parts: bytes) -> bytes:
        return digest("place", parts[0][16:32], parts[0][64:68]) if tag == "block" else digest(tag, *parts)

    digest = block.digest
    swap(stack, block, "digest", by_place)


@mutant
def refuse_forks(stack: ExitStack) -> None:
    """The second branch of a feed is refused."""
    has_parent = Replica._has_parent

    def only_child(self: Replica, new: Any, waiting: Any) -> bool:
        heads = self.feeds.heads_of(new.header.feed)
        taken = [seq for _, seq in heads if seq >= new.header.seq]
        if taken:
            raise MalformedBlockError("second branch")
        return has_parent(self, new, waiting)

    swap(stack, Replica, "_has_parent", only_child)


@mutant
def no_parent_rule(stack: ExitStack) -> None:
    """A block may be stored before its parent."""
    swap(stack, Replica, "_has_parent", lambda self, new, waiting: True)


@mutant
def children_first(stack: ExitStack) -> None:
    """What a peer lacks is sent in the wrong order."""
    missing = exchange.missing_blocks
    swap(stack, exchange, "missing_blocks", lambda *given: missing(*given)[::-1])


# Epochs


@mutant
def no_epochs(stack: ExitStack) -> None:
    """No evidence ever begins a new epoch."""
    swap(stack, Replica, "begin_epoch", lambda self, reason: None)


@mutant
def no_sidecar(stack: ExitStack) -> None:
    """Nothing outside the data folder is asked at the start."""
    swap(stack, Machine, "decide", lambda self, replica: None)


@mutant
def sidecar_without_epoch(stack: ExitStack) -> None:
    """The sidecar does not say which epoch it belongs to."""
    decide = Machine.decide

    def forgetful(self: Machine, node: Replica) -> str | None:
        reason = decide(self, node)
        return None if reason == "epoch_mismatch" else reason

    swap(stack, Machine, "decide", forgetful)


@mutant
def sidecar_without_published(stack: ExitStack) -> None:
    """The sidecar does not say how far the node had got."""
    decide = machine.decide_epoch

    def trusting(sidecar: Any, epoch: bytes, **known: bool) -> str | None:
        return decide(sidecar, epoch, **{**known, "published_known": True})

    swap(stack, machine, "decide_epoch", trusting)


@mutant
def foreign_blocks_unnoticed(stack: ExitStack) -> None:
    """Blocks of my own epoch that I never wrote are stored without a thought."""
    begin = Replica.begin_epoch

    def deaf(self: Replica, reason: str) -> None:
        if reason != FOREIGN_OWN:
            begin(self, reason)

    swap(stack, Replica, "begin_epoch", deaf)


@mutant
def sticks_do_not_detect(stack: ExitStack) -> None:
    """Only the line notices another copy of this node."""
    take = exchange.take_bundle

    def quiet(node: Replica, bundle: Any, **options: Any) -> Intake:
        with patch.object(Replica, "begin_epoch", lambda self, reason: None):
            return take(node, bundle, **options)

    import tests.simulation.healing as healing
    import tests.simulation.world as world

    swap(stack, world, "take_bundle", quiet)
    swap(stack, healing, "take_bundle", quiet)


# Exchange


@mutant
def own_feed_not_pulled(stack: ExitStack) -> None:
    """A node never gets its own lost blocks back."""
    answer = exchange._answer

    def without_own(node: Replica, request: Any, *rest: Any) -> Any:
        response = answer(node, request, *rest)
        own = {
            each.feed
            for state in node.feeds.scope_states()
            for each in node.feeds.feeds(state.scope_no)
            if each.node == request.header.node
        }
        kept = [data for data in response.blocks if block.parse_block(data).header.feed not in own]
        return exchange.Response(response.header, kept)

    swap(stack, exchange, "_answer", without_own)


@mutant
def own_memory_trusted(stack: ExitStack) -> None:
    """The client believes that what it once sent is there, whatever the centre says."""
    take = exchange.take_response

    def remembering(node: Replica, request: Any, response: Any) -> Any:
        outcome = take(node, request, response)
        heads = exchange.heads_in(node, [each.scope_no for each in node.feeds.scope_states()])
        peer = node.feeds.peer(node.identity.genesis.centre_node)  # type: ignore[union-attr]
        assert peer is not None
        with node.feeds.feed_transaction():
            node.feeds.put_peer(
                PeerState(peer.node, peer.epoch, exchange.join_heads(heads), 0, 0, "http")
            )
        return outcome

    import tests.simulation.healing as healing
    import tests.simulation.world as world

    swap(stack, world, "take_response", remembering)
    swap(stack, healing, "take_response", remembering)


@mutant
def receipt_before_commit(stack: ExitStack) -> None:
    """The centre signs for what was offered, and loses some of it."""
    accept = Replica.accept
    turns = iter(range(1 << 30))

    def careless(self: Replica, offered: Any, sender: bytes) -> Intake:
        if self.is_centre and offered and next(turns) % 7 == 0:
            return Intake([Code.STORED] * len(offered), len(offered), 0)
        return accept(self, offered, sender)

    def sign_all(node: Replica, request: Any, *rest: Any) -> Any:
        response = answer(node, request, *rest)
        last = [block.parse_block(each) for each in request.blocks[-1:]]
        more = [exchange.Receipt(b.header.feed, b.short, b.header.seq, 0, 0, 0) for b in last]
        signed = [exchange.sign_receipt(node.suite, node.seed, node.net, each) for each in more]
        header = exchange.msgspec.structs.replace(
            response.header, receipts=[*response.header.receipts, *signed]
        )
        return exchange.Response(header, response.blocks)

    answer = exchange._answer
    swap(stack, Replica, "accept", careless)
    swap(stack, exchange, "_answer", sign_all)


@mutant
def orphans_are_refused(stack: ExitStack) -> None:
    """What the centre could not store for want of a parent is never offered again."""
    remember = exchange._remember_refusals

    def final(node: Replica, centre: bytes, request: Any, header: Any, intake: Any) -> None:
        results = [(at, 5 if code == Code.NEED_PARENT else code) for at, code in header.results]
        changed = exchange.msgspec.structs.replace(header, results=results)
        kept = node.feeds.refused_by(centre)
        remember(node, centre, request, changed, intake)
        node.feeds.put_refused_by(centre, kept | node.feeds.refused_by(centre))

    swap(stack, exchange, "_remember_refusals", final)


@mutant
def stale_answer_taken(stack: ExitStack) -> None:
    """An answer is not bound to the request it answers."""
    import tests.simulation.world as world

    swap(stack, world.World, "binds", lambda self, mail: True)


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

    combine = viewer.scope_authority

    def any_true(rows: Any, name: str) -> Any:
        return [{**row, name: [any(each is True for each in row[name])]} for row in rows]

    def generous(genesis: Any, nodes: Any, cuts: Any, admits: Any) -> Any:
        return combine(genesis, any_true(nodes, "granted"), any_true(cuts, "lifted"), admits)

    swap(stack, viewer, "scope_authority", generous)


@mutant
def no_scope_check(stack: ExitStack) -> None:
    """Any node's blocks are stored in any scope that is held."""

    def admit(self: Replica, feed: Any) -> Code:
        return Code.STORED if self.feeds.scope_of(feed.scope) else Code.REFUSED_SCOPE

    swap(stack, Replica, "_admit", admit)


@mutant
def rights_at_the_door_only(stack: ExitStack) -> None:
    """Whoever's block is stored may write: a denied node goes on."""
    tier = authority.Authority.tier
    swap(stack, authority.Authority, "tier", lambda self, node, key: tier(self, node, key) or "school")


@mutant
def schools_judge(stack: ExitStack) -> None:
    """A school's verdict counts."""
    may = projection.may
    swap(stack, projection, "may", lambda table, kind, tier: kind == JUDGE or may(table, kind, tier))


@mutant
def anybody_governs(stack: ExitStack) -> None:
    """Words about rights count, whoever wrote them."""
    swap(stack, Viewer, "_is_centre", lambda self, node, key: self.genesis is not None)


@mutant
def signatures_unchecked(stack: ExitStack) -> None:
    """A block is believed without its signature."""

    def unsigned(suite: Any, feed: Any, new: Any) -> None:
        if block.sha256(new.stored_body) != new.header.body_hash:
            raise MalformedBlockError("body")

    swap(stack, block, "verify_block", unsigned)
    swap(stack, replica, "verify_block", unsigned)


@mutant
def body_unchecked(stack: ExitStack) -> None:
    """A block's body is believed without its hash."""

    def bodiless(suite: Any, feed: Any, new: Any) -> None:
        suite.verify(feed.key, b"xs1/sig\0" + new.bid, new.signature)

    swap(stack, block, "verify_block", bodiless)
    swap(stack, replica, "verify_block", bodiless)


@mutant
def county_unchecked(stack: ExitStack) -> None:
    """Blocks of another county are taken."""
    opened = replica.open_feed

    def any_county(suite: Any, net: bytes, new: Any) -> Any:
        declared = block.msgspec.msgpack.decode(block.read_body(new), type=block.EpochOpen)
        return opened(suite, declared.net, new)

    swap(stack, replica, "open_feed", any_county)


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
            name: [merge.Write(w.dot, w.value, w.preds, 0, (times[w.dot].to_bytes(9, "big"), w.name[1]))
                   for w in writes]
            for name, writes in found.items()
        }  # fmt: skip

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

    def first(verdicts: Any) -> Any:
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
