"""Log in and out, and the first password after a one-time code."""

import ipaddress
from typing import Final

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.accounts import FIRST_LOGIN, PASSWORD_LEAST, PIN_LEAST, Account
from xueshi_server.errors import LoginRefusedError, TooManyTriesError, WeakPasswordError
from xueshi_server.web.pages import go
from xueshi_server.web.security import SESSION_COOKIE, put_session_cookie
from xueshi_server.web.site import this_site, whoami

blueprint = Blueprint("login", __name__)
Page = str | tuple[str, int] | Response
# Names offered at the PC itself to whoever takes the next turn.
_OFFERED_MAX: Final = 12


@blueprint.get("/login")
def show() -> Page:
    """The log-in form."""
    if whoami() is not None:
        return redirect(url_for("today.show"))
    known = this_site().accounts.list_all()
    offered = _offered(known)
    chosen = request.args.get("as", "")[:60]
    first = FIRST_LOGIN if len(known) == 1 else ""
    return render_template("login.html", login=chosen or first, chosen=chosen, offered=offered)


def _offered(known: list[Account]) -> list[Account]:
    """Who logged in lately; only at the PC itself, never over the network."""
    try:
        if not ipaddress.ip_address(request.remote_addr or "").is_loopback:
            return []
    except ValueError:
        return []
    by_login = {each.login: each for each in known if each.enabled}
    entered = [each.who for each in this_site().accounts.list_notes() if each.what == "enter"]
    lately = dict.fromkeys(each for each in entered if each in by_login)
    return [by_login[each] for each in lately][:_OFFERED_MAX]


@blueprint.post("/login")
def enter() -> Page:
    """Check name and secret; start a new session."""
    login = request.form.get("login", "").strip()[:60]
    try:
        _slow_down(login)
        account = this_site().accounts.check(login, request.form.get("secret", ""))
    except TooManyTriesError as error:
        this_site().accounts.note("slowed", login, detail=request.remote_addr or "")
        return render_template("login.html", login=login, error=error), 429
    except LoginRefusedError as error:
        this_site().accounts.note("refused", login, detail=request.remote_addr or "")
        return render_template("login.html", login=login, error=error), 401
    this_site().accounts.end_session(g.visitor)
    this_site().accounts.note("enter", account.login, detail=request.remote_addr or "")
    where = url_for("login.password") if account.must_change else _own_page()
    return _with_session(redirect(where, 303), this_site().accounts.start_session(account))


def _slow_down(login: str) -> None:
    site = this_site()
    waits = (site.by_address.take(request.remote_addr or ""), site.by_login.take(login.lower()))
    if max(waits) > 0:
        raise TooManyTriesError(wait_s=int(max(waits)) + 1)


def _own_page() -> str:
    # Only a path of this node: "//other.example" and "/\other" are addresses elsewhere.
    wanted = request.args.get("next", "")
    is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_path and wanted.isprintable() else url_for("today.show")


def _with_session(response: Response, token: str) -> Response:
    g.visitor = None
    put_session_cookie(response, token)
    return response


@blueprint.post("/logout")
def leave() -> Page:
    """End the session."""
    account = whoami()
    this_site().accounts.end_session(g.visitor)
    this_site().accounts.note("leave", account.login if account else "")
    response = go("login.show", done="left")
    g.visitor = None
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


@blueprint.get("/password")
def password() -> Page:
    """The form for a password of one's own."""
    return _show_password()


def _show_password(*, unequal: bool = False, error: WeakPasswordError | None = None) -> str:
    account = whoami()
    has_pin = account is not None and account.has_pin
    least = PIN_LEAST if has_pin else PASSWORD_LEAST
    return render_template(
        "password.html", least=least, has_pin=has_pin, unequal=unequal, error=error
    )


@blueprint.post("/password")
def set_password() -> Page:
    """Keep the new password; every older session of the account ends."""
    account = whoami()
    assert account is not None
    first = request.form.get("password", "")
    repeated_wrongly = first != request.form.get("again", "")
    try:
        if repeated_wrongly:
            return _show_password(unequal=True), 422
        this_site().accounts.set_password(account, first)
    except WeakPasswordError as error:
        return _show_password(error=error), 422
    this_site().accounts.note("secret", account.login)
    return _with_session(
        go("today.show", done="password"), this_site().accounts.start_session(account)
    )
