"""The shipped fonts have what they are said to have."""

from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from xueshi_server.typeset import fonts

# The state's table of general characters: three levels.
LEVELS = [3500, 3000, 1605]
BYTES_MAX = 6_000_000


def read(path: Path) -> tuple[str, set[int]]:
    """The family of a font and the characters it has."""
    with TTFont(path, lazy=True) as font:
        return font["name"].getDebugName(1), set(font.getBestCmap())


def test_the_regular_font_covers_just_what_the_list_says() -> None:
    assert read(fonts.folder() / "XueshiSerif-Regular.otf")[1] == fonts.covered()


def test_both_fonts_cover_the_state_s_table_as_far_as_they_should() -> None:
    lines = (fonts.folder() / "characters.txt").read_text("utf-8").splitlines()
    assert [len(line) for line in lines] == LEVELS
    _, bold = read(fonts.folder() / "XueshiSerif-Bold.otf")
    assert fonts.rare(lines) == set()
    assert set(map(ord, lines[0] + lines[1])) <= bold


def test_the_fonts_carry_their_own_name_and_their_licence() -> None:
    assert {read(path)[0] for path in fonts.folder().glob("*.otf")} == {fonts.FAMILY}
    assert "SIL OPEN FONT LICENSE" in (fonts.folder() / "OFL.txt").read_text("utf-8")


def test_the_fonts_stay_small() -> None:
    assert sum(path.stat().st_size for path in fonts.folder().iterdir()) < BYTES_MAX


def test_the_system_is_asked_for_fonts_only_where_a_character_needs_it() -> None:
    assert fonts.rare(["卢建设·𠮷䶮 3.5"]) == set()
    assert fonts.rare(["甲\U000323b0"]) == {"\U000323b0"}
    assert fonts.families(with_system=False) == [fonts.FAMILY]
    assert fonts.families(with_system=True)[0] == fonts.FAMILY
