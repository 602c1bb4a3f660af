"""Errors of the domain: one root, and one error for a value a person has to mend."""

from typing import ClassVar, Final

# Every code a value can be refused with; the catalogue has a text for each.
VALUE_CODES: Final = frozenset(
    {
        "value.missing",
        "value.too_long",
        "value.control",
        "value.not_yes_or_no",
        "value.not_a_code",
        "value.not_whole",
        "value.not_fen",
        "value.no_number",
        "value.out_of_range",
        "hours.unreadable",
        "hours.not_quarter",
        "hours.out_of_range",
        "date.unreadable",
        "date.impossible",
        "date.out_of_range",
        "date.ends_first",
        "date.span_too_long",
        "time.unreadable",
        "time.ends_first",
        "hours.longer_than_day",
        "person.id_as_number",
        "person.name_differs",
        "person.several",
        "person.move_too_early",
        "person.number_is_given",
        "person.number_is_temporary",
        "record.key_taken",
        "row.id_reused",
        "ref.unknown",
        "ref.several",
        "claim.future",
        "claim.double",
        "id.shape",
        "id.digits_lost",
        "id.region",
        "id.birth_date",
        "id.check_digit",
        "id.born_differs",
        "id.sex_differs",
        "phone.shape",
        "sealed.no_key",
        "sealed.in_reason",
    }
)
# Of files that somebody sends, which no table has in a cell.
UPLOAD_CODES: Final = frozenset(
    {
        "photo.empty",
        "photo.too_large",
        "photo.too_many",
        "photo.too_many_pixels",
        "photo.not_a_picture",
        "photo.heic",
        "photo.broken",
        "photo.no_pdf",
        "photo.pdf_too_large",
        "photo.no_room",
        "paper.unknown",
        "paper.no_digest",
        "file.missing",
        "file.no_files",
        "file.empty",
        "file.kind",
        "file.lies",
        "file.broken",
        "file.locked",
        "file.bomb",
        "file.too_large",
        "file.too_many",
        "file.same_name",
        "file.name_long",
        "file.name_signs",
        "file.name_device",
        "file.name_place",
        "file.no_room",
        "quiz.too_long",
        "quiz.no_questions",
        "quiz.too_many",
        "quiz.no_text",
        "quiz.no_options",
        "quiz.too_many_options",
        "quiz.no_right",
        "quiz.bad_number",
        "quiz.unanswered",
        "quiz.in_folder",
        "code.blank",
        "code.has_node",
        "code.taken",
        "url.unreadable",
    }
)


class DomainError(Exception):
    """Root of what the domain refuses."""

    code: ClassVar[str] = "domain.failed"


class BadValueError(DomainError):
    """A value that breaks a rule; `value_code` names the rule, `details` what was seen."""

    code = "domain.bad_value"

    def __init__(self, value_code: str, **details: str) -> None:
        assert value_code in VALUE_CODES or value_code in UPLOAD_CODES, value_code
        super().__init__(f"{value_code} {details}")
        self.value_code = value_code
        self.details = details
