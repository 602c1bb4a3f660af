"""What a person reads, by key and language: the client's catalogue, then the server's.

Chinese is the first language: every setting that does not ask for another one means `zh`.
Lookups never fail: a key nobody has worded is shown as itself, so that a test can find it.
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

LANGUAGES: Final = ("zh", "en")
_SOURCES: Final = ("xueshi_client", "xueshi_server")


def choose_language(wanted: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The language of `--lang`, else XUESHI_LANG, else of the locale, else Chinese."""
    names = ("XUESHI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    for value in (wanted, *(environ.get(name) for name in names)):
        if value and value[:2].lower() in LANGUAGES:
            return value[:2].lower()
    return LANGUAGES[0]


@cache
def load_catalogue(package: str, language: str) -> Mapping[str, str]:
    """The flat catalogue `translations/<language>.json` of a package; empty if it has none."""
    path = resources.files(package).joinpath("translations", f"{language}.json")
    if not path.is_file():
        return {}
    return dict(_flatten(json.loads(path.read_text("utf-8"))))


def _flatten(tree: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += _flatten(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, str(value)))
    return found


def find_word(key: str, language: str) -> str | None:
    """The text of `key`, or None."""
    for package in _SOURCES:
        text = load_catalogue(package, language).get(key)
        if text is not None:
            return text
    return None


def word(key: str, language: str, **values: object) -> str:
    """The text of `key` with its named places filled in."""
    text = find_word(key, language)
    if text is None:
        return key
    try:
        return text.format(**values)
    except (KeyError, IndexError):
        return text


def word_error(code: str, language: str, fields: Mapping[str, object]) -> str | None:
    """The sentence for an error code, or None when no catalogue has one."""
    text = find_word(f"error.{code}", language)
    if text is None:
        return None
    try:
        return text.format(**fields)
    except (KeyError, IndexError):
        return text
