"""Drafts of packs out of a few lines of TOML."""

from xueshi_server.domain.packs.pack import Draft, Fault
from xueshi_server.domain.packs.reading import read_draft

LABEL = 'label = { zh = "甲", en = "A" }'


def about(pack_id: str, **more: str) -> str:
    """A `[pack]` table; values of `more` are TOML."""
    lines = {"version": '"1"', "valid_from": "2024-01-01", **more}
    return f'[pack]\nid = "{pack_id}"\n{LABEL}\n' + "".join(
        f"{key} = {value}\n" for key, value in lines.items()
    )


def parameter(name: str, value: str) -> str:
    """A `[[parameter]]`; `value` is TOML."""
    return f'[[parameter]]\nid = "{name}"\n{LABEL}\nvalue = {value}\n'


def draft(*tables: str) -> Draft:
    """The draft of one file; it must be readable."""
    found, faults = read_draft({"pack.toml": "\n".join(tables)})
    assert found is not None, faults
    assert faults == []
    return found


def faults_of(text: str, file: str = "pack.toml") -> list[Fault]:
    """What cannot be read of a file."""
    return read_draft({file: text})[1]
