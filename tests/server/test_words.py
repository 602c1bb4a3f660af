"""Every word a page, a fault or an error needs stands in both catalogues."""

import re
from pathlib import Path

import pytest

import xueshi_server
from xueshi_server.domain.credit import STATES
from xueshi_server.domain.errors import UPLOAD_CODES, VALUE_CODES
from xueshi_server.web.access import NEEDS
from xueshi_server.words import LANGUAGES, load_catalogue, word, word_error
from xueshi_sync.agent_plan import AGENT_CODES

SOURCE = Path(xueshi_server.__file__).parent
# t('some.key') in a template, word("some.key", ...) and the like in a view.
CALL = re.compile(r"""(?:\bt|\bword)\(\s*f?["']([a-z_]+(?:\.[a-z_]+)*)["']""")
QUOTED = re.compile(r"""["']((?:sync|agent|menu|done)\.[a-z_]+)["']""")


def called_keys() -> set[str]:
    keys: set[str] = set()
    for path in [*SOURCE.glob("templates/*.html"), *SOURCE.rglob("*.py")]:
        text = path.read_text("utf-8")
        keys |= {*CALL.findall(text), *QUOTED.findall(text)}
    return keys


def is_worded(key: str, language: str) -> bool:
    # Names of endpoints and templates look like keys; a key that is put together ends openly.
    no_key = key in NEEDS or key.endswith((".html", "_"))
    return no_key or key in load_catalogue(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_that_is_called_for_has_its_words(language: str) -> None:
    keys = called_keys()
    assert len(keys) > 100
    assert sorted(key for key in keys if not is_worded(key, language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_that_is_put_together_has_its_words(language: str) -> None:
    keys = [f"value.{code}" for code in VALUE_CODES | UPLOAD_CODES]
    keys += [f"import.fault.{code}" for code in VALUE_CODES]
    keys += [f"state.{state}" for state in STATES]
    keys += [f"column.{field}" for field in ("teacher_name", "school_code", "id")]
    keys += [code for code in AGENT_CODES if code != "agent.idle"]
    assert sorted(key for key in keys if key not in load_catalogue(language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_error_is_said_with_its_code(language: str) -> None:
    assert "never.heard" in word_error("never.heard", language, {})


def test_a_place_that_nobody_filled_does_not_break_the_page() -> None:
    assert "{n}" in word("time.days", "en")
    assert word("no.such.key", "en") == "no.such.key"


def test_what_was_done_is_said_by_a_key_that_an_address_may_carry() -> None:
    keys = [key for key in load_catalogue("zh") if key.startswith("done.")]
    done = [key.removeprefix("done.").removesuffix(".one") for key in keys]
    assert done
    assert [key for key in done if not key.isalpha()] == []


@pytest.mark.parametrize(("n", "said"), [(1, "1 record passed."), ("2", "2 records passed.")])
def test_one_thing_is_not_said_as_many(n: int | str, said: str) -> None:
    assert word("done.pass", "en", n=n) == said
