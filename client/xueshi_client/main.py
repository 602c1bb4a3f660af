"""The console script `xueshi`: the group of all commands and the process entry."""

import sys

import click

from xueshi_client.commands import care, carry, conflict, data, nodes, run_local, show
from xueshi_client.console import WordedGroup, run
from xueshi_client.state import State


@click.group(
    cls=WordedGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="xueshi", prog_name="xueshi")
def cli() -> None:
    """Worded by the catalogue."""


for module in (show, nodes, run_local, data, carry, conflict, care):
    for each in module.COMMANDS:
        cli.add_command(each)


def main() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
    sys.exit(run(cli, State.for_process(sys.argv[1:])))


if __name__ == "__main__":
    main()
