"""Walks through the systems of packs: each is taken once a session, whoever asks for it.

    @walk("Y17", pack="jiyuan")
    def test_the_ethics_file_stands_before_every_award(county: County) -> None: ...

Walks share the county of their pack, with people of their own; one that looks at figures of the
whole county names a county for itself (`alone`).
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.server.walks.shipped_county import County, Diary, make_county

Way = Callable[[County], None]


@dataclass(frozen=True, slots=True)
class Walk:
    """One way through systems of a pack, in the county of a name."""

    systems: tuple[str, ...]
    pack: str
    county: str
    way: Way


WALKS: Final[dict[str, Walk]] = {}


@dataclass
class Walked:
    """Counties that were walked through, and how each walk ended."""

    folder: Path
    stack: ExitStack = field(default_factory=ExitStack)
    counties: dict[tuple[str, str], County] = field(default_factory=dict)
    ended: dict[str, BaseException | None] = field(default_factory=dict)

    def county(self, pack: str, name: str) -> County:
        """The county of a name under a pack."""
        if (pack, name) not in self.counties:
            folder = self.folder / f"{pack}-{len(self.counties)}"
            folder.mkdir()
            made = self.stack.enter_context(make_county(folder, pack))
            self.counties[pack, name] = made
        return self.counties[pack, name]

    def take(self, name: str) -> None:
        """Take a walk, or end as it did before."""
        if name not in self.ended:
            taken = WALKS[name]
            try:
                taken.way(self.county(taken.pack, taken.county))
            except BaseException as error:
                self.ended[name] = error
                raise
            self.ended[name] = None
        before = self.ended[name]
        if before is not None:
            raise before

    def all_of(self, pack: str) -> list[County]:
        """The counties of a pack after all its walks."""
        for name, each in WALKS.items():
            if each.pack == pack:
                self.take(name)
        return [county for (of, _), county in self.counties.items() if of == pack]

    def diary_of(self, pack: str) -> Diary:
        """What all walks through a pack did."""
        whole = Diary()
        for each in self.all_of(pack):
            whole.types |= each.diary.types
            whole.states |= each.diary.states
            whole.steps |= each.diary.steps
            whole.forms |= each.diary.forms
        return whole


Test = Callable[[Walked], None]


def walk(
    *systems: str, pack: str, alone: bool = False
) -> Callable[[Way], Callable[[Walked], None]]:
    """Make a way through a county a test, and one of WALKS."""

    def make(way: Way) -> Test:
        name = way.__name__

        def test(walked: Walked) -> None:
            walked.take(name)

        assert name not in WALKS or WALKS[name].way.__code__ == way.__code__, name
        WALKS[name] = Walk(systems, pack, name if alone else "", way)
        test.__name__ = test.__qualname__ = name
        test.__doc__, test.__module__ = way.__doc__, way.__module__
        return test

    return make
