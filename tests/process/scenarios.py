"""What is recorded for crash images: each scenario prepares two nodes, then does one thing to one
of them in a child process whose files are watched.

    python -m tests.process.scenarios NAME FOLDER

FOLDER/disk is the watched machine (home, state, ack); FOLDER/centre is the other side, and
FOLDER/centre-1, -2 ... are copies of it taken at the moments that the ack file names.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.process.nodes import (
    SCHEMA,
    Acks,
    context_of,
    copy_node,
    exchange,
    forms_of,
    level,
    make_centre,
    make_school,
    open_at,
    save_form,
)
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey

SCHOOL: Final = "S1"
NOTE: Final = "全程参加，材料存档。" * 40


@dataclass
class Stage:
    """The folder of one scenario and the promises made in it."""

    folder: Path
    copies: int = 0

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def centre(self) -> Path:
        return self.folder / "centre"

    def acks(self) -> Acks:
        return Acks(self.disk / "ack")

    def open_school(self) -> Node:
        return open_at(self.disk, SCHOOL)

    def open_centre(self) -> Node:
        return open_at(self.centre, "centre")

    def save(self, node: Node, acks: Acks, form: str) -> None:
        acks.say("saved", save_form(node, form, NOTE))

    def keep_centre(self, acks: Acks) -> None:
        """From here on the centre is known to have got so far."""
        self.copies += 1
        copy_node(self.centre, self.folder / f"centre-{self.copies}")
        acks.say("centre", str(self.copies))

    def exchange(self, school: Node, centre: Node, acks: Acks) -> bool:
        """One exchange whose answer is known to have been made; true when there is more."""
        pending = school.begin_exchange(limit_bytes=1 << 20)
        answer = centre.answer(pending.request)
        self.keep_centre(acks)
        return school.finish_exchange(pending, answer).more

    def level(self, school: Node, centre: Node, acks: Acks) -> None:
        while self.exchange(school, centre, acks):
            pass


def prepare_joined(stage: Stage) -> None:
    """A school that has joined, with three forms that the centre has."""
    centre, school = make_centre(stage.centre), make_school(stage.disk, SCHOOL)
    school.join(centre.invite(SCHOOL, "一小"))
    for number in range(3):
        save_form(school, f"old{number}")
    level(school, centre)
    school.close()
    centre.close()


def prepare_news(stage: Stage) -> None:
    """As `prepare_joined`, and the centre has written since: verdicts, names, people."""
    prepare_joined(stage)
    with stage.open_centre() as centre:
        hours = centre.query("SELECT scope_no, rec FROM hour")
        people = centre.query("SELECT scope_no, rec FROM person")
        with centre.write(actor="officer") as action:
            for row in hours:
                action.judge("hour", RecordKey(*row), "approve", "seen")
            for number, row in enumerate(people):
                action.set("person", RecordKey(*row), {"name": f"teacher {number} of the county"})
        centre.pack(stage.folder / "news.xueshi", to=SCHOOL)


def prepare_alone(stage: Stage) -> None:
    """A school that has worked alone, and an invitation for it."""
    centre, school = make_centre(stage.centre), make_school(stage.disk, SCHOOL)
    for number in range(2):
        save_form(school, f"old{number}")
    (stage.folder / "invitation").write_text(centre.invite(SCHOOL, "一小"))
    school.close()
    centre.close()


def prepare_backup(stage: Stage) -> None:
    """As `prepare_joined`, with a backup that is older than the newest forms."""
    prepare_joined(stage)
    with stage.open_school() as school, stage.open_centre() as centre:
        school.backup(stage.folder / "backup.db")
        for number in range(2):
            save_form(school, f"after{number}", NOTE)
        level(school, centre)


def save(stage: Stage) -> None:
    school, acks = stage.open_school(), stage.acks()
    for number in range(4):
        stage.save(school, acks, f"new{number}")
    school.close()


def seal(stage: Stage) -> None:
    school, centre, acks = stage.open_school(), stage.open_centre(), stage.acks()
    stage.save(school, acks, "new0")
    school.publish_barrier()
    stage.save(school, acks, "new1")
    stage.level(school, centre, acks)
    stage.save(school, acks, "new2")
    stage.exchange(school, centre, acks)


def pull(stage: Stage) -> None:
    school, centre, acks = stage.open_school(), stage.open_centre(), stage.acks()
    stage.save(school, acks, "new0")
    stage.level(school, centre, acks)
    acks.say("pulled", "approve")
    school.close()


def unpack(stage: Stage) -> None:
    school, acks = stage.open_school(), stage.acks()
    stage.save(school, acks, "new0")
    school.unpack(stage.folder / "news.xueshi")
    acks.say("pulled", "approve")
    stage.save(school, acks, "new1")
    school.close()


def join(stage: Stage) -> None:
    school, centre, acks = stage.open_school(), stage.open_centre(), stage.acks()
    stage.save(school, acks, "new0")
    school.join((stage.folder / "invitation").read_text())
    acks.say("joined", "")
    stage.level(school, centre, acks)
    stage.save(school, acks, "new1")
    school.close()


def backup(stage: Stage) -> None:
    school, acks = stage.open_school(), stage.acks()
    stage.save(school, acks, "new0")
    school.backup(stage.disk / "copy.db")
    acks.say("copied", "")
    stage.save(school, acks, "new1")
    school.close()


def restore(stage: Stage) -> None:
    centre, acks = stage.open_centre(), stage.acks()
    context = context_of(stage.disk / "state", SCHOOL)
    school = Node.restore(
        stage.folder / "backup.db", stage.disk / "home", schema=SCHEMA, context=context
    )
    acks.say("restored", "")
    stage.save(school, acks, "new0")
    stage.level(school, centre, acks)
    school.close()


def answer(stage: Stage) -> None:
    """The watched machine is the centre here; a receipt that left is a promise."""
    centre, acks = open_at(stage.disk, "centre"), stage.acks()
    school = open_at(stage.folder / "school", SCHOOL)
    for number in range(2):
        form = save_form(school, f"new{number}", NOTE)
        exchange(school, centre)
        assert form in forms_of(centre)
        acks.say("saved", form)
    centre.close()


def prepare_answer(stage: Stage) -> None:
    centre, school = make_centre(stage.disk), make_school(stage.folder / "school", SCHOOL)
    school.join(centre.invite(SCHOOL, "一小"))
    save_form(school, "old0")
    level(school, centre)
    school.close()
    centre.close()


Step = Callable[[Stage], None]
SCENARIOS: Final[dict[str, tuple[Step, Step]]] = {
    "save": (prepare_joined, save),
    "seal": (prepare_joined, seal),
    "pull": (prepare_news, pull),
    "unpack": (prepare_news, unpack),
    "join": (prepare_alone, join),
    "backup": (prepare_joined, backup),
    "restore": (prepare_backup, restore),
    "answer": (prepare_answer, answer),
}


def put_centre_back(stage: Stage, copy: int) -> None:
    """Let the centre be where it was at copy number `copy`; 0 is before the scenario."""
    shutil.rmtree(stage.centre, ignore_errors=True)
    shutil.copytree(stage.folder / f"centre-{copy}", stage.centre)


if __name__ == "__main__":
    SCENARIOS[sys.argv[1]][1](Stage(Path(sys.argv[2])))
    # No goodbye: what was not made durable by now is nobody's promise.
    os._exit(0)
