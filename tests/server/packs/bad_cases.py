"""Ways to spoil the good pack, each with the code it must be refused with and the line it is at.

`old` is replaced once by `new` in `file`; the fault stands on the first line that holds `at`
afterwards (in `at_file`, where the edit is not where the fault shows).
"""

from typing import NamedTuple


class Case(NamedTuple):
    """One edit of the good pack."""

    id: str
    file: str
    old: str
    new: str
    code: str
    at: str
    at_file: str = ""


PACK, TYPES, RULES, FLOWS = "pack.toml", "types.toml", "rules.toml", "flows.toml"
_LABEL = 'label = { zh = "甲", en = "A" }'
_RULE = f'[[rule]]\nid = "NEW"\n{_LABEL}\nsource = ["SX.1"]\nscope = "teacher"\n'
_FIRST = '[[rule]]\nid = "SX-360"'
_COUNT = 'measure = { kind = "count", of = "hour" }\nneed = { at_least = 1 }\n'
_FIRST_DAYS = 'measure = { kind = "count", of = "hour" }\nneed = { at_least = 1, by = { after_start'
_YEAR = 'window = { kind = "year" }\n'
_NEED = "need = { at_least = { param"
_WINDOW = 'window = { kind = "cycle", years = 5, prorate = "months", on_roll'


def _rule(text: str) -> tuple[str, str]:
    """The edit that puts a rule of its own before the first."""
    return _FIRST, f"{_RULE}{text}\n{_FIRST}"


READING = [
    Case("syntax", RULES, "scope = ", "scope : ", "not_toml", "scope :"),
    Case("float", RULES, "need = { at_least = 1 }", "need = { at_least = 1.5 }", "binary_float",
         "1.5"),
    Case("unknown-table", RULES, "[[rule]]", "[[rules]]", "unknown_key", 'id = "SX-360"'),
    Case("unknown-key", RULES, "need = {", "neeed = {", "unknown_key", "neeed"),
    Case("unknown-measure", RULES, 'kind = "sum"', 'kind = "summ"', "measure_unknown", "summ"),
    Case("unknown-choice", RULES, 'kind = "cycle"', 'kind = "cicle"', "choice_unknown", "cicle"),
    Case("missing-key", RULES, 'scope = "teacher"\n', "", "key_missing", "SX-360"),
    Case("missing-label", RULES, 'label = { zh = "五年360学时", en = "360 hours in five years" }\n',
         "", "label_missing", "SX-360"),
    Case("label-in-one-language", RULES, ', en = "360 hours in five years"', "", "label_missing",
         "五年360学时"),
    Case("empty-label", RULES, 'zh = "五年360学时"', 'zh = ""', "text_length", 'zh = ""'),
    Case("bad-id", RULES, '"SX-360"', '"SX 360"', "shape_wrong", "SX 360"),
    Case("wrong-type", RULES, "years = 5", 'years = "5"', "type_wrong", 'years = "5"'),
    Case("wrong-count", RULES, 'between = ["90%", "100%"]', 'between = ["90%"]', "count_wrong",
         "between"),
    Case("not-a-list", FLOWS, "[[target]]", "[target]", "not_a_list", 'id = "half"'),
    Case("duplicate-id", RULES, 'id = "SX-YEAR"', 'id = "SX-360"', "id_twice",
         'id = "SX-360"\nlabel = { zh = "每年'),
    Case("no-pack-table", PACK, "[pack]", "[packed]", "about_missing", "[packed]"),
    Case("two-pack-tables", RULES, _FIRST, f"[pack]\nid = \"x\"\n{_FIRST}", "table_twice",
         'id = "x"'),
]  # fmt: skip

INHERITANCE = [
    Case("unknown-parent", PACK, "valid_from = 2024", 'extends = ["bese"]\nvalid_from = 2024',
         "extends_unknown", "bese"),
    Case("itself-as-parent", PACK, "valid_from = 2024", 'extends = ["songxi"]\nvalid_from = 2024',
         "extends_cycle", "extends"),
    Case("version-of-parent", PACK, "valid_from = 2024",
         'extends = ["base"]\nversions = { base = "7-" }\nvalid_from = 2024', "extends_version",
         "extends"),
    Case("version-of-a-stranger", PACK, "valid_from = 2024",
         'versions = { base = "1" }\nvalid_from = 2024', "version_unused", "versions"),
    Case("drop-of-nothing", PACK, "[pack]", 'drop = ["rule:SX-9"]\n[pack]', "drop_unknown", "SX-9"),
    Case("set-of-nothing", PACK, "[pack]", "set.cycle_hour = 1\n[pack]", "parameter_unknown",
         "set.cycle_hour"),
    Case("set-of-another-type", PACK, "[pack]", "set.cycle_hours = 1\n[pack]",
         "parameter_kind", "set.cycle_hours"),
    Case("set-beyond-the-choices", PACK, "[pack]", 'set.role_counted = "both"\n[pack]',
         "value_not_a_choice", 'value = "received"'),
    Case("valid-to-before-from", PACK, "2028-12-31", "2023-12-31", "valid_reversed", "valid_to"),
]  # fmt: skip

CALENDAR = [
    Case("terms-overlap", PACK, "ends_on = 2025-01-17", "ends_on = 2025-03-17", "terms_overlap",
         'id = "spring"'),
    Case("term-beyond-its-year", PACK, "ends_on = 2025-07-04", "ends_on = 2025-09-04",
         "term_outside_year", 'id = "spring"'),
    Case("term-backwards", PACK, "ends_on = 2025-07-04", "ends_on = 2025-02-04", "days_reversed",
         'id = "spring"'),
    Case("holiday-outside", PACK, "[[2024-10-01, 2024-10-07]]", "[[2025-10-01, 2025-10-07]]",
         "holiday_outside_term", "2025-10-01"),
    Case("no-such-day", PACK, 'school_year_from = "09-01"', 'school_year_from = "02-30"',
         "day_impossible", "02-30"),
    Case("no-cycle", PACK, "cycle_years = 5", "cycle_years = 0", "cycle_without_years",
         "cycle_years"),
]  # fmt: skip

SOURCES = [
    Case("undeclared-document", PACK, 'id = "SX.2"', 'id = "SY.2"', "document_unknown", "SY.2"),
    Case("unknown-statement", RULES, 'source = ["SX.1"]', 'source = ["SX.9"]', "statement_unknown",
         "SX.9"),
    Case("no-source", RULES, 'source = ["SX.1"]\n', "", "source_missing", "SX-360"),
    Case("no-why-not", PACK, 'why_not = { zh = "口号", en = "A slogan" }\n', "", "why_missing",
         'id = "SX.2"'),
    Case("not-in-the-text", PACK, "五年不少于三百六十学时", "五年不少于360学时", "quote_not_found",
         "五年不少于360"),
    Case("another-text", PACK, 'file = "document.txt"',
         'file = "document.txt"\nsha256 = "0"', "text_differs", "sha256"),
]  # fmt: skip

RECORDS = [
    Case("reserved-table", TYPES, 'id = "class"\nlabel', 'id = "scope"\nlabel', "name_reserved",
         'id = "scope"'),
    Case("reserved-field", TYPES, 'id = "planned"', 'id = "deleted"', "name_reserved", "deleted"),
    Case("name-no-column", TYPES, 'id = "planned"', 'id = "Planned-h"', "name_not_plain",
         "Planned-h"),
    Case("key-is-sealed", TYPES, 'id = "staff_no", label = { zh = "编号", en = "Staff number" }',
         'id = "staff_no", type = "sealed", check = "phone", '
         'label = { zh = "编号", en = "Staff number" }', "field_sealed", 'key = "staff_no"'),
    Case("sealed-without-check", TYPES, 'id = "name", label', 'id = "name", type = "sealed", label',
         "check_missing", 'id = "name"'),
    Case("check-without-seal", TYPES, 'id = "name", label', 'id = "name", check = "phone", label',
         "check_unused", 'check = "phone"'),
    Case("sealed-in-a-ledger", TYPES, 'id = "title", label',
         'id = "title", type = "sealed", check = "phone", label', "sealed_misplaced",
         'id = "title"'),
    Case("sealed-for-good", TYPES, 'id = "name", label',
         'id = "name", type = "sealed", check = "phone", label', "sealed_for_good", 'id = "name"'),
    Case("field-twice", TYPES, 'id = "planned"', 'id = "number"', "field_twice",
         'number", type = "hours"'),
    Case("code-without-list", TYPES, 'type = "code", codes = "level", label = { zh = "骨干"',
         'type = "code", label = { zh = "骨干"', "codes_missing", "骨干"),
    Case("unknown-list", TYPES, 'codes = "role"', 'codes = "roll"', "codes_unknown", "roll"),
    Case("list-without-code", TYPES, 'id = "title",', 'id = "title", codes = "role",',
         "codes_unused", 'id = "title"'),
    Case("many-without-list", TYPES, 'id = "title",', 'id = "title", many = true,',
         "many_without_codes", 'id = "title"'),
    Case("ref-to-nothing", TYPES, 'type = "ref", to = "hour"', 'type = "ref"', "to_missing",
         'id = "corrects"'),
    Case("ref-to-unknown", TYPES, 'type = "key", to = "class"', 'type = "key", to = "course"',
         "type_unknown", "course"),
    Case("key-without-key", TYPES, 'key = "number"\n', "", "key_without_key", 'to = "class"'),
    Case("ref-to-another-place", TYPES, 'id = "link"\n', 'id = "link"\nplace = "county"\n',
         "ref_other_place", 'id = "mentor"'),
    Case("key-to-what-schools-lack", TYPES, 'writers = ["centre"]\n',
         'writers = ["centre"]\nplace = "centre"\n', "key_to_centre", 'to = "class"'),
    Case("schools-write-what-they-lack", TYPES, 'id = "link"\n',
         'id = "link"\nplace = "centre"\n', "not_centre_only", 'id = "link"'),
    Case("when-no-date", TYPES, 'when = "date"', 'when = "title"', "field_not_date", "when"),
    Case("when-unknown", TYPES, 'when = "date"', 'when = "day"', "field_unknown", "when"),
    Case("amount-of-text", TYPES, 'amount = "minutes"', 'amount = "title"', "amount_not_whole",
         "amount"),
    Case("corrects-another", TYPES, 'corrects = "corrects"', 'corrects = "person"',
         "corrects_not_self", "corrects ="),
    Case("judges-on-a-register", TYPES, 'kind = "register"\nkey = "staff_no"',
         'kind = "register"\njudges = ["centre"]\nkey = "staff_no"', "ledger_only", "judges"),
    Case("owner-who-may-not-write", TYPES, 'owner = "centre"\n', "", "owner_cannot_write",
         "writers"),
    Case("unknown-evidence", TYPES, 'evidence = ["certificate"]', 'evidence = ["photo"]',
         "paper_unknown", "photo"),
    Case("index-of-unknown", TYPES, '[["person", "date"]]', '[["person", "day"]]',
         "field_unknown", "index"),
    Case("no-fields", TYPES, "[[subject]]",
         f'[[type]]\nid = "empty"\n{_LABEL}\nkind = "register"\nfield = []\n[[subject]]',
         "type_empty", 'id = "empty"'),
    Case("rank-missing", PACK, 'id = "county", rank = 2', 'id = "county"', "rank_missing",
         'id = "county"'),
    Case("rank-twice", PACK, "rank = 2", "rank = 1", "rank_twice", 'id = "county"'),
    Case("rank-without-order", PACK, "ordinal = true\n", "", "rank_unused", 'id = "school"'),
    Case("code-twice", PACK, '{ id = "given"', '{ id = "received"', "code_twice", "主讲"),
    Case("parameter-beyond-its-choices", PACK, 'value = "received"', 'value = "both"',
         "value_not_a_choice", "both"),
    Case("columns-for-one-field", FLOWS, '["姓名", "name"]', '["姓名", "name"], ["名字", "name"]',
         "column_twice", "columns"),
    Case("headings-twice", FLOWS, '["姓名", "name"]', '["姓名", "name"], ["姓名", "backbone"]',
         "heading_twice", "columns"),
    Case("required-without-column", FLOWS, ', ["姓名", "name"]', "", "column_missing", "columns"),
    Case("column-of-unknown", FLOWS, '["姓名", "name"]', '["姓名", "nome"], ["名字", "name"]',
         "field_unknown", "columns"),
    Case("row-never-reached", TYPES, 'where = [{ field = "level", is = "county" }], minutes',
         "where = [], minutes", "row_never_reached", "其他"),
    Case("per-of-text", TYPES, 'per = "minutes"', 'per = "title"', "field_not_whole", "per ="),
]  # fmt: skip

SUBJECTS = [
    Case("subject-of-unknown", TYPES, 'of = "class"\nname', 'of = "course"\nname', "type_unknown",
         'of = "course"'),
    Case("subject-of-nothing", TYPES, 'across = ["teacher", "class_run"]\n', "",
         "subject_alternatives", 'id = "pair"'),
    Case("pair-with-unknown", TYPES, 'across = ["teacher", "class_run"]',
         'across = ["teacher", "class_ran"]', "subject_unknown", "class_ran"),
    Case("pair-with-itself", TYPES, 'across = ["teacher", "class_run"]',
         'across = ["teacher", "pair"]', "across_itself", "across"),
    Case("roll-of-a-number", TYPES, 'where = [{ field = "left_on", present = false }]',
         'on_roll = ["hired_on", "name"]', "field_not_date", "on_roll"),
    Case("present-without-roll", TYPES, 'where = [{ field = "left_on", present = false }]',
         'present = [{ field = "left_on", present = false }]', "present_without_roll", "present"),
    Case("roll-of-a-pair", TYPES, 'across = ["teacher", "class_run"]',
         'across = ["teacher", "class_run"]\non_roll = ["hired_on", "left_on"]',
         "roll_of_no_record", "on_roll"),
    Case("present-of-another-record", TYPES, 'of = "class"\nname',
         'of = "hour"\non_roll = ["date", "date"]\n'
         'present = [{ field = "person.name", present = true }]\nname',
         "present_too_far", "person.name"),
    Case("pair-of-three", TYPES, 'across = ["teacher", "class_run"]',
         'across = ["teacher", "class_run", "school"]', "across_not_two", "across"),
    Case("built-in-again", TYPES, 'id = "pair"', 'id = "county"', "name_reserved", 'id = "county"'),
    Case("name-of-unknown", TYPES, 'name = ["number"]', 'name = ["no"]', "field_unknown",
         'name = ["no"]'),
    Case("link-of-unknown-field", TYPES, "{ mentee = ", "{ mentor_of = ", "field_unknown",
         "mentor_of"),
    Case("link-of-unknown-type", TYPES, "link = { link =", "link = { lynk =", "type_unknown",
         "lynk"),
    Case("link-missing", RULES, *_rule(_YEAR + _COUNT.replace('"hour"', '"class"')),
         "link_missing", 'of = "class"'),
    Case("link-ambiguous", TYPES, "link = { link = { mentee = \"rec\" } }\n", "", "link_ambiguous",
         'of = "link"', RULES),
]  # fmt: skip

CONDITIONS = [
    Case("unknown-field", RULES, 'field = "role"', 'field = "roll"', "field_unknown", '"roll"' ),
    Case("dot-behind-no-reference", RULES, 'field = "role"', 'field = "title.x"',
         "field_not_reference", "title.x"),
    Case("unknown-field-one-on", RULES, 'field = "role"', 'field = "person.x"', "field_unknown",
         "person.x"),
    Case("nothing-asked", RULES, '{ field = "role", is = { param = "role_counted" } }',
         '{ field = "role" }', "condition_empty", '{ field = "role" }'),
    Case("unknown-code", RULES, '{ field = "level", is = "county" }',
         '{ field = "level", is = "contry" }', "code_unknown", "contry"),
    Case("unknown-parameter", RULES, 'param = "role_counted"', 'param = "role_count"',
         "parameter_unknown", 'param = "role_count"'),
    Case("order-without-rank", RULES, '{ field = "level", at_least = "county" }',
         '{ field = "role", at_least = "given" }', "codes_not_ordinal", "at_least = \"given\""),
    Case("order-of-text", RULES, '{ field = "level", at_least = "county" }',
         '{ field = "title", at_least = "county" }', "field_not_comparable", '"title"'),
    Case("no-such-state", RULES, 'is = "disputed"', 'is = "fought"', "state_unknown", "fought"),
    Case("text-for-a-date", RULES, '{ field = "level", at_least = "county" }',
         '{ field = "date", at_least = "soon" }', "value_wrong_type", "soon"),
    Case("measure-in-a-condition", RULES, 'is = { param = "role_counted" }',
         'is = { measure = { kind = "count", of = "hour" } }', "condition_not_plain", "is = {"),
]  # fmt: skip

MEASURES = [
    Case("unknown-type", RULES, 'kind = "sum", of = "hour"', 'kind = "sum", of = "houre"',
         "type_unknown", "houre"),
    Case("sum-of-text", RULES, 'field = "minutes", where = [{ field = "role"',
         'field = "title", where = [{ field = "role"', "field_not_whole", '"title"'),
    Case("sum-of-two", RULES, 'field = "minutes", where = [{ field = "role"',
         'field = "minutes", convert = "table", where = [{ field = "role"', "sum_alternatives",
         "convert"),
    Case("caps-with-conversion", FLOWS, 'convert = "table"',
         'convert = "table", caps = [{ where = [], at_most = 1 }]',
         "caps_with_convert", "caps"),
    Case("unknown-conversion", FLOWS, 'convert = "table"', 'convert = "tabel"',
         "conversion_unknown", "tabel"),
    Case("sum-of-nothing", RULES, *_rule(
         _YEAR.replace("year", "any") + 'measure = { kind = "sum", of = "link" }\n'
         "need = { at_least = 1 }"), "sum_of_nothing", 'of = "link"'),
    Case("undated-in-a-year", RULES, *_rule(_YEAR + _COUNT.replace('"hour"', '"link"')),
         "when_missing", 'of = "link"'),
    Case("greatest-of-text", RULES, *_rule(
         _YEAR + 'measure = { kind = "greatest", of = "hour", field = "title" }\n'
         "need = { at_least = 1 }"), "field_not_comparable", '"title"'),
    Case("length-of-text", RULES, *_rule(
         _YEAR + 'measure = { kind = "length", of = "hour", starts = "title", ends = "date", '
         'unit = "day" }\nneed = { at_least = 1 }'), "field_not_date", 'starts = "title"'),
    Case("total-of-one", RULES, *_rule(
         _YEAR + 'measure = { kind = "total", parts = [{ kind = "count", of = "hour" }] }\n'
         "need = { at_least = 1 }"), "total_too_small", "parts"),
    Case("unknown-attribute", RULES, *_rule(
         _YEAR + 'measure = { kind = "attribute", field = "age" }\nneed = { at_least = 1 }'),
         "field_unknown", '"age"'),
    Case("coverage-of-another", RULES, 'rule = "SX-360" }\nneed = { between',
         'rule = "SX-MIX" }\nneed = { between', "coverage_of_other", '"coverage"'),
    Case("headcount-of-unknown", FLOWS, 'kind = "headcount", of = "teacher"',
         'kind = "headcount", of = "teachers"', "subject_unknown", "teachers"),
    Case("moment-without-date", RULES, *_rule(
         'window = { kind = "any" }\n'
         'measure = { kind = "lag", before = { kind = "attribute", field = "hired_on" }, '
         'after = { kind = "moment", of = "link" }, unit = "year" }\nneed = { at_least = 1 }'),
         "moment_without_date", '"lag"'),
    Case("trend-without-series", RULES, *_rule(
         'window = { kind = "any" }\n'
         'measure = { kind = "trend", measure = { kind = "count", of = "hour" } }\n'
         "need = { at_least = 0 }"), "trend_without_series", '"trend"'),
]  # fmt: skip

NEEDS = [
    Case("nothing-needed", RULES, "need = { at_least = 1 }", "need = {}", "need_empty",
         "need = {}"),
    Case("two-needs", RULES, "need = { at_least = 1 }", "need = { at_least = 1, at_most = 2 }",
         "need_crowded", "at_most"),
    Case("about-without-tolerance", RULES, 'about = "40%", tolerance = "5%"', 'about = "40%"',
         "tolerance_missing", "县级四成"),
    Case("tolerance-without-about", RULES, "need = { at_least = 1 }",
         'need = { at_least = 1, tolerance = "5%" }', "tolerance_unused", "tolerance = "),
    Case("between-reversed", RULES, '["90%", "100%"]', '["100%", "90%"]', "between_reversed",
         "between"),
    Case("bad-fraction", RULES, '["90%", "100%"]', '["90 per cent", "100%"]',
         "amount_unreadable", "per cent"),
    Case("parted-by-nought", RULES, "need = { at_least = 1 }", 'need = { at_least = "1/0" }',
         "amount_unreadable", "1/0"),
    Case("parameter-no-amount", RULES, 'param = "cycle_hours"', 'param = "role_counted"',
         "parameter_not_amount", _NEED),
    Case("hours-without-unit", PACK, 'value = "360h"', "value = 16200", "hours_without_unit",
         "need = { at_least = { param", RULES),
    Case("hours-of-a-table-without-unit", TYPES, 'minutes = "1.5h"', "minutes = 90",
         "hours_without_unit", "minutes = 90"),
    Case("formula-of-nothing", RULES, '{ param = "cycle_hours" }', "{ per = 300 }",
         "formula_alternatives", "per = 300"),
    Case("first-days-of-everything", RULES, *_rule(
         'window = { kind = "any" }\n' + _FIRST_DAYS + " = 9 } }"),
         "no_first_day", "after_start"),
    Case("first-days-none", RULES, *_rule(
         _YEAR + _FIRST_DAYS + " = 0 } }"),
         "window_not_positive", "after_start"),
    Case("window-of-no-parameter", RULES, *_rule(
         'window = { kind = { param = "moon" } }\n' + _COUNT), "parameter_unknown", '"moon"'),
    Case("window-of-another-parameter", RULES, *_rule(
         'window = { kind = { param = "cycle_hours" } }\n' + _COUNT), "parameter_not_fitting",
         'kind = { param = "cycle_hours" }'),
    Case("lead-of-a-year", RULES, *_rule(
         'window = { kind = "year", lead_months = 3 }\n' + _COUNT), "window_key_unused",
         "lead_months"),
    Case("beginning-of-a-date", RULES, *_rule(
         'who = [{ field = "hired_on", begins = ["2020"] }]\n' + _YEAR + _COUNT),
         "begins_no_text", "begins"),
    Case("impossible-day", RULES, *_rule(_YEAR + 'need = { by = { on = "02-30" } }'),
         "day_impossible", "02-30"),
]  # fmt: skip

WINDOWS = [
    Case("run-without-end", RULES, ', ends = "ends_on"', "", "window_incomplete", 'kind = "run"'),
    Case("since-without-months", RULES, ", months = 12", "", "window_incomplete", 'kind = "since"'),
    Case("each-without-within", RULES, ', within = "cycle", allow_miss = 1', "",
         "each_without_within", "each = true"),
    Case("cycle-year-alone", RULES, 'kind = "year", each = true, within = "cycle", allow_miss = 1',
         'kind = "cycle_year"', "window_incomplete", 'kind = "cycle_year"'),
    Case("within-without-each", RULES, 'each = true, within = "cycle", allow_miss = 1',
         'within = "cycle"', "within_without_each", "within"),
    Case("each-as-long-as-within", RULES, 'within = "cycle"', 'within = "year"',
         "each_not_shorter", 'within = "year"'),
    Case("prorate-without-roll", RULES, ', on_roll = ["hired_on", "left_on"]', "",
         "prorate_without_roll", "prorate"),
    Case("roll-of-text", RULES, '["hired_on", "left_on"]', '["hired_on", "name"]',
         "field_not_date", _WINDOW),
    Case("season-of-a-year", RULES, *_rule(
         'window = { kind = "year", season = "summer" }\n' + _COUNT), "window_key_unused",
         "season"),
    Case("no-years", RULES, "years = 5", "years = 0", "window_not_positive", "years = 0"),
]  # fmt: skip

COMBINATIONS = [
    Case("unknown-scope", RULES, 'scope = "class_run"', 'scope = "class_runs"', "subject_unknown",
         "class_runs"),
    Case("nothing-asked", RULES, *_rule(_YEAR), "rule_empty", 'id = "NEW"'),
    Case("two-things-asked", RULES, *_rule(_YEAR + _COUNT + 'streak = { rule = "SX-360", '
         "length = 2 }"), "rule_crowded", 'id = "NEW"'),
    Case("no-need", RULES, *_rule(_YEAR + 'measure = { kind = "count", of = "hour" }'),
         "need_missing", 'id = "NEW"'),
    Case("unknown-member", RULES, '{ rule = "SX-STREAK" }', '{ rule = "SX-STRIKE" }',
         "rule_unknown", "SX-STRIKE"),
    Case("member-of-another", RULES, '{ rule = "SX-STREAK" }', '{ rule = "SX-MIX" }',
         "member_of_other", '"SX-MIX" }]'),
    Case("member-of-nothing", RULES, '{ rule = "SX-STREAK" }', "{}", "clause_alternatives",
         "some_of"),
    Case("more-than-there-are", RULES, "count = 1,", "count = 3,", "some_of_count", "count = 3"),
    Case("streak-of-itself", RULES, 'streak = { rule = "SX-YEAR"', 'streak = { rule = "SX-STREAK"',
         "rule_cycle", "streak = {"),
    Case("cycle-through-others", RULES, 'streak = { rule = "SX-YEAR"',
         'streak = { rule = "SX-EITHER"', "rule_cycle", "some_of"),
    Case("no-streak", RULES, "length = 3", "length = 0", "streak_too_short", "length = 0"),
    Case("shares-of-a-whole", RULES, 'about = "60%"', 'about = "50%"', "composition_sum",
         "all_of = ["),
    Case("veto-with-exemption", RULES, 'lift_by = "bureau" }',
         'lift_by = "bureau" }\nexempt = { rule = "SX-360" }', "veto_with_exemption",
         "exempt ="),
    Case("veto-for-ever", RULES, ', lift_by = "bureau"', "", "veto_never_lifted", "veto ="),
    Case("lifted-by-nobody", RULES, 'lift_by = "bureau"', 'lift_by = "buro"', "role_unknown",
         "buro"),
    Case("rule-that-ended-before", RULES, 'source = ["SX.1"]',
         'valid_from = 2025-01-01\nvalid_to = 2024-01-01\nsource = ["SX.1"]', "valid_reversed",
         "valid_to"),
]  # fmt: skip

FLOWING = [
    Case("unreachable-state", FLOWS, 'to = "refused"', 'to = "granted"', "state_unreachable",
         'id = "refused"'),
    Case("dead-end", FLOWS, 'en = "Refused" }, final = true }', 'en = "Refused" } }',
         "state_dead_end", 'id = "refused"'),
    Case("final-with-a-way-out", FLOWS, 'en = "Claimed" } }', 'en = "Claimed" }, final = true }',
         "state_final_left", 'id = "claimed"'),
    Case("unknown-state", FLOWS, 'to = "refused"', 'to = "refuse"', "state_unknown",
         'to = "refuse"'),
    Case("unknown-role", FLOWS, 'role = "principal"', 'role = "headmaster"', "role_unknown",
         "headmaster"),
    Case("unknown-paper", FLOWS, 'papers = ["certificate"]', 'papers = ["letter"]',
         "paper_unknown", "letter"),
    Case("unknown-gate", FLOWS, 'gate = ["SX-YEAR"]', 'gate = ["SX-YEARS"]', "rule_unknown",
         "SX-YEARS"),
    Case("gate-nobody-at-school-sees", TYPES, 'writers = ["centre"]\n',
         'writers = ["centre"]\nplace = "centre"\n', "gate_out_of_sight", 'gate = ["SX-MIX"]',
         FLOWS),
    Case("impossible-deadline", FLOWS, '"12-20"', '"11-31"', "day_impossible", "11-31"),
    Case("deadline-of-nothing", FLOWS, '{ on = "12-20" }', "{ days = 3 }", "day_alternatives",
         "days = 3"),
    Case("late-for-nothing", FLOWS, 'deadline = { on = "12-20" }, ', "", "late_without_deadline",
         'late = "reject"'),
    Case("measured-quota", FLOWS, "quota = 3",
         'quota = { measure = { kind = "headcount", of = "teacher" } }', "quota_measured",
         "quota ="),
    Case("negative-quota", FLOWS, "quota = 3", "quota = -3", "quota_negative", "quota = -3"),
    Case("negative-publicity", FLOWS, "publicity_days = 5", "publicity_days = -5",
         "publicity_negative", "publicity_days"),
    Case("step-twice", FLOWS, 'id = "refuse",', 'id = "grant",', "id_twice_inside",
         "zh = \"不认定\""),
    Case("step-from-nowhere", FLOWS, 'from = ["claimed"], to = "refused"',
         'from = [], to = "refused"', "step_from_nowhere", "from = []"),
    Case("shares-beyond-the-whole", FLOWS, 'share = "2/3"', 'share = "3/4"', "shares_sum",
         "payers"),
    Case("nobody-pays", FLOWS, 'payers = [{ payer = "bureau", share = "1/3" }, '
         '{ payer = "principal", share = "2/3" }]\n', "", "payer_missing", 'id = "allowance"'),
    Case("unknown-payer", FLOWS, 'payer = "bureau"', 'payer = "finance"', "role_unknown",
         "finance"),
    Case("unknown-rule-of-a-right", FLOWS, 'rule = "SX-360"', 'rule = "SX-361"', "rule_unknown",
         "SX-361"),
    Case("how-often", FLOWS, 'per = "month"\n', "", "per_missing", 'id = "allowance"'),
    Case("form-of-unknown", FLOWS, 'scope = "teacher"\nblock', 'scope = "teachers"\nblock',
         "form_scope_unknown", "teachers"),
    Case("block-of-unknown-field", FLOWS, 'fields = ["name", "staff_no"]', 'fields = ["nome"]',
         "field_unknown", "nome"),
    Case("block-of-unknown-entitlement", FLOWS, 'kind = "rules", rules = ["SX-360"]',
         'kind = "grants", entitlements = ["nothing"]', "entitlement_unknown", "nothing"),
    Case("block-of-unknown-rule", FLOWS, 'rules = ["SX-360"]', 'rules = ["SX-3"]', "rule_unknown",
         '"SX-3"'),
    Case("block-without-rules", FLOWS, 'rules = ["SX-360"]', "rules = []", "block_incomplete",
         "rules = []"),
    Case("total-of-a-date", FLOWS, 'total = "minutes"', 'total = "date"', "field_not_whole",
         "total"),
    Case("query-of-unknown", FLOWS, "name from person", "nome from person", "query_faulty", "nome"),
    Case("query-that-writes", FLOWS, "select staff_no, name from person where not deleted",
         "delete from person", "query_writes", "delete"),
    Case("two-statements", FLOWS, "where not deleted", "where not deleted; select 1",
         "query_faulty", "select 1"),
]  # fmt: skip

CASES = {
    "reading": READING,
    "inheritance": INHERITANCE,
    "calendar": CALENDAR,
    "sources": SOURCES,
    "records": RECORDS,
    "subjects": SUBJECTS,
    "conditions": CONDITIONS,
    "measures": MEASURES,
    "needs": NEEDS,
    "windows": WINDOWS,
    "combinations": COMBINATIONS,
    "flows": FLOWING,
}
