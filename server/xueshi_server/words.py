"""What a person reads, by dotted key and language, with named places.

The catalogues are flat JSON files, not Babel's: the command line reads the same files without a
web framework, a reader can compare the two languages line by line, nothing has to be compiled, and
stock ignore files do not drop them (STYLE 10). Chinese comes first; a key that nobody has worded
is shown as itself, and a test makes sure that there is none.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

LANGUAGES: Final = ("zh", "en")


@cache
def load_catalogue(language: str) -> Mapping[str, str]:
    """Key to text."""
    path = resources.files("xueshi_server").joinpath("translations", f"{language}.json")
    catalogue: dict[str, str] = json.loads(path.read_text("utf-8"))
    return catalogue


def word(key: str, language: str, **values: object) -> str:
    """The text of `key` with its named places filled in; one of a thing may have its own words."""
    catalogue = load_catalogue(language)
    text = catalogue.get(key, key)
    if str(values.get("n", values.get("hours"))) == "1":
        text = catalogue.get(f"{key}.one", text)
    try:
        return text.format(**values) if "{" in text else text
    except (KeyError, IndexError):
        return text


def word_error(code: str, language: str, fields: Mapping[str, object]) -> str:
    """The sentence for an error code; for an unknown one a general sentence that names it."""
    key = f"error.{code}"
    if key not in load_catalogue(language):
        return word("error.unknown", language, code=code)
    return word(key, language, **fields)
