"""What every test process begins with."""

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

# A shell that starts a job in the background has it ignore Ctrl-C, and the programs that tests
# start would inherit that: they could not be stopped as a person stops them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What tests write need not outlive the machine: where there is a disk in memory, it lies there, and
# no test waits for a real one. Tests of crashes and full disks bring disks of their own.
MEMORY_DISK = Path("/dev/shm")
ROOM_BYTES = 8 << 30
if (
    "TMPDIR" not in os.environ
    and MEMORY_DISK.is_dir()
    and shutil.disk_usage(MEMORY_DISK).free > ROOM_BYTES
):
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY_DISK)


class Compiled(BytecodeCache):
    """Templates compiled once a process and not once an application: a test makes its own."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Compiled()}

Builder = Callable[..., tuple[str, str]]
BUILDERS: dict[object, Builder] = {}
compile_builder = Rule._compile_builder


def builder_of(rule: Rule, append_unknown: bool = True) -> Builder:
    """What writes the addresses of a route, compiled once a process and not once an application."""
    defaults = repr(sorted((rule.defaults or {}).items()))
    key = (rule.rule, tuple(rule._trace), defaults, append_unknown)
    if key not in BUILDERS:
        BUILDERS[key] = compile_builder(rule, append_unknown)
    return BUILDERS[key]


Rule._compile_builder = builder_of  # type: ignore[method-assign, assignment]

HERE = Path(__file__).parent
QUICK_FOLDERS = tuple(HERE / name for name in ("sync", "server", "repo"))
SLOW_MARKS = {"soak", "process", "browser", "desktop"}
# Tests of what coverage is measured of: the sync core and the domain. To trace the pages above them
# would cost a third more time and tell no more.
MEASURED_FOLDERS = tuple(HERE / name for name in ("sync", "server/rules", "server/packs"))
MEASURED_FILES = {
    HERE / f"server/test_{name}.py"
    for name in (
        "cells", "claims", "corrected", "declared_tables", "domain_properties", "fields", "forms",
        "hours_of_day", "identity", "import_plan", "names", "people_domain", "printed", "quizzes",
        "result_words", "session_domain", "upload_checks", "values", "workflow", "workflow_gates",
        "workflow_places",
    )
}  # fmt: skip
# Plays a core that is broken on purpose, again and again.
UNMEASURED_TEST = "test_a_broken_core_is_found_out"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as quick what needs no simulator, real process, browser, window, console or site; and
    as measured those of them that coverage is measured on."""
    for item in items:
        inside = any(item.path.is_relative_to(folder) for folder in QUICK_FOLDERS)
        if inside and not any(mark.name in SLOW_MARKS for mark in item.iter_markers()):
            item.add_marker(pytest.mark.quick)
            if is_measured(item):
                item.add_marker(pytest.mark.measured)


def pytest_collection_finish() -> None:
    """Keep the collector of garbage away from thousands of collected tests, which all stay."""
    gc.collect()
    gc.freeze()


def is_measured(item: pytest.Item) -> bool:
    """Whether a quick test is one of the sync core or of the domain."""
    if item.name.startswith(UNMEASURED_TEST):
        return False
    return item.path in MEASURED_FILES or any(
        item.path.is_relative_to(folder) for folder in MEASURED_FOLDERS
    )
