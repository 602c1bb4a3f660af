"""Fits what a pack inherits to its own types.

A pack may declare a type anew with other fields, or drop it. Inherited forms leave out the fields,
tables and blocks that are gone, inherited subjects the days of a roll that nobody records any
more; rules, queries and all that the pack itself declares stay as they are, to be checked.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from xueshi_server.domain.packs.checker import fields_of
from xueshi_server.domain.packs.measures import Condition
from xueshi_server.domain.packs.model import Block, Form, RecordType, Subject

Tables = Mapping[str, dict[str, Any]]


class Fitting:
    """The tables of a pack with what it inherits, and whose each declaration is."""

    def __init__(self, merged: Tables, origins: dict[str, str], own: str) -> None:
        self._types: dict[str, RecordType] = merged["type"]
        self._subjects: dict[str, Subject] = merged["subject"]
        self._forms: dict[str, Form] = merged["form"]
        self._origins = origins
        self._own = own

    def fit(self) -> None:
        """Change what is inherited in place."""
        for name, subject in self._subjects.items():
            of = subject.of or ""
            if subject.on_roll is not None and self._moved("subject", name, of):
                self._subjects[name] = _fit_subject(subject, self._fields(of))
        for name, form in list(self._forms.items()):
            if self._origins[f"form:{name}"] == self._own:
                continue
            blocks = [self._fit_block(name, form.scope, each) for each in form.block]
            if self._is_gone(form.scope) or not any(blocks):
                del self._forms[name], self._origins[f"form:{name}"]
            else:
                left = [each for each in blocks if each is not None]
                self._forms[name] = replace(form, block=left)

    def _moved(self, kind: str, name: str, of: str) -> bool:
        """Whether a declaration is inherited, and the type it looks at is somebody else's."""
        whose = self._origins[f"{kind}:{name}"]
        return whose != self._own and of in self._types and whose != self._origins[f"type:{of}"]

    def _fields(self, of: str) -> frozenset[str]:
        return frozenset(fields_of(self._types[of]))

    def _type_of(self, scope: str) -> str:
        subject = self._subjects.get(scope)
        return scope if subject is None else subject.of or ""

    def _is_gone(self, scope: str) -> bool:
        return (
            scope not in ("school", "county")
            and scope not in self._subjects
            and scope not in self._types
        )

    def _fit_block(self, form: str, scope: str, block: Block) -> Block | None:
        """The block with what is there; None where nothing of it is."""
        of = block.of or self._type_of(scope)
        if block.of is not None and of not in self._types:
            return None
        if not block.fields or not self._moved("form", form, of):
            return block
        known = self._fields(of)
        names = [each for each in block.fields if each in known]
        total = block.total if block.total in known else None
        return replace(block, fields=names, total=total) if names else None


def _fit_subject(subject: Subject, known: frozenset[str]) -> Subject:
    assert subject.on_roll is not None
    if set(subject.on_roll) <= known:
        return subject
    # Without the days, today's roll is the roll of every day.
    present = [each for each in subject.present if _first(each) in known]
    return replace(subject, on_roll=None, present=[], where=[*subject.where, *present])


def _first(condition: Condition) -> str:
    return condition.field.split(".")[0]
