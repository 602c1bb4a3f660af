"""Words: Chinese unless asked otherwise, and never a failure for want of a text."""

import pytest

from xueshi_client.words import choose_language, word, word_error


@pytest.mark.parametrize(
    ("wanted", "environ", "language"),
    [
        pytest.param(None, {}, "zh", id="nothing-said"),
        pytest.param(None, {"LANG": "C.UTF-8"}, "zh", id="no-language-in-the-locale"),
        pytest.param(None, {"LANG": "en_US.UTF-8"}, "en", id="english-locale"),
        pytest.param(None, {"LANG": "zh_CN.UTF-8"}, "zh", id="chinese-locale"),
        pytest.param(None, {"LANG": "fr_FR.UTF-8"}, "zh", id="a-language-we-do-not-have"),
        pytest.param(None, {"LC_ALL": "en_GB", "LANG": "zh_CN"}, "en", id="lc-all-wins"),
        pytest.param(None, {"XUESHI_LANG": "en", "LC_ALL": "zh_CN"}, "en", id="own-variable-wins"),
        pytest.param("zh", {"XUESHI_LANG": "en"}, "zh", id="option-wins"),
    ],
)
def test_language_is_chosen(wanted: str | None, environ: dict[str, str], language: str) -> None:
    assert choose_language(wanted, environ) == language


def test_an_unknown_key_is_shown_as_itself() -> None:
    assert word("no.such.key", "zh") == "no.such.key"


def test_places_are_filled() -> None:
    assert "8081" in word_error_text("client.port_taken", port=8081)


def test_a_missing_value_leaves_the_text_readable() -> None:
    assert "{port}" in word_error_text("client.port_taken")


def word_error_text(code: str, **fields: object) -> str:
    text = word_error(code, "en", fields)
    assert text is not None
    return text
