"""Why something is returned: a usual reason that was ticked, words of one's own, or both."""

from typing import Final

from flask import request

from xueshi_server.domain.values import parse_text
from xueshi_server.web.site import language
from xueshi_server.words import word

# By what the catalogue calls them (`review.reason_…`).
USUAL: Final = ("no_proof", "wrong_hours", "twice", "unclear", "not_counted")
FIELD: Final = "usual"


def read_reason(*, required: bool) -> str:
    """The reason of this request; raises BadValueError."""
    ticked = request.form.getlist(FIELD)
    said = [word(f"review.reason_{each}", language()) for each in USUAL if each in ticked]
    said.append(request.form.get("reason", "").strip())
    text = word("review.reason_joint", language()).join(each for each in said if each)
    return parse_text("note", text, required=required)
