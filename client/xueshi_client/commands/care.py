"""Looking after a node: check, rebuild, backup, restore, doctor."""

import contextlib
import dataclasses
import sqlite3
from pathlib import Path
from typing import Final

import click

from xueshi_client.console import EXIT_OK, EXIT_REFUSED, FilePath, Reply, WordedCommand, option
from xueshi_client.doctor import Finding, examine
from xueshi_client.errors import NotABackupError
from xueshi_client.ports import FIRST_PORT, read_port
from xueshi_client.state import State
from xueshi_client.values import PORT
from xueshi_server.accounts import FIRST_LOGIN, Accounts, create_first_admin
from xueshi_server.record_types import SCHEMA
from xueshi_sync.context import Context
from xueshi_sync.node import Node

_OF_A_NODE: Final = "SELECT count(*) FROM meta WHERE key IN ('epoch', 'identity')"


@click.command(cls=WordedCommand)
@option("--deep", is_flag=True, help="cli.opt.deep")
@click.pass_obj
def check(state: State, deep: bool) -> Reply:
    with state.open_node() as node, state.progress("cli.check.running") as step:
        report = node.check(deep=deep, progress=step)
    data = {"clean": not report.problems, **dataclasses.asdict(report)}
    key = "cli.check.clean" if data["clean"] else "cli.check.faulty"
    faults = [state.word("cli.check.fault", fault=each) for each in data["problems"]]
    return Reply(data, [state.word(key, **data), *faults], _status(data["clean"]))


@click.command(cls=WordedCommand)
@click.pass_obj
def rebuild(state: State) -> Reply:
    with state.open_node() as node, state.progress("cli.rebuild.running") as step:
        report = node.rebuild(progress=step)
    data = dataclasses.asdict(report)
    key = "cli.rebuild.identical" if data["identical"] else "cli.rebuild.different"
    return Reply(data, [state.word(key, count=data["tables"])])


@click.command(cls=WordedCommand)
@click.argument("file", type=FilePath(new=True))
@option("--without-files", is_flag=True, help="cli.opt.without_files")
@click.pass_obj
def backup(state: State, file: Path, without_files: bool) -> Reply:
    with state.open_node() as node, state.progress("cli.backup.running") as step:
        made = node.backup(file, files=not without_files, progress=step)
    data = {"file": str(file), "bytes": made.size_bytes, "files": made.files}
    return Reply(data, [state.word("cli.backup.done", mb=made.size_bytes / 1e6, **data)])


@click.command(cls=WordedCommand)
@click.argument("file", type=FilePath(must_exist=True))
@click.pass_obj
def restore(state: State, file: Path) -> Reply:
    home = state.home
    if not is_backup(file):
        raise NotABackupError(file=str(file))
    with state.progress("cli.restore.running") as step:
        context = Context.system()
        node = Node.restore(file, home, schema=SCHEMA, context=context, progress=step)
    try:
        data = {
            "home": str(home),
            "name": node.name,
            "code": node.code,
            "role": node.role,
            "enrolled": node.enrolled,
            **_first_login(home),
        }
    finally:
        node.close()
    lines = [state.word("cli.restore.done", **data)]
    lines += [state.word("cli.init.admin", **data)] if "login" in data else []
    lines += [] if data["enrolled"] else [state.word("cli.restore.rejoin")]
    return Reply(data, lines)


def _first_login(home: Path) -> dict[str, str]:
    """An administrator for a folder that has none: accounts are no part of a backup."""
    accounts = Accounts(home)
    try:
        if accounts.list_all():
            return {}
    finally:
        accounts.close()
    return {"login": FIRST_LOGIN, "one_time_code": create_first_admin(home)}


def is_backup(path: Path) -> bool:
    """Whether the file is the log of a node; what it says is verified when it is restored."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            found = database.execute(_OF_A_NODE).fetchone()[0]
    except sqlite3.Error:
        return False
    return int(found) == 2


def _status(clean: bool) -> int:
    return EXIT_OK if clean else EXIT_REFUSED


@click.command(cls=WordedCommand)
@option("--port", type=PORT, help="cli.opt.doctor_port")
@click.pass_obj
def doctor(state: State, port: int | None) -> Reply:
    findings = examine(state.home, port or read_port(state.home) or FIRST_PORT)
    clean = all(each.level != "bad" for each in findings)
    lines = [_describe(state, each) for each in findings]
    data = {"clean": clean, "findings": [dataclasses.asdict(each) for each in findings]}
    return Reply(data, lines, _status(clean))


def _describe(state: State, finding: Finding) -> str:
    mark = state.word(f"cli.doctor.{finding.level}")
    return f"{mark} {state.word(f'doctor.{finding.code}', **finding.values)}"


COMMANDS = (check, rebuild, backup, restore, doctor)
