"""Accounts and log-in sessions of this node, in their own file that is never replicated.

Passwords are hashed with argon2id. There is no default password: whoever makes an account gets a
one-time code, and the first log-in with it asks for a password of one's own. A session is a random
cookie of which only the digest is stored; log-in always makes a new one.
"""

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from xueshi_server.errors import LoginRefusedError, LoginTakenError, WeakPasswordError

Role = Literal["admin", "registrar", "reviewer", "viewer"]
ROLES: Final[tuple[Role, ...]] = ("admin", "registrar", "reviewer", "viewer")
FIRST_LOGIN: Final = "admin"
FILE_NAME: Final = "local.db"
PASSWORD_LEAST: Final = 10
PASSWORD_MOST: Final = 200
# A working day with its lunch break; the PC is shared.
IDLE_S: Final = 12 * 3600
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
CREATE TABLE IF NOT EXISTS setting (
  key TEXT PRIMARY KEY, value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in here."""

    account_id: int
    login: str
    name: str
    role: Role
    must_change: bool
    enabled: bool


class Accounts:
    """The file `local.db` of a node's folder. Safe to use from many threads."""

    def __init__(self, home: Path, *, now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            home / FILE_NAME, check_same_thread=False, isolation_level=None, timeout=10
        )
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;" + _SCHEMA)
        (home / FILE_NAME).chmod(0o600)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _run(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def secret(self, key: str) -> bytes:
        """A random secret of this node, made at its first use."""
        self._run("INSERT OR IGNORE INTO setting VALUES (?, ?)", key, secrets.token_bytes(32))
        value = self._run("SELECT value FROM setting WHERE key = ?", key)[0][0]
        assert isinstance(value, bytes)
        return value

    # Accounts

    def add(self, login: str, name: str, role: Role) -> str:
        """Make an account; return the one-time code of its first log-in."""
        code = make_code()
        try:
            self._run(
                "INSERT INTO account (login, name, role, secret_hash, must_change)"
                " VALUES (?, ?, ?, ?, 1)",
                login,
                name,
                role,
                _hash(_plain_code(code)),
            )
        except sqlite3.IntegrityError as error:
            raise LoginTakenError(login=login) from error
        return code

    def renew_code(self, account_id: int) -> str:
        """Forget the password and end the sessions; return a new one-time code."""
        code = make_code()
        self._run(
            "UPDATE account SET secret_hash = ?, must_change = 1, enabled = 1 WHERE account_id = ?",
            _hash(_plain_code(code)),
            account_id,
        )
        self._run("DELETE FROM session WHERE account_id = ?", account_id)
        return code

    def disable(self, account_id: int) -> None:
        """Let the account log in no more and end its sessions."""
        self._run("UPDATE account SET enabled = 0 WHERE account_id = ?", account_id)
        self._run("DELETE FROM session WHERE account_id = ?", account_id)

    def list_all(self) -> list[Account]:
        """All accounts by log-in name."""
        return [_account(row) for row in self._run(f"{_SELECT} ORDER BY login")]

    def find(self, account_id: int) -> Account | None:
        """The account of that number."""
        rows = self._run(f"{_SELECT} WHERE account_id = ?", account_id)
        return _account(rows[0]) if rows else None

    def set_password(self, account: Account, password: str) -> None:
        """Replace the secret of `account`; refuse a password that is easy to guess."""
        if (
            not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST
            or len(set(password)) < 5
            or account.login.lower() in password.lower()
        ):
            raise WeakPasswordError(least=PASSWORD_LEAST)
        self._run(
            "UPDATE account SET secret_hash = ?, must_change = 0 WHERE account_id = ?",
            _hash(password),
            account.account_id,
        )
        self._run("DELETE FROM session WHERE account_id = ?", account.account_id)

    # Sessions

    def check(self, login: str, secret: str) -> Account:
        """Return the account that `login` and its password or one-time code belong to."""
        rows = self._run(f"{_SELECT} WHERE login = ?", login)
        stored = self._run("SELECT secret_hash FROM account WHERE login = ?", login)
        account = _account(rows[0]) if rows else None
        given = _plain_code(secret) if account is not None and account.must_change else secret
        # An unknown name takes as long as a known one.
        known = _verify(str(stored[0][0]) if stored else _unknown_hash(), given[:PASSWORD_MOST])
        if account is None or not known or not account.enabled:
            raise LoginRefusedError
        return account

    def start_session(self, account: Account) -> str:
        """Return the cookie of a new session."""
        token = secrets.token_urlsafe(32)
        now_s = int(self._now_s())
        self._run("INSERT INTO session VALUES (?, ?, ?)", _digest(token), account.account_id, now_s)
        return token

    def find_session(self, token: str) -> Account | None:
        """Whose session that is; None when it is unknown, idle for too long or of unknown age."""
        rows = self._run(
            "SELECT account_id, seen_s FROM session WHERE token_hash = ?", _digest(token)
        )
        if not rows:
            return None
        account_id, seen_s = int(str(rows[0][0])), int(str(rows[0][1]))
        now_s = int(self._now_s())
        age_s = now_s - seen_s
        account = self.find(account_id)
        if account is None or not account.enabled or not -JUMP_S <= age_s <= IDLE_S:
            self.end_session(token)
            return None
        if abs(age_s) > 60:
            self._run("UPDATE session SET seen_s = ? WHERE token_hash = ?", now_s, _digest(token))
        return account

    def end_session(self, token: str) -> None:
        """Forget the session."""
        self._run("DELETE FROM session WHERE token_hash = ?", _digest(token))


_SELECT: Final = "SELECT account_id, login, name, role, must_change, enabled FROM account"


def _account(row: tuple[object, ...]) -> Account:
    account_id, login, name, role, must_change, enabled = row
    known = next(each for each in ROLES if each == role)
    return Account(
        int(str(account_id)), str(login), str(name), known, bool(must_change), bool(enabled)
    )


def _digest(token: str) -> bytes:
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
