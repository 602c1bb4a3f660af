"""Several people at one PC: who typed the password here today comes back by a PIN.

Six digits guard a registrar's rights only where a password did so first: in the same browser (a
random cookie, of which the digest is stored), from the same address, within the day. After five
wrong tries the password is asked again. A session that began with a PIN changes no accounts.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from xueshi_server.accounts import JUMP_S, Account, Accounts, digest
from xueshi_server.errors import LoginRefusedError, PinGoneError, PinRefusedError

# A PIN is good for so long after the password.
PIN_S: Final = 24 * 3600
WRONG_MOST: Final = 5
# A browser is known as one that somebody uses for so long; known ones wait in no stranger's queue.
KNOWN_S: Final = 90 * 86_400


@dataclass(frozen=True, slots=True)
class Place:
    """A browser at an address: the cookie it brought, and from where."""

    cookie: str
    address: str


class QuickSwitch:
    """Who may come back by PIN, and where."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._run = accounts.file.run

    def remember(self, place: Place, account: Account) -> Place:
        """Write down that the whole secret was typed here; return the place with its cookie."""
        kept = place if self._is_ours(place.cookie) else Place(make_cookie(), place.address)
        now_s = int(self._accounts.now_s())
        self._run(
            "INSERT OR REPLACE INTO device VALUES (?, ?, ?, ?, 0)",
            digest(kept.cookie), account.account_id, place.address, now_s,
        )  # fmt: skip
        self._run("DELETE FROM device WHERE abs(? - entered_s) > ?", now_s, KNOWN_S)
        return kept

    def _is_ours(self, cookie: str) -> bool:
        """Whether we gave that cookie: nobody else chooses its value."""
        return bool(self._run("SELECT 1 FROM device WHERE device_hash = ?", digest(cookie)))

    def knows(self, cookie: str, login: str) -> bool:
        """Whether the account was once entered in that browser."""
        found = self._run(
            "SELECT 1 FROM device JOIN account USING (account_id)"
            " WHERE device_hash = ? AND login = ?",
            digest(cookie), login.lower(),
        )  # fmt: skip
        return bool(found)

    def list_here(self, place: Place) -> list[Account]:
        """Who may come back by PIN here, the latest first."""
        rows = self._run(
            "SELECT account_id, entered_s FROM device WHERE device_hash = ? AND address = ?"
            " AND failed < ? ORDER BY entered_s DESC, account_id",
            digest(place.cookie), place.address, WRONG_MOST,
        )  # fmt: skip
        now_s = self._accounts.now_s()
        fresh = [
            int(str(account_id))
            for account_id, entered_s in rows
            # A clock that jumped: how long ago it was is unknown.
            if -JUMP_S <= now_s - int(str(entered_s)) <= PIN_S
        ]
        found = [self._accounts.find(each) for each in fresh]
        return [
            each
            for each in found
            if each is not None and each.enabled and not each.must_change
            if each.has_pin or each.has_switch_pin
        ]

    def enter(self, place: Place, account_id: int, pin: str) -> Account:
        """Return the account whose PIN that is.

        Raises PinGoneError where a PIN is not enough, PinRefusedError with the tries that are left.
        """
        account = next(
            (each for each in self.list_here(place) if each.account_id == account_id), None
        )
        if account is None:
            raise PinGoneError
        # Counted before it is looked at: two tries at once are two tries.
        self._run(
            "UPDATE device SET failed = failed + 1 WHERE device_hash = ? AND account_id = ?",
            digest(place.cookie), account_id,
        )  # fmt: skip
        if not self._is_right(account, pin):
            left = WRONG_MOST - self._count_failed(place, account_id)
            raise PinRefusedError(left=left) if left > 0 else PinGoneError
        self._run(
            "UPDATE device SET failed = 0 WHERE device_hash = ? AND account_id = ?",
            digest(place.cookie), account_id,
        )  # fmt: skip
        return account

    def _is_right(self, account: Account, pin: str) -> bool:
        if not account.has_pin:
            return self._accounts.is_switch_pin(account, pin)
        try:
            self._accounts.check(account.login, pin)
        except LoginRefusedError:
            return False
        return True

    def _count_failed(self, place: Place, account_id: int) -> int:
        rows = self._run(
            "SELECT failed FROM device WHERE device_hash = ? AND account_id = ?",
            digest(place.cookie), account_id,
        )  # fmt: skip
        return int(str(rows[0][0])) if rows else WRONG_MOST

    def forget(self, place: Place, account: Account) -> None:
        """Somebody has logged out of this browser: next time the password is asked."""
        self._run(
            "DELETE FROM device WHERE device_hash = ? AND account_id = ?",
            digest(place.cookie), account.account_id,
        )  # fmt: skip


def make_cookie() -> str:
    """What tells one browser from another."""
    return secrets.token_urlsafe(32)
