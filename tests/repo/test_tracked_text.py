"""What no tracked file may hold: paths of somebody's machine, package registries, leftovers."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.repo.tracked import name_of, tracked_files

# Put together here, so that this file does not hold what it forbids.
_FOLDERS: Final = "|".join(("work", "farm", "root", "home", "tmp", "Users"))
_REGISTRIES: Final = "|".join(
    re.escape(".".join(parts))
    for parts in (
        ("pypi", "org"),
        ("files", "python" + "hosted", "org"),
        ("npm" + "js", "com"),
        ("npm" + "js", "org"),
        ("deb", "debian", "org"),
        ("pypi", "tuna", "tsinghua"),
        ("mirrors", "aliyun", "com"),
    )
)
FORBIDDEN: Final = {
    "machine-path": re.compile(rf"(?<![\w.:/-])/(?:{_FOLDERS})/[A-Za-z0-9.]"),
    "registry": re.compile(_REGISTRIES),
    "merge-mark": re.compile(r"^(?:<{7} |>{7} |={7}$)", re.MULTILINE),
}


def _text(path: Path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data[:8192] else data.decode("utf-8", "replace")


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_no_tracked_file_holds(rule: str) -> None:
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in tracked_files()
        # Scripts from outside are kept as their makers wrote them.
        if path.suffix != ".svg" and not path.name.endswith(".min.js")
        for match in FORBIDDEN[rule].finditer(_text(path))
    ]
    assert found == []


def test_no_module_of_ours_lies_directly_in_a_folder_of_the_layout() -> None:
    stray = [
        name_of(path)
        for path in tracked_files()
        if path.suffix == ".py" and name_of(path.parent) in ("sync", "server", "client")
    ]
    assert stray == []
