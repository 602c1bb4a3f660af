"""Many sheets in one PDF: in little memory, with progress, the same each time."""

import io

import pytest
from pypdf import PdfReader

from tests.server.typeset.filling import sheet_of
from tests.server.typeset.test_every_form import pages_of
from xueshi_server.typeset.arrange import Sheet
from xueshi_server.typeset.stack import TOGETHER, set_stack


def statement(name: str) -> Sheet:
    return sheet_of("base", "personal_statement", rows=12, name=name)


def label(name: str) -> Sheet:
    return sheet_of("base", "file_label", name=name)


def test_many_statements_are_one_pdf_with_a_title_each() -> None:
    names = [f"教师{number}" for number in range(2 * TOGETHER + 5)]
    heard: list[tuple[int, int]] = []
    data = set_stack(statement, names, "zh", lambda done, total: heard.append((done, total)))
    reader = PdfReader(io.BytesIO(data))
    titles = [str(each["/Title"]) for each in reader.outline if isinstance(each, dict)]
    assert [title.split("　")[0] for title in titles] == names
    assert heard[-1] == (2 * len(names), 2 * len(names))
    assert len(heard) > len(names)
    assert heard == sorted(heard)


def test_each_sheet_of_a_stack_counts_its_own_pages() -> None:
    names = [f"教师{number}" for number in range(TOGETHER + 1)]
    pages = pages_of(set_stack(statement, names, "zh"))
    assert len(pages) == 2 * len(names)
    assert all(f"第{1 + at % 2}页共2页" in text for at, text in enumerate(pages))


def test_the_same_stack_has_the_same_bytes() -> None:
    names = [f"教师{number}" for number in range(TOGETHER + 2)]
    assert set_stack(statement, names, "zh") == set_stack(statement, names, "zh")


@pytest.mark.parametrize(("count", "page_count"), [(1, 1), (8, 1), (9, 2), (30, 4)])
def test_labels_stand_eight_on_a_page(count: int, page_count: int) -> None:
    pages = pages_of(set_stack(label, [f"教师{number}" for number in range(count)], "zh"))
    assert len(pages) == page_count
    assert f"第{page_count}页共{page_count}页" in pages[-1]


def test_a_stack_that_is_stopped_leaves_nothing() -> None:
    def stop(done: int, _total: int) -> None:
        if done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        set_stack(statement, ["甲", "乙", "丙", "丁"], "zh", stop)
