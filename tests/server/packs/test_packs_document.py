"""PACKS.md: its examples are one sound pack, and it names every table, measure and window."""

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tests.server.packs.documents import ROOT
from xueshi_server.domain.packs import measures, model
from xueshi_server.domain.packs.pack import KINDS
from xueshi_server.pack_check import inspect_folder

TEXT: Final = (ROOT / "server/PACKS.md").read_text("utf-8")
EXAMPLES: Final = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.M | re.S)
STRUCTS: Final = [
    each
    for module in (model, measures)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, msgspec.Struct) and each is not model.PackFile
]


def test_the_examples_are_one_sound_pack(tmp_path: Path) -> None:
    folder = tmp_path / "example"
    folder.mkdir()
    for number, example in enumerate(EXAMPLES):
        (folder / f"{number:02d}.toml").write_text(example, "utf-8")
    inspection = inspect_folder(folder)
    assert [(each.code, each.file, each.line) for each in inspection.faults] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_table_has_an_example(kind: str) -> None:
    assert any(f"[[{kind}]]" in example for example in EXAMPLES)


def test_every_key_of_the_format_is_named() -> None:
    keys = {field.encode_name for each in STRUCTS for field in msgspec.structs.fields(each)}
    assert sorted(key for key in keys if not re.search(rf"(?<![\w-]){key}(?![\w-])", TEXT)) == []


def test_every_measure_is_named() -> None:
    tags = [each.__struct_config__.tag for each in STRUCTS if each.__struct_config__.tag]
    assert tags
    assert [tag for tag in tags if f"`{tag}`" not in TEXT] == []
