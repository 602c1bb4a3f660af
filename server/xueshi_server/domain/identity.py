"""What personal numbers must look like: the ID number (GB 11643-1999) and the telephone.

A number with a slip is refused before it is sealed, since nobody at a school can look at it again.
No message holds the number.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from xueshi_server.domain.dates import parse_date
from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.packs.model import FieldDeclaration, SealedCheck

# Fields beside an ID number that say what it says: day of birth, and sex as GB/T 2261.1 codes it.
BORN: Final = "born_on"
SEX: Final = "sex"
_SEXES: Final = ("2", "1")
# Provinces of GB/T 2260, the residence permits of 81 to 83, and foreigners' permits, which begin
# with 9. Which county a number names is no test: codes came and went after people were born.
_REGION: Final = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9[0-9]")
_GAPS: Final = re.compile(r"[\s()\u200b-\u200f\u2010-\u2015\u2060\ufeff-]+")
_POWER: Final = re.compile(r"[0-9](\.[0-9]+)?E\+?[0-9]{2}")
_ID: Final = re.compile(r"[0-9]{17}[0-9X]")
_ID_INSIDE: Final = re.compile(r"(?<![0-9])[0-9]{15}(?:[0-9]{2}[0-9Xx])?(?![0-9])")
_OLD_ID: Final = re.compile(r"[0-9]{15}")
# A spreadsheet keeps 15 digits; what stood behind them becomes naught.
_EMPTIED: Final = re.compile(r"[0-9]{15}000")
_WITH_COUNTRY: Final = re.compile(r"(?:\+|00)?86([0-9]{9,12})")
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE: Final = re.compile(r"0(?:10|2[0-9]|[3-9][0-9]{2})[2-9][0-9]{6,7}")


class IdFacts(NamedTuple):
    """What an ID number says of its person."""

    born_on: str
    sex: str


def parse_id_number(text: str) -> str:
    """The number in 18 characters; an old one of 15 digits as it is written since 1999.

    Raises BadValueError.
    """
    number = _narrow(text).upper()
    if _POWER.fullmatch(number):
        raise BadValueError("id.digits_lost")
    if _OLD_ID.fullmatch(number):
        number = f"{number[:6]}19{number[6:]}"
        number += ric.calc_check_digit(number + "0")
    if not _ID.fullmatch(number):
        raise BadValueError("id.shape", count=str(len(number)))
    if not _REGION.match(number):
        raise BadValueError("id.region")
    try:
        ric.get_birth_date(number)
    except ValidationError as error:
        raise BadValueError("id.birth_date") from error
    if ric.calc_check_digit(number) != number[-1]:
        raise BadValueError("id.digits_lost" if _EMPTIED.fullmatch(number) else "id.check_digit")
    return number


def holds_id_number(text: str) -> bool:
    """Whether there is an ID number in a text, right or with a slip: it belongs into no address."""
    return _ID_INSIDE.search(_narrow(text)) is not None


def parse_phone(text: str) -> str:
    """The digits of a mobile number, or of a landline with its area code; raises BadValueError."""
    number = _narrow(text)
    if _POWER.fullmatch(number.upper()):
        raise BadValueError("id.digits_lost")
    abroad = _WITH_COUNTRY.fullmatch(number)
    if abroad is not None:
        number = (
            abroad[1] if abroad[1][0] == "0" or _MOBILE.fullmatch(abroad[1]) else f"0{abroad[1]}"
        )
    if not (_MOBILE.fullmatch(number) or _LANDLINE.fullmatch(number)):
        raise BadValueError("phone.shape")
    return number


def _narrow(text: str) -> str:
    return _GAPS.sub("", unicodedata.normalize("NFKC", text))


CHECKS: Final[Mapping[SealedCheck, Callable[[str], str]]] = {
    "id_number": parse_id_number,
    "phone": parse_phone,
}


def facts_of(number: str) -> IdFacts:
    """What a checked ID number says."""
    return IdFacts(ric.get_birth_date(number).isoformat(), _SEXES[int(number[16]) % 2])


def compare_facts(
    fields: Mapping[str, FieldDeclaration], number: str, said: Mapping[str, object]
) -> tuple[dict[str, str], dict[str, BadValueError]]:
    """What the number says where the person's other fields say nothing, and what they say
    otherwise, by field."""
    facts = facts_of(number)
    empty: dict[str, str] = {}
    differing: dict[str, BadValueError] = {}
    born, sex = fields.get(BORN), fields.get(SEX)
    if born is not None and born.type == "date":
        if not said.get(BORN):
            # A day that the field itself would refuse is not put there.
            with suppress(BadValueError):
                empty[BORN] = parse_date(facts.born_on)
        elif str(said[BORN]) != facts.born_on:
            differing[BORN] = BadValueError("id.born_differs")
    if sex is not None and sex.type == "code" and not sex.many:
        if not said.get(SEX):
            empty[SEX] = facts.sex
        elif said[SEX] in _SEXES and said[SEX] != facts.sex:
            differing[SEX] = BadValueError("id.sex_differs")
    return empty, differing
