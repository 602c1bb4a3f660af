"""The node's web application: thin views over the stores, one guard before all of them."""

import socket
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from xueshi_server.accounts import Accounts
from xueshi_server.errors import ServerError
from xueshi_server.lan import LanDoor
from xueshi_server.web.left import forget_what_was_sent
from xueshi_server.web.pages import install_page_tools
from xueshi_server.web.print_jobs import PrintJobs
from xueshi_server.web.security import guard
from xueshi_server.web.site import EXTENSION, LANGUAGE_COOKIE, Site, language
from xueshi_server.web.views import BLUEPRINTS, print_everybody
from xueshi_server.web.work import at_end
from xueshi_server.words import LANGUAGES, word_error
from xueshi_sync.agent import SyncAgent
from xueshi_sync.errors import StorageError, SyncError
from xueshi_sync.node import Node

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EXCHANGE_PATH: Final = "/sync/v1/"
# A bundle or a spreadsheet; the sync endpoint has its own limits and streams.
UPLOAD_BYTES_MAX: Final = 64 << 20
# What is typed or pasted: a book that got into a field is told of beside it, with the rest kept.
FORM_BYTES_MAX: Final = 16 << 20
_STATUS: Final = {
    "login.too_many": 429,
    "login.refused": 401,
    "login.pin_refused": 401,
    "login.pin_gone": 401,
    "web.forbidden": 403,
    "seal.not_here": 403,
    "web.forged": 403,
    "web.unknown_host": 400,
    "server.no_such_record": 404,
    "print.gone": 404,
    "node.storage": 503,
}


def create_app(
    node: Node,
    *,
    testing: bool = False,
    agent: SyncAgent | None = None,
    site_dir: Path | None = None,
    lan: LanDoor | None = None,
) -> Flask:
    """Make the application of `node`: its pages, and the sync endpoint under /sync/v1."""
    app = Flask("xueshi_server")
    app.testing = testing
    app.config["MAX_CONTENT_LENGTH"] = UPLOAD_BYTES_MAX
    app.config["MAX_FORM_PARTS"] = 4000
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_BYTES_MAX
    app.extensions[EXTENSION] = Site(
        node,
        Accounts(node.home),
        agent,
        site_dir,
        frozenset({"localhost", socket.gethostname().lower(), f"{socket.gethostname()}.local"}),
        lan,
    )
    prints = app.extensions[print_everybody.EXTENSION] = PrintJobs(node)
    at_end(app, prints.close)
    install_page_tools(app)
    guard(app)
    forget_what_was_sent(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.register_error_handler(ServerError, _show_error)
    app.register_error_handler(SyncError, _show_error)
    app.register_error_handler(sqlite3.Error, _show_storage_error)
    app.register_error_handler(HTTPException, _show_http_error)
    app.after_request(_remember_language)
    _mount_sync(app, node)
    return app


def _mount_sync(app: Flask, node: Node) -> None:
    # Before Flask: exchanges are signed and sealed, and their bodies are streamed.
    pages = app.wsgi_app
    exchange = node.wsgi_app()

    def dispatch(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        is_exchange = str(environ.get("PATH_INFO", "")).startswith(EXCHANGE_PATH)
        return (exchange if is_exchange else pages)(environ, start_response)

    app.wsgi_app = dispatch  # type: ignore[method-assign]


def _show_error(error: ServerError | SyncError) -> AnyResponse | tuple[str, int]:
    status = _STATUS.get(error.code, 422)
    text = word_error(error.code, language(), error.fields)
    return render_template("error.html", text=text, code=error.code), status


def _show_storage_error(error: sqlite3.Error) -> AnyResponse | tuple[str, int]:
    current_app.logger.error("database: %s", error)
    return _show_error(StorageError(str(error)))


def _show_http_error(error: HTTPException) -> AnyResponse | tuple[str, int]:
    status = error.code or 500
    if request.path == "/favicon.ico":
        return redirect(url_for("static", filename="seal.svg"))
    if status < 400:
        return error.get_response()
    if "visitor" not in g:
        g.visitor = None
    code = f"http.{status}"
    return render_template("error.html", text=word_error(code, language(), {}), code=code), status


def _remember_language(response: Response) -> Response:
    if request.args.get("lang") in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, language(), max_age=10**8, samesite="Lax", path="/")
    return response
