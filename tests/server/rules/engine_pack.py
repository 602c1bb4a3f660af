"""A small invented pack, to which each test adds the rule it is about."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from tests.server.rules.county import Rows, evaluate_rows, set_parameters
from xueshi_server.domain.packs.pack import Pack
from xueshi_server.domain.packs.reading import load_pack
from xueshi_server.domain.rules.evaluate import Evaluation
from xueshi_server.domain.rules.facts import Key
from xueshi_server.domain.rules.results import Result

BASE = """
[pack]
id = "toy"
version = "3"
label = { zh = "样例", en = "Toy" }
valid_from = 2000-01-01

[[parameter]]
id = "daily_hours"
label = { zh = "日学时", en = "Hours a day" }
value = 8

[[parameter]]
id = "open"
label = { zh = "未定", en = "Left open" }
value = ""

[[parameter]]
id = "goal"
label = { zh = "目标", en = "Goal" }
value = 2

[[document]]
id = "D"
label = { zh = "文件", en = "Document" }

[[statement]]
id = "D.1"
class = "R"
quote = "每年不少于二学时"

[[codes]]
id = "level"
label = { zh = "级别", en = "Level" }
ordinal = true
value = [
  { id = "school", rank = 1, label = { zh = "校", en = "School" } },
  { id = "county", rank = 2, label = { zh = "县", en = "County" } },
  { id = "prefecture", rank = 3, label = { zh = "市", en = "Prefecture" } },
]

[[level]]
id = "city"
label = { zh = "市级", en = "City" }
absolute = "county"

[[type]]
id = "person"
label = { zh = "教师", en = "Person" }
kind = "register"
key = "staff_no"
field = [
  { id = "staff_no", label = { zh = "编号", en = "Number" } },
  { id = "name", label = { zh = "姓名", en = "Name" } },
  { id = "active", type = "bool", label = { zh = "在岗", en = "Active" } },
  { id = "duty", many = true, label = { zh = "岗位", en = "Duty" } },
  { id = "subject", label = { zh = "学科", en = "Subject" } },
  { id = "place", label = { zh = "地点", en = "Place" } },
  { id = "cluster", label = { zh = "片区", en = "Cluster" } },
  { id = "hired_on", type = "date", label = { zh = "入职", en = "Hired on" } },
  { id = "left_on", type = "date", label = { zh = "离岗", en = "Left on" } },
  { id = "score", type = "int", label = { zh = "分数", en = "Score" } },
  { id = "level", type = "code", codes = "level", label = { zh = "级别", en = "Level" } },
]

[[type]]
id = "hour"
label = { zh = "学时", en = "Hours" }
kind = "ledger"
judges = ["centre"]
when = "date"
amount = "minutes"
field = [
  { id = "person", type = "ref", to = "person", label = { zh = "教师", en = "Person" } },
  { id = "date", type = "date", label = { zh = "日期", en = "Date" } },
  { id = "minutes", type = "hours", label = { zh = "学时", en = "Minutes" } },
  { id = "kind", label = { zh = "类别", en = "Kind" } },
  { id = "place", label = { zh = "地点", en = "Place" } },
  { id = "level", type = "code", codes = "level", label = { zh = "级别", en = "Level" } },
]

[[type]]
id = "paper"
label = { zh = "论文", en = "Paper" }
kind = "ledger"
when = "date"
field = [
  { id = "author", type = "key", to = "person", label = { zh = "作者", en = "Author" } },
  { id = "date", type = "date", label = { zh = "日期", en = "Date" } },
  { id = "words", type = "int", label = { zh = "字数", en = "Words" } },
]

[[type]]
id = "leave"
label = { zh = "请假", en = "Leave" }
kind = "ledger"
judges = ["centre"]
when = "starts_on"
field = [
  { id = "person", type = "ref", to = "person", label = { zh = "教师", en = "Person" } },
  { id = "starts_on", type = "date", label = { zh = "开始", en = "From" } },
  { id = "ends_on", type = "date", label = { zh = "结束", en = "Until" } },
]

[[type]]
id = "course"
label = { zh = "课程", en = "Course" }
kind = "register"
key = "number"
field = [
  { id = "number", label = { zh = "编号", en = "Number" } },
  { id = "series", label = { zh = "系列", en = "Series" } },
  { id = "minutes", type = "hours", label = { zh = "总学时", en = "Minutes" } },
  { id = "starts_on", type = "date", label = { zh = "开始", en = "From" } },
  { id = "ends_on", type = "date", label = { zh = "结束", en = "Until" } },
]

[[type]]
id = "absence"
label = { zh = "缺勤", en = "Absence" }
kind = "register"
when = "date"
field = [
  { id = "person", type = "ref", to = "person", label = { zh = "教师", en = "Person" } },
  { id = "course", type = "ref", to = "course", label = { zh = "课程", en = "Course" } },
  { id = "date", type = "date", label = { zh = "日期", en = "Date" } },
  { id = "minutes", type = "hours", label = { zh = "学时", en = "Minutes" } },
]

[[subject]]
id = "teacher"
label = { zh = "教师", en = "Teacher" }
of = "person"
where = [{ field = "active", is_not = false }]
name = ["name"]

[[subject]]
id = "course"
label = { zh = "课程", en = "Course" }
of = "course"

[[subject]]
id = "branch"
label = { zh = "学科", en = "Subject" }
of = "person"
per = ["subject"]

[[subject]]
id = "trainee_course"
label = { zh = "学员与课程", en = "Trainee and course" }
across = ["teacher", "course"]
where = [{ field = "teacher.scope", same_as = "course.scope" }]
"""

PERSON: Mapping[str, Any] = {"rec": 1, "staff_no": "T1", "name": "安宁"}


def make_pack(rules: str) -> Pack:
    """The pack with some rules, written shortly: labels are filled in."""
    text = BASE + "\n" + rules.replace("[[rule]]", "[[rule]]\nlabel = { zh = '则', en = 'Rule' }")
    return load_pack({"toy": {"pack.toml": text.encode()}}, "toy")


def run(rules: str, rows: Rows, as_of: str, **options: Any) -> Evaluation:
    """Evaluate rules over rows; a person is there unless the rows bring some."""
    pack = set_parameters(make_pack(rules), options.pop("params", {}))
    return evaluate_rows(pack, {"person": [PERSON], **rows}, as_of, **options)


def judge(rules: str, rows: Rows, as_of: str, rule: str = "R", **options: Any) -> Result:
    """The first result of the rule R; a rule that cannot be evaluated raises."""
    evaluation = run(rules, rows, as_of, **options)
    for rule_id, fault in evaluation.faults:
        if rule_id == rule:
            raise fault
    return next(result for result in evaluation.results if result.rule == rule)


def by_key(evaluation: Evaluation, rule: str = "R") -> dict[Key, Result]:
    """Results of a rule by subject."""
    return {each.subject: each for each in evaluation.results if each.rule == rule}


def rule(need: str, *, measure: str = 'kind = "count", of = "hour"', window: str = "year") -> str:
    """A rule R over teachers in a kind of window, or in a window written out."""
    span = window if "=" in window else f'kind = "{window}"'
    return f"""
[[rule]]
id = "R"
scope = "teacher"
window = {{ {span} }}
measure = {{ {measure} }}
need = {{ {need} }}
"""


def hour(date: str, minutes: int = 45, **more: Any) -> dict[str, Any]:
    """Approved hours of the person with record 1."""
    return {"person": 1, "date": date, "minutes": minutes, **more}


def day(text: str) -> dt.date:
    """A date."""
    return dt.date.fromisoformat(text)


def named(rule_id: str, kind: str, more: str = "") -> str:
    """A rule that asks for one record of a kind in the year."""
    return f"""
[[rule]]
id = "{rule_id}"
scope = "teacher"
window = {{ kind = "year" }}
measure = {{ kind = "count", of = "hour", where = [{{ field = "kind", is = "{kind}" }}] }}
need = {{ at_least = 1 }}
{more}
"""


STREAK = (
    named("A", "a")
    + """
[[rule]]
id = "R"
scope = "teacher"
window = { kind = "as_of" }
streak = { rule = "A", length = 3, pause = "leave" }
"""
)


def years(*which: int) -> list[dict[str, Any]]:
    """Hours of kind a in some years."""
    return [hour(f"{year}-05-01", kind="a") for year in which]


COVERAGE = """
[[rule]]
id = "ONE"
scope = "teacher"
window = { kind = "year" }
measure = { kind = "count", of = "hour" }
need = { at_least = 1 }

[[rule]]
id = "R"
scope = "county"
window = { kind = "year" }
measure = { kind = "coverage", of = "teacher", rule = "ONE" }
need = { at_least = "90%" }
"""
COUNT = 'kind = "count", of = "hour"'
SUM = 'kind = "sum", of = "hour"'
