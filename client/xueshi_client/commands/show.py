"""Showing and measuring: demo, browse, site build, bench."""

import json
from pathlib import Path
from typing import Any, Final

import click

from xueshi_client.bench.groups import choose_groups, compare_sizes, run_group
from xueshi_client.bench.workload import find_workload
from xueshi_client.browsing import serve_browse
from xueshi_client.commands.run_local import polite_kill, stop_signals
from xueshi_client.console import FilePath, Reply, WordedCommand, WordedGroup, option, show
from xueshi_client.demo.show import run_demo
from xueshi_client.errors import FolderTakenError
from xueshi_client.serving import SITE_FOLDER, wait_for_stop
from xueshi_client.state import State
from xueshi_client.values import PORT
from xueshi_server.errors import FileNotHereError
from xueshi_server.library import export_folder, publish_site
from xueshi_server.shelf import Shelf
from xueshi_server.site_pages import build_node_site

# Every site of ours has it.
SITE_MARK: Final = "zh/records.html"


@click.command(cls=WordedCommand)
@option("--once", is_flag=True, help="cli.opt.once")
@click.pass_obj
def demo(state: State, once: bool) -> None:
    with polite_kill():
        run_demo(state, once=once, ready=lambda figures: show(state, Reply(figures)))


@click.command(cls=WordedCommand)
@option("--workload", type=FilePath(must_exist=True), help="cli.opt.workload")
@option("--only", help="cli.opt.only")
@option("--quick", is_flag=True, help="cli.opt.quick")
@click.pass_obj
def bench(state: State, *, workload: Path | None, only: str | None, quick: bool) -> Reply | None:
    groups, script = choose_groups(only), find_workload(workload)
    figures: list[dict[str, Any]] = []
    for name in groups:
        if state.on_terminal:
            state.err.write(state.word("cli.bench.running", group=name) + "\n")
        for figure in run_group(name, script, quick=quick):
            figures.append(figure)
            state.print(json.dumps(figure, ensure_ascii=False))
    growth = compare_sizes(figures)
    if growth is not None:
        figures.append(growth)
        state.print(json.dumps(growth, ensure_ascii=False))
    return Reply({"figures": figures})


@click.command(cls=WordedCommand)
@option("--port", type=PORT, default=0, help="cli.opt.port")
@click.pass_obj
def browse(state: State, port: int) -> None:
    home = state.require_home()
    with stop_signals() as stopping, serve_browse(home, port=port, language=state.language) as url:
        show(state, Reply({"url": url}, [state.word("cli.browse.serving", url=url)]))
        wait_for_stop(stopping)


@click.group(cls=WordedGroup)
def site() -> None:
    """Worded by the catalogue."""


@site.command("build")
@option("-o", "--output", type=FilePath(), help="cli.opt.site_output")
@click.pass_obj
def site_build(state: State, output: Path | None) -> Reply:
    folder = output or state.home / SITE_FOLDER
    if not _may_replace(folder):
        raise FolderTakenError(folder=str(folder))
    with state.open_node() as node:
        built = build_node_site(node, folder)
    data = {"folder": str(built.folder), "pages": built.page_count, "bytes": built.size_bytes}
    return Reply(data, [state.word("cli.site.done", path=built.folder)])


@site.command("publish")
@option("--folder", type=FilePath(must_exist=True), help="cli.opt.site_from")
@option("--title", default="", help="cli.opt.site_title")
@option("--actor", default="admin", show_default=True, help="cli.opt.actor")
@click.pass_obj
def site_publish(state: State, *, folder: Path | None, title: str, actor: str) -> Reply:
    with state.open_node("centre") as node, state.progress("cli.site.publishing") as step:
        made = publish_site(
            node,
            folder or state.home / SITE_FOLDER,
            title or state.word("cli.site.training"),
            actor=actor,
            progress=step,
        )
        files = len(Shelf(node).entries(made.content) or ())
    state.tell_saved()
    data = {"id": made.public_id, "sha256": made.content.sha256.hex(), "files": files}
    return Reply(data, [state.word("cli.site.published", **data)])


@site.command("export")
@click.argument("folder", type=FilePath())
@click.pass_obj
def site_export(state: State, folder: Path) -> Reply:
    if not _may_replace(folder):
        raise FolderTakenError(folder=str(folder))
    with state.open_node() as node, state.progress("cli.site.exporting") as step:
        shown = Shelf(node).shown()
        if shown is None:
            raise FileNotHereError(resource=state.word("cli.site.training"))
        files = export_folder(node, shown, folder, step)
    data = {"folder": str(folder), "files": files}
    return Reply(data, [state.word("cli.site.exported", **data)])


def _may_replace(folder: Path) -> bool:
    """A build takes the place of the whole folder: it must be new, empty or a site."""
    if not folder.exists():
        return True
    return folder.is_dir() and (not any(folder.iterdir()) or (folder / SITE_MARK).is_file())


COMMANDS = (demo, browse, site, bench)
