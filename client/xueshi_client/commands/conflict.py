"""Concurrent edits and their kept values: conflicts list, show, resolve."""

import datetime as dt
from typing import Any

import click

from xueshi_client.console import Reply, WordedGroup, option
from xueshi_client.errors import UnknownConflictError
from xueshi_client.state import State
from xueshi_client.usage import WordedUsageError, WordedValueError
from xueshi_server.domain.sealed import mask_sealed
from xueshi_sync.body import DELETED_FIELD
from xueshi_sync.node import Node
from xueshi_sync.reports import Conflict, ConflictValue


def _seen(value: object) -> object:
    """A value as people see it: of a sealed one the end."""
    return mask_sealed(value) if isinstance(value, bytes) else value


def _value(each: ConflictValue) -> dict[str, Any]:
    return {
        "value": _seen(each.value),
        "author": each.author,
        "actor": each.actor,
        "entered_at": each.entered_at,
    }


def _conflict(node: Node, each: Conflict) -> dict[str, Any]:
    return {
        "record": node.public_id(each.key),
        "table": each.table,
        "field": each.field,
        "shown": _seen(each.shown.value),
        "shown_by": _value(each.shown),
        "others": [_value(other) for other in each.others],
    }


def _lines(state: State, found: dict[str, Any]) -> list[str]:
    lines = [state.word("cli.conflict.shown", **found)]
    for other in found["others"]:
        when = dt.datetime.fromtimestamp(other["entered_at"] or 0).strftime("%Y-%m-%d %H:%M")
        lines.append(state.word("cli.conflict.other", **{**other, "entered_at": when}))
    return lines


def _find(node: Node, record: str, field: str | None) -> list[dict[str, Any]]:
    found = [_conflict(node, each) for each in node.conflicts()]
    return [each for each in found if each["record"] == record and field in (None, each["field"])]


@click.group(
    cls=WordedGroup,
    invoke_without_command=True,
)
@click.pass_context
def conflicts(ctx: click.Context) -> Reply | None:
    return _list_all(ctx.obj) if ctx.invoked_subcommand is None else None


@conflicts.command("list")
@click.pass_obj
def _list(state: State) -> Reply:
    return _list_all(state)


def _list_all(state: State) -> Reply:
    with state.open_node() as node:
        found = [_conflict(node, each) for each in node.conflicts()]
    lines = [line for each in found for line in _lines(state, each)]
    key = "cli.conflict.count" if found else "cli.conflict.none"
    data = {"conflicts": found, "count": len(found)}
    return Reply(data, [state.word(key, count=len(found)), *lines])


@conflicts.command("show")
@click.argument("record")
@click.pass_obj
def _show(state: State, record: str) -> Reply:
    with state.open_node() as node:
        found = _find(node, record, None)
    if not found:
        raise UnknownConflictError(record=record, field=state.word("cli.conflict.any_field"))
    return Reply({"conflicts": found}, [line for each in found for line in _lines(state, each)])


@conflicts.command("resolve")
@click.argument("record")
@click.argument("field")
@option("--value", help="cli.opt.value")
@option("--keep", is_flag=True, help="cli.opt.keep")
@option("--actor", default="admin", show_default=True, help="cli.opt.actor")
@click.pass_obj
def _resolve(
    state: State, record: str, field: str, *, value: str | None, keep: bool, actor: str
) -> Reply:
    if (value is None) != keep:
        raise WordedUsageError("value_or_keep")
    with state.open_node() as node:
        for each in node.conflicts():
            if node.public_id(each.key) == record and each.field == field:
                chosen = _kept(each) if value is None else _typed(node, each, value)
                with node.write(actor=actor) as action:
                    action.resolve(each.table, each.key, field, chosen)
                state.tell_saved()
                data = {"record": record, "field": field, "value": _seen(chosen), "resolved": True}
                return Reply(data, [state.word("cli.conflict.resolved", **data)])
    raise UnknownConflictError(record=record, field=field)


def _kept(conflict: Conflict) -> object:
    """What is shown now; a record that one side deleted and the other edited is shown."""
    return False if conflict.field == DELETED_FIELD else conflict.shown.value


def _typed(node: Node, conflict: Conflict, text: str) -> object:
    """The text as a value of the field; `write` refuses what does not fit."""
    types = node.schema.by_name[conflict.table].field_types
    wanted = "bool" if conflict.field == DELETED_FIELD else types.get(conflict.field, "text")
    if wanted == "bool":
        return text.lower() in ("1", "true", "yes")
    if wanted == "int":
        try:
            return int(text)
        except ValueError as error:
            raise WordedValueError("number") from error
    return text


COMMANDS = (conflicts,)
