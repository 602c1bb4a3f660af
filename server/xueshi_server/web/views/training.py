"""The training site, built once at the centre, served as plain files.

Its theme keeps a few small scripts inside its pages; each is allowed by its digest, so that a
script that was put in later does not run.
"""

import base64
import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from flask import Blueprint, abort, redirect, send_from_directory, url_for
from werkzeug.security import safe_join
from werkzeug.wrappers import Response

from xueshi_server.web.site import this_site

blueprint = Blueprint("training", __name__)
# Between the tags exactly as the browser takes the digest of it.
_SCRIPT: Final = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
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
    """A file of the built site; a folder means its index page."""
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
    found = {sha256(script).digest() for script in _SCRIPT.findall(page.read_bytes()) if script}
    return " ".join(sorted(f"'sha256-{base64.b64encode(each).decode()}'" for each in found))
