"""Values that a person types on the command line: names, codes, addresses."""

import unicodedata
from typing import Any, Final

import click

from xueshi_client.usage import WordedValueError
from xueshi_sync.http_session import is_peer_address

NAME_MOST: Final = 60
CODE_MOST: Final = 40


# Older releases of click have no parameter here.
class PlainText(click.ParamType):  # type: ignore[type-arg]
    """One line of visible text, not empty; without blanks where it is a code."""

    name = "text"

    def __init__(self, most: int, *, blanks: bool = True) -> None:
        self.most = most
        self.blanks = blanks

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        hidden = any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in text)
        if not text:
            raise WordedValueError("empty")
        if len(text) > self.most:
            raise WordedValueError("too_long", most=self.most)
        if hidden or (not self.blanks and any(each.isspace() for each in text)):
            raise WordedValueError("invisible" if self.blanks else "blank")
        return text


class CentreUrl(click.ParamType):  # type: ignore[type-arg]
    """Where a centre answers: http or https, a host, perhaps a port."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_peer_address(str(value)):
            raise WordedValueError("url", seen=value)
        return str(value)


ORGANISATION: Final = PlainText(NAME_MOST)
CODE: Final = PlainText(CODE_MOST, blanks=False)
URL: Final = CentreUrl()
PORT: Final = click.IntRange(0, 65_535)
SECONDS: Final = click.FloatRange(min=1.0)
