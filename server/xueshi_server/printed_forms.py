"""Prints are noted, by page and by command line alike: what was on the paper, of whom, by whom."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from xueshi_server.domain.forms import Document
from xueshi_server.domain.packs.model import Form
from xueshi_server.domain.printed import encode_paper, needs_stamp, paper_of
from xueshi_server.domain.rules.catalogue import BUILT_IN
from xueshi_server.store.prints import Print, Prints
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from xueshi_server.typeset.printing import Press


def subject_key(node: Node, form: Form, name: str) -> str:
    """What a form is over, for the list of prints: a school or the county by name, a record by its
    place in this database, which stays while its name changes."""
    if form.scope in BUILT_IN:
        return name
    key = node.find_record(name)
    return f"{key.scope_no}.{key.rec}"


def note_prints(
    press: "Press",
    filled: Iterable[tuple[str, Document, str]],
    *,
    by: str,
    stamped: bool = True,
) -> None:
    """Remember prints: (subject, document, whom it is about) each. `stamped`: whoever printed them
    may bring the stamped page back."""
    now_s = int(time.time())
    Prints(press.node.home).keep(
        Print(
            press.form.id,
            subject_key(press.node, press.form, name),
            document.digest,
            press.as_of,
            about,
            encode_paper(paper_of(document, press.language)),
            stamped and needs_stamp(document),
            now_s,
            by,
        )
        for name, document, about in filled
    )
