"""A form for everybody as one PDF: set in a thread, with progress, kept for a day.

One is set at a time, so that memory is bounded. Only whoever asked for it sees it. The file has its
name when it is whole; what a stopped node left behind is deleted when it starts again.
"""

import datetime as dt
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from xueshi_server.domain.forms import Document
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.errors import ServerError
from xueshi_sync.errors import SyncError
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from xueshi_server.typeset.arrange import Sheet
    from xueshi_server.typeset.printing import Press

FOLDER: Final = "printing"
# More is printed from the command line: all sheets of a file are in memory at its end.
SHEETS_MAX: Final = 1000
_JOBS_MAX: Final = 8
_KEPT_MS: Final = 24 * 3_600_000
_STOP_S: Final = 10.0


class GonePrintError(ServerError):
    """The print is no longer here: the node was started again, or a day has passed."""

    code = "print.gone"


class TooManyToPrintError(ServerError):
    """More sheets than go into one file here; fields `count`, `limit` and `form`."""

    code = "print.too_many"


class _StoppedError(Exception):
    """Somebody pressed the button."""


@dataclass
class PrintJob:
    """One file in the making; `done` of the sheets of `names` are through."""

    name: str
    owner: str
    press: "Press"
    names: Sequence[str]
    path: Path
    since_ms: int
    done: int = 0
    started: bool = False
    error: ServerError | SyncError | RuleError | None = None
    broke: bool = False
    stopping: Event = field(default_factory=Event)
    thread: Thread | None = None
    # (subject, document, whom it is about) of each sheet, until they are noted as printed.
    printed: list[tuple[str, Document, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many sheets."""
        return len(self.names)

    @property
    def what(self) -> tuple[str, dt.date, str]:
        """Two that are the same in this need not be set twice at a time."""
        return self.press.form.id, self.press.as_of, self.press.language

    def is_over(self, wait_s: float = 0) -> bool:
        """Whether it has ended, after waiting so long."""
        if self.thread is not None:
            self.thread.join(wait_s)
        return self.thread is None or not self.thread.is_alive()

    def fill(self, name: str) -> "Sheet":
        """One sheet, remembered."""
        sheet = self.press.fill(name)
        self.printed.append((name, sheet.document, sheet.about))
        return sheet

    def step(self, done: int, total: int) -> None:
        """What the setter tells; filling and setting a sheet count alike."""
        if self.stopping.is_set():
            raise _StoppedError
        self.done = done * self.total // total


@dataclass
class PrintJobs:
    """The prints of a node for everybody."""

    node: Node
    jobs: dict[str, PrintJob] = field(default_factory=dict)
    _guard: Lock = field(default_factory=Lock)
    _turn: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _folder(self) -> Path:
        return self.node.home / FOLDER

    def start(self, press: "Press", owner: str) -> PrintJob:
        """Begin, or go on with what is under way. Raises TooManyToPrintError."""
        names = press.everybody()
        if len(names) > SHEETS_MAX:
            raise TooManyToPrintError(count=len(names), limit=SHEETS_MAX, form=press.form.id)
        name, since_ms = secrets.token_urlsafe(16), self.node.context.now_ms()
        path = self._folder / f"{secrets.token_hex(12)}.pdf"
        job = PrintJob(name, owner, press, names, path, since_ms)
        with self._guard:
            for other in self.jobs.values():
                if (other.owner, other.what) == (owner, job.what) and not other.is_over():
                    return other
            self._drop_old(since_ms)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self.jobs[name] = job
            job.thread = Thread(target=self._work, args=(job,), name="print", daemon=True)
            job.thread.start()
        return job

    def find(self, name: str, owner: str) -> PrintJob:
        """A print of somebody; raises GonePrintError."""
        job = self.jobs.get(name)
        if job is None or job.owner != owner:
            raise GonePrintError
        return job

    def list_of(self, owner: str, form_id: str) -> list[PrintJob]:
        """The prints of a form that somebody asked for, newest first."""
        found = [
            each
            for each in list(self.jobs.values())
            if each.owner == owner and each.press.form.id == form_id and not each.broke
        ]
        return found[::-1]

    def stop(self, job: PrintJob) -> None:
        """End it and forget it."""
        job.stopping.set()
        job.is_over(_STOP_S)
        with self._guard:
            self._forget(job)

    def close(self) -> None:
        """End all of it: nothing uses the node afterwards."""
        for job in list(self.jobs.values()):
            job.stopping.set()
        for job in list(self.jobs.values()):
            job.is_over(_STOP_S)

    def _work(self, job: PrintJob) -> None:
        from xueshi_server.typeset.printing import write_whole

        job.broke = True
        try:
            with self._turn:
                job.started = True
                job.step(0, 1)
                data = job.press.print_all(job.names, job.step, fill=job.fill)
                write_whole(job.path, data)
        except _StoppedError:
            job.printed.clear()
        except (ServerError, SyncError, RuleError) as error:
            job.error = error
        job.broke = False

    def _drop_old(self, now_ms: int) -> None:
        over = [job for job in self.jobs.values() if job.is_over()]
        old = [job for job in over if not 0 <= now_ms - job.since_ms < _KEPT_MS]
        spare = len(self.jobs) - _JOBS_MAX + 1
        for job in {each.name: each for each in [*old, *over[: max(spare, 0)]]}.values():
            self._forget(job)

    def _forget(self, job: PrintJob) -> None:
        job.path.unlink(missing_ok=True)
        self.jobs.pop(job.name, None)
