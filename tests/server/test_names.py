"""Names: written one way, sorted by strokes and pinyin, found by letters, told apart."""

import pytest

from xueshi_server.domain.names import (
    Likeness,
    letters_of,
    plain_name,
    sounds_like,
    tell_apart,
    tidy_name,
)
from xueshi_server.name_data import key_names

# Worked out together: the table of readings is read once.
FOUND = [
    ("张三丰", "zsf"),
    ("张三丰", "zhangsanfeng"),
    ("张三丰", "zhang san f"),
    ("张三丰", "zhsf"),
    ("张三丰", "sanfeng"),
    ("张三丰", "zsanf"),
    ("单雄信", "sxx"),
    ("单雄信", "danxx"),
    ("曾国强", "zgq"),
    ("曾国强", "cgq"),
    ("解晓东", "xiexd"),
    ("仇英", "qiuy"),
    ("仇英", "cy"),
    ("区小丽", "oxl"),
    ("尉迟恭", "ycg"),
    ("吕布", "lvbu"),
    ("吕布", "lubu"),
    ("阿依古丽·买买提", "ayglmmt"),
    ("𠮷明", "jm"),
    ("䶮㛃", "yanjie"),
    ("Li Ming", "lm"),
]
KEYS = key_names({name for name, _ in FOUND})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        pytest.param("阿依古丽・买买提", "阿依古丽·买买提", id="katakana-dot"),
        pytest.param("阿依古丽•买买提", "阿依古丽·买买提", id="bullet"),
        pytest.param("阿依古丽．买买提", "阿依古丽·买买提", id="wide-full-stop"),
        pytest.param("阿依古丽‧买买提", "阿依古丽·买买提", id="hyphenation-point"),
        pytest.param("阿依古丽∙买买提", "阿依古丽·买买提", id="bullet-operator"),
        pytest.param("阿依古丽 · 买买提", "阿依古丽·买买提", id="spaces-around"),
        pytest.param("阿依古丽.买买提", "阿依古丽·买买提", id="full-stop"),
        pytest.param(" 王  芳 ", "王芳", id="gap-that-lines-names-up"),
        pytest.param("𠮷 明", "𠮷明", id="gap-beside-a-rare-character"),
        pytest.param("J. Smith", "J. Smith", id="initial-of-a-foreign-name"),
        pytest.param("Li Ming", "Li Ming", id="two-words"),
        pytest.param("·王芳·", "王芳", id="dots-at-the-ends"),
    ],
)
def test_a_name_is_kept_in_one_way(typed: str, kept: str) -> None:
    assert tidy_name(typed) == kept == tidy_name(kept)


@pytest.mark.parametrize(("name", "typed"), FOUND)
def test_a_name_is_found_by_its_letters(name: str, typed: str) -> None:
    assert sounds_like(KEYS[name].reading, letters_of(typed))


@pytest.mark.parametrize("typed", ["zf", "fsz", "zhangx", "zsfx", "sang", "张三", "", "3"])
def test_other_letters_find_nobody(typed: str) -> None:
    assert not sounds_like(KEYS["张三丰"].reading, letters_of(typed))


def test_what_an_input_method_composes_is_still_searched() -> None:
    assert letters_of("zhang'san’f") == "zhangsanf"
    assert plain_name("买买提．阿 依") == "买买提阿依"


# As lists of people are printed: by the strokes of the surname, equal counts by kind of stroke
# (across, down, to the left, dot, bent), the same surname by the strokes of what follows.
BY_STROKES = (
    "丁一 卜大 马云 马超 王一 王芳 王明 毛远 方圆 石磊 龙飞 叶青 田雨 白杨 "
    "刘洋 李白 张三 陈东 欧阳修 赵云 魏然"
)
BY_PINYIN = (
    "安宁 白杨 丁一 李白 李明 刘洋 区小丽 欧阳修 仇英 单雄信 王芳 王明 解晓东 曾国强 张三 章三"
)


def test_people_are_sorted_by_strokes_as_rosters_are() -> None:
    names = BY_STROKES.split()
    keys = key_names(names)
    assert sorted(sorted(names), key=lambda name: keys[name].strokes) == names


def test_people_are_sorted_by_pinyin_by_the_reading_of_surnames() -> None:
    names = BY_PINYIN.split()
    keys = key_names(names)
    assert sorted(reversed(names), key=lambda name: keys[name].pinyin) == names


def test_every_character_of_the_standard_has_its_strokes() -> None:
    keys = key_names(["𠮷", "䶮", "㛃", "𬀩", "𪚥", "Ä"])
    counts = {name: int(each.strokes[:2]) for name, each in keys.items()}
    assert counts == {"𠮷": 6, "䶮": 9, "㛃": 9, "𬀩": 8, "𪚥": 64, "Ä": 0}


@pytest.mark.parametrize(
    ("people", "told"),
    [
        pytest.param(
            [("女", "1985-03-12", "001"), ("女", "1990-11-02", "002")],
            ["女 1985-03", "女 1990-11"],
            id="month-of-birth",
        ),
        pytest.param(
            [("女", "1985-03-12", "5101001"), ("女", "1985-03-30", "5101002")],
            ["女 1985-03 …1001", "女 1985-03 …1002"],
            id="born-in-one-month",
        ),
        pytest.param(
            [("", "", "5101001"), ("男", "1985-03-30", "5201001")],
            ["…101001", "男 1985-03"],
            id="one-of-whom-nothing-is-known",
        ),
        pytest.param([("", "", "A1"), ("", "", "A2")], ["…A1", "…A2"], id="short-numbers"),
    ],
)
def test_people_of_one_name_are_told_apart(
    people: list[tuple[str, str, str]], told: list[str]
) -> None:
    assert tell_apart([Likeness(*each) for each in people]) == told
