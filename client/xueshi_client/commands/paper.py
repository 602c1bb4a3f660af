"""Forms on paper: a PDF of one or of everybody, and whether a paper still holds."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xueshi_client.console import EXIT_OK, EXIT_REFUSED, FilePath, Reply, WordedCommand, option
from xueshi_client.state import State
from xueshi_client.usage import WordedUsageError
from xueshi_server.domain.forms import Document
from xueshi_server.domain.packs.held import held_forms
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.node_clock import today_of
from xueshi_server.printed_forms import note_prints
from xueshi_server.store.packs import find_active
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from xueshi_server.typeset.arrange import Sheet
    from xueshi_server.typeset.printing import Press


@click.command("print", cls=WordedCommand)
@click.argument("form_id", metavar="FORM")
@option("--subject", "subjects", multiple=True, metavar="NAME", help="cli.opt.subject")
@option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="cli.opt.as_of")
@option("-o", "--out", "--output", "out", type=FilePath(new=True), help="cli.opt.out_pdf")
@option("--check", "digest", metavar="DIGEST", help="cli.opt.check_digest")
@click.pass_obj
def print_(
    state: State,
    form_id: str,
    *,
    subjects: Sequence[str],
    as_of: dt.datetime | None,
    out: Path | None,
    digest: str | None,
) -> Reply:
    if (out is None) == (digest is None):
        raise WordedUsageError("out_or_check")
    if digest is not None and len(subjects) > 1:
        raise WordedUsageError("one_subject")
    with state.open_node() as node:
        day = as_of.date() if as_of else today_of(node)
        press = _press(state, node, find_active(node, today_of(node)).pack, form_id, day)
        names = [press.find(each) for each in subjects] or press.everybody()
        if digest is not None:
            return _check(state, press, names, digest)
        assert out is not None
        return _print(state, press, names, out)


def _press(state: State, node: Node, pack: Pack, form_id: str, day: dt.date) -> "Press":
    from xueshi_server.typeset.printing import Press

    forms = held_forms(pack, node.role)
    if form_id not in forms:
        raise WordedUsageError(
            "no_such_form", form=form_id, pack=pack.id, known=", ".join(sorted(forms))
        )
    return Press(node, pack, forms[form_id], day, state.language)


def _print(state: State, press: "Press", names: Sequence[str], out: Path) -> Reply:
    """Set everything first; the file appears when it is whole."""
    from xueshi_server.typeset.printing import write_whole

    printed: list[tuple[str, Document, str]] = []

    def fill(name: str) -> "Sheet":
        sheet = press.fill(name)
        printed.append((name, sheet.document, sheet.about))
        return sheet

    with state.progress("cli.print.running") as step:
        data = press.print_all(names, step, fill=fill)
    write_whole(out, data)
    # Who sits at the console keeps the node.
    note_prints(press, printed, by="admin")
    found = {
        "form": press.form.id,
        "pack": press.pack.id,
        "version": press.pack.version,
        "as_of": press.as_of.isoformat(),
        "file": str(out),
        "sheets": len(names),
        "bytes": len(data),
    }
    return Reply(found, [state.word("cli.print.done", **found)])


def _check(state: State, press: "Press", names: Sequence[str], digest: str) -> Reply:
    from xueshi_server.typeset.arrange import group_digest
    from xueshi_server.typeset.printing import check_paper

    if len(names) != 1:
        raise WordedUsageError("one_subject")
    found = check_paper(press, names[0], digest)
    data = {"form": press.form.id, "as_of": press.as_of.isoformat(), "holds": found.holds,
            "digest": found.digest}  # fmt: skip
    key = "cli.print.holds" if found.holds else "cli.print.changed"
    line = state.word(key, digest=group_digest(found.digest))
    return Reply(data, [line], EXIT_OK if found.holds else EXIT_REFUSED)


COMMANDS = (print_,)
