"""The frame of every command: common options, one way out for results and for errors.

Exit status 0 ok, 1 refused or failed, 2 wrong usage. With `--json` standard output carries one
JSON object and nothing else; errors go to standard error as `error: CODE: message` in both modes.
Every command takes `--home`, `--json` and `--lang` before or after its name.
"""

import json
import os
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import click

from xueshi_client.errors import NotForwardableError
from xueshi_client.running import NOT_FORWARDED, forward_command
from xueshi_client.state import State
from xueshi_client.words import word_error
from xueshi_sync.errors import NodeInUseError

EXIT_OK: Final = 0
EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
# What a shell reports for a program ended by Ctrl-C.
EXIT_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command found: one JSON object, the same in lines, and the exit status."""

    data: Mapping[str, Any]
    lines: Sequence[str] = ()
    exit_status: int = EXIT_OK


# Older releases of click have no parameter here.
class FilePath(click.ParamType):  # type: ignore[type-arg]
    """A path as the caller meant it, whatever the working folder of the process that runs it."""

    name = "file"

    def __init__(self, *, must_exist: bool = False) -> None:
        self.must_exist = must_exist

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        state = ctx.find_object(State) if ctx else None
        path = (state.cwd if state else Path.cwd()) / Path(value)
        if self.must_exist and not path.exists():
            self.fail(f"no such file: {value}", param, ctx)
        return path


class WordedOption(click.Option):
    """An option whose `help` is a key of the catalogue."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        state = ctx.find_object(State)
        if record is None or state is None or not self.help:
            return record
        return record[0], record[1].replace(self.help, state.word(self.help))


def option(*names: str, **settings: Any) -> Callable[[Any], Any]:
    """An option of a command; its help is worded by the catalogue."""
    return click.option(*names, cls=WordedOption, **settings)


def _common_options() -> list[click.Parameter]:
    def remember(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
        def callback(ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
            state = ctx.find_object(State)
            if value and state is not None:
                setattr(state, name, value)
            return value

        return callback

    shared: dict[str, Any] = {"expose_value": False, "is_eager": True}
    return [
        WordedOption(
            ["--home"],
            metavar="DIR",
            help="cli.opt.home",
            callback=remember("home_option"),
            **shared,
        ),
        WordedOption(
            ["--json"],
            is_flag=True,
            help="cli.opt.json",
            callback=remember("as_json"),
            **shared,
        ),
        WordedOption(
            ["--lang"],
            type=click.Choice(["zh", "en"]),
            help="cli.opt.lang",
            callback=remember("language_option"),
            **shared,
        ),
    ]


def _word_help(ctx: click.Context, formatter: click.HelpFormatter, key: str) -> None:
    state = ctx.find_object(State)
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(state.word(key) if state else key)


class WordedCommand(click.Command):
    """A command that returns a `Reply`; help `cli.help.<name>`, example `cli.eg.<name>`."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params += _common_options()

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _word_help(ctx, formatter, f"cli.help.{_dotted(ctx)}")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _show_example(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        state = ctx.find_object(State)
        assert state is not None
        if state.node is not None and ctx.info_name in NOT_FORWARDED:
            raise NotForwardableError(command=ctx.info_name)
        return super().invoke(ctx)


class WordedGroup(click.Group):
    """A group whose one-line descriptions come from the catalogue."""

    command_class = WordedCommand

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params += _common_options()

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _word_help(ctx, formatter, f"cli.help.{_dotted(ctx) or 'xueshi'}")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _show_example(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        state = ctx.find_object(State)
        prefix = f"{_dotted(ctx)}." if _dotted(ctx) else ""
        rows = []
        for name in self.list_commands(ctx):
            text = state.word(f"cli.help.{prefix}{name}") if state else ""
            rows.append((name, text.splitlines()[0] if text else ""))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _dotted(ctx: click.Context) -> str:
    """The command's path below the program name: `conflicts.show`."""
    names: list[str] = []
    here: click.Context | None = ctx
    while here is not None and here.parent is not None:
        names.insert(0, here.info_name or "")
        here = here.parent
    return ".".join(names)


def _show_example(ctx: click.Context, formatter: click.HelpFormatter) -> None:
    state = ctx.find_object(State)
    if state is not None:
        example = state.word(f"cli.eg.{_dotted(ctx) or 'xueshi'}")
        with formatter.section(state.word("cli.example")):
            formatter.write("".join(f"  {line}\n" for line in example.splitlines()))


def show(state: State, reply: Reply) -> int:
    """Print a reply and give the exit status."""
    if state.as_json:
        state.out.write(json.dumps(reply.data, ensure_ascii=False, default=_plain) + "\n")
    else:
        state.out.writelines(line + "\n" for line in reply.lines)
    state.out.flush()
    return reply.exit_status


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Iterable):
        return list(value)
    return str(value)


def show_error(stream: TextIO, code: str, message: str) -> None:
    """Write the one line by which scripts and people know what was refused."""
    stream.write(f"error: {code}: {' '.join(message.split())}\n")
    stream.flush()


def run(group: click.Group, state: State) -> int:
    """Run one command line to its exit status; nothing is raised to the caller."""
    try:
        reply = group.main(
            args=list(state.argv), prog_name="xueshi", standalone_mode=False, obj=state
        )
        return show(state, reply) if isinstance(reply, Reply) else EXIT_OK
    except click.UsageError as error:
        return _show_usage(state, error)
    except click.ClickException as error:
        show_error(state.err, "client.failed", error.format_message())
        return EXIT_REFUSED
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except NodeInUseError as error:
        return _run_elsewhere(state, error)
    except Exception as error:
        return _show_failure(state, error)


def _show_usage(state: State, error: click.UsageError) -> int:
    """Say what was wrong and where help is; a group named without a command gets its help."""
    if type(error).__name__ == "NoArgsIsHelpError" and error.ctx is not None:
        state.err.write(error.ctx.get_help() + "\n")
        return EXIT_USAGE
    path = error.ctx.command_path if error.ctx is not None else "xueshi"
    message = state.word("cli.usage", what=error.format_message().rstrip("."), path=path)
    show_error(state.err, "usage", message)
    return EXIT_USAGE


def _run_elsewhere(state: State, error: NodeInUseError) -> int:
    """Have the process that holds the node run this command line."""
    try:
        return forward_command(state, error)
    except Exception as failure:
        return _show_failure(state, failure)


def _show_failure(state: State, error: Exception) -> int:
    """Word an error that carries a code; anything else is a fault of this program."""
    code = getattr(error, "code", None)
    if isinstance(code, str):
        fields: Mapping[str, object] = getattr(error, "fields", {})
        message = word_error(code, state.language, fields)
        show_error(state.err, code, message or str(error))
    elif isinstance(error, OSError):
        show_error(state.err, "medium.failed", str(error))
    else:
        show_error(state.err, "internal", f"{type(error).__name__}: {error}")
    if os.environ.get("XUESHI_DEBUG"):
        traceback.print_exception(error, file=state.err)
    return EXIT_REFUSED
