"""The training site, built once at the centre: published and whole, else the one built here.

Its theme keeps a few small scripts inside its pages; each is allowed by its digest, so that a
script that was put in later does not run.
"""

import base64
import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from flask import Blueprint, abort, redirect, send_from_directory, url_for
from werkzeug.security import safe_join
from werkzeug.wrappers import Response

from xueshi_server.web.content_files import send_content
from xueshi_server.web.site import this_node, this_site
from xueshi_sync.files.content import Content

blueprint = Blueprint("training", __name__)
# Between the tags exactly as the browser takes the digest of it.
_SCRIPT: Final = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
# Scripts of published pages by the page's digest.
_ALLOWED: Final[dict[bytes, str]] = {}
_ALLOWED_MAX: Final = 512
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self' 'unsafe-inline'",
        "script-src 'self' {digests}",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "media-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'self'",
    )
)


@blueprint.get("/site")
def index() -> Response:
    """The first page of the site."""
    return redirect(url_for("training.show", path=""))


@blueprint.get("/site/", defaults={"path": ""})
@blueprint.get("/site/<path:path>")
def show(path: str) -> Response:
    """A file of the site; a folder means its index page."""
    published = this_site().shelf.paths()
    return _show_published(published, path) if published else _show_built(path)


def _show_published(published: Mapping[str, Content], path: str) -> Response:
    if f"{path}/index.html" in published:
        return redirect(url_for("training.show", path=f"{path}/"))
    if not path or path.endswith("/"):
        path = f"{path}index.html"
    content = published.get(path)
    if content is None:
        abort(404)
    response = send_content(content, path, as_ours=True)
    if response.mimetype == "text/html":
        with this_node().files.open(content.sha256) as file:
            digests = _digests_of(content.sha256, file.read())
        response.headers["Content-Security-Policy"] = _POLICY.format(digests=digests)
    return response


def _show_built(path: str) -> Response:
    root = this_site().site_dir
    target = safe_join(str(root), path) if root is not None else None
    if root is None or target is None:
        abort(404)
    if Path(target).is_dir():
        if path and not path.endswith("/"):
            return redirect(url_for("training.show", path=f"{path}/"))
        path = f"{path}index.html"
    # Asked again each time (304 when it is the same): the site is built anew behind these names.
    response = send_from_directory(root.resolve(), path, max_age=0)
    if response.mimetype == "text/html":
        page = Path(root, path)
        digests = _digests(page, page.stat().st_mtime_ns)
        response.headers["Content-Security-Policy"] = _POLICY.format(digests=digests)
    return response


@lru_cache(maxsize=512)
def _digests(page: Path, _changed_ns: int) -> str:
    return _allowed(page.read_bytes())


def _digests_of(name: bytes, page: bytes) -> str:
    if name not in _ALLOWED:
        if len(_ALLOWED) >= _ALLOWED_MAX:
            _ALLOWED.clear()
        _ALLOWED[name] = _allowed(page)
    return _ALLOWED[name]


def _allowed(page: bytes) -> str:
    found = {sha256(script).digest() for script in _SCRIPT.findall(page) if script}
    return " ".join(sorted(f"'sha256-{base64.b64encode(each).decode()}'" for each in found))
