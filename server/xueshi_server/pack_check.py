"""Looks at a folder that is to be a pack: reads it with what it extends, and finds every fault.

What a pack extends is looked for beside the folder, then among the shipped packs. Nothing is
written, and no node is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xueshi_server.domain.packs.checking import check_pack
from xueshi_server.domain.packs.inherit import find_overlaps, merge_lineage, order_parents
from xueshi_server.domain.packs.model import About
from xueshi_server.domain.packs.pack import Draft, Fault, Pack
from xueshi_server.domain.packs.places import place_faults
from xueshi_server.domain.packs.reading import decode_files, load_pack, read_draft
from xueshi_server.errors import PackUnreadableError, UnknownPackError
from xueshi_server.pack_files import (
    SUFFIX,
    list_shipped,
    read_closure,
    read_shipped,
    split_closure,
)
from xueshi_server.pack_trial import try_rules
from xueshi_server.store.pack_queries import check_queries


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a folder came to: the resolved pack if it could be read, and all that is wrong."""

    folder: str
    pack: Pack | None
    faults: tuple[Fault, ...]


def inspect_folder(folder: Path, sources: Mapping[str, Path] | None = None) -> Inspection:
    """Look at the pack in a folder; `sources` are texts of documents by id, beside those that
    the pack names itself. Raises UnknownPackError where there is no TOML file."""
    texts, faults = decode_files(_read_own(folder))
    draft, more = read_draft(texts)
    faults += more
    files = {"": texts}
    if draft is None or faults:
        return Inspection(folder.name, None, tuple(place_faults(faults, {}, files)))
    own = draft.about.id
    library = {own: draft}
    files = {own: texts}
    for pack_id, parent, parent_texts in _read_parents(folder, draft):
        library[pack_id], files[pack_id] = parent, parent_texts
    faults += find_overlaps([draft.about, *_other_versions(folder, draft)])
    lineage, broken = order_parents(own, library.values())
    pack = None
    if not broken:
        pack, broken = merge_lineage(lineage)
        faults += check_pack(pack, _read_documents(folder, pack, sources or {}))
        # What is sound is tried out: queries over its tables, rules on a day without facts.
        faults += [] if faults else [*check_queries(pack), *try_rules(pack)]
    placed = place_faults(faults + broken, library, files)
    shown = [each for each in placed if each.pack == own]
    return Inspection(folder.name, pack, (*shown, *(each for each in placed if each.pack != own)))


def open_pack(name: str, near: Path) -> Pack:
    """The resolved pack in a folder, or the shipped one of that id.

    Raises UnknownPackError, PackUnreadableError, PackFaultsError.
    """
    folder = near / name
    closure = read_closure(folder) if folder.is_dir() else read_shipped(name)
    # The pack itself comes first in its closure.
    pack_id = next(iter(closure)).partition("/")[0]
    return load_pack(split_closure(closure), pack_id)


def _read_own(folder: Path) -> dict[str, bytes]:
    found = sorted(folder.glob(f"*{SUFFIX}"))
    if not found:
        raise UnknownPackError(pack=folder.name)
    return {each.name: each.read_bytes() for each in found}


def _read_parents(folder: Path, draft: Draft) -> list[tuple[str, Draft, dict[str, str]]]:
    """Every pack the draft rests on, directly or not, as far as it can be read."""
    closures: dict[str, dict[str, bytes]] = {}
    for parent in draft.about.extends:
        try:
            closures |= split_closure(_closure_of(folder, parent))
        except (UnknownPackError, PackUnreadableError):
            continue
    found = []
    for pack_id, data in closures.items():
        texts, faults = decode_files(data)
        parent_draft, more = read_draft(texts)
        if parent_draft is not None and not faults + more and pack_id != draft.about.id:
            found.append((pack_id, parent_draft, texts))
    return found


def _closure_of(folder: Path, parent: str) -> dict[str, bytes]:
    beside = folder.absolute().parent / parent
    if any(beside.glob(f"*{SUFFIX}")):
        return read_closure(beside)
    if parent in list_shipped():
        return read_shipped(parent)
    raise UnknownPackError(pack=parent)


def _other_versions(folder: Path, draft: Draft) -> list[About]:
    """What other folders beside this one say to be versions of the same pack."""
    found = []
    for other in sorted(folder.absolute().parent.iterdir()):
        if not other.is_dir() or other == folder.absolute():
            continue
        texts, _ = decode_files({each.name: each.read_bytes() for each in other.glob(f"*{SUFFIX}")})
        texts = {name: text for name, text in texts.items() if "[pack]" in text}
        version, _ = read_draft(texts) if texts else (None, [])
        if version is not None and version.about.id == draft.about.id:
            found.append(version.about)
    return found


def _read_documents(folder: Path, pack: Pack, sources: Mapping[str, Path]) -> dict[str, str]:
    """Texts by document id: those given, and files of the folder that documents name."""
    paths = {
        each.id: folder / Path(each.file).name
        for each in pack.documents.values()
        if each.file and (folder / Path(each.file).name).is_file()
    }
    return {name: path.read_text("utf-8") for name, path in {**paths, **sources}.items()}
