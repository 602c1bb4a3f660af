"""Forms filled with invented records, without a node, the same each time."""

import datetime as dt
from typing import Any, Final

from tests.server.rules.county import load
from xueshi_server.domain.forms import Document, Material, compose_form
from xueshi_server.domain.packs.model import FieldDeclaration
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.rules.facts import Row
from xueshi_server.domain.workflow import place_record
from xueshi_server.typeset.arrange import Sheet
from xueshi_server.typeset.periods import find_period

DAY: Final = dt.date(2026, 3, 2)
UNIT: Final = "柳河镇中心小学"
NAMES: Final = (
    "卢建设", "范晓琳", "田玉洁", "原志强", "苗素梅", "侯文斌", "段雅静", "孔海涛", "酒红霞",
    "阿卜杜热西提·麦麦提", "龚𬭎", "翟世昌",
)  # fmt: skip
TITLES: Final = (
    "小学语文整本书阅读教学的策略与课堂观察",
    "集体备课",
    "基于核心素养的单元整体教学设计专题研修（第二期，含跟岗实践与成果展示）",
    "听评课",
    "师德师风专题学习",
)
LONG: Final = (
    "本年度承担校级公开课两节，参加县级以上培训六次，指导青年教师三名；围绕低年级识字教学"
    "开展小课题研究，撰写教学反思十二篇，所带班级学业水平稳步提升。"
)
_VALUES: Final[dict[str, Any]] = {"sealed": "", "money": 12050, "bool": "是", "ref": 1, "key": "K1"}
_PEOPLE: Final = ("name", "lead", "head", "mentor", "visitor", "recorded_by", "class_teacher")


def row_of(pack: Pack, of: str, place: int = 0) -> dict[str, Any]:
    """A record with a value in every field."""
    declared = pack.types.get(of)
    fields = declared.field if declared else []
    row = {each.id: _value(pack, each, place) for each in fields}
    return {"scope": "S1", "rec": place + 1, **row}


def _value(pack: Pack, field: FieldDeclaration, place: int) -> Any:
    if field.codes is not None:
        values = pack.codes[field.codes].value
        return values[place % len(values)].id
    if field.type == "date":
        return f"2025-{9 + place % 4:02d}-{1 + place * 3 % 27:02d}"
    if field.type in ("int", "hours"):
        return 3 + place if field.type == "int" else 45 * (1 + place % 4)
    if field.type == "long":
        return LONG
    if field.id in ("staff_no", "number", "no"):
        return f"LH{place + 1:03d}"
    if field.type == "text":
        return (NAMES if field.id in _PEOPLE else TITLES)[
            place % (12 if field.id in _PEOPLE else 5)
        ]
    return _VALUES[field.type]


def fill(
    pack_id: str, form_id: str, language: str = "zh", *, rows: int = 6, **subject: Any
) -> Document:
    """A form of a shipped pack over an invented record; `subject` overrides its fields."""
    pack = load(pack_id)
    form = pack.forms[form_id]
    kind = pack.subjects.get(form.scope)
    of = form.scope if kind is None or kind.of is None else kind.of
    tables: dict[int, list[Row]] = {
        place: [row_of(pack, block.of or of, at) for at in range(rows)]
        for place, block in enumerate(form.block)
        if block.kind == "table"
    }
    workflow = next((each for each in pack.workflows.values() if each.of == of), None)
    material = Material(
        of,
        row_of(pack, of, 1) | subject,
        DAY,
        tables=tables,
        workflow=workflow,
        position=place_record(workflow, []) if workflow else None,
        names={(each, value): NAMES[2] for each in pack.types for value in (1, "K1")},
    )
    return compose_form(pack, form, material, language)


def sheet_of(
    pack_id: str, form_id: str, language: str = "zh", *, rows: int = 6, **subject: Any
) -> Sheet:
    """The same as a sheet to be set."""
    pack = load(pack_id)
    form = pack.forms[form_id]
    document = fill(pack_id, form_id, language, rows=rows, **subject)
    own = row_of(pack, form.scope, 1)
    period = find_period(pack.calendar, form.window, DAY, own, language=language)
    return Sheet(document, form.layout, UNIT, str(subject.get("name", NAMES[1])), period)
