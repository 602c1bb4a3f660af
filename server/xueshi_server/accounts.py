"""Accounts and log-in sessions of this node, in the file of this PC that is never replicated.

Passwords are hashed with argon2id. There is no default password: whoever makes an account gets a
one-time code, and the first log-in with it asks for a password of one's own. A teacher, who only
sees what is the teacher's own, chooses a PIN. Everybody else may choose one too, which is good for
nothing but coming back on a PC where the password was typed that day (`quick_switch`). A session
is a random cookie of which only the digest is stored; log-in always makes a new one. Log-ins and
changes of rights are written down; neither secrets nor their lengths are.
"""

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from xueshi_server.errors import LoginRefusedError, LoginTakenError, WeakPasswordError, WeakPinError
from xueshi_server.local_file import FILE_NAME as FILE_NAME
from xueshi_server.local_file import LocalFile

Role = Literal["admin", "registrar", "principal", "reviewer", "viewer", "teacher"]
# In the order of their weight: the first of an account's roles is the one it is known by.
ROLES: Final[tuple[Role, ...]] = (
    "admin", "registrar", "principal", "reviewer", "viewer", "teacher",
)  # fmt: skip
FIRST_LOGIN: Final = "admin"
PASSWORD_LEAST: Final = 10
PASSWORD_MOST: Final = 200
PIN_LEAST: Final = 6
# So many wrong tries in a row make a PIN void: a million PINs are guessed sooner than a sentence.
PIN_TRIES: Final = 30
# The PC is shared: who has gone away is logged out. Half-typed sessions are kept as drafts.
IDLE_S: Final = 3600
# Who comes back with a PIN loses nothing by an early lock.
PIN_IDLE_S: Final = 10 * 60
# What an administrator may choose instead, in minutes; 0: as above.
LOCK_CHOICES: Final = (0, 5, 10, 15, 30, 60)
_LOCK: Final = "lock_minutes"
# A teacher comes to look, on a phone or on a PC that somebody else uses next.
TEACHER_IDLE_S: Final = 15 * 60
# Notes kept of who logged in and whose rights changed; the oldest are dropped.
NOTES_MAX: Final = 20_000
# A clock that jumps back further than this ends the session: its age is unknown.
JUMP_S: Final = 3600

# 19 MiB, two passes, one lane: the second OWASP setting, 40 ms here and bearable on an old PC.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# At most this many hashes at once, so that log-ins cannot eat a 1 GB machine.
_HASHING: Final = threading.BoundedSemaphore(2)
# No letters that are mistaken for digits when the code is read from paper.
_CODE_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS account (
  account_id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  role TEXT NOT NULL, secret_hash TEXT NOT NULL, must_change INTEGER NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE TABLE IF NOT EXISTS session (
  token_hash BLOB PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  seen_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (
  note_id INTEGER PRIMARY KEY, at_s INTEGER NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL,
  whom TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS setting (
  key TEXT PRIMARY KEY, value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS device (
  device_hash BLOB NOT NULL, account_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  address TEXT NOT NULL, entered_s INTEGER NOT NULL, failed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (device_hash, account_id)
) STRICT, WITHOUT ROWID;
"""
# Columns that files of older versions lack.
_LATER: Final = {
    "account": {
        "person": "TEXT NOT NULL DEFAULT ''",
        "failed": "INTEGER NOT NULL DEFAULT 0",
        "pin_hash": "TEXT NOT NULL DEFAULT ''",
    },
    "session": {"by_pin": "INTEGER NOT NULL DEFAULT 0"},
}


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in here; `person` is the public name of the record about them.

    `by_pin` says that this session began with the PIN of a quick switch instead of the password.
    """

    account_id: int
    login: str
    name: str
    roles: tuple[Role, ...]
    must_change: bool
    enabled: bool
    person: str = ""
    has_switch_pin: bool = False
    by_pin: bool = False
    # What the administrator chose for this PC; 0: nothing.
    lock_s: int = 0

    @property
    def role(self) -> Role:
        """The weightiest role."""
        return self.roles[0]

    @property
    def has_pin(self) -> bool:
        """Whether digits are secret enough: nothing but a person's own pages is behind them."""
        return self.roles == ("teacher",)

    @property
    def idle_s(self) -> int:
        """After so long without a request the session ends."""
        if self.has_pin:
            return min(TEACHER_IDLE_S, self.lock_s or TEACHER_IDLE_S)
        return self.lock_s or (PIN_IDLE_S if self.has_switch_pin else IDLE_S)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened to an account: `what` is a code, `whom` the account it is about."""

    at_s: int
    what: str
    who: str
    whom: str
    detail: str


class Accounts:
    """The file `local.db` of a node's folder. Safe to use from many threads."""

    def __init__(self, home: Path, *, now_s: Callable[[], float] = time.time) -> None:
        self.now_s = now_s
        self.file = LocalFile(home)
        self._run = self.file.run
        self.file.prepare(_SCHEMA)
        for table, columns in _LATER.items():
            self.file.add_columns(table, columns)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def secret(self, key: str) -> bytes:
        """A random secret of this node, made at its first use."""
        self._run("INSERT OR IGNORE INTO setting VALUES (?, ?)", key, secrets.token_bytes(32))
        value = self._run("SELECT value FROM setting WHERE key = ?", key)[0][0]
        assert isinstance(value, bytes)
        return value

    def is_on(self, key: str) -> bool:
        """Whether a switch of this PC is on."""
        return self._run("SELECT value FROM setting WHERE key = ?", key) == [(b"1",)]

    def turn(self, key: str, on: bool) -> None:
        """Turn a switch of this PC on or off."""
        self._run("INSERT OR REPLACE INTO setting VALUES (?, ?)", key, b"1" if on else b"0")

    def lock_minutes(self) -> int:
        """After how long this PC locks itself; 0: as the account is."""
        rows = self._run("SELECT value FROM setting WHERE key = ?", _LOCK)
        chosen = int(rows[0][0]) if rows and isinstance(rows[0][0], bytes) else 0
        return chosen if chosen in LOCK_CHOICES else 0

    def lock_after(self, minutes: int) -> None:
        """Choose it."""
        self._run("INSERT OR REPLACE INTO setting VALUES (?, ?)", _LOCK, str(minutes).encode())

    # Accounts

    def add(self, login: str, name: str, *roles: Role, person: str = "") -> str:
        """Make an account; return the one-time code of its first log-in."""
        code, login = make_code(), login.lower()
        try:
            self._run(
                "INSERT INTO account (login, name, role, secret_hash, must_change, person)"
                " VALUES (?, ?, ?, ?, 1, ?)",
                login,
                name,
                _join(roles),
                _hash(_plain_code(code)),
                person,
            )
        except sqlite3.IntegrityError as error:
            raise LoginTakenError(login=login) from error
        return code

    def renew_code(self, account_id: int) -> str:
        """Forget the password and end the sessions; return a new one-time code."""
        code = make_code()
        self._run(
            "UPDATE account SET secret_hash = ?, must_change = 1, enabled = 1, failed = 0,"
            " pin_hash = '' WHERE account_id = ?",
            _hash(_plain_code(code)),
            account_id,
        )
        self._shut_out(account_id)
        return code

    def _shut_out(self, account_id: int) -> None:
        """End the sessions of an account, and its right to come back by PIN anywhere."""
        self._run("DELETE FROM session WHERE account_id = ?", account_id)
        self._run("DELETE FROM device WHERE account_id = ?", account_id)

    def disable(self, account_id: int) -> None:
        """Let the account log in no more and end its sessions."""
        self._run("UPDATE account SET enabled = 0 WHERE account_id = ?", account_id)
        self._shut_out(account_id)

    def set_rights(self, account: Account, roles: Collection[Role], person: str) -> str | None:
        """Give other roles, and say whose account it is; sessions end.

        A PIN guards no more than a person's own pages: who had one and gets further roles gets a
        one-time code for a password, which is returned.
        """
        account_id = account.account_id
        outgrown = account.enabled and account.has_pin and set(roles) != {"teacher"}
        code = self.renew_code(account_id) if outgrown else None
        self._run(
            "UPDATE account SET role = ?, person = ? WHERE account_id = ?",
            _join(roles),
            person,
            account_id,
        )
        self._shut_out(account_id)
        return code

    def rename(self, account: Account, login: str) -> bool:
        """Let an account log in by another name; False where somebody else has it."""
        try:
            self._run(
                "UPDATE account SET login = ? WHERE account_id = ?",
                login.lower(),
                account.account_id,
            )
        except sqlite3.IntegrityError:
            return False
        return True

    def list_all(self) -> list[Account]:
        """All accounts by log-in name."""
        return [_account(row) for row in self._run(f"{_SELECT} ORDER BY login")]

    def find(self, account_id: int) -> Account | None:
        """The account of that number."""
        rows = self._run(f"{_SELECT} WHERE account_id = ?", account_id)
        return _account(rows[0]) if rows else None

    def set_password(self, account: Account, password: str) -> None:
        """Replace the secret of `account`; refuse one that is easy to guess.

        Whoever knew the old one may have chosen the PIN: it is forgotten with it.
        """
        if account.has_pin:
            if not is_good_pin(password, account.login):
                raise WeakPinError(least=PIN_LEAST)
        elif (
            not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST
            or len(set(password)) < 5
            or account.login.lower() in password.lower()
        ):
            raise WeakPasswordError(least=PASSWORD_LEAST)
        self._run(
            "UPDATE account SET secret_hash = ?, must_change = 0, failed = 0, pin_hash = ''"
            " WHERE account_id = ?",
            _hash(password),
            account.account_id,
        )
        self._shut_out(account.account_id)

    def set_switch_pin(self, account: Account, pin: str) -> None:
        """Keep the PIN by which somebody with a password comes back on a shared PC."""
        assert not account.has_pin, "a teacher's PIN is the teacher's secret"
        if not is_good_pin(pin, account.login):
            raise WeakPinError(least=PIN_LEAST)
        self._run(
            "UPDATE account SET pin_hash = ? WHERE account_id = ?", _hash(pin), account.account_id
        )

    def is_switch_pin(self, account: Account, pin: str) -> bool:
        """Whether that is the PIN of the account for coming back; never true without one."""
        rows = self._run("SELECT pin_hash FROM account WHERE account_id = ?", account.account_id)
        stored = str(rows[0][0]) if rows else ""
        return _verify(stored or _unknown_hash(), pin[:PASSWORD_MOST]) and bool(stored)

    # Sessions

    def check(self, login: str, secret: str) -> Account:
        """Return the account that `login` and its password or one-time code belong to."""
        rows = self._run(f"{_SELECT} WHERE login = ?", login.lower())
        stored = self._run("SELECT secret_hash, failed FROM account WHERE login = ?", login.lower())
        account = _account(rows[0]) if rows else None
        given = _plain_code(secret) if account is not None and account.must_change else secret
        # An unknown name takes as long as a known one.
        known = _verify(str(stored[0][0]) if stored else _unknown_hash(), given[:PASSWORD_MOST])
        if account is None:
            raise LoginRefusedError
        is_void = (
            account.has_pin and not account.must_change and int(str(stored[0][1])) >= PIN_TRIES
        )
        if not known or not account.enabled or is_void:
            self._run(
                "UPDATE account SET failed = failed + 1 WHERE account_id = ?", account.account_id
            )
            raise LoginRefusedError
        self._run("UPDATE account SET failed = 0 WHERE account_id = ?", account.account_id)
        return account

    def start_session(self, account: Account, *, by_pin: bool = False) -> str:
        """Return the cookie of a new session."""
        token = secrets.token_urlsafe(32)
        self._run(
            "INSERT INTO session VALUES (?, ?, ?, ?)",
            digest(token), account.account_id, int(self.now_s()), int(by_pin),
        )  # fmt: skip
        return token

    def find_session(self, token: str) -> Account | None:
        """Whose session that is; None when it is unknown, idle for too long or of unknown age."""
        rows = self._run(
            "SELECT account_id, seen_s, by_pin FROM session WHERE token_hash = ?", digest(token)
        )
        if not rows:
            return None
        account_id, seen_s, by_pin = (int(str(each)) for each in rows[0])
        now_s = int(self.now_s())
        age_s = now_s - seen_s
        account = self.find(account_id)
        if account is not None:
            account = replace(account, lock_s=self.lock_minutes() * 60)
        if account is None or not account.enabled or not -JUMP_S <= age_s <= account.idle_s:
            self.end_session(token)
            return None
        if abs(age_s) > 60:
            self._run("UPDATE session SET seen_s = ? WHERE token_hash = ?", now_s, digest(token))
        return replace(account, by_pin=bool(by_pin))

    def end_session(self, token: str) -> None:
        """Forget the session."""
        self._run("DELETE FROM session WHERE token_hash = ?", digest(token))

    # What happened

    def note(self, what: str, who: str, whom: str = "", detail: str = "") -> None:
        """Write down that `who` did `what`; never a secret."""
        self._run(
            "INSERT INTO note (at_s, what, who, whom, detail) VALUES (?, ?, ?, ?, ?)",
            int(self.now_s()), what, who[:60], whom[:60], detail[:200],
        )  # fmt: skip
        self._run(
            "DELETE FROM note WHERE note_id <= (SELECT max(note_id) FROM note) - ?", NOTES_MAX
        )

    def list_notes(self, limit: int = 200) -> list[Note]:
        """The latest notes, newest first."""
        rows = self._run(
            "SELECT at_s, what, who, whom, detail FROM note ORDER BY note_id DESC LIMIT ?", limit
        )
        return [
            Note(int(str(at_s)), *(str(each) for each in texts)) for at_s, *texts in rows
        ]  # fmt: skip


_SELECT: Final = (
    "SELECT account_id, login, name, role, must_change, enabled, person, pin_hash <> ''"
    " FROM account"
)


def _account(row: tuple[object, ...]) -> Account:
    account_id, login, name, role, must_change, enabled, person, has_switch_pin = row
    held = str(role).split()
    roles = tuple(each for each in ROLES if each in held)
    return Account(
        int(str(account_id)), str(login), str(name), roles, bool(must_change), bool(enabled),
        str(person), bool(has_switch_pin),
    )  # fmt: skip


def _join(roles: Collection[Role]) -> str:
    assert roles, "an account has a role"
    return " ".join(each for each in ROLES if each in roles)


def is_good_pin(pin: str, login: str) -> bool:
    """Whether a PIN is digits enough, and neither a run, nor few digits, nor the staff number."""
    if not (pin.isascii() and pin.isdecimal() and PIN_LEAST <= len(pin) <= PASSWORD_MOST):
        return False
    digits = "".join(each for each in login if each.isdecimal())
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    is_login = len(digits) >= PIN_LEAST and (pin in digits or digits in pin)
    return len(set(pin)) >= 3 and steps not in ({1}, {9}) and not is_login


def digest(token: str) -> bytes:
    """What is stored of a cookie."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _hash(secret: str) -> str:
    with _HASHING:
        return _HASHER.hash(secret.encode("utf-8", "replace"))


def _verify(stored: str, secret: str) -> bool:
    try:
        with _HASHING:
            return _HASHER.verify(stored, secret.encode("utf-8", "replace"))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _unknown_hash() -> str:
    """The hash of a secret nobody has, so that unknown names cost the same time."""
    return _hash(secrets.token_urlsafe(16))


def make_code() -> str:
    """A one-time code of 79 bits, in groups that can be read aloud."""
    letters = [secrets.choice(_CODE_LETTERS) for _ in range(16)]
    return "-".join("".join(letters[place : place + 4]) for place in range(0, 16, 4))


def _plain_code(code: str) -> str:
    return code.replace("-", "").replace(" ", "").lower()


def create_first_admin(home: Path) -> str:
    """Make the first administrator of a new node; return the one-time code, shown only once."""
    accounts = Accounts(home)
    try:
        return accounts.add(FIRST_LOGIN, FIRST_LOGIN, "admin")
    finally:
        accounts.close()
