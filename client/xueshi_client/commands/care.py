"""Looking after a node: check, rebuild, backup, restore, doctor."""

import dataclasses
from pathlib import Path

import click

from xueshi_client.console import EXIT_OK, EXIT_REFUSED, FilePath, Reply, WordedCommand, option
from xueshi_client.doctor import Finding, examine
from xueshi_client.state import State
from xueshi_server.record_types import SCHEMA
from xueshi_sync.context import Context
from xueshi_sync.node import Node


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
@click.argument("file", type=FilePath())
@click.pass_obj
def backup(state: State, file: Path) -> Reply:
    with state.open_node() as node:
        size_bytes = node.backup(file)
    data = {"file": str(file), "bytes": size_bytes}
    return Reply(data, [state.word("cli.backup.done", mb=size_bytes / 1e6, **data)])


@click.command(cls=WordedCommand)
@click.argument("file", type=FilePath(must_exist=True))
@click.pass_obj
def restore(state: State, file: Path) -> Reply:
    home = state.home
    node = Node.restore(file, home, schema=SCHEMA, context=Context.system())
    try:
        data = {"home": str(home), "name": node.name, "code": node.code, "role": node.role}
    finally:
        node.close()
    return Reply(data, [state.word("cli.restore.done", **data)])


def _status(clean: bool) -> int:
    return EXIT_OK if clean else EXIT_REFUSED


@click.command(cls=WordedCommand)
@option("--port", type=int, default=8080, show_default=True, help="cli.opt.port")
@click.pass_obj
def doctor(state: State, port: int) -> Reply:
    findings = examine(state.home, port)
    clean = all(each.level != "bad" for each in findings)
    lines = [_describe(state, each) for each in findings]
    data = {"clean": clean, "findings": [dataclasses.asdict(each) for each in findings]}
    return Reply(data, lines, _status(clean))


def _describe(state: State, finding: Finding) -> str:
    mark = state.word(f"cli.doctor.{finding.level}")
    return f"{mark} {state.word(f'doctor.{finding.code}', **finding.values)}"


COMMANDS = (check, rebuild, backup, restore, doctor)
