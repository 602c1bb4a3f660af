"""The locks pin everything with hashes, agree with each other, and name no registry."""

import re
import tomllib
from functools import cache
from typing import Final

import pytest

from tests.repo.tracked import ROOT

LOCKS: Final = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _pins(lock: str) -> dict[str, set[str]]:
    """Every pinned name with its versions; a name may have one for each system."""
    pins: dict[str, set[str]] = {}
    text = (ROOT / lock).read_text("utf-8")
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", text, re.M):
        pins.setdefault(_normal(name), set()).add(version)
    return pins


def _wanted(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][each] for each in extras)]
    names = {_normal(re.split(r"[\s\[<>=!;~]", line)[0]) for lines in lists for line in lines}
    return names - {"xueshi"}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert [line for line in text.splitlines() if "://" in line or line.startswith("-")] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_a_hash(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text("utf-8").strip())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        pytest.param("requirements.lock", ("centre",), id="run"),
        pytest.param("requirements-dev.lock", ("centre", "desktop", "dev"), id="dev"),
    ],
)
def test_a_lock_pins_everything_the_project_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    assert _wanted(*extras) - _pins(lock).keys() == set()


def test_the_development_lock_pins_what_the_run_time_lock_pins() -> None:
    run, dev = _pins("requirements.lock"), _pins("requirements-dev.lock")
    assert {name: versions for name, versions in run.items() if dev.get(name) != versions} == {}
