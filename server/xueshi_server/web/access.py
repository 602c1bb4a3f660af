"""Who may open what: one row for every endpoint; an endpoint without a row is closed."""

from collections.abc import Mapping
from typing import Final, Literal

from xueshi_server.accounts import Account
from xueshi_server.upload_checks import UPLOAD_BYTES
from xueshi_sync.limits import FILE_BYTES

# self: what everybody does with the own account; signed_in: look at everybody's records;
# mine: a teacher's own records; lead: the page of a principal; hand_out: codes for teachers;
# contribute: hand in for the library; personal: personal numbers in full, at the centre alone.
Need = Literal[
    "open", "self", "mine", "signed_in", "enter", "review", "settle", "lead", "hand_out", "manage",
    "personal", "contribute",
]  # fmt: skip
_STAFF: Final[frozenset[Need]] = frozenset({"open", "self", "signed_in"})

MAY: Final[Mapping[str, frozenset[Need]]] = {
    "admin": _STAFF
    | {"enter", "review", "settle", "lead", "hand_out", "manage", "personal", "contribute"},
    "registrar": _STAFF | {"enter", "settle", "lead", "hand_out", "contribute"},
    "principal": _STAFF | {"review", "settle", "lead", "contribute"},
    "reviewer": _STAFF | {"review", "settle"},
    "viewer": _STAFF,
    "teacher": frozenset({"open", "self", "mine", "contribute"}),
}

NEEDS: Final[Mapping[str, Need]] = {
    "static": "open",
    "health.show": "open",
    "training.show": "open",
    "training.index": "open",
    "library.index": "open",
    "library.show": "open",
    "library.file": "open",
    "library.chunks": "open",
    "library.inside": "open",
    "library.fetch": "settle",
    "library.stick": "settle",
    "library.add": "settle",
    "library.withdraw": "settle",
    "contributions.index": "self",
    "contributions.show": "self",
    "contributions.file": "self",
    "contributions.inside": "self",
    "contributions.new": "contribute",
    "contributions.create": "contribute",
    "contributions.publish_it": "review",
    "contributions.give_back": "review",
    "quizzes.show": "open",
    "quizzes.answer": "mine",
    "reading.book": "open",
    "reading.part": "open",
    "reading.beat": "mine",
    "reading.show": "mine",
    "reading.fill_in": "mine",
    "writing.edit": "self",
    "writing.preview": "self",
    "writing.send": "self",
    "login.show": "open",
    "login.enter": "open",
    "login.switch": "open",
    "login.take_turn": "open",
    "login.leave": "self",
    "login.password": "self",
    "login.set_password": "self",
    "login.set_pin": "self",
    "undo.take_back": "self",
    "left.keep": "self",
    "left.forget": "self",
    "lan.show": "hand_out",
    "lan.open_door": "manage",
    "lan.shut_door": "manage",
    "today.show": "self",
    "mine.show": "mine",
    "mine.claim": "mine",
    "mine.draft": "mine",
    "mine.discard": "mine",
    "mine.again": "mine",
    "mine.attach": "mine",
    "mine.take_back": "mine",
    "mine.photo": "mine",
    "mine.object_to": "mine",
    "mine.statement": "mine",
    "principal.show": "lead",
    "objections.index": "settle",
    "objections.answer": "settle",
    "people.index": "signed_in",
    "people.show": "signed_in",
    "people.new": "enter",
    "people.create": "enter",
    "people.edit": "enter",
    "people.update": "enter",
    "people.move": "enter",
    "people.undo_move": "enter",
    "people.give_number": "enter",
    "people.lead_on": "enter",
    "people.order": "enter",
    "people.set_order": "enter",
    "duplicates.index": "settle",
    "duplicates.decide": "settle",
    "duplicates.undo": "settle",
    "hours.index": "signed_in",
    "hours.show": "signed_in",
    "hours.accept": "enter",
    "entry.new": "enter",
    "entry.create": "enter",
    "entry.correct": "enter",
    "entry.create_correction": "enter",
    "session.new": "enter",
    "session.create": "enter",
    "session.check": "enter",
    "session.draft": "enter",
    "session.discard": "enter",
    "session.undo": "enter",
    "session.show": "signed_in",
    "session.claims": "enter",
    "session.take_claims": "enter",
    "files.index": "enter",
    "files.take": "enter",
    "files.give": "signed_in",
    "forms.index": "signed_in",
    "forms.choose": "signed_in",
    "forms.show": "signed_in",
    "form_pdf.one": "signed_in",
    "printing.start": "signed_in",
    "printing.show": "signed_in",
    "printing.give": "signed_in",
    "printing.stop": "signed_in",
    "form_pdf.check": "signed_in",
    "stamped.index": "signed_in",
    "stamped.note_print": "signed_in",
    "stamped.attach": "settle",
    "stamped.take_back": "settle",
    "stamped.put_aside": "settle",
    "attachments.file": "signed_in",
    "attachments.show": "settle",
    "attachments.add": "settle",
    "attachments.take_back": "settle",
    "requirements.index": "signed_in",
    "requirements.show": "signed_in",
    "requirements.evidence": "signed_in",
    "grants.index": "signed_in",
    "grants.show": "signed_in",
    "grants.duties": "signed_in",
    "grants.budgets": "signed_in",
    "grants.shelves": "signed_in",
    "records.index": "signed_in",
    "records.list_all": "signed_in",
    "records.show": "signed_in",
    "records.queue": "review",
    "records.judge": "review",
    "records.step": "settle",
    "record_entry.new": "enter",
    "record_entry.create": "enter",
    "record_entry.edit": "enter",
    "record_entry.update": "enter",
    "record_entry.remove": "enter",
    "review.index": "review",
    "review.judge": "review",
    "conflicts.index": "signed_in",
    "conflicts.resolve": "settle",
    "joining.show": "hand_out",
    "joining.take": "hand_out",
    "sync.index": "signed_in",
    "sync.now": "settle",
    "sync.call_address": "settle",
    "sync.give_bundle": "settle",
    "sync.take_bundle": "settle",
    "schools.index": "signed_in",
    "schools.invite": "manage",
    "schools.sheet": "manage",
    "schools.withdraw": "manage",
    "school.show": "signed_in",
    "school.rename": "manage",
    "school.let_in": "manage",
    "school.let_go": "manage",
    "school.take_over": "manage",
    "school.close": "manage",
    "school.reopen": "manage",
    "school.replace": "manage",
    "school.revoke": "manage",
    "school.lift": "manage",
    "accounts.index": "manage",
    "accounts.create": "manage",
    "accounts.renew": "manage",
    "accounts.disable": "manage",
    "accounts.change": "manage",
    "accounts.lock": "manage",
    "accounts.notes": "manage",
    "accounts.codes": "hand_out",
    "accounts.give_codes": "hand_out",
    "personal.show": "personal",
    "personal.open_one": "personal",
}

# What may bring more bytes than other forms.
UPLOADS: Final[Mapping[str, int]] = {
    "library.add": FILE_BYTES,
    "contributions.create": UPLOAD_BYTES + (1 << 20),
}

# What an account that still has its one-time code may open.
BEFORE_PASSWORD: Final = frozenset(
    {"login.password", "login.set_password", "login.leave", "static", "health.show"}
)


def needs_password(endpoint: str | None) -> bool:
    """Whether the PIN of a quick switch is too little: for accounts, codes, the Wi-Fi."""
    name = endpoint or ""
    return NEEDS.get(name) == "manage" or name.startswith("accounts.")


def is_allowed(endpoint: str, account: Account | None) -> bool:
    """Whether `account` (None: not logged in) may open `endpoint`."""
    need = NEEDS.get(endpoint)
    if need is None:
        return False
    if account is None:
        return need == "open"
    if account.must_change and need != "open":
        return endpoint in BEFORE_PASSWORD
    return any(need in MAY[role] for role in account.roles)
