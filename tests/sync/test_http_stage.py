"""What waits on the answering side: bounded, and never under a name from outside."""

from pathlib import Path

import pytest

from xueshi_sync.errors import StorageError
from xueshi_sync.stage import UNADMITTED_BYTES_MAX, Stage, StageEntry, StageLimits

DAY_S = 86400.0


class Clock:
    """Seconds a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keep(stage: Stage, name: str, size: int, *, admitted: bool = True) -> StageEntry:
    entry = stage.open(name)
    if admitted:
        stage.admit(entry, 1 << 20, expected=size)
    assert entry.append(entry.take_turn(), b"x" * size)
    stage.release(entry)
    return entry


def name_of(number: int) -> str:
    return f"{number:022}"


def have(stage: Stage, name: str) -> int:
    entry = stage.find(name)
    if entry is None:
        return 0
    stage.release(entry)
    return entry.have


def test_names_that_differ_in_case_are_two_files_on_every_disk(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    keep(stage, "a" * 22, 10)
    keep(stage, "A" * 22, 10)
    assert len({path.name.lower() for path in tmp_path.iterdir()}) == 2


@pytest.mark.parametrize("name", ["", "a" * 21, "../" + "a" * 19, "a" * 21 + "/", "a" * 21 + "\n"])
def test_only_a_validated_name_gets_an_entry(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError):
        Stage(tmp_path).open(name)


def test_a_day_without_use_ends_an_entry(tmp_path: Path, clock: Clock) -> None:
    stage = Stage(tmp_path, clock=clock)
    keep(stage, name_of(1), 1000)
    clock.now += DAY_S
    keep(stage, name_of(2), 1000)
    assert (have(stage, name_of(1)), have(stage, name_of(2))) == (0, 1000)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_was_idle_longest_goes_first(tmp_path: Path, clock: Clock) -> None:
    stage = Stage(tmp_path, StageLimits(total_bytes=2500), clock=clock)
    for number in (1, 2):
        keep(stage, name_of(number), 1000)
    have(stage, name_of(1))
    keep(stage, name_of(3), 1000)
    assert [have(stage, name_of(number)) for number in (1, 2, 3)] == [1000, 0, 1000]


def test_what_is_in_use_is_never_dropped(tmp_path: Path, clock: Clock) -> None:
    stage = Stage(tmp_path, StageLimits(total_bytes=1500), clock=clock)
    keep(stage, name_of(1), 1000)
    held = stage.find(name_of(1))
    with pytest.raises(StorageError):
        keep(stage, name_of(2), 1000)
    assert held is not None
    assert held.have == 1000


def test_announced_bytes_count_before_they_come(tmp_path: Path) -> None:
    stage = Stage(tmp_path, StageLimits(total_bytes=1500))
    stage.admit(stage.open(name_of(1)), 1 << 20, expected=1000)
    with pytest.raises(StorageError):
        stage.admit(stage.open(name_of(2)), 1 << 20, expected=1000)


def test_the_number_of_entries_is_bounded(tmp_path: Path, clock: Clock) -> None:
    stage = Stage(tmp_path, StageLimits(entry_count=3), clock=clock)
    for number in range(6):
        keep(stage, name_of(number), 10)
    assert [have(stage, name_of(number)) for number in range(6)] == [0, 0, 0, 10, 10, 10]


def test_memory_of_senders_that_nobody_admitted_is_bounded(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xueshi_sync.stage.UNADMITTED_TOTAL_BYTES", 2500)
    stage = Stage(tmp_path, clock=clock)
    for number in range(6):
        keep(stage, name_of(number), 1000, admitted=False)
    assert sum(have(stage, name_of(number)) for number in range(6)) <= 3500
    assert list(tmp_path.iterdir()) == []


def test_an_entry_that_holds_nothing_is_forgotten(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.release(stage.open(name_of(1)))
    assert stage.find(name_of(1)) is None


@pytest.mark.parametrize("size", [10, UNADMITTED_BYTES_MAX + 1])
def test_a_new_process_takes_over_what_the_old_one_kept(tmp_path: Path, size: int) -> None:
    keep(Stage(tmp_path), name_of(1), size)
    assert have(Stage(tmp_path), name_of(1)) == size


def test_a_new_process_clears_what_a_crash_left_half_written(tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(b"half")
    foreign = tmp_path / "notes.txt"
    foreign.write_bytes(b"not ours")
    Stage(tmp_path)
    assert list(tmp_path.iterdir()) == [foreign]


def test_an_answer_replaces_the_upload(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    entry = keep(stage, name_of(1), 1000)
    stage.keep_answer(entry, b"answer")
    assert (entry.have, entry.read_answer(2)) == (0, b"swer")
    assert stage.disk_bytes == 6
