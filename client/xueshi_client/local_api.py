"""The loopback door of a serving process, in front of its web app.

`POST /local/run` runs a command line on the node that is open here; it needs the token of
`run.json`. `POST /local/ticket` (same token) gives a ticket that works once within a minute, and
`GET /local/enter/<ticket>` logs the desktop window in with it. `POST /local/window` tells an open
window how the sync stands and how often `POST /local/raise` has called it to the front. Neither
the web app's sessions nor its form tokens apply here; only the loopback interface is answered, all
else goes to the app.
"""

import hmac
import io
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xueshi_client.running import (
    ENTER_PATH,
    LOCAL_PATH,
    RAISE_PATH,
    TICKET_PATH,
    TOKEN_HEADER,
    WINDOW_PATH,
)
from xueshi_server.accounts import Accounts
from xueshi_server.web.security import SESSION_COOKIE
from xueshi_server.web.sync_state import read_sync_state
from xueshi_server.words import LANGUAGES
from xueshi_sync.agent import SyncAgent
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# An argv is short; more is no command line.
BODY_BYTES_MAX: Final = 64 * 1024
# The window opens at once; an old ticket is nobody's.
TICKET_S: Final = 60.0
# An exchange is under way.
SYNCING: Final = "agent.syncing"
# What the page of sync says first, and what fits into a title.
_STATES: Final = {
    "sync.is_alone": "alone",
    "sync.is_centre": "centre",
    "sync.never": "never",
}
_FORWARDED: Final = "HTTP_X_FORWARDED_FOR"
_LOOPBACK: Final = ("127.0.0.1", "::1")
_TOKEN_KEY: Final = "HTTP_" + TOKEN_HEADER.upper().replace("-", "_")


class LocalDoor:
    """Stands before the web app of a serving process; one command at a time."""

    def __init__(self, node: Node, agent: SyncAgent | None, token: str) -> None:
        self.node = node
        self.agent = agent
        self.token = token
        self._raised = 0
        self._one_at_a_time = threading.Lock()
        self._tickets: dict[str, float] = {}
        self._tickets_lock = threading.Lock()

    def wrap(self, app: "WSGIApplication") -> "WSGIApplication":
        """The app with this door before it."""

        def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            return self._answer_or_none(environ, start_response) or app(environ, start_response)

        return answer

    def _answer_or_none(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes] | None:
        path = str(environ.get("PATH_INFO", ""))
        # A web server in front of a centre is on this machine too; those behind it are not.
        if environ.get("REMOTE_ADDR") in _LOOPBACK and _FORWARDED not in environ:
            if path.startswith(ENTER_PATH) and environ.get("REQUEST_METHOD") == "GET":
                return self._enter(path.removeprefix(ENTER_PATH), environ, start_response)
            if path in (LOCAL_PATH, TICKET_PATH, WINDOW_PATH, RAISE_PATH):
                return self._serve(path, environ, start_response)
        return None

    def make_ticket(self) -> str:
        """A ticket that opens the pages once, soon."""
        ticket = secrets.token_urlsafe(32)
        with self._tickets_lock:
            self._tickets[ticket] = time.monotonic() + TICKET_S
        return ticket

    def _serve(
        self, path: str, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if not self._is_allowed(environ):
            return _answer(start_response, "403 Forbidden", {"error": "local.forbidden"})
        if path == TICKET_PATH:
            body = {"ticket": self.make_ticket(), "name": self.node.name}
            return _answer(start_response, "200 OK", body)
        request = _read_request(environ)
        if request is None or (path == LOCAL_PATH and not _is_command(request)):
            return _answer(start_response, "400 Bad Request", {"error": "local.malformed"})
        if path == RAISE_PATH:
            self._raised += 1
            return _answer(start_response, "200 OK", {})
        if path == WINDOW_PATH:
            told = self._tell_sync() if request.get("count") else {}
            return _answer(start_response, "200 OK", {"raised": self._raised, **told})
        with self._one_at_a_time:
            return _answer(start_response, "200 OK", self._run(request))

    def _tell_sync(self) -> dict[str, Any]:
        """How the sync stands, in one of the few words of a title, and how much is to be sent."""
        found = read_sync_state(self)
        if self.agent is not None and self.agent.status().code == SYNCING:
            return {"state": "syncing", "unsent": found.unsent}
        fixed = _STATES.get(found.sentence)
        state = "trouble" if found.tone == "bad" else "waiting" if found.unsent else "level"
        return {"state": fixed or state, "unsent": found.unsent}

    def _enter(
        self, ticket: str, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Start a session of the administrator for whoever brings a fresh ticket."""
        spoken = str(environ.get("QUERY_STRING", "")).removeprefix("lang=")
        place = f"/?lang={spoken}" if spoken in LANGUAGES else "/"
        with self._tickets_lock:
            ends = self._tickets.pop(ticket, 0.0)
        accounts = Accounts(self.node.home)
        try:
            admins = [each for each in accounts.list_all() if each.enabled and each.role == "admin"]
            if ends < time.monotonic() or not admins:
                start_response("303 See Other", [("Location", place), ("Content-Length", "0")])
                return [b""]
            cookie = f"{SESSION_COOKIE}={accounts.start_session(admins[0])}"
        finally:
            accounts.close()
        headers = [
            ("Location", place),
            ("Set-Cookie", f"{cookie}; HttpOnly; SameSite=Lax; Path=/"),
            ("Cache-Control", "no-store"),
            ("Content-Length", "0"),
        ]
        start_response("303 See Other", headers)
        return [b""]

    def _is_allowed(self, environ: "WSGIEnvironment") -> bool:
        given = str(environ.get(_TOKEN_KEY, ""))
        return environ.get("REQUEST_METHOD") == "POST" and hmac.compare_digest(
            given.encode(), self.token.encode()
        )

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        from xueshi_client.console import run
        from xueshi_client.main import cli
        from xueshi_client.state import State

        out, err = io.StringIO(), io.StringIO()
        state = State(
            argv=[str(each) for each in request["argv"]],
            cwd=Path(str(request["cwd"])),
            out=out,
            err=err,
            node=self.node,
            agent=self.agent,
            environ={"XUESHI_LANG": str(request["lang"])},
        )
        status = run(cli, state)
        return {"exit": status, "stdout": out.getvalue(), "stderr": err.getvalue()}


def _read_request(environ: "WSGIEnvironment") -> dict[str, Any] | None:
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not 0 < length <= BODY_BYTES_MAX:
            return None
        request = json.loads(environ["wsgi.input"].read(length))
    except ValueError:
        return None
    return request if isinstance(request, dict) else None


def _is_command(request: Mapping[str, Any]) -> bool:
    return isinstance(request.get("argv"), list) and {"cwd", "lang"} <= request.keys()


def _answer(
    start_response: Callable[..., Any], status: str, body: dict[str, Any]
) -> Iterable[bytes]:
    data = json.dumps(body, ensure_ascii=False).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
    start_response(status, headers)
    return [data]
