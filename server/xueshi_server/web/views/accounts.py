"""Who may log in at this node: for its administrator."""

import re

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from xueshi_server.accounts import ROLES, Account
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.values import parse_text
from xueshi_server.errors import LoginTakenError
from xueshi_server.web.pages import go
from xueshi_server.web.site import this_site, whoami

blueprint = Blueprint("accounts", __name__, url_prefix="/accounts")
Page = str | tuple[str, int] | Response


@blueprint.get("/")
def index() -> Page:
    """All accounts of this node."""
    return _show()


@blueprint.post("/")
def create() -> Page:
    """Make an account; show its one-time code once."""
    login = request.form.get("login", "").strip().lower()
    role = next((each for each in ROLES if each == request.form.get("role")), None)
    try:
        name = parse_text("teacher_name", request.form.get("name", ""), required=True)
        if role is None or not re.fullmatch(r"[a-z0-9._-]{2,40}", login):
            raise BadValueError("value.missing")
        code = this_site().accounts.add(login, name, role)
    except (BadValueError, LoginTakenError) as error:
        return _show(error=error), 422
    return _show(code=code, login=login)


@blueprint.post("/<int:account_id>/renew")
def renew(account_id: int) -> Page:
    """Replace a forgotten password by a new one-time code, shown once."""
    account = _find_other(account_id)
    return _show(code=this_site().accounts.renew_code(account_id), login=account.login)


@blueprint.post("/<int:account_id>/disable")
def disable(account_id: int) -> Page:
    """Let the account log in no more."""
    _find_other(account_id)
    this_site().accounts.disable(account_id)
    return go("accounts.index", done="disabled")


def _find_other(account_id: int) -> Account:
    account, mine = this_site().accounts.find(account_id), whoami()
    # Nobody locks themselves out.
    if account is None or mine is None or account.account_id == mine.account_id:
        abort(404)
    return account


def _show(
    code: str | None = None,
    login: str = "",
    error: BadValueError | LoginTakenError | None = None,
) -> str:
    return render_template(
        "accounts.html",
        rows=this_site().accounts.list_all(),
        roles=ROLES,
        code=code,
        login=login,
        error=error,
    )
