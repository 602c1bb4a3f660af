"""The console script `xueshi`: the group of all commands and the process entry.

A command's module is imported when the command is used: `xueshi status` loads no web framework.
"""

import importlib
import sys
from typing import Final

import click

from xueshi_client.console import WordedGroup, run
from xueshi_client.state import State

# Command name to its module in `commands`.
TOPICS: Final = {
    "demo": "show",
    "init": "nodes",
    "invite": "nodes",
    "join": "nodes",
    "revoke": "nodes",
    "serve": "run_local",
    "desktop": "run_local",
    "import": "data",
    "export": "data",
    "print": "paper",
    "sync": "carry",
    "pack": "carry",
    "unpack": "carry",
    "status": "nodes",
    "conflicts": "conflict",
    "rules": "rules",
    "figures": "figures",
    "grants": "grants",
    "budgets": "grants",
    "pack-list": "rules",
    "pack-publish": "rules",
    "pack-check": "packs",
    "pack-diff": "packs",
    "check": "care",
    "rebuild": "care",
    "backup": "care",
    "restore": "care",
    "seal-key": "seal_key",
    "doctor": "care",
    "library": "library",
    "site": "show",
    "browse": "show",
    "bench": "show",
}


class TopicGroup(WordedGroup):
    """Finds a command in its module, imported then."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a person meets the commands."""
        return list(TOPICS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        topic = TOPICS.get(cmd_name)
        if topic is None:
            return None
        module = importlib.import_module(f"xueshi_client.commands.{topic}")
        found = next(each for each in module.COMMANDS if each.name == cmd_name)
        assert isinstance(found, click.Command)
        return found


@click.group(cls=TopicGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xueshi", prog_name="xueshi")
def cli() -> None:
    """Worded by the catalogue."""


def main() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
    # Sealing is long pure Python; a page that saves meanwhile must not wait 5 ms at each lock.
    sys.setswitchinterval(0.001)
    sys.exit(run(cli, State.for_process(sys.argv[1:])))


if __name__ == "__main__":
    main()
