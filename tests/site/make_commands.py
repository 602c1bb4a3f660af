"""Write the command pages of the site from the command line itself.

    python -m tests.site.make_commands

Words come from the catalogue, usage and options from click; `test_pages.py` proves that the pages
in `site/docs` are what this makes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xueshi_client.main import cli
from xueshi_client.words import find_word, word
from xueshi_server.site_build import LANGUAGES

SITE: Final = Path(__file__).resolve().parents[2] / "site"
# Named once at the top of the page instead of under every command.
_COMMON: Final = {"home", "as_json", "json", "lang", "help"}


@dataclass(frozen=True)
class CommandText:
    """One command as the page shows it."""

    name: str
    help: str
    usage: str
    options: list[tuple[str, str]]
    example: str

    @property
    def anchor(self) -> str:
        """A stable id: `conflicts-show`."""
        return self.name.replace(" ", "-")


def page_path(language: str) -> Path:
    """Where the page of a language lies."""
    return SITE / "docs" / language / "commands.md"


def make_page(language: str) -> str:
    """The command page of one language."""
    environment = Environment(
        loader=FileSystemLoader(SITE / "templates"),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    commands = list(_describe(cli, (), language))
    return environment.get_template(f"commands.{language}.md").render(commands=commands)


def _describe(group: click.Group, path: tuple[str, ...], language: str) -> Iterator[CommandText]:
    context = click.Context(group, info_name="xueshi")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield _describe_one(command, (*path, name), language)
        if isinstance(command, click.Group):
            yield from _describe(command, (*path, name), language)


def _describe_one(command: click.Command, path: tuple[str, ...], language: str) -> CommandText:
    context = click.Context(command, info_name=" ".join(path))
    key = ".".join(path)
    usage = " ".join(("xueshi", *path, *command.collect_usage_pieces(context)))
    options = [
        _describe_option(param, language)
        for param in command.params
        if isinstance(param, click.Option) and param.name not in _COMMON and not param.hidden
    ]
    # A line break of the catalogue is one of the page.
    text = word(f"cli.help.{key}", language).replace("\n", "  \n")
    example = find_word(f"cli.eg.{key}", language) or ""
    prompted = "\n".join(f"$ {line}" for line in example.splitlines())
    return CommandText(" ".join(path), text, usage, options, prompted)


def _describe_option(option: click.Option, language: str) -> tuple[str, str]:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if isinstance(option.type, click.Choice):
        names += " " + " / ".join(f"`{choice}`" for choice in option.type.choices)
    return names, word(option.help or "", language).replace("|", "\\|")


def main() -> None:
    """Write both pages."""
    for language in LANGUAGES:
        page_path(language).write_text(make_page(language), "utf-8")


if __name__ == "__main__":
    main()
