"""Handing in for the county's library: what waits to be handed in, and the centre's word on it.

What somebody chose waits in a folder of its own until the form around it is right, so that a large
file is sent once. Then it is a file of this node, named by the contribution.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.workflow import Wish, verdict_of
from xueshi_server.errors import FileNotHereError
from xueshi_server.folders import BadFolderError, BadPathError, decode_folder
from xueshi_server.library import keep_folder, media_of, publish_pdf_of
from xueshi_server.store.contributions import (
    CONTRIBUTION,
    FOLDER_MEDIA,
    Contribution,
    about_of,
)
from xueshi_server.store.library import (
    FILE,
    FOLDER,
    Draft,
    Resource,
    find_resource,
    list_published,
    publish_resource,
)
from xueshi_server.store.quizzes import strip_answers
from xueshi_server.store.records import find_row
from xueshi_server.store.steps import (
    Moving,
    may_act,
    plan_closings,
    read_moving,
    take_step,
    write_step,
)
from xueshi_server.upload_checks import (
    ZIP,
    check_file,
    check_folder,
    clean_file_name,
    is_junk,
    strip_top,
    unpack_folder,
)
from xueshi_sync.files.content import Content
from xueshi_sync.node import Node

_WAITING: Final = "handing-in"
# What nobody came back for.
_OLD_S: Final = 86_400
# How many steps a workflow has at most on the way to its good end.
_STEPS_MOST: Final = 8
Save = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Handed:
    """Files that were checked and wait under a token; `name` is that of the file or folder."""

    token: str
    place: Path
    name: str
    is_folder: bool


class HandIns:
    """What one account is handing in."""

    def __init__(self, home: Path, account_id: int) -> None:
        self._folder = home / _WAITING
        self._mark = f"{account_id}-"

    def find(self, token: str) -> Handed | None:
        """What waits under a token of this account."""
        if not (token.isalnum() and token.isascii() and len(token) == 32):
            return None
        folder = self._place(token)
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
        if len(inside) != 1:
            return None
        return Handed(token, inside[0], inside[0].name, inside[0].is_dir())

    def take_file(self, token: str, given: str, save: Save) -> Handed:
        """Keep one file, or what a ZIP holds; raises BadValueError and keeps nothing then."""
        name = clean_file_name(given)
        folder = self._begin(token)
        place = folder / name
        try:
            save(place)
            check_file(place, name)
            if place.suffix.lower() == ZIP:
                self._open_zip(place, folder)
        except BaseException:
            self.drop(token)
            raise
        return self._found(token)

    def take_folder(self, token: str, files: Sequence[tuple[str, Save]], title: str) -> Handed:
        """Keep the files of a folder under their paths; raises as `take_file`."""
        kept = [(path.replace("\\", "/"), save) for path, save in files]
        kept = [(path, save) for path, save in kept if not is_junk(path)]
        clean = check_folder(path for path, _ in kept)
        tops = {path.split("/")[0] for path in clean if "/" in path}
        one = len(tops) == 1 and all("/" in path for path in clean)
        name = tops.pop() if one else clean_file_name(title or _WAITING)
        target = self._begin(token) / name
        try:
            for path, (_, save) in zip(clean, kept, strict=True):
                place = target / (path.split("/", 1)[1] if one else path)
                place.parent.mkdir(parents=True, exist_ok=True)
                save(place)
                check_file(place, path, inside=True)
        except BaseException:
            self.drop(token)
            raise
        return self._found(token)

    def drop(self, token: str) -> None:
        """Forget what waits."""
        shutil.rmtree(self._place(token), ignore_errors=True)

    def _open_zip(self, place: Path, folder: Path) -> None:
        unpacked = folder / f".{place.name}"
        unpacked.mkdir()
        unpack_folder(place, place.name, unpacked)
        place.unlink()
        top = strip_top(unpacked)
        top.rename(folder / (place.stem if top == unpacked else top.name))
        with suppress(OSError):
            unpacked.rmdir()

    def _begin(self, token: str) -> Path:
        self._drop_old()
        folder = self._place(token)
        folder.mkdir(parents=True)
        return folder

    def _found(self, token: str) -> Handed:
        found = self.find(token)
        if found is None:
            self.drop(token)
            raise BadValueError("file.no_files")
        return found

    def _place(self, token: str) -> Path:
        return self._folder / f"{self._mark}{token}"

    def _drop_old(self) -> None:
        now_s = time.time()
        for each in self._folder.glob("*"):
            with suppress(OSError):
                if now_s - each.stat().st_mtime > _OLD_S:
                    shutil.rmtree(each)


def keep_handed(node: Node, handed: Handed) -> dict[str, object]:
    """Make what waits a file of this node; what the contribution says of it. Raises OSError,
    StorageError."""
    # It may go when there is need for room, once the centre has it.
    if handed.is_folder:
        content = keep_folder(node, handed.place, pinned=False)
        size = sum(each.stat().st_size for each in handed.place.rglob("*") if each.is_file())
    else:
        content = node.files.add(handed.place, pinned=False)
        size = content.size
    return {
        "file": content.sha256.hex(),
        "bytes": size,
        "media": FOLDER_MEDIA if handed.is_folder else media_of(handed.name),
        "file_name": handed.name,
    }


# The centre's word


def publish(node: Node, pack: Pack, found: Contribution, *, on: date, actor: str) -> Resource:
    """Approve a contribution and publish it to every school, of a quiz what readers may see;
    twice is once.

    Raises FileNotHereError while its bytes are on their way, NotCentreError, BadValueError for what
    would not have been taken from a page, and for a quiz that cannot be answered.
    """
    content = _whole(node, found)
    old = list_published(node, [found.name]).get(found.name)
    if old is not None:
        return find_resource(node, old)
    name = clean_file_name(str(found.row["file_name"] or "file"))
    # The school's node looked at it too, if it is one of ours.
    if found.is_folder:
        _check_inside(node, content)
    else:
        _check_one(node, content, name)
        content = strip_answers(node, content, name, actor=actor)
    if found.state != "approved":
        _approve(node, pack, found, on=on, actor=actor)
    kind = FOLDER if found.is_folder else FILE
    draft = Draft(
        about_of(pack, found), kind, name,
        "" if found.is_folder else str(found.row["media"] or ""), on.isoformat(),
        origin=found.name,
    )  # fmt: skip
    made = publish_resource(node, content, draft, actor)
    publish_pdf_of(node, made, actor=actor)
    return made


def _check_one(node: Node, content: Content, name: str, *, inside: bool = False) -> None:
    place = node.files.path(content.sha256)
    if place is not None:
        check_file(place, name, inside=inside)
        return
    # A file of one chunk stands in a database.
    with TemporaryDirectory(dir=node.home) as folder, node.files.open(content.sha256) as file:
        place = Path(folder) / "file"
        place.write_bytes(file.read())
        check_file(place, name, inside=inside)


def _check_inside(node: Node, content: Content) -> None:
    try:
        with node.files.open(content.sha256) as file:
            entries = decode_folder(file.read())
    except (BadFolderError, BadPathError) as error:
        raise BadValueError("file.broken", name="") from error
    check_folder(each.path for each in entries)
    for each in entries:
        _check_one(node, each.content, each.path, inside=True)


def _whole(node: Node, found: Contribution) -> Content:
    known = node.files.rows.content(found.digest)
    if known is None or found.percent < 100:
        raise FileNotHereError(resource=found.title)
    return known.content


def _approve(node: Node, pack: Pack, found: Contribution, *, on: date, actor: str) -> None:
    """Take the steps of the workflow to its good end, the last of which approves; where it has
    none, or something stands against a step, the verdict alone."""
    declared = pack.types[CONTRIBUTION]
    node.replica.seal()
    for _ in range(_STEPS_MOST):
        row = find_row(node, declared, *found.key)
        if row is None or row["state"] == "approved":
            return
        moving = read_moving(node, pack, declared, row)
        step = None if moving is None else _next_step(node, moving)
        if moving is None or step is None:
            break
        papers = next(each.papers for each in moving.workflow.step if each.id == step)
        wanted = {"step": step, "opinion": "", "papers": papers}
        if take_step(node, moving, wanted, on=on, actor=actor):
            break
    with node.write(actor=actor) as action:
        action.judge(CONTRIBUTION, found.key, "approve")


def _next_step(node: Node, moving: Moving) -> str | None:
    """The first of the fewest steps to an end that approves."""
    ways: list[tuple[str, str | None]] = [(moving.position.state, None)]
    seen = {moving.position.state}
    for state, first in ways:
        for move in moving.workflow.step:
            if state not in move.from_ or move.back or move.to in seen:
                continue
            if not may_act(node, moving.pack, moving.declared, move):
                continue
            if verdict_of(moving.workflow, moving.declared, move) == "approve":
                return first or move.id
            seen.add(move.to)
            ways.append((move.to, first or move.id))
    return None


def send_back(
    node: Node, pack: Pack, found: Contribution, reason: str, *, on: date, actor: str
) -> None:
    """Return a contribution to its author with the reason."""
    declared = pack.types[CONTRIBUTION]
    wish = Wish("", "", on, reason)
    closings = plan_closings(node, pack, declared, [found.key], "reject", wish)
    with node.write(actor=actor) as action:
        if found.key in closings:
            write_step(node, action, *closings[found.key])
        else:
            action.judge(CONTRIBUTION, found.key, "reject", reason=reason)
