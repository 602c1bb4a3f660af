"""Files that pages take and give: photos into the node's folder, and back to a browser.

What a browser gets has a type of ours, is never sniffed, and cannot act: a picture is shown, all
else is a download.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from flask import Response, abort, request, send_file

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.uploads import clean_name
from xueshi_server.photos import (
    GIVEN_BYTES_MAX,
    JPEG,
    PDF,
    THUMB_SIDE,
    Upload,
    take_upload,
)
from xueshi_server.store.attached_files import NotHereError, keep_small, read_file, read_small
from xueshi_server.store.attachments import keep_upload
from xueshi_server.web.site import this_node
from xueshi_sync.errors import StorageError

FIELD: Final = "photo"
# Types that leave this node as themselves, with the ending of their files.
_GIVEN: Final[Mapping[str, str]] = {JPEG: ".jpg", PDF: ".pdf"}
_OTHER: Final = "application/octet-stream"
_POLICY: Final = "default-src 'none'; style-src 'none'; sandbox"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is on the disk now."""

    file: str
    upload: Upload

    @property
    def fields(self) -> dict[str, Any]:
        """What an attachment says of it."""
        return {
            "file": self.file,
            "bytes": len(self.upload.data),
            "media": self.upload.media,
            "width": self.upload.width or None,
            "height": self.upload.height or None,
            "name": self.upload.name,
        }


@dataclass(frozen=True, slots=True)
class BadUpload:
    """A file that cannot be taken, by the name it was sent under."""

    name: str
    error: BadValueError


def take_uploads(*, most: int, pdf: bool = False) -> tuple[list[Taken], list[BadUpload]]:
    """The files of the form: those on the disk now, and those that cannot be taken. One bad file
    keeps none of the others out."""
    taken: list[Taken] = []
    bad: list[BadUpload] = []
    sent = [each for each in request.files.getlist(FIELD) if each.filename or _has_bytes(each)]
    for each in sent:
        given = each.filename or ""
        try:
            if len(taken) >= most:
                raise BadValueError("photo.too_many", most=str(most))
            upload = take_upload(each.stream.read(GIVEN_BYTES_MAX + 1), given, pdf=pdf)
            taken.append(Taken(_keep(upload), upload))
        except BadValueError as error:
            bad.append(BadUpload(clean_name(given, _ending(given)), error))
    return taken, bad


def _has_bytes(each: Any) -> bool:
    first = each.stream.read(1)
    each.stream.seek(0)
    return bool(first)


def _keep(upload: Upload) -> str:
    try:
        return keep_upload(this_node(), upload)
    except (StorageError, OSError) as error:
        raise BadValueError("photo.no_room") from error


def _ending(given: str) -> str:
    stem, dot, last = given.rpartition(".")
    return f".{last}" if stem and dot and last.isalnum() and len(last) <= 5 else ""


def give_file(file: str, media: str, name: str, *, small: bool = False) -> Response:
    """The bytes of a file for a browser; "not found" where they are not here."""
    node = this_node()
    known = media if media in _GIVEN else _OTHER
    try:
        data = _read_small(file) if small and media == JPEG else read_file(node, file)
    except NotHereError:
        abort(404)
    response = send_file(
        BytesIO(data),
        known,
        as_attachment=known != JPEG,
        download_name=name or f"{file[:12]}{_GIVEN.get(known, '')}",
    )
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _read_small(file: str) -> bytes:
    """The small picture; of a photo that came from another node it is made when it is first asked
    for."""
    node = this_node()
    if kept := read_small(node, file):
        return kept
    data = read_file(node, file)
    try:
        upload = take_upload(data, "")
    except BadValueError:
        # Not made by a node of ours: the browser may know better.
        return data
    with suppress(OSError):
        keep_small(node, file, upload.thumb)
    return upload.thumb


def thumb_size(width: int, height: int) -> tuple[int, int]:
    """Pixels of the small picture of a photo."""
    longest = max(width, height, 1)
    if longest <= THUMB_SIDE:
        return max(width, 1), max(height, 1)
    scale = THUMB_SIDE / longest
    return max(round(width * scale), 1), max(round(height * scale), 1)


def told(bad: Sequence[BadUpload]) -> list[tuple[str, str, dict[str, str]]]:
    """(name, code, details) of files that could not be taken, for templates."""
    return [(each.name, each.error.value_code, each.error.details) for each in bad]
