"""Forms that somebody began to fill in and left: another person's turn, a lock, a power cut.

Each belongs to an account and to the address of its page; it comes back when the same person opens
that page again, and is forgotten when the form has been sent.
"""

from typing import Final

from xueshi_server.accounts import Accounts
from xueshi_server.local_file import LocalFile

# The longest form of a pack, filled to the brim, many times over.
BODY_CHARS_MAX: Final = 100_000
# Pages of one account; of more the oldest is dropped.
FORMS_MAX: Final = 8
# What nobody came back for in a month is forgotten.
KEPT_S: Final = 30 * 86_400
# So long after it was left, whoever logs in is taken there at once.
FRESH_S: Final = 12 * 3600
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS left_form (
  account_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE, page TEXT NOT NULL,
  body TEXT NOT NULL, at_s INTEGER NOT NULL, PRIMARY KEY (account_id, page)
) STRICT, WITHOUT ROWID;
"""


class LeftForms:
    """The forms of one account."""

    def __init__(self, accounts: Accounts, account_id: int) -> None:
        self._file: LocalFile = accounts.file
        self._account_id = account_id
        self._now_s = accounts.now_s

    @staticmethod
    def prepare(accounts: Accounts) -> None:
        """Make the table."""
        accounts.file.prepare(_SCHEMA)

    def keep(self, page: str, body: str) -> bool:
        """Keep what was typed on a page; False when it is too long."""
        if len(body) > BODY_CHARS_MAX:
            return False
        now_s = int(self._now_s())
        self._file.run(
            "INSERT OR REPLACE INTO left_form VALUES (?, ?, ?, ?)",
            self._account_id, page, body, now_s,
        )  # fmt: skip
        self._file.run(
            "DELETE FROM left_form WHERE account_id = ?1 AND (abs(?2 - at_s) > ?3 OR page NOT IN"
            " (SELECT page FROM left_form WHERE account_id = ?1"
            " ORDER BY at_s DESC, page LIMIT ?4))",
            self._account_id, now_s, KEPT_S, FORMS_MAX,
        )  # fmt: skip
        return True

    def find(self, page: str) -> str:
        """What was typed on a page; empty when nothing waits."""
        rows = self._file.run(
            "SELECT body FROM left_form WHERE account_id = ? AND page = ?", self._account_id, page
        )
        return str(rows[0][0]) if rows else ""

    def forget(self, page: str) -> None:
        """The form was sent, or given up."""
        self._file.run(
            "DELETE FROM left_form WHERE account_id = ? AND page = ?", self._account_id, page
        )

    def latest(self) -> tuple[str, int] | None:
        """(page, when) of what was left last, if that is not long ago."""
        rows = self._file.run(
            "SELECT page, at_s FROM left_form WHERE account_id = ? AND abs(? - at_s) <= ?"
            " ORDER BY at_s DESC LIMIT 1",
            self._account_id, int(self._now_s()), FRESH_S,
        )  # fmt: skip
        return (str(rows[0][0]), int(str(rows[0][1]))) if rows else None
