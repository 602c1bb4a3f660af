"""The tutorial of a county's own pack: what it quotes is in the files, what it shows is said."""

import io
import re
import shutil
from pathlib import Path

import pytest

from tests.client.test_rules import Console
from tests.server.walks.yunling import FOLDER
from xueshi_client.console import run
from xueshi_client.main import cli
from xueshi_client.state import State
from xueshi_server.importing import import_rows
from xueshi_server.node_home import open_node
from xueshi_server.site_build import find_source
from xueshi_sync.writer import RecordKey

PAGE = "guide/own-pack.md"
LANGUAGES = ("zh", "en")
FILES = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.is_file()}
# The mistakes that the page shows, one after the other.
MISTAKES: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("kind = \"sum\", of = \"credit\", convert", "kind = \"summe\", of = \"credit\", convert"),),
    (("不少于90学分", "不少于 90 学分"), ('param = "carry_over"', 'param = "carryover"')),
)  # fmt: skip


def is_shown(lines: list[str], told: str) -> bool:
    """Whether a page shows what a command says: … stands for figures that follow the base pack,
    which goes along with every other one."""
    patterns = [re.escape(line).replace("…", r"\d+") for line in lines]
    return re.fullmatch("\n".join(patterns), told.rstrip("\n")) is not None


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
    assert is_shown(commands[shown].split("\n")[1:], out.getvalue()), out.getvalue()


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A centre that has published nothing yet, and its school."""
    monkeypatch.setenv("XUESHI_STATE_DIR", str(tmp_path / "state"))
    found = Console(tmp_path)
    found.ok("centre", "init", "--role", "centre", "--name", "County", "--code", "539999")
    found.ok("school", "init", "--role", "school", "--name", "School", "--code", "S1")
    invited = found.ok("centre", "invite", "--code", "S1", "--name", "School")
    found.ok("school", "join", invited["invitation"])
    found.carry("school", "centre")
    return found


def answers(language: str, command: str) -> list[str]:
    """The lines that the page shows under a command."""
    (shown,) = (text for text in blocks(language, "console") if f" {command} " in text)
    return shown.split("\n")[1:]


@pytest.mark.parametrize("language", LANGUAGES)
def test_publishing_importing_and_judging_go_as_the_page_shows(
    language: str, console: Console
) -> None:
    speak = ("--lang", language)
    _, published, _ = console.run("centre", *speak, "pack-publish", str(FOLDER), "--activate")
    assert is_shown(answers(language, "pack-publish"), published), published
    console.carry("centre", "school", "--to", "S1")
    console.ok("school", "rules")
    sheet = console.folder / "claims.csv"
    sheet.write_text(blocks(language, "text")[1] + "\n", "utf-8")
    with open_node(console.folder / "school") as node:
        with node.write(actor="registrar") as action:
            row = {"staff_no": "YL001", "name": "扎西央宗", "registered_on": "2021-03-01"}
            action.insert("person", row)
        assert import_rows(node, "credit", sheet, actor="registrar").added == 4
    console.carry("school", "centre")
    with open_node(console.folder / "centre") as centre, centre.write(actor="clerk") as action:
        for found in centre.query("SELECT scope_no, rec FROM credit"):
            action.judge("credit", RecordKey(found["scope_no"], found["rec"]), "approve")
    asked = ("rules", "--person", "YL001", "--as-of", "2024-02-29")
    _, told, _ = console.run("centre", *speak, *asked)
    shown = [line for line in answers(language, "rules --person") if line not in told.split("\n")]
    assert shown == []
