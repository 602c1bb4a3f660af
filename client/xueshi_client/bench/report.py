"""One JSON line a figure, with the limit it is held to where the project states one."""

import json
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value; `at_most` or `at_least` is the project's own promise about it."""

    figure: str
    value: Any
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the promise holds; None where there is none."""
        if self.at_most is not None:
            return bool(self.value <= self.at_most)
        if self.at_least is not None:
            return bool(self.value >= self.at_least)
        return None

    def as_dict(self) -> dict[str, Any]:
        """What the line says."""
        line: dict[str, Any] = {"figure": self.figure, "value": self.value, "unit": self.unit}
        for name in ("at_most", "at_least", "note"):
            if getattr(self, name) not in (None, ""):
                line[name] = getattr(self, name)
        if self.kept is not None:
            line["kept"] = self.kept
        return line


def print_figure(figure: Figure) -> None:
    """Print one figure; the parent process passes lines on as they come."""
    sys.stdout.write(json.dumps(figure.as_dict(), ensure_ascii=False) + "\n")
    sys.stdout.flush()
