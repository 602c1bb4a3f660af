"""Who may log in at this node: for its administrator; and codes for teachers, for the registrar."""

import re
from collections.abc import Sequence
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.accounts import LOCK_CHOICES, ROLES, Account, Role
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.people import former_numbers
from xueshi_server.domain.values import parse_text
from xueshi_server.errors import LoginTakenError, ServerError
from xueshi_server.store.people import list_roster, load_people
from xueshi_server.web.asked import row_number
from xueshi_server.web.pages import go, is_name_of, public_id, typed
from xueshi_server.web.site import actor, home_scope_no, language, this_node, this_site, whoami
from xueshi_server.words import word, word_error
from xueshi_sync.writer import RecordKey

blueprint = Blueprint("accounts", __name__, url_prefix="/accounts")
Page = str | tuple[str, int] | Response
# Each code is hashed, which an old PC does a dozen times a second.
CODES_MAX: Final = 60
# Accounts on one page: each brings its forms.
PAGE_ROWS: Final = 40
_TYPED: Final = ("name", "login", "staff_no")
# What is wrong with each input, in words.
Faults = dict[str, str]


class TooManyCodesError(ServerError):
    """More people ticked than codes are made for at once; field `limit`."""

    code = "accounts.too_many_codes"


@blueprint.get("/")
def index() -> Page:
    """All accounts of this node."""
    return _show()


@blueprint.post("/")
def create() -> Page:
    """Make an account; show its one-time code once."""
    login, faults = request.form.get("login", "").strip().lower(), Faults()
    name = _read_name(faults)
    if not re.fullmatch(r"[a-z0-9._-]{2,40}", login):
        faults["login"] = word("accounts.bad_login", language())
    roles, person = _read_rights(login, faults)
    if not faults:
        try:
            code = this_site().accounts.add(login, name, *roles, person=person)
        except LoginTakenError as error:
            faults["login"] = word_error(error.code, language(), error.fields)
    if faults:
        return _show(faults=faults), 422
    this_site().accounts.note("add", actor(), login, " ".join(roles))
    return _show(code=code, login=login)


def _read_name(faults: Faults) -> str:
    try:
        return parse_text("teacher_name", request.form.get("name", ""), required=True)
    except BadValueError as error:
        faults["name"] = word(f"value.{error.value_code}", language(), **error.details)
        return ""


def _read_rights(login: str, faults: Faults) -> tuple[list[Role], str]:
    """The roles ticked, and for a teacher the record of the staff number."""
    ticked = request.form.getlist("role")
    roles = [each for each in ROLES if each in ticked]
    if not roles:
        faults["role"] = word("accounts.no_role", language())
    if "teacher" not in roles:
        return roles, ""
    staff_no = request.form.get("staff_no", "").strip() or login
    known = load_people(this_node(), home_scope_no()).get(staff_no)
    if known is None:
        faults["staff_no"] = word("value.ref.unknown", language(), seen=staff_no[:40])
        return roles, ""
    return roles, public_id(home_scope_no(), known[0])


@blueprint.post("/<int:account_id>/rights")
def change(account_id: int) -> Page:
    """Give other roles."""
    account, faults = _find_other(account_id), Faults()
    roles, person = _read_rights(account.login, faults)
    if faults:
        return _show(faults=faults, changed=account_id), 422
    code = this_site().accounts.set_rights(account, roles, person)
    detail = f"{' '.join(account.roles)} > {' '.join(roles)}"
    this_site().accounts.note("rights", actor(), account.login, detail)
    if code is not None:
        return _show(code=code, login=account.login)
    return go("accounts.index", done="rights")


@blueprint.post("/<int:account_id>/renew")
def renew(account_id: int) -> Page:
    """Replace a forgotten password by a new one-time code, shown once."""
    account = _find_other(account_id)
    code = this_site().accounts.renew_code(account_id)
    this_site().accounts.note("renew", actor(), account.login)
    return _show(code=code, login=account.login)


@blueprint.post("/<int:account_id>/disable")
def disable(account_id: int) -> Page:
    """Let the account log in no more."""
    account = _find_other(account_id)
    this_site().accounts.disable(account_id)
    this_site().accounts.note("disable", actor(), account.login)
    return go("accounts.index", done="disabled")


@blueprint.post("/lock")
def lock() -> Response:
    """Choose after how long without a touch this PC locks itself."""
    chosen = request.form.get("minutes", "")
    if chosen not in map(str, LOCK_CHOICES):
        abort(400)
    this_site().accounts.lock_after(int(chosen))
    this_site().accounts.note("lock", actor(), "", chosen)
    return go("accounts.index", done="locktime")


@blueprint.get("/notes")
def notes() -> Page:
    """Who logged in, and whose rights changed."""
    return render_template("account_notes.html", rows=this_site().accounts.list_notes())


@blueprint.get("/codes")
def codes() -> Page:
    """The roster with who has an account."""
    return _show_codes(())


@blueprint.post("/codes")
def give_codes() -> Page:
    """New one-time codes for the teachers ticked, on slips to print, shown once."""
    ticked = set(request.form.getlist("person"))
    chosen = [each for each in _list_teachers() if each["id"] in ticked and each["open"]]
    if len(chosen) > CODES_MAX:
        raise TooManyCodesError(limit=CODES_MAX)
    return _show_codes([_give_code(each) for each in chosen])


def _give_code(each: dict[str, Any]) -> dict[str, Any]:
    accounts, account = this_site().accounts, each["account"]
    if account is None:
        code = accounts.add(each["staff_no"], each["name"], "teacher", person=each["id"])
        accounts.note("add", actor(), each["staff_no"], "teacher")
    else:
        code = accounts.renew_code(account.account_id)
        accounts.rename(account, each["staff_no"])
        accounts.note("renew", actor(), each["staff_no"])
    return {**each, "code": code}


def _list_teachers() -> list[dict[str, Any]]:
    """The roster; `open`: the registrar may make a code, since no other right hangs on it."""
    scope_no = home_scope_no()
    known = {each.login: each for each in this_site().accounts.list_all()}
    lines = []
    for row in list_roster(this_node(), scope_no):
        key = RecordKey(scope_no, row["rec"])
        numbers = (row["staff_no"], *former_numbers(row["former_no"]))
        name = public_id(scope_no, row["rec"])
        # A number that the county gave meanwhile is not yet what the teacher logs in by.
        account = next((known[each.lower()] for each in numbers if each.lower() in known), None)
        is_own = account is None or (account.has_pin and is_name_of(account.person, key))
        line = {"id": name, "account": account, "open": is_own}
        lines.append({**line, "staff_no": row["staff_no"], "name": row["name"]})
    return lines


def _show_codes(slips: Sequence[dict[str, Any]]) -> str:
    lan = this_site().lan
    return render_template(
        "account_codes.html",
        rows=_list_teachers(),
        slips=slips,
        most=CODES_MAX,
        address=lan.first_url() if lan and slips else "",
    )


def _find_other(account_id: int) -> Account:
    account, mine = this_site().accounts.find(account_id), whoami()
    # Nobody locks themselves out.
    if account is None or mine is None or account.account_id == mine.account_id:
        abort(404)
    return account


def _show(
    code: str | None = None, login: str = "", faults: Faults | None = None, changed: int = 0
) -> str:
    """The page; `faults` are about the form for a new account, or about the one `changed`, which
    stands first then."""
    # Teachers, of whom there are many, come after the staff.
    everybody = sorted(
        this_site().accounts.list_all(), key=lambda each: set(each.roles) == {"teacher"}
    )
    searched = request.args.get("q", "").strip().casefold()[:60]
    found = [each for each in everybody if searched in f"{each.login}\n{each.name}".casefold()]
    start = max(request.args.get("from", 0, type=row_number), 0)
    rows = found[start : start + PAGE_ROWS]
    rows.sort(key=lambda each: each.account_id != changed)
    if changed and all(each.account_id != changed for each in rows):
        rows = [each for each in everybody if each.account_id == changed] + rows
    return render_template(
        "accounts.html",
        rows=rows,
        count=len(everybody),
        searched=searched,
        more=start + PAGE_ROWS if len(found) > start + PAGE_ROWS else None,
        before=max(start - PAGE_ROWS, 0) if start else None,
        most=PAGE_ROWS,
        roles=ROLES,
        lock_choices=LOCK_CHOICES,
        lock_minutes=this_site().accounts.lock_minutes(),
        code=code,
        login=login,
        faults=faults or {},
        changed=changed,
        typed={name: typed(name) for name in _TYPED} if faults else {},
        ticked=request.form.getlist("role") if faults else ["registrar"],
    )
