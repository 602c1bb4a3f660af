"""What every test process begins with."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

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

HERE = Path(__file__).parent
QUICK_FOLDERS = tuple(HERE / name for name in ("sync", "server", "repo"))
SLOW_MARKS = {"soak", "process", "browser", "desktop"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as quick what needs no simulator, real process, browser, window, console or site."""
    for item in items:
        inside = any(item.path.is_relative_to(folder) for folder in QUICK_FOLDERS)
        if inside and not any(mark.name in SLOW_MARKS for mark in item.iter_markers()):
            item.add_marker(pytest.mark.quick)
