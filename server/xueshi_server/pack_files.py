"""Folders of packs: the shipped ones and those a county writes, as named bytes.

A pack is carried and kept as a closure: its own files and those of every pack it extends, each
under `<pack id>/<file>`, so that a release means the same on every node whatever it ships.
"""

import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, NamedTuple

from xueshi_server.errors import PackUnreadableError, UnknownPackError

SUFFIX: Final = ".toml"
BASE: Final = "base"
# A county's pack is some dozens of pages; a folder far beyond that is no pack.
FILES_MAX: Final = 200
BYTES_MAX: Final = 4 * 1024 * 1024
PARENTS_MAX: Final = 16

Files = Mapping[str, bytes]


class _Said(NamedTuple):
    """What closing needs to know of a pack."""

    id: str
    extends: list[str]


def list_shipped() -> list[str]:
    """Ids of the packs that come with the program."""
    return sorted(each.name for each in _shipped_root().iterdir() if _holds_pack(each))


def read_shipped(pack_id: str) -> dict[str, bytes]:
    """The closure of a pack that comes with the program; raises UnknownPackError."""
    return _closure(pack_id, _find_shipped)


def find_folder(name: str, near: Path) -> Path:
    """A folder of that name, or that of the shipped pack; raises UnknownPackError."""
    folder = near / name
    if folder.is_dir():
        return folder
    if name not in list_shipped():
        raise UnknownPackError(pack=name)
    return Path(str(_shipped_root().joinpath(name)))


def read_closure(folder: Path) -> dict[str, bytes]:
    """The closure of the pack in a folder; what it extends is looked for beside it, then among
    the shipped ones. Raises UnknownPackError, PackUnreadableError."""
    own = _read_files(folder)
    own_id = _about(own, folder.name).id

    def find(pack_id: str) -> dict[str, bytes]:
        if pack_id == own_id:
            return own
        beside = folder.absolute().parent / pack_id
        return _read_files(beside) if _holds_pack(beside) else _find_shipped(pack_id)

    return _closure(own_id, find)


def split_closure(files: Files) -> dict[str, dict[str, bytes]]:
    """A closure by pack: id to file name to bytes."""
    packs: dict[str, dict[str, bytes]] = {}
    for path, data in sorted(files.items()):
        pack_id, _, name = path.partition("/")
        packs.setdefault(pack_id, {})[name] = data
    return packs


def _closure(pack_id: str, find: Callable[[str], dict[str, bytes]]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    waiting, seen = [pack_id], {pack_id}
    while waiting:
        current = waiting.pop()
        own = find(current)
        files.update({f"{current}/{name}": data for name, data in own.items()})
        parents = [each for each in _about(own, current).extends if each not in seen]
        waiting += parents
        seen.update(parents)
        if len(seen) > PARENTS_MAX:
            raise PackUnreadableError(pack=pack_id, why=f"extends more than {PARENTS_MAX} packs")
    if len(files) > FILES_MAX or sum(map(len, files.values())) > BYTES_MAX:
        raise PackUnreadableError(pack=pack_id, why=f"over {FILES_MAX} files or {BYTES_MAX} bytes")
    return files


def _about(files: Files, name: str) -> _Said:
    """Id and parents out of the `[pack]` table, which exactly one file has."""
    found = []
    for file, data in files.items():
        try:
            table = tomllib.loads(data.decode("utf-8")).get("pack")
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise PackUnreadableError(pack=name, why=f"{file}: {error}") from error
        if table is not None:
            found.append(table)
    extends = found[0].get("extends", []) if len(found) == 1 else None
    if not isinstance(extends, list) or not isinstance(found[0].get("id"), str):
        raise PackUnreadableError(pack=name, why="exactly one file needs a [pack] table with id")
    return _Said(found[0]["id"], [str(each) for each in extends])


def _shipped_root() -> Traversable:
    return resources.files("xueshi_server").joinpath("packs")


def _find_shipped(pack_id: str) -> dict[str, bytes]:
    if pack_id not in list_shipped():
        raise UnknownPackError(pack=pack_id)
    return _read_files(_shipped_root().joinpath(pack_id))


def _holds_pack(folder: Traversable | Path) -> bool:
    return folder.is_dir() and any(each.name.endswith(SUFFIX) for each in folder.iterdir())


def _read_files(folder: Traversable | Path) -> dict[str, bytes]:
    if not _holds_pack(folder):
        raise UnknownPackError(pack=folder.name)
    found = sorted(folder.iterdir(), key=lambda each: each.name)
    return {each.name: each.read_bytes() for each in found if each.name.endswith(SUFFIX)}
