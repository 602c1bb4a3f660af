"""Files between a node and its centre: when, how much a day, and what is dropped for room.

Records go first and cost little; files follow in what a thin line has left. What a day may bring
and the hours in which it may come are the node's own settings.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from xueshi_server.domain.hours_of_day import is_within
from xueshi_server.shelf import Shelf
from xueshi_server.sources import SourceReport, fetch_from
from xueshi_server.store.contributions import is_part_of_contribution
from xueshi_server.store.holdings import tell_holdings
from xueshi_server.upload_checks import UPLOAD_BYTES
from xueshi_sync.files.content import Content
from xueshi_sync.files.delivery import DeliveryReport
from xueshi_sync.files.store import SPARE_BYTES
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from xueshi_sync.http_session import SyncSession

_BUDGET: Final = "files_budget"
_SPENT: Final = "files_spent"
# Lists name files, which are wanted next; folders hold no folders.
_ROUNDS: Final = 3


class Budget(msgspec.Struct, frozen=True):
    """What files may cost here; None: no limit. `hours` is "22:00-06:00", empty: always.

    `sources` are asked before the centre: addresses of neighbours, and folders.
    """

    day_bytes: int | None = None
    hours: str = ""
    quota_bytes: int | None = None
    sources: tuple[str, ...] = ()


class _Spent(msgspec.Struct, frozen=True):
    day: str = ""
    size_bytes: int = 0


def read_budget(node: Node) -> Budget:
    """The settings of this node."""
    coded = node.feeds.meta(_BUDGET)
    return msgspec.msgpack.decode(coded, type=Budget) if coded else Budget()


def write_budget(node: Node, budget: Budget) -> None:
    """Keep the settings of this node; they travel nowhere."""
    _keep(node, _BUDGET, budget)


def names_file(node: Node, content: Content) -> bool:
    """Whether a record here names a file by its digest, in a field called `file`, or names the
    folder that holds it; and it is no larger than what may be handed in."""
    if content.size > UPLOAD_BYTES:
        return False
    name = content.sha256.hex()
    for table in node.schema.tables:
        if ("file",) in table.indexes and node.query(
            f'SELECT 1 FROM "{table.name}" WHERE file = ? LIMIT 1', [name]
        ):
            return True
    return is_part_of_contribution(node, content)


def take_offers(node: Node) -> None:
    """Let a centre take the files that records name, and no others."""
    node.accepts_file = lambda _node, content: names_file(node, content)


def deliver_files(
    node: Node,
    *,
    url: str | None = None,
    session: "SyncSession | None" = None,
    deadline_s: float | None = None,
    at_once: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[DeliveryReport]:
    """Fetch what is wanted and give what only this node has; nothing to do costs no request.

    `at_once` ignores the hours and the day's limit: a person asked. Raises as `deliver_once`.
    """
    shelf = Shelf(node)
    reports: list[DeliveryReport] = []
    if node.replica.is_centre:
        shelf.advance()
        return reports
    now = dt.datetime.fromtimestamp(node.context.now_ms() / 1000)
    budget = read_budget(node)
    if not at_once and not is_within(budget.hours, now.time()):
        return reports
    shelf.advance()
    if budget.sources and node.files.wants(1):
        fetch_near(node, budget.sources, url=url, session=session)
    for _ in range(_ROUNDS):
        shelf.advance()
        allowance = None if at_once else _left(node, budget, now.date())
        if lacking_room(node):
            # What there is no room for would be fetched in vain, each time anew.
            allowance = 0
        if not _has_work(node, allowance):
            break
        shown = None if progress is None else _sum_up(node, progress)
        report = node.deliver_once(
            url, session=session, allowance_bytes=allowance, deadline_s=deadline_s, progress=shown
        )
        _spend(node, now.date(), report.bytes_received)
        reports.append(report)
        if not report.whole:
            break
    if budget.quota_bytes is not None:
        node.files.evict(budget.quota_bytes)
    tell_holdings(node)
    return reports


def fetch_near(
    node: Node,
    sources: Sequence[str],
    *,
    url: str | None = None,
    session: "SyncSession | None" = None,
) -> list[SourceReport]:
    """Take what stands nearer than the centre, which is asked for the lists of chunks alone."""

    def lists(allowance_bytes: int) -> None:
        node.deliver_once(url, session=session, allowance_bytes=allowance_bytes)

    has_line = bool(url or node.urls) and not node.replica.is_centre
    return fetch_from(node, sources, deliver_lists=lists if has_line else None)


def lacking_room(node: Node) -> int:
    """How many bytes the disk is short of for the file that comes next; 0: there is room."""
    rows = node.files.rows
    piece = next(rows.wanted(), None)
    if piece is None:
        return 0
    missing = rows.missing_bytes(piece.number)
    wanted = rows.size_of(piece.number) if missing is None else missing
    free = shutil.disk_usage(node.home).free
    return max(0, wanted + SPARE_BYTES - free)


def _has_work(node: Node, allowance: int | None) -> bool:
    fetches = allowance is None or allowance > 0
    return bool((fetches and node.files.wants(1)) or node.files.to_offer(1))


def _sum_up(node: Node, progress: Callable[[int, int], None]) -> Callable[[str, int, int], None]:
    """Progress over all files instead of over one exchange."""
    total = node.files.wanted_bytes()

    def show(_phase: str, _done: int, _total: int) -> None:
        progress(total - node.files.wanted_bytes(), total)

    return show


def _left(node: Node, budget: Budget, day: dt.date) -> int | None:
    if budget.day_bytes is None:
        return None
    spent = _spent(node)
    used = spent.size_bytes if spent.day == day.isoformat() else 0
    return max(0, budget.day_bytes - used)


def _spend(node: Node, day: dt.date, size_bytes: int) -> None:
    spent = _spent(node)
    before = spent.size_bytes if spent.day == day.isoformat() else 0
    _keep(node, _SPENT, _Spent(day.isoformat(), before + size_bytes))


def _spent(node: Node) -> _Spent:
    coded = node.feeds.meta(_SPENT)
    return msgspec.msgpack.decode(coded, type=_Spent) if coded else _Spent()


def _keep(node: Node, key: str, value: Budget | _Spent) -> None:
    with node.replica.lock, node.feeds.feed_transaction():
        node.feeds.put_meta(key, msgspec.msgpack.encode(value))
