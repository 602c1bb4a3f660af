"""Packs as folders: whether one is sound, and what two of them change. No node is needed."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from xueshi_client.console import EXIT_OK, EXIT_REFUSED, FilePath, Reply, WordedCommand, option
from xueshi_client.errors import NotAPackError
from xueshi_client.state import State
from xueshi_client.usage import WordedUsageError
from xueshi_server.domain.packs.diff import Change, diff_packs
from xueshi_server.domain.packs.pack import Fault
from xueshi_server.domain.workflow import acting_tier, list_unjudged_ends
from xueshi_server.pack_check import Inspection, inspect_folder, open_pack


@click.command("pack-check", cls=WordedCommand)
@click.argument("folder", type=FilePath(must_exist=True))
@option("--source", "sources", multiple=True, metavar="ID=FILE", help="cli.opt.source")
@click.pass_obj
def pack_check(state: State, folder: Path, sources: tuple[str, ...]) -> Reply:
    if not folder.is_dir() or not any(folder.glob("*.toml")):
        raise NotAPackError(folder=str(folder))
    inspection = inspect_folder(folder, _read_sources(state, sources))
    faults = inspection.faults
    described = [_describe(state, inspection, each) for each in faults]
    data = {
        "clean": not faults,
        "pack": inspection.pack.id if inspection.pack else None,
        "version": inspection.pack.version if inspection.pack else None,
        "digest": inspection.pack.digest if inspection.pack else None,
        "faults": described,
        "remarks": _remarks(inspection),
    }
    lines = [f"{each['place']} {each['code']} {each['text']}" for each in described]
    lines += [state.word("pack.remark.end_unjudged", **each) for each in _remarks(inspection)]
    key = "cli.pack_check.faulty" if faults else "cli.pack_check.clean"
    counts = _count(inspection)
    lines.append(state.word(key, folder=folder.name, count=len(faults), **counts))
    return Reply(data, lines, EXIT_REFUSED if faults else EXIT_OK)


def _read_sources(state: State, sources: tuple[str, ...]) -> dict[str, Path]:
    found = {}
    for each in sources:
        name, sign, path = each.partition("=")
        if not sign or not (state.cwd / path).is_file():
            raise WordedUsageError("source", seen=each)
        found[name] = state.cwd / path
    return found


def _describe(state: State, inspection: Inspection, fault: Fault) -> dict[str, Any]:
    """A fault in words: where, what is wrong, what to write instead."""
    own = inspection.pack.id if inspection.pack else fault.pack
    file = fault.file if fault.pack in ("", own) else f"{fault.pack}/{fault.file}"
    said = _said(fault.values)
    text = state.word(f"pack.fault.{fault.code}", **said)
    cure = state.word(f"pack.cure.{fault.code}", **said)
    hint = fault.values.get("hint", "")
    meant = state.word("pack.hint", hint=hint) if hint else ""
    return {
        "place": f"{file}:{fault.line}",
        "file": file,
        "line": fault.line,
        "code": f"pack.{fault.code}",
        "path": list(fault.spot),
        "text": " ".join(each for each in (text, cure, meant) if each),
    }


def _remarks(inspection: Inspection) -> list[dict[str, str]]:
    """Ends of workflows that give no verdict, since those who take the step may not judge."""
    pack = inspection.pack
    return [
        {
            "workflow": workflow.id,
            "step": move.id,
            "tier": acting_tier(pack, pack.types[workflow.of], move),
            "of": workflow.of,
            "judges": ", ".join(sorted(pack.types[workflow.of].judges)),
        }
        for workflow, move in (list_unjudged_ends(pack) if pack else ())
        if pack
    ]


def _said(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value or "-" for name, value in values.items()}


def _count(inspection: Inspection) -> dict[str, int]:
    pack = inspection.pack
    kinds = ("rules", "types", "statements")
    return {kind: len(getattr(pack, kind)) if pack else 0 for kind in kinds}


@click.command("pack-diff", cls=WordedCommand)
@click.argument("old")
@click.argument("new")
@click.pass_obj
def pack_diff(state: State, old: str, new: str) -> Reply:
    before, after = open_pack(old, state.cwd), open_pack(new, state.cwd)
    changes = diff_packs(before, after)
    data = {
        "same": before.digest == after.digest,
        "old": {"pack": before.id, "version": before.version, "digest": before.digest},
        "new": {"pack": after.id, "version": after.version, "digest": after.digest},
        "changes": [dataclasses.asdict(each) for each in changes],
    }
    lines = [_word_change(state, each) for each in changes]
    return Reply(data, lines or [state.word("cli.pack_diff.same")])


def _word_change(state: State, change: Change) -> str:
    key = f"cli.pack_diff.{change.what}"
    return state.word(key, **{**dataclasses.asdict(change), "after": change.after or "-"})


COMMANDS = (pack_check, pack_diff)
