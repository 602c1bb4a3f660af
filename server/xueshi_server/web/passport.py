"""Where a record is, as the sync core proves it: here, packed, received, reviewed; and in which
forms it was printed at this node."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from flask import url_for

from xueshi_server.domain.fields import word_label
from xueshi_server.domain.printed import CELLS, decode_paper
from xueshi_server.store.prints import Print, Prints
from xueshi_server.web.packs import active_pack
from xueshi_server.web.pages import public_id
from xueshi_server.web.site import language
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

Standing = Literal["done", "open"]
ORDER: Final = ("here", "packed", "received", "reviewed")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stamp of the passport; `at` is in seconds, None when the time is not known."""

    name: str
    standing: Standing
    at: int | None


@dataclass(frozen=True, slots=True)
class Printed:
    """A form that the record stands in: what it is called, when and as of which day."""

    label: str
    link: str
    as_of: str
    at: int
    by: str
    digest: str


def read_stages(
    node: Node, key: RecordKey, entered_s: int, of: str = "hour"
) -> tuple[list[Stage], int | None]:
    """The stamps of a record in order, and when the centre received it."""
    passport = node.passport(of, key)
    sealed_s = None if passport.sealed_ms is None else passport.sealed_ms // 1000
    # At the centre a block's arrival is its receipt; when it was sealed is the school's affair.
    packed_s, received_s = (
        (None, sealed_s) if node.role == "centre" else (sealed_s, passport.received_s)
    )
    times = dict(zip(ORDER, (entered_s, packed_s, received_s, passport.reviewed_s), strict=True))
    reached = ORDER.index(passport.stage)
    stages = [
        Stage(name, "done" if place <= reached else "open", times[name])
        for place, name in enumerate(ORDER)
    ]
    return stages, received_s


def read_printed(
    node: Node, key: RecordKey, about: int | None, row: Sequence[str]
) -> list[Printed]:
    """The forms printed here over the record itself, or over the person `about` with a line that
    has every text of `row`; of each form the last print, newest first."""
    own, person = f"{key.scope_no}.{key.rec}", f"{key.scope_no}.{about}"
    found: dict[str, Printed] = {}
    for each in Prints(node.home).list_about([own] if about is None else [own, person]):
        form = active_pack().forms.get(each.form)
        if form is None or each.form in found:
            continue
        if each.subject == own or _has_row(each, row):
            scope_no, rec = (int(part) for part in each.subject.split("."))
            link = url_for("forms.show", form_id=each.form, name=public_id(scope_no, rec))
            found[each.form] = Printed(
                word_label(form.label, language()), link, each.as_of.isoformat(),
                each.printed_at_s, each.printed_by, each.digest,
            )  # fmt: skip
    return list(found.values())


def _has_row(printed: Print, row: Sequence[str]) -> bool:
    paper = decode_paper(printed.content)
    wanted = {each for each in row if each}
    if paper is None or not wanted:
        return False
    return any(wanted <= set(line.text.split(CELLS)) for line in paper.lines)
