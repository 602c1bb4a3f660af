"""Every form of every shipped pack looks as it did when somebody approved it."""

import pytest
from PIL import Image

from tests.server.typeset.pictures import CASES, FOLDER, difference, draw

# Mean of a tile of 40 × 40 points, of 255: a moved line makes about 10, another renderer 1.
TOLERANCE = 4.0


@pytest.mark.parametrize("case", CASES)
def test_a_form_looks_as_approved(case: str) -> None:
    drawn = draw(case)
    assert sorted(drawn) == sorted(each.name for each in FOLDER.glob(f"{case}-[0-9].png"))
    apart = {}
    for name, picture in drawn.items():
        with Image.open(FOLDER / name) as approved:
            apart[name] = difference(picture, approved.convert("L"))
    assert {name: far for name, far in apart.items() if far > TOLERANCE} == {}


def test_a_line_that_moved_is_seen() -> None:
    picture = next(iter(draw("certificate").values()))
    moved = Image.new("L", picture.size, 255)
    moved.paste(picture, (0, 1))
    assert difference(picture, moved) > TOLERANCE


def test_every_picture_is_of_a_form_that_there_is() -> None:
    assert {each.stem.rpartition("-")[0] for each in FOLDER.glob("*.png")} == set(CASES)


def test_the_pictures_keep_the_repository_small() -> None:
    assert sum(each.stat().st_size for each in FOLDER.glob("*.png")) < 3_000_000
