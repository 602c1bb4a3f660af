"""Mutants of identity, epochs and exchange."""

from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import msgspec

from tests.simulation import healing, machine, world
from tests.simulation.machine import Machine
from tests.simulation.mutation import mutant, of, swap
from xueshi_sync import block, exchange, intake, offering
from xueshi_sync.errors import MalformedBlockError
from xueshi_sync.frame import Receipt, sign_receipt
from xueshi_sync.holdings import FOREIGN_OWN
from xueshi_sync.intake import Code, Intake
from xueshi_sync.offering import heads_in
from xueshi_sync.plan import join_heads
from xueshi_sync.replica import Replica
from xueshi_sync.store import PeerState

# Identity of blocks and branches


@mutant
def place_instead_of_hash(stack: ExitStack) -> None:
    """A block is named by feed and seq, as (node, seq) designs do."""

    def by_place(tag: str, *parts: bytes) -> Any:
        return (
            digest("place", parts[0][16:32], parts[0][64:68])
            if tag == "block"
            else digest(tag, *parts)
        )

    digest = of(block, "digest")
    swap(stack, block, "digest", by_place)


@mutant
def refuse_forks(stack: ExitStack) -> None:
    """The second branch of a feed is refused."""
    has_parent = intake._has_parent

    def only_child(node: Replica, new: Any, waiting: Any) -> bool:
        heads = node.feeds.heads_of(new.header.feed)
        taken = [seq for _, seq in heads if seq >= new.header.seq]
        if taken:
            raise MalformedBlockError("second branch")
        return has_parent(node, new, waiting)

    swap(stack, intake, "_has_parent", only_child)


@mutant
def no_parent_rule(stack: ExitStack) -> None:
    """A block may be stored before its parent."""
    swap(stack, intake, "_has_parent", lambda node, new, waiting: True)


@mutant
def children_first(stack: ExitStack) -> None:
    """What a peer lacks is sent in the wrong order."""
    missing = of(offering, "missing_blocks")
    swap(stack, offering, "missing_blocks", lambda *given: missing(*given)[::-1])


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
    decide = of(machine, "decide_epoch")

    def trusting(sidecar: Any, epoch: bytes, **known: bool) -> Any:
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
        heads = heads_in(node, [each.scope_no for each in node.feeds.scope_states()])
        peer = node.feeds.peer(node.identity.genesis.centre_node)  # type: ignore[union-attr]
        assert peer is not None
        with node.feeds.feed_transaction():
            node.feeds.put_peer(PeerState(peer.node, peer.epoch, join_heads(heads), 0, 0, "http"))
        return outcome

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
        more = [Receipt(b.header.feed, b.short, b.header.seq, 0, 0, 0) for b in last]
        signed = [sign_receipt(node.suite, node.seed, node.net, each) for each in more]
        header = msgspec.structs.replace(
            response.header, receipts=[*response.header.receipts, *signed]
        )
        return exchange.Response(header, response.blocks)

    answer = exchange._answer
    swap(stack, Replica, "accept", careless)
    swap(stack, exchange, "_answer", sign_all)


@mutant
def orphans_are_refused(stack: ExitStack) -> None:
    """What the centre could not store for want of a parent is never offered again."""
    remember = of(exchange, "remember_refusals")

    def final(node: Replica, centre: bytes, offered: Any, header: Any, known: Any) -> None:
        results = [(at, 5 if code == Code.NEED_PARENT else code) for at, code in header.results]
        changed = msgspec.structs.replace(header, results=results)
        kept = node.feeds.refused_by(centre)
        remember(node, centre, offered, changed, known)
        node.feeds.put_refused_by(centre, kept | node.feeds.refused_by(centre))

    swap(stack, exchange, "remember_refusals", final)


@mutant
def stale_answer_taken(stack: ExitStack) -> None:
    """An answer is not bound to the request it answers."""
    swap(stack, world.World, "binds", lambda self, mail: True)
