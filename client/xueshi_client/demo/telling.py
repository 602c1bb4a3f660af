"""The demo as a person reads it: five numbered steps, one table, three addresses."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from xueshi_client.demo.county import Cost
from xueshi_client.state import State

INDENT: Final = "   "
WIDTH: Final = 100


class Teller:
    """Prints the steps; says nothing when a program listens."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._step = 0

    def line(self, key: str, **values: Any) -> None:
        """One line of the present step."""
        self._state.print(INDENT + self._state.word(f"demo.{key}", **values))

    def step(self, key: str) -> None:
        """The heading of the next step."""
        self._step += 1
        self._state.print()
        self._state.print(f"{self._step}  {self._state.word(f'demo.{key}')}")

    def heading(self, key: str) -> None:
        """A heading without a number."""
        self._state.print()
        self._state.print(self._state.word(f"demo.{key}"))

    def tell_entries(self, entered: Sequence[Mapping[str, Any]]) -> None:
        """What every school entered without a line."""
        for each in entered:
            self.line("entered", **each)
            if each["typed"]:
                self.line("typed", **each)

    def tell_costs(self, costs: Sequence[Cost]) -> None:
        """What carrying each school's records cost."""
        word = self._state.word
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        names = ("school", "carrier", "records", "up", "down", "requests", "each", "seconds")
        for name in names:
            left = name in ("school", "carrier")
            justify: Any = "left" if left else "right"
            table.add_column(word(f"demo.col.{name}"), justify=justify, no_wrap=True)
        for cost in costs:
            each = (cost.bytes_up + cost.bytes_down) / cost.records
            table.add_row(
                cost.name,
                word(f"demo.carrier.{cost.carrier}"),
                f"{cost.records:,}",
                f"{cost.bytes_up:,}",
                f"{cost.bytes_down:,}",
                str(cost.requests) if cost.requests else "-",
                f"{each:.1f}",
                f"{cost.seconds:.1f}",
            )
        buffer = io.StringIO()
        Console(file=buffer, width=WIDTH, color_system=None).print(table)
        for row in buffer.getvalue().splitlines():
            self._state.print(INDENT + row.rstrip())

    def tell_edits(self, edits: Mapping[str, Any]) -> None:
        """What became of the two concurrent edits."""
        conflict = edits["conflict"]
        self.line("merged", **edits["merged"])
        self.line("conflict", shown=conflict["shown"], others=", ".join(conflict["others"]))

    def tell_addresses(self, addresses: Mapping[str, str], login: Mapping[str, str]) -> None:
        """Where to look."""
        for name in ("node", "site", "browse"):
            self.line(f"at_{name}", url=addresses[name])
        self.line("login", **login)
