"""kill -9 while photos are being stored: what has its name is whole, what was acknowledged is
there, and the next photo is stored as if nothing had been."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from tests.process.conftest import Figure
from tests.process.nodes import make_school, open_at
from xueshi_server.store.attached_files import has_file, keep_file, read_file

pytestmark = pytest.mark.process
KILLS: Final = 8
# Bytes of one file: some writes to the disk each.
SIZE: Final = 300_000
# Stores photos for ever, and says each digest when it is stored.
WORKER: Final = """
import random, sys
from pathlib import Path
from tests.process.nodes import open_at
from xueshi_server.store.attached_files import keep_file
node, rng = open_at(Path(sys.argv[1]), "S1"), random.Random(int(sys.argv[2]))
while True:
    print(keep_file(node, rng.randbytes(int(sys.argv[3]))), flush=True)
"""


def run_and_kill(folder: Path, seed: int, pause_s: float) -> list[str]:
    """The digests that a node acknowledged before it was killed."""
    command = [sys.executable, "-c", WORKER, str(folder), str(seed), str(SIZE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as worker:
        assert worker.stdout is not None
        first = worker.stdout.readline()
        time.sleep(pause_s)
        worker.kill()
        said = first + worker.stdout.read()
    assert worker.returncode == -signal.SIGKILL
    return [line for line in said.splitlines(keepends=False) if len(line) == 64]


def test_a_photo_is_whole_or_not_there_whenever_the_node_is_killed(
    tmp_path: Path, figure: Figure
) -> None:
    rng, home = random.Random(4), tmp_path / "home"
    make_school(tmp_path).close()
    acknowledged: set[str] = set()
    for seed in range(KILLS):
        acknowledged.update(run_and_kill(tmp_path, seed, rng.uniform(0, 0.04)))
    halves = list(home.glob("*.part"))
    for path in halves:
        os.utime(path, (1, 1))
    with open_at(tmp_path, "S1") as node:
        for digest in acknowledged:
            # Compared with its digest.
            assert len(read_file(node, digest)) == SIZE
        for path in (home / "files" / "whole").rglob("*"):
            assert not path.is_file() or path.stat().st_size == SIZE
        assert has_file(node, keep_file(node, b"the next one"))
    assert list(home.glob("*.part")) == []
    figure("kills", KILLS)
    figure("photos acknowledged", len(acknowledged))
    figure("half-written parts cleared", len(halves))
