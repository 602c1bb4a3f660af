"""What every page needs: the node, its accounts, the background agent and who is asking."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from flask import current_app, g, request

from xueshi_server.accounts import Account, Accounts
from xueshi_server.errors import ForbiddenError, NoScopeError
from xueshi_server.lan import LanDoor
from xueshi_server.left_forms import LeftForms
from xueshi_server.local_file import TriesFile
from xueshi_server.quick_switch import QuickSwitch
from xueshi_server.record_types import HOUR
from xueshi_server.shelf import Shelf
from xueshi_server.store.undoing import Saved
from xueshi_server.web.throttle import Throttle
from xueshi_server.words import LANGUAGES
from xueshi_sync.agent import SyncAgent
from xueshi_sync.node import Node
from xueshi_sync.writer import Action

EXTENSION = "xueshi"
LANGUAGE_COOKIE = "xueshi_lang"
# Other machines that were here lately; enough to see that phones come through.
VISITORS_MAX: Final = 20


@dataclass
class Site:
    """One node's web application."""

    node: Node
    accounts: Accounts
    agent: SyncAgent | None = None
    site_dir: Path | None = None
    host_names: frozenset[str] = frozenset()
    lan: LanDoor | None = None
    clock: Callable[[], float] = monotonic
    switch: QuickSwitch = field(init=False)
    shelf: Shelf = field(init=False)
    by_login: Throttle = field(init=False)
    by_address: Throttle = field(init=False)
    # When each other machine last asked for a page.
    visitors: OrderedDict[str, float] = field(default_factory=OrderedDict)
    # What each session saved last.
    saved: OrderedDict[str, Saved] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        tries = TriesFile(self.accounts.file)
        # Five quick slips are human; then a try each half minute. Addresses are shared by many PCs.
        self.by_login = Throttle(5, 30, self.clock, tries)
        self.by_address = Throttle(20, 10, self.clock, tries)
        self.switch = QuickSwitch(self.accounts)
        self.shelf = Shelf(self.node)
        LeftForms.prepare(self.accounts)

    @property
    def has_training_site(self) -> bool:
        """Whether a training site was published and arrived, or was built here."""
        if self.shelf.shown() is not None:
            return True
        return self.site_dir is not None and (self.site_dir / "index.html").is_file()

    @property
    def can_enter(self) -> bool:
        """Whether this node writes hours."""
        return self.node.role in HOUR.writers

    @property
    def can_review(self) -> bool:
        """Whether this node judges hours."""
        return self.node.role in HOUR.judges

    @property
    def can_check(self) -> bool:
        """Whether this node enters hours that another one judges: its head looks at them first."""
        return self.can_enter and not self.can_review


def this_site() -> Site:
    """The site that answers this request."""
    site: Site = current_app.extensions[EXTENSION]
    return site


def this_node() -> Node:
    """The node behind this request."""
    return this_site().node


def whoami() -> Account | None:
    """The account that is logged in."""
    account: Account | None = g.get("account")
    return account


def left_forms() -> LeftForms | None:
    """The forms that whoever asks has left unfinished."""
    account = whoami()
    return LeftForms(this_site().accounts, account.account_id) if account else None


def actor() -> str:
    """The log-in name that is written beside what this request changes."""
    account = whoami()
    if account is None:
        raise ForbiddenError
    return account.login


@contextmanager
def saving() -> Iterator[Action]:
    """One action of whoever is logged in: durable when the block ends; then a sync soon."""
    site = this_site()
    with site.node.write(actor=actor()) as action:
        yield action
    if site.agent is not None:
        site.agent.poke()


def home_scope_no() -> int:
    """The school this node writes for."""
    if not this_site().can_enter:
        raise NoScopeError
    return this_node().replica.home_scope_no


def language() -> str:
    """The language asked for by `?lang=`, else remembered in the cookie, else Chinese."""
    for wanted in (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return LANGUAGES[0]
