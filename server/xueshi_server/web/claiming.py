"""The claim that a teacher is writing: what was typed and photographed so far, kept at the node."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import request, url_for

from xueshi_server.domain.errors import BadValueError
from xueshi_server.store.attached_files import forget_file
from xueshi_server.store.attachments import Attachment, find_picture, is_referred_to
from xueshi_server.store.claim_drafts import PHOTOS_MAX, ClaimDraft, ClaimDrafts, DraftPhoto
from xueshi_server.web.attaching import FIELD, BadUpload, Taken, take_uploads, thumb_size, told
from xueshi_server.web.site import language, this_node, whoami
from xueshi_server.words import word
from xueshi_sync.writer import RecordKey

FORM_ID_CHARS: Final = 64
# Beside the fields of a claim: the public name of the record that it corrects.
CORRECTS: Final = "corrects"
# States in which a teacher may still add to an own record and take back.
OPEN_STATES: Final = ("pending", "rejected", "returned", "disputed")
# States in which an own record may be claimed again, better.
AGAIN_STATES: Final = ("rejected", "returned", "withdrawn")


def own_drafts() -> ClaimDrafts:
    """The draft of whoever is logged in."""
    account = whoami()
    assert account is not None
    return ClaimDrafts(this_node().home, account.account_id)


def find_draft() -> ClaimDraft | None:
    """The draft, unless it was sent already and only the answer was lost."""
    drafts = own_drafts()
    draft = drafts.find()
    if draft is not None and draft.entry and this_node().feeds.entry(draft.entry) is not None:
        drafts.clear(sent=True)
        return None
    return draft


def claim_again(record: str, typed: Mapping[str, str], photos: Sequence[Attachment]) -> None:
    """Begin a claim that corrects a record, filled in as that was and with its photos."""
    discard_draft()
    drafts = own_drafts()
    drafts.save(secrets.token_hex(16), {**typed, CORRECTS: record}, int(time.time()))
    for each in photos:
        drafts.add_photo(
            DraftPhoto(
                each.file,
                each.size_bytes,
                each.media,
                each.width,
                each.height,
                each.file_name,
            )
        )


def is_late() -> bool:
    """Whether the page saves by itself what was sent already: it was on its way meanwhile."""
    has_more = bool(request.files.getlist(FIELD)) or "drop" in request.form
    form_id = request.form.get("entry_id", "")[:FORM_ID_CHARS]
    return not has_more and own_drafts().was_sent(form_id)


def take_draft(typed: Mapping[str, str]) -> tuple[ClaimDraft, list[BadUpload]]:
    """Keep what was typed and the photos that came along; the draft as it is then, and the files
    that could not be taken."""
    drafts = own_drafts()
    form_id = request.form.get("entry_id", "")[:FORM_ID_CHARS] or secrets.token_hex(16)
    drafts.save(form_id, typed, int(time.time()))
    if dropped := request.form.get("drop", "")[:64]:
        drop_photo(dropped)
    known = drafts.find()
    room = PHOTOS_MAX - len(known.photos if known else ())
    taken, bad = take_uploads(most=room)
    for each in taken:
        if not drafts.add_photo(_photo(each)):
            drop_photo(each.file)
    # The most that there can be, not what was left of it.
    bad = [_with_most(each) for each in bad]
    draft = drafts.find()
    return draft or ClaimDraft(form_id, typed), bad


def _with_most(each: BadUpload) -> BadUpload:
    if each.error.value_code != "photo.too_many":
        return each
    return BadUpload(each.name, BadValueError("photo.too_many", most=str(PHOTOS_MAX)))


def _photo(each: Taken) -> DraftPhoto:
    upload = each.upload
    return DraftPhoto(
        each.file,
        len(upload.data),
        upload.media,
        upload.width,
        upload.height,
        upload.name,
    )


def drop_photo(file: str) -> None:
    """Take a photo out of the draft; its bytes go where nothing else names them."""
    drafts = own_drafts()
    drafts.drop_photo(file)
    if not drafts.is_in_any(file) and not is_referred_to(this_node(), file):
        forget_file(this_node(), file)


def discard_draft() -> None:
    """Forget the draft with its photos."""
    drafts = own_drafts()
    draft = drafts.find()
    for each in draft.photos if draft else ():
        drop_photo(each.file)
    drafts.clear()


def photo_fields(photo: DraftPhoto) -> dict[str, Any]:
    """What an attachment says of a photo of the draft."""
    return {
        "file": photo.file,
        "bytes": photo.size_bytes,
        "media": photo.media,
        "width": photo.width,
        "height": photo.height,
        "name": photo.name,
    }


def show_photos(draft: ClaimDraft | None) -> list[dict[str, Any]]:
    """The photos of a draft, for the page and for its script."""
    shown = []
    for each in draft.photos if draft else ():
        width, height = thumb_size(each.width, each.height)
        shown.append(
            {
                "file": each.file,
                "name": each.name,
                "url": url_for("mine.photo", file=each.file),
                "small": url_for("mine.photo", file=each.file, small=1),
                "width": width,
                "height": height,
            }
        )
    return shown


def show_draft(draft: ClaimDraft | None, bad: list[BadUpload]) -> dict[str, Any]:
    """The answer to the script of the page."""
    spoken = language()
    faults = [
        {"name": name, "text": word(f"value.{code}", spoken, **details)}
        for name, code, details in told(bad)
    ]
    return {"photos": show_photos(draft), "faults": faults, "most": PHOTOS_MAX}


def own_photo(person: RecordKey, file: str) -> tuple[str, str] | None:
    """(media type, name) of a picture that a teacher may see: of the own draft or own records."""
    draft = own_drafts().find()
    for each in draft.photos if draft else ():
        if each.file == file:
            return each.media, each.name
    found = find_picture(this_node(), person, file)
    return None if found is None else (found.media, found.file_name)
