"""Reading: any split over files, every fault at once, exact places, no float ever."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.packs.drafts import LABEL, about, draft, faults_of, parameter
from xueshi_server.domain.packs.amounts import read_fraction
from xueshi_server.domain.packs.inherit import PackFaultsError
from xueshi_server.domain.packs.places import Finder
from xueshi_server.domain.packs.reading import decode_files, load_pack, read_draft


def test_how_declarations_are_split_means_nothing() -> None:
    whole = draft(about("x"), parameter("a", "1"), parameter("b", "2"))
    files = {"1.toml": parameter("b", "2"), "2.toml": about("x"), "3.toml": parameter("a", "1")}
    split, faults = read_draft(files)
    assert split is not None
    assert faults == []
    assert split.tables == whole.tables


def test_every_fault_is_said_at_once() -> None:
    text = about("x") + parameter("a", "1.5") + parameter("b", "[]") + "[[rools]]\n"
    assert sorted(each.code for each in faults_of(text)) == [
        "binary_float",
        "type_wrong",
        "unknown_key",
    ]


def test_an_unknown_key_names_what_was_probably_meant() -> None:
    (fault,) = faults_of(f'{about("x")}[[paper]]\nid = "a"\n{LABEL}\nsorce = []\n')
    assert (fault.code, fault.values["name"], fault.values["hint"]) == (
        "unknown_key",
        "sorce",
        "source",
    )


def test_an_unknown_measure_names_the_known_ones() -> None:
    text = f'[[target]]\nid = "a"\n{LABEL}\nscope = "county"\nmeasure = {{ kind = "cont" }}\n'
    (fault,) = faults_of(about("x") + text + "need = { at_least = 1 }\n")
    assert (fault.code, fault.values["hint"]) == ("measure_unknown", "count")
    assert "headcount" in fault.values["known"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("[pack]\nid = \n", 2, id="no-value"),
        pytest.param("[pack\n", 1, id="open-bracket"),
        pytest.param('[pack]\nid = "x', 2, id="open-quote-at-the-end"),
        pytest.param("a = " + "[" * 20_000, 1, id="thousands-of-brackets"),
        pytest.param("a = " + "9" * 5_000, 1, id="thousands-of-digits"),
    ],
)
def test_a_syntax_error_has_its_line(text: str, line: int) -> None:
    (fault, *_) = faults_of(text)
    assert (fault.code, fault.line) == ("not_toml", line)


def test_a_file_beyond_the_limit_is_not_read() -> None:
    (fault, *_) = faults_of("#" * 60_001)
    assert fault.code == "file_too_big"


def test_a_file_that_is_no_text_is_said_with_its_line() -> None:
    texts, faults = decode_files({"a.toml": b'[pack]\nid = "\xd6\xd0"\n'})
    assert texts == {}
    assert [(each.code, each.line) for each in faults] == [("not_utf8", 2)]


def test_a_byte_order_mark_and_windows_lines_are_read() -> None:
    texts, _ = decode_files({"a.toml": b"\xef\xbb\xbf[pack]\r\n"})
    assert texts == {"a.toml": "[pack]\n"}


def test_a_closure_of_folders_is_loaded() -> None:
    child = about("child", extends='["base"]').encode()
    base = (about("base") + parameter("a", "1")).encode()
    pack = load_pack({"child": {"p.toml": child}, "base": {"p.toml": base}}, "child")
    assert list(pack.parameters) == ["a"]


def test_a_faulty_closure_is_refused() -> None:
    with pytest.raises(PackFaultsError):
        load_pack({"x": {"p.toml": b"[pack]\n"}}, "x")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("12", Fraction(12), id="whole"),
        pytest.param("1/3", Fraction(1, 3), id="fraction"),
        pytest.param("1.5", Fraction(3, 2), id="point"),
        pytest.param("2.5%", Fraction(1, 40), id="per-cent"),
        pytest.param("360h", Fraction(360 * 60), id="class-hours"),
        pytest.param("1/3h", None, id="fraction-of-hours"),
        pytest.param("-1", Fraction(-1), id="negative"),
        pytest.param("1970-01-01", Fraction(719163), id="day"),
        pytest.param("1/0", None, id="by-nought"),
        pytest.param("1/3%", None, id="fraction-of-per-cent"),
        pytest.param("1e3", None, id="exponent"),
        pytest.param("１", None, id="full-width"),
        pytest.param("", None, id="empty"),
    ],
)
def test_amounts_are_exact(text: str, value: Fraction | None) -> None:
    assert read_fraction(text) == value


TEXT = """[pack]
label.zh = "甲"

[[rule]] # the first
id = "a"
need = { at_least = 1 }

[[rule]]
id = "b"
all_of = [
  { rule = "x" },
  # between
  { rule = "y" },
]
[rule.window]
kind = "year"
"""


@pytest.mark.parametrize(
    ("spot", "line"),
    [
        pytest.param(("pack", "label", "zh"), 2, id="dotted"),
        pytest.param(("rule", 0), 5, id="table-by-its-id"),
        pytest.param(("rule", 0, "need", "at_least"), 6, id="inline"),
        pytest.param(("rule", 1, "all_of"), 10, id="list"),
        pytest.param(("rule", 1, "all_of", 1, "rule"), 13, id="in-a-list"),
        pytest.param(("rule", 1, "window", "kind"), 16, id="table-of-its-own"),
        pytest.param(("rule", 1, "need"), 9, id="absent-key-at-its-table"),
        pytest.param(("rule", 7), 5, id="absent-table-at-the-first"),
        pytest.param((), 1, id="nowhere"),
    ],
)
def test_a_path_leads_to_its_line(spot: tuple[str | int, ...], line: int) -> None:
    assert Finder({"a.toml": TEXT}).line_of("a.toml", spot) == line


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_draft({"a.toml": text})


@given(st.dictionaries(st.sampled_from(["rule", "type", "pack", "set"]), st.text(max_size=5)))
def test_no_table_of_the_wrong_shape_breaks_the_reader(tables: dict[str, str]) -> None:
    text = "".join(f"{key} = {value!r}\n" for key, value in tables.items() if "'" not in value)
    read_draft({"a.toml": text})
