"""Log in and out, take the next turn at a shared PC, and choose the password and the PIN."""

import hmac
import ipaddress
import re
from hashlib import sha256
from typing import Final

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from xueshi_server.accounts import FIRST_LOGIN, PASSWORD_LEAST, PIN_LEAST, Account
from xueshi_server.errors import (
    LoginRefusedError,
    PinGoneError,
    PinRefusedError,
    TooManyTriesError,
    WeakPasswordError,
)
from xueshi_server.web.left import where_left
from xueshi_server.web.pages import go
from xueshi_server.web.security import (
    DEVICE_COOKIE,
    SESSION_COOKIE,
    put_device_cookie,
    put_session_cookie,
    this_place,
)
from xueshi_server.web.site import this_site, whoami

blueprint = Blueprint("login", __name__)
Page = str | tuple[str, int] | Response
Refusal = LoginRefusedError | PinRefusedError | PinGoneError | TooManyTriesError
# Names offered at the PC itself to whoever takes the next turn.
_OFFERED_MAX: Final = 12
# The browsers inside chat programs forget who is logged in; what they call themselves.
_CHAT: Final = re.compile(r"MicroMessenger|wxwork|DingTalk|AliApp|Lark|Feishu|\bQQ/", re.IGNORECASE)


@blueprint.get("/login")
def show() -> Page:
    """The log-in form; `by=password` asks somebody who came by PIN for the password."""
    known = this_site().accounts.list_all()
    if whoami() is not None and request.args.get("by") != "password":
        return redirect(url_for("today.show"))
    first = FIRST_LOGIN if len(known) == 1 else ""
    chosen = request.args.get("as", "")[:60]
    return _show_login(chosen or first, chosen=chosen)


def _show_login(login: str, *, chosen: str = "", error: Refusal | None = None) -> str:
    """The page; who may come back by PIN and has been chosen is asked for the PIN first."""
    quick = [] if error or request.args.get("by") else this_site().switch.list_here(this_place())
    asked = next((each for each in quick if each.login == chosen), None)
    return render_template(
        "login.html",
        login=login,
        chosen=chosen,
        error=error,
        asked=asked,
        offered=[] if chosen or error else _offered(quick),
        in_chat=_CHAT.search(request.user_agent.string) is not None,
    )


def _offered(quick: list[Account]) -> list[Account]:
    """Who comes back here by PIN; at the PC itself also who logged in lately."""
    found = {each.login: each for each in quick}
    if is_at_the_pc():
        known = {each.login: each for each in this_site().accounts.list_all() if each.enabled}
        notes = this_site().accounts.list_notes()
        for each in notes:
            if each.what in ("enter", "switch") and each.who in known:
                found.setdefault(each.who, known[each.who])
    return list(found.values())[:_OFFERED_MAX]


def is_at_the_pc() -> bool:
    """Whether the browser runs on the PC of the node."""
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


@blueprint.post("/login")
def enter() -> Page:
    """Check name and secret; start a new session."""
    login, accounts = request.form.get("login", "").strip()[:60], this_site().accounts
    try:
        _slow_down(login)
        account = accounts.check(login, request.form.get("secret", ""))
    except TooManyTriesError as error:
        accounts.note("slowed", _known(login), detail=request.remote_addr or "")
        return _show_login(login, error=error), 429
    except LoginRefusedError as error:
        accounts.note("refused", _known(login), detail=request.remote_addr or "")
        return _show_login(login, error=error), 401
    _was_right(login)
    accounts.end_session(g.visitor)
    accounts.note("enter", account.login, detail=request.remote_addr or "")
    if account.must_change:
        where = url_for("login.password")
        return _with_session(redirect(where, 303), accounts.start_session(account))
    response = _with_session(redirect(_own_page(account), 303), accounts.start_session(account))
    kept = this_site().switch.remember(this_place(), account)
    put_device_cookie(response, kept.cookie)
    return response


def _known(login: str) -> str:
    """The log-in name if it is one: what somebody typed into the wrong field may be a password."""
    accounts = this_site().accounts.list_all()
    return login.lower() if any(each.login == login.lower() for each in accounts) else "?"


def _slow_down(login: str) -> None:
    """Take a try of the account and one of the address."""
    site, (by_address, by_login) = this_site(), _try_keys(login)
    waits = (site.by_address.take(by_address), site.by_login.take(by_login))
    if max(waits) > 0:
        raise TooManyTriesError(wait_s=int(max(waits)) + 1)


def _was_right(login: str) -> None:
    """Give the tries back: whoever knows the secret does not guess."""
    site, (by_address, by_login) = this_site(), _try_keys(login)
    site.by_address.give_back(by_address)
    site.by_login.give_back(by_login)


def _try_keys(login: str) -> tuple[str, str]:
    """The buckets of a try.

    Whom this browser knows waits in a queue of its own: strangers who guess at a name lock its
    owner out of no PC that the owner uses.
    """
    key, cookie = login.lower(), request.cookies.get(DEVICE_COOKIE, "")
    if cookie and this_site().switch.knows(cookie, key):
        key = f"{key} {cookie}"
    return _try_key("address", request.remote_addr or ""), _try_key("login", key)


def _try_key(kind: str, name: str) -> str:
    """What is kept on the disk of who tried: whatever was typed for a name is not readable."""
    key = this_site().accounts.secret("tries")
    return hmac.new(key, f"{kind} {name}".encode("utf-8", "replace"), sha256).hexdigest()


def _own_page(account: Account) -> str:
    # Only a path of this node: "//other.example" and "/\other" are addresses elsewhere.
    wanted = request.args.get("next", "") or request.form.get("next", "")
    is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    if is_path and wanted.isprintable():
        return wanted
    return where_left(account) or url_for("today.show")


def _with_session(response: Response, token: str) -> Response:
    g.visitor = None
    put_session_cookie(response, token)
    return response


@blueprint.post("/logout")
def leave() -> Page:
    """End the session; next time the password is asked for, here too."""
    account = whoami()
    this_site().accounts.end_session(g.visitor)
    this_site().accounts.note("leave", account.login if account else "")
    if account is not None:
        this_site().switch.forget(this_place(), account)
    response = go("login.show", done="left")
    g.visitor = None
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


# ---- the next person's turn


@blueprint.get("/switch")
def switch() -> Page:
    """Whose turn it is: the names of this browser, and the PIN."""
    return _show_switch(request.args.get("as", "")[:60])


def _show_switch(chosen: str = "", error: PinRefusedError | TooManyTriesError | None = None) -> str:
    account, quick = whoami(), this_site().switch.list_here(this_place())
    others = [each for each in quick if account is None or each.account_id != account.account_id]
    lately = [each for each in _offered([]) if each.login not in {one.login for one in quick}]
    return render_template(
        "switch.html",
        people=others,
        chosen=chosen or (others[0].login if len(others) == 1 else ""),
        lately=[each for each in lately if account is None or each.login != account.login],
        error=error,
    )


@blueprint.post("/switch")
def take_turn() -> Page:
    """Check the PIN; this person's session takes the place of the one before."""
    site, login = this_site(), request.form.get("login", "")[:60]
    accounts, place = site.accounts, this_place()
    account = next((each for each in site.switch.list_here(place) if each.login == login), None)
    try:
        _slow_down(login)
        if account is None:
            raise PinGoneError
        account = site.switch.enter(place, account.account_id, request.form.get("pin", ""))
    except TooManyTriesError as error:
        accounts.note("slowed", _known(login), detail=request.remote_addr or "")
        return _show_switch(login, error), 429
    except PinRefusedError as error:
        accounts.note("refused", _known(login), detail=request.remote_addr or "")
        return _show_switch(login, error), 401
    except PinGoneError as error:
        accounts.note("refused", _known(login), detail=request.remote_addr or "")
        return _show_login(login, chosen=login, error=error), 401
    _was_right(login)
    accounts.end_session(g.visitor)
    accounts.note("switch", account.login, detail=request.remote_addr or "")
    token = accounts.start_session(account, by_pin=not account.has_pin)
    return _with_session(redirect(_own_page(account), 303), token)


# ---- password and PIN


@blueprint.get("/password")
def password() -> Page:
    """The form for a password of one's own, and for the PIN of the shared PC."""
    return _show_password()


def _show_password(*, faults: dict[str, WeakPasswordError | Refusal | None] | None = None) -> str:
    """The page; a fault stands beside its field, by the name of the field."""
    account = whoami()
    assert account is not None
    return render_template(
        "password.html",
        least=PIN_LEAST if account.has_pin else PASSWORD_LEAST,
        pin_least=PIN_LEAST,
        faults=faults or {},
    )


@blueprint.post("/password")
def set_password() -> Page:
    """Keep the new password; every older session of the account ends."""
    account = whoami()
    assert account is not None
    first = request.form.get("password", "")
    if first != request.form.get("again", ""):
        return _show_password(faults={"again": None}), 422
    try:
        _ask_again(account)
    except (LoginRefusedError, TooManyTriesError) as error:
        return _show_password(faults={"current": error}), 422
    try:
        this_site().accounts.set_password(account, first)
    except WeakPasswordError as error:
        return _show_password(faults={"password": error}), 422
    this_site().accounts.note("secret", account.login)
    response = _with_session(
        go("today.show", done="password"), this_site().accounts.start_session(account)
    )
    put_device_cookie(response, this_site().switch.remember(this_place(), account).cookie)
    return response


@blueprint.post("/password/pin")
def set_pin() -> Page:
    """Keep the PIN by which somebody with a password comes back on this PC."""
    account = whoami()
    assert account is not None
    if account.has_pin:
        abort(404)
    pin = request.form.get("pin", "")
    if pin != request.form.get("pin-again", ""):
        return _show_password(faults={"pin-again": None}), 422
    try:
        _ask_again(account, "pin-current")
    except (LoginRefusedError, TooManyTriesError) as error:
        return _show_password(faults={"pin-current": error}), 422
    try:
        this_site().accounts.set_switch_pin(account, pin)
    except WeakPasswordError as error:
        return _show_password(faults={"pin": error}), 422
    this_site().accounts.note("pin", account.login)
    response = go("today.show", done="pin")
    put_device_cookie(response, this_site().switch.remember(this_place(), account).cookie)
    return response


def _ask_again(account: Account, field: str = "current") -> None:
    """Whoever sits at a PC that somebody left open chooses nothing in the other's name."""
    if account.must_change:
        return
    _slow_down(account.login)
    try:
        this_site().accounts.check(account.login, request.form.get(field, ""))
    except LoginRefusedError:
        this_site().accounts.note("refused", account.login, detail=request.remote_addr or "")
        raise
    _was_right(account.login)
