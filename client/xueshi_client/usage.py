"""What is wrong with a command line, in the words of the catalogue (click has English only)."""

from collections.abc import Iterable

import click

from xueshi_client.state import State


class WordedUsageError(click.UsageError):
    """A usage error of our own: `key` names its text below `cli.wrong`, `values` fill it in."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


class WordedValueError(click.BadParameter):
    """A value of an argument or option that cannot be; worded as `WordedUsageError` is."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


def word_usage(state: State, error: click.UsageError) -> str:
    """Say what is wrong and, where that is known, what may be written instead."""
    name, text = _name_of(error), error.format_message().rstrip(".")
    if isinstance(error, WordedUsageError | WordedValueError):
        text = state.word(f"cli.wrong.{error.key}", **error.values)
    elif isinstance(error, click.MissingParameter):
        return state.word("cli.wrong.missing", name=name, known=_choices(error))
    elif isinstance(error, click.NoSuchOption):
        return _word_unknown(state, "option", error.option_name, error.possibilities or ())
    elif isinstance(error, click.BadOptionUsage):
        return state.word("cli.wrong.no_value", name=error.option_name)
    elif isinstance(error, click.BadParameter):
        text = _word_value(state, error)
    elif (command := _unknown_command(error)) is not None:
        return _word_unknown(state, "command", command, ())
    elif error.message.startswith("Got unexpected extra argument"):
        return state.word("cli.wrong.extra", what=text.partition("(")[2].rstrip(")"))
    return state.word("cli.wrong.value", name=name, why=text) if name else text


def _name_of(error: click.UsageError) -> str:
    """The option or argument as it is typed; nothing where none is at fault."""
    param = error.param if isinstance(error, click.BadParameter) else None
    if param is None:
        return ""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return param.make_metavar(error.ctx) if error.ctx else str(param.name)


def _choices(error: click.BadParameter) -> str:
    kind = error.param.type if error.param else None
    return f" ({' | '.join(map(str, kind.choices))})" if isinstance(kind, click.Choice) else ""


def _word_value(state: State, error: click.BadParameter) -> str:
    kind = error.param.type if error.param else None
    if isinstance(kind, click.Choice):
        return state.word("cli.wrong.choice", known=", ".join(map(str, kind.choices)))
    if isinstance(kind, click.IntRange | click.FloatRange) and kind.min is not None:
        key = "range" if kind.max is not None else "at_least"
        return state.word(f"cli.wrong.{key}", least=kind.min, most=kind.max)
    if isinstance(kind, click.DateTime):
        return state.word("cli.wrong.date")
    if isinstance(kind, type(click.INT) | type(click.FLOAT)):
        return state.word("cli.wrong.number")
    return error.message


def _word_unknown(state: State, kind: str, name: str, near: Iterable[str]) -> str:
    text = state.word(f"cli.wrong.no_such_{kind}", name=name)
    meant = ", ".join(near)
    return text + state.word("cli.wrong.meant", near=meant) if meant else text


def _unknown_command(error: click.UsageError) -> str | None:
    start, _quote, rest = error.message.partition("'")
    return rest.rpartition("'")[0] if start == "No such command " else None
