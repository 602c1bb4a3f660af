"""From the TOML files of one pack to a `Draft`, and what could not be read of them.

Every `*.toml` of a folder is a `PackFile`; how declarations are split over files means nothing.
A declaration that does not fit its type is a fault of its own, so one look shows them all.
Reading and writing of folders is the caller's.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from xueshi_server.domain.packs.inherit import PackFaultsError, resolve
from xueshi_server.domain.packs.mismatch import word_mismatch
from xueshi_server.domain.packs.model import About, Calendar, PackFile
from xueshi_server.domain.packs.nearest import nearest
from xueshi_server.domain.packs.pack import KINDS, Declaration, Draft, Fault, Pack, Place, Spot

# A page of TOML is some 3 KB; larger files are hard to mend and slow to show lines of.
FILE_BYTES_MAX: Final = 60_000
_FIELDS: Final = {each.encode_name: each.type for each in msgspec.structs.fields(PackFile)}
_ITEM_TYPES: Final[Mapping[str, Any]] = {kind: _FIELDS[kind].__args__[0] for kind in KINDS}


class _Builder:
    """Gathers what files declare; `file` is the one being read."""

    def __init__(self) -> None:
        self.file = ""
        self.faults: list[Fault] = []
        self.tables: dict[str, dict[str, Declaration]] = {kind: {} for kind in KINDS}
        self.places: dict[tuple[str, str], Place] = {}
        self.single: dict[str, Any] = {}
        self.settings: dict[str, bool | int | str] = {}
        self.drop: list[str] = []

    def add_fault(
        self, code: str, spot: Spot, values: Mapping[str, str] | None = None, *, line: int = 0
    ) -> None:
        self.faults.append(Fault(code, spot, values or {}, file=self.file, line=line))

    def convert(self, value: object, wanted: Any, spot: Spot) -> Any:
        """The value as its type, or None and a fault."""
        try:
            return msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            code, rest, values = word_mismatch(str(error), value, wanted)
            self.add_fault(code, spot + rest, values)
            return None


def read_draft(files: Mapping[str, str]) -> tuple[Draft | None, list[Fault]]:
    """The draft of a folder's files (name to text), and every fault; None without `[pack]`."""
    builder = _Builder()
    for name, text in sorted(files.items()):
        builder.file = name
        _read_file(builder, text)
    about = builder.single.get("pack")
    if about is None:
        if all(fault.spot[:1] != ("pack",) for fault in builder.faults):
            builder.file = "pack.toml" if "pack.toml" in files else min(files, default="")
            builder.add_fault("about_missing", (), line=1)
        return None, builder.faults
    draft = Draft(
        about,
        builder.tables,
        builder.single.get("calendar"),
        builder.settings,
        tuple(builder.drop),
        builder.places,
    )
    return draft, builder.faults


def load_pack(closure: Mapping[str, Mapping[str, bytes]], pack_id: str) -> Pack:
    """The resolved pack out of whole folders (pack id to file name to bytes).

    Raises PackFaultsError.
    """
    drafts = []
    for files in closure.values():
        texts, faults = decode_files(files)
        draft, more = read_draft(texts)
        faults += more
        if draft is None or faults:
            raise PackFaultsError(faults)
        drafts.append(draft)
    return resolve(pack_id, drafts)


def decode_files(files: Mapping[str, bytes]) -> tuple[dict[str, str], list[Fault]]:
    """File names to text; a file that is not UTF-8 is a fault. A byte order mark is taken off."""
    texts: dict[str, str] = {}
    faults = []
    for name, data in files.items():
        try:
            texts[name] = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            faults.append(Fault("not_utf8", (), {}, file=name, line=line))
    return texts, faults


def _read_file(builder: _Builder, text: str) -> None:
    size_bytes = len(text.encode())
    if size_bytes > FILE_BYTES_MAX:
        values = {"kb": str(size_bytes // 1000), "limit": str(FILE_BYTES_MAX // 1000)}
        builder.add_fault("file_too_big", (), values, line=1)
        return
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Beside syntax: numbers of thousands of digits, and thousands of brackets.
        line, why = _where_of(str(error), text)
        builder.add_fault("not_toml", (), {"why": why}, line=line)
        return
    for key, value in tree.items():
        if key in KINDS:
            _read_table(builder, key, value)
        elif key in ("pack", "calendar"):
            _read_single(builder, key, value)
        elif key == "set":
            _read_settings(builder, value)
        elif key == "drop":
            builder.places["drop", ""] = Place(builder.file, 0)
            builder.drop += builder.convert(value, list[str], ("drop",)) or []
        else:
            values = {"name": key, "hint": nearest(key, _FIELDS), "known": ", ".join(_FIELDS)}
            builder.add_fault("unknown_key", (key,), values)


def _where_of(message: str, text: str) -> tuple[int, str]:
    """Line and reason out of a syntax error."""
    found = re.search(r"^(.*?) ?\(at line (\d+), column \d+\)$", message)
    if found:
        return int(found[2]), found[1]
    return text.count("\n") + 1, message.removesuffix(" (at end of document)")


def _read_single(builder: _Builder, key: str, value: object) -> None:
    if key in builder.single:
        other = builder.places[key, ""].file
        builder.add_fault("table_twice", (key,), {"table": key, "other": other})
        return
    read = builder.convert(value, About if key == "pack" else Calendar, (key,))
    if read is not None:
        builder.single[key] = read
        builder.places[key, ""] = Place(builder.file, 0)


def _read_settings(builder: _Builder, value: object) -> None:
    read = builder.convert(value, dict[str, bool | int | str], ("set",)) or {}
    for name, setting in read.items():
        if name in builder.settings:
            other = builder.places["set", name].file
            builder.add_fault("set_twice", ("set", name), {"id": name, "other": other})
        builder.settings[name] = setting
        builder.places["set", name] = Place(builder.file, 0)


def _read_table(builder: _Builder, kind: str, value: object) -> None:
    if not isinstance(value, list):
        builder.add_fault("not_a_list", (kind,), {"kind": kind})
        return
    for index, item in enumerate(value):
        read = builder.convert(item, _ITEM_TYPES[kind], (kind, index))
        if read is None:
            continue
        if read.id in builder.tables[kind]:
            other = builder.places[kind, read.id]
            values = {"kind": kind, "id": read.id, "other": other.file}
            builder.add_fault("id_twice", (kind, index, "id"), values)
            continue
        builder.tables[kind][read.id] = read
        builder.places[kind, read.id] = Place(builder.file, index)
