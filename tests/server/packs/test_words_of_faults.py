"""Every fault a check can find is worded, with its cure, and its places are the ones it fills."""

import re
import string
from pathlib import Path
from typing import Final

import pytest

import xueshi_server
from xueshi_server.words import LANGUAGES, load_catalogue

SOURCE: Final = Path(xueshi_server.__file__).parent
MODULES: Final = [*SOURCE.glob("domain/packs/*.py"), SOURCE / "store/pack_queries.py"]
CALL: Final = re.compile(r"""(?:\bfault|add_fault|known|Fault)\(\s*"([a-z_0-9]+)\"""")
PUT_TOGETHER: Final = {
    "binary_float",
    "choice_unknown",
    "measure_unknown",
    "need_crowded",
    "need_empty",
    "query_faulty",
    "query_writes",
    "rule_not_judged",
    "tolerance_missing",
    "tolerance_unused",
}


def codes() -> set[str]:
    found = {code for path in MODULES for code in CALL.findall(path.read_text("utf-8"))}
    mismatch = (SOURCE / "domain/packs/mismatch.py").read_text("utf-8")
    return found | PUT_TOGETHER | set(re.findall(r'\("([a-z_]+)", re\.compile', mismatch))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", ["fault", "cure"])
def test_every_code_has_its_words(language: str, part: str) -> None:
    catalogue = load_catalogue(language)
    assert len(codes()) > 100
    assert [code for code in sorted(codes()) if f"pack.{part}.{code}" not in catalogue] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_are_left_over(language: str) -> None:
    worded = {
        key.split(".")[2]
        for key in load_catalogue(language)
        if key.startswith(("pack.fault.", "pack.cure."))
    }
    assert worded - codes() - {"count_wrong", "not_utf8"} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_braces_in_words_are_places_or_doubled(language: str) -> None:
    for key, text in load_catalogue(language).items():
        if key.startswith("pack."):
            assert all(name != "" for _, name, _, _ in string.Formatter().parse(text)), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_place_is_called_as_a_parameter_of_the_wording(language: str) -> None:
    places = {
        name
        for key, text in load_catalogue(language).items()
        if key.startswith("pack.")
        for _, name, _, _ in string.Formatter().parse(text)
    }
    assert places & {"key", "language"} == set()
