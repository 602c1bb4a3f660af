"""Where things are in a node's folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """`data/` is what a backup holds the truth of; `key/` is never in one; `stage/` is scratch."""

    home: Path

    @property
    def feed(self) -> Path:
        """The truth."""
        return self.home / "data" / "feed.db"

    @property
    def view(self) -> Path:
        """The derived tables."""
        return self.home / "data" / "view.db"

    @property
    def next_view(self) -> Path:
        """The derived tables under the next schema, while they are made."""
        return self.home / "data" / "view-next.db"

    @property
    def reserve(self) -> Path:
        """Room kept back for a full disk."""
        return self.home / "data" / "reserve"

    @property
    def open_marker(self) -> Path:
        """There while a process has the node open: found at a start, it was no clean stop."""
        return self.home / "data" / "open"

    @property
    def restore_marker(self) -> Path:
        """There from before a backup is put in place until its new epoch has begun."""
        return self.home / "data" / "restored"

    @property
    def restored_feed(self) -> Path:
        """A verified backup on its way to become `feed.db`."""
        return self.home / "data" / "feed-restored.db"

    @property
    def key(self) -> Path:
        """The node's private key."""
        return self.home / "key" / "node.key"

    @property
    def root_key(self) -> Path:
        """The county's root key, until it was moved to two sticks in two safes."""
        return self.home / "key" / "county-root.key"

    @property
    def files(self) -> Path:
        """Training materials, photos and the site, by content."""
        return self.home / "files"

    @property
    def stage(self) -> Path:
        """Uploads that arrive in pieces, and answers on their way."""
        return self.home / "stage"
