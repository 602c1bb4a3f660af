"""A small county for one measurement: a centre that really serves, and schools of this process.

The centre runs as `xueshi serve` in a process of its own, so that its memory and its work are
seen from outside. Everything lives in a temporary folder that is gone afterwards.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xueshi_client.errors import AmountDiffersError, FigureFailedError
from xueshi_server.importing import import_rows
from xueshi_server.record_types import SCHEMA
from xueshi_sync.context import Context
from xueshi_sync.errors import NetworkError
from xueshi_sync.http_client import SyncReport
from xueshi_sync.http_session import SyncSession
from xueshi_sync.node import Node

CENTRE_CODE = "BENCH"
LEVEL = "level"
# What one request may carry in memory, where the line is no matter.
_REQUEST_BYTES = 1 << 20


@dataclass
class Centre:
    """The serving process; `invitations` were made before it started."""

    home: Path
    port: int
    process: "subprocess.Popen[str]"
    invitations: dict[str, list[str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def peak_memory_bytes(self) -> int:
        """The most memory the process has held at once."""
        return read_peak_memory(str(self.process.pid))


def read_peak_memory(pid: str = "self") -> int:
    """The most memory a process has held at once, in bytes (VmHWM); Linux only.

    Not ru_maxrss: that one keeps the size of the parent from before the program started.
    """
    text = Path(f"/proc/{pid}/status").read_text("utf-8")
    found = next(line for line in text.splitlines() if line.startswith("VmHWM:"))
    return int(found.split()[1]) * 1024


def create_node(home: Path, role: str, code: str) -> Node:
    """A new node in a folder of its own, with the keys' state kept beside it."""
    home.mkdir(parents=True)
    return Node.create(home, role=role, name=code, code=code, schema=SCHEMA, context=context(home))


def open_node(home: Path) -> Node:
    """The node of that folder."""
    return Node.open(home, schema=SCHEMA, context=context(home))


def context(home: Path) -> Context:
    """The real context, with the node's outside state in the folder of the measurement."""
    return Context(home.with_name(home.name + "-state"))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="xueshi-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serve_centre(folder: Path, codes: list[str]) -> Iterator[Centre]:
    """Make a centre that expects the schools `codes`, and serve it."""
    home = folder / "centre"
    node = create_node(home, "centre", CENTRE_CODE)
    try:
        invitations: dict[str, list[str]] = {code: [] for code in codes}
        for code in codes:
            invitations[code].append(node.invite(code, code))
    finally:
        node.close()
    process = start_serving(home)
    try:
        yield Centre(home, read_port(process), process, invitations)
    finally:
        stop_serving(process)


def start_serving(home: Path) -> "subprocess.Popen[str]":
    """Start `xueshi serve` on a free port of the loopback interface."""
    command = [sys.executable, "-m", "xueshi_client.main", "--home", str(home), "--json"]
    return subprocess.Popen(
        [*command, "serve", "--host", "127.0.0.1", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XUESHI_STATE_DIR": str(home.with_name(home.name + "-state"))},
    )


def read_port(process: "subprocess.Popen[str]") -> int:
    """The port, from the one JSON line that `serve` prints when it is ready."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if not line:
        raise FigureFailedError(figure="serve", why=process.stderr.read())
    return int(json.loads(line)["port"])


def stop_serving(process: "subprocess.Popen[str]") -> None:
    """End the process as Ctrl-C does, and wait for it."""
    process.terminate()
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def join_school(folder: Path, centre: Centre, code: str, name: str | None = None) -> Node:
    """A new school node that has joined the centre with the next invitation for `code`."""
    node = create_node(folder / (name or code), "school", code)
    node.join(centre.invitations[code].pop(0), url=centre.url)
    return node


def enrol_by_hand(centre: Node, school: Node) -> None:
    """Enrolment without a line: the request and its answer cross in memory."""
    school.join(centre.invite(school.code, school.code))
    exchange_in_memory(centre, school)


def exchange_in_memory(centre: Node, school: Node) -> tuple[float, bool]:
    """One exchange in memory; seconds the centre took, and whether more is waiting."""
    pending = school.begin_exchange(limit_bytes=_REQUEST_BYTES)
    began = time.perf_counter()
    answer = centre.answer(pending.request)
    took_s = time.perf_counter() - began
    return took_s, school.finish_exchange(pending, answer).more


def enter_records(node: Node, records: list[dict[str, Any]]) -> None:
    """Enter the records as the command `import hour` does."""
    path = node.home.with_name(node.home.name + "-records.jsonl")
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    report = import_rows(node, "hour", path, actor="bench")
    path.unlink()
    if report.added != len(records):
        raise FigureFailedError(figure="import", why=f"{report.added} of {len(records)}")


def exchange_all(
    node: Node, url: str, *, tries_max: int = 1, deadline_s: float = 120
) -> SyncReport:
    """Exchange until both sides are level; a cut line is tried again at once."""
    with SyncSession() as session:
        for tries_left in range(tries_max - 1, -1, -1):
            try:
                report = node.sync_once(url, deadline_s=deadline_s, session=session)
            except NetworkError:
                if not tries_left:
                    raise
                continue
            if report.outcome == LEVEL:
                return report
    raise FigureFailedError(figure="sync", why=report.outcome)


def compare_records(view: Path, expected: Sequence[Mapping[str, Any]]) -> None:
    """Compare what a node shows, field by field, with what was entered; raise when unequal."""
    import sqlite3

    sql = (
        "SELECT p.staff_no, p.name, h.date, h.form, h.category, h.title, h.minutes, h.note,"
        " h.recorded_by FROM hour h JOIN person p ON p.scope_no = h.scope_no AND p.rec = h.person"
    )
    database = sqlite3.connect(f"{view.resolve().as_uri()}?mode=ro", uri=True)
    try:
        found = sorted((tuple(row) for row in database.execute(sql)), key=repr)
    finally:
        database.close()
    wanted = sorted((_as_shown(record) for record in expected), key=repr)
    if found != wanted:
        differing = sum(1 for pair in zip(found, wanted, strict=False) if pair[0] != pair[1])
        what = f"{len(found)} records of {len(wanted)}, {differing} differ"
        raise AmountDiffersError(what=what)


def _as_shown(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a table shows of a record; an import takes an empty cell as nothing stated."""
    names = ("teacher_id", "teacher_name", "date", "form", "category", "title")
    minutes, note = round(record["hours"] * 60), record["note"] or None
    return (*(record[name] for name in names), minutes, note, record["recorded_by"])
