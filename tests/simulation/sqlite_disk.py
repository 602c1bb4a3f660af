"""The same disk as real files: seeds that passed in memory are played again over SQLite."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tests.simulation.machine import Disk
from xueshi_sync.sqlite_feeds import SqliteFeeds
from xueshi_sync.sqlite_view import SqliteView
from xueshi_sync.store import FeedStore, ViewStore

Hook = Callable[[str], None]


class HookedTransactions:
    """The store's own transactions, with a hook before and after the outermost commit."""

    def __init__(self, inner: Callable[[], AbstractContextManager[None]], name: str) -> None:
        self._inner = inner
        self._name = name
        self._depth = 0
        self.hook: Hook | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if self._depth or self.hook is None:
            with self._inner():
                yield
            return
        self._depth += 1
        try:
            with self._inner():
                yield
                self.hook(f"{self._name}.before")
        finally:
            self._depth -= 1
        self.hook(f"{self._name}.after")


class SqliteDisk:
    """Two SQLite files in a folder of their own under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = Path(tempfile.mkdtemp(dir=root))
        self._synced: Path | None = None
        self._open()

    def _open(self) -> None:
        feeds = SqliteFeeds(self.folder / "feed.db")
        view = SqliteView(self.folder / "view.db", {})
        self._files: list[Any] = [feeds, view]
        feeds.db.execute("PRAGMA synchronous = OFF")  # the crash is simulated, the disk is not
        view.db.execute("PRAGMA synchronous = OFF")
        feeds.feed_transaction = HookedTransactions(feeds.feed_transaction, "feed")  # type: ignore[assignment]
        view.view_transaction = HookedTransactions(view.view_transaction, "view")  # type: ignore[assignment]
        self.feeds: FeedStore = feeds
        self.view: ViewStore = view

    def close(self) -> None:
        """Close both files."""
        for each in self._files:
            each.close()

    def copy(self) -> Disk:
        """Return another disk with the same content."""
        other = SqliteDisk(self.root)
        for mine, theirs in zip(self._files, other._files, strict=True):
            mine.db.backup(theirs.db)
        other.close()
        other._open()
        return other

    def sync_view(self) -> None:
        """Remember the view as it is now as what a power cut would leave."""
        self._synced = self.folder / "synced.db"
        self._synced.unlink(missing_ok=True)
        kept = SqliteView(self._synced, {})
        self._files[1].db.backup(kept.db)
        kept.close()

    def lose_view_tail(self) -> bool:
        """Put the view back to what was synced last; False where nothing was."""
        if self._synced is None:
            return False
        self.close()
        kept = SqliteView(self._synced, {})
        for part in ("", "-wal", "-shm"):
            (self.folder / f"view.db{part}").unlink(missing_ok=True)
        fresh = SqliteView(self.folder / "view.db", {})
        kept.db.backup(fresh.db)
        kept.close()
        fresh.close()
        self._open()
        return True

    def reopen(self, hook: Hook) -> None:
        """Open the files again, as a start does."""
        self.close()
        self._open()
        for transactions in (self.feeds.feed_transaction, self.view.view_transaction):
            transactions.hook = hook  # type: ignore[attr-defined]
