"""Printed forms and the records behind them: what was printed here, which stamped page came back,
and whether the paper still says what the records say."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from xueshi_server.domain.forms import Document
from xueshi_server.domain.packs.model import Form
from xueshi_server.domain.printed import (
    Change,
    Paper,
    compare_papers,
    decode_paper,
    paper_of,
)
from xueshi_server.domain.rules.amounts import RuleError
from xueshi_server.domain.rules.catalogue import BUILT_IN
from xueshi_server.errors import UnknownRecordError
from xueshi_server.printed_forms import note_prints, subject_key
from xueshi_server.store.attached_files import NotHereError, read_file
from xueshi_server.store.attachments import (
    LINES,
    STAMPED,
    About,
    Attachment,
    can_attach,
    list_attachments,
)
from xueshi_server.store.material import type_of_form
from xueshi_server.store.packs import find_active
from xueshi_server.store.prints import Print, Prints
from xueshi_server.web.packs import active_pack
from xueshi_server.web.pages import find_key, may
from xueshi_server.web.site import actor, language, this_node
from xueshi_server.words import LANGUAGES
from xueshi_sync.writer import RecordKey

if TYPE_CHECKING:
    from xueshi_server.typeset.printing import Press

# More lines than that nobody compares on a screen.
CHANGES_MAX: Final = 40
DIGEST_CHARS: Final = 8


@dataclass(frozen=True, slots=True)
class Compared:
    """A paper against the records: `changes` are known where its lines were kept (`is_known`)."""

    holds: bool
    digest_now: str
    is_known: bool = False
    changes: Sequence[Change] = field(default=())
    # The pack's version on paper and now, where nothing else differs.
    versions: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Stamped:
    """A stamped page and how it stands; `compared` is None where its form cannot be filled in."""

    attachment: Attachment
    compared: Compared | None


def about_of(form: Form, name: str) -> About:
    """What a form is over, as attachments name it."""
    if form.scope in BUILT_IN:
        return About(form.scope, None, name)
    return About(type_of_form(active_pack(), form), find_key(name))


# ---- what was printed


def keep_prints(press: "Press", filled: Iterable[tuple[str, Document, str]]) -> None:
    """Remember what was printed: (subject, document, whom it is about) each."""
    note_prints(press, filled, by=actor(), stamped=may("stamped.attach"))


def list_prints(form: Form, name: str) -> list[Print]:
    """The prints of a form about one subject, newest first."""
    return Prints(this_node().home).list_of(form.id, subject_key(this_node(), form, name))


def list_stamped(form: Form, name: str) -> list[Attachment]:
    """The stamped pages that stand, newest first."""
    return _list(form, name, STAMPED)


def _list(form: Form, name: str, kind: str) -> list[Attachment]:
    if not can_attach(this_node()):
        return []
    found = list_attachments(this_node(), about_of(form, name))
    return [
        each
        for each in reversed(found)
        if each.kind == kind and each.form == form.id and each.withdrawn is None
    ]


def list_awaited() -> list[Print]:
    """Prints whose stamped page is not here."""
    forms, found = active_pack().forms, []
    for each in Prints(this_node().home).list_awaited():
        form = forms.get(each.form)
        if form is not None and not _is_stamped(form, each):
            found.append(each)
    return found


def _is_stamped(form: Form, printed: Print) -> bool:
    pages = list_attachments(this_node(), _about_print(form, printed))
    return any(
        (each.kind, each.form, each.printed) == (STAMPED, form.id, printed.digest)
        and each.withdrawn is None
        for each in pages
    )


def _about_print(form: Form, printed: Print) -> About:
    if form.scope in BUILT_IN:
        return About(form.scope, None, printed.subject)
    scope_no, rec = (int(part) for part in printed.subject.split("."))
    return About(type_of_form(active_pack(), form), RecordKey(scope_no, rec))


def name_of_print(form: Form, printed: Print) -> str:
    """The subject of a print as addresses name it."""
    about = _about_print(form, printed)
    return about.name if about.key is None else this_node().public_id(about.key)


# ---- what the records say now


def compare_paper(press: "Press", name: str, digest: str, content: bytes | None) -> Compared:
    """A paper with a digest against the records of its day; `content` are its lines, if kept.

    Raises UnknownRecordError and RuleError.
    """
    from xueshi_server.typeset.printing import check_paper

    found = check_paper(press, name, digest)
    if found.holds:
        return Compared(True, found.digest)
    old = decode_paper(content) if content else None
    if old is None:
        return Compared(False, found.digest)
    new = _fill_again(press, name, old)
    changes = compare_papers(old, new)
    versions = None if changes else (old.version, new.version)
    return Compared(False, found.digest, True, changes[:CHANGES_MAX], versions)


def _fill_again(press: "Press", name: str, old: Paper) -> Paper:
    """The same form now, in the language of the paper, by the pack of its version if known."""
    from xueshi_server.typeset.printing import Press

    spoken = old.language if old.language in LANGUAGES else press.language
    pack, form = press.pack, press.form
    if pack.version != old.version:
        then = find_active(press.node, press.as_of).pack
        if then.version == old.version and form.id in then.forms:
            pack, form = then, then.forms[form.id]
    again = Press(press.node, pack, form, press.as_of, spoken)
    return paper_of(again.fill(name).document, spoken)


def find_content(form: Form, name: str, digest: str) -> bytes | None:
    """The lines of a print with a digest, kept here or with its stamped page."""
    for printed in list_prints(form, name):
        if printed.digest == digest:
            return printed.content
    for each in _list(form, name, LINES):
        if each.printed == digest:
            try:
                return read_file(this_node(), each.file)
            except NotHereError:
                return None
    return None


def plain_digest(text: str) -> str:
    """A digest as somebody read it from the foot of a page."""
    return "".join(char for char in text.lower() if char.isalnum())[:40]


def read_stamped(press: "Press", name: str) -> list[Stamped]:
    """The stamped pages of a form, each against the records of its own day."""
    from xueshi_server.typeset.printing import Press

    found = []
    for page in list_stamped(press.form, name):
        try:
            on = dt.date.fromisoformat(page.as_of)
            then = Press(press.node, press.pack, press.form, on, language())
            content = find_content(press.form, name, page.printed)
            compared = compare_paper(then, name, page.printed, content)
        except (RuleError, UnknownRecordError, ValueError):
            compared = None
        found.append(Stamped(page, compared))
    return found
