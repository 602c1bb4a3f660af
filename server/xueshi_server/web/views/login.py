"""Log in and out, and the first password after a one-time code."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.accounts import FIRST_LOGIN, PASSWORD_LEAST
from xueshi_server.errors import LoginRefusedError, TooManyTriesError, WeakPasswordError
from xueshi_server.web.pages import go
from xueshi_server.web.security import SESSION_COOKIE, put_session_cookie
from xueshi_server.web.site import this_site, whoami

blueprint = Blueprint("login", __name__)
Page = str | tuple[str, int] | Response


@blueprint.get("/login")
def show() -> Page:
    """The log-in form."""
    if whoami() is not None:
        return redirect(url_for("today.show"))
    return render_template("login.html", login=FIRST_LOGIN)


@blueprint.post("/login")
def enter() -> Page:
    """Check name and secret; start a new session."""
    login = request.form.get("login", "").strip()[:60]
    try:
        _slow_down(login)
        account = this_site().accounts.check(login, request.form.get("secret", ""))
    except TooManyTriesError as error:
        return render_template("login.html", login=login, error=error), 429
    except LoginRefusedError as error:
        return render_template("login.html", login=login, error=error), 401
    this_site().accounts.end_session(g.visitor)
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
    this_site().accounts.end_session(g.visitor)
    response = go("login.show", done="left")
    g.visitor = None
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


@blueprint.get("/password")
def password() -> Page:
    """The form for a password of one's own."""
    return render_template("password.html", least=PASSWORD_LEAST)


@blueprint.post("/password")
def set_password() -> Page:
    """Keep the new password; every older session of the account ends."""
    account = whoami()
    assert account is not None
    first = request.form.get("password", "")
    repeated_wrongly = first != request.form.get("again", "")
    try:
        if repeated_wrongly:
            return render_template("password.html", least=PASSWORD_LEAST, unequal=True), 422
        this_site().accounts.set_password(account, first)
    except WeakPasswordError as error:
        return render_template("password.html", least=PASSWORD_LEAST, error=error), 422
    return _with_session(
        go("today.show", done="password"), this_site().accounts.start_session(account)
    )
