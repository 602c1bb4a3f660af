"""Records in and out of tables: import and export."""

import dataclasses
import io
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click

from xueshi_client.console import EXIT_OK, EXIT_REFUSED, FilePath, Reply, WordedCommand, option
from xueshi_client.state import State
from xueshi_client.usage import WordedUsageError
from xueshi_server.accounts import Accounts
from xueshi_server.domain.import_plan import RowFault
from xueshi_server.errors import MissingHeaderError, UnknownTypeError
from xueshi_server.exporting import FORMATS, export_rows
from xueshi_server.importing import (
    ImportReport,
    Reading,
    import_rows,
    name_missing,
    word_notes,
)
from xueshi_server.record_columns import columns_of
from xueshi_server.record_tables import find_declared
from xueshi_server.sealing import Opener
from xueshi_server.sheet_forms import export_sheet
from xueshi_sync.node import Node


@click.command("import", cls=WordedCommand)
@click.argument("type_name", metavar="TYPE")
@click.argument("file", type=FilePath(must_exist=True))
@option("--dry-run", is_flag=True, help="cli.opt.dry_run")
@option("--sheet", default="", help="cli.opt.sheet")
@option("--actor", default="admin", show_default=True, help="cli.opt.actor")
@click.pass_obj
def import_(
    state: State, type_name: str, file: Path, *, dry_run: bool, sheet: str, actor: str
) -> Reply:
    with state.open_node() as node, state.progress("cli.import.running") as step:
        labels = _find_labels(node, type_name, state.language)
        settings: dict[str, Any] = {"dry_run": dry_run, "actor": actor, "progress": step}
        try:
            report = import_rows(node, type_name, file, reading=Reading(sheet), **settings)
        except MissingHeaderError as error:
            name_missing(error, labels)
            raise
    state.tell_saved()
    return _describe_import(state, report, labels)


def _find_labels(node: Node, type_name: str, language: str) -> Mapping[str, str]:
    """What the columns of a type are called; a type that the node's pack does not declare is a
    wrong use, answered with those that it does."""
    try:
        pack, declared = find_declared(node, type_name)
    except UnknownTypeError as error:
        raise WordedUsageError("no_such_type", **error.fields) from error
    return columns_of(pack, declared).labels(language)


def _describe_import(state: State, report: ImportReport, labels: Mapping[str, str]) -> Reply:
    """What an import did, in one object and in words; refused files exit with 1."""
    data = {**dataclasses.asdict(report), "refused": report.refused}
    if report.refused:
        lines = [state.word("cli.import.refused", count=report.fault_count)]
        lines += [_describe_fault(state, each, report, labels) for each in report.faults]
        return Reply(data, [*lines, *word_notes(report, state.word)], EXIT_REFUSED)
    key = "cli.import.dry" if report.dry_run else "cli.import.done"
    text = state.word(key, **data | {"people": len(report.new_people)})
    return Reply(data, [text, *word_notes(report, state.word)], EXIT_OK)


def _describe_fault(
    state: State, fault: RowFault, report: ImportReport, labels: Mapping[str, str]
) -> str:
    """One fault in one line: cell, row, column in the words of the pages, what to write instead."""
    what = state.word(f"value.{fault.code}", **dict(fault.details))
    field = f"{labels[fault.field]} ({fault.field})"
    line = state.word("cli.import.fault", row=fault.row_no, field=field, what=what)
    letter = report.letter(fault.field)
    return f"  {letter}{fault.row_no} {line.strip()}" if letter else line


@click.command(cls=WordedCommand)
@click.argument("type_name", metavar="TYPE")
@option("--format", "format_name", type=click.Choice(FORMATS), help="cli.opt.format")
@option("-o", "--output", type=FilePath(new=True), help="cli.opt.output")
@option("--form", default="", help="cli.opt.form_sheet")
@option("--empty", is_flag=True, help="cli.opt.empty_sheet")
@option("--open-sealed", "reason", metavar="REASON", help="cli.opt.open_sealed")
@option("--actor", default="admin", show_default=True, help="cli.opt.actor")
@click.pass_obj
def export(
    state: State,
    type_name: str,
    *,
    format_name: str | None,
    output: Path | None,
    form: str,
    empty: bool,
    reason: str | None,
    actor: str,
) -> Reply | None:
    as_form = bool(form or empty)
    chosen = format_name or ("xlsx" if as_form else _guess_format(output))
    if as_form and chosen != "xlsx":
        raise WordedUsageError("format_needed", file=output.name if output else "", known="xlsx")
    if output is None and (state.as_json or chosen == "xlsx" or reason is not None):
        raise WordedUsageError("output_needed")
    if reason is not None and not reason.strip():
        raise WordedUsageError("reason_needed")
    role = None if reason is None else "centre"
    with state.open_node(role) as node, state.progress("cli.export.running") as step:
        _find_labels(node, type_name, state.language)
        if output is None:
            buffer = io.BytesIO()
            export_rows(node, type_name, buffer, format=chosen, progress=step)
            state.out.write(buffer.getvalue().decode("utf-8-sig"))
            return None
        opener = None if reason is None else Opener(node.home)
        write = partial(export_rows, format=chosen, progress=step, opener=opener)
        if as_form:
            language = state.language
            write = partial(export_sheet, sheet=form, empty=empty, language=language, opener=opener)
        if reason is not None:
            _note_opening(node, actor, type_name, reason)
        rows = _export_to_file(output, partial(write, node, type_name))
    data = {"type": type_name, "file": str(output), "format": chosen, "rows": rows}
    return Reply(data, [state.word("cli.export.done", **data)])


def _note_opening(node: Node, actor: str, type_name: str, reason: str) -> None:
    """Write down who exports personal numbers and why, before any leaves."""
    accounts = Accounts(node.home)
    try:
        accounts.note("export_sealed", actor, type_name, reason.strip())
    finally:
        accounts.close()


def _export_to_file(output: Path, write: Callable[[BinaryIO], int]) -> int:
    """Written beside the target and renamed, so that no half file carries its name."""
    part = output.with_name(output.name + ".part")
    try:
        with part.open("wb") as file:
            rows = write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return rows


def _guess_format(output: Path | None) -> str:
    if output is None:
        return "csv"
    suffix = output.suffix.lstrip(".").lower()
    if suffix not in FORMATS:
        raise WordedUsageError("format_needed", file=output.name, known=", ".join(FORMATS))
    return suffix


COMMANDS = (import_, export)
