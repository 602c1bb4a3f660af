"""A process on one core with 1 GB, and what it holds of it; Linux only.

The memory is bounded by a control group where one can be made (version 2, else 1), which counts
what is really held. Elsewhere by the address space (RLIMIT_AS), which counts more: what is mapped
and never touched, a stack for every thread.
"""

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MEMORY_BYTES: Final = 1 << 30
CORES: Final = 1
_GROUPS: Final = Path("/sys/fs/cgroup")
# Where groups live, and the file of the limit, for versions 2 and 1.
_VERSIONS: Final = (
    ("", "memory.max", "cgroup v2"),
    ("memory", "memory.limit_in_bytes", "cgroup v1"),
)


@contextmanager
def small_machine() -> Iterator[tuple[Callable[[], None], str]]:
    """What a child runs before its program, and by what its memory is bounded."""
    core = min(os.sched_getaffinity(0))
    group, how = _make_group()

    def bind() -> None:
        os.sched_setaffinity(0, {core})
        if group is None:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        else:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    try:
        yield bind, how
    finally:
        if group is not None:
            with contextlib.suppress(OSError):
                group.rmdir()


def _make_group() -> tuple[Path | None, str]:
    for folder, file, how in _VERSIONS:
        group = _GROUPS / folder / f"xueshi-bench-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / file).write_text(str(MEMORY_BYTES))
        except OSError:
            group.rmdir()
            continue
        return group, how
    return None, "RLIMIT_AS"


def held_bytes(pid: int) -> int:
    """The memory a process holds now: its own and its share of what it shares (PSS)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
    found = next(line for line in text.splitlines() if line.startswith("Pss:"))
    return int(found.split()[1]) * 1024


def resident_bytes(pid: int) -> int:
    """The memory a process holds now, shared files counted whole (RSS)."""
    text = Path(f"/proc/{pid}/status").read_text("utf-8")
    found = next(line for line in text.splitlines() if line.startswith("VmRSS:"))
    return int(found.split()[1]) * 1024
