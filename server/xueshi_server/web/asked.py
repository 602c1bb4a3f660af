"""Numbers that addresses and forms ask for: only those that a database can look for."""

from typing import Final

# SQLite keeps whole numbers in eight bytes.
_MOST: Final = 2**63 - 1


def row_number(text: str) -> int:
    """The number that a text says; ValueError where no record can have it."""
    number = int(text)
    if not -_MOST <= number <= _MOST:
        raise ValueError("beyond every record")
    return number
