"""What the processes of these tests do, by name: they save, sync, serve, and write down every
promise."""

import contextlib
import os
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.process.nodes import (
    SCHEMA,
    Acks,
    context_of,
    open_at,
    save_form,
)
from xueshi_sync.errors import NetworkError, StorageError, SyncError
from xueshi_sync.http_listener import make_http_server
from xueshi_sync.http_session import SyncSession, Timeouts
from xueshi_sync.node import Node
from xueshi_sync.schema import Field, Schema, Table

NOTE: Final = "全程参加，材料存档。" * 30
FAST: Final = Timeouts(connect_s=2.0, idle_s=2.0, total_s=10.0)
# A type that a pack brings.
WITH_TALK: Final = Schema(
    1, (*SCHEMA.tables, Table("talk", "ledger", (Field("title"),), ("school", "centre")))
)
# What a disk must have before files go on.
ROOM_BYTES: Final = 48 << 20
PATIENT: Final = Timeouts(connect_s=10.0, idle_s=30.0, total_s=120.0)


def fast_session() -> SyncSession:
    """A session that does not wait between attempts."""
    return SyncSession(pause=lambda _: None, jitter=lambda: 0.0)


def saver(folder: str, machine: str, acks_path: str, forms: str) -> None:
    """Save some forms on a disk that fails, and say what became of each.

    A form that was refused is saved again, as a person would.
    """
    acks = Acks(Path(acks_path))
    try:
        node = open_at(Path(folder), machine)
    except SyncError as error:
        acks.say("not opened", error.code)
        return
    for number in range(int(forms)):
        for _ in range(3):
            try:
                acks.say("saved", save_form(node, f"form{number}", NOTE))
                break
            except StorageError as error:
                acks.say("refused", error.code)
                _make_room()
        if number % 3 == 2:
            try:
                node.publish_barrier()
            except StorageError as error:
                acks.say("not sealed", error.code)
    acks.say("reads", str(node.query("SELECT count(*) FROM hour")[0][0]))
    node.close()


def _make_room() -> None:
    """Somebody deletes something: the fault `while:PATH` ends when PATH is gone."""
    fault = os.environ.get("TAP_FAULT", "")
    if fault.startswith("while:"):
        Path(fault.removeprefix("while:")).unlink(missing_ok=True)


def school(folder: str, machine: str, acks_path: str, url: str, tag: str) -> None:
    """Save, seal, sync, build anew and back up until killed."""
    acks, rng = Acks(Path(acks_path)), random.Random(tag)
    node, session = open_at(Path(folder), machine), fast_session()
    acks.say("opened", tag)
    for number in range(10_000):
        acks.say("saved", save_form(node, f"{tag}-{number}", NOTE))
        chance = rng.random()
        with contextlib.suppress(NetworkError):
            if chance < 0.5:
                node.sync_once(url, session=session, timeouts=FAST)
            elif chance < 0.6:
                node.publish_barrier()
            elif chance < 0.65:
                node.rebuild()
            elif chance < 0.7:
                node.backup(Path(folder) / "copy.db")


def joiner(folder: str, machine: str, acks_path: str, url: str, invitation: str) -> None:
    """Join with an invitation (again, where that was cut short) and sync."""
    acks, node = Acks(Path(acks_path)), open_at(Path(folder), machine)
    acks.say("saved", save_form(node, f"joiner-{os.getpid()}"))
    if not node.enrolled:
        node.join(invitation)
    node.sync_once(url, session=fast_session(), timeouts=FAST)
    acks.say("joined", "")


def restorer(folder: str, machine: str, acks_path: str, backup: str) -> None:
    """Put a backup in place of the node's data."""
    acks, home = Acks(Path(acks_path)), Path(folder)
    context = context_of(home / "state", machine)
    node = Node.restore(Path(backup), home / "home", schema=SCHEMA, context=context)
    acks.say("restored", "")
    acks.say("saved", save_form(node, f"restored-{os.getpid()}"))


def adopter(folder: str, machine: str, acks_path: str) -> None:
    """Save, and go on under a schema with a type whose records stand in the feeds."""
    acks, node = Acks(Path(acks_path)), open_at(Path(folder), machine)
    acks.say("saved", save_form(node, f"adopter-{os.getpid()}"))
    node.adopt_schema(WITH_TALK)
    acks.say("saved", save_form(node, f"adopted-{os.getpid()}"))


def centre(folder: str, port: str) -> None:
    """Serve the centre until killed."""
    node = open_at(Path(folder), "centre")
    server = make_http_server(node.wsgi_app(), ("127.0.0.1", int(port)), threads=6)
    server.prepare()
    server.serve()


def holder(folder: str, machine: str, acks_path: str) -> None:
    """Keep a node open for a while."""
    node = open_at(Path(folder), machine)
    Acks(Path(acks_path)).say("opened", node.node_id)
    time.sleep(20)


def fetcher(folder: str, machine: str, url: str) -> None:
    """Fetch files until nothing more is to be had, or killed."""
    node = open_at(Path(folder), machine)
    node.deliver_once(url, session=fast_session(), timeouts=PATIENT)
    node.close()


def keeper(folder: str, machine: str, url: str, acks_path: str) -> None:
    """Fetch files; where the disk is full say so, go on saving, and wait for room."""
    acks, home, session = Acks(Path(acks_path)), Path(folder), fast_session()
    # Every node keeps some room back for what people enter.
    context = replace(context_of(home / "state", machine), reserve_bytes=4 << 20)
    node = Node.open(home / "home", schema=SCHEMA, context=context)
    node.publish_barrier()
    while True:
        try:
            if node.deliver_once(url, session=session, timeouts=PATIENT).is_level:
                break
        except NetworkError:
            continue
        except StorageError as error:
            acks.say("saved", save_form(node, f"full-{time.monotonic_ns()}", NOTE))
            acks.say("reads", str(node.query("SELECT count(*) FROM hour")[0][0]))
            acks.say("refused", f"{type(error).__name__}: {error}")
            while shutil.disk_usage(node.home).free < ROOM_BYTES:
                time.sleep(0.02)
    acks.say("whole", str(node.files.wanted_count()))
    node.close()


JOBS: Final[dict[str, Callable[..., None]]] = {
    "fetcher": fetcher,
    "keeper": keeper,
    "saver": saver,
    "school": school,
    "joiner": joiner,
    "restorer": restorer,
    "adopter": adopter,
    "centre": centre,
    "holder": holder,
}
