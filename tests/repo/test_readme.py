"""The two READMEs promise only what is there, and the same things."""

import re
from typing import Final

import pytest

from tests.repo.tracked import ROOT

READMES: Final = ("README.md", "README.zh.md")


def _read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _make_commands(text: str) -> list[str]:
    return re.findall(r"(?:^\$ |`)make ([a-z-]+)", text, re.M)


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md"])
def test_every_make_command_named_is_a_target(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", _read("Makefile"), re.M))
    assert set(_make_commands(_read(name))) - targets == set()


@pytest.mark.parametrize("name", READMES)
def test_every_folder_and_link_named_exists(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", _read(name))
    folders = re.findall(r"^\| `([a-z]+/)` \|", _read(name), re.M)
    assert [place for place in links + folders if not (ROOT / place).exists()] == []


def test_both_readmes_give_the_same_commands() -> None:
    english, chinese = (_make_commands(_read(name)) for name in READMES)
    assert english == chinese


def test_both_readmes_have_the_same_number_of_sections() -> None:
    english, chinese = (re.findall(r"^## ", _read(name), re.M) for name in READMES)
    assert len(english) == len(chinese)


def test_both_readmes_measure_with_the_same_commands() -> None:
    english, chinese = (
        re.findall(r"`[^`]+`", _read(name).split(heading)[1].split("\n## ")[0])
        for name, heading in zip(READMES, ("## Measured", "## 实测"), strict=True)
    )
    assert english == chinese
