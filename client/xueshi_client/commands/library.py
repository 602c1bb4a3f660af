"""The library: publishing files and folders, what is here, taking files out, the thin line."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from xueshi_client.console import FilePath, Reply, WordedCommand, WordedGroup, option
from xueshi_client.state import State
from xueshi_client.usage import WordedUsageError
from xueshi_client.values import SECONDS, URL
from xueshi_server.delivering import (
    Budget,
    deliver_files,
    fetch_near,
    lacking_room,
    read_budget,
    write_budget,
)
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import parse_hours
from xueshi_server.domain.hours_of_day import parse_hours_of_day
from xueshi_server.errors import FileNotHereError, UnfitFileError
from xueshi_server.library import add_file, add_folder, copy_out, export_folder
from xueshi_server.node_clock import today_of
from xueshi_server.sources import is_url
from xueshi_server.stick import export_stick, take_stick
from xueshi_server.store.library import (
    FILE,
    About,
    Resource,
    find_resource,
    list_resources,
    withdraw_resource,
)
from xueshi_server.words import word
from xueshi_sync.errors import NetworkError, NodeStateError
from xueshi_sync.node import Node

_MEGABYTE = 1_000_000


@click.group(cls=WordedGroup)
def library() -> None:
    """Worded by the catalogue."""


@library.command("add", cls=WordedCommand)
@click.argument("path", metavar="FILE|FOLDER", type=FilePath(must_exist=True))
@option("--title", default="", help="cli.opt.title")
@option("--subject", default="", help="cli.opt.subject")
@option("--category", default="", help="cli.opt.category")
@option("--level", default="", help="cli.opt.level")
@option("--authors", default="", help="cli.opt.authors")
@option("--summary", default="", help="cli.opt.summary")
@option("--hours", default="", help="cli.opt.study_hours")
@option("--replaces", default="", metavar="ID", help="cli.opt.replaces")
@option("--actor", default="admin", show_default=True, help="cli.opt.actor")
@click.pass_obj
def add(state: State, /, path: Path, **options: str) -> Reply:
    about = _about(path, options)
    with state.open_node("centre") as node, state.progress("cli.library.adding") as step:
        replaces = find_resource(node, options["replaces"]) if options["replaces"] else None
        actor = options["actor"]
        try:
            if path.is_dir():
                made = add_folder(node, path, about, actor=actor, replaces=replaces, progress=step)
            else:
                made = add_file(node, path, about, actor=actor, replaces=replaces)
        except BadValueError as error:
            why = word(f"value.{error.value_code}", state.language, **error.details)
            raise UnfitFileError(why=why) from error
        data = _described(node, made)
    state.tell_saved()
    return Reply(data, [state.word("cli.library.added", **data)])


def _about(path: Path, options: dict[str, str]) -> About:
    try:
        minutes = parse_hours(options["hours"]) if options["hours"] else 0
    except BadValueError as error:
        raise WordedUsageError("study_hours", seen=options["hours"]) from error
    return About(
        options["title"] or path.resolve().stem, options["subject"], options["category"],
        options["level"], options["authors"], options["summary"], minutes,
    )  # fmt: skip


@library.command("list", cls=WordedCommand)
@click.pass_obj
def list_(state: State) -> Reply:
    with state.open_node() as node:
        found = [_described(node, each) for each in list_resources(node)]
    lines = [
        state.word(f"cli.library.row.{each['state']}", **each, shown=_shown(each)) for each in found
    ]
    return Reply({"resources": found}, lines or [state.word("cli.library.empty")])


def _shown(found: dict[str, Any]) -> str:
    words = " · ".join(each for each in (found["subject"], found["category"]) if each)
    return f"{found['title']} · {words}" if words else str(found["title"])


def _described(node: Node, resource: Resource) -> dict[str, Any]:
    state = node.files.state(resource.content.sha256)
    size = resource.content.size
    here = state.here_bytes if state else 0
    whole = state is not None and state.is_whole
    return {
        "id": resource.public_id,
        "kind": resource.kind,
        **dataclasses.asdict(resource.about),
        "name": resource.name,
        "media": resource.media,
        "added": resource.added,
        "sha256": resource.content.sha256.hex(),
        "bytes": size,
        "here_bytes": here,
        "percent": 100 if whole else here * 100 // max(size, 1),
        "state": "here" if whole else "partly" if here else "not_here",
    }


@library.command("get", cls=WordedCommand)
@click.argument("resource_id", metavar="ID")
@option("-o", "--output", type=FilePath(), help="cli.opt.library_output")
@click.pass_obj
def get(state: State, resource_id: str, output: Path | None) -> Reply:
    with state.open_node() as node, state.progress("cli.library.getting") as step:
        resource = find_resource(node, resource_id)
        target = output or state.cwd / (resource.name or resource.public_id)
        try:
            if resource.kind == FILE:
                copy_out(node, resource.content, target)
            else:
                export_folder(node, resource.content, target, step)
        except FileNotFoundError as error:
            raise FileNotHereError(resource=resource.about.title) from error
    return Reply({"file": str(target)}, [state.word("cli.library.got", file=target)])


@library.command("withdraw", cls=WordedCommand)
@click.argument("resource_id", metavar="ID")
@option("--actor", default="admin", show_default=True, help="cli.opt.actor")
@click.pass_obj
def withdraw(state: State, resource_id: str, *, actor: str) -> Reply:
    with state.open_node("centre") as node:
        resource = find_resource(node, resource_id)
        withdraw_resource(node, resource, day=today_of(node).isoformat(), actor=actor)
    state.tell_saved()
    data = {"id": resource.public_id, "title": resource.about.title}
    return Reply(data, [state.word("cli.library.withdrawn", **data)])


@library.command("fetch", cls=WordedCommand)
@option("--from", "sources", multiple=True, metavar="URL|FOLDER", help="cli.opt.sources")
@option("--url", type=URL, help="cli.opt.url")
@option("--deadline", "deadline_s", type=SECONDS, help="cli.opt.deadline")
@click.pass_obj
def fetch(
    state: State, sources: tuple[str, ...], url: str | None, deadline_s: float | None
) -> Reply:
    sources = _places(state, sources)
    with state.open_node() as node, state.progress("cli.library.fetching") as step:
        near = fetch_near(node, sources, url=url) if sources else []
        try:
            reports = deliver_files(
                node, url=url, deadline_s=deadline_s, at_once=True, progress=step
            )
        except (NetworkError, NodeStateError):
            # Without a line the sources are all there is.
            if not sources:
                raise
            reports = []
        left = node.files.wanted_bytes()
        short = lacking_room(node)
    data = {
        "sources": [dataclasses.asdict(each) for each in near],
        "requests": sum(each.requests for each in reports),
        "bytes_up": sum(each.bytes_up for each in reports),
        "bytes_down": sum(each.bytes_down for each in reports),
        "files": sum(each.whole for each in reports),
        "left_bytes": left,
        "room_short_bytes": short,
    }
    key = "cli.library.fetched_all" if not left else "cli.library.fetched"
    lines = [
        state.word("cli.library.no_source", source=each.source)
        if each.error
        else state.word("cli.library.source", source=each.source, mb=each.bytes / _MEGABYTE)
        for each in near
    ]
    lines.append(state.word(key, mb=left / _MEGABYTE, **data))
    if short:
        lines.append(state.word("cli.library.no_room", mb=-(-short // _MEGABYTE)))
    return Reply(data, lines)


def _places(state: State, sources: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses as they are, folders from the root on; empty ones left out."""
    return tuple(each if is_url(each) else str(state.cwd / each) for each in sources if each)


@library.command("publish", cls=WordedCommand)
@option("--to", "stick", type=FilePath(), required=True, help="cli.opt.stick")
@click.pass_obj
def publish(state: State, stick: Path) -> Reply:
    with state.open_node() as node, state.progress("cli.library.writing") as step:
        report = export_stick(node, stick, state.language, step)
    data = {"folder": str(stick), **dataclasses.asdict(report)}
    return Reply(data, [state.word("cli.library.published", **data)])


@library.command("take", cls=WordedCommand)
@click.argument("stick", metavar="FOLDER", type=FilePath(must_exist=True))
@click.pass_obj
def take(state: State, stick: Path) -> Reply:
    with state.open_node() as node, state.progress("cli.library.taking") as step:
        report = take_stick(node, stick, step)
    data = {"folder": str(stick), **dataclasses.asdict(report)}
    return Reply(data, [state.word("cli.library.taken", **data)])


@library.command("settings", cls=WordedCommand)
@option("--per-day", type=click.IntRange(min=0), metavar="MB", help="cli.opt.per_day")
@option("--between", default=None, metavar="22:00-06:00", help="cli.opt.between")
@option("--quota", type=click.IntRange(min=0), metavar="MB", help="cli.opt.quota")
@option("--source", "sources", multiple=True, metavar="URL|FOLDER", help="cli.opt.near")
@click.pass_obj
def settings(
    state: State,
    *,
    per_day: int | None,
    between: str | None,
    quota: int | None,
    sources: tuple[str, ...],
) -> Reply:
    with state.open_node() as node:
        budget = read_budget(node)
        try:
            budget = Budget(
                budget.day_bytes if per_day is None else per_day * _MEGABYTE or None,
                budget.hours if between is None else parse_hours_of_day(between),
                budget.quota_bytes if quota is None else quota * _MEGABYTE or None,
                _places(state, sources) if sources else budget.sources,
            )
        except BadValueError as error:
            raise WordedUsageError("between", seen=between) from error
        write_budget(node, budget)
    data = {
        "day_bytes": budget.day_bytes,
        "hours": budget.hours,
        "quota_bytes": budget.quota_bytes,
        "sources": list(budget.sources),
    }
    no_limit = state.word("cli.library.no_limit")
    shown = {
        "day": no_limit if budget.day_bytes is None else f"{budget.day_bytes // _MEGABYTE} MB",
        "hours": budget.hours or state.word("cli.library.always"),
        "quota": no_limit
        if budget.quota_bytes is None
        else f"{budget.quota_bytes // _MEGABYTE} MB",
    }
    near = [state.word("cli.library.near", sources=" ".join(budget.sources))]
    lines = [state.word("cli.library.settings", **shown), *(near if budget.sources else [])]
    return Reply(data, lines)


COMMANDS = (library,)
