"""A few records of every type that a pack declares, made from the declarations alone."""

from typing import Any, Final

from tests.server.walks.shipped_county import County
from xueshi_server.domain.packs.model import FieldDeclaration, RecordType
from xueshi_server.domain.sealed import join_sealed
from xueshi_server.store.records import BESIDE
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

SURNAMES: Final = "卢范田原苗侯段孔酒翟常聂商杜程"
GIVEN: Final = ("建设", "晓琳", "玉洁", "志强", "素梅", "文斌", "雅静", "海涛", "红霞", "世昌")
TEXTS: Final = (
    "小学语文整本书阅读教学的策略与课堂观察",
    "集体备课",
    "基于核心素养的单元整体教学设计专题研修",
    "听评课",
    "师德师风专题学习",
)
LONG: Final = (
    "本年度承担校级公开课两节，参加县级以上培训六次，指导青年教师三名；围绕低年级识字教学"
    "开展小课题研究，撰写教学反思十二篇，所带班级学业水平稳步提升。"
)


def name_of(place: int) -> str:
    """An invented person."""
    return SURNAMES[place % len(SURNAMES)] + GIVEN[place * 7 % len(GIVEN)]


def fill_county(county: County, count: int = 3) -> dict[str, list[RecordKey]]:
    """Write `count` records of every type where it may be written; keys are the centre's."""
    pack = county.pack
    names: dict[str, list[str]] = {}
    for of in in_order(pack.types):
        declared = pack.types[of]
        at_school = "school" in declared.writers and declared.place == "school"
        node = county._turn(at_school)
        scope_no = None if declared.place != "school" else county._school_scope(node)
        keys = []
        with node.write(actor="walk") as action:
            for place in range(count):
                row = {
                    each.id: _value(county, node, each, place, names)
                    for each in declared.field
                    if each.id != declared.corrects
                }
                if of == "person":
                    row["name"], row["active"] = name_of(place), True
                    # Everybody is on the roll.
                    row.pop("left_on", None)
                row = {name: value for name, value in row.items() if value is not None}
                keys.append(action.insert(of, row, scope_no=scope_no))
        node.replica.seal()
        names[of] = [node.public_id(key) for key in keys]
    centre = county.at_centre()
    return {of: [centre.find_record(name) for name in some] for of, some in names.items()}


def in_order(types: dict[str, RecordType]) -> list[str]:
    """Types after those that they refer to."""
    done: list[str] = []

    def put(of: str) -> None:
        if of in done or of in BESIDE or of not in types:
            return
        done.append(of)
        place = len(done) - 1
        for each in types[of].field:
            if each.to and each.to != of:
                put(each.to)
        done.append(done.pop(place))

    for of in types:
        put(of)
    return done


def _value(
    county: County, node: Node, each: FieldDeclaration, place: int, names: dict[str, list[str]]
) -> Any:
    if each.type in ("ref", "key"):
        known = names.get(each.to or "", [])
        return _target(county, node, each, known[place % len(known)]) if known else None
    if each.type == "code":
        values = county.pack.codes[each.codes or ""].value
        return values[place % len(values)].id
    if each.type in ("text", "long"):
        return _text(each, place)
    plain = {
        "date": f"2026-0{1 + place % 2}-{1 + place % 27:02d}",
        "bool": place % 2 == 0,
        "int": min(3 + place, each.max or 10**9),
        "hours": 90 + 45 * (place % 3),
        "money": 120050 * (place + 1),
        # Nobody opens it here: what is shown of it is what matters.
        "sealed": join_sealed(1, f"1381234567{place}", bytes(59)),
    }
    return plain[each.type]


def _target(county: County, node: Node, each: FieldDeclaration, name: str) -> Any:
    found = node.find_record(name)
    if each.type == "ref":
        return found.rec
    key = county.pack.types[each.to or ""].key
    rows = node.query(
        f'SELECT "{key}" AS k FROM "{each.to}" WHERE scope_no = ? AND rec = ?',
        [found.scope_no, found.rec],
    )
    return rows[0]["k"] if rows else None


def _text(each: FieldDeclaration, place: int) -> str:
    if each.type == "long":
        return LONG[: each.max or 1000]
    if each.id in ("staff_no", "number", "no", "code"):
        return f"{each.id[0].upper()}{place + 1:04d}"
    if "name" in each.id or each.id.endswith(("_by", "assessor", "organiser", "mentor")):
        return name_of(place)[: each.max or 60]
    return TEXTS[place % len(TEXTS)][: each.max or 60]
