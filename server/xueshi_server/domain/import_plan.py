"""What an imported table would write, decided before anything is written.

All or nothing: a plan with faults is never carried out. Each fault names the row as the
spreadsheet numbers it, the column and a code, so that a person can mend the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from xueshi_server.domain.cells import BadCellError
from xueshi_server.domain.errors import BadValueError

# Enough to mend a file by; a wrong column gives one fault a row.
FAULTS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class RawRow:
    """One line of a table as read: its number in the file, and its cells by column."""

    row_no: int
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row cannot be taken, and where to look."""

    row_no: int
    field: str
    code: str
    details: Mapping[str, str]


Entry = TypeVar("Entry")


@dataclass
class ImportPlan(Generic[Entry]):
    """What an import would write. `new_people` maps school and staff number to the name;
    `fault_count` counts beyond the first few kept in `faults`."""

    entries: list[Entry] = field(default_factory=list)
    new_people: dict[tuple[int, str], str] = field(default_factory=dict)
    faults: list[RowFault] = field(default_factory=list)
    fault_count: int = 0
    # The faults of the row that had one last.
    at_hand: list[RowFault] = field(default_factory=list)

    def add_fault(self, row_no: int, name: str, error: BadValueError | BadCellError) -> None:
        """Note a fault; keep the first few of them in full, and all of the row at hand."""
        self.fault_count += 1
        # Halves of characters from broken files can be shown by no page.
        details = {
            part: text.encode("utf-8", "replace").decode() for part, text in error.details.items()
        }
        fault = RowFault(row_no, name, error.value_code, details)
        if len(self.faults) < FAULTS_SHOWN:
            self.faults.append(fault)
        if self.at_hand and self.at_hand[0].row_no != row_no:
            self.at_hand.clear()
        self.at_hand.append(fault)
