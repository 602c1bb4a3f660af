"""Sessions as the ledger knows them, and the drafts of sessions that are being entered.

Every read goes by a person and a span of days, or by the day of a session: nothing here takes
longer as the records grow. Drafts stand in a file of their own that is never replicated.
"""

import datetime as dt
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row
from typing import Final, Literal

from xueshi_server.domain.credit import GONE_STATES
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.sessions import SPAN_DAYS_MAX, Entry, Session, parse_time
from xueshi_server.store.checking import CORRECTED
from xueshi_sync.node import Node

SESSION: Final = "session"
FILE_NAME: Final = "drafts.db"
# What is still being entered, what was given up (it can be taken back), what was saved.
DraftState = Literal["open", "dropped", "done"]
DRAFTS_MAX: Final = 8
# A roster of a thousand people with hours of their own; more is no form of ours.
DRAFT_BYTES_MAX: Final = 128 * 1024
RECENT_DAYS: Final = 35
_PARAMETERS_MAX: Final = 500


# ---- hours and sessions


def list_roster_of_all(node: Node, scope_no: int) -> list[int]:
    """Everybody a school ever had on its roster."""
    rows = node.query("SELECT rec FROM person WHERE scope_no = ? ORDER BY rec", [scope_no])
    return [int(row["rec"]) for row in rows]


def list_hours_between(
    node: Node, scope_no: int, people: Sequence[int], first: str, last: str
) -> list[Row]:
    """What people have on some days, by the index over person and date."""
    found: list[Row] = []
    for start in range(0, len(people), _PARAMETERS_MAX):
        some = people[start : start + _PARAMETERS_MAX]
        places = ", ".join("?" * len(some))
        found += node.query(
            # The cross join keeps the order: person by person, and the days of each by the index.
            "SELECT h.* FROM person p CROSS JOIN hour h ON h.scope_no = p.scope_no"
            " AND h.person = p.rec AND h.date BETWEEN ? AND ?"
            f" WHERE p.scope_no = ? AND p.rec IN ({places})",
            [first, last, scope_no, *some],
        )
    standing = [row for row in found if row["state"] not in GONE_STATES]
    replaced = {row["corrects"] for row in standing if row["corrects"] is not None}
    return [row for row in standing if row["rec"] not in replaced]


def list_sessions(node: Node, scope_no: int, first: str, last: str) -> list[Row]:
    """The sessions of a school that began on some days."""
    if SESSION not in node.schema.by_name:
        return []
    return node.query(
        "SELECT * FROM session WHERE scope_no = ? AND NOT deleted AND date BETWEEN ? AND ?"
        " ORDER BY date, rec",
        [scope_no, first, last],
    )


def find_session_of(node: Node, scope_no: int, date: str, title: str) -> Row | None:
    """The session that hours of a day and a title belong to."""
    rows = [row for row in list_sessions(node, scope_no, date, date) if row["title"] == title]
    return rows[0] if rows else None


def read_session(row: Row) -> Session | None:
    """A recorded session; None for one whose day or times cannot be read."""
    try:
        return Session(
            title=str(row["title"] or ""),
            date=dt.date.fromisoformat(row["date"]),
            minutes=int(row["minutes"] or 0),
            until=dt.date.fromisoformat(row["until"]) if row["until"] else None,
            starts=parse_time(row["starts"] or ""),
            ends=parse_time(row["ends"] or ""),
            organiser=str(row["organiser"] or ""),
        )
    except (BadValueError, TypeError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Around:
    """What people have around some days, and the sessions recorded there."""

    entries: list[Entry]
    sessions: list[Session]


def read_around(
    node: Node, scope_no: int, people: Sequence[int], first: dt.date, last: dt.date
) -> Around:
    """Hours of people near some days with the sessions they belong to; sessions that began up to
    the longest span before are there too."""
    since = (first - dt.timedelta(days=SPAN_DAYS_MAX)).isoformat()
    until = last.isoformat()
    sessions: dict[tuple[str, str], Session] = {}
    for row in list_sessions(node, scope_no, since, until):
        read = read_session(row)
        if read is not None:
            sessions.setdefault((str(row["date"]), str(row["title"])), read)
    hours = list_hours_between(node, scope_no, people, since, until)
    entries = [_entry(row, sessions) for row in hours if row["date"]]
    return Around(entries, list(sessions.values()))


def list_claims(
    node: Node, scope_no: int, first: str, last: str, *, after: tuple[str, int] | None, limit: int
) -> list[Row]:
    """Hours that wait and nothing corrects, of some days, newest first; `after` is the (date,
    record) seen last. By the index over states and days: little more is read than is given."""
    day, rec = after or (last, 2**63 - 1)
    return node.query(
        "SELECT scope_no, rec, person, date, title FROM hour x WHERE scope_no = ?1"
        " AND state = 'pending' AND date BETWEEN ?2 AND ?3 AND (date, rec) < (?3, ?4)"
        f" AND NOT {CORRECTED} ORDER BY date DESC, rec DESC LIMIT ?5",
        [scope_no, first, min(day, last), rec, limit],
    )


def names_of_sessions(node: Node, scope_no: int, first: str, last: str) -> set[tuple[str, str]]:
    """Day and title of the sessions that began on some days."""
    rows = list_sessions(node, scope_no, first, last)
    return {(str(row["date"]), str(row["title"])) for row in rows}


def _entry(row: Row, sessions: Mapping[tuple[str, str], Session]) -> Entry:
    known = sessions.get((str(row["date"]), str(row["title"])))
    minutes = int(row["minutes"] or 0)
    session = Session(
        title=str(row["title"] or ""),
        date=dt.date.fromisoformat(row["date"]),
        minutes=minutes,
        until=known.until if known else None,
        starts=known.starts if known else None,
        ends=known.ends if known else None,
        organiser=known.organiser if known else _organiser(row),
    )
    return Entry(int(row["rec"]), int(row["person"] or 0), session, row["state"], known is not None)


def _organiser(row: Row) -> str:
    return str(row["organiser"] or "") if "organiser" in row.keys() else ""  # noqa: SIM118


@dataclass(frozen=True, slots=True)
class Held:
    """A session that can be copied: one of its hours, and how many people have hours of it."""

    hour: Row
    people: int


def list_recent(
    node: Node, scope_no: int, people: Sequence[int], today: dt.date, *, limit: int = 4
) -> list[Held]:
    """The sessions that these people last had together, newest first: of the last weeks in which
    there was any."""
    newest = _newest_date(node, scope_no, people, today.isoformat())
    if newest is None:
        return []
    first = dt.date.fromisoformat(newest) - dt.timedelta(days=RECENT_DAYS)
    rows = list_hours_between(node, scope_no, people, first.isoformat(), newest)
    counts = Counter((row["date"], row["title"]) for row in rows)
    shown: dict[tuple[str, str], Held] = {}
    for row in sorted(rows, key=lambda each: (each["date"], each["entered_at"]), reverse=True):
        mark = (row["date"], row["title"])
        # What one person alone has is her own claim.
        if counts[mark] > 1 and mark not in shown:
            shown[mark] = Held(row, counts[mark])
    return list(shown.values())[:limit]


def _newest_date(node: Node, scope_no: int, people: Sequence[int], last: str) -> str | None:
    dates: list[str] = []
    for start in range(0, len(people), _PARAMETERS_MAX):
        some = people[start : start + _PARAMETERS_MAX]
        places = ", ".join("?" * len(some))
        dates += [
            str(row["newest"])
            for row in node.query(
                "SELECT (SELECT max(h.date) FROM hour h WHERE h.scope_no = p.scope_no"
                " AND h.person = p.rec AND h.date <= ?) AS newest"
                f" FROM person p WHERE p.scope_no = ? AND p.rec IN ({places})",
                [last, scope_no, *some],
            )
            if row["newest"]
        ]
    return max(dates, default=None)


def list_attendance(node: Node, scope_no: int, date: str, title: str) -> list[Row]:
    """The hours that belong to a session, of everybody the school ever had."""
    people = list_roster_of_all(node, scope_no)
    rows = list_hours_between(node, scope_no, people, date, date)
    return [row for row in rows if row["title"] == title]


# ---- drafts

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS draft (
  account_id INTEGER NOT NULL, form_id TEXT NOT NULL, body TEXT NOT NULL,
  saved_at_s INTEGER NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (account_id, form_id)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A form as it was last typed; `body` is what the browser would send."""

    form_id: str
    body: str
    saved_at_s: int
    state: DraftState


class Drafts:
    """The drafts of one account in the folder of a node; each write is on the disk when it
    returns."""

    def __init__(self, home: Path, account_id: int) -> None:
        self._path = home / FILE_NAME
        self._account_id = account_id

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        is_new = not self._path.exists()
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            if is_new:
                self._path.chmod(0o600)
            db.execute("PRAGMA journal_mode=WAL")
            # A power cut takes nothing that was acknowledged.
            db.execute("PRAGMA synchronous=FULL")
            db.executescript(_SCHEMA)
            yield db

    def save(self, form_id: str, body: str, now_s: int) -> bool:
        """Keep a form; not one that was saved for good meanwhile, and none that is too long."""
        if len(body.encode()) > DRAFT_BYTES_MAX:
            return False
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            changed = db.execute(
                "INSERT INTO draft VALUES (?, ?, ?, ?, 'open') ON CONFLICT DO UPDATE"
                " SET body = excluded.body, saved_at_s = excluded.saved_at_s, state = 'open'"
                " WHERE state <> 'done'",
                [self._account_id, form_id, body, now_s],
            ).rowcount
            db.execute(
                "DELETE FROM draft WHERE account_id = ?1 AND form_id NOT IN (SELECT form_id"
                " FROM draft WHERE account_id = ?1 ORDER BY saved_at_s DESC, form_id LIMIT ?2)",
                [self._account_id, DRAFTS_MAX],
            )
            db.execute("COMMIT")
        return changed > 0

    def mark(self, form_id: str, state: DraftState, body: str = "", now_s: int = 0) -> None:
        """Say what became of a form; what was saved keeps its last content."""
        with self._open() as db:
            if state == "done":
                db.execute(
                    "INSERT OR REPLACE INTO draft VALUES (?, ?, ?, ?, ?)",
                    [self._account_id, form_id, body, now_s, state],
                )
            else:
                db.execute(
                    "UPDATE draft SET state = ? WHERE account_id = ? AND form_id = ?"
                    " AND state <> 'done'",
                    [state, self._account_id, form_id],
                )

    def find(self, form_id: str) -> Draft | None:
        """The draft of that form, whatever became of it."""
        return next((each for each in self.list_all() if each.form_id == form_id), None)

    def list_open(self) -> list[Draft]:
        """What is still being entered, newest first."""
        return [each for each in self.list_all() if each.state == "open"]

    def list_all(self) -> Sequence[Draft]:
        """All that is kept for the account, newest first."""
        if not self._path.exists():
            return []
        with self._open() as db:
            rows: Iterable[Row] = db.execute(
                "SELECT form_id, body, saved_at_s, state FROM draft WHERE account_id = ?"
                " ORDER BY saved_at_s DESC, form_id",
                [self._account_id],
            ).fetchall()
        return [Draft(**dict(row)) for row in rows]
