"""The guard at the door of every page (FAULTS 5.5).

Order: is the address ours, who is asking, may they, did the form come from our own page. Every
answer carries the same headers; nothing inline is ever run, nothing outside is ever asked.
"""

import hmac
import ipaddress
import secrets
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from xueshi_server.domain.identity import holds_id_number
from xueshi_server.errors import ForbiddenError, ForgedRequestError, UnknownHostError
from xueshi_server.quick_switch import KNOWN_S, Place
from xueshi_server.web.access import UPLOADS, is_allowed, needs_password
from xueshi_server.web.site import VISITORS_MAX, this_site, whoami

SESSION_COOKIE: Final = "xueshi_session"
# Tells one browser of a PC from another; opens nothing by itself.
DEVICE_COOKIE: Final = "xueshi_device"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_FIELD: Final = "csrf"
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
STRANGER_BYTES_MAX: Final = 16 * 1024
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def guard(app: Flask) -> None:
    """Put the guard before and the headers behind every view of `app`."""
    app.before_request(_refuse_foreign_host)
    app.before_request(_note_visitor)
    app.before_request(_identify)
    app.before_request(_refuse_without_right)
    app.before_request(_refuse_forged_form)
    app.before_request(_take_numbers_out_of_address)
    app.after_request(_add_headers)


def _refuse_foreign_host() -> None:
    if not is_own_host(request.host, this_site().host_names):
        raise UnknownHostError(host=request.host[:80])


def is_own_host(host: str, names: frozenset[str]) -> bool:
    """Whether a page may be asked for under that Host: a bare address, or a name of this PC.

    A name that an attacker points at this PC (DNS rebinding) is neither.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name in names:
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _note_visitor() -> None:
    """Remember that another machine came through, for the page that opens the Wi-Fi."""
    address, site = request.remote_addr or "", this_site()
    try:
        if ipaddress.ip_address(address).is_loopback:
            return
    except ValueError:
        return
    site.visitors[address] = site.clock()
    site.visitors.move_to_end(address)
    while len(site.visitors) > VISITORS_MAX:
        site.visitors.popitem(last=False)


def _identify() -> None:
    token = request.cookies.get(SESSION_COOKIE, "")
    g.account = this_site().accounts.find_session(token) if token else None
    if g.account is None:
        # Nobody known: a log-in form at most, so that no stranger fills the disk or the memory.
        request.max_content_length = STRANGER_BYTES_MAX
    # The visitor's cookie binds the forms of a page to the browser that asked for it.
    g.visitor = token or secrets.token_urlsafe(32)


def put_session_cookie(response: AnyResponse, token: str) -> None:
    """Give the browser its session; kept to TLS where there is any (a school's LAN has none)."""
    response.set_cookie(
        SESSION_COOKIE, token, httponly=True, samesite="Lax", path="/", secure=request.is_secure
    )


def put_device_cookie(response: AnyResponse, cookie: str) -> None:
    """Let the browser be known as one that somebody with an account uses."""
    response.set_cookie(
        DEVICE_COOKIE,
        cookie,
        max_age=KNOWN_S,
        httponly=True,
        samesite="Lax",
        path="/",
        secure=request.is_secure,
    )


def this_place() -> Place:
    """The browser that asks, and from where."""
    return Place(request.cookies.get(DEVICE_COOKIE, ""), request.remote_addr or "")


def csrf_token() -> str:
    """The token that this browser's forms carry."""
    key = this_site().accounts.secret("csrf")
    return hmac.new(key, g.visitor.encode("utf-8", "replace"), sha256).hexdigest()


def _refuse_forged_form() -> None:
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None and site not in ("same-origin", "none"):
        raise ForgedRequestError
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise ForgedRequestError
    # The form is read here, and with it what it brings.
    if most := UPLOADS.get(request.endpoint or ""):
        request.max_content_length = most
    given = request.form.get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), csrf_token().encode()):
        raise ForgedRequestError


def _take_numbers_out_of_address() -> AnyResponse | None:
    """Lead on without an ID number that somebody looked for: addresses are kept by browsers."""
    if request.method not in SAFE_METHODS or not holds_id_number(request.args.get("q", "")):
        return None
    kept = [each for each in request.args.items(multi=True) if each[0] not in ("q", "done", "n")]
    return redirect(f"{request.path}?{urlencode([*kept, ('done', 'noid')])}", 303)


def _refuse_without_right() -> AnyResponse | None:
    account = whoami()
    back = request.full_path.rstrip("?") if request.method == "GET" else own_page_before()
    if request.endpoint is None or is_allowed(request.endpoint, account):
        if account is not None and account.by_pin and needs_password(request.endpoint):
            asked: dict[str, Any] = {"as": account.login, "by": "password", "next": back}
            return redirect(url_for("login.show", **asked))
        return None
    if account is None:
        return redirect(url_for("login.show", next=None if back == "/" else back))
    if account.must_change:
        return redirect(url_for("login.password"))
    raise ForbiddenError


def own_page_before() -> str | None:
    """The page of ours that the browser comes from."""
    before = urlsplit(request.referrer or "")
    if before.netloc != request.host:
        return None
    return f"{before.path}?{before.query}" if before.query else before.path


def _add_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint not in ("static", "training.show"):
        response.headers["Cache-Control"] = "no-store"
    visitor, page = g.get("visitor"), request.endpoint or ""
    if visitor and page.startswith("login.") and request.cookies.get(SESSION_COOKIE) != visitor:
        put_session_cookie(response, visitor)
    return response
