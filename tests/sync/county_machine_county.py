"""A small county: a centre, a township that judges two schools, and their computers.

Everything between two nodes happens here, one message at a time, so that any message can be lost,
kept back or given twice.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from tests.sync.core_support import offer_until_settled
from tests.sync.county_machine_history import CENTRE, Saying
from tests.sync.county_machine_nodes import Member, Sealed
from tests.sync.craft import County, id_of, seed_of
from xueshi_sync.block import parse_block
from xueshi_sync.errors import RefusedError
from xueshi_sync.exchange import (
    Outcome,
    Request,
    Response,
    answer_request,
    make_bundle,
    make_request,
    take_bundle,
    take_response,
)
from xueshi_sync.identity import Identity, admin_scope

SCHOOLS: Final = {"a": id_of("a/scope"), "b": id_of("b/scope")}
# Computer -> school: the first two are of one school and edit the same records.
PCS: Final = {"a1": "a", "a2": "a", "b1": "b"}
TOWNSHIP: Final = "township"
NODES: Final = (*PCS, TOWNSHIP)
EVERYBODY: Final = (*NODES, CENTRE)
WHOLE: Final = 1 << 20
ROUNDS_MAX: Final = 12


@dataclass(frozen=True)
class Stick:
    """A bundle on its way."""

    reader: str
    bundle: Request


@dataclass(frozen=True)
class Answered:
    """An exchange whose answer is still on its way."""

    label: str
    request: Request
    response: Response


class SmallCounty:
    """The nodes, and what passes between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.genesis = County().genesis
        self.sealed: Sealed = {}
        self.members: dict[str, Member] = {}
        self._centres = 0
        self.grants: dict[tuple[str, bytes], Saying] = {}
        self.members[CENTRE] = self._new_centre()
        for label in NODES:
            home = SCHOOLS[PCS[label]] if label in PCS else id_of(f"{label}/scope")
            tier = "school" if label in PCS else TOWNSHIP
            identity = Identity(id_of(f"{label}/node"), tier, home, self.genesis)
            self.members[label] = Member(
                label, folder / label, identity, seed_of(label), self.sealed
            )
        self._grant_all()

    def _new_centre(self) -> Member:
        self._centres += 1
        name = f"centre-{self._centres}"
        identity = Identity(
            self.genesis.centre_node, CENTRE, admin_scope(self.genesis.net), self.genesis
        )
        return Member(CENTRE, self.folder / name, identity, County().centre_seed, self.sealed)

    def _grant_all(self) -> None:
        for label in NODES:
            scopes = [SCHOOLS[PCS[label]]] if label in PCS else list(SCHOOLS.values())
            for scope in scopes:
                self.centre.replica.hold_scope(scope)
                self.grants[label, scope] = self._grant(self.members[label], scope)

    def _grant(self, member: Member, scope: bytes) -> Saying:
        with self.centre.speak(scope) as pen:
            return pen.insert(
                "_node",
                {"node": member.identity.node, "key": member.replica.key,
                 "tier": member.identity.tier, "code": member.label, "name": member.label,
                 "granted": True},
            )  # fmt: skip

    @property
    def centre(self) -> Member:
        """The centre as it is now."""
        return self.members[CENTRE]

    @property
    def everything(self) -> list[Saying]:
        """All that was ever said and saved."""
        waiting = [each for member in self.members.values() for each in member.open]
        return [each for block in self.sealed.values() for each in block] + waiting

    def entitled(self, label: str) -> list[bytes]:
        """The schools whose records a node may have, as the centre sees it now."""
        readings = {scope: self.centre.reading(scope) for scope in SCHOOLS.values()}
        return [scope for scope, reading in readings.items() if reading.right(label) is not None]

    def scopes_at(self, label: str) -> list[bytes]:
        """The schools a node holds."""
        return self.scopes_of(self.members[label])

    def scopes_of(self, member: Member) -> list[bytes]:
        """The same for a node that is no part of the county yet."""
        held = member.scopes
        return [scope for scope in SCHOOLS.values() if scope in held]

    # Messages

    def ask(self, label: str, limit: int = WHOLE) -> Request:
        """A request with about `limit` bytes each way."""
        member = self.members[label]
        member.seal()
        request = make_request(member.replica, limit)
        header = msgspec.structs.replace(request.header, limit_bytes=limit)
        return replace(request, header=header)

    def answer(self, request: Request) -> Response:
        """What the centre answers now."""
        self.centre.seal()
        return answer_request(self.centre.replica, request, carrier="http")

    def hear(self, answered: Answered) -> Outcome | None:
        """Give a node an answer; None where it was refused."""
        replica = self.members[answered.label].replica
        try:
            return take_response(replica, answered.request, answered.response)
        except RefusedError:
            return None

    def exchange(self, label: str, limit: int = WHOLE) -> Outcome | None:
        """Ask and hear."""
        request = self.ask(label, limit)
        outcome = self.hear(Answered(label, request, self.answer(request)))
        assert outcome is not None or not self.entitled(label), f"{label} was refused"
        return outcome

    def pack(self, who: str, reader: str) -> Stick:
        """A bundle of all that one node believes another to lack."""
        target = self.members[reader]
        self.members[who].seal()
        bundle = make_bundle(self.members[who].replica, target.identity.node, target.replica.key)
        return Stick(reader, bundle)

    def only_from(self, author: str, stick: Stick) -> Stick:
        """What is left of a bundle when everything but one node's words is lost."""
        feeds = self.centre.feeds
        blocks = [
            data
            for data in stick.bundle.blocks
            if (feed := feeds.feed(parse_block(data).header.feed)) is not None
            and feed.node == self.members[author].identity.node
        ]
        return Stick(stick.reader, replace(stick.bundle, blocks=blocks))

    def unpack(self, stick: Stick, *, part: slice | None = None) -> None:
        """Take a bundle, or what is left of one."""
        bundle = stick.bundle
        if part is not None:
            bundle = replace(bundle, blocks=bundle.blocks[part])
        take_bundle(self.members[stick.reader].replica, bundle, complete=part is None)

    def meet(self, labels: Sequence[str]) -> None:
        """Let some nodes come level with each other by the centre."""
        for label in (*labels, *labels):
            if label == CENTRE:
                self.centre.seal()
            else:
                self.exchange(label)

    def come_to_rest(self) -> None:
        """Exchange until nobody has more in two turns: what one pushed, the other then pulled."""
        quiet = 0
        for _ in range(ROUNDS_MAX):
            outcomes = [self.exchange(label) for label in NODES]
            quiet = 0 if any(each and each.more for each in outcomes) else quiet + 1
            if quiet == 2:
                unlevel = [
                    label
                    for label, each in zip(NODES, outcomes, strict=True)
                    if each and not each.level
                ]
                assert unlevel == [], "at rest, and not level with the centre"
                return
        raise AssertionError("no end of exchanging")

    # The centre's disk

    def rebuild_centre(self, order: int, look: Callable[[Member], None]) -> None:
        """A new disk for the centre: its blocks come back in any order, nothing else does. `look`
        is given the centre as it comes together."""
        old = self.centre
        old.seal()
        blocks = [data for scope in old.scopes for data in old.blocks(scope)]
        random.Random(order).shuffle(blocks)
        new = self._new_centre()
        new.env.time_ms = old.env.time_ms
        for end in (len(blocks) // 3, len(blocks) * 2 // 3, len(blocks)):
            offer_until_settled(new.replica, blocks[:end])
            look(new)
        assert old.held <= new.held, "a centre does not take back what it held"
        self.members[CENTRE] = new
        old.remove()

    def close(self) -> None:
        """Close all files."""
        for member in self.members.values():
            member.close()
