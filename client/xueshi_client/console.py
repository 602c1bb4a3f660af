"""The frame of every command: common options, one way out for results and for errors.

Exit status 0 ok, 1 refused or failed, 2 wrong usage. With `--json` standard output carries one
JSON object and nothing else; errors go to standard error as `error: CODE: message` in both modes.
Every command takes `--home`, `--json` and `--lang` before or after its name.
"""

import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import click

from xueshi_client.errors import NotForwardableError
from xueshi_client.running import NOT_FORWARDED, forward_command
from xueshi_client.state import State
from xueshi_client.usage import WordedValueError, word_usage
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
    """A path as the caller meant it, whatever the working folder of the process that runs it.

    A file to write (`new`) needs a folder that is there, and is never one of the node's own.
    """

    name = "file"

    def __init__(self, *, must_exist: bool = False, new: bool = False) -> None:
        self.must_exist = must_exist
        self.new = new

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        state = ctx.find_object(State) if ctx else None
        path = (state.cwd if state else Path.cwd()) / Path(value)
        fault = self._find_fault(path, state)
        if fault is not None:
            error = WordedValueError(fault, path=value, folder=path.parent)
            error.param, error.ctx = param, ctx
            raise error
        return path

    def _find_fault(self, path: Path, state: State | None) -> str | None:
        if self.must_exist:
            return None if path.exists() else "no_file"
        if not self.new:
            return None
        if path.is_dir():
            return "is_folder"
        if not path.parent.is_dir():
            return "no_folder"
        return "own_file" if state and state.is_own(path) else None


# What click adds to the help of an option.
_EXTRAS: Final = re.compile(r"\[(?:(required)|default:\s+([^\]]*))\]$")
# Options that click makes itself.
_OWN_OPTIONS: Final = ("--help", "--version")


class WordedOption(click.Option):
    """An option whose `help` is a key of the catalogue."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        state = ctx.find_object(State)
        if record is None or state is None or not self.help:
            return record
        text = record[1].replace(self.help, state.word(self.help))
        return record[0], _EXTRAS.sub(lambda found: _word_extra(state, found), text)


def _word_extra(state: State, found: re.Match[str]) -> str:
    if found[1]:
        return state.word("cli.help_required")
    return state.word("cli.help_default", value=found[2])


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
    formatter.write_paragraph()
    with formatter.indentation():
        for line in _word(ctx, key).splitlines():
            formatter.write_text(line)


class WordedHelp(click.Command):
    """Help in the words of the catalogue: `cli.help.<name>`, example `cli.eg.<name>`."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params += _common_options()

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, _word(ctx, "cli.help_usage"))

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _word_help(ctx, formatter, f"cli.help.{_dotted(ctx) or 'xueshi'}")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = [_word_record(ctx, each) for each in self.get_params(ctx)]
        with formatter.section(_word(ctx, "cli.help_options")):
            formatter.write_dl([each for each in records if each is not None])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _show_example(ctx, formatter)


class WordedCommand(WordedHelp):
    """A command that returns a `Reply`."""

    def invoke(self, ctx: click.Context) -> Any:
        state = ctx.find_object(State)
        assert state is not None
        if state.node is not None and ctx.info_name in NOT_FORWARDED:
            raise NotForwardableError(command=ctx.info_name)
        return super().invoke(ctx)


class WordedGroup(WordedHelp, click.Group):
    """A group whose one-line descriptions come from the catalogue."""

    command_class = WordedCommand

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        prefix = f"{_dotted(ctx)}." if _dotted(ctx) else ""
        names = self.list_commands(ctx)
        texts = [_word(ctx, f"cli.help.{prefix}{name}") for name in names]
        with formatter.section(_word(ctx, "cli.help_commands")):
            rows = zip(names, (text.splitlines()[0] for text in texts), strict=True)
            formatter.write_dl(list(rows))


def _word(ctx: click.Context, key: str) -> str:
    state = ctx.find_object(State)
    return state.word(key) if state is not None else key


def _word_record(ctx: click.Context, param: click.Parameter) -> tuple[str, str] | None:
    """The line of an option in the help; None for an argument."""
    record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
    own = [each for each in _OWN_OPTIONS if each in param.opts]
    return (record[0], _word(ctx, f"cli.opt.{own[0][2:]}")) if record and own else record


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
        state.err.write(state.word("cli.interrupted") + "\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _leave_closed_pipe()
    except NodeInUseError as error:
        return _run_elsewhere(state, error)
    except Exception as error:
        return _show_failure(state, error)


def _leave_closed_pipe() -> int:
    """The reader of our output has gone (`| head`): say no more, also not at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_REFUSED


def _show_usage(state: State, error: click.UsageError) -> int:
    """Say what was wrong and where help is; a group named without a command gets its help."""
    if type(error).__name__ == "NoArgsIsHelpError" and error.ctx is not None:
        state.err.write(error.ctx.get_help() + "\n")
        return EXIT_USAGE
    path = error.ctx.command_path if error.ctx is not None else "xueshi"
    message = state.word("cli.usage", what=word_usage(state, error), path=path)
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
        message = word_error(code, state.language, _word_fields(state, error))
        show_error(state.err, code, message or str(error))
    elif isinstance(error, OSError):
        path = str(error.filename or "")
        why = error.strerror or type(error).__name__
        show_error(state.err, "medium.failed", state.word("cli.os_error", path=path, why=why))
    else:
        show_error(state.err, "internal", f"{type(error).__name__}: {error}")
    if os.environ.get("XUESHI_DEBUG"):
        traceback.print_exception(error, file=state.err)
    return EXIT_REFUSED


def _word_fields(state: State, error: Exception) -> Mapping[str, object]:
    """The fields of an error; roles, which are codes, in words."""
    fields: Mapping[str, object] = getattr(error, "fields", {})
    roles = {
        each: state.word(f"role.{fields[each]}") for each in ("role", "needed") & fields.keys()
    }
    return {**fields, **roles}
