"""The workload every benchmark runs on, loaded from the script that defines it.

The script is not part of this package: its path is an option, else XUESHI_WORKLOAD, else the copy
in the tests of the checkout this package is installed from.
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from xueshi_client.errors import NoWorkloadError

_IN_CHECKOUT: Final = Path(__file__).resolve().parents[3] / "tests" / "bench" / "workload.py"


def find_workload(wanted: Path | None) -> Path:
    """The script of the workload; raises NoWorkloadError."""
    named = os.environ.get("XUESHI_WORKLOAD")
    path = wanted or (Path(named) if named else _IN_CHECKOUT)
    if not path.is_file():
        raise NoWorkloadError(path=str(path))
    return path.resolve()


def make_records(
    path: Path, count: int, *, seed: int = 1, teachers: int = 40
) -> Iterator[dict[str, Any]]:
    """The first `count` records of one school, as the script yields them."""
    spec = importlib.util.spec_from_file_location("xueshi_workload", path)
    if spec is None or spec.loader is None:
        raise NoWorkloadError(path=str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield from module.records(count, seed=seed, teachers=teachers)
