"""Named places in the real node where a child process of these tests can be made to die.

XUESHI_FAULT=point:n kills the process at the n-th passage. Only the children read it: they wrap the
node's functions in place; the product knows nothing of this.
"""

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

VARIABLE: Final = "XUESHI_FAULT"


class Point(NamedTuple):
    """A function of the node, and whether to die before it runs or after."""

    module: str
    name: str
    when: str


BEFORE: Final = "before"
AFTER: Final = "after"
SCHOOL: Final[dict[str, Point]] = {
    "save.before_commit": Point("sqlite_feeds", "SqliteFeeds.add_open_ops", AFTER),
    "save.before_view": Point("viewer", "Viewer.show", BEFORE),
    "view.inside": Point("sqlite_view", "SqliteView.put_watermark", AFTER),
    "seal.before": Point("sealing", "_close_open", BEFORE),
    "seal.before_commit": Point("sqlite_feeds", "SqliteFeeds.drop_open_ops", AFTER),
    "seal.before_view": Point("viewer", "Viewer.show_sealed", BEFORE),
    "seal.after": Point("replica", "Replica.seal", AFTER),
    "sidecar.before": Point("sidecar", "write_sidecar", BEFORE),
    "sidecar.after_rename": Point("sidecar", "sync_folder", BEFORE),
    "sidecar.after": Point("sidecar", "write_sidecar", AFTER),
    "send.before": Point("http_line", "EnvelopeLine.fetch_answer", BEFORE),
    "reply.after": Point("http_line", "EnvelopeLine.fetch_answer", AFTER),
    "pull.before": Point("exchange", "take_response", BEFORE),
    "pull.half": Point("intake", "_store", AFTER),
    "pull.receipts": Point("receipts", "keep_receipts", BEFORE),
    "pull.after": Point("exchange", "take_response", AFTER),
    "rebuild.dropped": Point("maintenance", "drop_view", AFTER),
    "backup.before_rename": Point("maintenance", "_check_database", AFTER),
    "join.before_commit": Point("sqlite_feeds", "SqliteFeeds.put_scope", AFTER),
    "join.before_view": Point("replica", "Replica.open_view", BEFORE),
    "join.before_ticket": Point("replica", "Replica.join", AFTER),
    "join.before_scopes": Point("replica", "Replica.hold_scope", BEFORE),
    "restore.copied": Point("maintenance", "_copy_blocks", AFTER),
    "restore.aside": Point("maintenance", "_set_aside", AFTER),
    "restore.before_view": Point("maintenance", "drop_view", BEFORE),
}
CENTRE: Final[dict[str, Point]] = {
    "enrol.before": Point("enrolment", "enrol_node", BEFORE),
    "enrol.after": Point("enrolment", "enrol_node", AFTER),
    "take.before": Point("replica", "Replica.accept", BEFORE),
    "take.inside": Point("sqlite_feeds", "SqliteFeeds.add_block", AFTER),
    "take.before_view": Point("viewer", "Viewer.show", BEFORE),
    "take.view_inside": Point("sqlite_view", "SqliteView.put_watermark", AFTER),
    "take.after": Point("replica", "Replica.accept", AFTER),
    "answer.before": Point("exchange", "_answer", BEFORE),
    "answer.peer": Point("peers", "remember_peer", AFTER),
    "reply.before": Point("node", "Node.answer", AFTER),
    "reply.kept": Point("stage", "Stage.keep_answer", AFTER),
}
# While a node goes on under a schema whose records came before it.
ADOPTION: Final[dict[str, Point]] = {
    "adopt.copied": Point("second_view", "copy_view", AFTER),
    "adopt.changed": Point("view_change", "change_tables", AFTER),
    "adopt.projected": Point("second_view", "TableViewer.project_tables", AFTER),
    "adopt.made": Point("second_view", "make_second_view", AFTER),
    "adopt.before_remember": Point("adoption", "remember", BEFORE),
    "adopt.remembered": Point("adoption", "remember", AFTER),
    "adopt.dropped": Point("sidecar", "sync_folder", BEFORE),
    "adopt.switched": Point("adoption", "switch_views", AFTER),
}
ALL: Final = SCHOOL | CENTRE | ADOPTION


def resolve(point: Point) -> tuple[Any, str, Callable[..., Any]]:
    """(holder, attribute, function); raises AttributeError where the node has no such function."""
    holder: Any = importlib.import_module(f"xueshi_sync.{point.module}")
    *path, name = point.name.split(".")
    for each in path:
        holder = getattr(holder, each)
    return holder, name, getattr(holder, name)


def arm() -> None:
    """Wrap the function that XUESHI_FAULT names, wherever it was imported to."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    name, _, passage = wanted.rpartition(":")
    point = ALL[name]
    holder, attribute, function = resolve(point)
    deadly = _deadly(function, point.when, int(passage))
    setattr(holder, attribute, deadly)
    for imported, module in list(sys.modules.items()):
        if imported.startswith("xueshi_sync.") and getattr(module, attribute, None) is function:
            setattr(module, attribute, deadly)


def _deadly(function: Callable[..., Any], when: str, passage: int) -> Callable[..., Any]:
    count = 0

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if when == BEFORE and count == passage:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if when == AFTER and count == passage:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped
