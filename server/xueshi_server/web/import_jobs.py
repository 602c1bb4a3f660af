"""Uploaded tables while they are checked and imported: in a thread, with progress, for a day.

A file that was checked is imported as it was checked, without choosing it again. Only whoever
uploaded it sees it, and on the disk it is locked under a key that ends with this program. What a
stopped node left behind is deleted when the next file comes.
"""

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

from xueshi_server.errors import ServerError
from xueshi_server.import_preview import PreviewPage, read_preview
from xueshi_server.importing import ImportReport, Reading, import_rows
from xueshi_server.locked_file import LockedFile
from xueshi_server.table_errors import GoneImportError
from xueshi_server.web.work import EndingError
from xueshi_sync.errors import SyncError
from xueshi_sync.node import Node

_FOLDER: Final = "imports"
_JOBS_MAX: Final = 12
_KEPT_MS: Final = 24 * 3_600_000
_LONGEST_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody sent: the file's own name is for people only."""

    owner: str
    type_name: str
    file_name: str
    file: LockedFile
    language: str


@dataclass
class ImportJob:
    """One check or import; `done` of `total` rows are through, which is not known at first."""

    name: str
    upload: Upload
    since_ms: int
    dry_run: bool = True
    sheet: str = ""
    done: int = 0
    total: int | None = None
    report: ImportReport | None = None
    error: ServerError | SyncError | None = None
    broke: bool = False
    thread: Thread | None = None

    @property
    def preview_path(self) -> Path:
        """Where the preview of the last check stands."""
        return self.upload.file.path.with_suffix(".preview")

    def is_over(self, wait_s: float | None = 0) -> bool:
        """Whether it has ended, after waiting so long; None: however long it takes."""
        if self.thread is not None:
            self.thread.join(wait_s)
        return self.thread is None or not self.thread.is_alive()

    def page(self, number: int, standing: str) -> PreviewPage | None:
        """A page of the preview, if there is one."""
        try:
            return read_preview(self.preview_path, number=number, standing=standing)
        except OSError:
            return None


@dataclass
class ImportJobs:
    """The jobs of a node; one runs at a time, so that memory is bounded."""

    node: Node
    jobs: dict[str, ImportJob] = field(default_factory=dict)
    _guard: Lock = field(default_factory=Lock)
    _turn: Lock = field(default_factory=Lock)
    _ending: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _folder(self) -> Path:
        return self.node.home / _FOLDER

    def new_file(self, suffix: str) -> LockedFile:
        """What the next upload is to be saved in."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return LockedFile(self._folder / f"{secrets.token_hex(12)}{suffix}")

    def start(self, upload: Upload, *, dry_run: bool) -> ImportJob:
        """Begin to check or import a file."""
        job = ImportJob(secrets.token_urlsafe(16), upload, self.node.context.now_ms(), dry_run)
        with self._guard:
            self._drop_old(job.since_ms)
            self.jobs[job.name] = job
        return self._run(job)

    def again(self, job: ImportJob, *, dry_run: bool, sheet: str) -> ImportJob:
        """Go on with a file: import what was checked, or check another sheet."""
        # A second click finds the file gone, or the import still at work.
        job.is_over(_LONGEST_S)
        with self._guard:
            if not job.is_over() or not job.upload.file.path.exists():
                return job
            job.dry_run, job.sheet = dry_run, sheet
            job.done, job.total, job.report, job.error, job.broke = 0, None, None, None, False
            return self._run(job)

    def find(self, name: str, owner: str) -> ImportJob:
        """A job of somebody; raises GoneImportError."""
        job = self.jobs.get(name)
        if job is None or job.upload.owner != owner:
            raise GoneImportError
        return job

    def close(self) -> None:
        """Let nothing use the node any more: what is not imported yet is not imported at all."""
        self._ending.set()
        for job in list(self.jobs.values()):
            job.is_over(_LONGEST_S)

    def _run(self, job: ImportJob) -> ImportJob:
        job.thread = Thread(target=self._work, args=(job,), name="import", daemon=True)
        job.thread.start()
        return job

    def _work(self, job: ImportJob) -> None:
        def step(done: int, total: int | None) -> None:
            if self._ending.is_set():
                raise EndingError
            job.done, job.total = done, total

        upload = job.upload
        reading = Reading(job.sheet, job.preview_path, upload.language)
        job.broke = True
        try:
            with self._turn:
                job.report = import_rows(
                    self.node,
                    upload.type_name,
                    upload.file,
                    dry_run=job.dry_run,
                    actor=upload.owner,
                    progress=step,
                    reading=reading,
                )
        except EndingError:
            return
        except (ServerError, SyncError) as error:
            job.error = error
        job.broke = False
        if job.report is not None and not job.dry_run and not job.report.refused:
            self._forget_files(job)

    def _drop_old(self, now_ms: int) -> None:
        over = [job for job in self.jobs.values() if job.is_over()]
        old = [job for job in over if not 0 <= now_ms - job.since_ms < _KEPT_MS]
        spare = len(self.jobs) - _JOBS_MAX + 1
        for job in {each.name: each for each in [*old, *over[: max(spare, 0)]]}.values():
            self._forget_files(job)
            del self.jobs[job.name]

    def _forget_files(self, job: ImportJob) -> None:
        paths = (job.upload.file.path, job.preview_path, job.preview_path.with_suffix(".index"))
        for path in paths:
            path.unlink(missing_ok=True)


def fields_of(job: ImportJob) -> Mapping[str, object]:
    """What the words of its error are filled with: the file by the name that people know."""
    fields = dict(job.error.fields) if isinstance(job.error, ServerError) else {}
    return fields | {"file": job.upload.file_name}
