"""Files of the store as answers: ranges, names, and nothing that can act on this node's origin.

What somebody uploaded may be HTML or SVG with a script. It is shown in a sandbox without scripts,
forms or our cookies' origin; what a browser cannot show safely is handed over as a download.
"""

import io
from typing import Final

from flask import Response, abort, make_response, request, send_file

from xueshi_server.library import media_of
from xueshi_server.web.security import POLICY
from xueshi_server.web.site import this_node
from xueshi_sync.files.content import Content

# Shown in the page; everything else is downloaded.
_SHOWN: Final = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}
    | {"audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/x-wav", "audio/aac"}
    | {"video/mp4", "video/webm", "video/ogg"}
)
# Text that a browser would hand over as a file.
_PLAIN: Final = frozenset({"text/markdown", "text/csv", "text/vtt"})
# Shown, but as a page of nobody: no script, no form, no origin.
_BOXED: Final = frozenset({"text/html", "image/svg+xml", "application/xhtml+xml", "text/css"})
SANDBOX: Final = (
    "sandbox; default-src 'none'; frame-ancestors 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; media-src 'self'; font-src 'self' data:"
)
# A PDF's viewer is a part of the browser, which a sandbox would keep out.
_QUIET: Final = (
    "default-src 'none'; frame-ancestors 'self'; style-src 'unsafe-inline'; img-src 'self';"
    " media-src 'self'"
)
# A page of ours that shows a file inside itself.
_FRAMING: Final = f"{POLICY}; frame-src 'self'; media-src 'self'"


def can_show(name: str) -> bool:
    """Whether a browser shows a file of that name in the page."""
    return media_of(name) in _SHOWN | _BOXED | _PLAIN


def looks_of(name: str, media: str = "") -> str:
    """Which word and sign stand for a file."""
    kind, _, detail = (media or media_of(name)).partition("/")
    if kind in ("image", "audio", "video"):
        return kind
    return "pdf" if detail == "pdf" else "page" if kind == "text" else "other"


def framed(page: str) -> Response:
    """A page that shows a file inside itself."""
    response = make_response(page)
    response.headers["Content-Security-Policy"] = _FRAMING
    return response


def send_content(
    content: Content, name: str, *, download: bool = False, as_ours: bool = False
) -> Response:
    """A whole file, in ranges where asked; 404 while it is not here.

    `as_ours`: it belongs to the county's own site, whose pages have a policy of their own.
    """
    files = this_node().files
    media = media_of(name)
    if media in _PLAIN:
        media = "text/plain"
    shown = as_ours or (can_show(name) and not download)
    path = files.path(content.sha256)
    if path is not None:
        source: object = path
    else:
        try:
            with files.open(content.sha256) as file:
                source = io.BytesIO(file.read())
        except FileNotFoundError:
            abort(404)
    response = send_file(
        source,  # type: ignore[arg-type]
        mimetype=media if shown else "application/octet-stream",
        as_attachment=not shown,
        download_name=name.rsplit("/", 1)[-1],
        conditional=True,
        etag=content.sha256.hex(),
        max_age=0,
    )
    if not as_ours:
        response.headers["Content-Security-Policy"] = SANDBOX if media in _BOXED else _QUIET
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        # A page in a sandbox is of no origin, and may still load the pictures beside it.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.method == "GET" and not request.range:
        files.note_use(content.sha256)
    return response
