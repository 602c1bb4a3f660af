"""Ways to break the core, by name: a simulator that lets one of them live tests nothing there."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

Change = Callable[[ExitStack], None]
MUTANTS: Final[dict[str, Change]] = {}


def mutant(make: Change) -> Change:
    """Register a small change of the real core under its name."""
    MUTANTS[make.__name__] = make
    return make


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Run with one mutant in place."""
    with ExitStack() as stack:
        MUTANTS[name](stack)
        yield


def swap(stack: ExitStack, target: Any, name: str, value: Any) -> None:
    """Replace an attribute until the stack closes."""
    stack.enter_context(patch.object(target, name, value))


def of(target: Any, name: str) -> Any:
    """What stands there now."""
    return getattr(target, name)
