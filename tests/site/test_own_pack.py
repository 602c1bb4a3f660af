"""The tutorial of a county's own pack: what it quotes is in the files, what it shows is said."""

import io
import re
import shutil
from pathlib import Path

import pytest

from tests.server.walks.yunling import FOLDER
from xueshi_client.console import run
from xueshi_client.main import cli
from xueshi_client.state import State
from xueshi_server.site_build import find_source

PAGE = "guide/own-pack.md"
LANGUAGES = ("zh", "en")
FILES = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.is_file()}
# The mistakes that the page shows, one after the other.
MISTAKES: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("kind = \"sum\", of = \"credit\", convert", "kind = \"summe\", of = \"credit\", convert"),),
    (("不少于90学分", "不少于 90 学分"), ('param = "carry_over"', 'param = "carryover"')),
)  # fmt: skip


def blocks(language: str, kind: str) -> list[str]:
    """The fenced blocks of one kind on the page, in order."""
    text = (find_source() / "docs" / language / PAGE).read_text("utf-8")
    return re.findall(rf"^```{kind}\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_declaration_on_the_page_stands_in_the_folder(language: str) -> None:
    quoted = blocks(language, "toml")
    assert len(quoted) > 10
    assert [text for text in quoted if not any(text in file for file in FILES.values())] == []
    assert blocks(language, "text")[0] == FILES["document.txt"].strip("\n")


def test_both_languages_quote_the_same_declarations() -> None:
    assert blocks("zh", "toml") == blocks("en", "toml")


def test_the_page_quotes_every_rule_of_the_folder() -> None:
    rules = set(re.findall(r'\[\[rule\]\]\nid = "([^"]+)"', "\n".join(FILES.values())))
    quoted = "\n".join(blocks("zh", "toml"))
    assert {rule for rule in rules if f'id = "{rule}"' in quoted} == rules


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("shown", range(len(MISTAKES)))
def test_what_the_page_shows_of_pack_check_is_what_it_says(
    language: str, shown: int, tmp_path: Path
) -> None:
    folder = tmp_path / "yunling"
    shutil.copytree(FOLDER, folder)
    for path in folder.glob("*.toml"):
        text = path.read_text("utf-8")
        for right, wrong in MISTAKES[shown]:
            text = text.replace(right, wrong)
        path.write_text(text, "utf-8")
    out = io.StringIO()
    state = State(
        ["--lang", language, "pack-check", "yunling"], tmp_path, out, io.StringIO(), environ={}
    )
    run(cli, state)
    commands = [text for text in blocks(language, "console") if " pack-check " in text]
    assert commands[shown].split("\n")[1:] == out.getvalue().rstrip("\n").split("\n")
