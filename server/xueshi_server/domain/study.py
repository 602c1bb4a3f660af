"""What a county allows studying alone to propose: hours for reading and for quizzes, by the day.

Pure. The pack says it by parameters: `quiz_hours` and `reading_hours` are the most that one day can
propose (0: nothing), `study_as` is what such hours are entered as ("method=self_study"). Nothing is
credited by it: what is proposed waits for review like all other hours.
"""

from dataclasses import dataclass
from typing import Final

from xueshi_server.domain.packs.pack import Pack

QUARTER: Final = 15


@dataclass(frozen=True, slots=True)
class Allowance:
    """Minutes that a day may propose, and the fields that say how it was studied."""

    quiz_minutes: int
    reading_minutes: int
    marks: tuple[tuple[str, str], ...]


def read_allowance(pack: Pack) -> Allowance:
    """The allowance of a pack; without the parameters nothing is allowed."""
    return Allowance(
        _minutes(pack, "quiz_hours"), _minutes(pack, "reading_hours"), tuple(_marks(pack).items())
    )


def _minutes(pack: Pack, name: str) -> int:
    parameter = pack.parameters.get(name)
    value = parameter.value if parameter is not None else 0
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return max(0, value) * 60


def _marks(pack: Pack) -> dict[str, str]:
    """Fields of an hour with the code they get; what the pack does not know is left out."""
    parameter = pack.parameters.get("study_as")
    fields = {each.id: each for each in pack.types["hour"].field}
    found = {}
    for part in str(parameter.value).split() if parameter is not None else ():
        name, _, code = part.partition("=")
        codes = pack.codes.get(fields[name].codes or "") if name in fields else None
        if codes is not None and any(each.id == code for each in codes.value):
            found[name] = code
    return found


def propose(minutes: int, *, limit_minutes: int, used_minutes: int) -> int:
    """What may be proposed of `minutes`: whole quarters within what a day still allows."""
    return max(0, min(minutes, limit_minutes - used_minutes)) // QUARTER * QUARTER
