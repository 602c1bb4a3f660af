"""Checks of who is judged: what subjects are made of, and which facts are linked to them."""

from xueshi_server.domain.packs.checker import BUILT_IN_SUBJECTS, Checker, fields_of
from xueshi_server.domain.packs.checking_conditions import check_where, check_who
from xueshi_server.domain.packs.model import Subject
from xueshi_server.domain.packs.pack import Spot


def check_subjects(checker: Checker) -> None:
    """Check every kind of subject."""
    for subject_id, subject in checker.pack.subjects.items():
        spot = ("subject", subject_id)
        if subject_id in BUILT_IN_SUBJECTS:
            checker.fault("name_reserved", (*spot, "id"), name=subject_id)
        if (subject.of is None) == (not subject.across):
            checker.fault("subject_alternatives", spot, id=subject_id)
        if subject.across:
            _check_pair(checker, subject, spot)
        elif subject.of is not None:
            declared = checker.type_of(subject.of, (*spot, "of"))
            if declared is not None:
                check_where(checker, subject.where, (*spot, "where"), declared)
        _check_names(checker, subject, spot)
        _check_roll(checker, subject, spot)
        for type_id, pairs in subject.link.items():
            _check_link(checker, subject, type_id, pairs)


def _check_pair(checker: Checker, subject: Subject, spot: Spot) -> None:
    for position, other in enumerate(subject.across):
        here = (*spot, "across", position)
        if checker.subject(other, here) and other == subject.id:
            checker.fault("across_itself", here, id=other)
    if len(subject.across) != 2:
        checker.fault("across_not_two", (*spot, "across"), id=subject.id)
    check_who(checker, subject.where, (*spot, "where"), subject.id)


def _check_names(checker: Checker, subject: Subject, spot: Spot) -> None:
    fields = checker.who_fields(subject.id)
    for key, names in (("per", subject.per), ("name", subject.name)):
        for position, name in enumerate(names if fields else ()):
            checker.field(fields, name, (*spot, key, position), subject.of or subject.id)


def _check_roll(checker: Checker, subject: Subject, spot: Spot) -> None:
    declared = checker.pack.types.get(subject.of or "")
    if subject.on_roll is None:
        if subject.present:
            checker.fault("present_without_roll", (*spot, "present"), id=subject.id)
        return
    if declared is None:
        checker.fault("roll_of_no_record", (*spot, "on_roll"), id=subject.id)
        return
    for position, name in enumerate(subject.on_roll):
        checker.date_field(fields_of(declared), name, (*spot, "on_roll", position), declared.id)
    check_where(checker, subject.present, (*spot, "present"), declared)
    for position, condition in enumerate(subject.present):
        if "." in condition.field or condition.same_as is not None:
            here = (*spot, "present", position, "field")
            checker.fault("present_too_far", here, field=condition.field)


def _check_link(checker: Checker, subject: Subject, type_id: str, pairs: dict[str, str]) -> None:
    spot = ("subject", subject.id, "link", type_id)
    declared = checker.type_of(type_id, spot)
    if not pairs:
        checker.fault("link_empty", spot, of=type_id)
    fields = checker.subject_fields(subject.id)
    for theirs, ours in pairs.items():
        if declared is not None:
            checker.field(fields_of(declared), theirs, (*spot, theirs), type_id)
        if fields and (declared is None or ours != "scope"):
            checker.field(fields, ours, (*spot, theirs), subject.id)
